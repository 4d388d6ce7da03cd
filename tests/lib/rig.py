# SPDX-License-Identifier: Apache-2.0
"""Rig - a real container, made by a real runtime, held where the hook runs; for the fault sweep and the bench.

The hook's place in config.json is taken by a shell script that says "before" on a pipe, waits, runs whatever the test
wants run with the state on standard input, says "after STATUS", waits again, and ends with that status. So the test
looks at the very same container on both sides of the hook, and the runtime sees nothing but a hook.
"""
import json
import os
import select
import shutil
import signal
import subprocess

from lib import bundle, host, policy
from lib.host import CGROUP, write  # the bench's too
from lib.process import wait_until

PREBUILT = os.environ.get("CGDELEG_PREBUILT")
# By what every wait is multiplied: an emulated machine is that much slower, and says so by what it brings along.
PATIENCE = 10 if PREBUILT else 1
NULL = f"{os.path.dirname(os.path.realpath(__file__))}/../bench/null.c"
# What with-cgroup2 preloads is for runtimes alone: what the bench measures must not load it.
SHIM = os.environ.pop("LD_PRELOAD", "")

WRAPPER = """#!/bin/sh
dir=$1
cat >"$dir/state"
echo before >"$dir/up"
read -r _ <"$dir/down"
. "$dir/command"
status=$?
echo "after $status" >"$dir/up"
read -r _ <"$dir/down"
exit $status
"""
PROFILE = {"cgroup.max.descendants": 64, "cgroup.max.depth": 5, "hugetlb.2MB.max": "32M", "memory.max": "256M",
           "pids.max": 64, "nest": "init", "enable_controllers": "cpu memory pids io hugetlb"}
HANDLER = {"engine": "podman", "cgroup_writable": "true", "approved_annotations": "cgdeleg.io/profile",
           "profile": "sweep", "profiles": "sweep"}


def load_guards(hook):
    """As the service does at boot; a build or a kernel without them goes on."""
    loader = os.path.join(os.path.dirname(os.path.realpath(hook)), "cgdeleg-guard")
    if os.path.exists(loader):
        subprocess.run([loader], check=False, capture_output=True)
    policy.learn()


