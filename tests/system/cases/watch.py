# SPDX-License-Identifier: Apache-2.0
"""cgdeleg watch: what is raised comes back, what is lowered stays; by whomever, and however often watch dies."""
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time

from lib import host, policy
from lib.process import in_child, run, wait_until
from lib.report import Skip, case, contains, equal, expect, succeeds
from lib.watch import Watch

PROFILE = {"cgroup.max.descendants": 16, "cgroup.max.depth": 4, "memory.max": "256M", "pids.max": 64}
MIB = 1024 * 1024
# The long form is by hand: CGDELEG_CHAOS_SECONDS=600, which tests/vm-run passes on.
CHAOS_SECONDS = int(os.environ.get("CGDELEG_CHAOS_SECONDS", "20"))


# systemd may write the file a while after `update` has returned.
QUIET = 4 if host.has_systemd() else 1


def watching(t, policy_dir):
    os.makedirs(t.run_dir, mode=0o700, exist_ok=True)
    return Watch(f"{t.work}/watch{t.next_number()}", t.cgdeleg, "--policy", policy_dir, "--run", t.run_dir,
                 "--helpers", t.helpers)


def watch_policy(t, **changes):
    return t.policy("watch", defaults={"on_missing_limit": "skip", "device_bpf": "runtime"},
                    profiles={"small": {**PROFILE, **changes}})


def time_above(c, file, most, act):
    """
    Runs act; (the file's value at the end, the most milliseconds that it can have been above). Polls each
    millisecond: from the last look that saw it below to the first that sees it below again.
    """
    fd = os.open(f"{host.CGROUP}{c.cgroup}/{file}", os.O_RDONLY)

    def is_above():
        text = os.pread(fd, 64, 0).split()[0]
        return text == b"max" or int(text) > most
    actor, longest, since = act(), 0, None
    below = quiet = time.monotonic()
    while actor.poll() is None or since or time.monotonic() - quiet < QUIET:
        time.sleep(0.001)
        at = time.monotonic()
        if is_above():
            since = since or below
            expect(at - since < 120, f"{file} stays above")
        else:
            if since or actor.poll() is None:
                quiet = at
            longest, since, below = max(longest, at - since) if since else longest, None, at
    os.close(fd)
    value = host.value(c.cgroup, file)
    return float("inf") if value == "max" else float(value), longest * 1000


def writer(c, file, text):
    return lambda: subprocess.Popen(["sh", "-c", f'echo {text} >"{host.CGROUP}{c.cgroup}/{file}"'])


@case("watch.file")
def by_file(t):
    rules = watch_policy(t)
    with watching(t, rules) as watch:
        c = t.container("watched", policy_dir=rules).up()
        with t.step("one that appears later is found"):
            wait_until(lambda: watch.count("grants"), "its count")
        with t.step("raised: it comes back"):
            final, above = time_above(c, "cgroup.max.descendants", 16, writer(c, "cgroup.max.descendants", 100))
            print(f"# {t.name}: above its ceiling for at most {above:.1f} ms", flush=True)
            equal(final, 16, "cgroup.max.descendants")
            contains(watch.log(), "was raised to 100 and has been put back to 16", "the log")
        with t.step("lowered: it stays"):
            host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.descendants", "5")
            watch.two_sweeps()
            equal(host.value(c.cgroup, "cgroup.max.descendants"), "5", "cgroup.max.descendants")
        with t.step("raised again and again: said once, put back each time"):
            contest(c, watch)
        with t.step("a lowered policy holds at SIGHUP, a raised one is left, and it says so"):
            policy.write(rules, defaults={"on_missing_limit": "skip", "device_bpf": "runtime"},
                         profiles={"small": {**PROFILE, "cgroup.max.depth": 2, "cgroup.max.descendants": 50}})
            watch.program.send_signal(signal.SIGHUP)
            wait_until(lambda: host.value(c.cgroup, "cgroup.max.depth") == "2", "the new ceiling")
            contains(watch.log(), "'cgroup.max.descendants' keeps its ceiling 16 although the policy's is 50: an annotation asked for it, or the policy was changed", "the log")
        had = watch.count("grants")
        c.delete()
        with t.step("ended: forgotten"):
            wait_until(lambda: watch.count("grants") < had, "its end")
        with t.step("SIGTERM: exit 0"):
            equal(watch.end(), 0, "exit code")


