# SPDX-License-Identifier: Apache-2.0
"""Context - what a case is given: one runtime under one driver, a place to work, and the way to report."""
import itertools
import os
import shutil

from lib import host, policy
from lib.container import Container
from lib.process import run, wait_until
from lib.report import Failure

_numbers = itertools.count(1)


class Context:
    def __init__(self, machine, runtime, driver, name=None):
        self.machine, self.report = machine, machine.report
        self.runtime, self.driver = runtime, driver
        self.hook, self.cgdeleg, self.busybox = machine.hook, machine.cgdeleg, machine.busybox
        self.helpers = machine.helpers
        self.parent, self.rootfs = machine.parent, machine.rootfs
        self.run_dir = f"{machine.work}/run"  # the table of grants: of all that these tests make
        self.name = name or (f"{runtime}/{driver}" if runtime else "host")
        self.case = ""
        self.tracked = []
        self.work = f"{machine.work}/{self.name.replace('/', '-')}"
        os.makedirs(self.work)
        self.policy_dir = policy.write(f"{self.work}/policy", defaults={"on_missing_limit": "skip"})
        self.runtime_command = [runtime, "--root", f"{self.work}/state"] if runtime else []
        if driver == "systemd":
            self.runtime_command.append("--systemd-cgroup")

    def next_number(self):
        return next(_numbers)

    def step(self, name):
        return self.report.step(f"{self.name}/{self.case}: {name}")

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

    def run_case(self, name, function):
        self.case = name
        before, mounts = host.picture_host(self.parent), host.mountinfo()
        with self.step("ran to its end"):
            try:
                function(self)
            finally:
                self.destroy_all()
        with self.step("host as before"):
            self.check_host(before, mounts)

    def destroy_all(self):
        for thing in reversed(self.tracked[:]):
            thing.delete()
        self.tracked.clear()

    def check_host(self, before, mounts):
        """After a case there is nothing of it: cgroups, processes, mounts, limits, owners, nsdelegate."""
        def new():
            return host.cgroups(host.picture_host(self.parent)) - host.cgroups(before)
        try:  # systemd removes a scope a moment after its last process is gone
            wait_until(lambda: not new(), "the last cgroup's end")
        except TimeoutError as error:
            raise Failure(f"left over: {sorted(new())}") from error
        host.same_picture(before, host.picture_host(self.parent))
        host.same_mounts(mounts, host.mountinfo(), self.machine.work)
        if not host.has_nsdelegate():
            raise Failure("the host's nsdelegate is gone")


class Machine:
    """The binaries, the place for everything, and the cgroup that the tests' containers are in."""
    def __init__(self, options, report, work):
        self.report, self.work = report, work
        self.hook, self.cgdeleg, self.busybox = options.hook, options.cgdeleg, options.busybox
        self.views = options.view_dir
        self.rootfs = f"{work}/rootfs"
        self.parent = f"/cgdtest-{os.getpid()}"
        self.device = host.block_device()
        self.helpers = self.copy_helpers()

    def copy_helpers(self):
        """To where only root can change them: the hook executes no others."""
        loader = os.path.join(os.path.dirname(os.path.realpath(self.hook)), "cgdeleg-guard")
        os.makedirs(f"{self.work}/helpers")
        if os.path.exists(loader):
            shutil.copy(loader, f"{self.work}/helpers")
            os.chown(f"{self.work}/helpers/cgdeleg-guard", 0, 0)
            os.chmod(f"{self.work}/helpers/cgdeleg-guard", 0o755)
        return f"{self.work}/helpers"

    def open(self):
        if host.has_systemd():  # else the first scope starts it, and it stays
            run(["systemctl", "start", "dbus.service"])
        run([self.cgdeleg, "guard", "load"])  # as its service does at boot; where it cannot, cases say so
        path = f"{host.CGROUP}{self.parent}"
        os.mkdir(path)
        for controller in host.controllers():
            for where in (host.CGROUP, path):
                try:
                    host.write(f"{where}/cgroup.subtree_control", f"+{controller}")
                except OSError:
                    pass  # some cannot be had beside realtime processes

    def close(self):
        host.kill_all(self.parent)
        host.remove_tree(self.parent)
        shutil.rmtree(self.work, ignore_errors=True)
