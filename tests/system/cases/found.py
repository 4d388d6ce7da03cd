# SPDX-License-Identifier: Apache-2.0
"""
A refusal that can be found: from what crun's or runc's user sees and from one line of the journal alone, somebody who
knows nothing of cgdeleg can say what is wrong, where, and what to do.

Each failure is a row: the code by which docs/refusals.md is sorted, the culprit as it is written somewhere, and the remedy.
"""
import glob
import os
from dataclasses import dataclass, field
from typing import Any

from lib import bundle, host
from lib.expect import granted, passed
from lib.journal import Journal
from lib.process import run
from lib.report import Skip, case, contains, equal, expect, fails, succeeds

SMALL = {"cgroup.max.descendants": 16, "cgroup.max.depth": 4}
ASK = {"cgdeleg.io/writable": "true"}
APPROVED = "cgdeleg.io/writable cgdeleg.io/profile cgdeleg.io/memory.max"


def handler(**keys):
    return {"test": {"engine": "containerd", "profile": "small", "approved_annotations": APPROVED, **keys}}


def grants(**keys):
    return handler(cgroup_writable="true", **keys)


@dataclass
class Failure:
    name: str
    code: str
    culprit: str
    remedy: str
    policy: dict[str, Any] | None = None  # sections; None: every container of the handler
    content: str | None = None            # of policy.ini, in place of sections
    knobs: dict[str, Any] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)  # of the hook, that are others
    words: list[str] | None = None        # all its args
    prepare: Any = None                   # called with the container
    created: bool = False                 # it runs, and only the journal has a word
    runtime: str | None = None            # only under this one


def shared_mode(c):
    os.chmod(c.dir, 0o777)


def audit_is_a_file(c):
    host.write(c.audit_dir, "")


ANNOTATED = {"policy": {"profiles": {"small": SMALL, "big": SMALL, "huge": SMALL}, "handlers": handler(profiles="small big")}}
WHO = {"io.kubernetes.cri.sandbox-namespace": "prod", "io.kubernetes.cri.sandbox-name": "web-1",
       "io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.image-name": "registry/app:1"}

FAILURES = [
    Failure("a wrong option of the hook", "arguments", "'--handlr'", "did you mean '--handler'",
            words=["cgdeleg-hook", "createRuntime", "--handlr", "test"]),
    Failure("args without the program's name", "arguments", "begin with 'createRuntime'",
            '"args": ["cgdeleg-hook", "createRuntime", "--handler", "NAME"]',
            words=["createRuntime", "--handler", "test"]),
    Failure("an option with '='", "arguments", "'--handler=test'", "its value as two",
            words=["cgdeleg-hook", "createRuntime", "--handler=test"]),
    Failure("a path that is not absolute", "arguments", "not 'etc/cgdeleg'", "'--policy' needs an absolute path",
            args={"policy": "etc/cgdeleg"}),
    Failure("no policy", "policy-broken", "/nonexistent", "cannot be opened", args={"policy": "/nonexistent"},
            knobs={"annotations": ASK}),
    Failure("a line of the policy that is broken", "policy-broken", "policy.ini:3", "write true or false",
            content="[handler test]\nengine = containerd\ncgroup_writable = yes please\n"),
    Failure("a key of the policy that is misspelt", "policy-broken", "'cgroup_writeable'", "did you mean 'cgroup_writable'",
            content="[handler test]\nengine = containerd\ncgroup_writeable = true\n"),
    Failure("the name of a handler that is misspelt", "handler-unknown", "[handler tset]", "did you mean 'test'",
            args={"handler": "tset"}, knobs={"annotations": ASK}, policy={"handlers": handler()}, created=True),
    Failure("an annotation that is misspelt", "annotation-unapproved", "'cgdeleg.io/writeable'",
            "did you mean 'cgdeleg.io/writable'", policy={"handlers": handler()},
            knobs={"annotations": {"cgdeleg.io/writeable": "true"}}, created=True),
    Failure("an annotation that is not approved", "annotation-unapproved", "'cgdeleg.io/writable'",
            "its approved_annotations: cgdeleg.io/profile",
            policy={"handlers": handler(approved_annotations="cgdeleg.io/profile")}, knobs={"annotations": ASK},
            created=True),
    Failure("an annotation with a wrong value", "annotation-invalid", "'yes'", "true or false was expected", **ANNOTATED,
            knobs={"annotations": {"cgdeleg.io/writable": "yes"}}),
    Failure("a profile that is not there", "profile-unknown", "'bigg'", "did you mean 'big'", **ANNOTATED,
            knobs={"annotations": {"cgdeleg.io/profile": "bigg"}}),
    Failure("a profile that is not allowed", "profile-not-allowed", "'huge'", "small big; add it to 'profiles'",
            **ANNOTATED, knobs={"annotations": {"cgdeleg.io/profile": "huge"}}),
    Failure("no rule for the container", "no-rule-matches", "namespace=prod pod=web-1 container=app image=registry/app:1",
            "wants namespaces = ci-*", policy={"handlers": handler(), "rules": {
                "builds": {"handler": "test", "namespaces": "ci-*"}}}, knobs={"annotations": {**ASK, **WHO}}),
    Failure("a rule that forbids", "rule-forbids", "[rule all]", "change that line", policy={
        "handlers": handler(), "rules": {"all": {"handler": "test", "cgroup_writable": "false"}}},
        knobs={"annotations": ASK}),
    Failure("no user namespace", "userns-missing", "no user namespace", "hostUsers: false", knobs={"maps": None}),
    Failure("no user namespace, under Docker", "userns-missing", "no user namespace", "userns-remap in Docker's daemon.json",
            policy={"handlers": grants(engine="docker")}, knobs={"maps": None}),
    Failure("an id map that reaches the host's root", "userns-host-ids", "maps host id 0", "a range of host ids",
            knobs={"maps": [(0, 0, bundle.RANGE)]}),
    Failure("a read-only path over the mount", "covered", "'/sys/fs'", "take it out of there",
            knobs={"readonly_paths": ["/sys/fs"]}),
    Failure("a budget of nothing", "budget", "max_delegated is 0", "raise it", policy={
        "profiles": {"small": SMALL}, "handlers": grants(max_delegated="0")}),
    Failure("a budget that is too small", "budget", "max_total_descendants", "raise", policy={
        "defaults": {"max_total_descendants": "8"}}),
    Failure("a controller that is missing", "limit-missing", "'hugetlb.9MB.max'", "on_missing_limit = skip",
            policy={"profiles": {"small": {**SMALL, "hugetlb.9MB.max": "1G"}}}),
    Failure("no cgroup mount", "cgroup-mount", "/sys/fs/cgroup", "add one", knobs={"cgroup_options": None}),
    Failure("a bundle that others may write", "config", "(mode 0777)", "chmod go-w", prepare=shared_mode),
    Failure("an audit directory that is a file", "audit", "/audit'", "Not a directory", prepare=audit_is_a_file),
]


