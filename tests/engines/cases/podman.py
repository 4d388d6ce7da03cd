# SPDX-License-Identifier: Apache-2.0
"""podman - rootful, by annotation, with hooks.d; and the descriptor for CRI-O, whose hooks library is the same."""
import json
import os
import re

from engine import context, image, podman
from engine.context import CEILINGS, PROBE, shows_grant, SOURCE, case, delegated, last_record, records, version
from engine.podman import Podman
from lib import bundle, host
from lib.process import must, run
from lib.report import Skip, contains, equal, expect, fails, succeeds

# CRI-O's own annotation for a writable mount, and its older name.
CRIO_OWN = ("cgroup2-mount-hierarchy-rw.crio.io", "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw")
POLICY = f"""
[profile small]
{CEILINGS}
[handler podman]
engine               = podman
approved_annotations = cgdeleg.io/writable
profile              = small

[handler crio]
engine               = crio
approved_annotations = cgdeleg.io/writable {" ".join(CRIO_OWN)}
profile              = small

[rule builds]
handler    = crio
namespaces = ci-*
"""
ASK = ("--annotation", "cgdeleg.io/writable=true")
MAP = ("--uidmap", "0:300000:65536")
# Where crun writes a hook's words.
SAID = "/run/cgdtest-hook.err"


def is_granted(p, container, refusal="Permission denied"):
    context.is_granted(lambda script: p.sh(container, script), refusal)


def started(p, *options, **knobs):
    return succeeds(p.start(*options, **knobs), "podman run").out.strip()


def set_up(t):
    t.policy(POLICY)
    podman.configure()
    t.later(podman.unconfigure)
    podman.user_for_auto()
    podman.load_images(t.work)


def gives_bundles_away(t):
    """podman before 5.2: to the root of the container's user namespace."""
    return version(t, "podman") < (5, 2)


def bundles_refused(t):
    """What such a podman gets, and that it works where the container's root is the host's."""
    for runtime in ("runc", "crun"):
        p = Podman(t, runtime)
        with t.row("podman", runtime, "a user namespace, podman before 5.2", "refused: its bundles are the container's"):
            fails(p.start(*ASK, *MAP), "the container was started")
            contains(last_record()["error"], "error [config]: the bundle", "the record")
            contains(last_record()["error"], "use podman 5.2 or newer", "the record")
            equal(delegated(), {}, "delegated cgroups")
        t.policy(POLICY.replace("[handler podman]", "[handler podman]\nrequire_userns = false"))
        with t.row("podman", runtime, "no user namespace, require_userns = false, podman before 5.2"):
            container = started(p, *ASK, "--cap-drop", "all")
            is_granted(p, container, "Operation not permitted")
            equal(last_record()["verdict"], "grant", "the record's verdict")
            equal(p("rm", "--force", "--time", "0", container).code, 0, "podman rm")
        t.policy(POLICY)


def one_life(t, runtime, manager):
    p = Podman(t, runtime, manager)
    with t.row("podman", runtime, f"by annotation, --uidmap, {manager} manager"):
        container = started(p, *ASK, *MAP)
        is_granted(p, container)
        equal(last_record()["verdict"], "grant", "the record's verdict")
    with t.row("podman", runtime, f"stats, pause, stop and removal leave nothing, {manager} manager"):
        stats = p("stats", "--no-stream", "--format", "{{.MemUsage}}", container)
        expect(stats.code == 0 and stats.out.strip(), f"podman stats: {stats.text}")
        for verb in ("pause", "unpause"):
            equal(p(verb, container).code, 0, verb)
        equal(p("rm", "--force", "--time", "0", container).code, 0, "podman rm")
        equal(delegated(), {}, "delegated cgroups")


