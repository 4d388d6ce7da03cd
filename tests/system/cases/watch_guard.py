# SPDX-License-Identifier: Apache-2.0
"""cgdeleg watch: BPF guards that somebody on the host has taken off come back, as they were granted."""
import json
import os

from lib import bpf, host
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal, succeeds

from cases.grant_guard import ATTRIBUTES, as_task_of, need_guard, status
from cases.guard import ALL, FORBIDDEN, guards_of, need_guards, opens, with_nodes
from cases.watch import PROFILE, watching

def guard_policy(t):
    """The device guard is attached where device_bpf = withhold, the default."""
    return t.policy("guarded", defaults={"on_missing_limit": "skip"}, profiles={"small": PROFILE})


ON = (1, "refused"), "guards on the cgroup, and the device"
OFF = (0, "allowed"), "guards on the cgroup, and the device"


def state_of_device(c):
    return len(guards_of(c)), opens(c, FORBIDDEN[1])


def take_off(t, c):
    """What an engine's update with a device list does under crun. False: not here."""
    done = c.update({"devices": ALL})
    if t.runtime != "crun" or "not supported when using BPFProgram" in done.err:
        return False
    equal(done.code, 0, f"update ({done.err})")
    return True


@case("watch.guard")
def guard(t):
    """crun's update with devices takes every device program off the cgroup, ours with it. It comes back, with the rules
    of the grant, and whatever the update allows."""
    rules = guard_policy(t)
    need_guards(t)
    c = with_nodes(t, policy_dir=rules)
    with t.step("granted: refused"):
        equal(state_of_device(c), *ON)
    with t.step("without a watch it stays away"):
        if not take_off(t, c):
            raise Skip("this runtime leaves the device programs alone")
        equal(state_of_device(c), *OFF)
    if guards_of(c):
        return
    with t.step("--once, which finds it away as it was, puts it back, and counts from then on"):
        done = succeeds(run([t.cgdeleg, "watch", "--once", "--policy", rules, "--run", t.run_dir,
                             "--audit", f"{t.work}/audit"]), "exit code")
        contains(done.err, "its device guard was no longer in force and has been attached again", "its words")
        equal(state_of_device(c), *ON)
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
                equal(state_of_device(c), *ON)
            equal(watch.log().count("its device guard was no longer in force and has been attached again"), 2, "times it was said")
            equal(watch.count("guards_missing"), 0, "guards_missing")
        with t.step("without pins it loads them"):
            equal(run([t.cgdeleg, "guard", "unload"]).code, 0, "unload")
            take_off(t, c)
            wait_until(lambda: watch.count("guards_restored") == 3, "the guard")
            equal(state_of_device(c), *ON)


IN_FORCE = "its grant guard was no longer in force and has been attached again as granted"


def state_of(t, c):
    """What the kernel has, what list says of it, whether status says that it is armed; and what a task of the
    container's cgroup is told that changes a limit file's mode to the one that it has."""
    rows = json.loads(run([t.cgdeleg, "list", "--json", "-o", "id,guards"]).out)["grants"]
    (words,) = [row["guards"] for row in rows if row["id"] == c.id]
    path = host.CGROUP + c.cgroup
    limit = f"{path}/cgroup.max.depth"
    said = as_task_of(path, lambda: os.chmod(limit, os.stat(limit).st_mode & 0o7777))
    return bpf.guard_programs(path), words, "grant_guard, armed" in status(t, c), said


WHOLE = (bpf.GRANT_GUARD, "grant", True, "EPERM")


def once(t, rules, words):
    done = succeeds(run([t.cgdeleg, "watch", "--once", "--policy", rules, "--run", t.run_dir,
                         "--audit", f"{t.work}/audit"]), "exit code")
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
