# SPDX-License-Identifier: Apache-2.0
"""Judge - the invariants, as functions from two snapshots to what is wrong.

I0: the baseline is the cgroup as the hook found it (crun gives it away before the hooks).
I2: status 0 is the whole of what was decided, any other status is nothing of it.
I4: a kill leaves nothing, or a grant under all of its ceilings.
"""
import os

from lib.bundle import BASE
from lib.host import records
from look import delegated_names

CEILINGS = {"cgroup.max.descendants": 64, "cgroup.max.depth": 5, "hugetlb.2MB.max": 32 << 20,
            "memory.max": 256 << 20, "pids.max": 64}
LEAF = "init"


def ceilings_missing(snapshot):
    """The policy's ceilings that do not hold."""
    return [f"ceiling {name} is {snapshot.values.get(name)!r}" for name, most in CEILINGS.items()
            if name in snapshot.values and not float(snapshot.values[name].strip().replace("max", "inf")) <= most]


def _attribute_missing(snapshot, container):
    try:
        attribute = snapshot.attribute()
    except ValueError:
        return ["the attribute cannot be read"]
    return [] if attribute and attribute["id"] == container else ["the attribute is missing"]


def _owners_missing(snapshot, names, owner):
    return [f"owner of {name} is {snapshot.owners.get(name)}" for name in names
            if snapshot.owners.get(name, ())[:2] != (owner, owner)]


def _leaf_missing(snapshot):
    below = [p for p in snapshot.owners if p == LEAF or p.startswith(LEAF + "/")]
    wrong = _owners_missing(snapshot, below or [LEAF], BASE)
    if snapshot.values.get(LEAF + "/cgroup.procs", "").split() != [str(snapshot.pid)]:
        wrong.append("the container's process is not in the leaf")
    if snapshot.values.get("cgroup.procs") != "":
        wrong.append("the delegation root still holds a process")
    if "hugetlb" not in snapshot.values.get("cgroup.subtree_control", "").split():
        wrong.append("hugetlb is not enabled")
    return wrong


def _changed_beyond(before, after, names):
    """Nothing but what a grant is may change: no other owner, no other value."""
    wrong = [f"owner of {p} changed" for p, owner in before.owners.items()
             if p not in names and after.owners.get(p) != owner]
    allowed = {*CEILINGS, "cgroup.subtree_control", "cgroup.procs"}
    wrong += [f"value of {p} changed" for p, text in before.values.items()
              if p not in allowed and after.values.get(p) != text]
    wrong += [f"{p} appeared" for p in after.owners.keys() - before.owners.keys() if p.split("/")[0] != LEAF]
    return wrong


def _record_missing(rig, verdict):
    if any(r["event"] == "run" and r.get("verdict") == verdict for r in records(rig.audit)):
        return []
    return ["the audit record is missing"]


def _writable(snapshot, point):
    options = snapshot.top_mount(point)
    return options is not None and "rw" in options


def grant_missing(rig, before, after):
    """What a whole grant lacks."""
    names = [*delegated_names(rig.cgroup), "."]
    wrong = _owners_missing(after, names, BASE) + ceilings_missing(after)
    wrong += _attribute_missing(after, rig.name) + _leaf_missing(after)
    wrong += _changed_beyond(before, after, names) + _record_missing(rig, "grant")
    if not _writable(after, os.path.join(rig.bundle, "rootfs/sys/fs/cgroup")):
        wrong.append("the mount is read-only")
    # Pins that could not be opened are a note where the runtime's program is there; the record must say so.
    if len(after.guards) != bool(records(rig.audit)[-1]["device_guard"]):
        wrong.append(f"device guards on the cgroup: {after.guards}, and the record says otherwise")
    return wrong


def readonly_missing(rig, before, after):
    """What a refusal that lets the container run lacks: all is host root's, and nothing else changed."""
    names = [*delegated_names(rig.cgroup), "."]
    wrong = _owners_missing(after, names, 0) + _record_missing(rig, "readonly")
    wrong += [d for d in before.difference(after) if not any(d.startswith(f"owner of {n}:") for n in names)]
    return wrong


def undo_wrong(rig, before, after):
    """After a failure nothing is left, and the record does not say otherwise."""
    wrong = [f"left {d}" for d in before.difference(after)]
    if not wrong:
        wrong = [f"the record wrongly says that undo failed: {r.get('undo_error')}"
                 for r in records(rig.audit) if r.get("outcome") == "undo-failed"]
    return wrong


def killed_wrong(rig, before, after):
    """I4: whoever has got anything has got it under every ceiling, and on record."""
    names = [*delegated_names(rig.cgroup), "."]
    gave = any(after.owners.get(n) != before.owners.get(n) and after.owners[n][0] != 0
               for n in names) or after.mountinfo != before.mountinfo
    gave = gave or (LEAF in after.owners and LEAF not in before.owners)
    wrong = ceilings_missing(after) if gave else []
    if gave and not after.guards and os.path.isdir("/sys/fs/bpf/cgdeleg"):
        wrong.append("something was given, and no device guard is on the cgroup")
    return wrong + (_attribute_missing(after, rig.name) if gave else [])


def created_wrong(path, snapshot, acts):
    """The container as the runtime finished it, and what its root can do in it."""
    if path == "readonly":
        ok = not _writable(snapshot, "/sys/fs/cgroup") and acts["mkdir"] != "ok"
        return [] if ok else [f"the refused container can write: {acts}"]
    wrong = [] if _writable(snapshot, "/sys/fs/cgroup") else ["the created container's mount is ro"]
    for act in ("mkdir", "limit a child", "rmdir"):
        if acts.get(act) != "ok":
            wrong.append(f"{act}: {acts.get(act, acts)}")
    if acts.get("lift own limit") != "EACCES":
        wrong.append(f"lifting its own limit gave {acts.get('lift own limit')}")
    return wrong
