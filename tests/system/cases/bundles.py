# SPDX-License-Identifier: Apache-2.0
"""
Bundles: what `check` says of an odd config.json, and what a real runtime and the hook then make of it.

Where check grants, the container gets its cgroup; where it refuses, it is not created, by the hook in the same words or
by the runtime before it asks the hook. Where check cannot tell, the row says what the hook does.
"""
import json
import os

from lib import host
from lib.bundle import BASE, RANGE
from lib.expect import nothing_left
from lib.process import run
from lib.report import Skip, case, contains, equal, expect

GRANT, REFUSE, FAULT, UNKNOWN = 0, 3, 1, 4


def mount(destination, kind, source="none", *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def own(config):
    return next(m for m in config["mounts"] if m["destination"] == "/sys/fs/cgroup")


def replace_own(config, *mounts):
    at = config["mounts"].index(own(config))
    config["mounts"][at:at + 1] = mounts


def without_namespace(config, kind):
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != kind]


def mapping(config, kind, *entries):
    config["linux"][kind] = [dict(zip(("containerID", "hostID", "size"), e)) if isinstance(e, tuple) else e
                             for e in entries]


def user(config, uid):
    config["process"]["user"] = {"uid": uid, "gid": uid}


def only_user(config, uid, outside):
    user(config, uid)
    for kind in ("uidMappings", "gidMappings"):
        mapping(config, kind, (uid, outside, 1))


def renamed(config, **names):
    for entries in (config["linux"]["uidMappings"], config["linux"]["gidMappings"]):
        entries[:] = [{names.get(key, key): value for key, value in e.items()} for e in entries]


def both(config, *entries):
    for kind in ("uidMappings", "gidMappings"):
        mapping(config, kind, *entries)


def linked(config, name, target):
    """All cases of a run have this root filesystem."""
    path = f"{config['root']['path']}/{name}"
    if not os.path.islink(path):
        os.symlink(target, path)


