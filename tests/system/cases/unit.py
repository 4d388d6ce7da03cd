# SPDX-License-Identifier: Apache-2.0
"""Units: where systemd manages the container's cgroup, its ceilings go through systemd and stay."""
import contextlib
import os
import re
import shutil
import socket
import subprocess

from lib import host
from lib.expect import granted, nothing_left, one_sentence
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal, expect, same, succeeds

MIB = 1024 * 1024
BUS = ("/run/systemd/private", "/run/dbus/system_bus_socket")
LIMITS = {"memory.max": "256M", "memory.high": "224M", "memory.swap.max": "64M", "pids.max": 64, "cpu.max": "1.23456",
          "cpuset.cpus": "0", "cgroup.max.descendants": 16, "cgroup.max.depth": 4}
# What the kernel's file of the unit's cgroup shows: CPU quotas are whole percents.
SHOWN = {"memory.max": str(256 * MIB), "memory.high": str(224 * MIB), "memory.swap.max": str(64 * MIB),
         "pids.max": "64", "cpu.max": "123000 100000", "cpuset.cpus": "0"}
PROPERTIES = {"MemoryMax": str(256 * MIB), "MemoryHigh": str(224 * MIB), "MemorySwapMax": str(64 * MIB),
              "TasksMax": "64", "CPUQuotaPerSecUSec": "1.230000s", "AllowedCPUs": "0"}


def unit_policy(t, **changes):
    if "memory" not in host.controllers():
        raise Skip("the host does not offer the controllers that systemd manages")
    values = {**LIMITS, **changes}
    if t.machine.device:
        values["io.max"] = f"{t.machine.device} rbps=10M"
    return t.policy("unit", profiles={"small": values})


def unit_of(c):
    return os.path.basename(c.top)


def properties(c):
    done = run(["systemctl", "show", "-p", ",".join(PROPERTIES), unit_of(c)])
    return dict(line.split("=", 1) for line in done.out.splitlines())


def reload_systemd(times=1):
    for _ in range(times):
        succeeds(run(["systemctl", "daemon-reload"]), "daemon-reload")


def check_shown(t, c, when):
    same(SHOWN, {name: host.value(c.top, name) for name in SHOWN}, f"the unit's files {when}")
    if t.machine.device:
        contains(host.value(c.top, "io.max"), f"{t.machine.device} rbps={10 * MIB} ", f"io.max {when}")


def helper_runs(trace):
    """How often the helper was executed, by the trace of all that the hook and its children did."""
    return sum("execveat(" in line for line in host.read(trace).splitlines())


def trace_hook(t, c, state):
    path = f"{c.dir}/trace"
    done = run(["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,execveat,connect", "-o", path, t.hook, *c.hook_args()],
               data=state)
    return done, path


@case("unit.kept", driver="systemd")
def kept(t):
    """Granted through systemd; what is written to the files is what systemd remembers; root may raise it."""
    c = t.container("kept", policy_dir=unit_policy(t)).up()
    with t.step("the kernel's files show the ceilings"):
        granted(c)
        check_shown(t, c, "after the grant")
        contains(" ".join(c.records()[-1]["plan"]), f"limits of {unit_of(c)} at most, through systemd: MemoryMax=", "the plan")
        equal(c.records()[-1]["unit"], unit_of(c), "the record's unit")
    with t.step("systemd remembers them"):
        same(PROPERTIES, properties(c), "the unit's properties")
    before = host.picture_tree(host.CGROUP + c.top)
    with t.step("nothing has changed after five daemon-reloads"):
        reload_systemd(5)
        check_shown(t, c, "after the reloads")
        same(before, host.picture_tree(host.CGROUP + c.top), "the unit's cgroups")
    with t.step("root raises one: it is raised, the others stay"):
        succeeds(run(["systemctl", "set-property", "--runtime", unit_of(c), f"MemoryMax={512 * MIB}"]), "set-property")
        wait_until(lambda: host.value(c.top, "memory.max") == str(512 * MIB), "the raised limit")
        equal({name: host.value(c.top, name) for name in SHOWN if name != "memory.max"},
              {name: value for name, value in SHOWN.items() if name != "memory.max"}, "the others")
        if c.has_scope:  # what lies below the unit is not systemd's
            equal(host.value(c.cgroup, "memory.max"), str(256 * MIB), "the container's own file")
    with t.step("systemd forgets them with the container"):
        unit = unit_of(c)
        c.delete()
        wait_until(lambda: not [d for d in os.listdir("/run/systemd/transient") if d.startswith(unit)],
                   "the end of the unit's files")


