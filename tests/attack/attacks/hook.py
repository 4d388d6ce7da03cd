# SPDX-License-Identifier: Apache-2.0
"""The hook itself: what comes to it from images, annotations and names, and what changes while it runs."""
import collections
import os
import re
import stat
import subprocess

from lib import host
from lib.bundle import BASE
from lib.expect import Held, one_sentence
from lib.fake import Fake, default_policy
from lib.process import run
from lib.report import Failure, equal, expect, same
from suite.registry import HELD, NotApplicable, Outcome, attack

# What must never come out of a sentence or a record: control characters, C1 ones too, and those that turn text round.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NAMES = [b"\x1b[2J\x1b]0;owned\x07", b"-rf", b"..x", b"%s%n%n", b'"},{"verdict":"grant', b"x" * 255, b"\xff\xfe\x80",
         "\u202egro\u202c".encode(), b"\r\x08\x7f", b"tab\there", b" ", b"\\", b"'$(id)`id`", "\u0085\u009b31m".encode()]


@attack("hook.names", "The hook", "Cgroup names with control bytes in sentences, records and reports", hook=True,
        control="the kernel has the names unescaped; the test checks every byte that is printed")
def names(t, _runner):
    for name in NAMES:
        fake = Fake(t)
        os.mkdir(os.fsencode(host.CGROUP + fake.cgroup) + b"/" + name)
        done = fake.call_hook()
        equal(done.code, 1, f"exit with {name!r}")
        one_sentence(done.err, "that is not the container's")
        (record,) = fake.records()
        text = host.read(f"{fake.audit_dir}/audit.jsonl")
        for what in (done.err, record["error"], text):
            expect(not RAW.search(what.rstrip("\n")), f"raw bytes of {name!r} in {what!r}")
        os.rmdir(os.fsencode(host.CGROUP + fake.cgroup) + b"/" + name)
        fake.delete()
    return Outcome(HELD, set(), f"{len(NAMES)} names")


COLUMNS = "id,handler,profile,policy,owner,cgroups,drift,ceilings,cgroup,leaf,fault"


def _raw(text):
    """Lines are what the report itself makes."""
    return RAW.search(text.replace("\n", " "))


@attack("hook.reports", "The hook", "Cgroup names with control bytes, made by the container, in what `cgdeleg list` prints",
        hook=True, control="for a cgroup that has such a name and the attribute, which only host root can make, the name is "
        "escaped too")
def reports(t, _runner):
    if not os.path.exists(t.cgdeleg):
        raise NotApplicable("no cgdeleg here")
    c = t.container("names", policy_dir=t.policy("names", profiles={"small": {
        "cgroup.max.descendants": 64, "cgroup.max.depth": 4}})).up()
    path = os.fsencode(host.CGROUP + c.cgroup)
    for name in NAMES:
        os.mkdir(path + b"/" + name)
    for options in (["-o", COLUMNS], ["--json"], ["--openmetrics"]):
        done = run([t.cgdeleg, "list", *options])
        expect(done.code == 0 and c.id in done.out, f"list {options}: {done.text}")
        expect(not _raw(done.out + done.err), f"raw bytes in {options}: {done.out!r}")
    # The control: what must never be believed is at least printed harmlessly.
    marked = os.fsencode(f"{host.CGROUP}{t.parent}/") + NAMES[0]
    os.mkdir(marked)
    os.setxattr(marked, host.ATTRIBUTE, os.getxattr(path, host.ATTRIBUTE))
    done = run([t.cgdeleg, "list", "-o", COLUMNS])
    os.rmdir(marked)
    expect("owned" in done.out and not _raw(done.out), f"a marked cgroup of that name: {done.out!r}")
    return Outcome(HELD, set(), f"{len(NAMES)} names")


MALFORMED = ["", " ", "yes", "TRUE", "1", "true ", " true", "true\n", "true;false", "../../etc", "/etc/passwd", "max", "-1",
             "0x10", "1e3", "18446744073709551616", "9" * 127, "9" * 129, "a" * 4096, "1G 1G", "1G\n2G", "１", "\u202etrue",
             "\x1b[2J", "%n", "${x}", "small;ci", "nosuch", "1.5.5", "100000 0", "0 100000", "1G;rm", "NaN", "inf"]
