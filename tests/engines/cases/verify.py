# SPDX-License-Identifier: Apache-2.0
"""cgdeleg verify --handler --image: a container of its own under each engine, whose bounds are tried, and that is gone."""
import json
import os

from engine import containerd, docker, podman
from engine.context import CEILINGS, SOURCE, case, offered, version
from engine.cri import Cri
from lib.process import run
from lib.report import contains, equal, expect

PROFILE = f"[profile small]\n{CEILINGS}cgroup.max.depth = 4\n"
TRIED = {"refused.memory.max", "refused.pids.max", "refused.cgroup.max.descendants", "bounded.descendants", "bounded.depth",
         "mount.own", "exec", "ids.config", "ids.inside", "owner.limits", "ceiling.memory.max"}


def policy(handler, engine, asks="approved_annotations = cgdeleg.io/writable"):
    return f"{PROFILE}\n[handler {handler}]\nengine = {engine}\n{asks}\nprofile = small\n"


def call(handler, image, *words):
    return run(["cgdeleg", "verify", "--handler", handler, "--image", image, *words])


def all_proven(done):
    expect(done.out, f"verify said nothing: {done.err}")
    found = {claim["id"]: claim for claim in json.loads(done.out)["claims"]}
    equal({name: claim["how"] for name, claim in found.items() if claim["state"] in ("failed", "unknown")}, {},
          "what is not proven")
    equal(done.code, 0, f"exit code ({done.err})")
    expect(TRIED <= {name for name, claim in found.items() if claim["state"] == "proven"}, f"proven: {found}")
    contains(found["bounded.descendants"]["how"], "one more was refused", "how the bound was tried")
    contains(found["bounded.depth"]["how"], "4 cgroups below each other were made", "how the bound was tried")


def try_engine(t, under, handler, image, listing, *words):
    """`listing` shows what is left."""
    with t.row(*under, "verify with a container of its own"):
        all_proven(call(handler, image, "--json", *words))
    with t.step("nothing is left"):
        equal(run(listing).out.split(), [], "containers")
    with t.step("a container that gets no grant fails, and is gone"):
        t.policy(policy(handler, under[0], "cgroup_writable = false"))
        done = call(handler, image, *words)
        equal(done.code, 1, f"exit code ({done.text})")
        equal(run(listing).out.split(), [], "containers")
    with t.step("so is one whose image is missing"):
        equal(call(handler, "registry.example/none:1", *words).code, 1, "exit code")
        equal(run(listing).out.split(), [], "containers")


@case("verify.podman")
def under_podman(t):
    offered(version(t, "podman") >= (5, 2), "this podman gives bundles to the container's root")
    podman.configure()
    t.later(podman.unconfigure)
    podman.load_images(t.work)
    t.policy(policy("podman", "podman"))
    try_engine(t, ("podman", "crun"), "podman", podman.BOX, ["podman", "ps", "--all", "--quiet"],
               "--engine-option=--uidmap=0:100000:65536")


@case("verify.docker")
def under_docker(t):
    offered(version(t, "docker") >= (24,), "this Docker has no --annotation")
    docker.start(t, remap=True)
    t.policy(policy("docker", "docker"))
    try_engine(t, ("docker", "runc"), "docker", docker.BOX, ["docker", "ps", "--all", "--quiet"])


@case("verify.containerd")
def under_containerd(t):
    """Where the distribution has no crictl, with the words and files of crictl."""
    containerd.configure(containerd.handler_text(
        "ci", base_spec=containerd.base_spec(f"{t.work}/base.json", "ci"), annotations=["cgdeleg.io/*"]))
    t.later(containerd.stop)
    containerd.start()
    cri = Cri()
    containerd.load_images(t.work, cri)
    os.symlink(f"{SOURCE}/tests/engines/engine/crictl", "/usr/local/bin/crictl")
    t.later(os.unlink, "/usr/local/bin/crictl")
    t.policy(policy("ci", "containerd"))
    try_engine(t, ("containerd", "runc"), "ci", containerd.BOX, ["ctr", "-n", "k8s.io", "containers", "list", "--quiet"])
