# SPDX-License-Identifier: Apache-2.0
"""Ceilings: the smaller of what is there and the policy's; enforced; and what is not offered here."""
from dataclasses import dataclass

from lib import host
from lib.expect import granted, refused
from lib.process import wait_until
from lib.report import Skip, case, contains, equal, expect

MIB = 1024 * 1024
IO = "{dev} rbps={} wbps=max riops=max wiops=max"


@dataclass
class Ceiling:
    """What the policy says, what it means to the kernel, and an existing value on either side of it."""
    file: str
    policy: str
    text: str
    higher: str | None
    lower: str
    lower_policy: str | None = None


CEILINGS = [
    Ceiling("memory.max", "256M", str(256 * MIB), str(512 * MIB), str(128 * MIB)),
    Ceiling("memory.high", "224M", str(224 * MIB), str(480 * MIB), str(96 * MIB)),
    Ceiling("memory.swap.max", "64M", str(64 * MIB), str(128 * MIB), str(32 * MIB)),
    Ceiling("pids.max", "64", "64", "128", "48"),
    Ceiling("cpu.max", "1.5", "150000 100000", "200000 100000", "50000 100000"),
    Ceiling("cpuset.cpus", "0", "0", "0-1", "1", lower_policy="0-1"),
    Ceiling("cpuset.mems", "0", "0", None, "0"),
    Ceiling("io.max", "{dev} rbps=10M", IO.replace("{}", str(10 * MIB)), IO.replace("{}", str(20 * MIB)),
            IO.replace("{}", str(5 * MIB))),
    Ceiling("hugetlb.2MB.max", "32M", str(32 * MIB), str(64 * MIB), str(16 * MIB)),
    Ceiling("cgroup.max.descendants", "8", "8", "20", "5"),
    Ceiling("cgroup.max.depth", "3", "3", "6", "2"),
]


def fill(t, text):
    return text and text.replace("{dev}", t.machine.device or "0:0")


def controller(ceiling):
    return ceiling.file.split(".")[0]


def ceiling_policy(t, **changes):
    values = {x.file: fill(t, changes.get(x.file, x.policy)) for x in CEILINGS}
    return t.policy("ceilings", defaults={"on_missing_limit": "skip"}, profiles={"small": values})


def unified(t, which):
    values = {x.file: fill(t, getattr(x, which)) for x in CEILINGS
              if controller(x) in ("cgroup", *host.controllers())}
    return {"unified": {file: value for file, value in values.items() if value}}


def check_offered(t, c, ceiling):
    if controller(ceiling) == "cgroup":
        return
    if controller(ceiling) not in host.controllers(c.cgroup):
        raise Skip(f"the host does not offer the {controller(ceiling)} controller to this container")
    if ceiling.file == "io.max" and not t.machine.device:
        raise Skip("this machine has no block device")


def check_values(t, c, title, wanted):
    for ceiling in CEILINGS:
        with t.step(f"{title}: {ceiling.file}"):
            check_offered(t, c, ceiling)
            equal(host.value(c.cgroup, ceiling.file), fill(t, wanted(ceiling)), ceiling.file)


@case("ceilings.higher")
def higher(t):
    c = t.container("high", policy_dir=ceiling_policy(t), resources=unified(t, "higher")).up()
    granted(c)
    check_values(t, c, "higher value lowered", lambda x: x.text)


@case("ceilings.lower")
def lower(t):
    changes = {x.file: x.lower_policy for x in CEILINGS if x.lower_policy}
    c = t.container("low", policy_dir=ceiling_policy(t, **changes), resources=unified(t, "lower")).up()
    granted(c)
    check_values(t, c, "lower value stays", lambda x: x.lower)


def mkdir_until_refused(c, script, count):
    done = c.exec(f"cd /sys/fs/cgroup; i=0; while [ $i -lt 20 ]; do {script}; i=$((i+1)); done; echo $i")
    expect("Resource temporarily unavailable" in done.err, f"no EAGAIN: {done.text}")
    equal(done.out, f"{count}\n", "cgroups that could be made")


