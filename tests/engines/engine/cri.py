# SPDX-License-Identifier: Apache-2.0
"""CRI - pods as the kubelet makes them: a client of containerd's CRI socket, generated when the image was built."""
import json
import os
import uuid

import grpc
import websocket
from lib.process import Result
from lib.report import Skip

try:
    from cri import api_pb2 as api
    from cri import api_pb2_grpc
except ModuleNotFoundError:  # Debian 12 has no package with the description
    api = api_pb2_grpc = None

PATIENCE = 300  # seconds for one call; the machine is emulated
SOCKET = "unix:///run/containerd/containerd.sock"
HOST_BASE, RANGE = 200000, 65536


class CriError(Exception):
    """A call that the engine refused; the text is what a kubelet would put into the pod's event."""


class Cri:
    def __init__(self, socket=SOCKET):
        if not api:
            raise Skip("this machine has no description of the CRI")
        self.socket = socket
        self.connect()

    def connect(self):
        self.channel = grpc.insecure_channel(self.socket)
        self.runtime = api_pb2_grpc.RuntimeServiceStub(self.channel)
        self.images = api_pb2_grpc.ImageServiceStub(self.channel)

    def close(self):
        self.channel.close()

    def reconnect(self):
        """After the engine's restart: a call may still go out on the old connection, and end in a broken pipe."""
        self.close()
        self.connect()

    def call(self, method, **fields):
        """call("StopContainer", container_id=...): CriError with the server's own words."""
        stub = getattr(self.runtime, method, None) or getattr(self.images, method)
        try:
            return stub(getattr(api, f"{method}Request")(**fields), timeout=PATIENCE, wait_for_ready=True)
        except grpc.RpcError as error:
            raise CriError(error.details()) from error

    def pod(self, handler="", **knobs):
        return Pod(self, handler, **knobs)


def _namespaces(userns, host_pids=False):
    pid = api.NODE if host_pids else api.CONTAINER
    options = api.NamespaceOption(network=api.POD, pid=pid, ipc=api.POD)
    if userns:
        one = api.IDMapping(host_id=HOST_BASE, container_id=0, length=RANGE)
        options.userns_options.CopyFrom(api.UserNamespace(mode=api.POD, uids=[one], gids=[one]))
    return options


class Pod:
    """One sandbox and its containers. `driver` says what cgroup_parent has to look like."""
    def __init__(self, cri, handler, name="pod", namespace="default", annotations=None, userns=True, driver="systemd"):
        self.cri, self.name, self.uid, self.userns = cri, name, uuid.uuid4().hex, userns
        leaf = f"kubepods-pod{self.uid}"
        self.parent = f"{leaf}.slice" if driver == "systemd" else f"/kubepods/{leaf}"
        security = api.LinuxSandboxSecurityContext(namespace_options=_namespaces(userns))
        self.config = api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name=name, uid=self.uid, namespace=namespace, attempt=0),
            hostname=name, annotations=annotations or {}, log_directory=f"/var/log/pods/{self.uid}",
            linux=api.LinuxPodSandboxConfig(cgroup_parent=self.parent, security_context=security))
        self.id = cri.call("RunPodSandbox", config=self.config, runtime_handler=handler).pod_sandbox_id

    def create(self, name, image, command, annotations=None, resources=None, user=None, capabilities=(), mounts=(),
               host_pids=False, stdin=False):
        """A created container's id; containerd has not asked the runtime yet. mounts: (path here, path there)."""
        context = api.LinuxContainerSecurityContext(namespace_options=_namespaces(self.userns, host_pids))
        context.capabilities.add_capabilities.extend(capabilities)
        if user is not None:
            context.run_as_user.value = user
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name), image=api.ImageSpec(image=image), command=command,
            mounts=[api.Mount(host_path=here, container_path=there) for here, there in mounts],
            annotations=annotations or {}, log_path=f"{name}.log", stdin=stdin,
            linux=api.LinuxContainerConfig(security_context=context,
                                           resources=api.LinuxContainerResources(**(resources or {}))))
        return self.cri.call("CreateContainer", pod_sandbox_id=self.id, config=config,
                             sandbox_config=self.config).container_id

    def start(self, *arguments, **knobs):
        """create() and start, where the runtime runs, and so the hook."""
        container = self.create(*arguments, **knobs)
        self.cri.call("StartContainer", container_id=container)
        return container

    def remove(self):
        """Stops and removes all of it, as a kubelet does; the cgroups above are its own (systemd ends slices itself)."""
        self.cri.call("StopPodSandbox", pod_sandbox_id=self.id)
        self.cri.call("RemovePodSandbox", pod_sandbox_id=self.id)
        path = f"/sys/fs/cgroup{self.parent}"
        if self.parent.startswith("/") and os.path.isdir(path):
            os.removedirs(path)


def pid_of(cri, container):
    """The host's number of a container's init."""
    return json.loads(cri.call("ContainerStatus", container_id=container, verbose=True).info["info"])["pid"]


def execute(cri, container, script):
    """ExecSync of a shell script."""
    return run_in(cri, container, ["/bin/sh", "-c", script])


def run_in(cri, container, words):
    done = cri.call("ExecSync", container_id=container, cmd=words, timeout=PATIENCE)
    return Result(done.exit_code, done.stdout.decode(), done.stderr.decode())


STDIN, STDOUT = b"\0", 1


def attach(cri, container, script):
    """Attach to a shell that is the container: what it prints until it ends.

    The answer is an address. A kubelet forwards whoever asked it there; the streams are channels of a WebSocket, the
    first byte of a message is the channel's number.
    """
    url = cri.call("Attach", container_id=container, stdin=True, stdout=True).url
    stream = websocket.create_connection(url.replace("http:", "ws:", 1), subprotocols=["v4.channel.k8s.io"],
                                         timeout=PATIENCE)
    said = b""
    try:
        stream.send_binary(STDIN + script.encode())
        while message := stream.recv():
            if message[0] == STDOUT:
                said += message[1:]
    except websocket.WebSocketConnectionClosedException:
        pass
    finally:
        stream.close()
    return said.decode()
