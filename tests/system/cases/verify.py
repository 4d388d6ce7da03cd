# SPDX-License-Identifier: Apache-2.0
"""cgdeleg verify: every claim of a real grant is proven; whatever is broken in it, that claim fails and no other."""
import contextlib
import json
import os
import shutil
import subprocess

from lib import bpf, bundle, host
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal, expect, same, succeeds

from cases.guard import PINS, need_guards

PROFILE = {"cgroup.max.descendants": 12, "cgroup.max.depth": 3, "hugetlb.2MB.max": "16M", "memory.max": "1G"}
SCHEMA = f"{os.path.dirname(os.path.realpath(__file__))}/../../../share/schema/verify.json"
NEST = {"nest": "init", "enable_controllers": "hugetlb pids"}
BAD = ("failed", "unknown")
ATTRIBUTE = {"v": 1, "id": "fake-of-verify", "handler": "test", "profile": "small", "namespace": "", "pod": "", "name": "",
             "line": "policy.ini:1", "method": "keep", "leaf": "", "since": 1, "guarded": False, "scope": False,
             "ceilings": {}}


def call(t, c, *words, bundle_dir=None):
    return run([t.cgdeleg, "verify", getattr(c, "id", c), "--bundle", bundle_dir or c.dir, *words])


def claims(t, c, **options):
    """{id: claim}, and the exit code that they have to make."""
    done = call(t, c, "--json", **options)
    expect(done.out, f"verify said nothing: {done.err}")
    answer = json.loads(done.out)
    equal((answer["version"], answer["id"], answer["cgroup"]), (1, c.id, c.cgroup), "whose claims they are")
    found = {claim["id"]: claim for claim in answer["claims"]}
    states = [claim["state"] for claim in found.values()]
    equal(done.code, 1 if "failed" in states else 4 if "unknown" in states else 0, "exit code")
    for state, count in answer["counts"].items():
        equal(states.count(state), count, f"the count of {state}")
    return found


def verdicts(t, c, **options):
    """What is not proven: {id: (state, how)}."""
    return {name: (claim["state"], claim["how"]) for name, claim in claims(t, c, **options).items()
            if claim["state"] in BAD}


def fails_alone(t, c, wanted, unknown=(), **options):
    """Exactly these claims fail, exactly those are unknown."""
    found = verdicts(t, c, **options)
    equal(({name for name, what in found.items() if what[0] == "failed"},
           {name for name, what in found.items() if what[0] == "unknown"}),
          ({wanted} if isinstance(wanted, str) else set(wanted), set(unknown)), f"what is not proven ({found})")


def all_proven(t, c, **options):
    equal(verdicts(t, c, **options), {}, "what is not proven")


def policy(t, **profile):
    return t.policy("verify", defaults={"on_missing_limit": "skip"}, profiles={"small": {**PROFILE, **profile}})


def path(c, name=""):
    return f"{host.CGROUP}{c.cgroup}/{name}"


def edit_attribute(c, **changes):
    """The attribute as it was, to be put back."""
    before = os.getxattr(path(c), host.ATTRIBUTE)
    os.setxattr(path(c), host.ATTRIBUTE, json.dumps({**json.loads(before), **changes}).encode())
    return before


def in_mounts_of(c, *command):
    """A command of the container's in its mount namespace, as host root."""
    return succeeds(run(["nsenter", "--mount", "--pid", f"--target={c.pid()}", f"/bin/{command[0]}", *command[1:]]),
                    " ".join(command))


def follows_schema(text):
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError as missing:
        raise Skip("python3-jsonschema is not installed") from missing
    with open(SCHEMA, encoding="utf-8") as file:
        jsonschema.validate(json.loads(text), json.load(file))


def counted_by_prove(t, c, failures):
    """The TAP is whole, and a consumer counts what fails in it; an unknown claim is no success."""
    if not shutil.which("prove"):
        raise Skip("prove is not installed")
    done = run(["prove", "--exec", f"{t.cgdeleg} verify --tap --bundle {c.dir}", c.id])
    expect("Parse errors" not in done.text, f"what prove says: {done.text}")
    equal("Result: PASS" in done.text, failures == 0, f"the result ({done.text})")
    if failures:
        contains(done.text, f"Failed {failures}/", "how many failed")


