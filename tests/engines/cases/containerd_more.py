# SPDX-License-Identifier: Apache-2.0
"""containerd - what a kubelet asks for later: resizes under `cgdeleg watch`, OOM events; and images that a rule names."""
import os
import shutil

from cases.containerd import MIB, POLICY, SLEEP, Node, is_granted, is_refused, memory_max
from engine import containerd
from engine.context import SOURCE, case, last_record, must
from lib.process import wait_until
from lib.report import contains, equal

WATCH = "cgdeleg-watch.service"
GREEDY = ["/bin/tail", "/dev/zero"]


def resize(node, container, mib):
    node.cri.call("UpdateContainerResources", container_id=container, linux={"memory_limit_in_bytes": mib * MIB})


@case("containerd.watched", default=False)
def watched(t):
    node = Node(t)
    shutil.copy(f"{SOURCE}/deploy/{WATCH}", "/etc/systemd/system")
    t.later(os.unlink, f"/etc/systemd/system/{WATCH}")
    must(["systemctl", "daemon-reload"])
    must(["systemctl", "start", WATCH])
    t.later(must, ["systemctl", "stop", WATCH])
    for runtime in ("runc", "crun"):
        container = node.pod(f"{runtime}-all").start("a", containerd.BOX, SLEEP)
        with t.row("containerd", runtime, "in-place resize above the ceiling, cgdeleg watch running: put back"):
            resize(node, container, 512)
            wait_until(lambda c=container: memory_max(node, c) == str(64 * MIB), "memory.max at its ceiling")
        with t.row("containerd", runtime, "in-place resize below the ceiling, cgdeleg watch running: left alone"):
            resize(node, container, 32)
            must(["systemctl", "reload", WATCH])  # which looks at everything
            equal(memory_max(node, container), str(32 * MIB), "memory.max")


def ends_of_oom(node, pod, name):
    """The container's own main process takes more than there is."""
    container = pod.start(name, containerd.BOX, GREEDY)
    wait_until(lambda: node.cri.call("ContainerStatus", container_id=container).status.finished_at, "its end")
    status = node.cri.call("ContainerStatus", container_id=container).status
    equal((status.exit_code, status.reason), (137, "OOMKilled"), "what became of it")


@case("containerd.oom", default=False)
def oom(t):
    node = Node(t)
    asks = {"cgdeleg.io/writable": "true", "cgdeleg.io/profile": "nested"}
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, "an OOM is reported as OOMKilled"):
            ends_of_oom(node, node.pod(f"{runtime}-all"), "a")
        with t.row("containerd", runtime, "an OOM is reported as OOMKilled, from a leaf"):
            ends_of_oom(node, node.pod(f"{runtime}-ask", namespace="ci-1", annotations=asks), "a")
            equal(last_record()["profile"], "nested", "the profile")


@case("containerd.images", default=False)
def images(t):
    node = Node(t)
    asks = {"cgdeleg.io/writable": "true"}
    t.policy(POLICY.replace("registry.example/ci/*", "registry.example/another/*"))
    with t.row("containerd", "runc", "an image that no rule names", "refused: no rule of the policy"):
        is_refused(node.pod("runc-ask", namespace="ci-1", annotations=asks), "none of the rules", "runc")
        contains(str(last_record()), containerd.BOX, "the record")
    t.policy(POLICY)
    with t.row("containerd", "runc", "an image that a rule names"):
        is_granted(node, node.pod("runc-ask", namespace="ci-1", annotations=asks).start("a", containerd.BOX, SLEEP))