@case("unit.untouched", driver="systemd")
def untouched(t):
    """Nothing is above its ceiling: no helper is executed and no bus is spoken to."""
    lower = {"memory": {"limit": 128 * MIB}, "pids": {"limit": 32},
             "cpu": {"quota": 50000, "period": 100000, "cpus": "0"}}
    policy = t.policy("untouched", profiles={"small": {
        "memory.max": "256M", "pids.max": 64, "cpu.max": 1, "cpuset.cpus": "0", "cgroup.max.descendants": 16}})
    for name, resources, runs in (("its own limits are lower", lower, 0), ("control: it has none", {}, 1)):
        with t.step(f"{name}: the helper runs {runs} times"):
            c, state = held_scope(t, "low", policy_dir=policy, resources=resources)
            done, trace = trace_hook(t, c, state)
            equal(done.text, "exit 0: ", "the hook")
            equal(helper_runs(trace), runs, f"helpers ({host.read(trace)})")
            equal("systemd/private" in host.read(trace), runs > 0, "systemd's socket is connected to")
            if not runs:
                equal(host.value(c.top, "memory.max"), str(128 * MIB), "memory.max")
            equal(c.release().code, 0, "the runtime")
            granted(c)


@case("unit.again", driver="systemd")
def again(t):
    """A second run finds all as it should be and asks nobody."""
    c, state = held_scope(t, "again")
    equal(c.call_hook(state).text, "exit 0: ", "the hook")
    with t.step("the second run asks nobody"):
        before = host.picture_tree(host.CGROUP + c.top)
        done, trace = trace_hook(t, c, state)
        equal(done.text, "exit 0: ", "the hook")
        equal(helper_runs(trace), 0, "helpers")
        same(before, host.picture_tree(host.CGROUP + c.top), "the cgroups")


def in_mounts(script):
    """In a mount namespace of its own, behind a line of shell: the test's way to another bus. The hook has none."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", f'set -e; {script}; exec "$@"', "sh"]


def over(source):
    return "; ".join(f"mount --bind {source} {path}" for path in BUS if os.path.exists(path))


def held_scope(t, name, policy_dir=None, **knobs):
    """A container where its first hook would be, and what its hook needs."""
    c = t.container(name, held=True, hooks=[], policy_dir=policy_dir or unit_policy(t), **knobs)
    c.hold()
    return c, host.read(f"{c.dir}/state").encode()


def refuses(t, c, state, before, command, part, **changes):
    done = run([*command, t.hook, *c.hook_args(**changes)], data=state)
    equal((done.code, done.out), (1, ""), f"exit and stdout ({done.err})")
    one_sentence(done.err, part)
    unchanged(c, before)
    return done.err


def late(error):
    """The helper says it; or the hook, of the helper that did not finish."""
    expect(re.search("through systemd: (systemd did not answer|the helper did not finish) in time", error),
           f"the error is: {error}")


def is_all_cpus(path, value):
    """Below crun's scope it is what the scope had when it was restored, which is before the scope itself was."""
    parent = os.path.dirname(os.path.dirname(path))
    return path.endswith("/cpuset.cpus") and (
        parent.endswith(".scope") or value == host.value(parent, "cpuset.cpus.effective"))


def unchanged(c, before):
    """A set of CPUs that was empty cannot be emptied again while there is a process: all CPUs mean the same."""
    now = host.picture_tree(host.CGROUP + c.top)
    for path, (*others, value) in now.items():
        if is_all_cpus(path, value) and before[0][path][-1] == "":
            now[path] = (*others, "")
    same(before[0], now, "the cgroups")
    same(before[1], properties(c), "the unit's properties")


def is_undone(t, c, state, before):
    """The very last step fails: all is taken back."""
    last = "mount_setattr" if t.runtime == "runc" else "move_mount"
    refuses(t, c, state, before, ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={last}", "-e",
                                  f"inject={last}:error=EPERM"], "Operation not permitted")
    record = c.records()[-1]
    equal((record["outcome"], record.get("undo_error")), ("undone", None), "the outcome")


