# SPDX-License-Identifier: Apache-2.0
"""Look - what a container's cgroup and mounts are like, as values that can be compared."""
import errno
import json
import os

from lib import bpf, host, namespace
from lib.host import ATTRIBUTE, CGROUP
from lib.process import answer, in_child

DELEGATE = "/sys/kernel/cgroup/delegate"
JUDGED = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim")


def slurp(path):
    """A file's text, or the name of the error."""
    try:
        return host.read(path)
    except OSError as e:
        return errno.errorcode[e.errno]


def is_value(name):
    """Files whose text is a setting, and not a measurement."""
    return name.endswith((".max", ".high", ".low", ".min", ".weight")) or name in (
        "cgroup.max.depth", "cgroup.max.descendants", "cgroup.subtree_control", "cgroup.type",
        "cgroup.procs", "cgroup.freeze", "memory.oom.group", "cgroup.pressure")


def read_value(path):
    """The setting in a file. A hugetlb limit that nobody has set reads as the largest number of whole pages and, once
    set to "max", as "max": both are none."""
    text = slurp(path)
    if "hugetlb." in path and text.strip().isdigit() and int(text) > 1 << 62:
        return "max\n"
    return text


def look_at_tree(root):
    """{path: (uid, gid, mode)}, {path: text} and {directory: attributes} of a cgroup and all below."""
    owners, values, attributes = {}, {}, {}
    for path, _, files in os.walk(root):
        below = os.path.relpath(path, root)
        attributes[below] = {n: os.getxattr(path, n).decode("utf-8", "replace") for n in os.listxattr(path)}
        for name in (".", *files):
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
            found += [f"{what[:-1]} of {key}: {ours.get(key)!r} -> {theirs.get(key)!r}"
                      for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
        if self.mountinfo != other.mountinfo:
            found.append(f"mountinfo: {'; '.join(lines_changed(self.mountinfo, other.mountinfo))}")
        if self.guards != other.guards:
            found.append(f"device guards: {self.guards} -> {other.guards}")
        return found

    def attribute(self):
        """The attribute's record, or None."""
        text = self.attributes.get(".", {}).get(ATTRIBUTE)
        return json.loads(text) if text else None

    def top_mount(self, point):
        """Options of the cgroup mount that a process sees at `point`: the last one listed counts."""
        found = [line.split()[5].split(",") for line in self.mountinfo.splitlines()
                 if line.split()[4] == point and " - cgroup2 " in line]
        return found[-1] if found else None


def lines_changed(ours, theirs):
    return sorted(set(ours.splitlines()) ^ set(theirs.splitlines()))


def delegated_names(cgroup):
    """What is to change hands: the kernel's list, as far as judged and there."""
    listed = slurp(DELEGATE).split() or ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
    return [n for n in listed if n in JUDGED and os.path.exists(os.path.join(cgroup, n))]


class Outside:
    """What no run may change: the host's mounts, and a neighbour's cgroup."""

    def __init__(self, neighbour):
        self.tree = look_at_tree(neighbour)
        self.mounts = slurp("/proc/self/mountinfo")
        self.cgroup_mounts = "\n".join(line for line in slurp("/proc/1/mountinfo").splitlines() if " - cgroup" in line)

    def difference(self, other):
        """Sentences on what has changed."""
        found = [f"outside: the {name} changed: {lines_changed(getattr(self, name), getattr(other, name))}"
                 for name in ("mounts", "cgroup_mounts") if getattr(self, name) != getattr(other, name)]
        return found + (["outside: the tree changed: see --only"] if self.tree != other.tree else [])


def make_neighbour(path):
    """A cgroup with an owner, limits and an attribute of its own."""
    os.makedirs(path, exist_ok=True)
    for name in (".", "cgroup.procs"):
        os.chown(f"{path}/{name}", 12345, 54321)
    host.write(f"{path}/cgroup.max.descendants", "7")
    host.write(f"{path}/cgroup.max.depth", "3")
    os.setxattr(path, "trusted.neighbour", b"mine")


def probe(pid):
    """As the container's root, in its namespaces: what it can do. {act: error or "ok"}"""
    def inside():
        child, said = f"{CGROUP}/probe", answer(lambda: namespace.become_root_of(pid))
        return {"setns": said} if said != "ok" else {
            "mkdir": answer(lambda: os.mkdir(child)),
            "limit a child": answer(lambda: host.write(f"{child}/cgroup.max.depth", "1")),
            "rmdir": answer(lambda: os.rmdir(child)),
            "lift own limit": answer(lambda: host.write(f"{CGROUP}/cgroup.max.descendants", "max"))}
    return in_child(inside) or {"probe": "died"}
