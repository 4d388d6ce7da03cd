# SPDX-License-Identifier: Apache-2.0
"""Ceilings: can the container lift one, by any path, or get around what it limits?"""
import os
import stat

from lib import host
from lib.process import run
from lib.report import expect, same
from suite import box as boxes
from suite.registry import HELD, OPEN, NotApplicable, Outcome, attack, control, judge

DELEGATED = {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim"}
TEXTS = {"cgroup.freeze": "0", "cgroup.kill": "0", "cgroup.type": "threaded", "cpu.weight": "10000", "cpu.idle": "0",
         "cpu.weight.nice": "-20", "cpuset.cpus": "0", "cpuset.mems": "0", "cpuset.cpus.partition": "member",
         "io.weight": "10000", "memory.low": "0", "memory.min": "0", "cgroup.pressure": "1"}


def guarded_files(box):
    """Every writable file of the container's root that is not for delegatees, but those that pressure triggers
    are made by: they are another question."""
    return sorted(name for name in os.listdir(box.path)
                  if stat.S_ISREG(os.lstat(f"{box.path}/{name}").st_mode) and name not in DELEGATED
                  and os.lstat(f"{box.path}/{name}").st_mode & 0o200 and not name.endswith(".pressure"))


def limits(box):
    return {name: what[3] for name, what in host.picture_cgroup(box.path).items() if name != "."}


def a_ceiling(box):
    """One that means something here."""
    return next(name for name in ("pids.max", "hugetlb.2MB.max", "cgroup.max.descendants") if box.has(name))


@attack("ceiling.write", "Ceilings", "Write every file of its own root that is not delegated",
        host_root=True, control=boxes.OwnerBox)
def write(box):
    before = limits(box)
    names = guarded_files(box)
    answers = box.ask("put", *[f"{name}={TEXTS.get(name, 'max')}" for name in names if name != "cgroup.type"])
    outcome = judge(answers)
    if outcome.verdict == HELD:
        same(before, limits(box), "the root's limits")
    # EPERM would be nsdelegate's answer, which is no boundary: each must be held by its owner.
    if box.system == "cgdeleg" and box.userns and outcome.errnos != {"EACCES"}:
        return Outcome(OPEN, set(), f"not by ownership: {answers}")
    outcome.note = outcome.note and f"{len(names)} files"
    return outcome


@attack("ceiling.paths", "Ceilings", "Write a ceiling by any other path: links of /proc, chmod, chown, access lists, "
        "bind mounts, a cgroup2 mount of its own", host_root=True, control=boxes.OwnerBox)
def paths(box):
    answers = {}
    before = limits(box)
    for name in {"cgroup.max.descendants", a_ceiling(box)}:
        answers |= {f"{name}: {act}": said for act, said in box.ask("paths", name, "max").items()}
    outcome = judge(answers)
    if outcome.verdict == HELD:
        same(before, limits(box), "the root's limits")
    return outcome


STRANGER = 65534  # who is nobody in the container, and owns nothing


@attack("ceiling.stranger", "Ceilings", "Let another user, outside, write its ceilings: by mode, owner or access list",
        own_only=True, host_root=True, control="tested on cgdeleg only, without a control")
def stranger(box):
    names = guarded_files(box)
    before = host.picture_cgroup(box.path)
    answers = box.ask("loosen", STRANGER, *names)
    same({name: before[name] for name in names}, {name: what for name, what in host.picture_cgroup(box.path).items()
                                                  if name in names}, "owners, modes and limits")
    done = run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", f"{box.programs}/put",
                *[f"{box.path}/{name}" for name in names]], env=boxes.plain_environment())
    expect(done.code == 0, f"nobody asked from outside: {done.text}")
    answers |= {f"{act}: outside": said for act, said in boxes.parse(done.out).items()}
    outcome = judge(answers)
    outcome.note = outcome.note and f"{len(names)} files"
    return outcome


@attack("ceiling.namespaces", "Ceilings", "Write its own ceilings from namespaces that it made", own_only=True,
        host_root=True, control="tested on cgdeleg only, without a control")
def namespaces(box):
    files = [f"{name}=max" for name in ("cgroup.max.descendants", "memory.max", "pids.max", "hugetlb.2MB.max")
             if box.has(name)]
    before = limits(box)
    answers = box.ask("namespaces", *files)
    same(before, limits(box), "the root's limits")
    # That it may have namespaces of its own is nothing: what counts is the ceilings.
    return judge({act: said for act, said in answers.items() if not act.endswith(": unshare") or said != "ok"})


def _made(box, shape, file, most):
    """Tries `most` where a ceiling should stop it, and what shows that none does where there is none near."""
    cap = box.value(file)
    stopped = cap != "max" and int(cap) < 200
    answers = box.ask("cgroups", shape, most if stopped else 300 if shape == "wide" else 200)
    limited = stopped and answers["mkdir"] == "EAGAIN" and answers["now"] <= int(cap)
    return Outcome(HELD if limited else OPEN, {answers["mkdir"]} if limited else set(),
                   f"{answers['now']} of {answers['tried']} made")


@control("the policy allows 5000 cgroups, and 5000 levels")
def without_ceiling(t, programs):
    return boxes.cgdeleg(t, programs, profile={"cgroup.max.descendants": 5000, "cgroup.max.depth": 5000})


