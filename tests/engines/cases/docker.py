# SPDX-License-Identifier: Apache-2.0
"""Docker - through cgdeleg-runtime, since the engine runs no hooks."""
from engine import context, docker
from engine.context import CEILINGS, PROBE, SOURCE, case, delegated, last_record, records, version
from lib import host
from lib.process import must, run, wait_until
from lib.report import contains, equal, expect, fails, succeeds

POLICY = f"""
[profile small]
{CEILINGS}
[handler docker]
engine               = docker
approved_annotations = cgdeleg.io/writable
profile              = small
"""
ASK = ("--annotation", "cgdeleg.io/writable=true")


def is_granted(name):
    context.is_granted(lambda script: docker.sh(name, script))


def is_as_docker_gives_it(name):
    """With userns-remap Docker itself leaves the mount writable, for every container, and bounds nothing."""
    equal(docker.sh(name, "cat /sys/fs/cgroup/cgroup.max.descendants").out, "max\n", "cgroup.max.descendants")
    equal((records(), delegated()), ([], {}), "what we have done")


def started(*options, **knobs):
    return succeeds(docker.container(*options, **knobs), "docker run").out.strip()


def without_annotations(t):
    """`docker run --annotation` came with 24: before, only the handler can say that its containers get a grant."""
    t.policy(POLICY + "cgroup_writable = true\n")
    for runtime, name in (("runc", "cgdeleg"), ("crun", "cgdeleg-crun")):
        with t.row("docker", runtime, "cgdeleg-runtime, every container of the handler, Docker before 24"):
            box = started("--runtime", name)
            is_granted(box)
            equal(last_record()["handler"], "docker", "the record's handler")
        with t.row("docker", runtime, "restart, stop and removal leave nothing, Docker before 24"):
            must(["docker", "restart", "--time", "0", box])
            is_granted(box)
            must(["docker", "rm", "--force", box])
            wait_until(lambda: not delegated(), "the delegated cgroup's end")


@case("docker.remapped")
def remapped(t):
    t.policy(POLICY)
    docker.start(t, remap=True)
    if version(t, "docker") < (24,):
        without_annotations(t)
        return
    for runtime, name in (("runc", "cgdeleg"), ("crun", "cgdeleg-crun")):
        with t.row("docker", runtime, "cgdeleg-runtime, userns-remap, by annotation"):
            box = started("--runtime", name, *ASK)
            is_granted(box)
            equal(last_record()["handler"], "docker", "the record's handler")
        with t.row("docker", runtime, "restart, stop and removal leave nothing"):
            must(["docker", "restart", "--time", "0", box])
            is_granted(box)
            must(["docker", "rm", "--force", box])
            wait_until(lambda: not delegated(), "the delegated cgroup's end")
    t.policy(POLICY)
    must_be = "as Docker gives it: writable, without bounds"
    with t.row("docker", "runc", "cgdeleg-runtime, no annotation", must_be):
        is_as_docker_gives_it(started("--runtime", "cgdeleg"))
    with t.row("docker", "runc", "the default runtime, whatever the annotation", must_be):
        is_as_docker_gives_it(started(*ASK))
    t.policy(POLICY + "cgroup_writable = true\n")
    with t.row("docker", "runc", "cgdeleg-runtime, every container of the handler"):
        is_granted(started("--runtime", "cgdeleg"))


@case("docker.unasked", default=False)
def unasked(t):
    """Nobody asks, and userns-remap makes the cgroup writable all the same."""
    docker.start(t, remap=True)
    for mode, meant, check in (("pass", "as Docker gives it: writable, without bounds", context.is_unbounded),
                               ("bound", "as Docker gives it: writable, bounded", context.is_bounded)):
        for runtime, name in (("runc", "cgdeleg"), ("crun", "cgdeleg-crun")):
            t.policy(f"{POLICY}writable_mount = {mode}\n")
            with t.row("docker", runtime, f"cgdeleg-runtime, no annotation, writable_mount = {mode}", meant):
                box = started("--runtime", name)
                check(lambda script, box=box: docker.sh(box, script), "mount")
                contains(docker.sh(box, "grep ' /sys/fs/cgroup ' /proc/mounts").out, " rw,", "the mount")
                must(["docker", "rm", "--force", box])
                wait_until(lambda: not delegated(), "the cgroup's end")
    t.policy(POLICY + "writable_mount = refuse\n")
    with t.row("docker", "runc", "cgdeleg-runtime, no annotation, writable_mount = refuse",
               "refused: its mount is read-write"):
        done = fails(docker.container("--runtime", "cgdeleg"), "the container was started")
        contains(done.err, "writable_mount = refuse", "docker's error")


@case("docker.unmapped", default=False)
def unmapped(t):
    t.policy(POLICY)
    docker.start(t, remap=False)
    with t.row("docker", "runc", "no userns-remap; the reason in docker's error", "refused: it needs a user namespace"):
        done = fails(docker.container("--runtime", "cgdeleg", *ASK), "the container was started")
        contains(done.err, f"cgdeleg: {last_record()['error']}", "docker's error")
        contains(last_record()["error"], "user namespace", "the record")
    with t.row("docker", "runc", "a real runtime that is not there; the wrapper's sentence in docker's error",
               "refused: fails closed"):
        host.write(docker.CONFIG, host.read(docker.CONFIG).replace("/usr/sbin/runc", "/nonexistent"))
        must(["systemctl", "reload", "docker.service"])
        done = fails(docker.container("--runtime", "cgdeleg"), "the container was started")
        contains(done.err, "cannot execute the runtime '/nonexistent'", "docker's error")


@case("docker.more", default=False)
def more(t):
    t.policy(POLICY)
    docker.start(t, remap=True)
    with t.row("docker", "runc", "stats, update, pause under a grant"):
        box = started("--runtime", "cgdeleg", *ASK)
        expect("MiB" in must(["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", box]).out, "no stats")
        must(["docker", "update", "--memory", "32m", "--memory-swap", "32m", box])
        seen = docker.sh(box, "cd /sys/fs/cgroup; cat memory.max cgroup.max.descendants; mkdir job; rmdir job")
        equal(seen.out.split(), [str(32 * 1024 * 1024), "20"], f"afterwards ({seen.err})")
        must(["docker", "pause", box])
        must(["docker", "unpause", box])
    for runtime, name in (("runc", "cgdeleg"), ("crun", "cgdeleg-crun")):
        with t.row("docker", runtime, "attach: it runs under the grant"):
            box = started("--interactive", "--runtime", name, *ASK, command=["/bin/sh"])
            context.shows_grant(docker.attach(box, f"sleep 1; {PROBE}; exit\n"))
    with t.row("docker", "runc", "compose file"):
        text = host.read(f"{SOURCE}/deploy/compose.yaml")
        host.write(f"{t.work}/compose.yaml", text.replace("docker.io/library/busybox", docker.BOX))
        compose = ["docker", "compose", "--project-name", "cgdtest", "--file", f"{t.work}/compose.yaml"]
        t.later(run, [*compose, "down", "--timeout", "0"])
        must([*compose, "up", "--detach"])
        is_granted("cgdtest-builder-1")
