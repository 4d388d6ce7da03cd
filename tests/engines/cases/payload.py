# SPDX-License-Identifier: Apache-2.0
"""Payloads - what made people ask for a writable cgroup, each with cgdeleg and the same without it."""
import json

from engine import image, payload
from engine.context import SOURCE, case
from engine.payload import Payload, Root
from lib.process import must, run, wait_until
from lib.report import contains, equal, expect, fails

MIB = 1024 * 1024
POLICY = """
[profile open]
memory.max             = 1G
pids.max               = 2000
{cpu}
cgroup.max.descendants = {descendants}
nest                   = {nest}
owner                  = {owner}

[handler podman]
engine               = podman
approved_annotations = cgdeleg.io/writable
profile              = open
"""
# As Docker's own image begins, but that it gives up where it may not.
EVACUATE = """
set -e
cd /sys/fs/cgroup
mkdir -p init
for pid in $(cat cgroup.procs); do echo $pid >init/cgroup.procs || true; done
sed -e 's/ / +/g' -e 's/^/+/' <cgroup.controllers >cgroup.subtree_control
"""
DOCKERD = EVACUATE + """
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs \
    --exec-opt native.cgroupdriver=cgroupfs >/tmp/dockerd.log 2>&1 &
for _ in $(seq 300); do docker info >/dev/null 2>&1 && break; sleep 1; done
docker load --quiet --input /source/box.tar
"""
INNER = "docker run --rm --network none --memory 64m --pids-limit 50 --cpus 0.5 box " \
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max"
BUILDKIT = "mkdir /tmp/b; cd /tmp/b; printf 'FROM box\\nRUN grep ^0:: /proc/self/cgroup >/where\\n' >Dockerfile;" \
           "docker build --network none --tag built . && docker run --rm --network none built cat /where"
# The shell outlives its child: Docker loses the event of a cgroup that ends with it.
OOM = "docker run --name greedy --network none --memory 16m --memory-swap 16m box " \
      "sh -c 'sleep 1; tail /dev/zero; code=$?; sleep 3; exit $code';" \
      "docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' greedy"


def set_up(t, nest="none", owner="root", descendants=500, cpu=""):
    """`cpu` only where it is looked at: emulated kernels have died of it."""
    payload.set_up(t, POLICY.format(nest=nest, owner=owner, descendants=descendants, cpu=cpu))


def cannot(t, root, script, runtime="crun"):
    """The same without cgdeleg."""
    with t.row("podman", runtime, f"{t.name.partition('.')[2]}, without cgdeleg", "read-only file system"):
        done = fails(Payload(t, root, runtime, asks=False).sh(script), "it succeeded")
        contains(done.err, "Read-only file system", "what it says")


def must_sh(container, script, *options):
    done = container.sh(script, *options)
    equal(done.code, 0, f"exit code ({done.out[-300:]} {done.err[-600:]})")
    return done.out


@case("payload.docker-in-docker", default=False)
def docker_in_docker(t):
    set_up(t)
    image.archive(f"{SOURCE}/box.tar", ["box:latest"], ["/bin/sh"])
    runtime = "crun"
    with t.row("podman", runtime, "Docker in Docker: dockerd starts"):
        box = Payload(t, Root(t, f"dind-{runtime}"), runtime)
        must_sh(box, DOCKERD)
    with t.row("podman", runtime, "Docker in Docker: --memory, --pids-limit, --cpus are real"):
        equal(must_sh(box, INNER).split(), [str(64 * MIB), "50", "50000", "100000"], "the inner limits")
        equal(must_sh(box, "cat /sys/fs/cgroup/memory.max").strip(), str(1024 * MIB), "the outer ceiling")
    with t.row("podman", runtime, "Docker in Docker: an OOM inside stays inside"):
        equal(box.sh(OOM).out.split()[-2:], ["true", "137"], "what became of the greedy one")
        equal(must_sh(box, INNER).split()[0], str(64 * MIB), "another one afterwards")
    with t.row("podman", runtime, "Docker in Docker: docker build (BuildKit in dockerd)"):
        must_sh(box, BUILDKIT)
    cannot(t, Root(t, "without"), DOCKERD)


