# SPDX-License-Identifier: Apache-2.0
"""Rig - a real container, made by a real runtime, held where the hook runs.

The hook's place in config.json is taken by a shell script that says "before" on a pipe, waits, runs
whatever the test wants run with the state on standard input, says "after STATUS", waits again, and ends
with that status. So the test looks at the very same container on both sides of the hook, and the runtime
sees nothing but a hook.
"""
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

CGROUP = "/sys/fs/cgroup"
HERE = os.path.dirname(os.path.abspath(__file__))
SHIM = os.path.join(HERE, "..", "system", "memlock-shim.c")
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 16384, 1 << 18
# By what every wait is multiplied: an emulated machine is that much slower, and says so by what it brings along.
PATIENCE = 10 if "CGDELEG_PREBUILT" in os.environ else 1
ID_BASE = 100000  # the container's root on the host

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

POLICY = """[defaults]
on_missing_limit = skip
audit_sync = {audit_sync}
on_refusal = {on_refusal}

[profile sweep]
cgroup.max.descendants = 64
cgroup.max.depth       = 5
hugetlb.2MB.max        = 32M
memory.max             = 256M
pids.max               = 64
nest = {nest}
enable_controllers = cpu memory pids io hugetlb

[handler sweep]
engine               = podman
cgroup_writable      = true
approved_annotations = cgdeleg.io/profile
profile              = sweep
profiles             = sweep
"""


def is_unified():
    """Whether /sys/fs/cgroup itself is cgroup2."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return any(" - cgroup2 " in line and line.split()[4] == CGROUP for line in f)


def enter_unified():
    """On a hybrid host: start again in a mount namespace that looks like a unified one."""
    if os.environ.get("CGDELEG_RIG_ENTERED") or is_unified():
        return
    os.environ["CGDELEG_RIG_ENTERED"] = "1"
    script = (f"umount -l -R {CGROUP}; mount -t cgroup2 -o nsdelegate none {CGROUP}; "
              "mount -t bpf -o mode=700 none /sys/fs/bpf; "  # pins of its own
              'exec "$0" "$@"')
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, sys.executable, *sys.argv])


def load_guards(hook):
    """As the service does at boot; a build or a kernel without them goes on."""
    loader = os.path.join(os.path.dirname(os.path.realpath(hook)), "cgdeleg-guard")
    if os.path.exists(loader):
        subprocess.run([loader], check=False, capture_output=True)


def unshare_mounts():
    """A mount namespace for this process, so that two at work do not see each other's mounts."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) < 0:
        raise OSError(ctypes.get_errno(), "cannot unshare the mount namespace")


def why_not(runtimes, tools=()):
    """The reason that this machine cannot run the rig, or None."""
    if os.geteuid() != 0:
        return "needs root"
    compiler = () if "CGDELEG_PREBUILT" in os.environ else ("cc",)
    for tool in (*runtimes, *tools, "unshare", "setarch", *compiler):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    return None


def write(path, text):
    """Writes a whole file."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def compile_c(source, target, *flags):
    """One small C file to one program or shared object. Where no compiler is, in a virtual machine, the
    program of that name that was brought along."""
    brought = os.path.join(os.environ.get("CGDELEG_PREBUILT", "/nonexistent"), os.path.basename(target))
    if os.path.exists(brought):
        shutil.copy(brought, target)
        return
    subprocess.run(["cc", "-O2", "-w", "-o", target, source, *flags], check=True)


def enable_controllers(path):
    """All that the parent offers, for the children of one cgroup."""
    with open(os.path.join(path, "cgroup.controllers"), encoding="utf-8") as f:
        for name in f.read().split():
            write(os.path.join(path, "cgroup.subtree_control"), "+" + name)


def end_process(pid, cgroup, timeout=30 * PATIENCE):
    """Kills the process `pid`, if it is in that cgroup, and waits for its end."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
            if f"0::/{cgroup}\n" in f.read():
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                select.select([pidfd], [], [], timeout)
    except (ProcessLookupError, FileNotFoundError):
        pass
    finally:
        os.close(pidfd)