@case("verify.proven")
def proven(t):
    """What is true is proven, plain and nested; nothing is changed by it."""
    for name, profile in (("plain", {}), ("nested", NEST)):
        c = t.container("verify", policy_dir=policy(t, **profile)).up()
        before = host.picture_tree(host.CGROUP + c.top)
        with t.step(f"{name}: every claim"):
            found = claims(t, c)
            equal({i: (x["state"], x["how"]) for i, x in found.items() if x["state"] in BAD}, {}, "not proven")
            expect({"process", "owner.limits", "mount.own", "ids.config", "ids.inside", "exec",
                    "refused.cgroup.max.depth", "refused.hugetlb.2MB.max", "ceiling.hugetlb.2MB.max",
                    "bounded.descendants", "bounded.depth"} <= {i for i, x in found.items() if x["state"] == "proven"},
                   f"proven: {found}")
            equal("ceiling.scope:cgroup.max.depth" in found, c.has_scope, "the scope's ceilings")
            contains(found["exec"]["how"], f"'{c.cgroup}{'/init' if profile else ''}'", "where exec lands")
        with t.step(f"{name}: the groups and descriptors of whoever asks do not go inside"):
            with open("/dev/null", "rb") as open_file:
                done = run(["setpriv", "--groups=4,20", "--", t.cgdeleg, "verify", c.id, "--only", "ids.inside,exec"],
                           pass_fds=[open_file.fileno()])
            equal(done.code, 0, f"exit code ({done.text})")
        with t.step(f"{name}: nothing is changed"):
            same(before, host.picture_tree(host.CGROUP + c.top), "the cgroups")
            equal(len(host.processes(c.cgroup)), 1, "processes")
        with t.step(f"{name}: as the schema says"):
            follows_schema(call(t, c, "--json").out)
        with t.step(f"{name}: as prove(1) reads it"):
            counted_by_prove(t, c, 0)
        with t.step(f"{name}: by its id alone, and four claims"):
            done = run([t.cgdeleg, "verify", c.id, "--only", "owner.*,exec", "--tap"])
            equal(done.code, 0, f"exit code ({done.text})")
            equal([line.split(" ")[:4] for line in done.out.splitlines() if line.startswith(("ok", "1.."))],
                  [["1..4"], *[["ok", str(i + 1), "-", f"{name}:"] for i, name in
                               enumerate(("owner.cgroup", "owner.limits", "owner.above", "exec"))]], "TAP")
        c.delete()


@case("verify.limits")
def limits(t):
    c = t.container("verify", policy_dir=policy(t)).up()
    for file, value in (("hugetlb.2MB.max", "max"), ("cgroup.max.depth", "4"), ("cgroup.max.descendants", "max")):
        before = host.value(c.cgroup, file)
        with t.step(f"{file} raised"):
            host.write(path(c, file), value)
            fails_alone(t, c, f"ceiling.{file}")
            follows_schema(call(t, c, "--json").out)
            counted_by_prove(t, c, 1)
        with t.step(f"{file} lowered"):
            host.write(path(c, file), "2" if file.startswith("cgroup") else "4194304")
            all_proven(t, c)
        host.write(path(c, file), before)
    if c.has_scope:
        with t.step("a limit of the scope raised"):
            host.write(f"{host.CGROUP}{c.top}/cgroup.max.depth", "9")
            fails_alone(t, c, "ceiling.scope:cgroup.max.depth")
            host.write(f"{host.CGROUP}{c.top}/cgroup.max.depth", "4")
    with t.step("more cgroups, and deeper ones, than the bounds"):
        equal(c.exec("mkdir -p /sys/fs/cgroup/a/b/c").code, 0, "mkdir")
        all_proven(t, c)
        host.write(path(c, "cgroup.max.descendants"), "2")
        fails_alone(t, c, "bounded.descendants")
        host.write(path(c, "cgroup.max.descendants"), "12")
        host.write(path(c, "cgroup.max.depth"), "2")
        fails_alone(t, c, "bounded.depth")
        host.write(path(c, "cgroup.max.depth"), "3")


@case("verify.owners")
def owners(t):
    c = t.container("verify", policy_dir=policy(t)).up()
    for file, owner, claim in (("cgroup.max.depth", bundle.BASE, "owner.limits"),
                               ("cgroup.procs", 0, "owner.cgroup"), ("", 0, "owner.cgroup"),
                               ("..", bundle.BASE, "owner.above")):
        before = os.stat(path(c, file))
        with t.step(f"'{file}' given to {owner}"):
            os.chown(path(c, file), owner, owner)
            fails_alone(t, c, claim)
        os.chown(path(c, file), before.st_uid, before.st_gid)
    with t.step("a limit that others may write"):
        os.chmod(path(c, "cgroup.max.depth"), 0o646)
        fails_alone(t, c, "owner.limits")
        os.chmod(path(c, "cgroup.max.depth"), 0o644)
    with t.step("as it was"):
        all_proven(t, c)


