# SPDX-License-Identifier: Apache-2.0
"""The doctor's checks of engines, on engines as they come and on one that is broken on purpose."""
import os
import time

from engine import containerd, doctor
from engine.context import HOOK, case
from lib import host
from lib.report import equal

POLICY = """
[profile p]
memory.max             = 64M
cgroup.max.descendants = 20

[handler ci]
engine               = containerd
approved_annotations = cgdeleg.io/writable
profile              = p
"""


@case("doctor.fresh", default=False)
def fresh(t):
    """Nothing is set up, so nothing is amiss, whether the engines run or not."""
    t.policy("")
    with t.step("engines as Debian has them"):
        doctor.finds()
        doctor.check_finds()
    containerd.start()
    t.later(containerd.stop)
    with t.step("a containerd that runs"):
        doctor.finds()
        equal(doctor.results("engine.listens"), {"ok"}, "engine.listens")


def set_up(t, **changes):
    """A containerd with one handler; `changes` of the runtime's table."""
    spec = f"{t.work}/ci.json"
    if not os.path.exists(spec):
        containerd.start()
        containerd.base_spec(spec, "ci")
    table = {"binary": "/usr/sbin/runc", "base_spec": spec, "annotations": ["cgdeleg.io/*"], **changes}
    containerd.configure(containerd.handler_text("ci", **table))
    containerd.restart()


@case("doctor.broken", default=False)
def broken(t):
    t.policy(POLICY)
    t.later(containerd.stop)
    t.later(os.unlink, containerd.CONFIG)
    set_up(t)
    with t.step("set up as the page says"):
        doctor.finds()
        doctor.check_finds()
    with t.step("a hook that is gone"):
        os.rename(HOOK, f"{HOOK}.away")
        try:
            doctor.finds("engine.hook fail")
            doctor.check_finds("CGD404")
        finally:
            os.rename(f"{HOOK}.away", HOOK)
    with t.step("a configuration that has changed since"):
        changed = time.time() + 5
        os.utime(containerd.CONFIG, (changed, changed))
        doctor.finds("engine.restart warn")
        doctor.check_finds("CGD414")
    with t.step("an annotation that does not arrive"):
        set_up(t, annotations=[])
        doctor.finds("engine.annotations warn")
        doctor.check_finds("CGD409")
    with t.step("no hook at all"):
        set_up(t, base_spec="")
        doctor.finds("engine.wired warn")
        doctor.check_finds("CGD401")
    with t.step("a file that is not TOML"):
        host.write(containerd.CONFIG, "version = = 2\n")
        os.utime(containerd.CONFIG, (1, 1))
        doctor.finds("engine.configuration fail", "engine.wired warn")
        doctor.check_finds("CGD401", "CGD412")
