# SPDX-License-Identifier: Apache-2.0
"""The grant guard: attached before the grant where this kernel enforces it, there until the cgroup is gone, and in
nobody's way but the payload's."""
import json
import os
import re
import stat

from lib import bpf, host
from lib.expect import refused
from lib.process import answer, in_child, run
from lib.report import Skip, case, contains, equal, expect, succeeds

REQUIRE = {"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "require"}


def guard(t, *words):
    return run([t.cgdeleg, "guard", *words])


def why_not(t):
    """Why the grant guard is not in force here; "" where it is."""
    found = re.search(r"^grant_guard +(not for this kernel|fails to load): (.*)$", guard(t, "status").out, re.M)
    return found[2] if found else ""


def need_guard(t):
    if why := why_not(t):
        raise Skip(why)
    equal(guard(t, "load").code, 0, "guard load")


def guarded(t, **defaults):
    return t.container("gg", policy_dir=t.policy("gg", defaults={**REQUIRE, **defaults})).up()


def status(t, c):
    return guard(t, "status", "--cgroup", host.CGROUP + c.cgroup).out


def kept(c):
    attribute = json.loads(host.attribute(host.CGROUP + c.cgroup))
    return attribute["guarded"], attribute["pressure"]


def count(t, c, what):
    return int(re.search(rf"refused (\d+) {re.escape(what)}", status(t, c))[1])


@case("guard.grant.require")
def require(t):
    """guard = require: with the guard, or not at all."""
    defaults = {**REQUIRE}
    if why := why_not(t):
        with t.step("refused where it is not in force"):
            refused(t.container("gg", policy_dir=t.policy("gg", defaults=defaults)), "the grant guard ")
        raise Skip(why)
    with t.step("granted, attached, recorded"):
        c = guarded(t)
        contains(status(t, c), "grant_guard, armed, writing to *.pressure denied", "status")
        record = c.records()[-1]
        equal(record["guard"], True, "guard in the record")
        contains(str(record["plan"]), "attach the grant guard, writing to *.pressure denied", "the plan")
        equal(kept(c), (True, "deny"), "what the attribute says of it")
    with t.step("off: not attached, not recorded"):
        c = guarded(t, guard="off")
        contains(status(t, c), "grant_guard is not attached to that cgroup", "status")
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
    with t.step("reading it is not, nor moving there"):
        done = c.exec("cd /sys/fs/cgroup && cat cpu.pressure a/cpu.pressure >/dev/null && echo $$ >a/cgroup.procs")
        equal(done.text, "exit 0: ", "what it may do")
    with t.step("a grandchild's, without the pins"):
        equal(guard(t, "unload").code, 0, "unload")
        contains(c.exec(script.format("a/b")).err, "Operation not permitted", "the open")
        equal(count(t, c, "opens of *.pressure"), 2, "refusals counted")
    with t.step("loaded anew for the next, as its policy says"):
        equal(guard(t, "load").code, 0, "load")
        c = guarded(t, pressure="allow")
        contains(status(t, c), "writing to *.pressure allowed", "status")
        equal(kept(c), (True, "allow"), "what the attribute says of it")
        equal(c.exec(script.format("a")).text, "exit 0: ", "the open")


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
        succeeds(c.update({"pids": {"limit": 50}}), "update")
    with t.step("nothing was refused"):
        equal(set(re.findall(r"refused (\d+) ", status(t, c).split("grant_guard")[1])), {"0"}, "refusals")
    with t.step("pause, resume, kill, delete"):
        for words in (["pause", c.id], ["resume", c.id], ["kill", c.id, "KILL"]):
            succeeds(c.runtime(*words), words[0])
        cgroup = c.cgroup
        equal(c.delete().code, 0, "delete")
        expect(not os.path.exists(host.CGROUP + cgroup), "the cgroup is still there")


def as_task_of(path, act):
    """What a task of that cgroup is told, whose root is the host's: "ok", or an errno's name. Not through exec: the
    container has nothing but a shell."""
    def inside():
        host.write(f"{path}/cgroup.procs", "0")
        return answer(act)
    return in_child(inside)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@case("guard.grant.attributes")
def attributes(t):
    """Without a user namespace the limit files are the container's own, by uid: the guard alone keeps their modes, and
    what systemd-oomd reads, as they are."""
    need_guard(t)
    c = t.container("gg", maps=None, only_capabilities=["CAP_KILL"],
                    policy_dir=t.policy("gg", defaults={**REQUIRE, "require_userns": "false"})).up()
    root = host.CGROUP + c.cgroup
    limit = f"{root}/cgroup.max.descendants"
    os.mkdir(f"{root}/job")
    with t.step("the container itself may not change the mode of a limit file"):
        before = mode(limit)
        contains(c.exec("chmod 666 /sys/fs/cgroup/cgroup.max.descendants").err, "Operation not permitted", "chmod")
        equal((mode(limit), count(t, c, "changes of attributes")), (before, 1), "its mode, and refusals")
    with t.step("nor may a task of a child do anything like it, or outside"):
        for act in (lambda: os.chmod(limit, 0o666), lambda: os.chown(limit, 65534, 65534), lambda: os.utime(limit),
                    lambda: os.setxattr(limit, "user.x", b"1"), lambda: os.chmod(os.path.dirname(root), 0o777),
                    lambda: os.setxattr(os.path.dirname(root), "user.x", b"1")):
            equal(as_task_of(f"{root}/job", act), "EPERM", "the act")
        equal((mode(limit), count(t, c, "changes of attributes")), (before, 7), "its mode, and refusals")
    with t.step("what is its own it may"):
        for act in (lambda: os.chmod(root, mode(root)), lambda: os.chmod(f"{root}/cgroup.procs", 0o600),
                    lambda: os.chmod(f"{root}/job/cgroup.max.depth", 0o600), lambda: os.setxattr(root, "user.x", b"1"),
                    lambda: os.removexattr(root, "user.x")):
            equal(as_task_of(f"{root}/job", act), "ok", "the act")
    with t.step("systemd-oomd is told by the host alone"):
        os.setxattr(root, "user.oomd_avoid", b"1")
        for act in (lambda: os.setxattr(root, "user.oomd_omit", b"1"), lambda: os.removexattr(root, "user.oomd_avoid"),
                    lambda: os.setxattr(f"{root}/job", "user.oomd_omit", b"1")):
            equal(as_task_of(f"{root}/job", act), "EPERM", "the act")
        equal(count(t, c, "changes of user.oomd_*"), 3, "refusals")
        equal([name for name in os.listxattr(root) if "oomd" in name], ["user.oomd_avoid"], "its attributes")
        os.removexattr(root, "user.oomd_avoid")
    with t.step("control: without its programs for it the guard holds none of that"):
        bpf.detach_guard(root, {"guard_setattr", "guard_setxattr", "guard_rmxattr"})
        equal(as_task_of(f"{root}/job", lambda: os.chmod(limit, before)), "ok", "chmod, to the mode that it has")
        equal(as_task_of(f"{root}/job", lambda: os.removexattr(root, "user.oomd_omit")), "ENODATA", "an attribute")


PINS = "/sys/fs/bpf/cgdeleg"
OLDER = f"{PINS}/v1-0123456789abcdef"
ATTRIBUTES = {"guard_setattr", "guard_setxattr", "guard_rmxattr"}


def words_of(t, *containers):
    rows = json.loads(run([t.cgdeleg, "list", "--json", "-o", "id,guards"]).out)["grants"]
    found = {row["id"]: row["guards"].split(", ")[-1] for row in rows}
    return [found[c.id] for c in containers]


@case("guard.grant.upgrade")
def upgrade(t):
    """A node on which an older cgdeleg, whose guard had two programs, has left its pins and a container."""
    need_guard(t)
    before = guarded(t)
    (build,) = os.listdir(PINS)
    os.rename(f"{PINS}/{build}", OLDER)
    for name in ATTRIBUTES:
        os.unlink(f"{OLDER}/grant_guard/{name}")
    bpf.detach_guard(host.CGROUP + before.cgroup, ATTRIBUTES)
    with t.step("the next container has this build's guard, which the hook loads; the other keeps what it has"):
        after = guarded(t)
        equal(set(os.listdir(PINS)), {build, os.path.basename(OLDER)}, "the builds that are pinned")
        equal(words_of(t, before, after), ["grant incomplete", "grant"], "list")
        equal(bpf.guard_programs(host.CGROUP + after.cgroup), bpf.GRANT_GUARD, "the programs on the new one")
    with t.step("guard load removes the older pins, and nothing that is attached"):
        contains(guard(t, "load").out, "older builds  1 removed; what is attached stays", "its words")
        equal(os.listdir(PINS), [build], "the builds that are pinned")
        equal(bpf.guard_programs(host.CGROUP + before.cgroup), bpf.GRANT_GUARD - ATTRIBUTES, "the programs on the old one")
        contains(status(t, before), "  without guard_rmxattr\n", "status")
    with t.step("watch makes the other's whole, beside it"):
        done = run([t.cgdeleg, "watch", "--once", "--policy", before.policy_dir, "--run", t.run_dir,
                    "--audit", f"{t.work}/audit"])
        contains(done.err, f"{before.id}: only a part of its grant guard was attached (an older cgdeleg", "its words")
        equal(words_of(t, before, after), ["grant", "grant"], "list")
        equal(as_task_of(host.CGROUP + before.cgroup, lambda: os.removexattr(host.CGROUP + before.cgroup, "user.oomd_x")),
              "EPERM", "a task of it")
    with t.step("pins of this build that are not whole are not used"):
        os.unlink(f"{PINS}/{build}/grant_guard/guard_setattr")
        try:
            refused(t.container("gg", policy_dir=t.policy("gg", defaults=REQUIRE)), "does not hold what was pinned there")
        finally:
            equal((guard(t, "unload").code, guard(t, "load").code), (0, 0), "unload, load")