@case("verify.written")
def written(t):
    """Files that the container's root really can write: a leaf's. So the attribute is moved to the leaf, and the leaf to
    the container's /sys/fs/cgroup."""
    c = t.container("verify", policy_dir=policy(t, **NEST)).up()
    leaf = f"{c.cgroup}/init"
    attribute = os.getxattr(path(c), host.ATTRIBUTE)
    with t.step("refused at the root"):
        equal(verdicts(t, c), {}, "what is not proven")
    os.removexattr(path(c), host.ATTRIBUTE)
    os.setxattr(host.CGROUP + leaf, host.ATTRIBUTE, attribute)
    with t.step("another cgroup than that at /sys/fs/cgroup tells nothing"):
        equal(refusals(t, c), {"unknown"}, "the claims")
    in_mounts_of(c, "mount", "-o", "bind", "/sys/fs/cgroup/init", "/sys/fs/cgroup")
    with t.step("writes that are not refused"):
        before = host.picture_tree(host.CGROUP + c.top)
        equal(refusals(t, c), {"failed"}, "the claims")
        same(before, host.picture_tree(host.CGROUP + c.top), "the cgroups")
    os.removexattr(host.CGROUP + leaf, host.ATTRIBUTE)
    os.setxattr(path(c), host.ATTRIBUTE, attribute)


def refusals(t, c):
    """The states of all claims refused.*; hugetlb.2MB.max is not enabled in the leaf."""
    done = run([t.cgdeleg, "verify", c.id, "--only", "refused.cgroup*", "--json"])
    found = json.loads(done.out)["claims"]
    equal(len(found), 2, "how many")
    return {claim["state"] for claim in found}


@case("verify.mounts")
def mounts(t):
    c = t.container("verify", policy_dir=policy(t)).up()
    with t.step("the mount made read-only"):
        in_mounts_of(c, "mount", "-o", "remount,bind,ro", "/sys/fs/cgroup")
        fails_alone(t, c, "mount.own")
        in_mounts_of(c, "mount", "-o", "remount,bind,rw", "/sys/fs/cgroup")
        all_proven(t, c)
    with t.step("another view of cgroups"):
        in_mounts_of(c, "mount", "-t", "cgroup2", "-o", host.cgroup2_options(), "none", "/host")
        fails_alone(t, c, "mount.other")
        in_mounts_of(c, "umount", "/host")
    with t.step("something else on top of it"):
        in_mounts_of(c, "mount", "-t", "tmpfs", "none", "/sys/fs/cgroup")
        found = verdicts(t, c)
        equal(found["mount.own"][0], "failed", f"mount.own ({found})")
        equal({name for name in found if not name.startswith("refused.")}, {"mount.own"}, "what else is not proven")
        expect(all(what[0] == "unknown" for name, what in found.items() if name.startswith("refused.")), f"{found}")
        in_mounts_of(c, "umount", "/sys/fs/cgroup")
    with t.step("something else on top of a limit file"):
        in_mounts_of(c, "mount", "--bind", "/dev/null", "/sys/fs/cgroup/cgroup.max.depth")
        fails_alone(t, c, (), ["refused.cgroup.max.depth"])
        in_mounts_of(c, "umount", "/sys/fs/cgroup/cgroup.max.depth")


@case("verify.ids")
def ids(t):
    c = t.container("verify", policy_dir=policy(t)).up()
    with t.step("the attribute's ids are others"):
        before = edit_attribute(c, uids="200000-265535")
        fails_alone(t, c, "ids.attribute")
        os.setxattr(path(c), host.ATTRIBUTE, before)
    with t.step("config.json declares others"):
        other = f"{t.work}/other{t.next_number()}"
        os.makedirs(other)
        changed = json.loads(json.dumps(c.config))
        changed["linux"]["gidMappings"] = [{"containerID": 0, "hostID": bundle.BASE, "size": 1000}]
        bundle.write(other, changed)
        fails_alone(t, c, "ids.config", bundle_dir=other)
    with t.step("a bundle that is not there, or that another could have written"):
        fails_alone(t, c, (), ["ids.config"], bundle_dir="/nonexistent")
        os.chmod(f"{other}/config.json", 0o666)
        fails_alone(t, c, (), ["ids.config"], bundle_dir=other)
    with t.step("the attribute cannot be read"):
        os.setxattr(path(c), host.ATTRIBUTE, b'{"v":9}')
        done = run([t.cgdeleg, "verify", c.cgroup, "--json"])
        states = {claim["id"]: claim["state"] for claim in json.loads(done.out)["claims"]}
        equal((done.code, states.pop("attribute"), set(states.values())), (1, "failed", {"unknown"}), f"{states}")
        os.setxattr(path(c), host.ATTRIBUTE, before)
        all_proven(t, c)


