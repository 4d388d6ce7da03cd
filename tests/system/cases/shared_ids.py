# SPDX-License-Identifier: Apache-2.0
"""Shared ids: two containers with a grant whose user namespaces have host ids in common."""
import json

from lib import host
from lib.bundle import BASE, RANGE
from lib.expect import granted, refused
from lib.process import run
from lib.report import case, contains, equal, expect, succeeds

CODE = "shared-ids"


def at(first, size=RANGE):
    return [(0, first, size)]


def codes(c):
    return [reason["code"] for reason in c.records()[-1]["reasons"]]


def checked(c):
    return run([c.t.cgdeleg, "check", "--policy", c.policy_dir, "--handler", c.handler, "--bundle", c.dir]).out


def refusing(t):
    return t.policy("shared", defaults={"on_missing_limit": "skip", "shared_ids": "refuse"})


@case("shared.refuse", scope="runtime")
def refuse(t):
    """Ranges that overlap are refused, and those beside each other are not; the first one is asked for nothing."""
    policy = refusing(t)
    first = t.container("first", policy_dir=policy).up()
    with t.step("nobody else is there: granted, without a note"):
        granted(first)
        expect(CODE not in codes(first), f"the reasons: {codes(first)}")
    with t.step("the same range"):
        c = t.container("same", policy_dir=policy)
        contains(checked(c), f"refuses {CODE}: host uids {BASE} to {BASE + RANGE - 1} are also those of container '{first.id}'",
                 "what check says")
        refused(c, f"are also those of container '{first.id}', which has a grant")
        expect(CODE in codes(c), f"the reasons: {codes(c)}")
    with t.step("one id of it"):
        refused(t.container("one", maps=at(BASE + RANGE - 1), policy_dir=policy, own_rootfs=True),
                f"host uids {BASE + RANGE - 1} to {BASE + RANGE - 1} are also")
    with t.step("a second extent"):
        refused(t.container("extent", maps=[(0, 900000, 1000), (1000, BASE + 5, 1)], policy_dir=policy),
                f"host uids {BASE + 5} to {BASE + 5} are also")
    with t.step("gids alone"):
        c = t.container("gids", maps=at(900000), policy_dir=policy)
        c.config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": BASE, "size": 1}]
        c.save()
        refused(c, f"host gids {BASE} to {BASE} are also")
    with t.step("its user namespace, joined"):
        refused(t.container("joins", userns_path=f"/proc/{first.pid()}/ns/user", policy_dir=policy), "are also those of")
    with t.step("control: the next range is granted"):
        c = t.container("next", maps=at(BASE + RANGE), policy_dir=policy)
        expect(CODE not in checked(c), "check refuses it")
        granted(c.up())
    with t.step("when the first has ended its range is free, and its entry in nobody's way"):
        equal(first.delete().code, 0, "delete")
        c = t.container("again", policy_dir=policy).up()
        granted(c)
        expect(CODE not in codes(c), f"the reasons: {codes(c)}")


@case("shared.note", scope="runtime")
def note(t):
    """Without the line it is granted, and said."""
    first = t.container("first").up()
    second = t.container("second").up()
    with t.step("granted, with a note"):
        granted(second)
        (reason,) = [reason for reason in second.records()[-1]["reasons"] if reason["code"] == CODE]
        equal(reason["kind"], "notes", "the kind")
        contains(reason["text"], f"container '{first.id}'", "the note")
        expect(CODE not in codes(first), f"the first one's reasons: {codes(first)}")
    with t.step("who has the grant keeps it, whatever the policy says of the next"):
        c = t.container("held", hooks=[], held=True)
        state = c.hold()
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        equal(c.call_hook(state, policy=refusing(t)).text, "exit 0: ", "the hook, once more")
        equal(c.records()[-1]["steps_changed"], 0, "what the second run changed")
        c.delete()
    with t.step("list and check say it of both"):
        rows = json.loads(succeeds(run([t.cgdeleg, "list", "--json", "-o", "id,uids,shared"]), "list").out)["grants"]
        shared = {row["id"]: row["shared"] for row in rows}
        equal((shared[first.id], shared[second.id]), (second.id, first.id), "the column")
        out = succeeds(run([t.cgdeleg, "check", "--policy", t.policy_dir]), "check").out
        contains(out, "share host ids", "check's words")
    with t.step("alone again: nobody says it"):
        equal(second.delete().code, 0, "delete")
        third = t.container("apart", maps=at(BASE + RANGE)).up()
        granted(third)
        expect(CODE not in codes(third), f"the reasons: {codes(third)}")
        expect("share host ids" not in run([t.cgdeleg, "check", "--policy", t.policy_dir]).out, "check says it")


@case("shared.older", scope="runtime")
def older(t):
    """A grant of an older cgdeleg, whose attribute has no ids: it cannot be told."""
    first = t.container("first").up()
    path = host.CGROUP + first.cgroup
    attribute = json.loads(host.attribute(path))
    for name in ("uids", "gids"):
        equal(attribute.pop(name), f"{BASE}-{BASE + RANGE - 1}", name)
    host.set_attribute(path, json.dumps(attribute, separators=(",", ":")))
    run(["rm", f"{t.run_dir}/grants"])
    with t.step("refused where the policy refuses"):
        refused(t.container("second", maps=at(BASE + RANGE), policy_dir=refusing(t)),
                f"it cannot be told whether container '{first.id}' has the same host ids")
    with t.step("else granted"):
        granted(t.container("third", maps=at(BASE + RANGE)).up())
    with t.step("when it has ended nothing is in the way"):
        equal(first.delete().code, 0, "delete")
        granted(t.container("fourth", maps=at(BASE + 2 * RANGE), policy_dir=refusing(t)).up())
