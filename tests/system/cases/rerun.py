# SPDX-License-Identifier: Apache-2.0
"""The hook twice: the second run changes nothing."""
import json

from lib import host
from lib.report import case, equal, expect, same, succeeds

CONTROLLERS = "cpuset cpu io memory hugetlb pids misc"


def nest_policy(t):
    return t.policy("rerun", defaults={"on_missing_limit": "skip"}, profiles={
        "small": {"cgroup.max.descendants": 9, "cgroup.max.depth": 3, "hugetlb.2MB.max": "16M", "nest": "init",
                  "enable_controllers": CONTROLLERS}})


def everything(c, pid):
    """All that a run could change: the cgroups (our attribute is compared apart), and the container's mounts."""
    tree = {path: what[:3] if path.endswith("/.") else what
            for path, what in host.picture_tree(host.CGROUP + c.top).items()}
    return tree, host.mountinfo(pid), json.loads(host.attribute(host.CGROUP + c.cgroup))


@case("rerun.held")
def held(t):
    c = t.container("held", hooks=[], held=True, policy_dir=nest_policy(t))
    state = c.hold()
    with t.step("first run grants"):
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        equal(c.records()[-1]["outcome"], "done", "outcome")
    first = everything(c, state["pid"])
    with t.step("second run changes nothing"):
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        second = everything(c, state["pid"])
        same(first[0], second[0], "the container's cgroups")
        same(first[1], second[1], "the container's mounts")
        same(first[2], second[2], "the attribute")
    with t.step("audit counts no change"):
        equal(c.records()[-1]["steps_changed"], 0, "steps_changed")
    with t.step("the container works afterwards"):
        succeeds(c.release(), "the runtime's end")
        c.start()
        done = c.exec("mkdir /sys/fs/cgroup/child; echo max >/sys/fs/cgroup/cgroup.max.depth")
        expect("Permission denied" in done.err and "mkdir" not in done.err, f"the container's hands: {done.text}")


@case("rerun.listed")
def listed_twice(t):
    with t.step("created, writable, two records"):
        c = t.container("twice", hooks=lambda c: [c.the_hook(), c.the_hook()], policy_dir=nest_policy(t)).up()
        equal([record["outcome"] for record in c.records()], ["done", "done"], "outcomes")
        equal(c.exec("mkdir /sys/fs/cgroup/child").text, "exit 0: ", "a child")
