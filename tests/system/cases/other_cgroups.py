# SPDX-License-Identifier: Apache-2.0
"""Other ways to a cgroup: a mount below the root filesystem that shows cgroups, beside the container's own."""
import os

from lib import host
from lib.expect import granted, refused
from lib.process import run
from lib.report import Skip, case, contains, equal, expect

SAYS = "has a second way to cgroups: "


def bind(source, destination, *options):
    return {"destination": destination, "type": "bind", "source": source, "options": [*options, "nosuid", "nodev", "noexec"]}


def made_volume(t, name):
    """A mount of its own, with a directory "here" to mount something on."""
    path = f"{t.work}/{name}{t.next_number()}"
    os.makedirs(f"{path}/here")
    equal(run(["mount", "--bind", path, path]).code, 0, "mount")
    t.later(run, ["umount", "--recursive", "--lazy", path])
    return path


def not_granted(t, name, mount, what):
    c = t.container(name, mounts=[mount])
    refused(c, SAYS + what)
    reasons = [reason["code"] for reason in c.records()[-1]["reasons"] if reason["kind"] == "refuses"]
    expect("other-cgroup-mount" in reasons, f"the reasons: {reasons}")
    contains(checked(c), "refuses other-cgroup-mount: ", "what check says of config.json alone")


def checked(c):
    """What `check` says of the bundle, before there is a container."""
    return run([c.t.cgdeleg, "check", "--policy", c.policy_dir, "--handler", c.handler, "--bundle", c.dir]).out


@case("other.mounts", scope="runtime")
def mounts(t):
    """Whichever tree, subtree or file it shows, and whether it may be written or not."""
    neighbour = t.container("neighbour", hooks=[]).up()
    tree, limit = host.CGROUP + neighbour.cgroup, host.CGROUP + neighbour.cgroup + "/cgroup.max.depth"
    with t.step("the host's whole tree"):
        not_granted(t, "tree", bind(host.CGROUP, "/host", "bind"), "cgroup2 '")
    with t.step("read-only"):
        not_granted(t, "readonly", bind(host.CGROUP, "/host", "bind", "ro"), "cgroup2 '")
    with t.step("a neighbour's cgroup"):
        not_granted(t, "subtree", bind(tree, "/host", "bind"), f"cgroup2 '{neighbour.cgroup}' is mounted at '/host'")
    with t.step("one file of it"):
        not_granted(t, "file", bind(limit, "/host/limit", "bind"), f"cgroup2 '{neighbour.cgroup}/cgroup.max.depth' is mounted at '/host/limit'")
    with t.step("cgroup2 mounted anew, by the runtime"):
        not_granted(t, "fresh", {"destination": "/host", "type": "cgroup", "source": "cgroup", "options": ["ro"]}, "cgroup2 '")
    with t.step("control: a bind of a directory beside it is granted"):
        c = t.container("control", mounts=[bind(t.rootfs, "/host", "bind", "ro")]).up()
        granted(c)
        expect("other-cgroup-mount" not in checked(c), "check refuses it")


@case("other.rbind", scope="runtime")
def rbind(t):
    """A volume, bound with all that is mounted below it."""
    volume = made_volume(t, "below")
    equal(run(["mount", "--bind", host.CGROUP, f"{volume}/here"]).code, 0, "mount")
    c = t.container("rbind", held=True, mounts=[bind(volume, "/host", "rbind")])
    pid = c.hold()["pid"]
    brought = any("/host/here " in line for line in host.read(f"/proc/{pid}/mountinfo").splitlines())
    with t.step("what is mounted below the volume"):
        if not brought:
            raise Skip(f"this {t.runtime} binds the volume alone")
        refuses(c, "is mounted at '/host/here'")


@case("other.name", scope="runtime")
def name(t):
    """What is beside the root filesystem is gone after pivot_root, also where its path begins alike."""
    c = t.container("alike", own_rootfs=True, held=True)
    beside = f"{c.rootfs}2"
    os.mkdir(beside)
    enter = ["nsenter", "--mount", "--target", str(c.hold()["pid"])]
    equal(run([*enter, "mount", "--bind", host.CGROUP, beside]).code, 0, "mount")
    with t.step("a path that begins alike: granted"):
        equal(c.release().code, 0, "create")
        granted(c)


@case("other.later", scope="runtime")
def later(t):
    """Made after config.json's mounts, and before the hook."""
    with t.step("propagated from the host into a volume"):
        volume = made_volume(t, "shared")
        equal(run(["mount", "--make-shared", volume]).code, 0, "mount")
        c = t.container("slave", held=True, mounts=[bind(volume, "/host", "rbind", "rslave")])
        pid = c.hold()["pid"]
        equal(run(["mount", "--bind", host.CGROUP, f"{volume}/here"]).code, 0, "mount")
        if "/host/here " not in host.read(f"/proc/{pid}/mountinfo"):  # crun 1.28 brings a copy without its peers
            equal(c.release().code, 0, "create")
            raise Skip("what is mounted in the volume does not come into the container under this runtime")
        refuses(c, "is mounted at '/host/here'")
    with t.step("under the container's own"):
        c = t.container("under", held=True)
        enter = ["nsenter", "--mount", "--target", str(c.hold()["pid"])]
        own = f"{c.rootfs}/sys/fs/cgroup"
        script = 'mount --bind "$1" "$2" && mount --bind "$3" "$1" && mount --bind "$2" "$1" && umount "$2"'
        aside = f"{t.work}/aside"
        os.mkdir(aside)
        equal(run([*enter, "sh", "-ec", script, "sh", own, aside, host.CGROUP]).text, "exit 0: ", "mount")
        refuses(c, "is mounted at '/sys/fs/cgroup', hidden by the container's own")
    with t.step("control: its own once more is granted"):
        c = t.container("twice", held=True)
        enter = ["nsenter", "--mount", "--target", str(c.hold()["pid"])]
        equal(run([*enter, "mount", "--bind", f"{c.rootfs}/sys/fs/cgroup", f"{c.rootfs}/sys/fs/cgroup"]).code, 0, "mount")
        equal(c.release().code, 0, "create")
        granted(c)


def refuses(c, part):
    """A held container that is let go and not created."""
    expect(c.release().code != 0, "the container was created")
    equal(c.records()[-1]["verdict"], "refuse", "the verdict")
    contains(c.records()[-1]["error"], part, "the error")


@case("other.readonly", scope="runtime")
def readonly(t):
    """on_refusal = readonly: it runs, without the grant; the other mount is left as its engine made it."""
    policy = t.policy("other", defaults={"on_refusal": "readonly"})
    c = t.container("readonly", policy_dir=policy, mounts=[bind(host.CGROUP, "/host", "bind", "ro")]).up()
    with t.step("it runs, and its cgroup is host root's"):
        equal(c.records()[-1]["verdict"], "readonly", "the verdict")
        equal(host.picture_cgroup(host.CGROUP + c.cgroup)["."][:2], (0, 0), "the owner")
    with t.step("the other mount is there"):
        expect("cgroup.procs" in c.exec("ls /host").out, "the mount is gone")
