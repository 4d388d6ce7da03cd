# SPDX-License-Identifier: Apache-2.0
"""
The host: the hook is led to cgroups that are not the container's alone, and touches none.

The containers are fakes, because a runtime that is told to use such a cgroup cleans up in it afterwards.
"""
import os
import subprocess

from lib import host
from lib.expect import one_sentence
from lib.fake import Fake, default_policy, unenforceable_devices
from lib.process import run
from lib.report import case, equal, expect, same


def untouched(t, fake, part, **options):
    """Exit 1, one sentence, the reason in the audit; nothing in the whole picture has changed."""
    before = fake.picture(), host.picture_host(t.parent), host.mountinfo()
    done = fake.call_hook(**options)
    after = fake.picture(), host.picture_host(t.parent), host.mountinfo()
    equal((done.code, done.out), (1, ""), "exit and stdout")
    one_sentence(done.err, part)
    same(before[0][0], after[0][0], "the cgroup")
    same(before[0][1], after[0][1], "the container's mounts")
    host.same_picture(before[1], after[1])
    host.same_mounts(before[2], after[2], t.work)
    expect(host.has_nsdelegate(), "nsdelegate is gone")


def make_cgroup(t, name):
    path = f"{t.parent}/{name}"
    os.mkdir(host.CGROUP + path)
    return path


class Bystander:
    """A foreign process in a cgroup; both are gone afterwards."""
    def __init__(self, cgroup):
        self.cgroup = cgroup

    def __enter__(self):
        self.process = subprocess.Popen(["sleep", "1000"])  # pylint: disable=consider-using-with
        host.write(f"{host.CGROUP}{self.cgroup}/cgroup.procs", str(self.process.pid))
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@case("safety.control", scope="once")
def control(t):
    for shape in ("runc", "crun"):
        with t.step(f"a fake in {shape}'s shape is granted"):
            fake = Fake(t, shape=shape)
            equal(fake.call_hook().text, "exit 0: ", "the hook")
            expect(fake.is_granted(), f"not granted: {fake.records()}")


@case("safety.root", scope="once")
def root(t):
    with t.step("the host's root cgroup"):
        fake = Fake(t, cgroup="")
        untouched(t, fake, "not a cgroup of its own")
        fake.delete()


def in_cgroup(cgroup):
    return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', host.CGROUP + cgroup]


@case("safety.hook", scope="once")
def hooks_own(t):
    above = make_cgroup(t, "above")
    below = make_cgroup(t, "above/below")
    fake = Fake(t, cgroup=above)
    with t.step("the hook's own cgroup"):
        untouched(t, fake, "is the hook's own or one above it", command=in_cgroup(above))
    with t.step("an ancestor of the hook's cgroup"):
        untouched(t, fake, "is the hook's own or one above it", command=in_cgroup(below))
    fake.delete()
    host.remove_tree(above)


@case("safety.shared", scope="once")
def shared(t):
    cgroup = make_cgroup(t, "shared")
    with t.step("a service's cgroup: a foreign process in it"), Bystander(cgroup) as bystander:
        fake = Fake(t, cgroup=cgroup)
        untouched(t, fake, f"process {bystander.pid}, which is not the container's, is in its cgroup")
        fake.delete()
    with t.step("a foreign child cgroup"):
        make_cgroup(t, "shared/child")
        fake = Fake(t, cgroup=cgroup)
        untouched(t, fake, "has a child 'child' that is not the container's")
        fake.delete()
        host.remove_cgroup(f"{host.CGROUP}{cgroup}/child")
    with t.step("a cgroup that the process is not in"):
        other = make_cgroup(t, "other")
        fake = Fake(t, cgroup=cgroup, process_in=other)
        untouched(t, fake, "is not in the cgroup")
        fake.delete()
        host.remove_cgroup(host.CGROUP + other)
    with t.step("another user's cgroup"):
        os.chown(host.CGROUP + cgroup, 4242, 4242)
        fake = Fake(t, cgroup=cgroup)
        untouched(t, fake, "belongs to uid 4242")
        fake.delete()
    host.remove_tree(cgroup)


@case("safety.neighbour", scope="once")
def neighbour(t):
    """Another container's cgroup: the state names this one's bundle and the other's process, or the reverse."""
    with t.step("the process of another container"):
        mine, other = Fake(t), Fake(t)
        before = other.picture()
        untouched(t, mine, "", state=mine.state(pid=other.pid))
        same(before[0], other.picture()[0], "the other's cgroup")
    with t.step("a cgroup granted to another container"):
        granted = Fake(t)
        equal(granted.call_hook().code, 0, "the first grant")
        thief = Fake(t, cgroup=granted.cgroup)
        untouched(t, thief, "which is not the container's, is in its cgroup")
        thief.delete()


@case("safety.mount", scope="once")
def over_the_mount(t):
    with t.step("something on the mount that config.json does not name"):
        fake = Fake(t)
        enter = ["nsenter", "--mount", "--target", str(fake.pid)]
        equal(run([*enter, "mount", "-t", "tmpfs", "none", fake.point]).code, 0, "mount")
        untouched(t, fake, "is not cgroup2")
    with t.step("another container's cgroup on the mount"):
        fake, other = Fake(t), Fake(t)
        enter = ["nsenter", "--mount", "--target", str(fake.pid)]
        equal(run([*enter, "mount", "--bind", host.CGROUP + other.cgroup, fake.point]).code, 0, "mount")
        before = other.picture()
        untouched(t, fake, "is not in the cgroup")
        same(before[0], other.picture()[0], "the other's cgroup")


@case("safety.policy", scope="once")
def device_program(t):
    with t.step("no device program above, and a list that ours cannot hold: withheld"):
        fake = unenforceable_devices(Fake(t, policy_dir=default_policy(t, device_bpf="withhold")))
        untouched(t, fake, "the device guard does not work")
