# SPDX-License-Identifier: Apache-2.0
"""What cgdeleg watch exports of real containers, of the hook's decisions, and of the policy that hooks read."""
import os

from lib import host, metrics
from lib.expect import refused
from lib.process import run, wait_until
from lib.report import case, equal, expect

from cases.watch import PROFILE, watching

POD = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-namespace": "ci-9",
       "io.kubernetes.cri.sandbox-name": "job-1", "io.kubernetes.cri.container-name": "build"}
WHO = {"namespace": "ci-9", "pod": "job-1", "container": "build", "handler": "test", "profile": "small"}


def read(watch):
    return metrics.read(host.read(f"{watch.dir}/metrics"), prometheus=True)


def value(watch, family, **labels):
    """Of the one sample with these labels, or None."""
    found = [number for have, number in read(watch)[family]["samples"] if labels.items() <= have.items()]
    expect(len(found) <= 1, f"{len(found)} samples of {family}{labels}")
    return found[0] if found else None


def rules_with(t, line):
    return t.policy("metrics", defaults={"on_missing_limit": "skip", "device_bpf": "runtime"}, profiles={"small": PROFILE},
                    handlers={"test": {"engine": "containerd", "cgroup_writable": "true", "profile": "small", **line}})


def soon(watch, family, wanted, **labels):
    wait_until(lambda: value(watch, family, **labels) == wanted, f"{family}{labels}: {wanted}")


@case("watch.metrics")
def exported(t):
    rules = rules_with(t, {"max_delegated": 1})
    with watching(t, rules) as watch:
        before = value(watch, "cgdeleg_decisions", verdict="grant", reason="handler-grants") or 0
        section = {"section": "handler test", "namespace": ""}
        with t.step("nobody has a grant of this handler"):
            equal((value(watch, "cgdeleg_budget_grants_used", **section), value(watch, "cgdeleg_budget_grants_allowed", **section)),
                  (0, 1), "the budget")
        c = t.container("exported", policy_dir=rules, annotations=POD).up()
        watch.two_sweeps()
        with t.step("the grant, by who it is"):
            expect(value(watch, "cgdeleg_watch_verified_age_seconds", id=c.id, **WHO) < 60, "its age")
            equal(value(watch, "cgdeleg_budget_grants_used", **section), 1, "the budget")
            equal(value(watch, "cgdeleg_decisions", verdict="grant", reason="handler-grants"), before + 1, "decisions")
        with t.step("a refusal, by its reason"):
            many = value(watch, "cgdeleg_decisions", verdict="refuse", reason="budget") or 0
            refused(t.container("second", policy_dir=rules, annotations=POD), "max_delegated")
            soon(watch, "cgdeleg_decisions", many + 1, verdict="refuse", reason="budget")
        with t.step("a policy with two faults, although nobody has told watch to reload it"):
            equal((value(watch, "cgdeleg_policy_valid"), value(watch, "cgdeleg_policy_faults")), (1, 0), "the policy")
            text = host.read(f"{rules}/policy.ini")
            host.write(f"{rules}/policy.ini", text + "\nmax_delegated = one\nbogus = 1\n")
            soon(watch, "cgdeleg_policy_faults", 2)
            equal(value(watch, "cgdeleg_policy_valid"), 0, "its validity")
            equal(value(watch, "cgdeleg_budget_grants_allowed", **section), 1, "the budget of the last valid one")
        with t.step("and valid again"):
            host.write(f"{rules}/policy.ini", text)
            soon(watch, "cgdeleg_policy_valid", 1)
        with t.step("the grant ends"):
            c.delete()
            soon(watch, "cgdeleg_watch_verified_age_seconds", None, id=c.id)
            soon(watch, "cgdeleg_budget_grants_used", 0, **section)
    with t.step("the options that do not go together, and a format that there is not"):
        for words in (["--metrics", "/a", "--openmetrics", "/b"], ["--metrics", "/a", "--format", "xml"],
                      ["--format", "prometheus"], ["--openmetrics", "/a", "--format", "openmetrics"]):
            equal(run([t.cgdeleg, "watch", *words]).code, 2, " ".join(words))
        equal(os.path.exists("/a"), False, "a file that nobody should have written")
