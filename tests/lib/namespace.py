# SPDX-License-Identifier: Apache-2.0
"""Namespace - the system calls that Python has not got, and what is made of them."""
import ctypes
import os

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUSER = 0x20000, 0x2000000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def mount(source, target, flags):
    call("mount", source.encode(), target.encode(), None, ctypes.c_ulong(flags), None)


def unshare_mounts(more=0):
    """A mount namespace for this process, whose mounts nobody else sees."""
    call("unshare", CLONE_NEWNS | more)
    mount("none", "/", MS_REC | MS_PRIVATE)


def become_root_of(pid):
    """Enters a container's user and mount namespaces and its root, as its root."""
    fds = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind)
           for name, kind in (("user", CLONE_NEWUSER), ("mnt", CLONE_NEWNS))]
    root = os.open(f"/proc/{pid}/root", os.O_PATH)
    for fd, kind in fds:
        call("setns", fd, kind)
    os.fchdir(root)
    os.chroot(".")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
