# SPDX-License-Identifier: Apache-2.0
"""
Bad input: each kind is one clear sentence, exit 1, and nothing changes.

The hook is called while a runtime holds a container that it would grant, which is proven at the end.
"""
import contextlib
import json
import os
import subprocess

from lib import host
from lib.expect import Held, nothing_left, one_sentence, said_by_runtime
from lib.fake import Fake
from lib.report import case, contains, equal, expect, fails, same


class Bad(Held):
    """A container that would be granted, and what the hook is told of it instead."""
    def __init__(self, t):
        super().__init__(t, "bad", annotations={"note": "a", "cgdeleg.io/x": "1"})
        self.config = host.read(f"{self.c.dir}/config.json")

    def refuses(self, part, state=None, **changes):
        self.look()
        done = self.c.call_hook(self.state if state is None else state, **changes)
        equal((done.code, done.out), (1, ""), f"exit and stdout ({done.err})")
        one_sentence(done.err, part)
        self.unchanged()

    def restore(self):
        path = f"{self.c.dir}/config.json"
        if os.path.lexists(path):
            os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
        host.write(path, self.config)
        os.chmod(path, 0o644)


def dead_pid():
    process = subprocess.Popen(["true"])  # pylint: disable=consider-using-with
    process.wait()
    return process.pid


def bad_states(held):
    good, text = held.state, json.dumps(held.state).encode()

    def but(**changes):
        return {key: value for key, value in {**good, **changes}.items() if value is not None}
    return [
        ("state: empty", "empty", b" "[:0]),
        ("state: truncated", "not valid JSON", text[:-10]),
        ("state: larger than 1 MiB", "larger than", text + b" " * (1 << 20)),
        ("state: deeply nested", "nested too deeply", text[:-1] + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}"),
        ("state: a key twice", "appears twice", text[:-1] + b',"pid":1}'),
        ("state: not UTF-8", "not valid JSON", text.replace(b'"id"', b'"\xff": 1, "id"', 1)),
        ("state: NUL in a key", "NUL", text[:-1] + b',"a\\u0000b":1}'),
        ("state: NUL in the id", "is not a string", but(id="a\0b")),
        ("state: NUL in an annotation", "is not a string", but(annotations={"note": "a\0b"})),
        ("state: an array", "object was expected", b"[]"),
        ("state: no pid", "'pid' is missing", but(pid=None)),
        ("state: pid of a dead process", "which does not exist", but(pid=dead_pid())),
        ("state: pid 1", "a number above 1 was expected", but(pid=1)),
        ("state: pid 0", "a number above 1 was expected", but(pid=0)),
        ("state: pid of the host's", "is not a container's init", but(pid=os.getpid())),
        ("state: pid above 32 bits", "a number above 1 was expected", but(pid=1 << 40)),
        ("state: running", "'status' is 'running'", but(status="running")),
        ("state: stopped", "'status' is 'stopped'", but(status="stopped", pid=0)),
        ("state: being restored", "is being restored from a checkpoint", but(status="stopped")),
        ("state: bundle not absolute", "not an absolute path", but(bundle="bundle")),
        ("state: bundle not there", "cannot open the bundle", but(bundle="/nonexistent")),
        ("state: annotations differ", "disagree", but(annotations={**good["annotations"], "note": "b"})),
        ("state: an annotation more", "disagree", but(annotations={**good["annotations"], "more": "b"})),
        ("state: an annotation less", "disagree", but(annotations={"note": "a"})),
    ]


def bad_configs(held):
    good = json.loads(held.config)
    text = held.config.encode()
    crio = {**good, "annotations": {**good["annotations"], "io.kubernetes.cri-o.ContainerID": "another"}}
    return [
        ("config: empty", "empty", b""),
        ("config: truncated", "not valid JSON", text[:-20]),
        ("config: larger than 16 MiB", "larger than", text + b" " * (16 << 20)),
        ("config: deeply nested", "nested too deeply", text[:-1] + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}"),
        ("config: a key twice", "appears twice", text[:-1] + b',"root":{"path":"/"}}'),
        ("config: not UTF-8", "not valid JSON", text.replace(b'"test"', b'"\xc3\x28"', 1)),
        ("config: NUL in the root's path", "is not a string",
         json.dumps({**good, "root": {"path": "root\0fs"}}).encode()),
        ("config: no root", "'root' is missing",
         json.dumps({k: v for k, v in good.items() if k != "root"}).encode()),
        ("config: another engine's id", "disagree on the container's id", json.dumps(crio).encode()),
    ]


