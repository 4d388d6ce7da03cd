# SPDX-License-Identifier: Apache-2.0
"""Processes: out of the subtree, into it, and acts upon cgroups outside."""
import contextlib
import os
import subprocess

from lib import host
from lib.bundle import BASE
from lib.report import same
from suite import box as boxes
from suite.registry import NotApplicable, attack, judge


@contextlib.contextmanager
def neighbour(box, owner):
    """A cgroup beside the container's, with a process of the container's own host id."""
    path = f"{host.CGROUP}{box.t.parent}/neighbour"
    os.mkdir(path)
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        # Not by Popen's user: that forks, and a gRPC client in this process does not survive forks.
        ["setpriv", f"--reuid={BASE}", f"--regid={BASE}", "--clear-groups", "sleep", "1000"],
        env=boxes.plain_environment())
    try:
        host.write(f"{path}/cgroup.procs", str(process.pid))
        for name in (".", *os.listdir(path)) if owner else ():
            os.chown(f"{path}/{name}", owner, owner)
        yield path, process.pid
    finally:
        process.kill()
        process.wait()
        for where, _, _ in os.walk(path, topdown=False):
            host.remove_cgroup(where)


def _try_borrowed(box, path):
    before = host.picture_cgroup(path)
    with box.lent(path) as socket:
        outcome = judge(box.ask("borrowed", socket))
    if outcome.verdict == "held":
        same(before, host.picture_cgroup(path), "the cgroup outside")
    return outcome


@attack("process.above", "Processes", "With a descriptor of the cgroup above: move in, kill, freeze, reclaim, limit, "
        "make and chown there", control="the control of process.beside shows that every act works on the attacker's "
        "own cgroups")
def above(box):
    if not box.userns:
        raise NotApplicable("its root is the host's, and may do what it likes there: see process.beside")
    return _try_borrowed(box, box.above)


@attack("process.beside", "Processes", "The same with a neighbour's cgroup", control=boxes.OwnerBox)
def beside(box):
    # In the control the neighbour's is the container's uid's.
    owner = BASE if box.is_control else 0
    with neighbour(box, owner) as (path, _):
        return _try_borrowed(box, path)


@attack("process.root", "Processes", "Kill and freeze at its own root, whose processes the host put there",
        host_root=True, control=boxes.OwnerBox)
def own_root(box):
    return judge(box.ask("put", "cgroup.freeze=0", "cgroup.kill=0"))


@attack("process.pull", "Processes", "Pull a process from outside into the subtree, in the host's pid namespace",
        control="the kernel requires write permission to the cgroup above both; cgdeleg refuses nothing here")
def pull(box):
    other = box.with_host_pids()
    try:
        with neighbour(other, 0) as (path, pid):
            other.ask("put", "catch/")
            outcome = judge(other.ask("foreign", "/sys/fs/cgroup/catch", pid, 1, os.getpid()))
            same([str(pid)], host.read(f"{path}/cgroup.procs").split(), "the process outside")
            return outcome
    finally:
        other.close()


@attack("process.churn", "Processes", "Migrate processes and toggle controllers again and again, "
        "which takes locks that the whole host shares", control="there is no defence to take away",
        beyond="whoever may organise a subtree may also do it often; cpu.max slows it down, and the mount option "
        "favordynmods removes most of the cost")
def churn(box):
    box.nest()
    acts = ["churn/"]
    for _ in range(50):
        acts += ["churn/cgroup.procs=0", f"{box.leaf}/cgroup.procs=0"]
    answers = box.ask("put", *acts)
    box.shell("rmdir /sys/fs/cgroup/churn")
    return judge(answers)
