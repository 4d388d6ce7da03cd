# SPDX-License-Identifier: Apache-2.0
"""Pods: who asks, who does not, and what the rules select by."""
from lib import host
from lib.expect import granted, passed, refused
from lib.report import case, equal

CRI = "io.kubernetes.cri."
ASKED = {"test": {"engine": "containerd", "profile": "small",
                  "approved_annotations": "cgdeleg.io/writable cgdeleg.io/profile"}}
GIVEN = {"test": {"engine": "containerd", "cgroup_writable": "true", "profile": "small"}}


def facts(name, namespace="ci-1", image="registry.example/ci/tool:1", kind="container"):
    return {f"{CRI}container-name": name, f"{CRI}container-type": kind, f"{CRI}sandbox-namespace": namespace,
            f"{CRI}sandbox-name": "pod", f"{CRI}image-name": image}


def member(t, name, policy, asks=None, **about):
    return t.container(name, policy_dir=policy, annotations={**facts(name, **about), **(asks or {})})


@case("pods.neighbours", scope="runtime")
def neighbours(t):
    policy = t.policy("asked", handlers=ASKED)
    asks = {"cgdeleg.io/writable.builder": "true"}
    with t.step("the container that asks"):
        granted(member(t, "builder", policy, asks).up())
    # container names are made unique by a number; the pod's names are the engine's
    with t.step("its neighbour does not"):
        passed(member(t, "sidecar", policy, asks).up())
    with t.step("the sandbox is passed over"):
        passed(member(t, "pause", policy, {"cgdeleg.io/writable": "true"}, kind="sandbox").up())
    with t.step("its own word wins over the pod's"):
        granted(member(t, "builder", policy, {"cgdeleg.io/writable": "false", **asks}).up())


RULES = {"builds": {"handler": "test", "namespaces": "ci-* build", "images": "registry.example/ci/*",
                    "cgroup_writable": "true"}}


@case("pods.rules", scope="runtime")
def rules(t):
    given = t.policy("given", handlers=GIVEN, rules=RULES)
    asked = t.policy("asked", handlers=ASKED, rules=RULES)
    asks = {"cgdeleg.io/writable": "true"}
    with t.step("namespace and image match"):
        granted(member(t, "a", given).up())
    with t.step("another namespace, unasked: passed"):
        passed(member(t, "b", given, namespace="prod").up())
    with t.step("another image, unasked: passed"):
        passed(member(t, "c", given, image="registry.example/other/tool").up())
    with t.step("another namespace, asked: refused"):
        refused(member(t, "d", asked, asks, namespace="prod"), "")
    with t.step("an annotation that is not approved counts for nothing, and says so"):
        unapproved = {"test": {"engine": "containerd", "profile": "small"}}
        c = member(t, "e", t.policy("unapproved", handlers=unapproved), asks).up()
        equal(host.attribute(host.CGROUP + c.cgroup), None, "the attribute")
        equal([(r["verdict"], r["reason"]) for r in c.records()], [("pass", "annotation-unapproved")], "the records")