UNITS = {
    "/etc/systemd/system/default.target": "->/etc/systemd/system/payload.target",
    "/etc/systemd/system/payload.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\n"
                                          "Wants=limited.service dbus.socket\nAllowIsolate=yes\n",
    "/etc/systemd/system/limited.service": "[Service]\nMemoryMax=32M\nTasksMax=7\nCPUQuota=20%\n"
                                           "ExecStart=/bin/sleep infinity\n",
    "/etc/systemd/system/greedy.service": "[Service]\nMemoryMax=16M\nMemorySwapMax=0\n"
                                          "ExecStart=/bin/busybox tail /dev/zero\n",
    # of the machine, not of a container
    **{f"/etc/systemd/system/{name}": "->/dev/null" for name in (
        "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-modules-load.service",
        "systemd-journald-audit.socket", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
        "systemd-udev-load-credentials.service", "systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev.service",
        "systemd-tmpfiles-setup-dev-early.service", "dev-hugepages.mount", "kmod-static-nodes.service",
        "systemd-sysctl.service", "systemd-remount-fs.service", "dev-mqueue.mount")},
}
INIT = ("--env", "container=oci", "--stop-signal", "37")


def is_running(box):
    return box.sh("systemctl is-system-running").out.strip() in ("running", "degraded")


def systemd_inside(t, runtime):
    limited = "/sys/fs/cgroup/system.slice/limited.service"
    box = Payload(t, Root(t, f"systemd-{runtime}", UNITS), runtime, options=INIT, command=["/lib/systemd/systemd"])
    with t.row("podman", runtime, "systemd as PID 1: boots, no unit failed"):
        wait_until(lambda: is_running(box), "systemd's boot", patience=300)
        equal(must_sh(box, "systemctl --failed --no-legend --plain"), "", "failed units")
    with t.row("podman", runtime, "systemd as PID 1: MemoryMax, TasksMax, CPUQuota of a service"):
        equal(must_sh(box, f"cat {limited}/memory.max {limited}/pids.max {limited}/cpu.max").split(),
              [str(32 * MIB), "7", "20000", "100000"], "the service's limits")
        contains(must_sh(box, "systemctl status limited.service"), "active (running)", "systemctl status")
    with t.row("podman", runtime, "systemd as PID 1: a service's OOM stays its own"):
        must_sh(box, "systemctl start greedy.service")
        wait_until(lambda: "oom-kill" in box.sh("systemctl show -p Result greedy.service").out, "the OOM")
        equal(must_sh(box, "systemctl is-active limited.service").strip(), "active", "its neighbour")
    with t.row("podman", runtime, "systemd as PID 1: clean shutdown"):
        equal(run([*box.command, "stop", "--time", "200", box.id]).code, 0, "podman stop")
        code = must([*box.command, "inspect", "--format", "{{.State.ExitCode}}", box.id]).out.strip()
        expect(code in ("0", "130"), f"systemd ended with {code}: {box.logs()}")


@case("payload.systemd", default=False)
def systemd(t):
    set_up(t)
    for runtime in ("crun", "runc"):
        systemd_inside(t, runtime)
    with t.row("podman", "crun", "systemd as PID 1, without cgdeleg", "ends at once"):
        box = Payload(t, Root(t, "without", UNITS), asks=False, options=INIT, command=["/lib/systemd/systemd"])
        # Its last words go to a console that is not there.
        expect(must([*box.command, "wait", box.id]).out.strip() not in ("0", "137"), "systemd did not give up")


NESTED = """
set -e
rm -rf /tmp/b /tmp/state
mkdir -p /tmp/b/rootfs/bin && cp /bin/busybox /tmp/b/rootfs/bin && cd /tmp/b
%(runtime)s spec
python3 - <<'END'
import json
c = json.load(open("config.json"))
c["process"].update(terminal=False, capabilities={},
                    args=["/bin/busybox", "cat", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max"])
c["linux"]["resources"].update(memory={"limit": 33554432}, pids={"limit": 9})
c["linux"]["cgroupsPath"] = "/nested/one"
if not any(n["type"] == "cgroup" for n in c["linux"]["namespaces"]):
    c["linux"]["namespaces"].append({"type": "cgroup"})
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]
json.dump(c, open("config.json", "w"))
END
mkdir -p rootfs/proc rootfs/sys rootfs/dev
%(runtime)s --root /tmp/state run one
"""
PODMAN = """
set -e
podman="podman --root /tmp/store --runroot /tmp/run --storage-driver vfs --cgroup-manager cgroupfs --events-backend file"
$podman load --quiet --input /source/box.tar
$podman run --rm --network none --cgroupns private --memory 64m --pids-limit 20 box \
    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
"""


