# SPDX-License-Identifier: Apache-2.0
"""Measured - programs that run in turns, containers that are held where the hook is called, and their policies."""
import os
import statistics
import subprocess

import points
from lib import rig as rigs

HERE = os.path.dirname(os.path.abspath(__file__))

POLICY = """[defaults]
on_missing_limit = skip

[profile bench]
cgroup.max.descendants = 64
cgroup.max.depth = 5
hugetlb.2MB.max = 32M
nest = {nest}
enable_controllers = cpu memory pids io hugetlb

[handler bench]
engine = podman
cgroup_writable = true
profile = bench

[handler unguarded]
engine = podman
cgroup_writable = true
profile = bench
device_bpf = runtime
guard = off

[handler nothing]
engine = podman

[handler refused]
engine = podman
approved_annotations = cgdeleg.io/writable cgdeleg.io/profile
profile = bench
profiles = bench
"""
# For systemd's driver: limits that it manages, and a container whose own are lower.
UNIT_POLICY = """[profile bench]
cgroup.max.descendants = 64
memory.max = 256M
pids.max = 64
cpu.max = 1
nest = {nest}

[handler bench]
engine = podman
cgroup_writable = true
profile = bench
"""
# For a scope without systemd, on a machine whose cgroup2 has perhaps no other controller than this.
SCOPE_POLICY = """[defaults]
on_missing_limit = skip

[profile bench]
cgroup.max.descendants = 64
hugetlb.2MB.max = 32M
hugetlb.2MB.rsvd.max = 32M
hugetlb.1GB.max = 1G
nest = {nest}

[handler bench]
engine = podman
cgroup_writable = true
profile = bench
"""
LOWER = {"memory": {"limit": 134217728}, "pids": {"limit": 32}, "cpu": {"quota": 50000, "period": 100000}}
ASKS = {"cgdeleg.io/writable": "true", "cgdeleg.io/profile": "another"}  # no policy line grants this


class Bench:
    """The programs of the bench and where they live."""

    def __init__(self, work, options):
        self.work, self.options = work, options
        self.null = self._build("null.c", "null", "-static")
        self.dynamic = self._build("null.c", "null-dynamic")
        self.drain = self._build("drain.c", "drain", "-static")
        self.spawn = self._build("spawn.c", "spawn", "-static", "-D_GNU_SOURCE")
        self.rows = []

    def _build(self, source, name, *flags):
        target = os.path.join(self.work, name)
        rigs.compile_c(os.path.join(HERE, source), target, *flags)
        return target

    def policy(self, name, text):
        """A policy directory."""
        path = os.path.join(self.work, name)
        os.makedirs(path, exist_ok=True)
        rigs.write(os.path.join(path, "policy.ini"), text)
        return path

    def hook(self, handler, policy, audit):
        """The hook's command line."""
        return [self.options.hook, "createRuntime", "--handler", handler, "--policy", policy,
                "--audit", audit, "--run", os.path.join(self.work, "run"),
                "--helpers", os.path.dirname(os.path.realpath(self.options.hook))]

    def spec(self, programs):
        """The file that spawn reads. programs: [(stdin, [word])]"""
        path = os.path.join(self.work, "spec")
        rigs.write(path, "".join("\t".join([stdin, *words]) + "\n" for stdin, words in programs))
        return path

    def measure(self, programs, rounds, env=None):
        """Runs them in turns. [[(nanoseconds, KiB, status)]] by program"""
        done = subprocess.run([self.spawn, str(rounds), self.spec(programs)], check=True, env=env,
                              capture_output=True, text=True)
        return parse_runs(done.stdout, len(programs))

    def add(self, name, runs, base, calls=""):
        """A row: `runs` in multiples of `base`."""
        own, other = sorted(r[0] for r in runs), sorted(r[0] for r in base)
        middle, low = statistics.median(own), statistics.median(other)
        statuses = sorted({str(r[2]) for r in runs})
        calm = percentile(own, 10) / percentile(other, 10)
        self.rows.append((name, len(runs), f"{middle / 1e3:.0f}", f"{middle / low:.2f}",
                          f"{calm:.2f}", f"{percentile(own, 99) / 1e3:.0f}", f"{percentile(own, 99) / low:.2f}",
                          max(r[1] for r in runs), calls, " ".join(statuses)))

    def calls_of(self, stdin, words):
        """How many system calls one run makes."""
        with open(stdin, encoding="utf-8") as state:
            done = subprocess.run(["strace", "-qq", *words], stdin=state, capture_output=True,
                                  text=True, check=False)
        return len(points.parse_trace(done.stderr))

    def peak(self, stdin, words):
        """VmHWM in the moment of exit, KiB."""
        done = subprocess.run([self.spawn, "hwm", self.spec([(stdin, words)])], check=True,
                              capture_output=True, text=True)
        return int(done.stdout.split()[1])


def parse_runs(text, n):
    """spawn's output, by program."""
    found = [[] for _ in range(n)]
    for line in text.splitlines():
        index, ns, kib, status = (int(w) for w in line.split())
        found[index].append((ns, kib, status))
    return found


def percentile(ordered, p):
    """Of a sorted list."""
    return ordered[min(len(ordered) - 1, len(ordered) * p // 100)]


class Held:
    """A container that its runtime holds where it calls the hook."""

    def __init__(self, bench, runtime, nest, name="bench", driver="cgroupfs", policy=POLICY):
        self.work = os.path.join(bench.work, f"{runtime}-{nest}-{name}")
        os.makedirs(self.work)
        self.rig = rigs.Rig(self.work, runtime, f"{name}-{os.getpid()}", bench.options.hook,
                            driver=driver)
        self.rig.annotations = dict(ASKS)
        self.rig.set_up()
        self.rig.configure_relay()
        self.policy = bench.policy(os.path.join(self.work, "policy"), policy.format(nest=nest))
        self.stdin = os.path.join(self.rig.relay, "state")

    def __enter__(self):
        self.rig.create()
        self.rig.wait_relay("before", 30)
        return self

    def __exit__(self, *_):
        self.let_go("true")

    def let_go(self, command):
        """Runs a shell line in the hook's place, then ends the container."""
        self.rig.go(command)
        self.rig.wait_relay("after", 120)
        self.rig.go()
        self.rig.finish()
        self.rig.delete()
        self.rig.cgroup_is_gone()