@case("podman.life")
def life(t):
    set_up(t)
    if gives_bundles_away(t):
        bundles_refused(t)
        return
    one_life(t, "crun", "systemd")
    one_life(t, "runc", "systemd")
    p = Podman(t)
    t.policy(POLICY)
    with t.row("podman", "crun", "no annotation: the hook is not even started"):
        contains(p.sh(started(p, *MAP), "mkdir /sys/fs/cgroup/job").err, "Read-only file system", "mkdir")
        equal(records(), [], "records")
    with t.row("podman", "crun", "--userns=auto"):
        is_granted(p, started(p, *ASK, "--userns", "auto"))


@case("podman.refusals", default=False)
def refusals(t):
    set_up(t)
    for runtime, meant in (("runc", "in podman's error"), ("crun", "where run.oci.hooks.stderr says")):
        p = Podman(t, runtime)
        with t.row("podman", runtime, f"no user namespace; the reason {meant}", "refused: it needs a user namespace"):
            done = fails(p.start(*ASK, "--annotation", f"run.oci.hooks.stderr={SAID}"), "the container was started")
            said = done.err if runtime == "runc" else host.read(SAID)
            contains(said, f"cgdeleg: {last_record()['error']}", "what is said")
            contains(last_record()["error"], "user namespace", "the record")
    os.unlink(SAID)


@case("podman.more", default=False)
def more(t):
    set_up(t)
    one_life(t, "runc", "cgroupfs")
    one_life(t, "crun", "cgroupfs")  # which attaches no device program: cgdeleg's own is
    p = Podman(t)
    with t.row("podman", "crun", "podman update can raise a limit, the bound on cgroups stays"):
        container = started(p, *ASK, *MAP)
        equal(p("update", "--memory", "32m", container).code, 0, "podman update")
        seen = p.sh(container, "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cgroup.max.descendants")
        equal(seen.out.split()[1], "20", "cgroup.max.descendants")
    for runtime in ("crun", "runc"):
        unmasked(t, Podman(t, runtime), runtime)
        attached(t, Podman(t, runtime), runtime)
    in_pods(t, p)


def attached(t, p, runtime):
    with t.row("podman", runtime, "attach: it runs under the grant"):
        container = started(p, *ASK, *MAP, "--interactive", command=["/bin/sh"])
        shows_grant(p.attach(container, f"sleep 1; {PROBE}; exit\n"))


def unmasked(t, p, runtime):
    """The mount is read-write before the hook: whoever may run podman can have that, and no more than the policy."""
    t.policy(POLICY)
    with t.row("podman", runtime, "unmask=/sys/fs/cgroup, which makes the mount read-write before the hook: bounded"):
        is_granted(p, started(p, *ASK, *MAP, "--security-opt", "unmask=/sys/fs/cgroup"))
        equal(last_record()["verdict"], "grant", "the record's verdict")


# Ways to a writable cgroup that do not ask us: what is said to podman, and how it is writable.
UNASKED = (("--systemd=always", "mount", ("--systemd=always",)),
           ("unmask=/sys/fs/cgroup", "mount", ("--security-opt", "unmask=/sys/fs/cgroup")),
           ("CAP_SYS_ADMIN and a read-only mount", "owner", ("--cap-add", "SYS_ADMIN")))


@case("podman.unasked", default=False)
def unasked(t):
    """Nobody asks. The hook is started for every container, which its descriptor must say."""
    podman.configure(when={"always": True})
    t.later(podman.unconfigure)
    podman.load_images(t.work)
    for mode, runtime in (("pass", "crun"), ("pass", "runc"), ("bound", "crun"), ("bound", "runc")):
        p = Podman(t, runtime)
        for what, by, options in UNASKED:
            # runc gives a cgroup away only with a read-write mount.
            given = by == "mount" or runtime == "crun"
            bounded = given and mode == "bound"
            meant = "works: nothing is given" if not given else \
                f"as podman gives it: writable, {'bounded' if bounded else 'without bounds'}"
            t.policy(POLICY.replace("[handler podman]", f"[handler podman]\nwritable_mount = {mode}"))
            with t.row("podman", runtime, f"no annotation, {what}, writable_mount = {mode}", meant):
                container = started(p, *MAP, *options)
                check = context.is_bounded if bounded else context.is_unbounded
                check(lambda script, p=p, c=container: p.sh(c, script), by)
                must([*p.command, "rm", "--force", "--time", "0", container])