@case("unit.failing", driver="systemd")
def failing(t):
    """A bus that hangs or is gone, a helper that is not root's: one sentence, and all is as before."""
    c, state = held_scope(t, "bus")
    before = (host.picture_tree(host.CGROUP + c.top), properties(c))
    helper = f"{t.helpers}/cgdeleg-unit"
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as deaf:
        silent.bind(f"{c.dir}/silent")
        silent.listen(64)
        deaf.bind(f"{c.dir}/deaf")
        with t.step("the bus never answers"):
            late(refuses(t, c, state, before, in_mounts(over(f"{c.dir}/silent")), "through systemd", deadline="8"))
        for name, script, part in (
                ("nobody listens on the bus", over(f"{c.dir}/deaf"), "systemd cannot be reached"),
                ("the bus is no socket", over("/etc/hostname"), "systemd cannot be reached"),
                ("no helper", f"mount -t tmpfs -o mode=755 none {os.path.dirname(helper)}", "No such file or directory"),
                ("others can write beside the helper", f"mount -t tmpfs -o mode=757 none {os.path.dirname(helper)}",
                 "writable by nobody else"),
                ("others can write the helper",
                 f"cp {helper} {c.dir}/copy; chmod 757 {c.dir}/copy; mount --bind {c.dir}/copy {helper}",
                 "writable by nobody else"),
                ("the helper is no program", f"mount --bind /etc/hostname {helper}", "the program cannot be executed")):
            with t.step(name):
                refuses(t, c, state, before, in_mounts(script), part)
    with t.step("the very last step fails: systemd is told the old values"):
        is_undone(t, c, state, before)
    with t.step("control: it is granted"):
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        granted(c)


@case("unit.reloading", driver="systemd")
def reloading(t):
    """systemd is busy with a reload when it is asked. Should that take longer than the hook has, nothing is left."""
    for i in range(3):
        with t.step(f"granted while systemd reloads ({i + 1})"):
            c = t.container("busy", held=True, policy_dir=unit_policy(t))
            c.hold()
            with subprocess.Popen(["systemctl", "daemon-reload"]) as busy:
                code = c.release().code
                busy.wait()
            if code:
                late(c.records()[-1]["error"])
                equal(c.records()[-1]["outcome"], "undone", "the outcome")
                nothing_left(c)
            else:
                granted(c)
                check_shown(t, c, "after the reload")
            c.delete()


SLOW = "cgdtest-slow.service"
UNITS = "/run/systemd/system"


@contextlib.contextmanager
def slow_service():
    """A service that is starting for as long as it is let, and every scope of these tests ordered behind it. Stopped, a
    scope stays in that until its processes are gone: they are sent a signal that does nothing."""
    os.makedirs(f"{UNITS}/cgdtest-.scope.d")
    host.write(f"{UNITS}/{SLOW}", "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\n"
                                  "ExecStart=/bin/sleep 1000000\n")
    host.write(f"{UNITS}/cgdtest-.scope.d/slow.conf", f"[Unit]\nAfter={SLOW}\n[Scope]\nKillSignal=SIGCONT\n"
                                                      "TimeoutStopSec=infinity\n")
    reload_systemd()
    try:
        yield
    finally:
        run(["systemctl", "stop", SLOW])
        shutil.rmtree(f"{UNITS}/cgdtest-.scope.d")
        os.unlink(f"{UNITS}/{SLOW}")
        reload_systemd()


def jobs(unit):
    """[(type, state)] of what is queued for it."""
    lines = run(["systemctl", "list-jobs", "--no-legend", "--plain", unit]).out.splitlines()
    return [tuple(line.split()[2:4]) for line in lines if line.split()[1:2] == [unit]]


def queue(verb, unit, wanted):
    succeeds(run(["systemctl", verb, "--no-block", unit]), verb)
    wait_until(lambda: jobs(unit) == [wanted], f"the job of {unit}, which has {jobs(unit)}")


def with_job(t, name, verb, wanted):
    """Grant, and grant that is undone, while systemd has a job for the scope, which is still there afterwards."""
    c, state = held_scope(t, name)
    unit = unit_of(c)
    before = (host.picture_tree(host.CGROUP + c.top), properties(c))
    if verb == "start":  # of one that runs: behind SLOW it waits all the same
        queue("start", SLOW, ("start", "running"))
    queue(verb, unit, wanted)
    with t.step(f"a job '{' '.join(wanted)}': the last step fails, all is undone"):
        is_undone(t, c, state, before)
        equal(jobs(unit), [wanted], "the job")
    with t.step(f"a job '{' '.join(wanted)}': granted"):
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        granted(c)
        check_shown(t, c, "with the job")
        same(PROPERTIES, properties(c), "the unit's properties")
        equal(jobs(unit), [wanted], "the job")
    return c


