# SPDX-License-Identifier: Apache-2.0
"""containerd - pods through its CRI, as a kubelet makes them."""
import concurrent.futures
import itertools
import json
import os

from engine import containerd, image
from engine.context import ASKS, CEILINGS, HOOK, PROBE, SEEN, case, delegated, is_bounded, is_granted, is_plain, \
    is_unbounded, last_record, offered, records
from engine.cri import Cri, CriError, attach, execute
from lib import bundle, host
from lib.process import must, run, wait_until
from lib.report import Failure, contains, equal, expect
from lib.watch import Watch

SLEEP = ["/bin/sleep", "2147483647"]
MIB = 1024 * 1024
POLICY = f"""
[profile ci]
{CEILINGS}cgroup.max.depth = 4

[profile nested]
memory.max = 64M
pids.max   = 100
nest       = init

[handler runc-all]
engine          = containerd
cgroup_writable = true
profile         = ci

[handler crun-all]
engine          = containerd
cgroup_writable = true
profile         = ci

[handler ask]
engine               = containerd
approved_annotations = cgdeleg.io/writable cgdeleg.io/profile
profile              = ci
profiles             = ci nested

[handler bounds]
engine         = containerd
profile        = ci
writable_mount = bound

[rule builds]
handler    = ask
namespaces = ci-*
images     = registry.example/ci/*
"""


class Node:
    """containerd, configured and running; its pods go with it."""
    def __init__(self, t):
        self.t, self.pods, self.numbers, self.cri = t, [], itertools.count(), Cri()
        t.policy(POLICY)
        containerd.configure(*self.handlers())
        t.later(self.end)
        self.restart()
        containerd.load_images(t.work, self.cri)

    def handlers(self):
        ours = ["cgdeleg.io/*"]
        # Both runtimes of a handler "ask": the same policy.
        for name, handler, binary, annotations in (
                ("runc-all", "runc-all", "/usr/sbin/runc", []), ("crun-all", "crun-all", "/usr/bin/crun", []),
                ("runc-ask", "ask", "/usr/sbin/runc", ours), ("crun-ask", "ask", "/usr/bin/crun", ours),
                ("deaf", "ask", "/usr/sbin/runc", []), ("bounds", "bounds", "/usr/sbin/runc", []),
                ("crun-bounds", "bounds", "/usr/bin/crun", [])):
            spec = f"{self.t.work}/{name}.json"
            if not os.path.exists(spec):
                containerd.start()
                containerd.base_spec(spec, handler)
            rw = "  cgroup_writable = true\n" if handler == "bounds" and containerd.version() >= (2, 1) else ""
            yield containerd.handler_text(name, binary, spec, annotations, extra=rw)
        yield containerd.handler_text("plain", "/usr/sbin/runc")
        yield containerd.handler_text("runc-files", "/usr/sbin/runc", f"{self.t.work}/runc-all.json", systemd=False)

    def restart(self):
        containerd.restart()
        self.cri.reconnect()

    def pod(self, handler, **knobs):
        pod = self.cri.pod(handler, name=f"pod{next(self.numbers)}", **knobs)
        self.pods.append(pod)
        return pod

    def remove(self, pod):
        self.pods.remove(pod)
        pod.remove()

    def status(self, container):
        return self.cri.call("ContainerStatus", container_id=container).status

    def sh(self, container, script):
        return execute(self.cri, container, script)

    def is_granted(self, container):
        is_granted(lambda script: self.sh(container, script))

    def is_plain(self, container):
        is_plain(lambda script: self.sh(container, script))

    def end(self):
        for pod in self.pods:
            pod.remove()
        self.cri.close()
        containerd.stop()


def is_refused(pod, said, runtime, **knobs):
    """runc's event carries the hook's sentence; crun's only that a hook failed, and the record has the sentence."""
    try:
        pod.start("a", containerd.BOX, SLEEP, **knobs)
    except CriError as error:
        event = str(error)
    else:
        raise Failure("the container was started")
    contains(last_record()["error"], said, "the record")
    if runtime == "runc":
        contains(event, f"cgdeleg: {last_record()['error']}", "the pod's event")
    else:
        contains(event, "cgdeleg-hook", "the pod's event")


def check_stats(node, container):
    stats = node.cri.call("ContainerStats", container_id=container).stats
    expect(stats.memory.working_set_bytes.value > 0, f"stats without memory: {stats}")


def left_below(slice_name):
    return [name for name in host.cgroups(host.picture_host("")) if f"/{slice_name}/" in name and
            not name.endswith(f"/{slice_name}/.")]


def memory_max(node, container):
    return node.sh(container, "cat /sys/fs/cgroup/memory.max").out.strip()


