# SPDX-License-Identifier: Apache-2.0
"""Afterwards - the fault sweep's paths behind the grant: `watch --once` puts limits back, and the helper tells systemd.

No container is needed: a cgroup with the attribute is a grant, and one of systemd's units is a unit. After each fault the
limits are at their ceilings and the program says so, or it says that they are not; nothing else has changed; and a run
without a fault puts everything right.
"""
import os
import time

import look
import points
from lib import host
from lib.process import run

CEILINGS = {"cgroup.max.descendants": "64", "cgroup.max.depth": "5", "hugetlb.2MB.max": "33554432"}
RECORD = ('{"v":1,"id":"swept","instance":"i","handler":"h","profile":"p","namespace":"","pod":"","name":"","line":"",'
          '"method":"","leaf":"","since":1,"guarded":false,"scope":false,"ceilings":{%s}}')
UNIT = "cgdsweep.service"
NOT_REACHED = "the call was not reached"


class Path:
    """One program under strace."""
    name = program = None
    must_work = True

    def __init__(self, work, hook):
        self.work, self.trace, self.err = work, f"{work}/trace", ""
        beside = os.path.join(os.path.dirname(hook), os.path.basename(self.program))
        self.bin = os.path.join(os.path.dirname(os.path.dirname(hook)), self.program)
        if not os.path.exists(self.bin):  # in a virtual machine all programs are in one directory
            self.bin = beside

    def words(self):
        raise NotImplementedError

    def prepare(self):
        raise NotImplementedError

    def wrong_after(self, status):
        raise NotImplementedError

    def go(self, strace):
        """The exit status, as a shell gives it."""
        done = run(["setarch", "-R", "strace", "-qq", "-o", self.trace, *strace, self.bin, *self.words()])
        self.err = done.err.strip()
        return 128 - done.code if done.code < 0 else done.code

    def golden(self):
        """(calls, what is wrong) of a run without a fault."""
        self.prepare()
        status = self.go([])
        wrong = self.wrong_after(status)
        if self.must_work and status:
            wrong.append(f"status {status}: {self.err}")
        return points.parse_trace(look.slurp(self.trace)), wrong

    def point(self, point, breaks):
        """What is wrong after one fault."""
        self.prepare()
        status = self.go(points.strace_arguments([point], breaks))
        wrong = [] if points.was_hit(look.slurp(self.trace), point) else [NOT_REACHED]
        wrong += self.wrong_after(status)
        if status == 1 and not self.err:
            wrong.append("it failed without a word")
        return wrong


class Watch(Path):
    """A grant whose limits are all raised, beside a cgroup that is nobody's business."""
    name, program = "watch", "cgdeleg/cli/cgdeleg"

    def __init__(self, work, hook):
        super().__init__(work, hook)
        self.parent, self.before = f"{host.CGROUP}/cgdeleg-sweep-{os.getpid()}", ()
        self.cgroup = f"{self.parent}/grant"
        os.makedirs(f"{work}/policy")
        host.write(f"{work}/policy/policy.ini", "[profile p]\ncgroup.max.descendants = 64\n")
        os.makedirs(self.cgroup)
        os.mkdir(f"{self.parent}/neighbour")
        host.enable_controllers(host.CGROUP, self.parent)
        self.files = {f: v for f, v in CEILINGS.items() if os.path.exists(f"{self.cgroup}/{f}")}
        ceilings = ",".join(f'"{file}":"{value}"' for file, value in self.files.items())
        os.setxattr(self.cgroup, host.ATTRIBUTE, (RECORD % ceilings).encode())

    def words(self):
        return ["watch", "--once", "--policy", f"{self.work}/policy", "--run", f"{self.work}/run",
                "--audit", f"{self.work}/audit"]

    def prepare(self):
        for file in self.files:
            host.write(f"{self.cgroup}/{file}", "max")
        self.before = look.look_at_tree(self.parent)

    def changed(self):
        """What is different from before, but for the limits with a ceiling."""
        limits, found = {f"grant/{file}" for file in self.files}, []
        for ours, theirs in zip(self.before, look.look_at_tree(self.parent)):
            found += [f"{key} changed" for key in (ours.keys() | theirs.keys()) - limits if ours.get(key) != theirs.get(key)]
        return found

    def above(self):
        now = {file: look.slurp(f"{self.cgroup}/{file}").strip() for file in self.files}
        return [f"{file} is {now[file]}" for file, value in self.files.items() if now[file] != value]

    def wrong_after(self, status):
        wrong = self.changed()
        if status == 0:
            return wrong + [f"status 0, but {w}" for w in self.above()]
        done = run([self.bin, *self.words()])
        wrong += [f"afterwards: {w}" for w in self.above() + self.changed()]
        return wrong + ([f"afterwards: status {done.code}: {done.err.strip()}"] if done.code else [])

    def tear_down(self):
        host.remove_tree(self.parent[len(host.CGROUP):])


class Helper(Path):
    """The helper for systemd. Where systemd is not init it can only fail, and must say so."""
    name, program = "helper", "hooks/cgdeleg-unit"

    def __init__(self, work, hook):
        super().__init__(work, hook)
        self.must_work = host.has_systemd()
        if self.must_work:
            run(["systemd-run", "--unit", UNIT, "sleep", "infinity"])

    def words(self):
        return [UNIT, str(int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000) + 20000), "MemoryMax=4194304"]

    def prepare(self):
        if self.must_work:
            run(["systemctl", "set-property", "--runtime", UNIT, "MemoryMax=8388608"])

    def wrong_after(self, status):
        if not self.must_work:
            return [] if status else ["status 0, where there is no systemd"]
        now = run(["systemctl", "show", "-P", "MemoryMax", UNIT]).out.strip()
        if status == 0:
            return [] if now == "4194304" else [f"status 0, but MemoryMax is {now}"]
        return [] if now in ("4194304", "8388608") else [f"MemoryMax is {now}"]

    def tear_down(self):
        if self.must_work:
            run(["systemctl", "stop", UNIT])


PATHS = {path.name: path for path in (Watch, Helper)}
