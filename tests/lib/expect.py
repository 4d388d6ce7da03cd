# SPDX-License-Identifier: Apache-2.0
"""Expect - what a refused, a granted and a passed container look like from outside."""
import os

from lib import host
from lib.process import wait_until
from lib.report import contains, equal, expect, same


class Held:
    """A container whose creation waits for the test, and what must be as before once a hook has refused it."""
    def __init__(self, t, name, **knobs):
        self.t, self.c = t, t.container(name, hooks=[], held=True, **knobs)
        self.state = self.c.hold()
        self.look()

    def look(self):
        self.before = self.picture()

    def picture(self):
        try:
            mounts = host.mountinfo(self.state["pid"])
        except OSError:  # its init is dead
            mounts = []
        return host.picture_tree(host.CGROUP + self.c.top), mounts, host.mountinfo()

    def unchanged(self):
        after = self.picture()
        same(self.before[0], after[0], "the cgroup")
        if after[1]:
            same(self.before[1], after[1], "the container's mounts")
        host.same_mounts(self.before[2], after[2], self.t.work)


def one_sentence(text, part):
    """The hook's own words: one line, with its name in front, and the reason in it."""
    lines = [line for line in text.splitlines() if line.strip()]
    equal(len(lines), 1, f"lines said ({text!r})")
    expect(lines[0].startswith("cgdeleg: "), f"not the hook's words: {text!r}")
    contains(lines[0], part, "the sentence")


def said_by_runtime(c, done, part):
    """runc puts the hook's words into its own error; crun writes them where its annotation says."""
    if c.t.runtime == "runc":
        contains(done.err, part, "runc's error")
    else:
        one_sentence(c.hook_err(), part)


def nothing_left(c):
    path = host.CGROUP + c.top
    try:
        wait_until(lambda: not os.path.exists(path), "the cgroup's end")
    except TimeoutError:
        expect(False, f"the cgroup {c.top} is still there")
    expect(c.id not in c.runtime("list", "--quiet").out.split(), "the runtime still lists the container")


def refused(c, part, verdict="refuse", record=True):
    """Not created; the reason in the runtime's error and in the audit; nothing left."""
    done = c.create()
    expect(done.code != 0, "the container was created")
    said_by_runtime(c, done, part)
    if record:
        (last,) = c.records()
        equal(last["verdict"], verdict, "the audit's verdict")
        contains(last["error"], part, "the audit's error")
    nothing_left(c)


def granted(c):
    """The directory is the container's and carries our attribute."""
    picture = host.picture_cgroup(host.CGROUP + c.cgroup)["."]
    expect(picture[0] != 0 and picture[3], f"the cgroup was not delegated: {picture}")
    equal(c.records()[-1]["verdict"], "grant", "the audit's verdict")


def passed(c):
    """Nothing of ours: no attribute, no record."""
    equal(host.attribute(host.CGROUP + c.cgroup), None, "the attribute")
    equal(c.records(), [], "audit records")
