# SPDX-License-Identifier: Apache-2.0
"""Image - archives that `docker load`, `podman load` and `ctr images import` read, made from a static busybox."""
import hashlib
import io
import json
import os
import subprocess
import tarfile

BUSYBOX = "/usr/bin/busybox"
DIRECTORIES = ("bin", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "var/lib")
ETC = {"passwd": "root:x:0:0:root:/root:/bin/sh\ngit:x:998:998::/tmp:/bin/sh\n", "group": "root:x:0:\ngit:x:998:\n"}


def _member(name, kind=tarfile.REGTYPE, mode=0o755, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    return info


def _add(tar, name, data, mode=0o755):
    info = _member(name, mode=mode)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _applets():
    done = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True)
    return [name for name in done.stdout.split() if name != "busybox"]


def _layer(files):
    """A root filesystem of busybox, and `files`: {path in the image: file here}."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name in DIRECTORIES:
            tar.addfile(_member(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
        _add(tar, "bin/busybox", _read(BUSYBOX))
        for applet in _applets():
            tar.addfile(_member(f"bin/{applet}", tarfile.SYMTYPE, 0o777, "busybox"))
        for name, text in ETC.items():
            _add(tar, f"etc/{name}", text.encode(), 0o644)
        for path, source in files.items():
            _add(tar, path.lstrip("/"), _read(source), os.stat(source).st_mode & 0o777)
    return raw.getvalue()


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def archive(path, names, command, files=None, user=""):
    """Writes `docker save`'s format: one layer, under each of the names."""
    layer = _layer(files or {})
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin:/sbin:/usr/bin"], "Cmd": command, "User": user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
    }).encode()
    manifest = json.dumps([{"Config": f"{_digest(config)}.json", "RepoTags": names,
                            "Layers": [f"{_digest(layer)}/layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in ((f"{_digest(config)}.json", config), (f"{_digest(layer)}/layer.tar", layer),
                           ("manifest.json", manifest)):
            _add(tar, name, data, 0o644)
    return path