def in_pods(t, p):
    """Where the network is the pod's, podman binds the host's whole /sys, and with it what is mounted on it."""
    def run_in(pod, *options):
        return p("run", "--detach", "--pod", pod, *ASK, *options, podman.BOX, "/bin/sleep", "2147483647")
    with t.row("podman", "crun", "a pod that shares its network: podman binds the host's /sys",
               "refused: a bpffs comes with it"):
        create_pod(t, p, "shared", "--network", "none")
        expect(run_in("shared").code != 0, "the container was started")
        contains(last_record()["error"], "a bpffs is mounted in the container", "the record")
    t.policy(POLICY)
    with t.row("podman", "crun", "a pod without a network of its own: its infra container untouched"):
        create_pod(t, p, "apart", "--share", "ipc", "--network", "none")
        is_granted(p, succeeds(run_in("apart", "--network", "none"), "podman run").out)
        equal(len(records()), 1, "records")


def create_pod(t, p, name, *options):
    t.later(lambda: p("pod", "rm", "--force", "--time", "0", name))
    succeeds(p("pod", "create", "--name", name, "--infra-image", podman.BOX, "--infra-command", "/bin/sleep 2147483647",
               "--userns", "auto", *options), "podman pod create")


@case("podman.quadlet", default=False)
def quadlet(t):
    set_up(t)
    path = "/etc/containers/systemd/cgdtest.container"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    host.write(path, host.read(f"{SOURCE}/deploy/builder.container").replace("docker.io/library/busybox", podman.BOX))
    t.later(run, ["systemctl", "stop", "cgdtest.service"])
    t.later(os.unlink, path)
    with t.row("podman", "crun", "quadlet, UserNS=auto"):
        must(["systemctl", "daemon-reload"])
        must(["systemctl", "start", "cgdtest.service"])
        is_granted(Podman(t), "systemd-cgdtest")
    must(["systemctl", "stop", "cgdtest.service"])


@case("podman.rootless", default=False)
def rootless(t):
    set_up(t)
    must(["useradd", "--create-home", "--uid", "4711", "cgdtest"])
    t.later(run, ["userdel", "--remove", "cgdtest"])
    with t.row("podman", "crun", "rootless", "refused: the hook has no right to give the cgroup away"):
        store = f"{t.work}/store"
        os.makedirs(f"{store}/rootfs/run")
        bundle.make_rootfs(f"{store}/rootfs", image.BUSYBOX, owner=4711)
        os.chown(store, 4711, 4711)
        done = rootless_podman(store, "run", "--rm", "--network", "none", "--cgroups", "disabled", "--annotation",
                               f"run.oci.hooks.stderr={store}/said", *ASK, "--rootfs", f"{store}/rootfs", "/bin/true")
        expect(done.code != 0, "the container was started")
        expect(os.path.exists(f"{store}/said"), f"it did not come to the hook: {done.text}")
        contains(host.read(f"{store}/said"), "cgdeleg: ", f"what is said ({done.text})")


def rootless_podman(store, *words):
    if not os.path.exists("/etc/subuid"):
        raise Skip("there is no /etc/subuid")
    with open("/etc/subuid", "a", encoding="utf-8") as uids, open("/etc/subgid", "a", encoding="utf-8") as gids:
        for file in (uids, gids):
            file.write("cgdtest:4000000:65536\n")
    return run(["setpriv", "--reuid", "4711", "--regid", "4711", "--clear-groups", "env", "--chdir=/", "USER=cgdtest",
                f"HOME={store}", f"XDG_RUNTIME_DIR={store}", "podman", "--cgroup-manager", "cgroupfs", "--root", f"{store}/root",
                "--runroot", f"{store}/runroot", *words])