def resize(node, container):
    """In-place resize: below the ceiling it is the kubelet's, and the bound on cgroups survives."""
    def update(mib):
        node.cri.call("UpdateContainerResources", container_id=container, linux={"memory_limit_in_bytes": mib * MIB})
    update(32)
    equal(memory_max(node, container), str(32 * MIB), "memory.max after a resize down")
    update(48)
    equal(memory_max(node, container), str(48 * MIB), "memory.max after a resize up, below the ceiling")
    equal(node.sh(container, "cat /sys/fs/cgroup/cgroup.max.descendants").out, "20\n", "cgroup.max.descendants")


def resize_watched(node, container):
    """Down, and up again below the ceiling, is the kubelet's; above it comes back."""
    resize(node, container)
    node.cri.call("UpdateContainerResources", container_id=container, linux={"memory_limit_in_bytes": 128 * MIB})
    wait_until(lambda: memory_max(node, container) == str(64 * MIB), "the ceiling's return")
    stays_delegated(node, container)


def is_killed(node, pod, **knobs):
    """Of two processes the greedy child is killed: the engine reports it, although the first one ended by itself."""
    greedy = ["/bin/sh", "-c", "sleep 1; tail /dev/zero; code=$?; sleep 3; exit $code"]
    container = pod.start("greedy", containerd.BOX, greedy, resources={"memory_limit_in_bytes": 16 * MIB}, **knobs)
    wait_until(lambda: node.status(container).finished_at, "its end")
    status = node.status(container)
    equal((status.exit_code, status.reason), (137, "OOMKilled"), "how it ended")


def stays_delegated(node, container):
    equal(node.sh(container, "mkdir /sys/fs/cgroup/more && rmdir /sys/fs/cgroup/more").text, "exit 0: ", "mkdir")


def survives_restart(node, runtime, pod, container):
    """containerd 1.7 kills what belongs to a shim that it could not connect to when it starts, which it did once on a
    machine beside another: it says so, and a second pod is asked. What cgdeleg did would hit both."""
    node.restart()
    if not node.status(container).finished_at:
        return pod, container
    print(f"# {runtime}: containerd has not found its shim again and ended the container; once more", flush=True)
    node.remove(pod)
    pod = node.pod(f"{runtime}-all")
    container = pod.start("a", containerd.BOX, SLEEP)
    node.restart()
    return pod, container


def one_life(t, node, runtime):
    pod = node.pod(f"{runtime}-all")
    with t.row("containerd", runtime, "every container of a handler, user namespace"):
        container = pod.start("a", containerd.BOX, SLEEP)
        node.is_granted(container)
        record = last_record()
        for key, value in (("verdict", "grant"), ("namespace", "default"), ("pod", pod.name), ("container", "a"),
                           ("image", containerd.BOX)):
            equal(record.get(key), value, f"the record's {key}")
    with t.row("containerd", runtime, "the pause container is not touched"):
        equal(len(records()), 1, "records")
        equal(len(delegated()), 1, "delegated cgroups")
    with t.row("containerd", runtime, "stats, in-place resize"):
        check_stats(node, container)
        resize(node, container)
    with t.row("containerd", runtime, "a resize of memory leaves the other ceilings"):
        # What a resize does not name: the engine leaves it, systemd writes its own defaults again.
        offered(os.path.exists("/usr/local/libexec/cgdeleg/cgdeleg-unit"),
                "ceilings that systemd keeps are not there yet: a resize under its driver may reset pids.max")
        equal(node.sh(container, "cat /sys/fs/cgroup/pids.max").out, "100\n", "pids.max")
    with t.row("containerd", runtime, "an init container in the same pod"):
        first = pod.start("init", containerd.BOX, ["/bin/sh", "-c", "mkdir /sys/fs/cgroup/made"])
        wait_until(lambda: node.status(first).finished_at, "the init container's end")
        equal(node.status(first).exit_code, 0, "its exit code")
    with t.row("containerd", runtime, "containerd restarted in between"):
        pod, container = survives_restart(node, runtime, pod, container)
        stays_delegated(node, container)
        check_stats(node, container)
    with t.row("containerd", runtime, "stop and removal leave nothing"):
        node.remove(pod)
        # The slice itself is the kubelet's, which is not here.
        wait_until(lambda: not left_below(pod.parent), "the containers' cgroups' end")
        equal(delegated(), {}, "delegated cgroups")


@case("containerd.life")
def life(t):
    node = Node(t)
    for runtime in ("runc", "crun"):
        t.policy(POLICY)
        one_life(t, node, runtime)


