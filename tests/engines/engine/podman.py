# SPDX-License-Identifier: Apache-2.0
"""Podman - rootful, with hooks.d and without a network."""
import json
import os
import shutil

from engine import image
from lib import host
from lib.process import must, run

BOX = "registry.example/ci/box:1"
HOOKS = "/etc/containers/oci/hooks.d"
SETTINGS = "/etc/containers/containers.conf.d/cgdeleg.conf"


def configure(engine="podman", **changes):
    """As the documentation says: the descriptor, with what it is to have instead, and where podman finds it."""
    os.makedirs(HOOKS, exist_ok=True)
    hook = {**json.loads(must(["cgdeleg", "descriptor", engine]).out), **changes}
    host.write(f"{HOOKS}/50-cgdeleg-{engine}.json", json.dumps(hook))
    os.makedirs(os.path.dirname(SETTINGS), exist_ok=True)
    host.write(SETTINGS, f'[engine]\nhooks_dir = ["{HOOKS}"]\n')


def user_for_auto():
    """--userns=auto looks up this user, whose ranges the machine's image has."""
    if run(["id", "containers"]).code:
        must(["useradd", "--system", "--no-create-home", "containers"])


def unconfigure():
    shutil.rmtree(HOOKS, ignore_errors=True)
    if os.path.exists(SETTINGS):
        os.unlink(SETTINGS)


def load_images(work):
    archive = image.archive(f"{work}/image.tar", [BOX], ["/bin/sh"])
    must(["podman", "load", "--quiet", "--input", archive])
    os.unlink(archive)


class Podman:
    """The command under one runtime and one cgroup manager; its containers go with it."""
    def __init__(self, t, runtime="crun", manager="systemd"):
        self.command = ["podman", "--runtime", runtime, "--cgroup-manager", manager]
        t.later(lambda: run([*self.command, "rm", "--all", "--force", "--time", "0"]))

    def __call__(self, *words):
        return run([*self.command, *words])

    def attach(self, container, script):
        """What a shell that is the container prints, until it ends."""
        return run([*self.command, "attach", container], data=script.encode())

    def start(self, *options, command=("/bin/sleep", "2147483647")):
        """A detached container: the Result of `podman run`, whose stdout is the id."""
        return self("run", "--detach", "--network", "none", *options, BOX, *command)

    def sh(self, container, script):
        return self("exec", container.strip(), "/bin/sh", "-c", script)