def crio_annotations(namespace, named=None):
    """What CRI-O itself writes for a container of the pod "builder"; `named`: its name says another namespace."""
    stated = {"io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.name": "builder",
              "io.kubernetes.container.name": "a", "io.kubernetes.cri-o.ContainerType": "container",
              "io.kubernetes.cri-o.Name": f"k8s_a_builder_{named or namespace}_0123_0"}
    return [word for key, value in stated.items() for word in ("--annotation", f"{key}={value}")]


@case("podman.crio-descriptor", default=False)
def crio_descriptor(t):
    t.policy(POLICY)
    podman.configure("crio")
    t.later(podman.unconfigure)
    podman.load_images(t.work)
    p = Podman(t)
    with t.row("CRI-O (its descriptor, in podman)", "crun", "annotation, and a rule for the namespace"):
        is_granted(p, started(p, *ASK, *MAP, *crio_annotations("ci-1")))
        equal((last_record()["handler"], last_record()["namespace"]), ("crio", "ci-1"), "the record")
    with t.row("CRI-O (its descriptor, in podman)", "crun", "a label that CRI-O's own name does not confirm",
               "refused: the namespace is not known"):
        expect(p.start(*ASK, *MAP, *crio_annotations("ci-1", "prod")).code != 0, "the container was started")
        equal(last_record()["verdict"], "refuse", "the record's verdict")


def widened():
    """The descriptor's `when` as docs/engines.md has it for CRI-O's own annotation."""
    found = re.findall(r'^ *"when": (\{.*crio.*\}),$', host.read(f"{SOURCE}/docs/engines.md"), re.MULTILINE)
    equal(len(found), 1, "descriptors' `when` in docs/engines.md")
    return json.loads(found[0])


@case("podman.crio-annotation", default=False)
def crio_annotation(t):
    """A pod that has nothing but CRI-O's own annotation: CRI-O makes the mount read-write before any hook, as unmask does."""
    t.policy(POLICY)
    t.later(podman.unconfigure)
    podman.load_images(t.work)
    p = Podman(t)

    def asking(key):
        return started(p, "--annotation", f"{key}=true", *MAP, "--security-opt", "unmask=/sys/fs/cgroup",
                       *crio_annotations("ci-1"))
    podman.configure("crio")
    with t.row("CRI-O (its descriptor, in podman)", "crun",
               "CRI-O's own annotation, `when` as installed: the hook is not started",
               "as CRI-O gives it: writable, without bounds"):
        for key in CRIO_OWN:
            seen = p.sh(asking(key), "mkdir /sys/fs/cgroup/job && cat /sys/fs/cgroup/cgroup.max.descendants")
            equal((seen.out, records(), delegated()), ("max\n", [], {}), f"with {key} ({seen.err})")
    podman.configure("crio", when=widened())
    with t.row("CRI-O (its descriptor, in podman)", "crun", "CRI-O's own annotation, `when` as docs/engines.md widens it"):
        for number, key in enumerate(CRIO_OWN, 1):
            is_granted(p, asking(key))
            equal([record["handler"] for record in records()], ["crio"] * number, f"the hook's runs, with {key}")
    p("rm", "--all", "--force", "--time", "0")
    podman.configure("crio", when={"always": True})
    t.policy(POLICY.replace(" ".join(["", *CRIO_OWN]), "").replace("[handler crio]", "[handler crio]\nwritable_mount = bound"))
    with t.row("CRI-O (its descriptor, in podman)", "crun",
               "CRI-O's own annotation, which the policy does not approve, `when` always, writable_mount = bound",
               "as CRI-O gives it: writable, bounded"):
        box = asking(CRIO_OWN[0])
        context.is_bounded(lambda script: p.sh(box, script), "mount")
