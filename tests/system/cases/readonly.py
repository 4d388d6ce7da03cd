# SPDX-License-Identifier: Apache-2.0
"""
Refused but running: nothing of the cgroup is the container's, whatever it mounts.

The containers here have CAP_SYS_ADMIN in their user namespace and the host's mount and unshare programs. The
control, a granted container with the same script, shows that the script could tell.
"""
import glob
import os

from cases.grant_guard import why_not
from lib import host
from lib.expect import granted, refused as refused_by
from lib.report import Skip, case, contains, equal, expect

# The dynamic linker and the libraries beside it, as they appear under /host.
LINKER = os.path.realpath([*glob.glob("/lib64/ld-linux*"), *glob.glob("/lib/ld-linux*")][0]).removeprefix("/usr")
LOADED = f"/host{LINKER} --library-path /host{os.path.dirname(LINKER)}"
HOST_USR = [{"destination": "/host", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}]
TRY = """
try() {
    mkdir "$2/made" 2>/dev/null && echo "$1: made a cgroup" && rmdir "$2/made"
    for name in cgroup.procs cgroup.subtree_control cgroup.max.depth; do
        { true >"$2/$name"; } 2>/dev/null && echo "$1: opened $name"
    done
    true
}
try "as it is" /sys/fs/cgroup
if mount -t cgroup2 none /tmp; then echo "own mount: mounted"; try "own mount" /tmp; umount /tmp; fi
if mount -o remount,rw,bind /sys/fs/cgroup; then try "remounted" /sys/fs/cgroup; fi
mount --bind /sys/fs/cgroup /tmp && mount -o remount,rw,bind /tmp && try "bind" /tmp; umount /tmp
cat >/probe/inner <<'INNER'
mount -t cgroup2 none /tmp || exit 0
echo "namespace: mounted"
try "namespace" /tmp
INNER
{ sed -n '/^try() {/,/^}/p' /probe/script; cat /probe/inner; } >/probe/all
%s /host/bin/unshare --cgroup --mount /bin/sh /probe/all
echo "end"
""" % LOADED


def tryer(t, name, **knobs):
    c = t.container(name, capabilities=["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"], own_rootfs=True,
                    mounts=HOST_USR, **knobs)
    host.write(f"{c.rootfs}/probe/script", TRY)
    return c


def attempts(c):
    """The lines that tell of a success, and that the script came to its end."""
    done = c.exec("/bin/sh /probe/script")
    lines = done.out.splitlines()
    equal(lines[-1:], ["end"], f"the script's last line ({done.text})")
    contains(done.out, "own mount: mounted\n", "the script's words")
    contains(done.out, "namespace: mounted\n", f"the script's words ({done.err})")
    return [line for line in lines[:-1] if not line.endswith(": mounted")]


def is_taken_back(t, c):
    with t.step(f"{c.id.rstrip('0123456789')}: directory and files are root's"):
        picture = host.picture_cgroup(host.CGROUP + c.cgroup)
        equal({what[:2] for what in picture.values()}, {(0, 0)}, "owners")
        equal(picture["."][3], None, "attribute")
    with t.step(f"{c.id.rstrip('0123456789')}: no mount gives it anything"):
        equal(attempts(c), [], "what could be made or opened")


@case("readonly.refused")
def refused(t):
    policy = t.policy("readonly", defaults={"on_refusal": "readonly"}, profiles={"small": {"hugetlb.64KB.max": "1M"}})
    c = tryer(t, "refused", policy_dir=policy).up()
    is_taken_back(t, c)
    with t.step("audit tells the reason"):
        equal(c.records()[-1]["verdict"], "readonly", "verdict")
        equal(c.records()[-1]["reasons"][0]["code"], "limit-missing", "reason")


@case("readonly.declined", scope="runtime")
def declined(t):
    handlers = {"test": {"engine": "podman", "cgroup_writable": "true", "profile": "small",
                         "approved_annotations": "cgdeleg.io/writable"}}
    c = tryer(t, "declined", policy_dir=t.policy("declines", handlers=handlers),
              annotations={"cgdeleg.io/writable": "false"}).up()
    is_taken_back(t, c)
    with t.step("audit tells the reason"):
        equal(c.records()[-1]["reasons"][0]["code"], "annotation-declines", "reason")


def of_host_root(t, name, limits):
    """A container that has all that a policy without user namespaces demands."""
    policy = t.policy(name, defaults={"on_refusal": "readonly", "require_userns": "false"}, profiles={"small": limits})
    return t.container(name, maps=None, policy_dir=policy, only_capabilities=["CAP_KILL"])


@case("readonly.hostroot")
def hostroot(t):
    """Its root is the host's, so changing the owner stops nothing: it cannot be left running without the cgroup."""
    why = why_not(t)
    sentence, code = ("hugetlb.64KB.max", "limit-missing") if not why else ("the grant guard is not in force", "guard-missing")
    with t.step("refused, and not left running"):
        c = of_host_root(t, "hostroot", {"memory.max": "32M", "hugetlb.64KB.max": "1M"})
        refused_by(c, sentence)
        codes = [reason["code"] for reason in c.records()[-1]["reasons"]]
        equal((codes[0], codes[-1]), (code, "not-taken-back"), "the first and the last of the reasons")
    with t.step("control: with nothing missing it is granted"):
        if why:
            raise Skip(why)
        c = of_host_root(t, "hostroot-granted", {"cgroup.max.depth": "4"}).up()
        equal(c.records()[-1]["verdict"], "grant", "verdict")
        contains(c.exec("mkdir /sys/fs/cgroup/job && echo made").out, "made", "what the container says")


@case("readonly.control", scope="runtime")
def control(t):
    with t.step("a granted container's attempts succeed"):
        c = tryer(t, "control").up()
        granted(c)
        found = attempts(c)
        for way in ("as it is", "own mount", "namespace"):
            expect(f"{way}: made a cgroup" in found, f"{way}: {found}")
        equal([line for line in found if "cgroup.max.depth" in line], [], "ceilings that could be opened")