def contest(c, watch):
    """Many close to one another, and some apart, so that a slow machine's are too many as well."""
    def said():
        return watch.log().count("somebody keeps raising")

    def raise_again(pause):
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "9")
        time.sleep(pause)
    before, pauses = said(), itertools.cycle([0.03] * 12 + [0.2] * 4)
    end = time.monotonic() + 120
    while said() == before:
        expect(time.monotonic() < end, "a contest is not seen")
        raise_again(next(pauses))
    lines = watch.log().count("cgroup.max.depth' was raised")
    for _ in range(60):
        raise_again(0.03)
    wait_until(lambda: host.value(c.cgroup, "cgroup.max.depth") == "4", "the last word")
    watch.two_sweeps()
    equal(said(), before + 1, "times that it was said")
    equal(watch.log().count("cgroup.max.depth' was raised"), lines, "lines for single rewrites")
    wait_until(lambda: watch.count("contested") == 1, "the metric")


@case("watch.blind")
def blind(t):
    """Inotify is exhausted: strace lets each call for an instance, or for a watch, fail, as the kernel does then."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    rules = watch_policy(t)
    for call, error in (("inotify_init1", "EMFILE"), ("inotify_add_watch", "ENOSPC")):
        watch = watching(t, rules)
        # -D: the watch is our child, and strace not.
        watch.command = ["strace", "-D", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}",
                         *watch.command]
        with watch:
            c = t.container("blind", policy_dir=rules).up()
            wait_until(lambda w=watch: w.count("without_events"), "a grant without events")
            with t.step(f"{call} fails: back after one interval"):
                for file in ("cgroup.max.descendants", "cgroup.max.depth"):
                    host.write(f"{host.CGROUP}{c.cgroup}/{file}", "max")
                watch.two_sweeps()
                equal([host.value(c.cgroup, f) for f in ("cgroup.max.descendants", "cgroup.max.depth")], ["16", "4"], "limits")
                equal(watch.log().count("inotify does not report writes"), 1, "times that it was said")
        c.delete()


@case("watch.late")
def late(t):
    """Stopped for longer than some intervals, it does not make up for the sweeps that it has missed."""
    with watching(t, watch_policy(t)) as watch:
        watch.two_sweeps()
        before = watch.count("sweeps")
        with watch.held():
            time.sleep(6)
        begun = time.monotonic()
        wait_until(lambda: watch.count("sweeps") >= before + 4, "four sweeps")
        expect(time.monotonic() - begun >= 1.5, "four sweeps, a second apart, came at once")


@case("watch.once")
def once(t):
    rules = watch_policy(t)
    c = t.container("once", policy_dir=rules).up()
    host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "100")
    with t.step("--once puts back and ends"):
        succeeds(run([t.cgdeleg, "watch", "--once", "--policy", rules, "--run", t.run_dir,
                      "--audit", f"{t.work}/audit"]), "exit code")
        equal(host.value(c.cgroup, "cgroup.max.depth"), "4", "cgroup.max.depth")
    with t.step("without a policy it puts back all the same, and says with status 1 what it could not do"):
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "100")
        done = run([t.cgdeleg, "watch", "--once", "--policy", f"{t.work}/nosuch", "--run", t.run_dir,
                    "--audit", f"{t.work}/audit"])
        equal((done.code, host.value(c.cgroup, "cgroup.max.depth")), (1, "4"), "status and cgroup.max.depth")
        contains(done.err, "the policy is broken", "what it says")


@case("watch.update")
def by_update(t):
    """The runtime's own update, and systemd's: upward it comes back, downward it stays."""
    rules = watch_policy(t)
    if "memory" not in host.controllers(t.parent):
        raise Skip("the host does not offer the memory controller")
    with watching(t, rules) as watch:
        c = t.container("update", policy_dir=rules).up()
        wait_until(lambda: watch.count("grants"), "its count")
        for name, mib, want in (("upward", 512, 256), ("downward", 128, 128)):
            with t.step(f"update --memory {name}"):
                command = [*t.runtime_command, "update", "--memory", str(mib * MIB), c.id]
                final, above = time_above(c, "memory.max", 256 * MIB, lambda: subprocess.Popen(command))
                print(f"# {t.name}: update {name}: above for at most {above:.1f} ms", flush=True)
                equal(final, want * MIB, "memory.max")
        raised = ["systemctl", "set-property", "--runtime", os.path.basename(c.top), f"MemoryMax={700 * MIB}"]
        reloads = ["sh", "-ec", "for i in $(seq 5); do systemctl daemon-reload; done"]
        for name, command in (("set-property upward", raised), ("daemon-reload x 5", reloads)):
            with t.step(name):
                if t.driver != "systemd":
                    raise Skip("the cgroupfs driver has no unit")
                top = type("Top", (), {"cgroup": c.top})()
                final, above = time_above(top, "memory.max", 256 * MIB, lambda: subprocess.Popen(command))
                print(f"# {t.name}: {name}: above for at most {above:.1f} ms", flush=True)
                expect(final <= 256 * MIB, f"memory.max is {final}")


PILE = 600


def make_pile(t, c, directory):
    """Cgroups that were removed and still have a page of a file each, as the payload would make them: by one process of
    ours, which leaves each for the next."""
    above = host.CGROUP + c.cgroup
    os.makedirs(directory, exist_ok=True)

    def fill():
        for number in range(PILE + 1):
            path = f"{above}/pile{number}"
            os.mkdir(path)
            host.write(f"{path}/cgroup.procs", "0")
            host.write(f"{directory}/{number}", "x" * 4096)
            if number:
                host.remove_cgroup(f"{above}/pile{number - 1}")
        return "filled"
    equal(in_child(fill), "filled", "the pile")
    host.remove_cgroup(f"{above}/pile{PILE}")
    # Until the kernel has freed what nothing holds of the cgroups that were removed before: it does so in turn, and this
    # one's is the last.
    path = f"{t.parent}/freed{t.next_number()}"
    os.makedirs(f"{host.CGROUP}{path}/one")
    os.rmdir(f"{host.CGROUP}{path}/one")
    wait_until(lambda: not dying(path), "the end of a cgroup that nothing holds")
    host.remove_cgroup(host.CGROUP + path)


def dying(cgroup):
    for line in host.read(f"{host.CGROUP}{cgroup}/cgroup.stat").splitlines():
        if line.startswith("nr_dying_descendants "):
            return int(line.split()[1])
    return 0


def pile_container(t, rules, name):
    """With memory enabled below its root, which must be free of processes then."""
    c = t.container(name, policy_dir=rules).up()
    done = c.exec("mkdir /sys/fs/cgroup/main && for p in $(cat /sys/fs/cgroup/cgroup.procs); do"
                  " echo $p >/sys/fs/cgroup/main/cgroup.procs; done; cd /sys/fs/cgroup; " + host.ENABLE + "enable memory")
    equal(done.code, 0, f"enabling memory ({done.err})")
    return c


@case("watch.dying", scope="runtime")
def dying_cgroups(t):
    """A pile of removed cgroups: the alarm, and fewer afterwards; where their memory cannot be reclaimed, the words."""
    rules = watch_policy(t, **{"memory.swap.max": 0})
    if "memory" not in host.controllers(t.parent):
        raise Skip("the host does not offer the memory controller")
    c, files = pile_container(t, rules, "pile"), f"{t.work}/pile"
    with t.step("without a watch they stay"):
        make_pile(t, c, files)
        expect(dying(c.cgroup) > PILE // 2, f"{dying(c.cgroup)} are dying of {PILE}")
    with watching(t, rules) as watch:
        with t.step("alarm, reclaimed, gone"):
            began, had = time.monotonic(), dying(c.cgroup)
            wait_until(lambda: "of its removed cgroups" in watch.log(), "their end")
            print(f"# {t.name}: {had} dying cgroups, {dying(c.cgroup)} after {time.monotonic() - began:.1f} s and "
                  f"{watch.count('reclaims')} reclaims", flush=True)
            contains(watch.log(), "removed cgroups still hold memory, more than twice the ceiling of cgroup.max.descendants", "the log")
            expect(dying(c.cgroup) <= 256, f"{dying(c.cgroup)} are left")
            wait_until(lambda: watch.count("dying_alarms") == 0, "the metric")
            equal(watch.count("dying_held"), 0, "dying_held")
    shutil.rmtree(files)
    c.delete()
    held_pile(t, rules)


def held_pile(t, rules):
    """Pages of a tmpfs, without swap: nothing reclaims those but their deletion."""
    c, files = pile_container(t, rules, "held"), "/dev/shm/cgdtest-pile"
    make_pile(t, c, files)
    try:
        with watching(t, rules) as watch:
            with t.step("a tmpfs without swap: only said"):
                # Some kernels let go of them all the same: 7.2 does.
                wait_until(lambda: watch.count("dying_held") == 1 or dying(c.cgroup) <= 256, "its giving up", patience=300)
                print(f"# {t.name}: {dying(c.cgroup)} dying of {PILE}, {watch.count('reclaims')} reclaims", flush=True)
                if dying(c.cgroup) <= 256:
                    raise Skip("this kernel keeps no removed cgroup for the pages of a tmpfs")
                equal(watch.log().count("removed cgroups stay because their memory cannot be reclaimed"), 1, "said")
                expect(dying(c.cgroup) > PILE // 2, f"{dying(c.cgroup)} are dying")
            with t.step("the files gone: over"):
                shutil.rmtree(files)
                wait_until(lambda: watch.count("dying_alarms") == 0, "the end of the alarm")
    finally:
        shutil.rmtree(files, ignore_errors=True)


@case("watch.killed", scope="runtime")
def killed(t):
    """Killed at random moments while containers come and go: the kernel has all that matters."""
    rules, alive = watch_policy(t), []
    watch = watching(t, rules)
    watch.start()
    try:
        end, kills = time.monotonic() + CHAOS_SECONDS, 0
        while time.monotonic() < end:
            alive.append(t.container("come", policy_dir=rules).up())
            host.write(f"{host.CGROUP}{random.choice(alive).cgroup}/cgroup.max.descendants", "max")
            if len(alive) > 4:
                alive.pop(random.randrange(len(alive))).delete()
            if random.random() < 0.5:
                watch.end(signal.SIGKILL)
                kills += 1
                watch.start()
        killed_often(t, alive, kills)
    finally:
        watch.end()


def killed_often(t, alive, kills):
    with t.step("at the end list and the kernel agree, and nothing is above the policy"):
        def above():
            return [c.id for c in alive if host.value(c.cgroup, "cgroup.max.descendants") != "16"]
        wait_until(lambda: not above(), f"the ceilings of {above()}")
        rows = {row["id"]: row["drift"] for row in
                json.loads(run([t.cgdeleg, "list", "--json", "-o", "id,drift"]).out)["grants"]}
        equal({c.id: rows.get(c.id) for c in alive}, {c.id: "" for c in alive}, "the rows")
        print(f"# {t.name}: watch was killed {kills} times", flush=True)
