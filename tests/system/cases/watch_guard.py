# SPDX-License-Identifier: Apache-2.0
"""cgdeleg watch: BPF guards that somebody on the host has taken off come back, as they were granted."""
import json
import os
import stat

from lib import bpf, host
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal

from cases.grant_guard import as_task_of, need_guard, status
from cases.watch import PROFILE, watching

FORBIDDEN = (10, 237)  # /dev/loop-control: no driver has to be there
DEVICES = [{"allow": False, "access": "rwm"}]


def guard_policy(t):
    """The device guard is attached where device_bpf = withhold, the default."""
    return t.policy("guarded", defaults={"on_missing_limit": "skip"}, profiles={"small": PROFILE})


def with_node(t, rules):
    """A container that has the node of a device which it may not open."""
    done = run([t.cgdeleg, "guard", "load"])
    if "without" in done.err or "no BPF guards" in done.err:
        raise Skip("this build has no guards")
    equal(done.code, 0, f"guard load ({done.text})")
    path = f"{t.work}/node{t.next_number()}"
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(*FORBIDDEN))
    os.chmod(path, 0o666)
    mount = {"destination": "/dev/n", "source": path, "type": "bind", "options": ["bind", "rw"]}
    return t.container("guarded", policy_dir=rules, mounts=[mount], resources={"devices": DEVICES}).up()


def is_refused(c):
    """No driver may be behind it."""
    return "Operation not permitted" in c.exec(": <>/dev/n").err


def take_off(t, c):
    """What an engine's update with a device list does under crun. False: not here."""
    path = f"{t.work}/update{t.next_number()}"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"devices": [{"allow": True, "access": "rwm"}]}, file)
    done = c.runtime("update", "--resources", path, c.id)
    if t.runtime != "crun" or "not supported when using BPFProgram" in done.err:
        return False
    equal(done.code, 0, f"update ({done.err})")
    return True


def guards_of(c):
    return len(bpf.device_guards(host.CGROUP + c.cgroup))


@case("watch.guard")
def guard(t):
    """crun's update with devices takes every device program off the cgroup, ours with it. It comes back, with the rules
    of the grant, and whatever the update allows."""
    rules = guard_policy(t)
    c = with_node(t, rules)
    with t.step("granted: refused"):
        equal((guards_of(c), is_refused(c)), (1, True), "guards on the cgroup, the device refused")
    with t.step("without a watch it stays away"):
        if not take_off(t, c):
            raise Skip("this runtime leaves the device programs alone")
        equal((guards_of(c), is_refused(c)), (0, False), "guards on the cgroup, the device refused")
    if guards_of(c):
        return
    with t.step("--once, which finds it away as it was, puts it back, and counts from then on"):
        done = run([t.cgdeleg, "watch", "--once", "--policy", rules, "--run", t.run_dir])
        equal(done.code, 0, f"exit code ({done.err})")
        contains(done.err, "its device guard was no longer in force and has been attached again", "its words")
        equal((guards_of(c), is_refused(c)), (1, True), "guards on the cgroup, the device refused")
        said = run([t.cgdeleg, "guard", "status", "--cgroup", host.CGROUP + c.cgroup]).out
        contains(said, "refused 1\n", "guard status")
        contains(said, "c 10:237 rw by sh (pid", "guard status")
    with watching(t, rules) as watch:
        with t.step("nothing to do: nothing is said"):
            wait_until(lambda: watch.count("grants"), "its count")
            watch.two_sweeps()
            equal(watch.count("guards_restored"), 0, "guards_restored")
        with t.step("taken off while it runs, twice: back, said once each"):
            for number in (1, 2):
                take_off(t, c)
                wait_until(lambda n=number: watch.count("guards_restored") == n, "the guard")
                equal((guards_of(c), is_refused(c)), (1, True), "guards on the cgroup, the device refused")
            equal(watch.log().count("its device guard was no longer in force and has been attached again"), 2, "times it was said")
            equal(watch.count("guards_missing"), 0, "guards_missing")
        with t.step("without pins it loads them"):
            equal(run([t.cgdeleg, "guard", "unload"]).code, 0, "unload")
            take_off(t, c)
            wait_until(lambda: watch.count("guards_restored") == 3, "the guard")
            equal((guards_of(c), is_refused(c)), (1, True), "guards on the cgroup, the device refused")


