# SPDX-License-Identifier: Apache-2.0
"""
Fake - a process in the shape of a container that is being created, made without a runtime.

It has mount, cgroup and user namespaces of its own and a cgroup mount at <rootfs>/sys/fs/cgroup, in any cgroup
that a case names: also in those where a runtime's clean-up would do harm.
"""
import json
import os
import signal

from lib import bundle, host, policy
from lib.namespace import CLONE_NEWCGROUP, CLONE_NEWUSER, MS_BIND, MS_RDONLY, MS_REMOUNT, call, mount, unshare_mounts
from lib.process import run_piped


def become(ready, cgroup, point, read_only):
    """The child's side: enters the cgroup, unshares, mounts, says "ready" and waits."""
    if cgroup:
        host.write(f"{host.CGROUP}{cgroup}/cgroup.procs", str(os.getpid()))
    unshare_mounts(CLONE_NEWCGROUP)
    mount(host.CGROUP + cgroup, point, MS_BIND)
    if read_only:
        mount("none", point, MS_BIND | MS_REMOUNT | MS_RDONLY)
    call("unshare", CLONE_NEWUSER)
    os.write(ready, b"ready")
    signal.pause()


def fork(*arguments):
    """A child that becomes a container; returns its pid when it has. Starting Python anew would cost seconds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(writing, *arguments)
        finally:
            os._exit(1)
    os.close(writing)
    came_up = os.read(reading, 5) == b"ready"
    os.close(reading)
    if not came_up:
        os.waitpid(pid, 0)
        raise RuntimeError("the fake container did not come up")
    return pid


class Fake:
    """shape "runc": the mount is read-only already; "crun": still writable, and config.json says ro."""
    def __init__(self, t, cgroup=None, shape="runc", maps=bundle.MAP, policy_dir=None, process_in=None):
        self.t, self.id = t, f"fake{t.next_number()}"
        self.dir = f"{t.work}/{self.id}"
        self.audit_dir = f"{self.dir}/audit"
        self.policy_dir = policy_dir or default_policy(t)
        self.own = cgroup is None
        self.cgroup = f"{t.parent}/{self.id}" if cgroup is None else cgroup
        self.point = f"{self.dir}/rootfs/sys/fs/cgroup"
        os.makedirs(self.point)
        self.config = bundle.config(["/bin/true"], cgroups_path=self.cgroup)
        bundle.write(self.dir, self.config)
        if self.own:
            os.mkdir(host.CGROUP + self.cgroup)
        self.pid = fork(self.cgroup, self.point, shape == "runc")
        self.t.track(self)
        for name in ("uid_map", "gid_map"):
            host.write(f"/proc/{self.pid}/{name}", "".join(f"{a} {b} {c}\n" for a, b, c in maps))
        if process_in:
            host.write(f"{host.CGROUP}{process_in}/cgroup.procs", str(self.pid))

    def state(self, **changes):
        return {"ociVersion": "1.0.2", "id": self.id, "status": "creating", "pid": self.pid, "bundle": self.dir,
                **changes}

    def call_hook(self, state=None, command=(), stdin=None, more=(), **options):
        words = [*command, self.t.hook, *self.hook_args(), *more]
        if stdin is not None:
            return run_piped(words, stdin=stdin, **options)
        return run_piped(words, input=json.dumps(state or self.state()).encode(), **options)

    def hook_args(self):
        return ["createRuntime", "--handler", "test", "--policy", self.policy_dir, "--audit", self.audit_dir,
                "--run", self.t.run_dir, "--helpers", self.t.helpers, "--deadline", "8"]

    def records(self):
        return host.records(self.audit_dir)

    def picture(self):
        return (host.picture_tree(host.CGROUP + self.cgroup) if self.cgroup else host.picture_cgroup(host.CGROUP),
                host.mountinfo(self.pid))

    def is_granted(self):
        owner = os.stat(host.CGROUP + self.cgroup).st_uid
        options = [line.split(" ")[3] for line in host.mountinfo(self.pid) if f" {self.point} " in line][-1]
        return owner == bundle.BASE and host.attribute(host.CGROUP + self.cgroup) and options.startswith("rw")

    def delete(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.t.untrack(self)
        if self.own:
            host.remove_tree(self.cgroup)


def unenforceable_devices(fake):
    """A device list that our program cannot enforce. Nobody else attaches one to a Fake's cgroup."""
    rules = [{"allow": True, "type": "c", "major": 1, "minor": i, "access": "r"} for i in range(300)]
    fake.config["linux"].setdefault("resources", {})["devices"] = rules
    bundle.write(fake.dir, fake.config)
    return fake


def default_policy(t, **defaults):
    """No runtime has attached a device program to a fake's cgroup."""
    return policy.write(f"{t.work}/fakepolicy{t.next_number()}",
                        defaults={"on_missing_limit": "skip", "device_bpf": "runtime", **defaults})