@case("badinput.state", scope="runtime")
def state(t):
    held = Bad(t)
    for name, part, said in bad_states(held):
        with t.step(name):
            held.refuses(part, said)
    with t.step("state: pid of another container"):
        other = Fake(t)
        before = other.picture()
        held.refuses("", {**held.state, "pid": other.pid})
        same(before[0], other.picture()[0], "the other's cgroup")
    with t.step("state: being restored, of a handler that the policy does not name"):
        equal(held.c.call_hook({**held.state, "status": "stopped"}, handler="another").text, "exit 0: ", "the hook")
    with t.step("control: the state itself is granted"):
        equal(held.c.call_hook(held.state).text, "exit 0: ", "the hook")


@case("badinput.config", scope="runtime")
def config(t):
    held = Bad(t)
    for name, part, text in bad_configs(held):
        with t.step(name):
            with open(f"{held.c.dir}/config.json", "wb") as file:
                file.write(text)
            said = held.state
            # The state says the same annotations as a config that is to be wrong elsewhere.
            with contextlib.suppress(ValueError, KeyError, RecursionError):
                said = {**held.state, "annotations": json.loads(text)["annotations"]}
            held.refuses(part, said)
    held.restore()
    kinds(t, held)
    held.restore()
    owners(t, held)
    with t.step("control: the config itself is granted"):
        equal(held.c.call_hook(held.state).text, "exit 0: ", "the hook")


def kinds(t, held):
    path = f"{held.c.dir}/config.json"
    with t.step("config: a symbolic link"):
        os.rename(path, f"{path}.real")
        os.symlink("config.json.real", path)
        held.refuses("cannot open 'config.json'")
    with t.step("config: a fifo"):
        os.unlink(path)
        os.mkfifo(path, 0o644)
        held.refuses("is not a regular file")
    with t.step("config: a directory"):
        os.unlink(path)
        os.mkdir(path)
        held.refuses("is not a regular file")
    with t.step("config: not there"):
        os.rmdir(path)
        held.refuses("cannot open 'config.json'")


def owners(t, held):
    directory, path = held.c.dir, f"{held.c.dir}/config.json"
    for name, target, mode, uid, part in (
            ("bundle of another user", directory, 0o755, 4242, "belongs to uid 4242"),
            ("bundle writable by others", directory, 0o777, 0, "writable by nobody else"),
            ("bundle writable by its group", directory, 0o775, 0, "writable by nobody else"),
            ("config of another user", path, 0o644, 4242, "belongs to uid 4242"),
            ("config writable by others", path, 0o666, 0, "writable by nobody else")):
        with t.step(name):
            before = os.stat(target)
            os.chown(target, uid, 0)
            os.chmod(target, mode)
            try:
                held.refuses(part)
            finally:
                os.chown(target, before.st_uid, before.st_gid)
                os.chmod(target, before.st_mode & 0o7777)


BROKEN = "[handler test]\nengine = containerd\ncgroup_writable = yes please\n"


