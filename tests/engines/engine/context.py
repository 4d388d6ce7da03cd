# SPDX-License-Identifier: Apache-2.0
"""Context - what a case is given: a place to work, the policy, the record, and the way to report."""
import contextlib
import json
import os
import shutil

from lib import host, policy
from lib.process import run, wait_until
from lib.report import Failure, Skip, expect

SOURCE = os.path.realpath(f"{os.path.dirname(os.path.realpath(__file__))}/../../..")
HOOK = "/usr/local/libexec/oci/hooks.d/cgdeleg-hook"
WRAPPER = "/usr/local/libexec/cgdeleg/cgdeleg-runtime"
POLICY, AUDIT = "/etc/cgdeleg", "/var/log/cgdeleg/audit.jsonl"
CASES = []


def case(name, default=True):
    """Registers a case. default False: not among those that CI runs, only with --all or by name."""
    def register(function):
        CASES.append((name, default, function))
        return function
    return register


def must(command, **options):
    """The command, which has to succeed."""
    done = run(command, **options)
    if done.code:
        raise Failure(f"{command if isinstance(command, str) else ' '.join(command)}: {done.text}")
    return done


class Rows:
    """The table's rows: what was tried, under what, and how it went."""
    def __init__(self, versions):
        self.versions, self.rows = versions, []

    def add(self, case_name, under, what, status):
        """`under`: (engine, runtime)."""
        engine, runtime = (f"{name} {self.versions.get(name, '')}".strip() for name in under)
        self.rows.append({"case": case_name, "engine": engine, "runtime": runtime, "what": what, "status": status})


class Context:
    def __init__(self, report, work, options, rows):
        self.report, self.options, self.rows = report, options, rows
        self.root, self.work, self.name = work, work, ""
        self.undo = []

    def step(self, name):
        return self.report.step(f"{self.name}: {name}")

    @contextlib.contextmanager
    def row(self, engine, runtime, what, meant="works"):
        """A step that is also a row of the table. meant: what a success means, "works" or "refused: ..."."""
        failed = self.report.failed
        skipped = self.report.skipped
        with self.step(f"{runtime}, {what}" if runtime else what):
            yield
        if self.report.failed > failed:
            diagnose()
        status = "fails" if self.report.failed > failed else \
            "not tried" if self.report.skipped > skipped else meant
        self.rows.add(self.name, (engine, runtime), what, status)

    def later(self, function, *arguments):
        """To be done at the case's end, the last first, whatever happens."""
        self.undo.append((function, arguments))

    def policy(self, content=None, **sections):
        """The machine's policy, and an empty record."""
        policy.write(POLICY, content, **sections)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(AUDIT)

    def run_case(self, name, function):
        self.name, self.work = name, f"{self.root}/{name}"
        os.makedirs(self.work)
        before, mounts, failed = host.picture_host(""), host.mountinfo(), self.report.failed
        with self.step("ran to its end"):
            try:
                function(self)
            finally:
                self.clean_up()
        if self.report.failed > failed:
            diagnose()
        with self.step("host as before"):
            check_host(before, mounts)
        shutil.rmtree(self.work, ignore_errors=True)

    def clean_up(self):
        for function, arguments in reversed(self.undo):
            function(*arguments)
        self.undo.clear()


def diagnose():
    """Behind a failure: the last record, and what the engines have complained of."""
    said = run(["journalctl", "--no-pager", "--lines", "12", "--output", "cat", "--grep", "level=(error|warning|fatal)"])
    last = [f"{record['verdict']}: {record.get('error')} ({record})" for record in records()[-1:]]
    for line in [*last, *said.out.splitlines()]:
        print(f"# {line[:1500]}", flush=True)


def check_host(before, mounts):
    """Of our own nothing is left, nor of the containers; slices and services of the engines may stay."""
    kept = (".slice", ".service", ".socket", ".mount", "/docker", "/libpod_parent")
    kept = tuple(f"{name}/." for name in kept)

    def new():
        return {path for path in host.cgroups(host.picture_host("")) - host.cgroups(before) if not path.endswith(kept)}
    try:
        wait_until(lambda: not new(), "the last cgroup's end")
    except TimeoutError as error:
        raise Failure(f"left over: {sorted(new())}") from error
    marked = [path for path, what in host.picture_host("").items() if path.endswith("/.") and what[3]]
    expect(not marked, f"still marked as delegated: {marked}")
    ours = [line for line in host.mountinfo() if line not in mounts and " cgroup2 " in line]
    expect(not ours, f"mounts of cgroup2 left over: {ours}")
    expect(host.has_nsdelegate(), "the host's nsdelegate is gone")


def records():
    """The audit's records, oldest first."""
    try:
        return [json.loads(line) for line in host.read(AUDIT).splitlines()]
    except FileNotFoundError:
        return []


def last_record():
    found = records()
    expect(found, "there is no audit record")
    return found[-1]


def offered(condition, why):
    if not condition:
        raise Skip(why)


def delegated():
    """The cgroups that carry our attribute: {path: text}."""
    return {path[:-2]: what[3] for path, what in host.picture_host("").items()
            if path.endswith("/.") and what[3]}
