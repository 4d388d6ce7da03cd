# SPDX-License-Identifier: Apache-2.0
"""
Bounded - the same other systems where cgdeleg bounds whom they give a writable cgroup: writable_mount = bound.

Their containers ask cgdeleg for nothing. They have a user namespace: without one, cgdeleg refuses a container with the
capabilities that these engines give by default, because its root could take the files of the ceilings for itself.
"""
from engine import containerd as by_containerd, docker as by_docker, podman as by_podman
from engine.context import POLICY
from lib import host, policy
from lib.process import must
from suite import peers
from suite.box import PROFILE, RuntimeBox, limits
from suite.registry import NotApplicable

BOUNDED = {"cgroup_writable": "false", "writable_mount": "bound", "profile": "small"}
CEILINGS = {key: value for key, value in PROFILE.items() if key not in ("nest", "enable_controllers")}
DEFAULTS = {"on_missing_limit": "skip"}


def sections(engine):
    return {"defaults": DEFAULTS, "profiles": {"small": CEILINGS}, "handlers": {engine: {"engine": engine, **BOUNDED}}}


def named(box, system):
    if '"writable_by"' not in (host.attribute(box.path) or ""):
        box.close()
        raise RuntimeError(f"cgdeleg has not bounded the container of {system}")
    box.system, box.userns = f"{system} bounded by cgdeleg", True
    return box


def no_host_pids():
    raise NotApplicable("a container with a user namespace cannot have the host's process namespace there")


def docker(t, programs):
    """With userns-remap Docker makes the mount writable without being asked, and allows no option that asks."""
    policy.write(POLICY, **sections("docker"))
    by_docker.configure(remap=True)
    must(["systemctl", "stop", "docker.service", "docker.socket"])
    must(["systemctl", "reset-failed", "docker.service", "docker.socket"])
    must(["systemctl", "start", "docker.service"])
    peers.must("docker", "import", peers.image(t.machine.work), peers.IMAGE)
    box = peers.EngineBox(t, programs, "docker", "", ["--runtime", "cgdeleg"])
    box.with_host_pids = no_host_pids
    return named(box, "Docker writable-cgroups")


def podman(t, programs):
    policy.write(POLICY, **sections("podman"))
    by_podman.configure(when={"always": True})
    peers.must("podman", "import", "--quiet", peers.image(t.machine.work), peers.IMAGE)
    options = ["--security-opt", "unmask=/sys/fs/cgroup", "--uidmap", "0:300000:65536"]
    return named(peers.EngineBox(t, programs, "podman", "", options), "podman unmask")


def containerd(t, programs):
    policy.write(POLICY, **sections("containerd"))
    spec = f"{t.machine.work}/bounded.json"
    by_containerd.start()
    by_containerd.base_spec(spec, "containerd")
    by_containerd.configure(by_containerd.handler_text("writable", "/usr/sbin/runc", spec,
                                                       extra="  cgroup_writable = true\n"))
    must(["systemctl", "reset-failed", "containerd.service"])
    by_containerd.restart()
    cri = peers.cri_engine().Cri()
    by_containerd.load_images(t.machine.work, cri)
    box = peers.ContainerdBox(t, programs, cri, userns=True)
    box.with_host_pids = no_host_pids
    return named(box, "containerd cgroup_writable")


def crun_delegate(t, programs, **knobs):
    """In a user namespace, whose root has the files: they are to be bounded all the same."""
    rules = t.policy("bounded", defaults={"on_missing_limit": "skip"}, profiles={"small": CEILINGS},
                     handlers={"test": {"engine": "containerd", **BOUNDED}})
    box = RuntimeBox(t, programs, "peer", policy_dir=rules, cgroup_options=("rw",),
                     resources=limits(t), annotations={"run.oci.delegate-cgroup": "payload"}, **knobs)
    box.remake = lambda **more: crun_delegate(t, programs, **more)
    box.variant, box.leaf = t.name, "payload"
    return named(box, "crun delegate-cgroup")


MAKERS = {"Docker writable-cgroups": docker, "containerd cgroup_writable": containerd, "podman unmask": podman,
          "crun delegate-cgroup": crun_delegate}
