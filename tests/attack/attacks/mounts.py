# SPDX-License-Identifier: Apache-2.0
"""Mounts: the container's cgroup mount changed, taken away, or made anew."""
from lib import host
from lib.report import expect
from suite.registry import attack, judge

OTHERS = "the kernel refuses it to every user namespace; cgdeleg refuses nothing here"


def options():
    return [line for line in host.mountinfo(1) if " cgroup2 " in line]


@attack("mount.change", "Mounts", "Remount and reconfigure, unmount what is on top, mount cgroup2 anew: "
        "see another cgroup, or change the host's mount options", control=OTHERS)
def change(box):
    before = options()
    outcome = judge(box.ask("mounts"))
    # Taken away lazily, the mount is gone from the copies too where they share it: look again.
    expect(options() == before, f"the host's mount options changed: {options()}")
    expect(host.has_nsdelegate(), "nsdelegate is gone")
    return outcome
