# SPDX-License-Identifier: Apache-2.0
"""User namespaces: mapped, joined by path, pinned; and those that do not count."""
from lib import host
from lib.bundle import BASE
from lib.expect import granted, nothing_left, refused
from lib.process import run
from lib.report import case, equal, expect


def is_usable(c):
    done = c.exec("mkdir /sys/fs/cgroup/child && echo max >/sys/fs/cgroup/cgroup.max.depth")
    expect("Permission denied" in done.err, f"the own ceiling was not refused: {done.text}")
    status = host.picture_cgroup(f"{host.CGROUP}{c.cgroup}/child")["."]
    equal(status[:2], (BASE, BASE), "owner of the child that the container made")


@case("userns.path")
def by_path(t):
    first = t.container("first", hooks=[]).up()
    path = f"/proc/{first.pid()}/ns/user"
    with t.step("the first container's namespace"):
        c = t.container("second", userns_path=path).up()
        granted(c)
        is_usable(c)
    with t.step("a namespace pinned by a bind mount"):
        pinned = f"{t.work}/userns"
        host.write(pinned, "")
        equal(run(["mount", "--bind", path, pinned]).code, 0, "mount --bind")
        try:
            c = t.container("pinned", userns_path=pinned).up()
            granted(c)
            is_usable(c)
            c.delete()
        finally:
            run(["umount", pinned])


@case("userns.cgroupns")
def other_cgroupns(t):
    """The cgroup namespace of another container: its root is not this one's cgroup."""
    first = t.container("first", hooks=[]).up()
    c = t.container("joins")
    for namespace in c.config["linux"]["namespaces"]:
        if namespace["type"] == "cgroup":
            namespace["path"] = f"/proc/{first.pid()}/ns/cgroup"
    c.save()
    with t.step("joined by path: not created"):
        expect(c.create().code != 0, "the container was created")
        # crun does not come to its hooks: it cannot mount a cgroup that the namespace does not show.
        equal([record["verdict"] for record in c.records()], ["error"] if t.runtime == "runc" else [], "the records")
        nothing_left(c)
    with t.step("the first container's cgroup is as it was"):
        equal(host.attribute(host.CGROUP + first.cgroup), None, "the mark")


@case("userns.refused", scope="runtime")
def not_counting(t):
    with t.step("no user namespace"):
        refused(t.container("none", maps=None), "has no user namespace of its own")
    with t.step("identity map"):
        refused(t.container("identity", maps=[(0, 0, 65536)]), "maps host id 0 ('0 0 ")
    with t.step("a second extent reaches host id 0"):
        refused(t.container("extent", maps=[(0, BASE, 1000), (1000, 0, 1)]), "maps host id 0")
    with t.step("read-only paths over the mount"):
        refused(t.container("covered", readonly_paths=["/sys/fs"]), "is in the container's readonlyPaths")
    with t.step("control: the same with a map is granted"):
        granted(t.container("control").up())


@case("owner")
def owner(t):
    """owner = process: the cgroup goes to the user that config.json names, through the maps."""
    profile = {"owner": "process", "cgroup.max.descendants": 5, "cgroup.max.depth": 2}
    c = t.container("owner", uid=1000, gid=1001, policy_dir=t.policy("owner", profiles={"small": profile})).up()
    with t.step("owned by the mapped user"):
        picture = host.picture_cgroup(host.CGROUP + c.cgroup)
        for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            equal(picture[name][:2], (BASE + 1000, BASE + 1001), f"owner of {name}")
    with t.step("that user makes a child, and no ceiling moves"):
        done = c.exec_as("1000:1001", "id -u; mkdir /sys/fs/cgroup/child && echo max >/sys/fs/cgroup/cgroup.max.depth")
        equal(done.out, "1000\n", "who asks")
        expect("Permission denied" in done.err, f"not refused: {done.text}")
        equal(host.picture_cgroup(f"{host.CGROUP}{c.cgroup}/child")["."][0], BASE + 1000, "owner of the child")
    with t.step("an unmapped user is refused"):
        refused(t.container("unmapped", uid=1000, gid=1001, maps=[(0, BASE, 1001)],
                            policy_dir=t.policy("owner", profiles={"small": profile})), "")