@case("payload.nested")
def nested(t):
    set_up(t, nest="init")
    image.archive(f"{SOURCE}/box.tar", ["localhost/box:latest"], ["/bin/sh"])
    box = Payload(t, Root(t, "nested"))
    for runtime in ("crun", "runc"):
        with t.row("podman", "crun", f"{runtime} nested, with limits of its own"):
            equal(must_sh(box, NESTED % {"runtime": runtime}).split()[-2:], [str(32 * MIB), "9"], "the inner limits")
    with t.row("podman", "crun", "podman in the container"):
        equal(must_sh(box, PODMAN).split()[-2:], [str(64 * MIB), "20"], "the inner limits")
    cannot(t, Root(t, "without"), "mkdir /sys/fs/cgroup/nested")


@case("payload.manager", default=False)
def manager(t):
    count = 1000 if t.options.all else 50
    set_up(t, nest="init", owner="process", descendants=count + 10)
    root = Root(t, "manager")
    for runtime in ("crun", "runc"):
        with t.row("podman", runtime, "a Gitaly-like manager, not root: cgroups, limits, clone3 into them"):
            box = Payload(t, root, runtime, options=("--user", "998:998"))
            said = must_sh(box, f"/source/payload-manager {count}")
            contains(said, f"uid 998 made and used {count} cgroups", "it says")
    with t.row("podman", "crun", "a Gitaly-like manager, without cgdeleg", "read-only file system"):
        done = Payload(t, root, asks=False, options=("--user", "998:998")).sh("/source/payload-manager 1")
        contains(done.err, "Read-only file system", "what it says")


MAKEFILE = """
objects := $(patsubst %.c,%.o,$(wildcard /source/base/*.c))
all: $(notdir $(objects))
%.o: /source/base/%.c
\\tcc -std=gnu17 -D_GNU_SOURCE -I/source -c $< -o $@
"""
BUILD = """
set -e
cd /sys/fs/cgroup
mkdir build runaway
echo 300M >build/memory.max; echo 40 >build/pids.max
echo 24M >runaway/memory.max; echo 0 >runaway/memory.swap.max; echo 10 >runaway/pids.max
mkdir /tmp/make && cd /tmp/make && printf '%b' "$MAKEFILE" >Makefile
(echo $BASHPID >/sys/fs/cgroup/build/cgroup.procs; exec make -j2 --silent) &
(echo $BASHPID >/sys/fs/cgroup/runaway/cgroup.procs; exec busybox tail /dev/zero) && exit 3
(echo $BASHPID >/sys/fs/cgroup/runaway/cgroup.procs; for i in $(seq 30); do sleep 100 & done) 2>/tmp/forks || true
wait %1
ls *.o | wc -l
grep -c . /tmp/forks
grep ^oom_kill /sys/fs/cgroup/runaway/memory.events /sys/fs/cgroup/build/memory.events | sed 's/.*cgroup.//'
sed -n 's/^max /pids refused /p' /sys/fs/cgroup/runaway/pids.events
echo 1 >/sys/fs/cgroup/runaway/cgroup.kill
"""


@case("payload.build", default=False)
def build(t):
    set_up(t, nest="init")
    box = Payload(t, Root(t, "build"))
    with t.row("podman", "crun", "CI build: make -j in a cgroup of its own; a runaway job is contained and reported"):
        said = must_sh(box, BUILD, "--env", f"MAKEFILE={MAKEFILE}")
        contains(said, "runaway/memory.events:oom_kill 1", "the runaway's OOM")
        contains(said, "build/memory.events:oom_kill 0", "the build's")
        expect("pids refused" in said and "pids refused 0" not in said, f"no fork was refused: {said}")
        expect(int(said.split()[0]) >= 6, f"objects built: {said}")


def read_inside(t, runtime, nest):
    set_up(t, nest=nest, cpu="cpu.max = 1.5")
    return json.loads(must_sh(Payload(t, Root(t, f"readers-{runtime}-{nest}"), runtime),
                              "python3 /source/tests/engines/payload/readers.py"))


@case("payload.readers", default=False)
def readers(t):
    for runtime in ("crun", "runc"):
        with t.row("podman", runtime, "limits as the JVM, automaxprocs and libuv look for them"):
            seen = read_inside(t, runtime, "none")
            equal(seen["jvm"], {"memory": 1024 * MIB, "pids": 2000}, "JVM")
            equal(seen["automaxprocs"], {"cpus": 1.5}, "automaxprocs")
            equal(seen["libuv"], {"memory": 1024 * MIB}, "libuv")
    with t.row("podman", "crun", "the same in a leaf: a program that reads the parents too finds the ceiling, "
               "the others find no limit"):
        seen = read_inside(t, "crun", "init")
        equal(seen["upwards"], {"memory": 1024 * MIB}, "upwards")
        equal((seen["libuv"]["memory"], seen["automaxprocs"]["cpus"]), (None, None), "libuv and automaxprocs")
