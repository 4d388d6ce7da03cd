# SPDX-License-Identifier: Apache-2.0
"""
Containers that ask nobody, and whose cgroup is writable all the same: writable_mount = pass, bound, refuse.

Two ways there: config.json mounts the cgroup read-write, or the runtime has given it to the user namespace's root. The
latter is crun's doing, whatever the mount says; such a container mounts cgroup2 itself.
"""
from cases.readonly import HOST_USR
from lib import host
from lib.bundle import BASE
from lib.expect import granted, passed, refused
from lib.process import run
from lib.report import case, contains, equal, expect

RW = {"cgroup_options": ("rw",)}
# Tries to exceed the ceilings at $1, and to lift them.
TRY = """
mkdir "$1/a" 2>/dev/null && echo "made a"
mkdir "$1/b" 2>/dev/null && echo "made b"
mkdir "$1/c" 2>/dev/null && echo "made c"
for name in cgroup.max.descendants cgroup.max.depth pids.max memory.max; do
    test -e "$1/$name" || continue
    { echo max >"$1/$name"; } 2>/dev/null && echo "lifted $name"
done
rmdir "$1/a" "$1/b" "$1/c" 2>/dev/null
echo end
"""


def policy(t, mode, name="", rules=None, defaults=None, **handler):
    """A handler that grants nothing unless an annotation asks; two cgroups at most."""
    handler = {"engine": "podman", "profile": "two", "approved_annotations": "cgdeleg.io/writable", **handler}
    if mode:
        handler["writable_mount"] = mode
    return t.policy(f"writable-{mode}{name}", defaults={"on_missing_limit": "skip", **(defaults or {})},
                    profiles={"two": {"cgroup.max.descendants": 2, "cgroup.max.depth": 1, "pids.max": 50,
                                      "memory.max": "64M", "nest": "init"}},
                    handlers={"test": handler}, rules=rules)


def given_by_runtime(t, name, **knobs):
    """Its mount is read-only. It has what it takes to mount cgroup2 itself."""
    return t.container(name, capabilities=["CAP_SYS_ADMIN"], own_rootfs=True, mounts=HOST_USR, **knobs)


def attempts(c, own_mount=False):
    script = TRY.replace("$1", "/tmp" if own_mount else "/sys/fs/cgroup")
    if own_mount:
        script = f"mount -t cgroup2 none /tmp || exit 1\n{script}umount /tmp\n"
    done = c.exec(script)
    lines = done.out.splitlines()
    equal(lines[-1:], ["end"], f"the script's last line ({done.text})")
    return lines[:-1]


def is_bound(c, by):
    """Ceilings, attribute, record and entry; and nothing was given."""
    attribute, record = host.attribute(host.CGROUP + c.cgroup), c.records()[-1]
    contains(attribute or "", f'"writable_by":"{by}"', "the attribute")
    equal((record["verdict"], record["reasons"][0]["code"], record["writable_by"]), ("bound", "bounded", by), "the record")
    equal([step for step in record["plan"] if step.startswith(("own ", "make "))], [], "steps that give")
    equal(host.read(f"{host.CGROUP}{c.cgroup}/cgroup.max.descendants"), "2\n", "cgroup.max.descendants")
    listed = run([c.t.cgdeleg, "list", "--json"])
    contains(listed.out, c.id, "what list shows")
    contains(listed.out, '"writable_by": "' + by + '"', "what list shows")


def picture(c):
    """Owners and modes of all, without the limits."""
    return {name: what[:3] for name, what in host.picture_cgroup(host.CGROUP + c.cgroup).items()}


@case("writable.mount")
def mount(t):
    """config.json mounts the cgroup read-write."""
    given = t.runtime == "crun" or t.driver == "systemd"
    with t.step("control: pass leaves it as the runtime made it, without bounds"):
        free = t.container("free", policy_dir=policy(t, "pass"), **RW).up()
        passed(free)
        equal(attempts(free), ["made a", "made b", "made c"] if given else [], "what the container could do")
    with t.step("no key: the same"):
        c = t.container("nokey", policy_dir=policy(t, None), **RW).up()
        passed(c)
    with t.step("bound: it has its ceilings"):
        c = t.container("bound", policy_dir=policy(t, "bound"), **RW).up()
        is_bound(c, "mount")
        equal(attempts(c), ["made a", "made b"] if given else [], "what the container could do")
    with t.step("bound: owners and modes are what the runtime made them"):
        equal(picture(c), picture(free), "owners and modes")
    with t.step("refuse: not created"):
        refused(t.container("refuse", policy_dir=policy(t, "refuse"), **RW), "mounted read-write, and writable_mount = refuse")
    with t.step("control: one that is read-only, and given to nobody, passes with either"):
        for mode in ("bound", "refuse"):
            c = t.container("plain", policy_dir=policy(t, mode), maps=None).up()
            passed(c)


