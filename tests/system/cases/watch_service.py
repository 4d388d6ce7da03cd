# SPDX-License-Identifier: Apache-2.0
"""cgdeleg watch as deploy's hardened unit."""
import os
import re
import stat

from lib import host, metrics, policy
from lib.process import run, wait_until
from lib.report import Skip, case, equal, expect
from lib.watch import stopped

from cases.guard import guards_of
from cases.watch import MIB, PROFILE
from cases.watch_guard import guard_policy, take_off

UNIT, LISTS = "cgdeleg-watch-test.service", "cgdeleg-metrics-test.service"
PLACE = "/opt/cgdtest"  # the unit sees no /var/tmp of ours
METRICS = "/var/lib/prometheus/node-exporter/cgdeleg.prom"
LISTED = "/var/lib/prometheus/node-exporter/cgdeleg-list.prom"


def service_guard(t, c):
    if not guards_of(c):
        raise Skip("this build has no guards")
    for words in (["guard", "load"], ["guard", "unload"]):
        equal(run([t.cgdeleg, *words]).code, 0, " ".join(words))
        with stopped(int(run(["systemctl", "show", "-P", "MainPID", UNIT]).out)):
            if not take_off(t, c):
                raise Skip("this runtime leaves the device programs alone")
            equal(guards_of(c), [], "guards on the cgroup")
        try:
            wait_until(lambda: guards_of(c), "the guard")
        except TimeoutError:
            print(run(["journalctl", "-u", UNIT, "-n", "20", "--no-pager"]).out, flush=True)
            raise
        pins = os.listdir("/sys/fs/bpf/cgdeleg")
        print(f"# {t.name}: pins {pins} {[os.listdir('/sys/fs/bpf/cgdeleg/' + p) for p in pins]}", flush=True)


def unit_text(t, name, command, instead):
    """deploy's unit with another command."""
    text = host.read(f"{os.path.dirname(t.hook)}/{name}")
    expect(f"/bin/cgdeleg {command}" in text, f"{name} does not call cgdeleg {command}")
    return re.sub(rf"(?<==)/\S*/bin/cgdeleg {command}", instead, text)


def service_metrics(c, program, t):
    """The unit that the timer starts: what the guards have counted needs the most rights of all."""
    host.write(f"/run/systemd/system/{LISTS}", unit_text(t, "cgdeleg-metrics.service", "list", f"{program} list"))
    run(["systemctl", "daemon-reload"])
    done = run(["systemctl", "start", LISTS])
    equal(done.code, 0, f"{done.text}{run(['journalctl', '-u', LISTS, '-n', '20', '--no-pager']).out}")
    families = metrics.read(host.read(LISTED), prometheus=True)
    for name in ("cgdeleg_grant_info", "cgdeleg_descendants", *(["cgdeleg_device_refusals"] if guards_of(c) else [])):
        equal(len([1 for have, _ in families[name]["samples"] if have["id"] == c.id]), 1, f"samples of {name}")


@case("watch.service")
def service(t):
    """The hardened unit: it becomes ready, does its work, reloads, and systemd thinks well of it."""
    if not host.has_systemd() or not os.path.exists(f"{os.path.dirname(t.hook)}/cgdeleg-watch.service"):
        raise Skip("needs systemd as init, and deploy's unit beside the hook: the virtual machines have both")
    rules = guard_policy(t)
    # deploy's unit with this build's program, and a short interval.
    run(["cp", "-r", os.path.dirname(t.cgdeleg), PLACE])
    program = f"{PLACE}/cgdeleg"
    if os.path.exists(f"{program}.bin"):
        host.write(program, f'#!/bin/sh\nLD_LIBRARY_PATH={PLACE}/lib exec {program}.bin "$@"\n')
    run(["cp", "-r", rules, f"{PLACE}/policy"])
    host.write(f"/run/systemd/system/{UNIT}",
               unit_text(t, "cgdeleg-watch.service", "watch",
                         f"{program} watch --interval 1 --policy {PLACE}/policy --helpers {PLACE} --metrics {METRICS}"))
    os.makedirs(os.path.dirname(METRICS), mode=0o755, exist_ok=True)
    run(["systemctl", "daemon-reload"])
    c = t.container("service", policy_dir=rules).up()
    try:
        with t.step("ready"):
            equal(run(["systemctl", "start", UNIT]).code, 0, "systemctl start")
        with t.step("puts back"):
            host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "9")
            wait_until(lambda: host.value(c.cgroup, "cgroup.max.depth") == "4", "its ceiling")
        with t.step("systemd hears of it too"):
            # What systemd is not told of it writes again at its next occasion: the hardened unit must be let tell it.
            if t.driver != "systemd":
                raise Skip("with the cgroupfs driver no unit of systemd's has the limit")
            unit, most = os.path.basename(c.top), str(256 * MIB)
            equal(run(["systemctl", "set-property", "--runtime", unit, "MemoryMax=700M"]).code, 0, "set-property")
            wait_until(lambda: run(["systemctl", "show", "-P", "MemoryMax", unit]).out.strip() == most,
                       "systemd's own idea of the limit")
            equal(run(["systemctl", "daemon-reload"]).code, 0, "daemon-reload")
            equal(host.value(c.top, "memory.max"), most, "the limit after a daemon-reload")
        with t.step("its counters can be read by who is not root"):
            wait_until(lambda: os.path.exists(METRICS), "the counters")
            equal(stat.S_IMODE(os.stat(METRICS).st_mode), 0o644, "mode")
            equal(os.path.exists(f"{METRICS}.new"), False, "a file that is left over")
        with t.step("the unit that lists what containers use writes it beside them"):
            service_metrics(c, program, t)
        with t.step("puts the guard back, also where it has to load it"):
            service_guard(t, c)
        with t.step("reloads"):
            equal(run(["systemctl", "reload", UNIT]).code, 0, "systemctl reload")
            # "reloading" until it has said that it is ready again
            wait_until(lambda: run(["systemctl", "is-active", UNIT]).out == "active\n", "the end of the reload")
        with t.step("and reads the policy"):
            policy.write(f"{PLACE}/policy", defaults={"on_missing_limit": "skip"},
                         profiles={"small": {**PROFILE, "cgroup.max.depth": 2}})
            equal(run(["systemctl", "reload", UNIT]).code, 0, "systemctl reload")
            wait_until(lambda: host.value(c.cgroup, "cgroup.max.depth") == "2", "the new ceiling")
        with t.step("exposure is at most 1.6"):
            done = run(["systemd-analyze", "security", "--no-pager", UNIT])
            last = [line for line in done.out.splitlines() if "Overall exposure level" in line][-1]
            print(f"# {last}", flush=True)
            expect(float(last.split(": ")[1].split()[0]) <= 1.6, last)
    finally:
        run(["systemctl", "stop", UNIT])
        for unit in (UNIT, LISTS):
            run(["rm", "-f", f"/run/systemd/system/{unit}"])
        run(["systemctl", "daemon-reload"])
        run(["rm", "-rf", PLACE, METRICS, LISTED])
