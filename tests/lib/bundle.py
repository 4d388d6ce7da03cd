# SPDX-License-Identifier: Apache-2.0
"""Bundle - a root filesystem of busybox, and config.json with every knob that a case turns."""
import json
import os
import shutil

from lib import host

BASE = 100000   # the host id of the user namespaces' root
RANGE = 65536
MAP = [(0, BASE, RANGE)]
CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID"]
NAMESPACES = ["pid", "mount", "ipc", "uts", "cgroup", "network"]
APPLETS = ("sh cat ls mkdir rmdir echo sleep grep stat chmod id kill dd mount umount sort head tail test true"
           " false touch readlink basename seq usleep").split()


def make_rootfs(path, busybox, owner=BASE):
    for name in ("bin", "proc", "sys", "dev", "tmp", "probe", "host", "etc"):
        os.makedirs(f"{path}/{name}", exist_ok=True)
    os.chmod(f"{path}/tmp", 0o1777)
    shutil.copy(busybox, f"{path}/bin/busybox")
    os.chmod(f"{path}/bin/busybox", 0o755)
    for applet in APPLETS:
        os.symlink("busybox", f"{path}/bin/{applet}")
    if owner:
        for directory, _, names in os.walk(path):
            for name in [".", *names]:
                os.lchown(os.path.join(directory, name), owner, owner)


def _mounts(cgroup_options, sysfs, extra):
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}]
    if sysfs:
        mounts.append({"destination": "/sys", "type": "sysfs", "source": "sysfs",
                       "options": ["nosuid", "noexec", "nodev", "ro"]})
    if cgroup_options is not None:
        mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                       "options": ["nosuid", "noexec", "nodev", "relatime", *cgroup_options]})
    return mounts + (extra or [])


def config(args, *, cgroups_path, maps=MAP, userns_path=None, capabilities=(), only_capabilities=None, uid=0, gid=0,
           cgroup_options=("ro",), sysfs=True, mounts=None, readonly_paths=(), annotations=None,
           hooks=None, resources=None, rootfs="rootfs"):
    """config.json as a dictionary. maps None: no user namespace; userns_path: the one to join."""
    granted = [*CAPABILITIES, *capabilities] if only_capabilities is None else only_capabilities
    namespaces = [{"type": kind} for kind in NAMESPACES]
    if userns_path:
        namespaces.append({"type": "user", "path": userns_path})
    elif maps:
        namespaces.append({"type": "user"})
    linux = {"cgroupsPath": cgroups_path, "namespaces": namespaces, "readonlyPaths": list(readonly_paths),
             "resources": {"devices": [{"allow": False, "access": "rwm"}], **(resources or {})}}
    if maps:
        linux["uidMappings"] = linux["gidMappings"] = [
            {"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in maps]
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": uid, "gid": gid}, "args": args, "cwd": "/", "env": ["PATH=/bin"],
                    "capabilities": {kind: granted for kind in ("bounding", "effective", "permitted")}},
        "root": {"path": rootfs, "readonly": False},
        "hostname": "test",
        "mounts": _mounts(cgroup_options, sysfs, mounts),
        "linux": linux,
        "hooks": {"createRuntime": hooks or []},
        "annotations": annotations or {},
    }


def hook(path, *args, env=("PATH=/usr/bin:/bin",), timeout=None):
    entry = {"path": path, "args": [os.path.basename(path), *args], "env": list(env)}
    if timeout:
        entry["timeout"] = timeout
    return entry


def write(directory, content):
    host.write(f"{directory}/config.json", json.dumps(content), 0o644)
