# SPDX-License-Identifier: Apache-2.0
"""cgdeleg why: of a container that lives, where each ceiling came from and what was done to it; and what cannot be known."""
import json
import os
import time

from lib import host, policy
from lib.process import run, wait_until
from lib.report import case, contains, equal, expect, succeeds

from cases.watch import watch_policy, watching

NOBODY = 65534
WHO = {"io.kubernetes.cri.sandbox-namespace": "ci-a", "io.kubernetes.cri.sandbox-name": "job-7",
       "io.kubernetes.cri.container-name": "dind"}


def why(t, c, name, *words, **options):
    return run([t.cgdeleg, "why", name, "--audit", c.audit_dir, "--policy", c.policy_dir, *words], **options)


def grant_of(t, c, name):
    told = json.loads(succeeds(why(t, c, name, "--json"), "exit").out)
    equal((told["version"], len(told["grants"])), (1, 1), "version and grants")
    return told, {ceiling["file"]: ceiling for ceiling in told["grants"][0]["ceilings"]}


@case("why.grant", scope="runtime")
def grant(t):
    handler = {"test": {"engine": "containerd", "profile": "small", "cgroup_writable": "true",
                        "approved_annotations": "cgdeleg.io/pids.max"}}
    rules = t.policy("why", defaults={"on_missing_limit": "skip", "device_bpf": "runtime"}, handlers=handler,
                     profiles={"small": {"cgroup.max.descendants": 16, "pids.max": 64}})
    os.utime(f"{rules}/policy.ini", (time.time() - 3600,) * 2)
    c = t.container("why", policy_dir=rules, annotations={**WHO, "cgdeleg.io/pids.max": "32"}).up()
    with t.step("by each of its names: the decision, and where each ceiling came from"):
        for name in (c.id, c.id[:-1], "job-7", "ci-a/job-7", "ci-a/job-7/dind", c.cgroup):
            told, ceilings = grant_of(t, c, name)
            equal([run["record"]["verdict"] for run in told["runs"]], ["grant"], f"runs of {name}")
        equal(ceilings["cgroup.max.descendants"]["from"], "policy", "the policy's own")
        equal(ceilings["cgroup.max.descendants"]["policy"], f"{rules}/policy.ini:"
              f"{1 + host.read(f'{rules}/policy.ini').splitlines().index('cgroup.max.descendants = 16')}", "its line")
        equal(ceilings["cgroup.max.depth"]["from"], "built-in", "the built-in one")
        if "pids.max" in ceilings:
            equal((ceilings["pids.max"]["from"], ceilings["pids.max"]["ceiling"]), ("annotation", "32"), "the annotation's")
        text = succeeds(why(t, c, "job-7"), "exit").out
        for part in ("granted: it has a cgroup of its own", "granted now: ci-a/job-7/dind", f"policy, 16 ({rules}/policy.ini"):
            contains(" ".join(text.split()), part, "the text")
    with t.step("a limit that somebody has lowered"):
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "3")
        _, ceilings = grant_of(t, c, c.id)
        equal((ceilings["cgroup.max.depth"]["now"], ceilings["cgroup.max.depth"]["lower"]), ("3", True), "now")
    with t.step("the policy has been changed since"):
        policy.write(rules, defaults={"on_missing_limit": "skip", "device_bpf": "runtime"}, handlers=handler,
                     profiles={"small": {"cgroup.max.descendants": 8, "pids.max": 64}})
        os.utime(f"{rules}/policy.ini", (time.time() + 3600,) * 2)
        _, ceilings = grant_of(t, c, c.id)
        equal(ceilings["cgroup.max.descendants"]["from"], "earlier-policy", "the policy's own")
        if "pids.max" in ceilings:
            equal(ceilings["pids.max"]["from"], "annotation-or-policy", "nobody knows by now")
    with t.step("a name of nobody, with the nearest"):
        done = why(t, c, "jbo-7")
        equal(done.code, 1, "exit")
        contains(done.err, "did you mean 'job-7'", "stderr")
    with t.step("somebody else is told what he does not see"):
        done = why(t, c, "job-7", user=NOBODY, group=NOBODY, extra_groups=[])
        equal(done.code, 4, "exit")
        for part in ("unknown the audit record: ", "unknown only CAP_SYS_ADMIN can see"):
            contains(" ".join(done.out.split()), part, "stdout")


@case("why.watch", scope="runtime")
def watched(t):
    """What watch did to it."""
    rules = watch_policy(t)
    with watching(t, rules) as watch:
        c = t.container("whywatch", policy_dir=rules, annotations=WHO).up()
        wait_until(lambda: watch.count("grants"), "its count")
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.depth", "9")
        wait_until(watch.records, "the record")
        with t.step("by the pod's name"):
            done = succeeds(run([t.cgdeleg, "why", "ci-a/job-7", "--audit", watch.audit_dir, "--policy", rules]), "exit")
            contains(" ".join(done.out.split()), "'cgroup.max.depth' was raised to 9 and has been put back to 4", "the text")
    with t.step("a record that is cut off, and one from standard input"):
        text = host.read(f"{watch.audit_dir}/audit.jsonl")
        host.write(f"{watch.audit_dir}/audit.jsonl", text + text[:40], 0o600)
        done = succeeds(run([t.cgdeleg, "why", c.id, "--audit", watch.audit_dir]), "exit")
        contains(done.out, "half a line at the end", "what was not read")
        expect("put-back" in succeeds(run(["sh", "-c", f"{t.cgdeleg} why {c.id} --audit - <{watch.audit_dir}/audit.jsonl"]),
                                      "exit").out, "standard input")