def make(t, failure):
    sections = {"content": failure.content} if failure.content else failure.policy or {}
    directory = t.policy("found", **sections)
    annotations = dict(failure.knobs.get("annotations", {}))
    words = failure.words

    def hooks(c):
        if words is None:
            return [c.the_hook(**failure.args)]
        return [{**bundle.hook(t.hook), "args": words}]
    knobs = {key: value for key, value in failure.knobs.items() if key != "annotations"}
    c = t.container("found", policy_dir=directory, annotations=annotations, hooks=hooks, **knobs)
    if failure.prepare:
        failure.prepare(c)
    return c


def has_it_all(text, failure, where):
    contains(text, f"[{failure.code}]", f"the code in {where}")
    contains(text, failure.culprit, f"the culprit in {where}")
    contains(text, failure.remedy, f"the remedy in {where}")


def check_why(t, c, failure):
    """What somebody reads afterwards who knows the container's name alone: with the remedy, also where the sentence has none."""
    done = run([t.cgdeleg, "why", c.id, "--audit", c.audit_dir, "--policy", c.policy_dir])
    if not os.path.isdir(c.audit_dir) or not c.records():
        equal(done.code, 1 if os.path.isdir(c.audit_dir) else 4, f"exit ({done.text})")
        contains(done.err, "journalctl -t cgdeleg-hook", "where there is no record")
        return
    equal((done.code, done.err), (0, ""), "exit and stderr")
    text = " ".join(done.out.split())
    has_it_all(text, failure, "cgdeleg why")
    contains(text, "1 in the last hour", "how often")
    contains(text, " remedy ", "the remedy")


def check_journal(c, failure, lines):
    """Hooks that others start while this runs have another id; where the state was not read there is none."""
    if failure.code == "arguments":
        lines = [line for line in lines if failure.culprit in line["MESSAGE"]]
    else:
        lines = [line for line in lines if line.get("CGDELEG_ID") == c.id]
    equal(len(lines), 1, f"lines in the journal ({lines})")
    line = lines[0]
    has_it_all(line["MESSAGE"], failure, "the journal")
    equal(line["CGDELEG_REASON"], failure.code, "CGDELEG_REASON")
    if failure.words or failure.code == "arguments":
        return  # the state has not been read by then
    equal(line["CGDELEG_ID"], c.id, "CGDELEG_ID")
    contains(line["MESSAGE"], f"id={c.id}", "the message")
    equal(c.records()[-1]["reason"] if c.records() else failure.code, failure.code, "the record's reason")


@case("found.failures", scope="runtime")
def failures(t):
    journal = Journal(t)
    for failure in FAILURES:
        with t.step(failure.name):
            journal.take()
            c = make(t, failure)
            done = c.create()
            said = c.hook_err() if t.runtime == "crun" else done.err.replace('\\"', '"')
            equal(done.code == 0, failure.created, f"whether it was created ({done.text}{said})")
            if failure.created:
                equal(c.hook_err(), "", "what the hook says of a container that is created")
            else:
                has_it_all(said, failure, f"{t.runtime}'s error")
            check_journal(c, failure, journal.take())
            check_why(t, c, failure)
            c.delete()