KEYS = ["cgdeleg.io/writable", "cgdeleg.io/profile", "cgdeleg.io/memory.max", "cgdeleg.io/pids.max", "cgdeleg.io/cpu.max",
        "cgdeleg.io/cgroup.max.descendants"]
# Words of the grammar, of this key or of any.
VALID = {("cgdeleg.io/memory.max", "max"), ("cgdeleg.io/pids.max", "max"), ("cgdeleg.io/cpu.max", "max"),
         ("cgdeleg.io/cgroup.max.descendants", "max"), ("cgdeleg.io/pids.max", "1"), ("cgdeleg.io/cpu.max", "1"),
         ("cgdeleg.io/cgroup.max.descendants", "1"), ("cgdeleg.io/memory.max", "1")}


class Subject(Held):
    def annotated(self, notes):
        self.c.config["annotations"] = notes
        self.c.save()
        return {**self.state, "annotations": notes}

    def is_granted(self):
        picture = host.picture_cgroup(host.CGROUP + self.c.cgroup)
        equal(picture["."][0], BASE, "the owner")
        expect(picture["."][3], "the mark is missing")
        equal(picture["cgroup.max.descendants"][3], "16", "cgroup.max.descendants")
        equal(self.c.records()[-1]["verdict"], "grant", "the record")

    def command(self):
        return [self.c.t.hook, *self.c.hook_args()]

    def judge(self, code, said):
        if code == 0:
            self.is_granted()
        else:
            one_sentence(said, "")
            self.unchanged()

    def end(self):
        self.c.delete()


@attack("hook.annotations", "The hook", "Annotations with malformed values", hook=True, slow=True,
        control="a valid value is granted, in the same container, at the end")
def annotations(t, _runner):
    policy = t.policy("notes", defaults={"on_missing_limit": "skip"}, handlers={"test": {
        "engine": "containerd", "approved_annotations": " ".join(KEYS), "profile": "small", "profiles": "small"}})
    held = Subject(t, "notes", policy_dir=policy)
    asked = 0
    for key in KEYS:
        for value in MALFORMED:
            if (key, value) in VALID:
                continue
            done = held.c.call_hook(held.annotated({"cgdeleg.io/writable": "true", key: value}))
            expect(done.code == 1, f"{key} = {value!r}: {done.text}")
            one_sentence(done.err, "cgdeleg.io/")
            expect(not RAW.search(done.err.rstrip("\n")), f"raw bytes in {done.err!r}")
            asked += 1
    held.unchanged()
    equal(held.c.call_hook(held.annotated({"cgdeleg.io/writable": "true"})).text, "exit 0: ", "a valid value")
    held.is_granted()
    return Outcome(HELD, set(), f"{asked} values")


def _link(target):
    return lambda path: os.symlink(target, path)


def _full(path):
    os.mkdir(path)
    os.mkdir(f"{path}/child")
    host.write(f"{path}/cgroup.procs", "1\n")


def shapes(outside):
    """{name: what stands in the image at a place that the cgroup mount needs}"""
    return {"file": lambda path: host.write(path, "not a directory\n"), "fifo": os.mkfifo,
            "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3)), "directory with files": _full,
            "link outside": _link(outside), "link to the host's": _link("/sys/fs/cgroup"), "link to itself": _link("cgroup"),
            "link up": _link("../../../../../../../sys/fs/cgroup"), "link through /proc": _link("/proc/self/root/sys/fs/cgroup"),
            "link to init's root": _link("/proc/1/root/sys/fs/cgroup"), "dangling link": _link("/nonexistent/x")}


@attack("hook.images", "The hook", "Images with /sys, /sys/fs or /sys/fs/cgroup as file, link, fifo or device, "
        "and mounts over it", hook=True, slow=True, control="tests/system shows that an image without such things is granted")
