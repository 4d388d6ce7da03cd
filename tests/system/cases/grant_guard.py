# SPDX-License-Identifier: Apache-2.0
"""The grant guard: attached before the grant where this kernel enforces it, there until the cgroup is gone, and in
nobody's way but the payload's."""
import json
import os
import re

from lib import host
from lib.expect import refused
from lib.process import run
from lib.report import Skip, case, contains, equal, expect

REQUIRE = {"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "require"}


def guard(t, *words):
    return run([t.cgdeleg, "guard", *words])


def why_not(t):
    """Why the grant guard is not in force here; "" where it is."""
    found = re.search(r"^grant_guard +not loaded: (.*)$", guard(t, "status").out, re.M)
    return found[1] if found else ""


def need_guard(t):
    equal(guard(t, "load").code, 0, "guard load")
    if why := why_not(t):
        raise Skip(why)


def guarded(t, **defaults):
    return t.container("gg", policy_dir=t.policy("gg", defaults={**REQUIRE, **defaults})).up()


def status(t, c):
    return guard(t, "status", "--cgroup", host.CGROUP + c.cgroup).out


def count(t, c, what):
    return int(re.search(rf"refused (\d+) {re.escape(what)}", status(t, c))[1])


@case("guard.grant.require")
def require(t):
    """guard = require: with the guard, or not at all."""
    defaults = {**REQUIRE}
    if why := why_not(t):
        with t.step("refused where it is not in force"):
            refused(t.container("gg", policy_dir=t.policy("gg", defaults=defaults)), "the BPF LSM guard is not in force")
        raise Skip(why)
    with t.step("granted, attached, recorded"):
        c = guarded(t)
        contains(status(t, c), "grant_guard, armed, writing to *.pressure denied", "status")
        record = c.records()[-1]
        equal(record["guard"], True, "guard in the record")
        contains(str(record["plan"]), "attach the grant guard", "the plan")
    with t.step("off: not attached, not recorded"):
        c = guarded(t, guard="off")
        contains(status(t, c), "grant_guard is not on that cgroup", "status")
        expect("attach the grant guard" not in str(c.records()[-1]["plan"]), "the plan attaches it")


@case("guard.grant.holds")
def holds(t):
    """In the payload's own cgroups, at every depth; also after a package's upgrade or removal took the pins away."""
    need_guard(t)
    c = guarded(t)
    script = "cd /sys/fs/cgroup; mkdir {0}; echo $$ >{0}/cgroup.procs; : >>{0}/memory.pressure"
    with t.step("a child's *.pressure is refused"):
        contains(c.exec(script.format("a")).err, "Operation not permitted", "the open")
        equal(count(t, c, "opens of *.pressure"), 1, "refusals counted")
    with t.step("a grandchild's, without the pins"):
        equal(guard(t, "unload").code, 0, "unload")
        contains(c.exec(script.format("a/b")).err, "Operation not permitted", "the open")
        equal(count(t, c, "opens of *.pressure"), 2, "refusals counted")
    with t.step("loaded anew for the next, as its policy says"):
        equal(guard(t, "load").code, 0, "load")
        contains(status(t, guarded(t, pressure="allow")), "writing to *.pressure allowed", "status")


@case("guard.grant.life")
def life(t):
    """Nothing of what the host does to the container meets the guard, nor what the payload may do."""
    need_guard(t)
    c = guarded(t)
    with t.step("the payload makes cgroups, moves, limits and removes"):
        done = c.exec("set -e; cd /sys/fs/cgroup; mkdir own own/job; echo 1 >own/cgroup.procs; echo $$ >own/cgroup.procs;"
                      "for c in $(cat cgroup.controllers); do echo +$c >cgroup.subtree_control || true; done;"
                      "echo 8 >own/cgroup.max.descendants; echo $$ >own/job/cgroup.procs; echo $$ >own/cgroup.procs;"
                      "echo 1 >own/job/cgroup.freeze; rmdir own/job; [ ! -e own/pids.max ] || echo 60 >own/pids.max")
        equal(done.code, 0, f"the payload ({done.err})")
    with t.step("exec"):
        equal(c.exec("cat /proc/self/cgroup").out, "0::/own\n", "exec's cgroup")
    with t.step("update"):
        path = f"{t.work}/gg{t.next_number()}"
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"pids": {"limit": 50}}, file)
        done = c.runtime("update", "--resources", path, c.id)
        equal(done.code, 0, f"update ({done.err})")
    with t.step("nothing was refused"):
        equal(set(re.findall(r"refused (\d+) ", status(t, c).split("grant_guard")[1])), {"0"}, "refusals")
    with t.step("pause, resume, kill, delete"):
        for words in (["pause", c.id], ["resume", c.id], ["kill", c.id, "KILL"]):
            done = c.runtime(*words)
            equal(done.code, 0, f"{words[0]} ({done.err})")
        cgroup = c.cgroup
        equal(c.delete().code, 0, "delete")
        expect(not os.path.exists(host.CGROUP + cgroup), "the cgroup is still there")


@case("guard.grant.twice")
def twice(t):
    need_guard(t)
    policy = t.policy("gg", defaults=REQUIRE)
    c = t.container("gg", hooks=[], held=True, policy_dir=policy)
    state = c.hold()
    with t.step("the second run changes nothing"):
        for _ in range(2):
            equal(c.call_hook(state).text, "exit 0: ", "the hook")
        equal(c.records()[-1]["steps_changed"], 0, "steps_changed of the second run")
