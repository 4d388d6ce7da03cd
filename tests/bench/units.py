# SPDX-License-Identifier: Apache-2.0
"""Units - what grants in units of systemd cost, in a scope without systemd, and the parts of the helper."""
import contextlib
import os
import shlex
import subprocess
import time

from machine import Held, cost_of_grant, parse_runs, rigs, run_with_hook
from policies import LOWER, SCOPE_POLICY, UNIT_POLICY


@contextlib.contextmanager
def another_grant(bench, runtime):
    """A container that has its grant throughout, as a node has others. Where there is none the kernel patches its code
    for the first guard that is attached and after the last that goes: several times a grant, for whose turn it is."""
    held = Held(bench, runtime, "none", "another", policy=UNIT_POLICY)
    held.rig.create()
    held.rig.wait_relay("before", 30 * rigs.PATIENCE)
    held.rig.go(f"{shlex.join(bench.hook('bench', held.policy, held.rig.audit))} <{shlex.quote(held.stdin)}")
    if held.rig.wait_relay("after", 30 * rigs.PATIENCE) != "0":
        raise RuntimeError("the grant that others are measured beside was refused")
    yield
    held.rig.go()
    held.rig.finish()
    held.rig.delete()
    held.rig.tear_down()


def grant_in_turns(bench, all_held):
    """One grant of each, over and over. [(runs, base)]"""
    specs = []
    for held in all_held:
        words = bench.hook("bench", held.policy, held.rig.audit)
        spec = os.path.join(held.work, "spec")
        rigs.write(spec, "".join("\t".join(line) + "\n" for line in (
            ["-", *words], ["/dev/null", bench.null], ["/dev/null", bench.null])))
        specs.append((held, spec, os.path.join(held.work, "out")))
    for _ in range(bench.options.grants):
        for held, spec, out in specs:
            run_with_hook(held, [bench.spawn, "1", spec, out])
            held.rig.cgroup_is_gone()
    for _, _, out in specs:
        with open(out, encoding="utf-8") as f:
            runs, _, base = parse_runs(f.read(), 3)
        yield runs, base


def bench_units(bench, runtime):
    """What systemd costs: where nothing must change, and where it must."""
    kinds = [("cgroupfs, nothing to change", "cgroupfs", LOWER), ("systemd, nothing to change", "systemd", LOWER),
             ("cgroupfs, lowered", "cgroupfs", {}), ("systemd, lowered through it", "systemd", {})]
    all_held = []
    for i, (_, driver, resources) in enumerate(kinds):
        held = Held(bench, runtime, "none", f"unit{i}", driver, UNIT_POLICY)
        held.rig.resources = resources
        all_held.append(held)
    with another_grant(bench, runtime):
        results = list(grant_in_turns(bench, all_held))
    before = []
    for (name, driver, _), held, (runs, base) in zip(kinds, all_held, results):
        calls = cost_of_grant(bench, held, bench.hook("bench", held.policy, held.rig.audit))
        bench.add(f"grant, {runtime}, {name}", runs, base, calls)
        if driver == "systemd":  # what the row before it does, in multiples of that
            bench.add("  to cgroupfs", runs, before, calls)
        before = runs
    for held in all_held:
        held.rig.tear_down()


def bench_scope(bench):
    """Ceilings in two places, as crun's containers have them under systemd: by the path alone, without systemd."""
    all_held = []
    for name, path in (("flat", "container"), ("scope", "x.scope/container")):
        held = Held(bench, "crun", "none", name, policy=SCOPE_POLICY)
        held.rig.cgroup = held.rig.top = os.path.join(held.rig.parent, path)
        inside = os.path.join("/", os.path.relpath(held.rig.top, rigs.CGROUP))
        held.rig.adapt = lambda config, inside=inside: config["linux"].update(cgroupsPath=inside)
        all_held.append(held)
    results = [runs for runs, _ in grant_in_turns(bench, all_held)]
    for name, held, runs in zip(("a cgroup", "a scope"), all_held, results):
        words = bench.hook("bench", held.policy, held.rig.audit)
        bench.add(f"grant, crun, in {name} of its own (to a cgroup)", runs, results[0], cost_of_grant(bench, held, words))
        held.rig.tear_down()


def bench_helper(bench):
    """The helper's parts: each row has what the row before it has, and one thing more."""
    helper = os.path.join(os.path.dirname(bench.options.hook), "cgdeleg-unit")
    scope = f"cgdbench-{os.getpid()}.scope"
    with subprocess.Popen(["systemd-run", "--quiet", "--scope", "-p", "Delegate=yes", "-u", scope, "sleep", "1000000"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sleeper:
        while not os.path.isdir(f"/sys/fs/cgroup/system.slice/{scope}"):
            time.sleep(0.1)
        words = ["MemoryMax=268435456", "TasksMax=64", "CPUQuotaPerSecUSec=1000000", "CPUQuotaPeriodUSec=100000"]
        all_runs = [[], [], [], []]
        for _ in range(max(1, bench.options.grants // 5)):
            deadline = str(int(time.monotonic() * 1000) + 50000)
            programs = [("/dev/null", w) for w in ([bench.null], [helper, "--version"],
                                                   [helper, "nosuch.scope", deadline, *words],
                                                   [helper, scope, deadline, *words])]
            for runs, more in zip(all_runs, bench.measure(programs, 5)):
                runs += more
        sleeper.kill()
    names = ("helper: start", "helper: and connection, and a call that is refused", "helper: and a call that is done")
    for name, runs in zip(names, all_runs[1:]):
        bench.add(name, runs, all_runs[0])
