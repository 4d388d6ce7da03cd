# SPDX-License-Identifier: Apache-2.0
"""
Payload - containers whose root file system is this machine's own, unprivileged on the host: what brings its own
cgroups (Docker, systemd, podman) is there.

The root is an overlay; its lower layer is an id-mapped bind of /, so that the user namespace's root owns it.
"""
import os
import tempfile

from engine import podman
from engine.context import SOURCE
from lib import host
from lib.process import must, run

BASE, RANGE = 300000, 65536
# What the payloads' own engines need inside their user namespace, and what Docker's default is beyond podman's; none
# of it reaches the host.
CAPABILITIES = "SYS_ADMIN,NET_ADMIN,SYS_PTRACE,SYS_RESOURCE,MKNOD,NET_RAW,AUDIT_WRITE"


def _own(path):
    os.makedirs(path)
    os.chown(path, BASE, BASE)
    return path


class Root:
    """A root file system under t.work; `files`: {path in it: text}."""
    def __init__(self, t, name, files=None):
        self.path = f"{t.work}/{name}/merged"
        lower = f"{t.work}/{name}/lower"
        upper, work, _ = (_own(f"{t.work}/{name}/{part}") for part in ("upper", "scratch", "merged"))
        os.makedirs(lower)
        # The machine's own Docker left this one with an owner that has no place in the mapping.
        self._directories(upper, ["var", "lib", "docker"])
        for path, text in (files or {}).items():
            self._write(upper, path, text)
        must(["mount", "--bind", "-o", f"X-mount.idmap=b:0:{BASE}:{RANGE}", "/", lower])
        t.later(must, ["umount", lower])
        must(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}",
              self.path])
        t.later(must, ["umount", self.path])

    @staticmethod
    def _directories(upper, parts):
        for depth in range(1, len(parts) + 1):
            directory = "/".join([upper, *parts[:depth]])
            if not os.path.isdir(directory):
                _own(directory)

    @staticmethod
    def _write(upper, path, text):
        Root._directories(upper, path.strip("/").split("/")[:-1])
        target = f"{upper}/{path.strip('/')}"
        if text.startswith("->"):
            os.symlink(text[2:], target)
        else:
            host.write(target, text)
            os.chmod(target, 0o755)
        os.lchown(target, BASE, BASE)


class Payload:
    """One such container under podman, with cgdeleg or, `asks` False, without it."""
    def __init__(self, t, root, runtime="crun", asks=True, options=(), command=("/bin/sleep", "2147483647")):
        self.command = ["podman", "--runtime", runtime]
        data = _own(f"{tempfile.mkdtemp(prefix='data', dir=t.work)}/docker")
        os.chmod(os.path.dirname(data), 0o755)
        ask = ["--annotation", "cgdeleg.io/writable=true"] if asks else []
        done = run([*self.command, "run", "--detach", "--network", "none", "--uidmap", f"0:{BASE}:{RANGE}",
                    "--cap-add", CAPABILITIES, "--security-opt", "unmask=/proc/*", "--security-opt",
                    "seccomp=unconfined", "--pids-limit", "0", "--tmpfs", "/run", "--tmpfs", "/tmp",
                    "--volume", f"{data}:/var/lib/docker", "--volume", f"{SOURCE}:/source:ro",
                    "--systemd", "false", *ask, *options, "--rootfs", root.path, *command])
        if done.code:
            raise RuntimeError(f"podman run: {done.text}")
        self.id = done.out.strip()
        t.later(self.remove)

    def sh(self, script, *options):
        return run([*self.command, "exec", *options, self.id, "/bin/bash", "-c", script])

    def remove(self):
        run([*self.command, "rm", "--force", "--time", "0", self.id])

    def logs(self):
        return run([*self.command, "logs", self.id]).text


def set_up(t, policy):
    t.policy(policy)
    podman.configure()
    t.later(podman.unconfigure)
