# SPDX-License-Identifier: Apache-2.0
"""The device guard: attached before the grant, beside the runtime's program, there until the cgroup is gone."""
import json
import os
import shutil
import stat

from lib import bpf, host
from lib.expect import refused
from lib.process import run, wait_until
from lib.report import Skip, case, contains, equal, expect, succeeds

PINS = "/sys/fs/bpf/cgdeleg"
ALLOWED, FORBIDDEN = (10, 229), (10, 237)  # /dev/fuse, /dev/loop-control: no driver has to be there
DEVICES = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]
ALL = [{"allow": True, "access": "rwm"}]


def guard(t, *words):
    return run([t.cgdeleg, "guard", *words])


def need_guards(t):
    done = guard(t, "load")
    if "without" in done.err or "no BPF guards" in done.err:
        raise Skip("this build has no guards")
    # The other guard may fail to load here.
    contains(done.out, "device_guard  loaded", f"guard load ({done.text})")


def with_nodes(t, devices=None, **knobs):
    """A container that has nodes of both devices, from outside: none of its own making could be opened."""
    mounts = []
    for major, minor in (ALLOWED, FORBIDDEN):
        path = f"{t.work}/node-{major}-{minor}"
        if not os.path.exists(path):
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            os.chmod(path, 0o666)
        mounts.append({"destination": f"/dev/n{minor}", "source": path, "type": "bind", "options": ["bind", "rw"]})
    return t.container("dev", mounts=mounts, resources={"devices": devices or DEVICES}, **knobs).up()


def opens(c, minor):
    """What open(2) of the node says; no driver may be behind it."""
    done = c.exec(f": <>/dev/n{minor}")
    if "Operation not permitted" in done.err:
        return "refused"
    return "allowed" if done.code == 0 or "No such device" in done.err or "Invalid" in done.err else done.text


def guards_of(c):
    return bpf.device_guards(host.CGROUP + c.cgroup)


@case("guard.attached")
def attached(t):
    need_guards(t)
    with t.step("granted, one program of ours, the device list as its rules"):
        c = with_nodes(t)
        equal(len(guards_of(c)), 1, "device guards on the cgroup")
        record = c.records()[-1]
        equal(record["device_guard"], True, "device_guard in the record")
        contains(str(record["plan"]), "attach the device guard with 11 rules", "the plan")
        contains(json.loads(host.attribute(host.CGROUP + c.cgroup))["devices"], "c 10:229 rw,", "the attribute's rules")
    with t.step("forbidden and allowed devices"):
        equal(opens(c, ALLOWED[1]), "allowed", "the allowed one")
        equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden one")
        equal(c.exec("true </dev/null >/dev/null && head -c1 /dev/zero | wc -c").out, "1\n", "the default devices")
    with t.step("status tells rules and refusals"):
        said = guard(t, "status", "--cgroup", host.CGROUP + c.cgroup).out
        contains(said, "device_guard, armed", "status")
        contains(said, "allow c 10:229 rw", "the rule")
        contains(said, "refused 1\n", "the count")
        contains(said, "c 10:237 rw by sh (pid", "the refusal")


@case("guard.stays")
def stays(t):
    """Whatever the runtime and systemd do to the container afterwards."""
    need_guards(t)
    c = with_nodes(t)
    ours = guards_of(c)
    with t.step("update of a limit"):
        succeeds(c.update({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}), "update")
        equal(guards_of(c), ours, "the guards on the cgroup")
        equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden device")
    if t.driver == "systemd":
        with t.step("daemon-reload and set-property"):
            unit = os.path.basename(c.top)
            for words in (["daemon-reload"], ["set-property", "--runtime", unit, "TasksMax=60"], ["daemon-reload"]):
                equal(run(["systemctl", *words]).code, 0, f"systemctl {words[0]}")
            equal(guards_of(c), ours, "the guards on the cgroup")
            equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden device")