@case("badinput.policy", scope="runtime")
def policies(t):
    held = Bad(t)

    def policy(name, content=None):
        return t.policy(name, content=content) if content else t.policy(name)
    writable, broken = policy("writable"), policy("broken", BROKEN)
    os.chmod(f"{writable}/policy.ini", 0o666)
    with t.step("policy writable by others: refused, the handler may be in it"):
        held.refuses("writable by nobody else", policy=writable)
    with t.step("policy that is a symbolic link"):
        linked = policy("linked")
        os.rename(f"{linked}/policy.ini", f"{linked}/real")
        os.symlink("real", f"{linked}/policy.ini")
        held.refuses("is a symbolic link", policy=linked)
    with t.step("broken policy that names the handler: refused"):
        held.refuses("policy has", policy=broken)
    with t.step("missing policy and one of our annotations: refused"):
        held.refuses("cannot be opened", policy="/nonexistent")
    with t.step("unknown option: usage, exit 2"):
        equal(held.c.call_hook(held.state, nonsense="x").code, 2, "exit")
    # A state whose every name leads nowhere: to look at any would be an error.
    nowhere = {"ociVersion": "1.0.2", "id": "x", "status": "creating", "pid": dead_pid(), "bundle": "/nonexistent"}
    c = t.container("nowhere")
    for name, changes in (("unknown handler", {"handler": "other"}),
                          ("broken policy that does not name the handler", {"handler": "other", "policy": broken}),
                          ("missing policy and none of our annotations", {"policy": "/nonexistent"})):
        with t.step(f"{name}: passed, nothing is opened"):
            equal(c.call_hook(nowhere, **changes).text, "exit 0: ", "the hook")
            expect(not os.path.exists(c.audit_dir), "there is an audit")
    with t.step("control: the known handler looks at them"):
        done = c.call_hook(nowhere)
        equal(done.code, 1, "exit")
        one_sentence(done.err, "cannot open the bundle")


def not_created(t, c, part):
    """Not created: refused by the hook, whose reason is known, or by the runtime before it asked the hook."""
    done = fails(c.create(), "the container was created")
    if c.hook_err() or "cgdeleg" in done.err:
        said_by_runtime(c, done, part)
        contains(c.records()[-1]["error"], part, "the audit's error")
    nothing_left(c)


def linked_rootfs(t, name, link, target, **knobs):
    """<rootfs>/LINK is a symbolic link to a directory that has all that belongs below."""
    c = t.container(name, own_rootfs=True, **knobs)
    os.makedirs(f"{c.rootfs}/elsewhere/fs/cgroup")
    path = f"{c.rootfs}/{link}"
    if os.path.isdir(path):
        os.rmdir(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(target, path)
    return c


@case("badinput.rootfs", scope="runtime")
def rootfs(t):
    missing = "no cgroup2 mount at"
    with t.step("rootfs/sys is a symbolic link"):
        not_created(t, linked_rootfs(t, "link", "sys", "elsewhere"), missing)
    with t.step("rootfs/sys/fs is a symbolic link"):
        not_created(t, linked_rootfs(t, "linkfs", "sys/fs", "../elsewhere/fs", sysfs=False), missing)
    with t.step("rootfs/sys/fs/cgroup is a symbolic link"):
        not_created(t, linked_rootfs(t, "linkcg", "sys/fs/cgroup", "../../elsewhere/fs/cgroup", sysfs=False), missing)
    with t.step("a tmpfs over the cgroup mount"):
        tmpfs = [{"destination": "/sys/fs/cgroup", "type": "tmpfs", "source": "tmpfs"}]
        not_created(t, t.container("tmpfs", mounts=tmpfs), "/sys/fs/cgroup'")
    with t.step("no cgroup mount at all"):
        not_created(t, t.container("nomount", cgroup_options=None), "/sys/fs/cgroup'")


@case("badinput.cgroup", driver="cgroupfs")
def cgroup(t):
    """Through the runtime: a cgroup where others are. The runtime may refuse first, or clean up in it afterwards."""
    with t.step("a foreign child in the container's cgroup"):
        c = t.container("child")
        os.makedirs(f"{host.CGROUP}{c.cgroup}/foreign")
        done = fails(c.create(), "the container was created")
        host.remove_tree(c.cgroup) if os.path.exists(host.CGROUP + c.cgroup) else None
        contains(done.err + c.hook_err(), "foreign" if "cgdeleg" in done.err + c.hook_err() else "", "the reason")
    with t.step("another container's cgroup"):
        second = t.container("second", cgroups_path=t.container("first", hooks=[]).up().cgroup)
        fails(second.create(), "the container was created")
        if second.records():
            contains(second.records()[-1]["error"], "which is not the container's, is in its cgroup", "the audit")