@case("found.guard", scope="runtime")
def guard(t):
    """A node without the grant guard, and a policy that requires it."""
    if glob.glob("/sys/fs/bpf/cgdeleg/*/grant_guard*"):
        raise Skip("this machine has the grant guard")
    journal = Journal(t)
    with t.step("guard = require"):
        c = t.container("guard", policy_dir=t.policy("guard", defaults={"guard": "require"}))
        done = fails(c.create(), "create")
        said = c.hook_err() if t.runtime == "crun" else done.err
        (line,) = journal.take(c.id)
        for text in (said, line["MESSAGE"]):
            contains(text, f"refused [{line['CGDELEG_REASON']}]: the grant guard", "the code and the culprit")
            contains(text, "guard", "the remedy")
        expect(line["CGDELEG_REASON"].startswith("guard-"), line["CGDELEG_REASON"])


@case("found.who", scope="runtime")
def who(t):
    """The journal's line says who it is, in the message and in fields; a grant's, too; of nobody who is passed by."""
    journal = Journal(t)
    rules = {"all": {"handler": "test", "cgroup_writable": "true"}}
    policy = t.policy("who", handlers=handler(), rules=rules)
    with t.step("a grant"):
        c = t.container("who", policy_dir=policy, annotations=WHO)
        succeeds(c.create(), "create")
        granted(c)
        (line,) = journal.take(c.id)
        contains(line["MESSAGE"], "granted [rule-grants]: ", "the message")
        contains(line["MESSAGE"], f"handler=test namespace=prod pod=web-1 container=app image=registry/app:1 profile=small id={c.id}",
                 "the message")
        equal([line[f"CGDELEG_{name}"] for name in ("VERDICT", "NAMESPACE", "POD", "CONTAINER", "IMAGE", "HANDLER", "PROFILE")],
              ["grant", "prod", "web-1", "app", "registry/app:1", "test", "small"], "the fields")
        contains(line["CGDELEG_POLICY"], "/policy.ini:", "CGDELEG_POLICY")
        equal((line["PRIORITY"], line["SYSLOG_FACILITY"]), ("5", "10"), "priority and facility")
    with t.step("what a creator writes is no field and no second line"):
        c = t.container("inject", policy_dir=t.policy("inject", handlers=handler()), annotations={
            **WHO, "io.kubernetes.cri.sandbox-name": "x\nCGDELEG_VERDICT=grant\n id=y", **ASK, "cgdeleg.io/writable": "a\nb"})
        expect(c.create().code != 0, "it was created")
        (line,) = journal.take(c.id)
        equal(line["CGDELEG_VERDICT"], "refuse", "CGDELEG_VERDICT")
        equal(line["CGDELEG_POD"], "x\\x0aCGDELEG_VERDICT=grant\\x0a id=y", "CGDELEG_POD")
        contains(line["MESSAGE"], "pod=x\\x0aCGDELEG_VERDICT=grant\\x0a_id=y ", "the message")
    with t.step("who asks for nothing leaves nothing"):
        c = t.container("pass", policy_dir=t.policy("pass", handlers=handler()))
        succeeds(c.create(), "create")
        passed(c)
        equal(journal.take(c.id), [], "lines in the journal")


@case("found.unanswered", scope="runtime")
def unanswered(t):
    """A container that asks a handler which the policy does not have: it runs, read-only, and is counted."""
    journal, counted = Journal(t), f"{t.run_dir}/runs.pass.handler-unknown"
    before = os.path.getsize(counted) if os.path.exists(counted) else 0
    with t.step("runs read-only, with one line, one record and one more in the count"):
        c = t.container("case", policy_dir=t.policy("other", handlers={"runc": handler()["test"]}),
                        annotations=ASK, hooks=lambda c: [c.the_hook(handler="podman")])
        succeeds(c.create(), "create")
        equal(host.attribute(host.CGROUP + c.cgroup), None, "the attribute")
        (line,) = journal.take(c.id)
        contains(line["MESSAGE"], "passed [handler-unknown]: annotation 'cgdeleg.io/writable' asks, but the policy has no "
                 "[handler podman]; it has: runc; add that section, or correct the hook's --handler; handler=podman id=",
                 "the message")
        (record,) = c.records()
        equal((record["verdict"], record["reason"], record["outcome"]), ("pass", "handler-unknown", "nothing"), "the record")
        equal(os.path.getsize(counted), before + 1, "the count")
    with t.step("where nothing can be written it runs all the same"):
        c = t.container("dark", policy_dir=t.policy("dark", handlers={"runc": handler()["test"]}), annotations=ASK,
                        hooks=lambda c: [c.the_hook(handler="podman", audit="/proc/none", run="/proc/none")])
        succeeds(c.create(), "create")
        equal(len(journal.take(c.id)), 1, "lines in the journal")
