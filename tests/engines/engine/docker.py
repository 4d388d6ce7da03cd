# SPDX-License-Identifier: Apache-2.0
"""Docker - a daemon without a network whose runtimes are cgdeleg's, with and without userns-remap."""
import json
import os

from engine import image
from engine.context import WRAPPER
from lib import host
from lib.process import must, run

BOX = "registry.example/ci/box:1"
CONFIG = "/etc/docker/daemon.json"


def runtime(name):
    return {"path": WRAPPER, "runtimeArgs": ["--handler", "docker", "--runtime", name, "--"]}


def configure(remap):
    os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
    settings = {"bridge": "none", "iptables": False, "ip6tables": False,
                "runtimes": {"cgdeleg": runtime("/usr/sbin/runc"), "cgdeleg-crun": runtime("/usr/bin/crun")}}
    if remap:
        settings["userns-remap"] = "default"
    host.write(CONFIG, json.dumps(settings))


def start(t, remap):
    """Docker, and the image in its store; both gone at the case's end."""
    configure(remap)
    t.later(stop)
    must(["systemctl", "start", "docker.service"])
    must(["docker", "load", "--quiet", "--input", image.archive(f"{t.work}/image.tar", [BOX], ["/bin/sh"])])


def stop():
    names = run(["docker", "ps", "--all", "--quiet"]).out.split()
    if names:
        run(["docker", "rm", "--force", *names])
    run(["systemctl", "stop", "docker.socket", "docker.service", "containerd.service"])
    # systemd counts quick restarts.
    run(["systemctl", "reset-failed", "docker.service", "docker.socket"])
    os.unlink(CONFIG)


def container(*options, command=("/bin/sleep", "2147483647")):
    return run(["docker", "run", "--detach", "--network", "none", *options, BOX, *command])


def sh(name, script):
    return run(["docker", "exec", name.strip(), "/bin/sh", "-c", script])


def attach(name, script):
    """What a shell that is the container prints, until it ends. At the end of its stdin `docker attach` would not wait."""
    theirs, ours = os.pipe()
    try:
        os.write(ours, script.encode())
        return run(["docker", "attach", name.strip()], stdin=theirs)
    finally:
        os.close(theirs)
        os.close(ours)