@case("writable.other", scope="runtime")
def other(t):
    """Its own mount is read-only, and a volume brings the host's cgroups."""
    def volume(name, mode, *options):
        mounts = [{"destination": "/host", "type": "bind", "source": host.CGROUP, "options": ["bind", *options]}]
        return t.container(name, policy_dir=policy(t, mode), maps=None, mounts=mounts)

    with t.step("control: pass leaves it without bounds"):
        c = volume("free", "pass").up()
        passed(c)
        equal(c.exec(f"mkdir /host{c.cgroup}/x && rmdir /host{c.cgroup}/x").code, 0, "mkdir in the volume")
    with t.step("refuse: not created"):
        refused(volume("refuse", "refuse"), "has cgroups mounted read-write, not at /sys/fs/cgroup, and writable_mount = refuse")
    with t.step("bound: not created, because nothing can bound it"):
        refused(volume("bound", "bound"), "writable_mount = bound: ")
    with t.step("control: read-only it passes, whenever the runtime makes it so"):
        for mode in ("bound", "refuse"):
            c = volume("readonly", mode, "ro").up()
            passed(c)
            expect(c.exec(f"mkdir /host{c.cgroup}/x").code != 0, "mkdir in the volume")


@case("writable.owner")
def owner(t):
    """A read-only mount, and a runtime that gives the cgroup to the user namespace's root."""
    if t.runtime != "crun":
        with t.step("runc gives nothing where the mount is read-only: it passes"):
            for mode in ("bound", "refuse"):
                c = given_by_runtime(t, "given", policy_dir=policy(t, mode)).up()
                passed(c)
                equal(picture(c)["."][:2], (0, 0), "the owner")
        return
    with t.step("control: pass leaves it without bounds"):
        free = given_by_runtime(t, "free", policy_dir=policy(t, "pass")).up()
        passed(free)
        equal(picture(free)["."][:2], (BASE, BASE), "the owner")
        equal(attempts(free, own_mount=True), ["made a", "made b", "made c"], "what the container could do")
    with t.step("bound: it has its ceilings"):
        c = given_by_runtime(t, "bound", policy_dir=policy(t, "bound")).up()
        is_bound(c, "owner")
        equal(attempts(c, own_mount=True), ["made a", "made b"], "what the container could do")
        equal(attempts(c), [], "what it could do through the mount that it was given")
        equal(picture(c), picture(free), "owners and modes")
    with t.step("refuse: not created"):
        refused(given_by_runtime(t, "refuse", policy_dir=policy(t, "refuse")), "its runtime has given the cgroup away")
    with t.step("no cgroup mount at all: found by who owns the cgroup"):
        c = t.container("nomount", policy_dir=policy(t, "refuse"), cgroup_options=None)
        refused(c, "its runtime has given the cgroup away")
        passed(t.container("nomount", policy_dir=policy(t, "refuse"), cgroup_options=None, maps=None).up())
    with t.step("refuse, on_refusal = readonly: taken back"):
        c = given_by_runtime(t, "back", policy_dir=policy(t, "refuse", "-back", defaults={"on_refusal": "readonly"})).up()
        equal(c.records()[-1]["verdict"], "readonly", "the verdict")
        equal({what[:2] for what in picture(c).values()}, {(0, 0)}, "owners")
        equal(attempts(c, own_mount=True), [], "what the container could do")


def privileged(t, policy_dir):
    """It sees the host's tree, read-write. By a bind: to mount cgroup2 from here would clear the host's options."""
    tree = {"destination": "/sys/fs/cgroup", "type": "bind", "source": host.CGROUP, "options": ["rbind", "rw"]}
    c = t.container("privileged", policy_dir=policy_dir, maps=None, cgroup_options=None, mounts=[tree])
    c.config["linux"]["namespaces"] = [ns for ns in c.config["linux"]["namespaces"] if ns["type"] != "cgroup"]
    c.save()
    return c