INSIDE = {"place", "namespaces", "ids.attribute", "ids.config", "ids.inside", "owner.cgroup", "mount.own", "mount.other",
          "refused.cgroup.max.depth", "refused.cgroup.max.descendants", "refused.hugetlb.2MB.max", "exec"}


@case("verify.process")
def process(t):
    c = t.container("verify", policy_dir=policy(t, **NEST)).up()
    with t.step("another process than that of the grant"):
        instance = json.loads(os.getxattr(path(c), host.ATTRIBUTE))["instance"]
        before = edit_attribute(c, instance=f"{instance}1")
        unknown = {claim for claim in INSIDE if claim in claims(t, c)}
        unknown |= {name for name in claims(t, c) if name.startswith(("refused.", "guard."))} - {
            name for name, claim in claims(t, c).items() if claim["state"] == "not-made"}
        fails_alone(t, c, "process", unknown)
        os.setxattr(path(c), host.ATTRIBUTE, before)
    with t.step("its first process taken elsewhere"), company(c):
        move_beside(t, c)
        found = verdicts(t, c)
        equal({name for name, what in found.items() if what[0] == "failed"}, {"place"}, f"what fails ({found})")
        host.write(path(c, "init/cgroup.procs"), str(c.pid()))
        all_proven(t, c)
    with t.step("an exec that would hang"):
        host.write(path(c, "init/cgroup.freeze"), "1")
        wait_until(lambda: "frozen 1" in host.read(path(c, "init/cgroup.events")), "the freezer")
        found = verdicts(t, c)
        equal({name for name, what in found.items() if what[0] == "failed"}, {"exec"}, f"what fails ({found})")
        contains(found["exec"][1], "frozen", "why")
        host.write(path(c, "init/cgroup.freeze"), "0")
        all_proven(t, c)