# What is odd; what check's exit status is; part of what it says, and of what the hook says; the change of config.json.
CGROUPS = "/sys/fs/cgroup"
NOT_ITS_OWN = "does not show the container's own cgroup; take that volume out"
MOUNTS = [
    ("nothing", GRANT, "", lambda c: None),
    ("the host's cgroups bound over its own, read-only", REFUSE, NOT_ITS_OWN,
     lambda c: c["mounts"].append(mount(CGROUPS, "bind", CGROUPS, "rbind", "ro"))),
    ("the host's cgroups bound in place of its own", REFUSE, f"binds '{CGROUPS}' at '{CGROUPS}'",
     lambda c: replace_own(c, mount(CGROUPS, "bind", CGROUPS, "rbind", "ro"))),
    ("no cgroup mount at all", REFUSE, "has no mount of type 'cgroup'", replace_own),
    ("one elsewhere only", REFUSE, "mounts type 'cgroup' at '/host'; mount it at",
     lambda c: replace_own(c, mount("/host", "cgroup", "cgroup", "ro"))),
    ("a second one", REFUSE, "a second way to cgroups: cgroup2 '",
     lambda c: c["mounts"].append(mount("/host", "cgroup", "cgroup", "ro"))),
    ("a tmpfs over it", REFUSE, f"mounts 'tmpfs' at '{CGROUPS}', so",
     lambda c: c["mounts"].append(mount(CGROUPS, "tmpfs", "tmpfs"))),
    ("a tmpfs over a directory above it", REFUSE, "mounts 'tmpfs' at '/sys/fs', so",
     lambda c: c["mounts"].append(mount("/sys/fs", "tmpfs", "tmpfs"))),
    ("a tmpfs over a directory above it, with a dot", REFUSE, "mounts 'tmpfs' at '/sys/",
     lambda c: c["mounts"].append(mount("/sys/./fs", "tmpfs", "tmpfs"))),
    ("a tmpfs over a directory above it, by a way around", REFUSE, "mounts 'tmpfs' at '/sys/",
     lambda c: c["mounts"].append(mount("/sys/fs/../fs/", "tmpfs", "tmpfs"))),
    ("a tmpfs over it, by a way out of the root", REFUSE, "mounts 'tmpfs' at '/",
     lambda c: c["mounts"].append(mount("/../sys/fs/x/../cgroup", "tmpfs", "tmpfs"))),
    ("a tmpfs over a directory above it, by a link of the image", UNKNOWN, "which '/aside' covers by a link of the image, is not known",
     lambda c: (linked(c, "aside", "/sys/fs"), c["mounts"].append(mount("/aside", "tmpfs", "tmpfs")))),
    ("a volume of something else, by a link of the image", GRANT, "",
     lambda c: (linked(c, "away", "../.."), c["mounts"].append(mount("/away/x", "bind", "/etc", "bind", "ro")))),
    ("a tmpfs under it", GRANT, "", lambda c: replace_own(c, mount("/sys/fs", "tmpfs", "tmpfs"), own(c))),
    ("the host's cgroups under it", REFUSE, "hidden by the container's own",
     lambda c: replace_own(c, mount(CGROUPS, "bind", CGROUPS, "bind", "ro"), own(c))),
    ("the host's cgroups in a volume", REFUSE, "a second way to cgroups: cgroup2 '",
     lambda c: c["mounts"].append(mount("/host", "bind", CGROUPS, "bind", "ro"))),
    ("a volume of something else", GRANT, "", lambda c: c["mounts"].append(mount("/host", "bind", "/etc", "bind", "ro"))),
    ("its place written otherwise", GRANT, "", lambda c: own(c).update(destination="/sys//fs/./cgroup/")),
    ("options of another type", FAULT, "options[5] is not a string, which runc rejects", lambda c: own(c)["options"].append(7)),
]
NAMESPACES = [
    ("a namespace twice", FAULT, "is another of type 'user', which runc rejects",
     lambda c: c["linux"]["namespaces"].append({"type": "user"})),
    ("no cgroup namespace", REFUSE, "shares the host's cgroup namespace", lambda c: without_namespace(c, "cgroup")),
    ("the host's cgroup namespace, by its path", UNKNOWN, "the container's cgroup namespace is not known",
     lambda c: (without_namespace(c, "cgroup"),
                c["linux"]["namespaces"].append({"type": "cgroup", "path": "/proc/1/ns/cgroup"}))),
    ("a sub-cgroup bound with the host's cgroup namespace", REFUSE, "shares the host's cgroup namespace",
     lambda c: (without_namespace(c, "cgroup"), replace_own(c, mount(CGROUPS, "bind", f"{CGROUPS}", "rbind", "rw")))),
    ("no user namespace", REFUSE, "no user namespace of its own",
     lambda c: (without_namespace(c, "user"), c["linux"].pop("uidMappings"), c["linux"].pop("gidMappings"))),
]
IDS = [
    ("the group map alone covers host id 0", REFUSE, f"gid_map maps host id 0 ('0 0 {RANGE}')",
     lambda c: mapping(c, "gidMappings", (0, 0, RANGE))),
    ("the user map alone covers host id 0", REFUSE, f"uid_map maps host id 0 ('0 0 {RANGE}')",
     lambda c: mapping(c, "uidMappings", (0, 0, RANGE))),
    ("a later extent covers host id 0", REFUSE, "gid_map maps host id 0 ('1000 0 1')",
     lambda c: mapping(c, "gidMappings", (0, BASE, 1000), (1000, 0, 1))),
    ("host id 1 is not 0", GRANT, "", lambda c: mapping(c, "gidMappings", (0, 1, RANGE))),
    ("only a user, no root", REFUSE, "set owner = process, which gives the cgroup to 1000:1000",
     lambda c: only_user(c, 1000, 1000)),
    ("only another user, no root", REFUSE, "set owner = process, which gives the cgroup to 7000:7000",
     lambda c: only_user(c, 33, 7000)),
    ("a process that is not root", GRANT, "notes owner-unused", lambda c: user(c, 1000)),
    ("a process that is another user", GRANT, "notes owner-unused", lambda c: user(c, 1)),
    ("members in another case", FAULT, "uidMappings[0]: 'hostId' is read as 'hostID' by runc",
     lambda c: renamed(c, containerID="containerId", hostID="hostId")),
    ("a member in another case that makes no difference", GRANT, "", lambda c: renamed(c, containerID="containerid")),
    ("a number as a string", FAULT, "uidMappings[0]: 'hostID' is not a whole number",
     lambda c: both(c, {"containerID": 0, "hostID": str(BASE), "size": RANGE})),
    ("a number with a fraction", FAULT, "'hostID' is not a whole number",
     lambda c: both(c, {"containerID": 0, "hostID": float(BASE), "size": RANGE})),
    ("a size of 0", FAULT, "'size' is 0 or missing", lambda c: both(c, (0, BASE, 0))),
    ("extents that overlap", FAULT, "the range overlaps the one at [0]", lambda c: both(c, (0, BASE, 10), (5, BASE + 20, 10))),
    ("no entry", FAULT, "'uidMappings' is empty or missing", both),
]


def answer(c, *words):
    return run([c.t.cgdeleg, "check", "--policy", c.policy_dir, "--handler", c.handler, "--bundle", c.dir, *words])


def refusals(record):
    return [(r["code"], r["text"].replace("/its-own", "")) for r in record["reasons"] if r["kind"] == "refuses"]


def same_words(c, told):
    """What check gives as reasons is in the hook's record, but for the name of a cgroup that was not there yet, and for
    the descriptors that a runtime leaves open."""
    record = c.records()[-1]
    path = record.get("cgroup", c.cgroup)
    said = [(code, text.replace(f"'{path}'", "''")) for code, text in refusals(record) if code != "descriptor"]
    equal(said, refusals(told), "the hook's reasons and check's")


# Of these each runtime makes something else, and only the one named here does not grant.
DIFFER = {"a namespace twice": "runc", "options of another type": "runc", "members in another case": "crun"}


def clean_up(c):
    """After its own failures crun forgets the cgroup that it has made."""
    if not c.records():
        host.end_processes(c.top)
        host.remove_tree(c.top)


