# SPDX-License-Identifier: Apache-2.0
"""Other ways to a cgroup, and host ids in common: a volume that shows the host's cgroups, and a second container."""
from cases import containerd as pods, docker as by_docker, podman as by_podman
from engine import containerd, docker
from engine.context import case, delegated, last_record, version
from engine.podman import Podman
from lib.report import Skip, contains, equal, expect, fails

HOST_CGROUPS = ("--volume", "/sys/fs/cgroup:/host:ro")
VOLUME = "a volume that shows the host's cgroups, read-only"
REFUSED = "refused: a second way to cgroups"
SAYS = "has a second way to cgroups: cgroup2 "
SHARED = "shared_ids = refuse, a second container of the same host ids"
SHARES = "refused: it shares host ids"


def refusing(policy, handler):
    return policy.replace(f"[handler {handler}]", f"[handler {handler}]\nshared_ids = refuse")


@case("podman.others", default=False)
def podman_others(t):
    by_podman.set_up(t)
    if by_podman.gives_bundles_away(t):
        raise Skip("podman before 5.2 gives its bundles to the container")
    for runtime in ("crun", "runc"):
        p = Podman(t, runtime)
        with t.row("podman", runtime, VOLUME, REFUSED):
            fails(p.start(*by_podman.ASK, *by_podman.MAP, *HOST_CGROUPS), "it was started")
            contains(last_record()["error"], SAYS, "the record")
            by_podman.started(p, *by_podman.MAP, *HOST_CGROUPS)  # control: nobody asks
    p = Podman(t)
    t.policy(refusing(by_podman.POLICY, "podman"))
    with t.row("podman", "crun", SHARED, SHARES):
        by_podman.is_granted(p, by_podman.started(p, *by_podman.ASK, *by_podman.MAP))
        fails(p.start(*by_podman.ASK, *by_podman.MAP), "it was started")
        equal(len(delegated()), 1, "delegated cgroups")
        contains(last_record()["error"], "which has a grant", "the record")
    with t.row("podman", "crun", "shared_ids = refuse, --userns=auto twice"):
        for _ in range(2):
            by_podman.is_granted(p, by_podman.started(p, *by_podman.ASK, "--userns", "auto:size=1024"))


@case("docker.others", default=False)
def docker_others(t):
    if version(t, "docker") < (24,):
        raise Skip("docker before 24 has no --annotation")
    t.policy(by_docker.POLICY)
    docker.start(t, remap=True)
    for runtime, name in (("runc", "cgdeleg"), ("crun", "cgdeleg-crun")):
        with t.row("docker", runtime, VOLUME, REFUSED):
            done = fails(docker.container("--runtime", name, *by_docker.ASK, *HOST_CGROUPS), "it was started")
            contains(last_record()["error"], SAYS, "the record")
            by_docker.started("--runtime", name, *HOST_CGROUPS)  # control: nobody asks
            if runtime == "runc":
                contains(done.err, SAYS, "docker's error")
    t.policy(by_docker.POLICY + "writable_mount = bound\n")
    with t.row("docker", "runc", "a volume that shows the host's cgroups, writable; nobody asks, writable_mount = bound", REFUSED):
        fails(docker.container("--runtime", "cgdeleg", "--volume", "/sys/fs/cgroup:/host"), "it was started")
        contains(last_record()["error"], SAYS, "the record")
    t.policy(by_docker.POLICY)
    with t.row("docker", "runc", "userns-remap, a second container: granted, and noted"):
        for _ in range(2):
            by_docker.is_granted(by_docker.started("--runtime", "cgdeleg", *by_docker.ASK))
        expect("shared-ids" in [reason["code"] for reason in last_record()["reasons"]], "there is no note")
    t.policy(refusing(by_docker.POLICY, "docker"))
    with t.row("docker", "runc", SHARED, SHARES):
        fails(docker.container("--runtime", "cgdeleg", *by_docker.ASK), "it was started")
        contains(last_record()["error"], "which has a grant", "the record")


@case("containerd.others", default=False)
def containerd_others(t):
    node = pods.Node(t)
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, VOLUME.removesuffix(", read-only"), REFUSED):
            pods.is_refused(node.pod(f"{runtime}-all"), SAYS, runtime, mounts=[("/sys/fs/cgroup", "/host")])
    equal(delegated(), {}, "delegated cgroups")
    node.pod("plain").start("a", containerd.BOX, pods.SLEEP, mounts=[("/sys/fs/cgroup", "/host")])  # control: no hook
    t.policy(refusing(pods.POLICY, "runc-all"))
    with t.row("containerd", "runc", SHARED, SHARES):
        node.is_granted(node.pod("runc-all").start("a", containerd.BOX, pods.SLEEP))
        pods.is_refused(node.pod("runc-all"), "which has a grant", "runc")
