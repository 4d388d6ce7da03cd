# SPDX-License-Identifier: Apache-2.0
"""Look - what a container's cgroup and mounts are like, as values that can be compared."""
import ctypes
import errno
import json
import os
import sys

from rig import CGROUP

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lib import bpf  # pylint: disable=wrong-import-position

ATTRIBUTE = "trusted.cgdeleg"
DELEGATE = "/sys/kernel/cgroup/delegate"
JUDGED = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group",
          "memory.reclaim")
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000


def slurp(path):
    """A file's text, or the name of the error."""
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError as e:
        return errno.errorcode[e.errno]


def is_value(name):
    """Files whose text is a setting, and not a measurement."""
    return name.endswith((".max", ".high", ".low", ".min", ".weight")) or name in (
        "cgroup.max.depth", "cgroup.max.descendants", "cgroup.subtree_control", "cgroup.type",
        "cgroup.procs", "cgroup.freeze", "memory.oom.group", "cgroup.pressure")


def read_value(path):
    """The setting in a file. A hugetlb limit that nobody has set reads as the largest number of whole
    pages and, once set to "max", as "max": both are none."""
    text = slurp(path)
    if "hugetlb." in path and text.strip().isdigit() and int(text) > 1 << 62:
        return "max\n"
    return text


def look_at_tree(root):
    """{path: (uid, gid, mode)}, {path: text} and {directory: attributes} of a cgroup and all below."""
    owners, values, attributes = {}, {}, {}
    for path, _, files in os.walk(root):
        below = os.path.relpath(path, root)
        st = os.lstat(path)
        owners[below] = (st.st_uid, st.st_gid, st.st_mode)
        attributes[below] = {n: os.getxattr(path, n).decode("utf-8", "replace")
                             for n in os.listxattr(path)}
        for name in files:
            full, key = os.path.join(path, name), os.path.normpath(os.path.join(below, name))
            st = os.lstat(full)
            owners[key] = (st.st_uid, st.st_gid, st.st_mode)
            if is_value(name):
                values[key] = read_value(full)
    return owners, values, attributes


class Snapshot:
    """One moment of one container."""

    def __init__(self, cgroup, pid):
        self.pid = pid
        self.owners, self.values, self.attributes = look_at_tree(cgroup)
        self.mountinfo = slurp(f"/proc/{pid}/mountinfo")
        self.guards = bpf.device_guards(cgroup)

    def difference(self, other):
        """Sentences on what `other` has that this has not."""
        found = []
        for what in ("owners", "values", "attributes"):
            ours, theirs = getattr(self, what), getattr(other, what)
            for key in sorted(ours.keys() | theirs.keys()):
                if ours.get(key) != theirs.get(key):
                    found.append(f"{what[:-1]} of {key}: {ours.get(key)!r} -> {theirs.get(key)!r}")
        if self.mountinfo != other.mountinfo:
            found.append("mountinfo: " + "; ".join(sorted(
                set(other.mountinfo.splitlines()) ^ set(self.mountinfo.splitlines()))))
        if self.guards != other.guards:
            found.append(f"device guards: {self.guards} -> {other.guards}")
        return found

    def attribute(self):
        """The attribute's record, or None."""
        text = self.attributes.get(".", {}).get(ATTRIBUTE)
        return json.loads(text) if text else None

    def top_mount(self, point):
        """Options of the cgroup mount that a process sees at `point`: the last one listed counts."""
        top = None
        for line in self.mountinfo.splitlines():
            words = line.split()
            if words[4] == point and " - cgroup2 " in line:
                top = words[5].split(",")
        return top


def delegated_names(cgroup):
    """What is to change hands: the kernel's list, as far as judged and there."""
    listed = slurp(DELEGATE).split() or ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
    return [n for n in listed if n in JUDGED and os.path.exists(os.path.join(cgroup, n))]


class Outside:
    """What no run may change: the host's mounts, and a neighbour's cgroup."""

    def __init__(self, neighbour):
        self.tree = look_at_tree(neighbour)
        self.mounts = slurp("/proc/self/mountinfo").splitlines()
        self.cgroup_mounts = [line for line in slurp("/proc/1/mountinfo").splitlines()
                              if " - cgroup" in line]

    def difference(self, other):
        """Sentences on what has changed."""
        found = []
        for name in ("tree", "mounts", "cgroup_mounts"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                found.append(f"outside: the {name} changed: {_lines_changed(ours, theirs)}")
        return found


def _lines_changed(ours, theirs):
    return sorted(set(ours) ^ set(theirs)) if isinstance(ours, list) else "see --only"


def make_neighbour(path):
    """A cgroup with an owner, limits and an attribute of its own."""
    os.makedirs(path, exist_ok=True)
    os.chown(path, 12345, 54321)
    os.chown(os.path.join(path, "cgroup.procs"), 12345, 54321)
    for name, text in (("cgroup.max.descendants", "7"), ("cgroup.max.depth", "3")):
        with open(os.path.join(path, name), "w", encoding="utf-8") as f:
            f.write(text)
    os.setxattr(path, "trusted.neighbour", b"mine")


def probe(pid):
    """As the container's root, in its namespaces: what it can do. {act: error or "ok"}"""
    up, down = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(up)
        os.write(down, json.dumps(_probe_inside(pid)).encode())
        os._exit(0)
    os.close(down)
    with os.fdopen(up, encoding="utf-8") as f:
        text = f.read()
    os.waitpid(child, 0)
    return json.loads(text)


def _probe_inside(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    fds = [(os.open(f"/proc/{pid}/ns/{n}", os.O_RDONLY), t)
           for n, t in (("user", CLONE_NEWUSER), ("mnt", CLONE_NEWNS))]
    root = os.open(f"/proc/{pid}/root", os.O_PATH)
    for fd, flag in fds:
        if libc.setns(fd, flag) < 0:
            return {"setns": errno.errorcode[ctypes.get_errno()]}
    os.fchdir(root)
    os.chroot(".")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    child = CGROUP + "/probe"
    return {"mkdir": _try(lambda: os.mkdir(child)),
            "limit a child": _try(lambda: _write(child + "/cgroup.max.depth", "1")),
            "rmdir": _try(lambda: os.rmdir(child)),
            "lift own limit": _try(lambda: _write(CGROUP + "/cgroup.max.descendants", "max"))}


def _write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def _try(act):
    try:
        act()
    except OSError as e:
        return errno.errorcode[e.errno]
    return "ok"
