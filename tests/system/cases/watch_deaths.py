# SPDX-License-Identifier: Apache-2.0
"""cgdeleg watch: whom the kernel killed for want of memory, in cgroups that the container has made, and whose limit it was."""
from lib import host
from lib.process import wait_until
from lib.report import Skip, case, contains, equal

from cases.watch import watch_policy, watching

MIB = 1024 * 1024

# A process in the cgroup $1 takes more than there is; how it ends.
EAT = """eat() { sh -c 'echo $$ >"$1/cgroup.procs"; exec dd if=/dev/zero of=/dev/null bs=512M count=1' x "$1" 2>/dev/null
    echo "dd $?"; }
"""
READY = host.ENABLE + EAT + """cd /sys/fs/cgroup
mkdir -p all; for p in $(cat cgroup.procs); do echo $p >all/cgroup.procs 2>/dev/null; done
enable memory || exit 9
"""


def deaths_of(watch):
    return [record for record in watch.records() if record["event"] == "oom-kill"]


def next_death(watch, n):
    wait_until(lambda: len(deaths_of(watch)) > n, "the record of what was killed")
    return deaths_of(watch)[n]


@case("watch.deaths")
def deaths(t):
    """A child of its own limit, one under its parent's, the container's own; and a name that no terminal must see."""
    rules = watch_policy(t, **{"memory.max": "64M", "memory.swap.max": "0"})
    with watching(t, rules) as watch:
        c = t.container("deaths", policy_dir=rules).up()
        if "memory" not in host.controllers(c.cgroup):
            raise Skip("the host does not offer the memory controller to this container")
        wait_until(lambda: watch.count("grants"), "its count")
        with t.step("a child's own limit"):
            done = c.exec(READY + "mkdir job; echo 8388608 >job/memory.max; eat job")
            equal(done.out, "dd 137\n", f"killed in the child ({done.err})")
            death = next_death(watch, 0)
            equal((death["victim"], death["limit"], death["limit_of"], death["memory_max_bytes"], death["oom_kills"]),
                  ("/job", "/job", "child", 8 * MIB, 1), "the record")
            equal((death["id"], death["cgroup"]), (c.id, c.cgroup), "of whom")
            contains(watch.log(), f"{c.id}: 1 process in its cgroup '/job' was killed, because the memory limit of its cgroup"
                     " '/job' was reached (memory.max 8388608)", "the log")
            watch.two_sweeps()
            equal(watch.count("oom_kills"), 1, "the count")
        with t.step("the limit of the cgroup above it, and a name with an escape sequence"):
            done = c.exec(READY + """mkdir -p outer; echo +memory >outer/cgroup.subtree_control; n=$(printf 'in\\033[2Jner')
                          mkdir "outer/$n"; echo 8388608 >outer/memory.max; eat "outer/$n" """)
            equal(done.out, "dd 137\n", f"killed in the child ({done.err})")
            death = next_death(watch, 1)
            equal((death["victim"], death["limit"], death["limit_of"]), ("/outer/in\\x1b[2Jner", "/outer", "child"), "the record")
        with t.step("the container's own limit"):
            done = c.exec(READY + "mkdir free; eat free")
            equal(done.out, "dd 137\n", f"killed by the container's limit ({done.err})")
            death = next_death(watch, 2)
            equal((death["victim"], death["limit"], death["limit_of"]), ("/free", "/", "container"), "the record")
        with t.step("a cgroup that is removed at once"):
            done = c.exec(READY + "mkdir brief; echo 8388608 >brief/memory.max; eat brief; rmdir brief; echo $?")
            equal(done.out, "dd 137\n0\n", f"killed in the child ({done.err})")
            death = next_death(watch, 3)
            print(f"# {t.name}: seen before it was removed: {death.get('victim')}", flush=True)
            equal(death["oom_kills"], 1, "the record")
        with t.step("nobody else is told dead"):
            watch.two_sweeps()
            equal(watch.count("oom_kills"), 4, "the count")
            equal(len(deaths_of(watch)), 4, "records")