def images(t, _runner):
    outside = f"{t.work}/outside{t.next_number()}"
    os.makedirs(f"{outside}/fs/cgroup")
    before = sorted(os.walk(outside))
    seen = collections.Counter()
    # Without a sysfs mount the image's own /sys is what the cgroup mount goes to.
    for sysfs, place in ((True, "sys"), (False, "sys"), (False, "sys/fs"), (False, "sys/fs/cgroup")):
        for name, make in shapes(outside).items():
            seen[_image(t, sysfs, place, name, make)] += 1
            equal(sorted(os.walk(outside)), before, f"what is outside, after {place} as {name}")
    expect(seen["created"] and seen["refused"], f"not both ends were seen: {seen}")
    return Outcome(HELD, set(), f"{seen['created']} created with their own cgroup, "
                                f"{seen['refused'] + _covering_mounts(t)} not created")


def _image(t, sysfs, place, name, make):
    c = t.container("image", own_rootfs=True, sysfs=sysfs)
    path = f"{c.rootfs}/{place}"
    if place == "sys":
        os.rmdir(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    make(path)
    # Some runtimes wait for ever where a fifo is in their way.
    c.t.track(c)
    c.alive = True
    created = run(["timeout", "-k", "5", "60", *c.t.runtime_command, "create", "--bundle", c.dir, c.id]).code == 0
    if created:
        # The created container's mount is its own cgroup's, and the grant's.
        own = os.stat(host.CGROUP + c.cgroup)
        seen = os.stat(f"/proc/{c.pid()}/root{host.CGROUP}")
        equal((seen.st_dev, seen.st_ino), (own.st_dev, own.st_ino), "what is mounted in the container")
        equal(c.records()[-1]["cgroup"], c.cgroup, "the record's cgroup")
    else:
        expect(host.attribute(host.CGROUP + c.cgroup) is None, f"{place} as {name}: marked and not created")
    c.delete()
    if not created and os.path.isdir(host.CGROUP + c.top):
        host.remove_tree(c.top)  # a runtime's own, empty and unmarked: not the hook's doing
    return "created" if created else "refused"


def _covering_mounts(t):
    """config.json's mounts over the cgroup mount, as volumes of an image make them."""
    volume = f"{t.work}/volume{t.next_number()}"
    os.makedirs(volume)
    tables = [[{"destination": "/sys/fs/cgroup", "type": "tmpfs", "source": "tmpfs"}],
              [{"destination": "/sys/fs/cgroup", "type": "bind", "source": volume, "options": ["bind"]}],
              [{"destination": "/sys/fs/cgroup", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind", "rw"]}]]
    for mounts in tables:
        c = t.container("covered", mounts=mounts)
        expect(c.create().code != 0, f"created with {mounts[0]['type']} over the cgroup mount")
        c.delete()
    return len(tables)


@attack("hook.descriptors", "The hook", "Descriptors that the hook leaves in the container", hook=True,
        control="the same container without the hook: the tables are compared")
def descriptors(t, _runner):
    without, with_hook = t.container("fds", hooks=[]).up(), t.container("fds").up()
    same(host.fd_table(without.pid()), host.fd_table(with_hook.pid()), "init's open files")
    return Outcome(HELD)


# Changes while the hook runs. Each is made at one system call in `every`, in a container of its own unless the one
# before was refused and is as it was.

class Changes:
    def __init__(self, t, runner):
        self.t, self.every, self.stopper = t, runner.every, runner.stopper
        self.granted = self.refused = 0

    def at_each(self, make, prepare):
        """prepare(subject) -> (change, restore); make() -> what has state, command and judge. Up to the first run that
        has ended before its turn came: one that was cut short by its change says nothing of how many there are."""
        k, reached = 0, [True]
        while reached:
            subject = make()
            change, restore = prepare(subject)
            reached = []
            code, _, said = self.stopper.run(subject.command(), subject.state, k,
                                             lambda change=change, reached=reached: (reached.append(True), change()))
            restore()
            try:
                subject.judge(code, said)
            except Failure as why:
                raise Failure(f"changed before system call {k}: exit {code}: {why}") from why
            self.granted += code == 0
            self.refused += code != 0
            subject.end()
            k += self.every

    def outcome(self):
        expect(self.refused, "no change was ever in time: the test does not reach the hook")
        expect(self.granted, "not even the last, which came too late, was granted")
        return Outcome(HELD, set(), f"at {self.granted + self.refused} system calls: "
                                    f"{self.granted} complete grants, {self.refused} complete refusals")


class DyingSubject(Subject):
    """Whose init is killed. systemd removes a scope when the last of its processes has gone: then nothing is left that
    could have half a grant."""
    def unchanged(self):
        after = host.picture_tree(host.CGROUP + self.c.top)
        same({path: seen for path, seen in self.before[0].items() if path in after}, after, "what is left of the cgroup")

    def is_granted(self):
        try:
            super().is_granted()
        except FileNotFoundError:
            equal(self.c.records()[-1]["verdict"], "grant", "the record")


def exchange(one, other):
    """Two names change places, at once: the step has no moment in between."""
    middle = f"{one}.middle"
    os.rename(one, middle)
    os.rename(other, one)
    os.rename(middle, other)


def swapping(place):
    """The root filesystem, or its /sys, changes places with a link to the host's."""
    def prepare(subject):
        root = subject.c.rootfs
        target, decoy = (root, f"{subject.c.dir}/decoy") if not place else (f"{root}/{place}", f"{root}/decoy")
        if place:
            os.symlink("/sys", decoy)
        else:
            os.mkdir(decoy)
            os.symlink("/sys", f"{decoy}/sys")
        done = []

        def change():
            exchange(target, decoy)
            done.append(True)

        def restore():
            if done:
                exchange(target, decoy)
            if place:
                os.unlink(decoy)
        return change, restore
    return prepare


@attack("hook.swap", "The hook", "The root filesystem's path, and /sys in it, swapped for a link to the host's while "
        "the hook runs, at each of its system calls", hook=True, slow=True,
        control="a swap before the first call leads to a refusal, one after the last comes too late: both were seen")
def swap(t, runner):
    changes = Changes(t, runner)
    for place in ("", "sys"):
        changes.at_each(lambda: Subject(t, "swap", own_rootfs=True), swapping(place))
    return changes.outcome()


@attack("hook.death", "The hook", "The container's init is killed while the hook runs, at each of its system calls",
        hook=True, slow=True, control="both results were seen: refused, and granted when the attack came too late")
def death(t, runner):
    changes = Changes(t, runner)
    changes.at_each(lambda: DyingSubject(t, "death"),
                    lambda subject: (lambda: os.kill(subject.state["pid"], 9), lambda: None))
    return changes.outcome()


class Recycled:
    """A container without a runtime, whose init is reaped and whose number a process of the host's gets."""
    def __init__(self, t, programs):
        self.t, self.programs = t, programs
        self.fake = Fake(t, policy_dir=default_policy(t))
        self.state, self.pid, self.process = self.fake.state(), self.fake.pid, None
        self.before = host.picture_tree(host.CGROUP + self.fake.cgroup)

    def command(self):
        return [self.t.hook, *self.fake.hook_args()]

    def recycle(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [f"{self.programs}/spawn-as", str(self.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expect(self.process.stdout.readline() == b"ready\n", f"the number {self.pid} could not be had again")
        self.mounts, self.cgroup = host.mountinfo(self.pid), host.cgroup_of(self.pid)

    def judge(self, code, said):
        if self.process:
            same(self.mounts, host.mountinfo(self.pid), "the other process's mounts")
            equal(host.cgroup_of(self.pid), self.cgroup, "the other process's cgroup")
            same(self.mounts, host.mountinfo(), "the host's mounts")
        after = host.picture_tree(host.CGROUP + self.fake.cgroup)
        if code:
            one_sentence(said, "")
            same(self.before, after, "the cgroup")
        else:
            equal(after[f"{self.fake.cgroup}/."][0], BASE, "the owner")

    def end(self):
        if not self.process:
            self.fake.delete()
            return
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.t.untrack(self.fake)
        host.remove_tree(self.fake.cgroup)


@attack("hook.recycle", "The hook", "The container's init is killed and reaped and a host process gets its number, "
        "at each of the hook's system calls", hook=True, slow=True,
        control="both results were seen: refused, and granted when the attack came too late")
def recycle(t, runner):
    changes = Changes(t, runner)
    changes.at_each(lambda: Recycled(t, runner.programs), lambda subject: (subject.recycle, lambda: None))
    return changes.outcome()