@case("guard.update")
def update_devices(t):
    """An update that names devices. runc leaves all programs alone. crun takes every program off the cgroup that it
    put its own on, ours with it, and attaches a new one: the host's word, which the payload cannot take back. Newer
    ones refuse where systemd has the program."""
    need_guards(t)
    c = with_nodes(t)
    ours = guards_of(c)
    with t.step("the cgroup is never without a program"):
        done = c.update({"devices": ALL})
        expect(done.code == 0 or "not supported when using BPFProgram" in done.err, f"update: {done.text}")
        programs = bpf.device_programs(host.CGROUP + c.top) + bpf.device_programs(host.CGROUP + c.cgroup)
        expect(programs, "no device program is left")
    with t.step("ours decides, or what the host has just said"):
        replaced = t.runtime == "crun" and done.code == 0
        equal(guards_of(c), [] if replaced else ours, "the guards on the cgroup")
        equal(opens(c, FORBIDDEN[1]), "allowed" if replaced else "refused", "the device that was forbidden")


@case("guard.below")
def below(t):
    """Also in a cgroup that the payload made itself, and in one below that."""
    need_guards(t)
    c = with_nodes(t)
    for path in ("/sys/fs/cgroup/a", "/sys/fs/cgroup/a/b"):
        with t.step(f"from {path}"):
            done = c.exec(f"mkdir {path} && echo $$ >{path}/cgroup.procs && : <>/dev/n{FORBIDDEN[1]}")
            contains(done.err, "Operation not permitted", "open of the forbidden device")