@case("ceilings.unset")
def unset(t):
    """Nothing set before, a policy in the kernel's own words for cpu.max; and the kernel enforces."""
    c = t.container("unset", policy_dir=ceiling_policy(t, **{"cpu.max": "30000 50000"})).up()
    granted(c)
    check_values(t, c, "set", lambda x: "30000 50000" if x.file == "cpu.max" else x.text)
    if c.has_scope:
        # The scope is out of the container's reach: the same there, one cgroup and one level more.
        for ceiling in CEILINGS:
            with t.step(f"on the scope: {ceiling.file}"):
                check_offered(t, c, ceiling)
                text = fill(t, "30000 50000" if ceiling.file == "cpu.max" else ceiling.text)
                if controller(ceiling) == "cgroup":
                    text = str(int(text) + 1)
                equal(host.value(c.top, ceiling.file), text, ceiling.file)
    with t.step("enforced: pids.max"):
        if "pids" not in host.controllers(c.cgroup):
            raise Skip("the host does not offer the pids controller to this container")
        done = c.exec("""trap 'kill -9 $pids; wait' EXIT
        i=0; while [ $i -lt 100 ]; do sleep 1000 & pids="$pids $!"; i=$((i+1)); done""")
        contains(done.err, "can't fork", "the shell's words")
        # The container's init reaps nobody: what the shell left would go on counting.
        wait_until(lambda: len(host.processes(c.cgroup)) == 1, "the end of all but init")
        equal(int(host.value(c.cgroup, "pids.max")), 64, "pids.max")
    with t.step("enforced: cgroup.max.descendants"):
        mkdir_until_refused(c, "mkdir d$i || break", 8)
        c.exec("rmdir /sys/fs/cgroup/d*")
    with t.step("enforced: cgroup.max.depth"):
        mkdir_until_refused(c, "mkdir d || break; cd d", 3)
        c.exec("cd /sys/fs/cgroup; rmdir d/d/d d/d d")
    with t.step("enforced: memory.max inside a child"):
        # A child that runs out of its memory is killed alone.
        if "memory" not in host.controllers(c.cgroup):
            raise Skip("the host does not offer the memory controller to this container")
        done = c.exec(host.ENABLE + """cd /sys/fs/cgroup; mkdir eater || exit 1
        mkdir own; for pid in $(cat cgroup.procs); do echo $pid >own/cgroup.procs 2>/dev/null; done
        enable memory || exit 2
        echo 8388608 >eater/memory.max || exit 3
        echo 0 >eater/memory.swap.max || exit 4
        sh -c 'echo $$ >/sys/fs/cgroup/eater/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=64M count=1'
        echo "dd $?"; grep ^oom_kill eater/memory.events""")
        equal(done.out, "dd 137\noom_kill 1\n", f"killed in the child ({done.err})")
        equal(c.state()["status"], "running", "the container")


def with_missing(t, name, **defaults):
    """64 KiB huge pages are no x86 machine's: a ceiling whose file never exists."""
    profile = {"hugetlb.64KB.max": "1M"}
    return t.container(name, policy_dir=t.policy(name, defaults=defaults, profiles={"small": profile}))


@case("missing-limit")
def missing(t):
    with t.step("refuse is the default"):
        c = with_missing(t, "refuse")
        refused(c, "is missing in the container's cgroup")
    with t.step("skip grants, says so, and keeps the mandatory two"):
        c = with_missing(t, "skip", on_missing_limit="skip").up()
        granted(c)
        codes = [reason["code"] for reason in c.records()[-1]["reasons"]]
        expect("limit-skipped" in codes, f"no note of the skipped limit: {codes}")
        equal((host.value(c.cgroup, "cgroup.max.descendants"), host.value(c.cgroup, "cgroup.max.depth")),
              ("256", "12"), "the ceilings that no grant is without")
    with t.step("skip covers a device that the kernel does not know"):
        if "io" not in host.controllers():
            raise Skip("the host does not offer the io controller")
        profile = {"io.max": "240:77 rbps=1M"}  # a major number that no driver has
        policies = {how: t.policy("dev", defaults={"on_missing_limit": how}, profiles={"small": profile})
                    for how in ("refuse", "skip")}
        refused(t.container("dev", policy_dir=policies["refuse"]), "io.max", verdict="grant")
        c = t.container("dev", policy_dir=policies["skip"]).up()
        granted(c)
