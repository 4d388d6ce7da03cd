# SPDX-License-Identifier: Apache-2.0
"""Containerd - its configuration for both major versions, start, stop, and images without a registry."""
import os
import re
import shutil

from engine import image
from lib import host
from lib.process import must, run, wait_until

CONFIG = "/etc/containerd/config.toml"
CNI = "/opt/cni-test"
BOX, PAUSE = "registry.example/ci/box:1", "registry.example/pause:1"
HERE = os.path.dirname(os.path.realpath(__file__))


def version():
    """(major, minor) of the installed containerd."""
    found = re.search(r"\b(\d+)\.(\d+)\.\d+", run(["containerd", "--version"]).out)
    return int(found[1]), int(found[2])


def names():
    """What the two configuration formats call the same things."""
    if version()[0] >= 2:
        return {"format": 3, "runtime": "io.containerd.cri.v1.runtime", "cri": "io.containerd.cri.v1.runtime",
                "pause": f"[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = '{PAUSE}'\n"}
    return {"format": 2, "runtime": "io.containerd.grpc.v1.cri", "cri": "io.containerd.grpc.v1.cri",
            "pause": f"[plugins.'io.containerd.grpc.v1.cri']\n  sandbox_image = '{PAUSE}'\n"}


def handler_text(name, binary="", base_spec="", annotations=(), systemd=True, extra=""):
    """One runtime of the CRI plugin."""
    table = f"plugins.'{names()['runtime']}'.containerd.runtimes.{name}"
    patterns = ", ".join(f"'{one}'" for one in annotations)
    return (f"[{table}]\n  runtime_type = 'io.containerd.runc.v2'\n"
            + (f"  base_runtime_spec = '{base_spec}'\n" if base_spec else "")
            + f"  pod_annotations = [{patterns}]\n{extra}"
            f"  [{table}.options]\n    SystemdCgroup = {str(systemd).lower()}\n"
            + (f"    BinaryName = '{binary}'\n" if binary else ""))


def base_spec(path, handler):
    """As the documentation says: ctr oci spec | cgdeleg descriptor containerd --handler NAME."""
    spec = must(["ctr", "oci", "spec"]).out
    host.write(path, must(["cgdeleg", "descriptor", "containerd", "--handler", handler], data=spec.encode()).out)
    return path


def configure(*handlers):
    """Writes the whole configuration; `handlers` are texts of handler_text()."""
    os.makedirs(f"{CNI}/bin", exist_ok=True)
    os.makedirs(f"{CNI}/net.d", exist_ok=True)
    for name in ("cni-plugin", "loopback"):  # containerd always asks for the second
        shutil.copy(f"{HERE}/cni-plugin", f"{CNI}/bin/{name}")
    host.write(f"{CNI}/net.d/10-test.conf", '{"cniVersion":"1.0.0","name":"test","type":"cni-plugin"}\n')
    known = names()
    os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
    host.write(CONFIG, f"version = {known['format']}\n" + known["pause"]
               + f"[plugins.'{known['cri']}'.cni]\n  bin_dir = '{CNI}/bin'\n  conf_dir = '{CNI}/net.d'\n"
               # 1.7 forgets its built-in one as soon as another is named.
               + handler_text("runc") + "".join(handlers)
               # A shim that answers late at a restart would count as dead, and its pods be cleaned up.
               + "[timeouts]\n  'io.containerd.timeout.shim.load' = '60s'\n  'io.containerd.timeout.task.state' = '60s'\n")


def start():
    must(["systemctl", "start", "containerd.service"])


def restart():
    must(["systemctl", "restart", "containerd.service"])


def stop():
    run(["systemctl", "stop", "containerd.service"])


def load_images(work, cri, files=None):
    """Imports the box and the pause image and waits until the CRI side knows them."""
    for name, command in ((BOX, ["/bin/sh"]), (PAUSE, ["/bin/sleep", "2147483647"])):
        archive = image.archive(f"{work}/image.tar", [name], command, files)
        must(["ctr", "-n", "k8s.io", "images", "import", archive])
        os.unlink(archive)
    wait_until(lambda: {BOX, PAUSE} <= {tag for one in cri.call("ListImages").images for tag in one.repo_tags},
               "containerd's images")