def compare(t, name, status, part, change):
    c = t.container("odd")
    change(c.config)
    c.save()
    text = answer(c)
    equal(text.code, status, f"check's exit status ({text.text})")
    contains(text.out + text.err, part, "check's answer")
    created = c.create()
    record = c.records()[-1] if c.records() else None
    if status == GRANT:
        expect(not created.code, f"not created: {created.text}{c.hook_err()}")
        equal(record["verdict"], "grant", "the record's verdict")
    elif status != FAULT or DIFFER.get(name, t.runtime) == t.runtime:
        expect(created.code, "the container was created")
        clean_up(c)
        nothing_left(c)
        if record and status == REFUSE:
            same_words(c, json.loads(answer(c, "--json").out))


# After this row, crun 1.21 with systemd once left the machine without its own /sys/fs/cgroup; the hook, which refuses it,
# mounts and unmounts nothing. So it runs only where that mount is a private copy.
TAKES_THE_HOST_ALONG = "the host's cgroups under it"


def rows(t, table):
    for name, status, part, change in table:
        with t.step(name):
            if name == TAKES_THE_HOST_ALONG and host.has_systemd():
                raise Skip("the runtime could unmount the machine's own cgroups")
            compare(t, name, status, part, change)


@case("bundles.mounts", scope="runtime")
def mounts(t):
    rows(t, MOUNTS)


@case("bundles.namespaces", scope="runtime")
def namespaces(t):
    rows(t, NAMESPACES)


@case("bundles.ids", scope="runtime")
def ids(t):
    rows(t, IDS)


@case("bundles.useless", scope="runtime")
def useless(t):
    """The note tells the truth: the process cannot write there; with owner = process it can."""
    script = ["/bin/sh", "-c", "mkdir /sys/fs/cgroup/job && echo made"]
    for owner, made in (("root", False), ("process", True)):
        with t.step(f"owner = {owner}"):
            policy_dir = t.policy(f"of-{owner}", defaults={"on_missing_limit": "skip", "owner": owner})
            c = t.container(owner, script, policy_dir=policy_dir, uid=1000, gid=1000, only_capabilities=[])
            contains(answer(c).out, "decision: grant", "check's answer")
            equal("notes owner-unused" in answer(c).out, not made, "the note")
            equal("made" in c.run().out, made, "what the container did")
            equal(any(r["code"] == "owner-unused" for r in c.records()[-1]["reasons"]), not made, "the record's note")


def words_of(c):
    return c.the_hook()["args"]


def under(c, stage, args=None):
    entry = c.the_hook()
    c.config["hooks"] = {stage: [{**entry, "args": args or entry["args"]}]}
    c.save()


@case("bundles.hooks", scope="runtime")
def hooks(t):
    """The hook under another stage, and with other words: check says it beforehand, the hook says it then."""
    for stage, part in (("prestart", None), ("poststart", "move the hook to createRuntime"),
                        ("poststop", "move the hook to createRuntime")):
        with t.step(f"under {stage}"):
            c = t.container("staged", hooks=[])
            under(c, stage)
            told = answer(c)
            if not part:
                equal(told.code, GRANT, f"check's exit status ({told.text})")
                c.up()
                equal(c.records()[-1]["verdict"], "grant", "the record's verdict")
                continue
            equal(told.code, FAULT, "check's exit status")
            contains(told.err, f"is under '{stage}', where it cannot act; move it to createRuntime", "check")
            c.create()
            c.runtime("start", c.id)
            c.delete()
            said = c.hook_err() + "".join(r.get("error", "") for r in c.records())
            if t.runtime == "crun" or c.records():
                contains(said, part, "what the hook says")
            expect(not any(r["verdict"] == "grant" for r in c.records()), "granted")
    for name, change, part in (
            ("without the program's name", lambda w: w[1:], "args begin with 'createRuntime', but the program's name"),
            ("the options alone", lambda w: w[2:], "args begin with '--handler', but the program's name"),
            ("without the stage", lambda w: [w[0], *w[2:]], "the first argument must be 'createRuntime'"),
            ("a misspelt option", lambda w: [*w, "--audti", "/x"], "there is no option '--audti'")):
        with t.step(f"args: {name}"):
            c = t.container("worded", hooks=[])
            under(c, "createRuntime", change(words_of(c)))
            told = answer(c)
            equal(told.code, FAULT, "check's exit status")
            contains(told.err, part, "check's answer")
            created = c.create()
            expect(created.code, "the container was created")
            contains(c.hook_err() if t.runtime == "crun" else created.err.replace("\\", ""), part, "the hook's words")
    with t.step("no hook at all is noted"):
        c = t.container("without", hooks=[])
        told = answer(c)
        equal(told.code, GRANT, "check's exit status")
        contains(told.err, "does not have cgdeleg-hook among its hooks", "check's note")
        c.up()
        expect(not c.records() and not host.read(f"{host.CGROUP}{c.cgroup}/cgroup.procs") == "", "nothing happened")
