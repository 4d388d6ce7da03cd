# SPDX-License-Identifier: Apache-2.0
"""The hook's surroundings: environment, descriptors, directory, resource limits, a disk that is full."""
import json
import os
import stat
import subprocess

from lib import host
from lib.expect import one_sentence
from lib.fake import Fake, default_policy, unenforceable_devices
from lib.process import run
from lib.report import case, contains, equal, expect, same


def shell(script):
    """Runs the hook behind a line of shell."""
    return ["sh", "-c", f'{script}; exec "$@"', "sh"]


def is_granted(fake, done):
    equal((done.code, done.out, done.err), (0, "", ""), "the hook")
    expect(fake.is_granted(), "exit 0, but not granted")


def grants(t, name, **options):
    with t.step(name):
        fake = Fake(t, shape=options.pop("shape", "runc"))
        is_granted(fake, fake.call_hook(**options))


@case("environment.odd", scope="once")
def odd(t):
    for shape in ("runc", "crun"):
        grants(t, f"empty environment ({shape})", env={}, shape=shape)
    grants(t, "stdout and stderr closed", command=shell("exec >&- 2>&-"))
    grants(t, "a directory that was removed", command=shell("mkdir gone; cd gone; rmdir ../gone"), cwd=t.work)
    grants(t, "LD_PRELOAD and GLIBC_TUNABLES set",
           env={"LD_PRELOAD": "/nonexistent/lib.so", "LD_LIBRARY_PATH": "/nonexistent",
                "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.rtld.optional_static_tls=99999999"})
    grants(t, "24 descriptors", command=shell("ulimit -n 24"))
    grants(t, "descriptors that were left open", command=shell("exec 5</ 7</dev/null 9</proc/self/mounts"))
    grants(t, "an umask that gives everything", command=shell("umask 0"))


def elsewhere(t, fake):
    """A mount namespace in which the host's file system is below a directory, as in a node agent's container: where
    policy and /proc were there is nothing."""
    root = f"{t.work}/host{t.next_number()}"
    os.mkdir(root)
    return root, shell(f"mount --rbind / {root} && mount -t tmpfs none {fake.policy_dir} && mount -t tmpfs none /proc")


@case("environment.root", scope="once")
def other_root(t):
    """--root: policy, /proc, cgroups, bundle and record are the host's."""
    for shape in ("runc", "crun"):
        with t.step(f"--root ({shape})"):
            fake = Fake(t, shape=shape)
            root, command = elsewhere(t, fake)
            done = fake.call_hook(command=["unshare", "-m", *command], more=["--root", root])
            is_granted(fake, done)
            equal([record["verdict"] for record in fake.records()], ["grant"], "the record")
    with t.step("the same without --root"):
        fake = Fake(t)
        root, command = elsewhere(t, fake)
        before = fake.picture()
        done = fake.call_hook(command=["unshare", "-m", *command])
        equal((done.code, done.err), (0, ""), "without a policy it is concerned with nothing")
        same(before[0], fake.picture()[0], "the cgroup")
    with t.step("an error names the directory"):
        fake = Fake(t)
        os.mkdir(f"{t.work}/bare")
        done = fake.call_hook(fake.state(annotations={"cgdeleg.io/writable": "true"}), more=["--root", f"{t.work}/bare"])
        equal(done.code, 1, "exit code")
        one_sentence(done.err, f"below '{t.work}/bare': ")


@case("environment.closed", scope="once")
def closed(t):
    """The state cannot be read: a clear end, and no other file is taken for it."""
    for name, script in (("stdin closed", "exec <&-"), ("stdin, stdout and stderr closed", "exec <&- >&- 2>&-")):
        with t.step(name):
            fake = Fake(t)
            before = fake.picture()
            done = fake.call_hook(command=shell(script))
            equal((done.code, done.out), (1, ""), "exit and stdout")
            same(before[0], fake.picture()[0], "the cgroup")
            same(before[1], fake.picture()[1], "the container's mounts")
            if name == "stdin closed":
                one_sentence(done.err, "container state")