@contextlib.contextmanager
def company(c):
    """Another process in its leaf: systemd ends a scope that nobody is in."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        try:
            host.write(path(c, "init/cgroup.procs"), str(process.pid))
            yield
        finally:
            process.kill()


def move_beside(t, c):
    beside = f"{host.CGROUP}{t.parent}/beside{t.next_number()}"
    os.mkdir(beside)
    t.later(os.rmdir, beside)
    host.write(f"{beside}/cgroup.procs", str(c.pid()))


@case("verify.guards")
def guards(t):
    need_guards(t)
    c = t.container("verify", policy_dir=policy(t)).up()
    has_grant = json.loads(host.attribute(host.CGROUP + c.cgroup))["guarded"]
    with t.step("attached, and asked"):
        found = claims(t, c)
        equal(found["guard.device"]["state"], "proven", f"{found['guard.device']}")
        contains(found["guard.device"]["how"], "it counted that", "how")
        equal(found["guard.grant"]["state"], "proven" if has_grant else "not-made", f"{found['guard.grant']}")
    with t.step("the device guard taken off"):
        pinned = f"{PINS}/{os.listdir(PINS)[0]}/device_guard/device_guard"
        bpf.detach(pinned, path(c))
        fails_alone(t, c, "guard.device")
    if has_grant:
        with t.step("a part of the grant guard taken off"):
            bpf.detach_guard(path(c), {"guard_setattr"})
            fails_alone(t, c, ["guard.device", "guard.grant"])


@case("verify.hostile")
def hostile(t):
    """The container's root may trace and signal whatever it can name: it can name nobody who looks."""
    c = t.container("verify", policy_dir=policy(t), capabilities=["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]).up()
    with t.step("nobody inside sees who looks"):
        c.exec("rm -f /tmp/seen; : >/tmp/go; (while [ -e /tmp/go ]; do"
               " grep -l cgdeleg-verify /proc/[0-9]*/comm >>/tmp/seen 2>/dev/null; done) >/dev/null 2>&1 &")
        for _ in range(5):
            all_proven(t, c)
        equal(c.exec("rm /tmp/go; cat /tmp/seen 2>/dev/null").out, "", "whom it saw")


@case("verify.without_userns")
def without_userns(t):
    """Where the container's root is the host's, nsdelegate and the grant guard refuse, and no owner does."""
    policy_dir = t.policy("verify", defaults={"on_missing_limit": "skip", "require_userns": "false"},
                          profiles={"small": PROFILE})
    c = t.container("verify", policy_dir=policy_dir, maps=None, only_capabilities=["CAP_KILL"])
    with t.step("proven, and for which reason"):
        done = c.create()
        if done.code and "guard-missing" in f"{done.text}{c.hook_err()}":
            raise Skip("this kernel has no grant guard, without which there is no such grant")
        succeeds(done, "create")
        succeeds(c.start(), "start")
        found = claims(t, c)
        equal({i: (x["state"], x["how"]) for i, x in found.items() if x["state"] in BAD}, {}, "not proven")
        contains(found["refused.cgroup.max.depth"]["how"], "Operation not permitted", "how")
        contains(found["ids.config"]["how"], "no user namespace", "the maps")
        # That of a container with a user namespace would be a lie.
        before = edit_attribute(c, uids="100000-165535", gids="100000-165535")
        fails_alone(t, c, ["namespaces", "ids.attribute"])
        os.setxattr(path(c), host.ATTRIBUTE, before)


@case("verify.bounded")
def bounded(t):
    """A container that was given nothing, and is only bounded: what it does not claim is not made, and nothing fails."""
    policy_dir = t.policy("verify", defaults={"on_missing_limit": "skip"}, profiles={"small": PROFILE},
                          handlers={"test": {"engine": "podman", "profile": "small", "writable_mount": "bound",
                                             "approved_annotations": "cgdeleg.io/writable"}})
    c = t.container("verify", policy_dir=policy_dir, cgroup_options=("rw",)).up()
    with t.step("every claim that it makes"):
        found = claims(t, c)
        equal({i: (x["state"], x["how"]) for i, x in found.items() if x["state"] in BAD}, {}, "not proven")
        equal({i for i, x in found.items() if x["state"] == "not-made"} - {"guard.grant", "guard.device"},
              {"owner.cgroup", "mount.own"}, "what it does not claim")


@case("verify.namespaces", scope="once")
def namespaces(t):
    """An attribute on the cgroup of a process that shares the host's cgroup namespace."""
    cgroup = f"{t.parent}/verify{t.next_number()}"
    os.mkdir(host.CGROUP + cgroup)
    t.later(host.remove_tree, cgroup)
    for flags, failed in ((["--mount"], ["namespaces"]), (["--mount", "--cgroup"], [])):
        with t.step(f"unshare {' '.join(flags)}"):
            with subprocess.Popen(["sh", "-c", f"echo $$ >{host.CGROUP}{cgroup}/cgroup.procs; "
                                   f"exec unshare {' '.join(flags)} sleep 1000"]) as process:
                try:
                    wait_until(lambda p=process: host.read(f"/proc/{p.pid}/comm") == "sleep\n", "its program")
                    started = host.read(f"/proc/{process.pid}/stat").rsplit(")", 1)[1].split()[19]
                    instance = f"{os.readlink(f'/proc/{process.pid}/ns/mnt')}+{started}"
                    os.setxattr(host.CGROUP + cgroup, host.ATTRIBUTE, json.dumps({**ATTRIBUTE, "instance": instance}).encode())
                    done = run([t.cgdeleg, "verify", "fake-of-verify", "--only", "namespaces,process", "--json"])
                    equal([claim["id"] for claim in json.loads(done.out)["claims"] if claim["state"] == "failed"], failed,
                          f"what fails ({done.text})")
                finally:
                    process.kill()


@case("verify.words", scope="once")
def words(t):
    for arguments, code, part in (([], 2, "name a container"), (["x", "--json", "--tap"], 2, "only one of"),
                                  (["no-such-container"], 1, "has the id, pod or container name 'no-such-container'"),
                                  (["--bogus"], 2, "--bogus")):
        with t.step(f"exit code {code}: {' '.join(arguments)}"):
            done = run([t.cgdeleg, "verify", *arguments])
            equal(done.code, code, f"exit code ({done.text})")
            contains(done.err, part, "its words")