@attack("ceiling.wide", "Ceilings", "Make 100,000 cgroups (300 where nothing stops it)", host_root=True, control=without_ceiling)
def wide(box):
    return _made(box, "wide", "cgroup.max.descendants", 100000)


@attack("ceiling.deep", "Ceilings", "Nest cgroups 200 deep", host_root=True, control=without_ceiling)
def deep(box):
    return _made(box, "deep", "cgroup.max.depth", 1000)


def _child(box, **values):
    """A child cgroup in which every limit says max."""
    box.nest()
    return box.ask("put", "greedy/", *[f"greedy/{name}={text}" for name, text in values.items() if box.has(name)])


@control("pids.max is max")
def more_pids(t, programs):
    return boxes.cgdeleg(t, programs, profile={"pids.max": "max"})


@control("memory.max is 1G")
def more_memory(t, programs):
    return boxes.cgdeleg(t, programs, profile={"memory.max": "1G"})


@attack("ceiling.pids", "Ceilings", "More processes than pids.max, in a child that says max", control=more_pids)
def pids(box):
    if not box.has("pids.max"):
        raise NotApplicable("no pids controller")
    _child(box, **{"pids.max": "max"})
    answers = box.ask("eat", "pids", "/sys/fs/cgroup/greedy", 400)
    return judge(answers, note=f"{answers['processes']} processes")


@attack("ceiling.memory", "Ceilings", "More memory than memory.max, in a child that says max", control=more_memory)
def memory(box):
    if not box.has("memory.max"):
        raise NotApplicable("no memory controller")
    _child(box, **{"memory.max": "max", "memory.high": "max", "memory.swap.max": "max"})
    return judge(box.ask("eat", "memory", "/sys/fs/cgroup/greedy", 256))


@attack("ceiling.dying", "Ceilings", "Leave removed cgroups in the kernel, in spite of the cap on living ones",
        control="there is no defence to take away",
        beyond="the kernel counts no cgroup that is being removed against cgroup.max.descendants; "
               "memory.max bounds the pages that keep one alive, and `nr_dying_descendants` shows them")
def dying(box):
    if not box.has("memory.max"):
        raise NotApplicable("no memory controller")
    box.nest()
    answers = box.ask("dying", 150)
    found = {line.split()[0]: int(line.split()[1]) for line in box.value("cgroup.stat").splitlines()}
    many = found["nr_dying_descendants"] > 64
    return Outcome(OPEN if many else HELD, set(),
                   f"{found['nr_dying_descendants']} dying cgroups after {answers['rounds']} rounds")


@attack("ceiling.pressure", "Ceilings", "Open a pressure file for writing, at its root", own_only=True,
        host_root=True, control="tested on cgdeleg only, without a control")
def pressure(box):
    names = [name for name in sorted(os.listdir(box.path)) if name.endswith(".pressure") and name != "cgroup.pressure"]
    if not names:
        raise NotApplicable("no pressure files")
    return judge(box.ask("put", *names))


@attack("ceiling.pressure.child", "Ceilings", "Open a pressure file for writing, in a child", own_only=True,
        needs_guard=True, host_root=True, control="tested on cgdeleg only, without a control")
def pressure_in_child(box):
    if not box.guarded:
        raise NotApplicable("a node without the grant guard")
    answers = box.ask("put", "pressed/", "pressed/cpu.pressure", "pressed/memory.pressure", "pressed/io.pressure")
    box.shell("rmdir /sys/fs/cgroup/pressed")
    return judge(answers, but=("pressed/",))


@attack("ceiling.partition", "Ceilings", "Take processors away from others with a cpuset partition",
        control="a valid partition needs a valid parent, and no container's parent is one; cgdeleg refuses nothing "
        "here")
def partition(box):
    if not box.has("cpuset.cpus"):
        raise NotApplicable("no cpuset controller")
    box.nest()
    before = host.read(f"{host.CGROUP}/cpuset.cpus.effective")
    box.ask("put", "part/", "part/cpuset.cpus=0", "part/cpuset.cpus.exclusive=0")
    answers = {}
    for kind in ("root", "isolated"):
        said = box.ask("put", f"part/cpuset.cpus.partition={kind}")
        now = host.read(f"{box.path}/part/cpuset.cpus.partition").strip()
        answers[kind] = "ok" if now == kind else "invalid" if "invalid" in now else next(iter(said.values()))
    same([before], [host.read(f"{host.CGROUP}/cpuset.cpus.effective")], "the host's processors")
    box.shell("rmdir /sys/fs/cgroup/part")
    return judge(answers)


@attack("ceiling.threaded", "Ceilings", "Change the type of its root, or of what is above, by threaded children",
        host_root=True, control="the kernel refuses it for any cgroup that has domain controllers switched on")
def threaded(box):
    above = host.read(f"{box.above}/cgroup.type") if os.path.exists(f"{box.above}/cgroup.type") else ""
    answers = box.ask("put", "cgroup.type=threaded")
    box.ask("put", "thread/", "thread/cgroup.type=threaded")
    now = host.read(f"{box.above}/cgroup.type") if above else ""
    box.shell("rmdir /sys/fs/cgroup/thread")
    if now != above:
        answers["above"] = "ok"
    return judge(answers)