@case("environment.endless", scope="once")
def endless(t):
    """Nobody closes the pipe: the hook ends by itself, before any runtime would end it."""
    with t.step("stdin that is never closed"):
        fake = Fake(t)
        reading, writing = os.pipe()
        os.write(writing, json.dumps(fake.state()).encode())
        done = fake.call_hook(stdin=reading)
        os.close(reading)
        os.close(writing)
        equal(done.code, 1, "exit")
        one_sentence(done.err, "it was not complete within the deadline")


def audit_fails(t, fake, word="audit", **options):
    """All is taken back, and the hook says so."""
    before = fake.picture()
    done = fake.call_hook(**options)
    equal((done.code, done.out), (1, ""), "exit and stdout")
    one_sentence(done.err, word)
    same(before[0], fake.picture()[0], "the cgroup")
    same(before[1], fake.picture()[1], "the container's mounts")


@case("environment.audit", scope="once")
def audit(t):
    prefer, require = default_policy(t, audit="prefer"), default_policy(t)
    no_size = shell("ulimit -f 0")
    for shape in ("runc", "crun"):
        for policy, name in ((require, "required"), (prefer, "preferred")):
            with t.step(f"no file may grow, audit {name}: not counted, so not given ({shape})"):
                audit_fails(t, Fake(t, policy_dir=policy, shape=shape), "table of grants", command=no_size)
    for policy, name in ((require, "required: taken back"), (prefer, "preferred: granted")):
        with t.step(f"full disk, audit {name}"):
            fake = Fake(t, policy_dir=policy)
            # Mounts a tmpfs without a free byte for the audit.
            os.makedirs(fake.audit_dir)
            equal(run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", fake.audit_dir]).code, 0, "mount")
            with open(f"{fake.audit_dir}/filler", "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            try:
                if policy == require:
                    audit_fails(t, fake)
                else:
                    is_granted(fake, fake.call_hook())
            finally:
                run(["umount", fake.audit_dir])
    with t.step("audit directory that is not there is made, root's alone"):
        fake = Fake(t)
        is_granted(fake, fake.call_hook(command=shell("umask 0")))
        for path, mode in ((fake.audit_dir, 0o700), (f"{fake.audit_dir}/audit.jsonl", 0o600),
                           (f"{t.run_dir}/grants", 0o600)):
            equal(stat.S_IMODE(os.stat(path).st_mode), mode, f"mode of {path}")
    with t.step("audit that is a symbolic link is not followed"):
        fake = Fake(t)
        os.makedirs(fake.audit_dir)
        host.write(f"{fake.dir}/target", "")
        os.symlink("../target", f"{fake.audit_dir}/audit.jsonl")
        audit_fails(t, fake)
        equal(host.read(f"{fake.dir}/target"), "", "the link's target")
    for path, mode, taken in (("", 0o750, True), ("", 0o770, False), ("/audit.jsonl", 0o640, True),
                              ("/audit.jsonl", 0o620, False)):
        with t.step(f"audit{path or ' directory'} of mode {mode:o}: {'taken' if taken else 'refused'}"):
            fake = Fake(t, policy_dir=require)
            os.makedirs(fake.audit_dir, mode=0o700)
            if path:
                host.write(f"{fake.audit_dir}{path}", "")
            os.chmod(f"{fake.audit_dir}{path}", mode)
            if taken:
                is_granted(fake, fake.call_hook())
            else:
                audit_fails(t, fake, "writable by nobody else")
    with t.step("audit_sync leaves an intent before the run"):
        fake = Fake(t, policy_dir=default_policy(t, audit_sync="yes"))
        is_granted(fake, fake.call_hook())
        equal([record["event"] for record in fake.records()], ["intent", "run"], "events")


@case("environment.reader", scope="once")
def reader(t):
    """The runtime's end of stderr is gone: the sentence is lost, the decision is not."""
    with t.step("stderr without a reader"):
        fake = unenforceable_devices(Fake(t, policy_dir=default_policy(t, device_bpf="withhold")))
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([t.hook, *fake.hook_args()], input=json.dumps(fake.state()).encode(), stderr=writing,
                              check=False)
        os.close(writing)
        equal(done.returncode, 1, "exit")
        contains(fake.records()[0]["error"], "the device guard does not work", "the audit")
