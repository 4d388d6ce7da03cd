# SPDX-License-Identifier: Apache-2.0
"""cgdeleg doctor: what it says of this very machine and of a real grant, and that it leaves nothing behind."""
import json
import os

from lib import host
from lib.process import run
from lib.report import Skip, case, contains, equal, expect

NOBODY = 65534
SCHEMA = f"{os.path.dirname(os.path.realpath(__file__))}/../../../share/schema/doctor.json"


def doctor(t, *words, **options):
    return run([t.cgdeleg, "doctor", *words], **options)


def results(t, *words, **options):
    """The worst result of each check, and the sentences."""
    order = ["ok", "n/a", "unknown", "note", "warn", "fail"]
    told = json.loads(doctor(t, "--json", *words, **options).out)
    worst = {}
    for answer in told["checks"]:
        before = worst.get(answer["id"], answer["result"])
        worst[answer["id"]] = max(before, answer["result"], key=order.index)
    return worst, " ".join(answer["text"] for answer in told["checks"])


@case("doctor.machine", scope="once")
def machine(t):
    before = sorted(os.listdir(host.CGROUP))
    with t.step("as root: a cgroup was tried, and is gone"):
        found, _ = results(t)
        equal((found["cgroup.trial"], found["kernel.userns"]), ("ok", "ok"), "what was tried")
        equal(sorted(os.listdir(host.CGROUP)), before, "the cgroups afterwards")
    with t.step("as a user: what only root sees is unknown, and nothing is missing"):
        seen, _ = results(t, user=NOBODY, group=NOBODY, extra_groups=[])
        equal((seen["cgroup.trial"], seen["cgdeleg.grants"]), ("unknown", "unknown"), "what only root sees")
        worse = {i: r for i, r in seen.items() if r in ("note", "warn", "fail") and r != found[i]}
        equal(worse, {}, "what only the user finds amiss")
    with t.step("JSON follows its schema"):
        try:
            import jsonschema  # pylint: disable=import-outside-toplevel
        except ImportError as missing:
            raise Skip("python3-jsonschema is not installed") from missing
        with open(SCHEMA, encoding="utf-8") as file:
            jsonschema.validate(json.loads(doctor(t, "--json").out), json.load(file))


@case("doctor.options", scope="once")
def options(t):
    with t.step("one line and the plugin's exit codes"):
        done = doctor(t, "--npd", "--ignore", "*")
        equal((done.code, done.out), (0, "cgdeleg finds nothing amiss on this node\n"), "without a check")
        done = doctor(t, "--npd", "--strict", "--policy", "/nonexistent", "--ignore", "[!c]*", "--ignore", "cgroup.*")
        equal((done.code, done.out.count("\n")), (1, 1), f"without a policy ({done.out})")
        contains(done.out, "cgdeleg.", "the check's id")
    with t.step("--fail-on decides about the exit code, --ignore about the checks"):
        words = ("--policy", "/nonexistent", "--ignore", "[!c]*", "--ignore", "cgroup.*", "--ignore", "cgdeleg.[!p]*")
        equal([doctor(t, *words, *more).code for more in ([], ["--fail-on", "warn"], ["--fail-on=note"], ["--strict"])],
              [0, 0, 1, 1], "exits where a note is the worst")
        contains(doctor(t, *words).out, "cgdeleg.policy", "the check that is left")
    with t.step("an id that no check has"):
        done = doctor(t, "--ignore", "cgroup.trail")
        equal(done.code, 2, "exit")
        contains(done.err, "did you mean 'cgroup.trial'?", "the nearest")


@case("doctor.grant")
def grant(t):
    policy = t.policy("doctor", defaults={"on_missing_limit": "skip"})
    c = t.container("doctor", policy_dir=policy).up()
    limit = f"{host.CGROUP}{c.cgroup}/cgroup.max.depth"
    words = ("--policy", policy)
    with t.step("a grant as it was made"):
        found, text = results(t, *words)
        equal((found["cgdeleg.grants"], found["cgdeleg.policy"]), ("ok", "ok"), f"grants and policy ({text})")
    with t.step("a raised limit, and put back"):
        before = host.read(limit)
        host.write(limit, "max")
        found, text = results(t, *words)
        equal(found["cgdeleg.grants"], "warn", "grants")
        contains(text, "has a limit above its ceiling", "the sentence")
        expect(c.id not in doctor(t, *words).out, "no container's id is in what can be pasted")
        host.write(limit, before)
        equal(results(t, *words)[0]["cgdeleg.grants"], "ok", "grants, once it is put back")
