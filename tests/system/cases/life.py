# SPDX-License-Identifier: Apache-2.0
"""A delegated container lives as any other: exec, update, pause, resume, kill, delete, and nothing is left."""
import signal

from lib import host
from lib.expect import nothing_left
from lib.process import wait_until
from lib.report import Skip, case, contains, equal, expect, succeeds

PROFILE = {"cgroup.max.descendants": 9, "cgroup.max.depth": 3}


def exec_lands(c, where):
    equal(c.exec("grep ^0:: /proc/self/cgroup").out, f"0::{where}\n", "exec's cgroup")


def whole_life(t, nest, evacuate=False):
    profile = {**PROFILE, **({"nest": nest, "enable_controllers": "hugetlb pids memory"} if nest else {})}
    policy = t.policy("life", defaults={"on_missing_limit": "skip"}, profiles={"small": profile})
    c = t.container("life", policy_dir=policy).up()
    with t.step("exec lands where the process is"):
        exec_lands(c, f"/{nest}" if nest else "/")
    if evacuate:
        with t.step("and follows it into a leaf of its own"):
            c.exec("cd /sys/fs/cgroup; mkdir own; echo 1 >own/cgroup.procs; echo $$ >own/cgroup.procs;"
                   "echo +hugetlb >cgroup.subtree_control")
            exec_lands(c, "/own")
    with t.step("update"):
        offered = host.controllers(c.cgroup)
        if "memory" not in offered or "pids" not in offered:
            raise Skip("the host does not offer memory and pids, which update sets")
        succeeds(c.runtime("update", "--memory", str(96 * 1024 * 1024), "--pids-limit", "40", c.id), "update")
        # crun under systemd sets them on the scope
        places = [c.cgroup, c.top]
        expect(any(host.value(place, "memory.max") == str(96 * 1024 * 1024) for place in places), "memory.max")
        expect(any(host.value(place, "pids.max") == "40" for place in places), "pids.max")
        equal(host.value(c.cgroup, "cgroup.max.descendants"), "9", "cgroup.max.descendants afterwards")
        contains(c.exec("echo max >/sys/fs/cgroup/memory.max").err, "Permission denied", "the own limit afterwards")
    with t.step("pause and resume"):
        equal(c.runtime("pause", c.id).code, 0, "pause")
        equal(c.state()["status"], "paused", "status")
        equal(c.runtime("resume", c.id).code, 0, "resume")
        equal(c.state()["status"], "running", "status")
        equal(c.exec("echo alive").out, "alive\n", "exec afterwards")
    with t.step("kill and delete"):
        pid = c.pid()
        equal(c.runtime("kill", c.id, str(int(signal.SIGKILL))).code, 0, "kill")
        wait_until(lambda: c.state()["status"] == "stopped", "the container's end")
        t.untrack(c)
        succeeds(c.runtime("delete", c.id), "delete")
        nothing_left(c)
        expect(not host.is_container_process(pid, c.id), "its process is still there")


@case("life.nested")
def nested(t):
    whole_life(t, "init")


@case("life.plain")
def plain(t):
    whole_life(t, None, evacuate=True)


@case("life.force")
def force(t):
    """delete --force of a container that has children with processes."""
    with t.step("everything goes with it"):
        c = t.container("force").up()
        done = c.exec("cd /sys/fs/cgroup; mkdir -p a/b; sleep 1000 >/dev/null 2>&1 & echo $! >a/b/cgroup.procs")
        equal((done.text, len(host.processes(f"{c.cgroup}/a/b"))), ("exit 0: ", 1), "a process in the child")
        equal(c.delete().code, 0, "delete --force")
        nothing_left(c)
