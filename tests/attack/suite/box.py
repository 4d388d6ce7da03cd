# SPDX-License-Identifier: Apache-2.0
"""
Box - a container with a writable cgroup of its own, in which the attacks' programs run.

In it /probe has the programs and /host is shared with the test: nodes, and the accomplices' sockets.
"""
import contextlib
import json
import os
import re
import stat
import subprocess

from lib import bundle, host
from lib.process import run
from lib.report import expect
from suite.registry import control

FORBIDDEN = (10, 229)  # the device that is tried: character, on nobody's default list
CAPS = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


def all_capabilities():
    """Those that this machine's root can give."""
    mask = int(re.search(r"^CapBnd:\s*(\w+)", host.read("/proc/self/status"), re.M)[1], 16)
    return [f"CAP_{name}" for bit, name in enumerate(CAPS) if mask >> bit & 1]


def parse(text):
    """{act: "ok" or an errno's name} and {name: number}, as answer.h prints them."""
    answers = {}
    for line in text.splitlines():
        act, tab, said = line.partition("\t")
        expect(tab, f"not an answer: {line!r}")
        answers[act] = int(said[1:]) if said.startswith("=") else said
    return answers


class Box:
    """What is the same for every system. `cgroup` is the container's root below the host's mount."""
    system = variant = None
    leaf = "init"  # where its processes are, once it is nested
    is_control = False
    userns = True

    def __init__(self, work, programs):
        self.work, self.programs = work, programs
        self.share = f"{work}/share"
        os.makedirs(self.share, exist_ok=True)
        os.chmod(self.share, 0o777)
        node = f"{self.share}/node"
        if not os.path.exists(node):
            os.mknod(node, stat.S_IFCHR, os.makedev(*FORBIDDEN))
            os.chmod(node, 0o666)

    def execute(self, words):
        """Runs a command in the container; a Result."""
        raise NotImplementedError

    def ask(self, program, *words):
        done = self.execute([f"/probe/{program}", *map(str, words)])
        expect(done.code == 0, f"{program} could not ask: {done.text}")
        return parse(done.out)

    def shell(self, script):
        return self.execute(["sh", "-c", script])

    @property
    def path(self):
        return host.CGROUP + self.cgroup

    @property
    def above(self):
        """The cgroup above it, which is not the container's."""
        return os.path.dirname(self.path)

    def nest(self):
        """Everybody into a leaf, and every controller on, as the programs that want a cgroup do it."""
        if os.path.isdir(f"{self.path}/{self.leaf}"):
            return
        done = self.shell("cd /sys/fs/cgroup && mkdir init && for pid in $(cat cgroup.procs);"
                          "do echo $pid >init/cgroup.procs; done 2>/dev/null;"
                          "for c in $(cat cgroup.controllers); do echo +$c >cgroup.subtree_control; done; true")
        expect(os.path.isdir(f"{self.path}/{self.leaf}"), f"the container cannot make a leaf: {done.text}")

    def value(self, name):
        return host.read(f"{self.path}/{name}").strip()

    def has(self, name):
        return os.path.exists(f"{self.path}/{name}")

    @contextlib.contextmanager
    def lent(self, what):
        """The socket, as the container sees it, at which an accomplice lends a descriptor (lend.c)."""
        socket = f"{self.share}/lend"
        with subprocess.Popen([f"{self.programs}/lend", socket, what], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            try:
                expect(process.stdout.readline() == b"ready\n", f"cannot lend {what}")
                yield "/host/lend"
            finally:
                process.stdin.close()
                process.wait()

    def with_host_pids(self):
        """Another container like this one, in the host's pid namespace."""
        raise NotImplementedError

    @property
    def guarded(self):
        """Does the attribute say that the grant guard is on it?"""
        return json.loads(host.attribute(self.path) or "{}").get("guarded", False)

    def close(self):
        raise NotImplementedError


class RuntimeBox(Box):
    """Under crun or runc themselves: with cgdeleg, or a control or a peer that needs no engine."""
    def __init__(self, t, programs, name, **knobs):
        super().__init__(f"{t.work}/box{t.next_number()}", programs)
        self.t, self.system = t, "cgdeleg"
        mounts = [{"destination": place, "type": "bind", "source": source, "options": ["bind", mode]}
                  for place, source, mode in (("/probe", programs, "ro"), ("/host", self.share, "rw"))]
        host_pids = knobs.pop("host_pids", False)
        self.c = t.container(name, **{"capabilities": all_capabilities(), "mounts": mounts, **knobs})
        if host_pids:  # without a pid namespace of its own it may only bind /proc
            self.c.config["linux"]["namespaces"].remove({"type": "pid"})
            self.c.config["mounts"][0] = {"destination": "/proc", "type": "bind", "source": "/proc",
                                          "options": ["rbind"]}
            self.c.save()
        self.c.up()
        self.cgroup = self.c.cgroup

    def execute(self, words):
        return self.c.runtime("exec", self.c.id, *words)

    def with_host_pids(self):
        return self.remake(host_pids=True)

    def close(self):
        self.c.delete()


PROFILE = {"cgroup.max.descendants": 64, "cgroup.max.depth": 5, "pids.max": 100, "memory.max": "128M",
           "memory.swap.max": 0, "cpu.max": 1, "hugetlb.2MB.max": "32M",
           "nest": "init", "enable_controllers": "cpuset cpu io memory hugetlb pids rdma misc"}


def cgdeleg(t, programs, capabilities="all", profile=None, **knobs):
    """A container with a grant: with all capabilities in its user namespace, with "few" of them."""
    policy = t.policy("attack", defaults={"on_missing_limit": "skip"}, profiles={"small": {**PROFILE, **(profile or {})}})
    given = {} if capabilities == "all" else {"capabilities": []}
    box = RuntimeBox(t, programs, "attack", policy_dir=policy, **given, **knobs)
    box.variant = f"{t.name}/{capabilities}"
    box.remake = lambda **more: cgdeleg(t, programs, capabilities, profile, **{**knobs, **more})
    return box


def host_root(t, programs):
    """A container with a grant and without a user namespace, which takes the guard."""
    policy = t.policy("attack", defaults={"on_missing_limit": "skip", "require_userns": "false", "guard": "require"},
                      profiles={"small": PROFILE})
    box = RuntimeBox(t, programs, "attack", policy_dir=policy, maps=None, only_capabilities=["CAP_KILL"])
    box.variant, box.userns = f"{t.name}/host root", False
    return box


@control("the files belong to the attacker")
class OwnerBox(Box):
    """The control of ownership: no container and no namespaces, in which nsdelegate would refuse too, but the same
    uid, the same view, and everything in the cgroup its own."""
    def __init__(self, t, programs):
        super().__init__(f"{t.work}/box{t.next_number()}", programs)
        self.t, self.cgroup = t, f"{t.parent}/owned{t.next_number()}"
        os.mkdir(self.path)
        for name in (".", *os.listdir(self.path)):
            os.chown(f"{self.path}/{name}", bundle.BASE, bundle.BASE)

    def execute(self, words):
        words = [re.sub("^/host/", f"{self.share}/", re.sub("^/probe/", f"{self.programs}/", word)) for word in words]
        script = 'mount --bind "$0" /sys/fs/cgroup; mount -t tmpfs -o mode=1777 none /tmp; exec "$@"'
        user = ["setpriv", f"--reuid={bundle.BASE}", f"--regid={bundle.BASE}", "--clear-groups", "--bounding-set=-all",
                "--inh-caps=-all"]
        return run(["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, self.path, *user, *words],
                   env=plain_environment())

    def close(self):
        host.remove_tree(self.cgroup)


def plain_environment():
    """Without what with-cgroup2 preloads: only runtimes need it, and other users cannot read it."""
    return {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}


def limits(t):
    """For config.json, where the machine has the controllers."""
    return {key: value for key, value in LIMITED.items() if key in host.controllers(t.parent)}


LIMITED = {"memory": {"limit": 128 << 20, "swap": 128 << 20}, "pids": {"limit": 100}}


def crun_delegate(t, programs, **knobs):
    """crun's own annotation, in a user namespace, and the limits that the policy gives to the others."""
    box = RuntimeBox(t, programs, "peer", hooks=[], cgroup_options=("rw",), resources=limits(t),
                     annotations={"run.oci.delegate-cgroup": "payload"}, **knobs)
    box.remake = lambda **more: crun_delegate(t, programs, **more)
    box.system, box.variant = "crun delegate-cgroup", t.name
    box.leaf = "payload"
    return box