@case("guard.control")
def control(t):
    """The same container without ours: once the runtime's program allows everything, so does the kernel."""
    need_guards(t)
    plain = t.policy("plain", defaults={"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "off"})
    with t.step("not attached, not recorded"):
        c = with_nodes(t, devices=ALL, policy_dir=plain)
        equal(guards_of(c), [], "device guards on the cgroup")
        equal(c.records()[-1]["device_guard"], False, "device_guard in the record")
    with t.step("the device can be opened"):
        equal(opens(c, FORBIDDEN[1]), "allowed", "the device")


@case("guard.again")
def again(t):
    need_guards(t)
    c = t.container("again", hooks=[], held=True, resources={"devices": DEVICES})
    state = c.hold()
    with t.step("twice, attached once"):
        for _ in range(2):
            equal(c.call_hook(state).text, "exit 0: ", "the hook")
        equal(len(guards_of(c)), 1, "device guards on the cgroup")
        whole = bpf.GRANT_GUARD if json.loads(host.attribute(host.CGROUP + c.cgroup))["guarded"] else set()
        equal(bpf.guard_programs(host.CGROUP + c.cgroup), whole, "the grant guard's programs")
        equal(c.records()[-1]["steps_changed"], 0, "steps_changed of the second run")
    with t.step("another device list: its rules, and in the attribute, which is the first run's otherwise"):
        before = json.loads(host.attribute(host.CGROUP + c.cgroup))
        config = json.loads(host.read(f"{c.dir}/config.json"))
        config["linux"]["resources"]["devices"][1]["access"] = "r"
        host.write(f"{c.dir}/config.json", json.dumps(config))
        equal(c.call_hook(state).text, "exit 0: ", "the hook")
        equal(json.loads(host.attribute(host.CGROUP + c.cgroup)),
              {**before, "devices": before["devices"].replace("10:229 rw", "10:229 r")}, "the attribute")
        contains(guard(t, "status", "--cgroup", host.CGROUP + c.cgroup).out, "allow c 10:229 r\n", "guard status")


@case("guard.loads")
def loads(t):
    """Nothing pinned: the hook has the loader do it, once."""
    need_guards(t)
    with t.step("without pins the loader is run"):
        equal(guard(t, "unload").code, 0, "unload")
        c = t.container("load").up()
        equal(len(guards_of(c)), 1, "device guards on the cgroup")
        contains(guard(t, "status").out, f"pinned        {PINS}", "status")
    with t.step("what is attached outlives the pins"):
        c = with_nodes(t)
        equal(guard(t, "unload").code, 0, "unload")
        equal(len(guards_of(c)), 1, "device guards on the cgroup")
        equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden device")
    need_guards(t)


def spoil_owner(_build):
    """As if a user had made it first, in a bpffs that everybody may write."""
    os.chown(PINS, 65534, 65534)


def spoil_mode(_build):
    os.chmod(PINS, 0o755)


def spoil_pin(build):
    os.unlink(f"{build}/device_guard/device_rules")


def spoil_program(build):
    """Another BPF object in the program's place."""
    os.unlink(f"{build}/device_guard/device_guard")
    os.link(f"{build}/device_guard/device_rules", f"{build}/device_guard/device_guard")


def remove_pins():
    """By hand, as the sentence says: `guard unload` does not touch what is somebody else's."""
    os.chown(PINS, 0, 0)
    os.chmod(PINS, 0o700)
    for directory, names, files in os.walk(PINS, topdown=False):
        for name in files:
            os.unlink(f"{directory}/{name}")
        for name in names:
            path = f"{directory}/{name}"
            (os.unlink if os.path.islink(path) else os.rmdir)(path)


@case("guard.broken")
def broken(t):
    """What is broken is no kernel that cannot: refused, with what to do, where a guard is wanted; and only there."""
    need_guards(t)
    without = t.policy("without", defaults={"on_missing_limit": "skip", "device_bpf": "runtime", "guard": "off"})
    spoilt = [(spoil_owner, "may be somebody else's; remove it"), (spoil_mode, "may be somebody else's; remove it"),
              (spoil_pin, "run 'cgdeleg guard unload'"), (spoil_program, "run 'cgdeleg guard unload'")]
    for spoil, said in spoilt:
        with t.step(f"{spoil.__name__}: refused, and not where no guard is wanted"):
            spoil(f"{PINS}/{os.listdir(PINS)[0]}")
            try:
                refused(t.container("spoilt"), said)
                equal(guards_of(t.container("without", policy_dir=without).up()), [], "device guards on the cgroup")
            finally:
                remove_pins()
        need_guards(t)
    with t.step("once that is repaired it is granted"):
        equal(len(guards_of(t.container("repaired").up())), 1, "device guards on the cgroup")
    failing = f"{t.work}/failing"
    os.makedirs(failing, exist_ok=True)
    shutil.copy(shutil.which("false"), f"{failing}/cgdeleg-guard")
    equal(guard(t, "unload").code, 0, "unload")
    for helpers, said in (("/nonexistent", "cannot be executed"), (failing, "it failed without a message")):
        with t.step(f"no pins, and a loader in {os.path.basename(helpers)}: refused"):
            refused(t.container("fails", hooks=lambda c, where=helpers: [c.the_hook(helpers=where)]), said)
        with t.step(f"no pins, a loader in {os.path.basename(helpers)}, and no guard wanted: granted"):
            c = t.container("without", policy_dir=without, hooks=lambda c, where=helpers: [c.the_hook(helpers=where)]).up()
            equal(guards_of(c), [], "device guards on the cgroup")
    need_guards(t)


@case("guard.bpffs", scope="runtime")
def bpffs(t):
    with t.step("a bpffs in the container is refused"):
        mount = {"destination": "/bpf", "type": "bind", "source": "/sys/fs/bpf", "options": ["rbind", "ro", "nosuid", "nodev", "noexec"]}
        refused(t.container("bpffs", mounts=[mount]), "a bpffs is mounted in the container")


@case("guard.many", scope="runtime")
def many(t):
    """CGDELEG_MANY containers, one after the other. Of the programs and the map there is what there was before, and the
    map has a value for each cgroup that is there and for no other."""
    need_guards(t)
    count = int(os.environ.get("CGDELEG_MANY", "3"))
    rules = f"{PINS}/{os.listdir(PINS)[0]}/device_guard/device_rules"
    with t.step(f"{count} containers leave nothing"):
        pins, before = sorted(os.listdir(os.path.dirname(rules))), bpf.cgroups_of_map(rules)
        seen = set()
        for _ in range(count):
            c = t.container("many").up()
            seen.update(guards_of(c))
            expect(os.stat(host.CGROUP + c.cgroup).st_ino in bpf.cgroups_of_map(rules), "the map knows not the cgroup")
            equal(c.delete().code, 0, "delete")
            shutil.rmtree(c.dir)
        equal(len(seen), 1, "programs that were attached")
        equal(sorted(os.listdir(os.path.dirname(rules))), pins, "the pins")
        # The kernel frees a cgroup some time after its directory is gone.
        wait_until(lambda: set(bpf.cgroups_of_map(rules)) <= set(before), "the last value's end")
