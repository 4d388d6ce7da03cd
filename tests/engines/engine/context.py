# SPDX-License-Identifier: Apache-2.0
"""Context - what a case is given: a place to work, the policy, the record, and the table's rows."""
import contextlib
import os
import shutil

from lib import context, host, policy
from lib.process import run
from lib.report import Skip, contains, equal, expect

SOURCE = os.path.realpath(f"{os.path.dirname(os.path.realpath(__file__))}/../../..")
HOOK = "/usr/local/libexec/oci/hooks.d/cgdeleg-hook"
WRAPPER = "/usr/local/libexec/cgdeleg/cgdeleg-runtime"
POLICY, LOG = "/etc/cgdeleg", "/var/log/cgdeleg"
ASKS = {"cgdeleg.io/writable": "true"}
# What a container of a profile with these ceilings sees, and does; the last is refused.
CEILINGS = "memory.max = 64M\npids.max = 100\ncgroup.max.descendants = 20\n"
SEEN = ["made", str(64 << 20), "100", "20"]
PROBE = "cd /sys/fs/cgroup; mkdir job && echo made; cat memory.max pids.max cgroup.max.descendants; echo max >memory.max"
# Slices and services of the engines may stay.
KEPT = tuple(f"{name}/." for name in (".slice", ".service", ".socket", ".mount", "/docker", "/libpod_parent"))
CASES = []


def case(name, default=True):
    """Registers a case. default False: not among those that CI runs, only with --all or by name."""
    def register(function):
        CASES.append((name, default, function))
        return function
    return register


class Rows:
    """The table's rows: what was tried, under what, and how it went."""
    def __init__(self, versions):
        self.versions, self.rows = versions, []

    def add(self, case_name, under, what, status):
        """`under`: (engine, runtime)."""
        engine, runtime = (f"{name} {self.versions.get(name, '')}".strip() for name in under)
        self.rows.append({"case": case_name, "engine": engine, "runtime": runtime, "what": what, "status": status})


class Context(context.Case):
    def __init__(self, report, work, options, rows):
        super().__init__(report)
        self.options, self.rows, self.root = options, rows, work

    def begin(self, name):
        self.name = self.label = name
        self.work = f"{self.root}/{name}"
        os.makedirs(self.work)

    @contextlib.contextmanager
    def row(self, engine, runtime, what, meant="works"):
        """A step that is also a row of the table. meant: what a success means, "works" or "refused: ..."."""
        failed, skipped = self.report.failed, self.report.skipped
        with self.step(f"{runtime}, {what}" if runtime else what):
            yield
        if self.report.failed > failed:
            self.diagnose()
        status = "fails" if self.report.failed > failed else "not tried" if self.report.skipped > skipped else meant
        self.rows.add(self.name, (engine, runtime), what, status)

    def policy(self, content=None, **sections):
        """The machine's policy, and an empty record."""
        policy.write(POLICY, content, **sections)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{LOG}/audit.jsonl")

    def diagnose(self):
        """The last record, and what the engines have complained of."""
        said = run(["journalctl", "--no-pager", "--lines", "12", "--output", "cat", "--grep",
                    "level=(error|warning|fatal)"])
        last = [f"{record['verdict']}: {record.get('error')} ({record})" for record in records()[-1:]]
        for line in [*last, *said.out.splitlines()]:
            print(f"# {line[:1500]}", flush=True)

    def look(self):
        return host.picture_host(""), host.mountinfo()

    def check_host(self, before):
        """Of our own nothing is left, nor of the containers."""
        host.wait_as_before("", before[0], KEPT)
        expect(not delegated(), f"still marked as delegated: {delegated()}")
        ours = [line for line in host.mountinfo() if line not in before[1] and " cgroup2 " in line]
        expect(not ours, f"mounts of cgroup2 left over: {ours}")
        host.check_nsdelegate()
        shutil.rmtree(self.work, ignore_errors=True)


def shows_grant(seen, refusal="Permission denied"):
    """`seen`: what became of PROBE. refusal: "Operation not permitted" where the guard is all that refuses."""
    equal(seen.out.split(), SEEN, f"what the container sees ({seen.err})")
    contains(seen.err, refusal, "writing the own limit")


def is_granted(sh, refusal="Permission denied"):
    """`sh` runs a script in the container."""
    shows_grant(sh(PROBE), refusal)
    equal(sh("rmdir /sys/fs/cgroup/job").code, 0, "rmdir")


# Where the container's own mount is read-only, the one that CAP_SYS_ADMIN lets it make.
VIEWS = {"mount": "cd /sys/fs/cgroup", "owner": "mkdir -p /tmp/own && mount -t cgroup2 none /tmp/own; cd /tmp/own"}


def is_bounded(sh, by):
    """A container that asked nobody: its engine made the cgroup writable, and cgdeleg has bounded it. Whether it can make
    cgroups is its engine's affair."""
    seen = sh(f"{VIEWS[by]} && cat memory.max pids.max cgroup.max.descendants; echo max >memory.max")
    equal(seen.out.split(), SEEN[1:], f"what the container sees ({seen.err})")
    contains(seen.err, "Permission denied", "writing the own limit")
    record = last_record()
    equal((record["verdict"], record["writable_by"]), ("bound", by), "the record")
    (marked,) = delegated().values()
    contains(marked, f'"writable_by":"{by}"', "the attribute")


def is_unbounded(sh, by):
    """The control: the same container is as its engine makes it, and we have done nothing."""
    seen = sh(f"{VIEWS[by]} && cat memory.max cgroup.max.descendants")
    equal(seen.out.split(), ["max", "max"], f"what the container sees ({seen.err})")
    equal((records(), delegated()), ([], {}), "what we have done")


def is_plain(sh):
    contains(sh("mkdir /sys/fs/cgroup/job").err, "Read-only file system", "mkdir")


def records():
    """The audit's records, oldest first."""
    return host.records(LOG)


def last_record():
    found = records()
    expect(found, "there is no audit record")
    return found[-1]


def version(t, program):
    """As numbers, to be compared: (5, 4, 2)."""
    return tuple(int(number) for number in t.rows.versions[program].split("."))


def offered(condition, why):
    if not condition:
        raise Skip(why)


def delegated():
    """The cgroups that carry our attribute: {path: text}."""
    found = {path[:-2]: host.attribute(f"{host.CGROUP}{path}") for path in host.cgroups_now("")}
    return {path: text for path, text in found.items() if text}
