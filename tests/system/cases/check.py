# SPDX-License-Identifier: Apache-2.0
"""cgdeleg check: the policy, and one container that a runtime holds; the same words as the hook's, nothing done."""
import json

from lib import host
from lib.process import run
from lib.report import case, contains, equal, expect, same, succeeds

NOBODY = 65534


def check(t, *words, **options):
    return run([t.cgdeleg, "check", *words], **options)


BAD = """[profile small]
memory.mx = 1G
[handler test]
engine = containerd
cgroup_writable = perhaps
profile = smal
"""


@case("check.policy", scope="once")
def policy(t):
    good = t.policy("good")
    with t.step("valid: says so, exit 0"):
        done = check(t, "--policy", good)
        equal((done.code, done.err), (0, ""), "exit and stderr")
        contains(done.out, "policy: valid, 1 file, 1 handler, 1 profile, 0 rules", "stdout")
    with t.step("valid, as an ordinary user"):
        succeeds(check(t, "--policy", good, user=NOBODY, group=NOBODY, extra_groups=[]), "exit")
    with t.step("settings with their lines"):
        done = check(t, "--policy", good, "--settings")
        lines = [line.replace(" ", "") for line in host.read(f"{good}/policy.ini").splitlines()]
        number = 1 + lines.index("cgroup.max.depth=4")
        contains(done.out, f"cgroup.max.depth = 4  ({good}/policy.ini:{number})", "stdout")
    bad = t.policy("bad", content=BAD)
    with t.step("invalid: every fault with its place and the nearest name, exit 1"):
        done = check(t, "--policy", bad)
        equal(done.code, 1, f"exit ({done.text})")
        lines = done.out.splitlines()
        equal((len(lines), done.err), (4, ""), f"faults ({lines})")
        for line, start, part in zip(lines, (":2:1: fault: ", ":5:", ":6:"), ("memory.max", "true", "small")):
            contains(line, f"{bad}/policy.ini{start}", "the place")
            contains(line, part, "the nearest")
        equal(lines[3], "3 faults", "the last line")
    with t.step("invalid, with --json: the faults where a program waits for JSON"):
        done = check(t, "--policy", bad, "--json", "--bundle", "/", "--handler", "test")
        equal((done.code, done.err), (1, ""), "exit and stderr")
        told = json.loads(done.out)
        equal((told["version"], told["policy"]["valid"], len(told["findings"])), (1, False, 3), "JSON")
    with t.step("valid lines that do nothing are a note"):
        idle = t.policy("idle", content="[handler test]\nengine = containerd\n")
        done = succeeds(check(t, f"--policy={idle}"), "exit")
        contains(done.out, f"{idle}/policy.ini:1: note: [handler test] grants nothing", "stdout")
    with t.step("missing: exit 1"):
        equal(check(t, "--policy", "/nonexistent").code, 1, "exit")
    with t.step("wrong options: exit 2"):
        for words in (["--nonsense"], ["--bundle", "/"], ["--json", "--settings"], ["--settings=yes"]):
            equal(check(t, *words).code, 2, f"exit of {words}")
        equal(run([t.cgdeleg]).code, 2, "exit without a verb")
        for words, said in ((["chekc"], "did you mean 'check'?"), (["list", "--jsn"], "did you mean '--json'?"),
                            (["list", "--json=x"], "'--json' takes no value"), (["zzzz"], "there is no verb 'zzzz'")):
            contains(run([t.cgdeleg, *words]).err, said, f"what is said of {words}")


def picture(c, state):
    return host.picture_tree(host.CGROUP + c.top), host.mountinfo(state["pid"]), c.records()


def ask(t, c, state, *words):
    """Asks about the held container; nothing may change."""
    before = picture(c, state)
    done = check(t, "--policy", c.policy_dir, "--bundle", c.dir, "--state", f"{c.dir}/state", "--handler", "test",
                 *words)
    for was, now, what in zip(before, picture(c, state), ("cgroup", "mounts", "audit")):
        same(was, now, what)
    return done


def compare(explained, record):
    """Every key of the explanation stands in the record with the same value."""
    expect({"verdict", "plan", "reasons", "userns", "cgroup", "mount"} <= set(explained), f"keys: {list(explained)}")
    equal(explained.pop("version"), 1, "the version")
    same(explained, {key: record.get(key) for key in explained}, "from explanation to audit record")


@case("check.bundle")
def bundle(t):
    profile = {"cgroup.max.descendants": 9, "cgroup.max.depth": 3, "hugetlb.2MB.max": "16M", "nest": "init"}
    policy_dir = t.policy("explained", defaults={"on_missing_limit": "skip"}, profiles={"small": profile})
    c = t.container("held", held=True, policy_dir=policy_dir)
    state = c.hold()
    explained = {}
    with t.step("JSON parses, exit 0, nothing is done"):
        done = ask(t, c, state, "--json")
        equal((done.code, done.err), (0, ""), "exit and stderr")
        explained.update(json.loads(done.out))
        equal(explained["verdict"], "grant", "verdict")
    with t.step("text says the same"):
        done = ask(t, c, state)
        equal((done.code, done.err), (0, ""), "exit and stderr")
        for title in ("facts:", "decision: ", "plan:"):
            contains(done.out, title, "the text")
        for line in explained["plan"]:
            contains(done.out, line, "the plan as text")
    with t.step("a handler that the policy does not know is named beside those that it has"):
        done = succeeds(ask(t, c, state, "--handler", "tets"), "exit")
        contains(done.err, "there is no [handler tets] in the policy, did you mean 'test'?; its handlers: test", "stderr")
    with t.step("facts, decision and plan as the hook then records them"):
        equal(c.release().code, 0, "the runtime")
        compare(explained, c.records()[-1])


@case("check.refusal")
def refusal(t):
    c = t.container("held", held=True, maps=None)
    state = c.hold()
    with t.step("exit 3, and the hook then refuses with the same reasons"):
        done = ask(t, c, state, "--json")
        equal(done.code, 3, f"exit ({done.text})")
        explained = json.loads(done.out)
        expect(c.release().code != 0, "the container was created")
        compare(explained, c.records()[-1])