@case("writable.cannot", scope="runtime")
def cannot(t):
    """Who cannot be bounded is refused, and told why and what to do."""
    with t.step("no user namespace"):
        refused(t.container("none", policy_dir=policy(t, "bound"), maps=None, **RW),
                "writable_mount = bound: the container has no user namespace of its own")
    with t.step("the host's cgroup namespace, as a privileged container has it"):
        for mode in ("bound", "refuse"):
            refused(privileged(t, policy(t, mode)), "shares the host's cgroup namespace, so nothing can bound it")
    with t.step("control: the same under a rule with pass is created, without a record"):
        exempt = policy(t, "refuse", "-exempt", rules={"r": {"handler": "test", "writable_mount": "pass"}})
        equal(privileged(t, exempt).up().records(), [], "audit records")
    with t.step("a budget counts it"):
        tight = policy(t, "bound", "-budget", max_delegated=1)
        t.container("first", policy_dir=tight, **RW).up()
        refused(t.container("second", policy_dir=tight, **RW), "writable_mount = bound: max_delegated is 1")
    with t.step("cgroup_writable = false: writable_mount decides"):
        forbids = policy(t, "bound", "-forbids", cgroup_writable="false")
        c = t.container("forbids", policy_dir=forbids, **RW).up()
        is_bound(c, "mount")


@case("writable.asks", scope="runtime")
def asks(t):
    """Who asks is granted, or declines, as without the key."""
    with t.step("granted"):
        c = t.container("asks", policy_dir=policy(t, "refuse"), annotations={"cgdeleg.io/writable": "true"}).up()
        granted(c)
        expect("writable_by" not in host.attribute(host.CGROUP + c.cgroup), "the attribute says that it did not ask")
    with t.step("declined"):
        c = t.container("declines", policy_dir=policy(t, "bound"), annotations={"cgdeleg.io/writable": "false"}, **RW).up()
        equal(c.records()[-1]["verdict"], "readonly", "the verdict")
        equal({what[:2] for what in picture(c).values()}, {(0, 0)}, "owners")


@case("writable.again", scope="runtime")
def again(t):
    """A second run of the hook changes nothing, and after a fault nothing of the first stays."""
    c = t.container("again", policy_dir=policy(t, "bound"), hooks=[], held=True, **RW)
    state = c.hold()
    before = host.picture_cgroup(host.CGROUP + c.cgroup)
    with t.step("no audit file: refused, and all is as before"):
        failed = c.call_hook(state, audit="/proc/none")
        expect(failed.code != 0, failed.text)
        equal(host.picture_cgroup(host.CGROUP + c.cgroup), before, "the cgroup")
    with t.step("the hook runs twice"):
        equal(c.call_hook(state).text, "exit 0: ", "what the first run says")
        first = host.picture_cgroup(host.CGROUP + c.cgroup)
        equal(c.call_hook(state).text, "exit 0: ", "what the second run says")
        equal(host.picture_cgroup(host.CGROUP + c.cgroup), first, "the cgroup")
        equal([(record["verdict"], record["outcome"]) for record in c.records()], [("bound", "done")] * 2, "the records")
        equal(c.records()[-1]["steps_changed"], 0, "what the second run changed")
    with t.step("it runs, under its ceilings"):
        equal(c.release().code, 0, "create")
        c.start()
        is_bound(c, "mount")
        expect("made c" not in attempts(c), "it exceeded a ceiling")


@case("writable.check", scope="runtime")
def check(t):
    """`check` says of a bundle what the hook would do."""
    def said(mode, **knobs):
        c = t.container("checked", policy_dir=policy(t, mode), **knobs)
        done = run([t.cgdeleg, "check", "--policy", c.policy_dir, "--handler", "test", "--bundle", c.dir])
        return done.out
    with t.step("pass: a finding for the policy, and a note for the bundle"):
        out = said("pass", **RW)
        contains(out, "risk: ", "the finding")
        contains(out, "[handler test] does not bound containers that do not ask", "the finding")
        contains(out, "notes unbounded: the container did not ask, but its /sys/fs/cgroup is mounted read-write", "the note")
    with t.step("bound and refuse"):
        contains(said("bound", **RW), "bounds bounded: ", "what check says")
        contains(said("refuse", **RW), "refuses writable-mount: ", "what check says")
    with t.step("control: read-only, and no user namespace"):
        out = said("refuse", maps=None)
        contains(out, "decision: pass", "what check says")
        expect("does not bound" not in out, "there is a finding")