@case("containerd.refusals", default=False)
def refusals(t):
    node = Node(t)
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, "no user namespace", "refused: it needs a user namespace"):
            is_refused(node.pod(f"{runtime}-all", userns=False), "user namespace", runtime)
        with t.row("containerd", runtime, "asks in a namespace that no rule names", "refused: no rule of the policy"):
            is_refused(node.pod(f"{runtime}-ask", namespace="prod", annotations=ASKS), "none of the rules", runtime)
    equal(delegated(), {}, "delegated cgroups")


@case("containerd.annotations", default=False)
def annotations(t):
    node = Node(t)
    with t.row("containerd", "runc", "annotation for the pod"):
        node.is_granted(node.pod("runc-ask", namespace="ci-1", annotations=ASKS).start("a", containerd.BOX, SLEEP))
    with t.row("containerd", "crun", "annotation for one container of two; the other untouched"):
        pod = node.pod("crun-ask", namespace="ci-1", annotations={"cgdeleg.io/writable.a": "true"})
        node.is_granted(pod.start("a", containerd.BOX, SLEEP))
        node.is_plain(pod.start("b", containerd.BOX, SLEEP))
    t.policy(POLICY)
    with t.row("containerd", "runc", "annotation that pod_annotations does not pass: untouched"):
        node.is_plain(node.pod("deaf", namespace="ci-1", annotations=ASKS).start("a", containerd.BOX, SLEEP))
        equal(records(), [], "records")
    with t.row("containerd", "runc", "annotation that chooses a profile with a leaf; exec, stats"):
        pod = node.pod("runc-ask", namespace="ci-1", annotations={**ASKS, "cgdeleg.io/profile": "nested"})
        container = pod.start("a", containerd.BOX, SLEEP)
        seen = node.sh(container, "cat /proc/1/cgroup /proc/self/cgroup; cd /sys/fs/cgroup;"
                              "mkdir job && echo 8M >job/memory.max && cat job/memory.max")
        equal(seen.out.split(), ["0::/init", "0::/init", str(8 * MIB)], f"where it is ({seen.err})")
        check_stats(node, container)


@case("containerd.unasked", default=False)
def unasked(t):
    """containerd's own cgroup_writable: every container of the handler, and nobody asks cgdeleg."""
    node = Node(t)
    for mode, meant, check in (("pass", "as containerd gives it: writable, without bounds", is_unbounded),
                               ("bound", "as containerd gives it: writable, bounded", is_bounded)):
        for runtime, handler in (("runc", "bounds"), ("crun", "crun-bounds")):
            t.policy(POLICY.replace("writable_mount = bound", f"writable_mount = {mode}"))
            with t.row("containerd", runtime, f"cgroup_writable of containerd, writable_mount = {mode}", meant):
                offered(containerd.version() >= (2, 1), "this containerd has no cgroup_writable")
                pod = node.pod(handler)
                container = pod.start("a", containerd.BOX, SLEEP)
                check(lambda script, c=container: node.sh(c, script), "mount")
                contains(node.sh(container, "grep ' /sys/fs/cgroup ' /proc/mounts").out, " rw,", "the mount")
                node.remove(pod)
                wait_until(lambda: not delegated(), "the cgroup's end")


@case("containerd.neighbours", default=False)
def neighbours(t):
    node = Node(t)
    with t.row("containerd", "runc", "a handler without the hook: untouched"):
        node.is_plain(node.pod("plain").start("a", containerd.BOX, SLEEP))
        equal(records(), [], "records")
    with t.row("containerd", "runc", "cgroupfs driver"):
        node.is_granted(node.pod("runc-files", driver="cgroupfs").start("a", containerd.BOX, SLEEP))
    with t.row("containerd", "runc", "a lower limit of the pod's own stays"):
        limits = {"memory_limit_in_bytes": 16 * MIB}
        container = node.pod("runc-all").start("a", containerd.BOX, SLEEP, resources=limits)
        equal(memory_max(node, container), str(16 * MIB), "memory.max")


@case("containerd.watch", default=False)
def watched(t):
    node = Node(t)
    with Watch(f"{t.work}/watch", "cgdeleg"):
        for runtime in ("runc", "crun"):
            with t.row("containerd", runtime, "in-place resize down and up; above the ceiling `cgdeleg watch` lowers it"):
                resize_watched(node, node.pod(f"{runtime}-all").start("a", containerd.BOX, SLEEP))


@case("containerd.oom", default=False)
def oom(t):
    node = Node(t)
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, "an OOM is reported, without a leaf"):
            is_killed(node, node.pod(f"{runtime}-ask", namespace="ci-1", annotations=ASKS))
        with t.row("containerd", runtime, "an OOM is reported, with a leaf"):
            is_killed(node, node.pod(f"{runtime}-ask", namespace="ci-1",
                                     annotations={**ASKS, "cgdeleg.io/profile": "nested"}))


