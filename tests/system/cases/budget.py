# SPDX-License-Identifier: Apache-2.0
"""Budgets: many containers at once against too small a budget; and what is free when they are gone."""
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lib import bundle, host
from lib.expect import granted, refused
from lib.fake import Fake
from lib.process import run
from lib.report import case, contains, equal, expect

WORKERS = 8
# Emulated machines are slow: there, fewer, unless somebody asks for all.
CONTAINERS = int(os.environ.get("CGDELEG_BUDGET_CONTAINERS", "12" if host.has_systemd() else "200"))
MOST = CONTAINERS // 4


def budget_policy(t, handler=None, defaults=None):
    return t.policy("budget", defaults={"on_missing_limit": "skip", **(defaults or {})},
                    handlers={"test": {"engine": "containerd", "cgroup_writable": "true", "profile": "small",
                                       **(handler or {})}})


def delegated(containers):
    """Those whose cgroup is the container's and marked; none may be one and not the other."""
    found = []
    for c in containers:
        path = host.CGROUP + c.cgroup
        if not os.path.exists(path):
            continue
        owned, marked = os.stat(path).st_uid == bundle.BASE, host.attribute(path) is not None
        equal(owned, marked, f"{c.id}: owned and marked")
        if owned:
            found.append(c)
    return found


def create_all(t, policy):
    containers = [t.container("many", policy_dir=policy) for _ in range(CONTAINERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        codes = list(pool.map(lambda c: c.create().code, containers))
    return containers, codes


def delete_all(containers):
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda c: c.delete(), containers))


@case("budget.parallel", scope="runtime")
def parallel(t):
    policy = budget_policy(t, {"max_delegated": MOST})
    containers, codes = create_all(t, policy)
    with t.step(f"{MOST} of {CONTAINERS} created, the others refused with the numbers"):
        equal(codes.count(0), MOST, "created")
        refusals = [c for c, code in zip(containers, codes) if code]
        for c in refusals:
            record = c.records()[-1]
            equal(record["verdict"], "refuse", "the verdict")
            contains(record["error"], f"max_delegated is {MOST} for [handler test], of which {MOST} are delegated, and this container "
                     "would add 1", "the sentence")
    with t.step("exactly those are delegated, none by half"):
        found = delegated(containers)
        equal(len(found), MOST, "delegated")
        equal({c.id for c in found}, {c.id for c, code in zip(containers, codes) if code == 0}, "which")
    with t.step("and list says the same"):
        rows = {row["id"] for row in json.loads(run([t.cgdeleg, "list", "--json"]).out)["grants"]}
        equal({c.id for c in containers} & rows, {c.id for c in found}, "rows")
    delete_all(containers)
    with t.step("afterwards the whole budget is free"):
        again, codes = create_all(t, policy)
        equal(codes.count(0), MOST, "created")
        delete_all(again)


@case("budget.kinds", scope="runtime")
def kinds(t):
    with t.step("the node's descendants"):
        policy = budget_policy(t, defaults={"max_total_descendants": 15})
        refused(t.container("node", policy_dir=policy), "max_total_descendants is 15")
    with t.step("on_refusal = readonly: it runs without"):
        policy = budget_policy(t, {"max_delegated": 0, "on_refusal": "readonly"})
        c = t.container("ro", policy_dir=policy).up()
        equal(host.attribute(host.CGROUP + c.cgroup), None, "the attribute")
        contains(c.exec("mkdir /sys/fs/cgroup/x").err, "Read-only file system", "mkdir")
        c.delete()
    with t.step("a ceiling that is not there cannot be counted"):
        policy = budget_policy(t, {"budget.memory.max": "1T"})
        refused(t.container("mem", policy_dir=policy), "no ceiling of memory.max")
    with t.step("another handler's grants do not count"):
        handlers = {name: {"engine": "containerd", "cgroup_writable": "true", "profile": "small", "max_delegated": 1}
                    for name in ("one", "two")}
        policy = t.policy("two", defaults={"on_missing_limit": "skip"}, handlers=handlers)
        for name in handlers:
            granted(t.container(name, policy_dir=policy, handler=name).up())
        refused(t.container("three", policy_dir=policy, handler="two"), "max_delegated is 1")


@case("budget.tenants", scope="runtime")
def tenants(t):
    """One tenant cannot use up what the others need; the table knows whose grants they are, made anew too."""
    handlers = {"test": {"engine": "containerd", "cgroup_writable": "true", "profile": "small"}}
    rules = {"tenants": {"handler": "test", "namespaces": "ci-*", "max_delegated": 1, "per": "namespace"},
             "others": {"handler": "test", "max_delegated": 1}}
    policy = t.policy("tenants", defaults={"on_missing_limit": "skip", "max_delegated": 4}, handlers=handlers,
                      rules=rules)

    def of(name, namespace):
        return t.container(name, policy_dir=policy, annotations={"io.kubernetes.cri.sandbox-namespace": namespace})
    with t.step("each namespace has its own"):
        granted(of("a", "ci-a").up())
        refused(of("a2", "ci-a"), "max_delegated is 1 for [rule tenants], namespace 'ci-a', of which 1 is delegated")
        granted(of("b", "ci-b").up())
    with t.step("after the table of grants is lost, too"):
        os.unlink(f"{t.run_dir}/grants")
        refused(of("a3", "ci-a"), "for [rule tenants], namespace 'ci-a', of which 1 is delegated")
    with t.step("another rule's is all its containers'"):
        granted(of("c", "prod").up())
        refused(of("d", "staging"), "max_delegated is 1 for [rule others], of which 1 is delegated")
    with t.step("and the node's is everybody's"):
        granted(of("e", "ci-e").up())
        refused(of("f", "ci-f"), "max_delegated is 4 for this node, of which 4 are delegated")


@case("budget.killed", scope="once")
def killed(t):
    """A hook that is killed leaves nothing that counts once its container is gone, or its cgroup was not granted."""
    policy = budget_policy(t, {"max_delegated": 1}, {"device_bpf": "runtime"})
    for points in range(1, 40, 3):
        fake = Fake(t, policy_dir=policy)
        # The hook under strace, killed at its n-th look at a descriptor, write or ownership.
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fcntl,pwrite64,fsetxattr,write,fchownat",
                   "-e", f"inject=fcntl,pwrite64,fsetxattr,write,fchownat:signal=SIGKILL:when={points}"]
        subprocess.run([*command, t.hook, *fake.hook_args()], input=json.dumps(fake.state()).encode(),
                       capture_output=True, check=False)
        fake.delete()
    with t.step("after hooks killed at every stage the budget is free"):
        fake = Fake(t, policy_dir=policy)
        equal(fake.call_hook().code, 0, "the hook")
        expect(fake.is_granted(), "not granted")
    with t.step("and full"):
        other = Fake(t, policy_dir=policy)
        contains(other.call_hook().err, ", of which 1 is delegated", "the refusal")
        other.delete()
    fake.delete()
