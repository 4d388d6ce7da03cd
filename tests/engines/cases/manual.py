# SPDX-License-Identifier: Apache-2.0
"""The documentation pages, command by command."""
import shutil

from engine import containerd, docker, doctor, image, manual, podman
from engine.context import case, last_record
from engine.cri import Cri, execute
from lib.process import must, run
from lib.report import contains, equal

BUSYBOX = "docker.io/library/busybox:latest"


def policy_gone(t):
    t.policy("")
    t.later(shutil.rmtree, "/etc/cgdeleg")
    shutil.rmtree("/etc/cgdeleg")


def archive(t):
    return image.archive(f"{t.work}/busybox.tar", [BUSYBOX], ["/bin/sh"])


@case("manual.podman", default=False)
def podman_page(t):
    policy_gone(t)
    t.later(podman.unconfigure)
    must(["podman", "load", "--quiet", "--input", archive(t)])
    with t.row("podman", "crun", "docs/engine-podman.md, command by command"):
        manual.run_page("engine-podman.md")
        doctor.finds()


@case("manual.docker", default=False)
def docker_page(t):
    policy_gone(t)
    t.later(docker.stop)

    def with_image(script):
        """The page's daemon has a new store; the machine has no network for one."""
        script = script.replace('"userns-remap"', '"bridge": "none", "iptables": false, "ip6tables": false,\n  "userns-remap"')
        load = f"\nsudo docker load --quiet --input {archive(t)}\n"
        return script + load if "restart docker" in script else script
    with t.row("docker", "runc", "docs/engine-docker.md, command by command"):
        manual.run_page("engine-docker.md", change=with_image)
        doctor.finds("engine.default-runtime note")  # the page says so, too


@case("manual.containerd", default=False)
def containerd_page(t):
    policy_gone(t)
    containerd.configure()
    t.later(containerd.stop)
    t.later(run, ["rm", "-f", "/etc/containerd/cgdeleg-runc-ci.json", containerd.CONFIG])
    containerd.start()
    with t.row("containerd", "runc", "docs/engine-containerd.md, command by command, and a pod"):
        manual.run_page("engine-containerd.md", f"containerd-{containerd.version()[0]}")
        doctor.finds()
        cri = Cri()
        containerd.load_images(t.work, cri)
        pod = cri.pod("runc-ci", namespace="ci-1")
        t.later(pod.remove)
        container = pod.start("a", containerd.BOX, ["/bin/sleep", "2147483647"])
        seen = execute(cri, container, "cd /sys/fs/cgroup; mkdir job && cat pids.max; echo max >pids.max")
        equal(seen.out, "2048\n", f"what the container sees ({seen.err})")
        contains(seen.err, "Permission denied", "writing the own limit")
        equal(last_record()["rule"], "builds", "the record's rule")