class HookEnded(Exception):
    """The runtime ended, or said nothing in time, where the hook was expected."""


class Rig:
    """One bundle, one policy, one audit directory, one container at a time."""

    def __init__(self, work, runtime, name, hook, driver="cgroupfs", **policy):
        self.work, self.runtime, self.name, self.hook = work, runtime, name, hook
        self.systemd, self.resources = driver == "systemd", {}
        self.bundle = os.path.join(work, "bundle")
        self.relay = os.path.join(work, "relay")
        self.audit = os.path.join(work, "log")
        self.parent = os.path.join(CGROUP, f"cgdeleg-rig-{name}")
        self.top = os.path.join(self.parent, "container")  # the topmost that is the container's alone
        if self.systemd:
            self.top = os.path.join(CGROUP, "system.slice", f"cgdrig-{name}.scope")
        self.cgroup = os.path.join(self.top, "container") if self.systemd and runtime == "crun" else self.top
        self.policy = {"nest": "init", "audit_sync": "yes", "on_refusal": "fail", **policy}
        self.annotations = {}
        self.adapt = lambda config: None  # what else config.json is to say
        self.env = dict(os.environ)
        self.process = None
        self.pipes = {}

    def set_up(self):
        """Makes all files; nothing of the machine is changed but a parent cgroup."""
        for d in (self.bundle, self.relay, self.audit, os.path.join(self.work, "policy")):
            os.makedirs(d, exist_ok=True)
        os.chmod(self.audit, 0o700)
        self._make_rootfs()
        write(os.path.join(self.work, "policy", "policy.ini"), POLICY.format(**self.policy))
        write(os.path.join(self.relay, "wrapper"), WRAPPER)
        os.chmod(os.path.join(self.relay, "wrapper"), 0o755)
        for pipe in ("up", "down"):
            path = os.path.join(self.relay, pipe)
            os.mkfifo(path)
            # Both ends open: neither side ever blocks in open(), and a dead one is seen by time.
            self.pipes[pipe] = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._make_shim()
        os.makedirs(self.parent, exist_ok=True)
        # As any runtime does at its first container; here, so that no measured run does.
        for path in (CGROUP, self.parent):
            enable_controllers(path)

    def _make_rootfs(self):
        rootfs = os.path.join(self.bundle, "rootfs")
        for d in ("bin", "proc", "sys", "dev", "tmp", "etc"):
            os.makedirs(os.path.join(rootfs, d), exist_ok=True)
        source = os.path.join(self.work, "true.c")
        write(source, "int main(void) { return 0; }\n")
        compile_c(source, os.path.join(rootfs, "bin", "true"), "-static")
        for path, _, files in os.walk(rootfs):
            for entry in (path, *(os.path.join(path, f) for f in files)):
                os.chown(entry, ID_BASE, ID_BASE)

    def _make_shim(self):
        """Old crun wants to raise RLIMIT_MEMLOCK, which a root without CAP_SYS_RESOURCE may not."""
        shim = os.path.join(self.work, "memlock-shim.so")
        compile_c(SHIM, shim, "-shared", "-fPIC")
        self.env["LD_PRELOAD"] = shim

    def hook_args(self):
        """The hook's command line."""
        return [self.hook, "createRuntime", "--handler", "sweep", "--policy",
                os.path.join(self.work, "policy"), "--audit", self.audit, "--run",
                os.path.join(self.work, "run"), "--helpers", self.work, "--deadline", "8"]

    def configure(self, hooks):
        """Writes config.json with these createRuntime hooks."""
        config = container_config(f"system.slice:cgdrig:{self.name}" if self.systemd else
                                  f"/cgdeleg-rig-{self.name}/container")
        config["linux"]["resources"].update(self.resources)
        config["hooks"] = {"createRuntime": hooks}
        config["annotations"] = dict(self.annotations)
        self.adapt(config)
        write(os.path.join(self.bundle, "config.json"), json.dumps(config))

    def configure_relay(self):
        """The container's hook is the relay."""
        self.configure([{"path": os.path.join(self.relay, "wrapper"),
                         "args": ["wrapper", self.relay], "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
                         "timeout": 60 * PATIENCE}])

    def _command(self, *words):
        driver = ["--systemd-cgroup"] if self.systemd else []
        return [shutil.which(self.runtime), "--root", os.path.join(self.work, "state"), *driver, *words]

    def run_command(self):
        """The runtime's `run` of this container."""
        return self._command("run", "--bundle", self.bundle, self.name)

    def create(self):
        """Starts `runtime create`; the relay then waits before the hook."""
        self._drain()
        with open(os.path.join(self.work, "runtime.out"), "w", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                self._command("create", "--bundle", self.bundle, self.name), env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _drain(self):
        for fd in self.pipes.values():
            try:
                while os.read(fd, 4096):
                    pass
            except BlockingIOError:
                pass

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
        with open(os.path.join(self.relay, "state"), encoding="utf-8") as f:
            return json.load(f)

    def go(self, command=None):
        """Lets the relay go on; before the hook with the shell line that it is to run."""
        if command is not None:
            write(os.path.join(self.relay, "command"), command)
        os.write(self.pipes["down"], b"go\n")

    def finish(self, timeout=30 * PATIENCE):
        """The exit status of `runtime create`."""
        return self.process.wait(timeout)

    def stop(self):
        """Ends a runtime that hangs, and what it started."""
        for pid in descendants(self.process.pid):
            kill(pid)
        kill(self.process.pid)
        self.process.wait()

    def delete(self):
        """Removes the container, if the runtime still knows one."""
        self._end_processes()
        if os.path.isdir(os.path.join(self.work, "state", self.name)):
            subprocess.run(self._command("delete", "--force", self.name), env=self.env, check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

    def _end_processes(self):
        """Those of the cgroup. On a machine that is busy elsewhere runc gives up removing a cgroup before the
        processes it has just killed are gone."""
        for path, _, _ in os.walk(self.cgroup):
            with open(os.path.join(path, "cgroup.procs"), encoding="utf-8") as f:
                for pid in f.read().split():
                    end_process(int(pid), os.path.relpath(path, CGROUP))

    def cgroup_is_gone(self, timeout=3 * PATIENCE):
        """Whether the container's cgroup has gone; a runtime may need a moment."""
        end = time.monotonic() + timeout
        while os.path.isdir(self.top):
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def clear_cgroup(self):
        """Removes by hand what a runtime left."""
        for path, _, _ in os.walk(self.cgroup, topdown=False):
            with open(os.path.join(path, "cgroup.procs"), encoding="utf-8") as f:
                for pid in f.read().split():
                    kill(int(pid))
            for _ in range(200):
                try:
                    os.rmdir(path)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)

    def tear_down(self):
        """Leaves nothing."""
        self.delete()
        self.clear_cgroup()
        for fd in self.pipes.values():
            os.close(fd)
        for path, _, _ in os.walk(self.parent, topdown=False):
            os.rmdir(path)


def kill(pid):
    """SIGKILL, to a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def descendants(pid):
    """All processes below one, children first."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
            children = [int(word) for word in f.read().split()]
    except OSError:
        return found
    for child in children:
        found += [*descendants(child), child]
    return found


def container_config(cgroups_path):
    """An unprivileged container, the way engines write them: user namespace, read-only cgroup mount."""
    bind = ["nosuid", "noexec", "nodev", "relatime", "ro"]
    ids = [{"containerID": 0, "hostID": ID_BASE, "size": 65536}]
    caps = ["CAP_CHOWN", "CAP_KILL"]
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/true"], "env": ["PATH=/bin"],
                    "cwd": "/", "capabilities": {k: caps for k in
                                                 ("bounding", "effective", "permitted")}},
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "rig",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "mode=755"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": bind},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": bind}],
        "linux": {
            "uidMappings": ids, "gidMappings": ids, "cgroupsPath": cgroups_path,
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": t} for t in
                           ("pid", "mount", "ipc", "uts", "cgroup", "user", "network")]}}