@case("unit.job", driver="systemd")
def job(t):
    """
    systemd has a job for the scope when it is asked for limits: a start that waits for another unit's, or a stop that
    does not come to its end. And the runtime's own start: both wait for its end, and call their hooks then.
    """
    with slow_service():
        queue("start", SLOW, ("start", "running"))
        own_job(t)
        c = with_job(t, "start", "start", ("start", "waiting"))
        with t.step("the job ends: the ceilings stay"):
            run(["systemctl", "stop", SLOW])
            wait_until(lambda: not jobs(unit_of(c)), "the job's end")
            check_shown(t, c, "after the job")
            equal(c.release().code, 0, "the runtime")
        c.delete()
        c = with_job(t, "stop", "stop", ("stop", "running"))
        unit = unit_of(c)
        c.delete()
        wait_until(lambda: not jobs(unit), "the job's end")


def own_job(t):
    c = t.container("own", held=True, policy_dir=unit_policy(t))
    with t.step("the runtime's own job: no hook before its end"):
        starter = c.begin()
        wait_until(lambda: jobs(unit_of(c)) == [("start", "waiting")], "the runtime's job")
        # Another's whole creation, begun later and in nobody's way: there was time for a hook.
        t.container("free", cgroups_path=f"system.slice:cgdfree:{c.id}", policy_dir=unit_policy(t)).up().delete()
        equal((jobs(unit_of(c)), starter.poll(), os.path.exists(f"{c.dir}/state")), ([("start", "waiting")], None, False),
              "the job, the runtime, a hook's state")
        run(["systemctl", "stop", SLOW])
        c.wait_held()
        equal(jobs(unit_of(c)), [], "the job")
    with t.step("and then it is granted"):
        equal(c.release().code, 0, "the runtime")
        granted(c)
        check_shown(t, c, "after the grant")
    c.delete()


@case("unit.shared", driver="systemd")
def shared(t):
    """A scope that has something else in it is not the container's alone: only the container's own cgroup is bounded."""
    if t.runtime != "crun":
        return
    for name, beside in (("control: nothing else", None), ("another cgroup", "other")):
        with t.step(name):
            c, state = held_scope(t, "shared")
            if beside:
                os.mkdir(f"{host.CGROUP}{c.top}/{beside}")
            equal(c.call_hook(state).text, "exit 0: ", "the hook")
            granted(c)
            plan = "; ".join(c.records()[-1]["plan"])
            equal(("scope: " in plan, "through systemd" in plan), (not beside, not beside), "the scope's ceilings")
            equal(host.value(c.cgroup, "cgroup.max.descendants"), "16", "the container's ceiling")
            equal(host.value(c.top, "cgroup.max.descendants"), "max" if beside else "17", "the scope's")
            if beside:
                os.rmdir(f"{host.CGROUP}{c.top}/{beside}")
            c.delete()


@case("unit.percent", driver="systemd")
def percent(t):
    """Less than a percent of a CPU is nothing that systemd can remember; the file has it."""
    with t.step("written to the file"):
        c = t.container("percent", policy_dir=unit_policy(t, **{"cpu.max": "5000 1000000"})).up()
        equal(host.value(c.top, "cpu.max"), "5000 1000000", "cpu.max")
        contains("; ".join(c.records()[-1]["plan"]), "cpu.max at most 5000 1000000", "the plan")


@case("unit.lookalike", driver="cgroupfs")
def lookalike(t):
    """A cgroup of a runtime's own that is called as a unit is: nobody is asked about it."""
    with t.step("granted without systemd"):
        c, state = held_scope(t, "like", policy_dir=t.policy_dir, cgroups_path=f"{t.parent}/like.slice/like.scope")
        done, trace = trace_hook(t, c, state)
        equal((done.text, helper_runs(trace)), ("exit 0: ", 0), "the hook, and helpers")
        expect("unit" not in c.records()[-1], "the record names a unit")
        equal(c.release().code, 0, "the runtime")
    c.delete()
    host.remove_tree(f"{t.parent}/like.slice")
