# SPDX-License-Identifier: Apache-2.0
"""Context - what a case is given: one runtime under one driver, a place to work, and the way to report."""
import contextlib
import itertools
import os
import shutil
import tempfile

from lib import bundle, host, policy
from lib.container import Container
from lib.process import run
from lib.report import Report

_numbers = itertools.count(1)


class Case:
    """The frame around each case, of whatever suite: afterwards nothing of it may be there, and the host be as before."""
    def __init__(self, report):
        self.report, self.undo = report, []

    def step(self, name):
        return self.report.step(f"{self.label}: {name}")

    def later(self, function, *arguments):
        """To be done at the case's end, the last first, whatever happens."""
        self.undo.append((function, arguments))

    def clean_up(self):
        """Also what comes after one that fails is done."""
        with contextlib.ExitStack() as stack:
            for function, arguments in self.undo:
                stack.callback(function, *arguments)
            self.undo = []

    def run_case(self, name, function):
        self.begin(name)
        before = self.look()
        failed = self.report.failed
        with self.step("ran to its end"):
            try:
                function(self)
            finally:
                self.clean_up()
        if self.report.failed > failed:
            self.diagnose()
        with self.step("host as before"):
            self.check_host(before)

    def diagnose(self):
        """After a failure: what a suite knows to print."""


class Context(Case):
    def __init__(self, machine, runtime, driver, name=None):
        super().__init__(machine.report)
        self.machine, self.runtime, self.driver = machine, runtime, driver
        self.hook, self.cgdeleg, self.busybox = machine.hook, machine.cgdeleg, machine.busybox
        self.helpers, self.parent, self.rootfs = machine.helpers, machine.parent, machine.rootfs
        self.run_dir = f"{machine.work}/run"  # the table of grants: of all that these tests make
        self.name = name or (f"{runtime}/{driver}" if runtime else "host")
        self.tracked = []
        self.work = f"{machine.work}/{self.name.replace('/', '-')}"
        os.makedirs(self.work)
        self.policy_dir = policy.write(f"{self.work}/policy", defaults={"on_missing_limit": "skip"})
        self.runtime_command = [runtime, "--root", f"{self.work}/state"] if runtime else []
        if driver == "systemd":
            self.runtime_command.append("--systemd-cgroup")

    def begin(self, name):
        self.label = f"{self.name}/{name}"

    def next_number(self):
        return next(_numbers)

    def policy(self, name, **sections):
        """A policy directory of this case's own."""
        return policy.write(f"{self.work}/{name}{self.next_number()}", **sections)

    def container(self, name="c", args=None, **knobs):
        return Container(self, name, args, **knobs)

    def track(self, thing):
        self.tracked.append(thing)

    def untrack(self, thing):
        if thing in self.tracked:
            self.tracked.remove(thing)

    def destroy_all(self):
        for thing in reversed(self.tracked[:]):
            thing.delete()
        self.tracked.clear()

    def clean_up(self):
        self.destroy_all()
        super().clean_up()

    def look(self):
        return host.picture_host(self.parent), host.mountinfo()

    def check_host(self, before):
        """Cgroups, processes, mounts, limits, owners, nsdelegate."""
        host.wait_as_before(self.parent, before[0])
        host.same_picture(before[0], host.picture_host(self.parent))
        host.same_mounts(before[1], host.mountinfo(), self.machine.work)
        host.check_nsdelegate()


class Machine:
    """The binaries, the place for everything, and the cgroup that the tests' containers are in."""
    def __init__(self, options):
        self.report, self.work = Report(options.only), tempfile.mkdtemp(prefix="cgdtest-", dir="/var/tmp")
        os.chmod(self.work, 0o755)
        self.hook, self.cgdeleg, self.busybox = map(os.path.realpath, (options.hook, options.cgdeleg, options.busybox))
        self.rootfs, self.helpers = f"{self.work}/rootfs", f"{self.work}/helpers"
        self.parent = f"/cgdtest-{os.getpid()}"
        self.device = host.block_device()

    def copy_helpers(self):
        """To where only root can change them: the hook executes no others."""
        os.makedirs(self.helpers)
        for name in ("cgdeleg-guard", "cgdeleg-unit"):
            helper, copy = f"{os.path.dirname(self.hook)}/{name}", f"{self.helpers}/{name}"
            if os.path.exists(helper):
                shutil.copy(helper, copy)
                os.chown(copy, 0, 0)
                os.chmod(copy, 0o755)

    def __enter__(self):
        self.copy_helpers()
        bundle.make_rootfs(self.rootfs, self.busybox)
        if host.has_systemd():  # else the first scope starts it, and it stays
            run(["systemctl", "start", "dbus.service"])
        run([self.cgdeleg, "guard", "load"])  # as its service does at boot; where it cannot, cases say so
        policy.learn()
        os.mkdir(host.CGROUP + self.parent)
        host.enable_controllers(host.CGROUP, host.CGROUP + self.parent)
        return self

    def __exit__(self, *_):
        host.kill_all(self.parent)
        host.remove_tree(self.parent)
        shutil.rmtree(self.work, ignore_errors=True)
