# SPDX-License-Identifier: Apache-2.0
"""Docker in Docker in a pod, as deploy/dind-pod.yaml asks for it: dockerd is the container's own program."""
import os
import re

from cases.payload import EVACUATE, INNER, MIB, OOM
from engine import containerd, image
from engine.context import SOURCE, case, last_record
from engine.cri import HOST_BASE, Cri, CriError, execute
from lib import host
from lib.process import wait_until
from lib.report import contains, equal, expect, fails

# The machine's own dockerd, in an image that has not got it. It gives its containerd 15 s to start and then ends, which
# on a busy emulated machine is little; a kubelet would start it again.
HERE = [("/usr", "/usr"), ("/usr/lib", "/lib"), ("/usr/lib64", "/lib64")]
DOCKERD = "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n" + EVACUATE + """
until dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs; do sleep 1; done
"""


def node(t):
    t.policy(host.read(f"{SOURCE}/deploy/policy/ci-runners/policy.ini"))
    containerd.start()
    spec = containerd.base_spec(f"{t.work}/base.json", "runc-ci")
    containerd.configure(containerd.handler_text("runc-ci", "/usr/sbin/runc", spec, ["cgdeleg.io/*"]),
                         containerd.handler_text("plain", "/usr/sbin/runc"))
    t.later(containerd.stop)
    containerd.restart()
    cri = Cri()
    t.later(cri.close)
    containerd.load_images(t.work, cri)
    return cri


def start(t, cri, handler, command):
    # What deploy's pod says: its annotations and capabilities.
    text = host.read(f"{SOURCE}/deploy/dind-pod.yaml")
    annotations = dict(re.findall(r'^ +(cgdeleg\.io/\S+): "(\S+)"', text, re.M))
    capabilities = re.search(r"^ +add: \[(.*)\]", text, re.M)[1].split(", ")
    equal(len(annotations), 2, "annotations found in deploy's pod")
    data = f"{t.work}/{handler}"
    os.mkdir(data)
    os.chown(data, HOST_BASE, HOST_BASE)
    pod = cri.pod(handler, name=f"dind-{handler}", namespace="ci-example", annotations=annotations)
    t.later(pod.remove)
    return pod, pod.start("dockerd", containerd.BOX, ["/bin/sh", "-c", command], capabilities=capabilities,
                     mounts=[*HERE, (data, "/var/lib/docker"), (f"{t.work}/box.tar", "/box.tar")])


def sh(cri, container, script):
    done = execute(cri, container, script)
    equal(done.code, 0, f"exit code ({done.out[-300:]} {done.err[-600:]})")
    return done.out


def is_up(cri, container):
    return execute(cri, container, "docker info").code == 0


@case("payload.dind-pod", default=False)
def dind_pod(t):
    cri = node(t)
    image.archive(f"{t.work}/box.tar", ["box:latest"], ["/bin/sh"])
    with t.row("containerd", "runc", "Docker in Docker in a pod (deploy/dind-pod.yaml): dockerd starts"):
        pod, box = start(t, cri, "runc-ci", DOCKERD)
        try:
            wait_until(lambda: is_up(cri, box), "dockerd", patience=300)
        except (CriError, TimeoutError):
            for line in host.read(f"/var/log/pods/{pod.uid}/dockerd.log").splitlines()[-15:]:
                print(f"# {line[:400]}", flush=True)
            raise
        record = last_record()
        equal((record["verdict"], record["profile"], record["rule"]), ("grant", "large", "beside"), "the record")
    with t.row("containerd", "runc", "Docker in Docker in a pod: --memory, --pids-limit, --cpus are real"):
        sh(cri, box, "docker load --quiet --input /box.tar")
        equal(sh(cri, box, INNER).split(), [str(64 * MIB), "50", "50000", "100000"], "the inner limits")
        equal(sh(cri, box, "cat /sys/fs/cgroup/memory.max").strip(), str(16384 * MIB), "the outer ceiling")
    with t.row("containerd", "runc", "Docker in Docker in a pod: an OOM inside stays inside"):
        # Whether Docker hears of it before the cgroup is gone is a race of Docker's own.
        equal(execute(cri, box, OOM).out.split()[-1], "137", "what became of the greedy one")
        expect(is_up(cri, box), "dockerd is gone")
    with t.row("containerd", "runc", "Docker in Docker in a pod, without cgdeleg", "read-only file system"):
        _, bare = start(t, cri, "plain", "sleep 2147483647")
        done = fails(execute(cri, bare, EVACUATE), "it could make a cgroup")
        contains(done.err, "Read-only file system", "what it says")
