# SPDX-License-Identifier: Apache-2.0
"""cgdeleg explain of a container that runs, by its id: what the policy says is what the hook has done; nothing changes."""
import json

from lib import host
from lib.process import run
from lib.report import case, contains, equal, expect, same

NOBODY = 65534


def explain(t, c, *words, **options):
    """By all of its id but the last letter, as an administrator copies it from a table."""
    return run([t.cgdeleg, "explain", "--policy", c.policy_dir, "--runtime-root", f"{t.work}/state", "--container", c.id[:-1],
                *words], **options)


@case("explain.container")
def container(t):
    c = t.container("explained").up()
    before = host.picture_tree(host.CGROUP + c.top)
    with t.step("the decision is the hook's, with its handler, and exit 0"):
        done = explain(t, c, "--json")
        equal((done.code, done.err), (0, ""), "exit and stderr")
        told = json.loads(done.out)["containers"][0]
        record = c.records()[-1]
        for key in ("verdict", "handler", "profile", "userns", "uid", "gid"):
            equal(told.get(key), record.get(key), key)
        expect(set(told["plan"]) & set(record["plan"]), "no step of the plan is the hook's")
    with t.step("as text"):
        done = explain(t, c)
        equal(done.code, 0, "exit")
        for part in (f"({c.id})", "facts:", "decision: grant", "plan:"):
            contains(done.out, part, "the text")
    with t.step("another policy refuses, and says what would have to change"):
        other = t.policy("other", content="[handler test]\nengine = podman\ncgroup_writable = false\n"
                                          "approved_annotations = cgdeleg.io/writable\n")
        done = explain(t, c, "--policy", other)
        contains(done.out, "set cgroup_writable = true in [handler test]", "the text")
    with t.step("nothing was changed"):
        same(before, host.picture_tree(host.CGROUP + c.top), "cgroup")
    with t.step("an id that nobody has, and a user who may see none"):
        done = run([t.cgdeleg, "explain", "--policy", c.policy_dir, "--container", "nosuch"])
        equal(done.code, 1, "exit")
        contains(done.err, "there is no container 'nosuch' on this node", "stderr")
        done = explain(t, c, user=NOBODY, group=NOBODY, extra_groups=[])
        equal(done.code, 1, "exit as an ordinary user")
        contains(done.err, "run this command as root", "stderr")