@case("containerd.images", default=False)
def images(t):
    node = Node(t)
    t.policy(POLICY.replace("registry.example/ci/*", "registry.example/another/*"))
    with t.row("containerd", "runc", "an image that no rule names", "refused: no rule of the policy"):
        is_refused(node.pod("runc-ask", namespace="ci-1", annotations=ASKS), "none of the rules", "runc")
        equal(last_record()["image"], containerd.BOX, "the record's image")
    t.policy(POLICY)
    with t.row("containerd", "runc", "an image that a rule names"):
        node.is_granted(node.pod("runc-ask", namespace="ci-1", annotations=ASKS).start("a", containerd.BOX, SLEEP))


def what_hooks_said():
    """Behind a failure among many: what became of each grant, and how long the hooks took. One record is not enough."""
    took = sorted(record["duration_us"] / 1000000 for record in records())
    print(f"# {len(took)} records, seconds: {' '.join(f'{seconds:.1f}' for seconds in took)}", flush=True)
    for record in records():
        if record["verdict"] != "grant" or record["outcome"] != "done":
            print(f"# {record.get('pod')}: {record['verdict']}, {record['outcome']} after {record['duration_us'] / 1000000:.1f} s"
                  f" at '{record.get('failed_step')}': {record.get('error')}", flush=True)


@case("containerd.attach", default=False)
def attached(t):
    node = Node(t)
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, "attach, as a kubelet does: it runs under the grant"):
            container = node.pod(f"{runtime}-all").start("a", containerd.BOX, ["/bin/sh"], stdin=True)
            # The second is for both streams to be attached.
            said = attach(node.cri, container, f"sleep 1; {PROBE} || echo refused; exit\n")
            equal(said.split(), [*SEEN, "refused"], "what it said")


@case("containerd.parallel", default=False)
def parallel(t):
    node = Node(t)
    # containerd 1.7 makes an image's remapped snapshot twice where two ask for it first; while this one is there, it is.
    node.pod("plain").start("a", containerd.BOX, SLEEP)
    # As cgdeleg-guard.service does at boot: an emulated machine with 50 containers to start does not come to it in time.
    must(["cgdeleg", "guard", "load"])

    # Sandboxes a few at a time: of 50 at once, containerd 1.7 on a machine that is emulated gives up some by itself,
    # after 10 s and before any hook, and only a kubelet would try them again.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        pods = list(pool.map(lambda number: node.pod("runc-all" if number % 2 else "crun-all"), range(t.options.pods)))

    def one(pod):
        try:
            node.is_granted(pod.start("a", containerd.BOX, SLEEP))
        except (CriError, Failure) as error:
            return f"{pod.name}: {error}"
        return None
    with t.row("containerd", "", f"{t.options.pods} pods at once"):
        with concurrent.futures.ThreadPoolExecutor(t.options.pods) as pool:
            failed = [error for error in pool.map(one, pods) if error]
        what_hooks_said()
        equal(failed, [], "pods that failed")
        equal([record["verdict"] for record in records()], ["grant"] * t.options.pods, "the verdicts")
        expect(all(record["device_guard"] for record in records()), "a container was granted without the device guard")
        equal(len(delegated()), t.options.pods, "delegated cgroups")


@case("containerd.bare", default=False)
def bare(t):
    """Without the CRI, as `ctr` and nerdctl ask for a task: the shim and the runtime alone, of any version."""
    t.policy(POLICY)
    containerd.configure()
    t.later(containerd.stop)
    containerd.start()
    rootfs = f"{t.work}/rootfs"
    bundle.make_rootfs(rootfs, image.BUSYBOX)
    for runtime in ("runc", "crun"):
        with t.row("containerd", runtime, "`ctr run` with a base spec, without the CRI"):
            name = f"bare-{runtime}"
            spec = f"{t.work}/{name}.json"
            hook = bundle.hook(HOOK, "createRuntime", "--handler", f"{runtime}-all")
            host.write(spec, json.dumps(bundle.config(SLEEP, cgroups_path=f"/{name}", rootfs=rootfs, hooks=[hook])))
            t.later(run, ["ctr", "task", "rm", "--force", name])
            must(["ctr", "run", "--detach", "--runc-binary", runtime, "--config", spec, name])
            is_granted(lambda script, name=name: run(
                ["ctr", "task", "exec", "--exec-id", f"probe{len(script)}", name, "/bin/sh", "-c", script]))
            equal(last_record()["verdict"], "grant", "the record's verdict")
            must(["ctr", "task", "rm", "--force", name])
            must(["ctr", "container", "rm", name])
            wait_until(lambda: not delegated(), "the delegated cgroup's end")
