# SPDX-License-Identifier: Apache-2.0
"""
Checkpoint and restore, by CRIU - under podman; a checkpoint alone under containerd, whose restore asks a registry.

CRIU brings back a container's mounts and the owners of its cgroup, and nothing that was said to the kernel about the
cgroup itself. runc runs the createRuntime hooks again, crun does not.
"""
import contextlib
import os
import re

from cases import containerd
from cases.podman import ASK, MAP, POLICY, is_granted, set_up, started
from engine.containerd import BOX
from engine.context import case, delegated, offered, records
from engine.cri import CriError
from engine.podman import Podman
from lib import host
from lib.process import must
from lib.report import contains, equal, expect, fails, succeeds

# CRIU may end what sleeps.
LOOP = ("/bin/sh", "-c", "while :; do sleep 1000; done")
NO_USERNS = f"[defaults]\nrequire_userns = false\n{POLICY}"
# As a policy without user namespaces demands it.
BARE = ("--cap-drop", "all", "--security-opt", "no-new-privileges")
STORE = "/var/lib/containers/storage"


def mount_options():
    return re.search(r"^\S+ /sys/fs/cgroup cgroup2 (\S+)", host.read("/proc/mounts"), re.MULTILINE)[1].split(",")


@contextlib.contextmanager
def mount_options_kept():
    """CRIU mounts cgroup2 by itself, to look or to restore, and so takes nsdelegate and others off the host's."""
    options = mount_options()
    try:
        yield
    finally:
        must(["mount", "-o", f"remount,{','.join(options)}", "/sys/fs/cgroup"])


def checkpointed(p, container):
    succeeds(p("container", "checkpoint", "--keep", container), "podman container checkpoint")
    equal(delegated(), {}, "delegated cgroups while it is away")


def is_running(p, container):
    return p("inspect", "--format", "{{.State.Running}}", container).out.strip() == "true"


def stays_away(p, container, *parts):
    """The restore fails, and nothing of the container runs."""
    done = fails(p("container", "restore", "--keep", container), "it was restored")
    for part in parts:
        contains(done.err, part, "what podman says")
    expect(not is_running(p, container), "it runs")
    equal(delegated(), {}, "delegated cgroups")


@case("podman.checkpoint", default=False)
def checkpoint(t):
    set_up(t)
    with mount_options_kept():
        crun = Podman(t, "crun")
        runc = Podman(t, "runc")
        with t.row("podman", "crun", "checkpoint, with a user namespace", "refused by CRIU, with a grant or without"):
            for options in ((), ASK):
                container = started(crun, *options, *MAP, command=LOOP)
                done = fails(crun("container", "checkpoint", container), "there is a checkpoint")
                contains(done.err, "CRIU", "what podman says")
            is_granted(crun, container)
        must(["podman", "rm", "--force", "--all", "--time", "0"])
        with t.row("podman", "runc", "restore, with a user namespace", "refused: it is being restored"):
            container = started(runc, *ASK, *MAP, command=LOOP)
            is_granted(runc, container)
            checkpointed(runc, container)
            # The container's root reads its own images, and podman's store is closed to it.
            path = f"{STORE}/overlay-containers/{container}/userdata/checkpoint"
            must(["chmod", "-R", "a+rX", path])
            while path != os.path.dirname(STORE):
                path = os.path.dirname(path)
                os.chmod(path, 0o711)
            stays_away(runc, container, "cgdeleg: error [container]: the container is being restored from a checkpoint")
    t.policy(NO_USERNS)
    for runtime, part in (("runc", without_nsdelegate), ("runc", without_user_namespace), ("crun", by_crun)):
        with mount_options_kept():
            part(t, Podman(t, runtime))


def without_nsdelegate(t, runc):
    with t.row("podman", "runc", "a container without a user namespace asks, after a checkpoint of another "
               "removed nsdelegate from the host",
               "refused: nsdelegate is missing"):
        checkpointed(runc, started(runc, command=LOOP))
        expect("nsdelegate" not in mount_options(), "CRIU left nsdelegate")
        done = fails(runc.start(*ASK, *BARE), "it was started")
        contains(done.err, "lacks nsdelegate", "what podman says")


def without_user_namespace(t, runc):
    with t.row("podman", "runc", "restore, without a user namespace", "refused: it is being restored"):
        container = started(runc, *ASK, *BARE, command=LOOP)
        checkpointed(runc, container)
        stays_away(runc, container, "cgdeleg: error [container]: the container is being restored from a checkpoint")
    with t.row("podman", "runc", "restore of a container that did not ask, with the hook run for it"):
        container = started(runc, "--annotation", "cgdeleg.io/note=x", command=LOOP)
        checkpointed(runc, container)
        succeeds(runc("container", "restore", "--keep", container), "podman container restore")
        expect(is_running(runc, container), "it does not run")
        contains(runc.sh(container, "mkdir /sys/fs/cgroup/job").err, "Read-only file system", "mkdir")


def by_crun(t, crun):
    """Host root's doing, and out of a hook's reach: the table and docs/engines.md say so, and this holds them to it."""
    with t.row("podman", "crun", "restore, without a user namespace: no hook is run",
               "open: writable, without ceilings, guards or a record"):
        container = started(crun, *ASK, *BARE, command=LOOP)
        is_granted(crun, container, "Operation not permitted")
        checkpointed(crun, container)
        before = len(records())
        succeeds(crun("container", "restore", "--keep", container), "podman container restore")
        equal((len(records()), delegated()), (before, {}), "what cgdeleg knows of it")
        seen = crun.sh(container, "cd /sys/fs/cgroup && mkdir job && cat memory.max cgroup.max.descendants")
        equal(seen.out.split(), ["max", "max"], f"its ceilings ({seen.err})")


def cri_checkpoint(node, container):
    path = f"{node.t.work}/{container}.tar"
    try:
        node.cri.call("CheckpointContainer", container_id=container, location=path)
    except CriError as error:
        offered("not implemented" not in str(error), "containerd's CRI has no checkpoints before 2.0")
        raise
    expect(os.path.getsize(path) > 0, "an empty checkpoint")


@case("containerd.checkpoint", default=False)
def checkpoint_cri(t):
    node = containerd.Node(t)
    with t.row("containerd", "runc", "checkpoint, with a user namespace: the grant stays"), mount_options_kept():
        container = node.pod("runc-all").start("a", BOX, LOOP)
        cri_checkpoint(node, container)
        node.is_granted(container)
        equal(len(delegated()), 1, "delegated cgroups")
    with t.row("containerd", "crun", "checkpoint, with a user namespace", "refused by CRIU"), mount_options_kept():
        container = node.pod("crun-all").start("a", BOX, LOOP)
        try:
            cri_checkpoint(node, container)
        except CriError as error:
            contains(str(error), "excerpt from CRIU log", "what containerd says")
        else:
            expect(False, "there is a checkpoint")
        node.is_granted(container)
