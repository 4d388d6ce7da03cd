# SPDX-License-Identifier: Apache-2.0
"""
Peers - other systems that give a container a writable cgroup, turned on in the way that their documentation says.

Their containers get the memory and process limits that the policy gives to cgdeleg's, and nothing else.
"""
import importlib
import importlib.util
import os
import shutil

from lib import bundle, host
from lib.process import must as succeed, run
from suite.box import Box

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # else each program that is started waits for its threads
IMAGE = "attack"
MEMORY, PIDS = "128m", "100"


def must(*command):
    return succeed(list(command)).out.strip()


def has(*programs):
    return all(shutil.which(program) for program in programs)


def image(work):
    """A root filesystem of busybox, as an archive that can be imported."""
    archive = f"{work}/attack.tar"  # image.tar is containerd's, which removes it
    if not os.path.exists(archive):
        bundle.make_rootfs(f"{work}/image", shutil.which("busybox"), owner=0)
        must("tar", "-C", f"{work}/image", "-cf", archive, ".")
    return archive


class EngineBox(Box):
    """docker's and podman's command lines are the same."""
    userns = False

    def __init__(self, t, programs, engine, system, options, host_pids=False):
        super().__init__(f"{t.work}/box{t.next_number()}", programs)
        self.t, self.engine, self.system, self.variant = t, engine, system, engine
        self.remake = lambda **more: EngineBox(t, programs, engine, system, options, **more)
        self.id = must(engine, "run", "--detach", "--network", "none", "--memory", MEMORY, "--memory-swap", MEMORY,
                       "--pids-limit", PIDS, "--volume", f"{programs}:/probe:ro", "--volume", f"{self.share}:/host",
                       *(["--pid", "host"] if host_pids else []), *options, IMAGE, "/bin/sleep", "100000")
        self.cgroup = host.cgroup_of(int(must(engine, "inspect", "--format", "{{.State.Pid}}", self.id)))

    def execute(self, words):
        return run([self.engine, "exec", self.id, *words])

    def with_host_pids(self):
        return self.remake(host_pids=True)

    def close(self):
        run([self.engine, "rm", "--force", "--volumes", "--time", "0", self.id] if self.engine == "podman" else
            [self.engine, "rm", "--force", self.id])


def docker(t, programs):
    """Since Docker 28; without a user namespace, which excludes the option."""
    os.makedirs("/etc/docker", exist_ok=True)
    host.write("/etc/docker/daemon.json", '{"bridge": "none", "iptables": false, "ip6tables": false}\n')
    must("systemctl", "start", "docker.service")
    must("docker", "import", image(t.machine.work), IMAGE)
    return EngineBox(t, programs, "docker", "Docker writable-cgroups", ["--security-opt", "writable-cgroups=true"])


def podman(t, programs):
    must("podman", "import", "--quiet", image(t.machine.work), IMAGE)
    return EngineBox(t, programs, "podman", "podman unmask", ["--security-opt", "unmask=/sys/fs/cgroup"])


class ContainerdBox(Box):
    """A pod of a handler with cgroup_writable, through the CRI."""
    system, variant, userns = "containerd cgroup_writable", "containerd", False

    def __init__(self, t, programs, cri, host_pids=False, userns=False):
        super().__init__(f"{t.work}/box{t.next_number()}", programs)
        self.t, self.cri, self.programs = t, cri, programs
        self.pod = cri.pod("writable", userns=userns)
        self.id = self.pod.start("box", containerd_engine().BOX, ["/bin/sleep", "100000"], host_pids=host_pids,
                                 mounts=[(programs, "/probe"), (self.share, "/host")],
                                 resources={"memory_limit_in_bytes": 128 << 20, "memory_swap_limit_in_bytes": 128 << 20,
                                            "unified": {"pids.max": PIDS}})
        self.cgroup = host.cgroup_of(cri_engine().pid_of(cri, self.id))

    def execute(self, words):
        return cri_engine().run_in(self.cri, self.id, words)

    def with_host_pids(self):
        return ContainerdBox(self.t, self.programs, self.cri, host_pids=True)

    def close(self):
        self.pod.remove()


def containerd_engine():
    return importlib.import_module("engine.containerd")


def cri_engine():
    return importlib.import_module("engine.cri")


def containerd(t, programs):
    engine = containerd_engine()
    engine.configure(engine.handler_text("writable", extra="  cgroup_writable = true\n"))
    engine.restart()
    cri = cri_engine().Cri()
    engine.load_images(t.machine.work, cri)
    return ContainerdBox(t, programs, cri)


def installed():
    """{name: what makes its box} of those on this machine; and what is missing, with the reason."""
    found, missing = {}, {}
    for name, there, make in (
            ("Docker writable-cgroups", lambda: has("docker", "dockerd") and
             int(run(["dockerd", "--version"]).out.split()[2].split(".")[0]) >= 28, docker),
            ("containerd cgroup_writable", lambda: has("containerd", "ctr") and importlib.util.find_spec("grpc") and
             containerd_engine().version() >= (2, 1), containerd),
            ("podman unmask", lambda: has("podman"), podman)):
        if host.has_systemd() and there():
            found[name] = make
        else:
            missing[name] = "not installed, or too old for it"
    return found, missing