def why_not(runtimes, tools=()):
    """The reason that this machine cannot run the rig, or None."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in (*runtimes, *tools, "busybox", "unshare", "setarch", *(() if PREBUILT else ("cc",)))
               if not shutil.which(tool)]
    return f"{missing[0]} is not installed" if missing else None


def compile_c(source, target, *flags):
    """One small C file to one program. Where no compiler is, in a virtual machine, the program of that name that was
    brought along."""
    brought = f"{PREBUILT}/{os.path.basename(target)}"
    if PREBUILT and os.path.exists(brought):
        shutil.copy(brought, target)
    else:
        subprocess.run(["cc", "-O2", "-w", "-o", target, source, *flags], check=True)


class HookEnded(Exception):
    """The runtime ended, or said nothing in time, where the hook was expected."""


class Rig:
    """One bundle, one policy, one audit directory, one container at a time."""

    def __init__(self, work, runtime, name, hook, driver="cgroupfs", **defaults):
        self.work, self.runtime, self.name, self.hook = work, runtime, name, hook
        self.systemd, self.resources = driver == "systemd", {}
        self.bundle, self.relay, self.audit = f"{work}/bundle", f"{work}/relay", f"{work}/log"
        self.parent = f"{CGROUP}/cgdeleg-rig-{name}"
        # `top` is the topmost that is the container's alone.
        self.top = f"{CGROUP}/system.slice/cgdrig-{name}.scope" if self.systemd else f"{self.parent}/container"
        self.cgroup = f"{self.top}/container" if self.systemd and runtime == "crun" else self.top
        self.defaults = {"on_missing_limit": "skip", "audit_sync": "yes", **defaults}
        self.annotations = {}
        self.adapt = lambda config: None  # what else config.json is to say
        self.env = {**os.environ, **({"LD_PRELOAD": SHIM} if SHIM else {})}
        self.process = None
        self.pipes = {}

    def set_up(self):
        """Makes all files; nothing of the machine is changed but a parent cgroup."""
        os.makedirs(self.relay, exist_ok=True)
        os.makedirs(self.audit, mode=0o700, exist_ok=True)
        bundle.make_rootfs(f"{self.bundle}/rootfs", shutil.which("busybox"))
        compile_c(NULL, f"{self.bundle}/rootfs/bin/null", "-static")
        policy.write(f"{self.work}/policy", defaults=self.defaults, profiles={"sweep": PROFILE},
                     handlers={"sweep": HANDLER})
        write(f"{self.relay}/wrapper", WRAPPER, 0o755)
        for pipe in ("up", "down"):
            os.mkfifo(f"{self.relay}/{pipe}")
            # Both ends open: neither side ever blocks in open(), and a dead one is seen by time.
            self.pipes[pipe] = os.open(f"{self.relay}/{pipe}", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        helper = f"{os.path.dirname(os.path.realpath(self.hook))}/cgdeleg-unit"
        if os.path.exists(helper):  # the only one: nothing loads guards meanwhile
            shutil.copy(helper, self.work)
            os.chown(f"{self.work}/cgdeleg-unit", 0, 0)
        os.makedirs(self.parent, exist_ok=True)
        # As any runtime does at its first container; here, so that no measured run does.
        host.enable_controllers(CGROUP, self.parent)

    def hook_args(self):
        """The hook's command line."""
        return [self.hook, "createRuntime", "--handler", "sweep", "--policy", f"{self.work}/policy", "--audit",
                self.audit, "--run", f"{self.work}/run", "--helpers", self.work, "--deadline", "8"]

    def configure(self, hooks):
        """Writes config.json with these createRuntime hooks."""
        path = f"system.slice:cgdrig:{self.name}" if self.systemd else f"/cgdeleg-rig-{self.name}/container"
        config = bundle.config(["/bin/null"], cgroups_path=path, hooks=hooks, annotations=self.annotations,
                               resources=self.resources)
        self.adapt(config)
        bundle.write(self.bundle, config)

    def configure_relay(self):
        """The container's hook is the relay."""
        self.configure([bundle.hook(f"{self.relay}/wrapper", self.relay, env=("PATH=/usr/sbin:/usr/bin:/sbin:/bin",),
                                    timeout=60 * PATIENCE)])

    def _command(self, *words):
        driver = ["--systemd-cgroup"] if self.systemd else []
        return [shutil.which(self.runtime), "--root", f"{self.work}/state", *driver, *words]

    def run_command(self):
        """The runtime's `run` of this container."""
        return self._command("run", "--bundle", self.bundle, self.name)

    def create(self):
        """Starts `runtime create`; the relay then waits before the hook."""
        for fd in self.pipes.values():
            try:
                while os.read(fd, 4096):
                    pass
            except BlockingIOError:
                pass
        with open(f"{self.work}/runtime.out", "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                self._command("create", "--bundle", self.bundle, self.name), env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def wait_relay(self, word, timeout):
        """The rest of the relay's line that begins with `word`."""
        pidfd = os.pidfd_open(self.process.pid)
        try:
            ready, _, _ = select.select([self.pipes["up"], pidfd], [], [], timeout)
        finally:
            os.close(pidfd)
        if self.pipes["up"] not in ready:
            raise HookEnded("the runtime ended" if ready else f"no '{word}' after {timeout} s")
        line = os.read(self.pipes["up"], 4096).decode()
        if not line.startswith(word):
            raise HookEnded(f"'{line.strip()}' where '{word}' was expected")
        return line[len(word):].strip()

    def state(self):
        """The state that the runtime gave to the hook."""
        return json.loads(host.read(f"{self.relay}/state"))

    def go(self, command=None):
        """Lets the relay go on; before the hook with the shell line that it is to run."""
        if command is not None:
            write(f"{self.relay}/command", command)
        os.write(self.pipes["down"], b"go\n")

    def finish(self, timeout=30 * PATIENCE):
        """The exit status of `runtime create`."""
        return self.process.wait(timeout)

    def stop(self):
        """Ends a runtime that hangs, and what it started."""
        for pid in (*descendants(self.process.pid), self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def delete(self):
        """Removes the container, if the runtime still knows one. On a busy machine runc gives up removing a cgroup
        before the processes that it has just killed are gone."""
        host.end_processes(self.cgroup[len(CGROUP):])
        if os.path.isdir(f"{self.work}/state/{self.name}"):
            subprocess.run(self._command("delete", "--force", self.name), env=self.env, check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cgroup_is_gone(self, timeout=3 * PATIENCE):
        """Whether the container's cgroup has gone; a runtime may need a moment."""
        try:
            wait_until(lambda: not os.path.isdir(self.top), "its end", timeout)
        except TimeoutError:
            return False
        return True

    def clear_cgroup(self):
        """Removes by hand what a runtime left."""
        host.end_processes(self.cgroup[len(CGROUP):])
        host.remove_tree(self.cgroup[len(CGROUP):])

    def tear_down(self):
        """Leaves nothing."""
        self.delete()
        self.clear_cgroup()
        for fd in self.pipes.values():
            os.close(fd)
        host.remove_tree(self.parent[len(CGROUP):])


def descendants(pid):
    """All processes below one, children first."""
    try:
        children = [int(word) for word in host.read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []
    return [one for child in children for one in (*descendants(child), child)]