ATTRIBUTES = {"guard_setattr", "guard_setxattr", "guard_rmxattr"}
IN_FORCE = "its grant guard was no longer in force and has been attached again as granted"


def state_of(t, c):
    """What the kernel has, what list says of it, whether status says that it is armed; and what a task of the
    container's cgroup is told that changes a limit file's mode to the one that it has."""
    rows = json.loads(run([t.cgdeleg, "list", "--json", "-o", "id,guard"]).out)["grants"]
    (words,) = [row["guard"] for row in rows if row["id"] == c.id]
    path = host.CGROUP + c.cgroup
    limit = f"{path}/cgroup.max.depth"
    said = as_task_of(path, lambda: os.chmod(limit, os.stat(limit).st_mode & 0o7777))
    return bpf.guard_programs(path), words, "grant_guard, armed" in status(t, c), said


WHOLE = (bpf.GRANT_GUARD, "grant", True, "EPERM")


def once(t, rules, words):
    done = run([t.cgdeleg, "watch", "--once", "--policy", rules, "--run", t.run_dir])
    equal(done.code, 0, f"exit code ({done.err})")
    contains(done.err, words, "its words")


def take_off_guard(c, names):
    bpf.detach_guard(host.CGROUP + c.cgroup, names)


@case("watch.guard.grant")
def grant_guard(t):
    """The grant guard: all of it gone, a part of it gone, while watch runs and while it does not."""
    need_guard(t)
    rules = t.policy("grant", defaults={"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "require"},
                     profiles={"small": PROFILE})
    c = t.container("grant", policy_dir=rules).up()
    with t.step("granted: whole"):
        equal(state_of(t, c), WHOLE, "the guard")
    with t.step("taken off: gone without a watch, and said so"):
        take_off_guard(c, bpf.GRANT_GUARD)
        equal(state_of(t, c), (set(), "grant missing", False, "ok"), "the guard")
    with t.step("--once, which finds it away as it was, puts it back"):
        once(t, rules, IN_FORCE)
        equal(state_of(t, c), WHOLE, "the guard")
    with t.step("a part, as an older cgdeleg's: said so, and asked on"):
        take_off_guard(c, ATTRIBUTES)
        equal(state_of(t, c), (bpf.GRANT_GUARD - ATTRIBUTES, "grant incomplete", True, "ok"), "the guard")
        contains(status(t, c), "  without guard_setxattr\n", "status")
        contains(c.exec("mkdir /sys/fs/cgroup/x && : >>/sys/fs/cgroup/x/cpu.pressure").err, "Operation not permitted",
                 "opening a pressure file")
    with t.step("--once makes it whole"):
        once(t, rules, "only a part of its grant guard was attached")
        equal(state_of(t, c), WHOLE, "the guard")
    with watching(t, rules) as watch:
        running(t, c, watch)


def running(t, c, watch):
    with t.step("nothing to do: nothing is said"):
        wait_until(lambda: watch.count("grants"), "its count")
        watch.two_sweeps()
        equal(watch.count("guards_restored"), 0, "guards_restored")
    with t.step("taken off while it runs: back, said once"):
        with watch.held():  # the programs go one by one, and a part is said in other words
            take_off_guard(c, bpf.GRANT_GUARD)
        wait_until(lambda: watch.count("guards_restored") == 1, "the guard")
        equal(state_of(t, c), WHOLE, "the guard")
        equal((watch.log().count(IN_FORCE), watch.count("guards_missing")), (1, 0), "said, guards_missing")
    with t.step("without pins it loads them"):
        equal(run([t.cgdeleg, "guard", "unload"]).code, 0, "unload")
        with watch.held():
            take_off_guard(c, bpf.GRANT_GUARD)
        wait_until(lambda: watch.count("guards_restored") == 2, "the guard")
        equal(state_of(t, c), WHOLE, "the guard")


@case("watch.guard.pressure")
def pressure(t):
    """What the grant allowed is what comes back."""
    need_guard(t)
    for word, said in (("allow", "allowed"), ("deny", "denied")):
        rules = t.policy(word, defaults={"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "require",
                                         "pressure": word}, profiles={"small": PROFILE})
        c = t.container(word, policy_dir=rules).up()
        with t.step(f"{said}, and {said} again"):
            take_off_guard(c, bpf.GRANT_GUARD)
            once(t, rules, IN_FORCE)
            equal(state_of(t, c), WHOLE, "the guard")
            contains(status(t, c), f"writing to *.pressure {said}", "status")
