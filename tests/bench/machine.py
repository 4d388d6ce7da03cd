# SPDX-License-Identifier: Apache-2.0
"""Machine - the programs that are measured, the containers that are held for them, and what was measured."""
import collections
import os
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "attack")]
import points
from lib import rig as rigs
from policies import ASKS, POLICY


class Bench:
    """The programs of the bench and where they live."""

    def __init__(self, work, options):
        self.work, self.options = work, options
        self.null = self._build("null.c", "null", "-static")
        self.dynamic = self._build("null.c", "null-dynamic")
        self.drain = self._build("drain.c", "drain", "-static")
        self.spawn = self._build("spawn.c", "spawn", "-static", "-D_GNU_SOURCE")
        self.hooks = [options.hook] + ([options.beside] if options.beside else [])
        self.rows, self.strange = [], []

    def _build(self, source, name, *flags):
        target = os.path.join(self.work, name)
        rigs.compile_c(os.path.join(HERE, source), target, *flags)
        return target

    def policy(self, name, text):
        """A policy directory."""
        path = os.path.join(self.work, name)
        os.makedirs(path, exist_ok=True)
        rigs.write(os.path.join(path, "policy.ini"), rigs.policy.adapted(text))
        return path

    def hook(self, handler, policy, audit, program=None):
        """The command line of the hook, or of another build's: each has a table of grants of its own."""
        program = program or self.options.hook
        run = "run" if program == self.options.hook else "run-beside"
        return [program, "createRuntime", "--handler", handler, "--policy", policy,
                "--audit", audit, "--run", os.path.join(self.work, run),
                "--helpers", os.path.dirname(os.path.realpath(program))]

    def spec(self, programs, name="spec"):
        """The file that spawn reads. programs: [(stdin, [word])]"""
        path = os.path.join(self.work, name)
        rigs.write(path, "".join("\t".join([stdin, *words]) + "\n" for stdin, words in programs))
        return path

    def measure(self, programs, rounds, env=None):
        """Runs them in turns. [Runs] by program"""
        done = subprocess.run([self.spawn, str(rounds), self.spec(programs)], check=True, env=env,
                              capture_output=True, text=True)
        return parse_runs(done.stdout, len(programs))

    def add(self, name, runs, base, cost=None, beside=None, beside_cost=None):
        """A row: `runs` in multiples of `base`, and of another build's runs."""
        own, other = sorted(r[0] for r in runs), sorted(r[0] for r in base)
        middle, low = statistics.median(own), statistics.median(other)
        calm = percentile(own, 10) / percentile(other, 10)
        against = f"{middle / statistics.median(r[0] for r in beside):.3f}" if beside else ""
        self.rows.append((name, len(runs), f"{middle / 1e3:.0f}", f"{middle / low:.2f}", f"{calm:.2f}",
                          f"{percentile(own, 99) / 1e3:.0f}", f"{percentile(own, 99) / low:.2f}",
                          max(r[1] for r in runs), *joined(cost, beside_cost), against,
                          " ".join(sorted({str(r[2]) for r in runs}))))
        for what, some in ((name, runs), (f"{name}, beside", beside)):
            self.strange += [f"{what}: {text}" for text in some.unusual()] if some else []

    def cost_of(self, words, run, steps):
        """(system calls, instructions of its own) of one command, which run() runs. Steps: counted one by one, which takes
        20 microseconds each; else by valgrind, where it is installed: it does not know all calls of a grant."""
        trace, counted = os.path.join(self.work, "trace"), os.path.join(self.work, "counted")
        rigs.write(counted, "")
        run([shutil.which("strace"), "-qq", "-o", trace, *words])
        if steps:
            run([self.spawn, "steps", self.spec([("-", [*words, "--deadline", "600"])], "steps-spec"), counted])
        elif shutil.which("valgrind"):
            run([shutil.which("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null",
                 f"--log-file={counted}", *words])
        with open(trace, encoding="utf-8") as f:
            calls = len(points.parse_trace(f.read()))
        with open(counted, encoding="utf-8", errors="replace") as f:
            found = re.search(r"^\d+ (\d+) 0 \d+$|Collected : (\d+)", f.read(), re.MULTILINE)
        return calls, int(found.group(1) or found.group(2)) if found else ""


def with_state(stdin):
    """Runs commands that read that state."""
    def run(command):
        with open(stdin, encoding="utf-8") as state:
            subprocess.run(command, stdin=state, capture_output=True, check=False)
    return run


class Runs(list):
    """[(nanoseconds, KiB, status)], and what those printed that ended with another status than 0, the first ones."""

    def __init__(self):
        super().__init__()
        self.said = []

    def unusual(self):
        """Of the runs whose status is not that of most."""
        usual = collections.Counter(r[2] for r in self).most_common(1)[0][0] if self else 0
        odd = collections.Counter(r[2] for r in self if r[2] != usual)
        texts = [f"status {status}: {text}" for status, text in self.said if status != usual]
        return [f"{sum(odd.values())} of {len(self)} ended otherwise"] + texts[:5] if odd else []


def parse_runs(text, n):
    """spawn's output, by program."""
    found = [Runs() for _ in range(n)]
    for line in text.splitlines():
        if line.startswith("!"):
            _, index, status, said = line.split(" ", 3)
            found[int(index)].said.append((int(status), said))
            continue
        index, ns, kib, status = (int(w) for w in line.split())
        found[index].append((ns, kib, status))
    return found


def percentile(ordered, p):
    """Of a sorted list."""
    return ordered[min(len(ordered) - 1, len(ordered) * p // 100)]


def joined(own, other):
    """The cells for calls and thousands of instructions, beside another build's."""
    def text(cost, i):
        return "" if not cost or cost[i] == "" else str(cost[i] if i == 0 else round(cost[i] / 1000))
    return [" / ".join(c for c in (text(own, i), text(other, i)) if c) for i in (0, 1)]


def cost_of_grant(bench, held, words):
    """As Bench.cost_of(), of a grant."""
    return bench.cost_of(words, lambda command: run_with_hook(held, command), True)


class Held:
    """A container that its runtime holds where it calls the hook."""

    def __init__(self, bench, runtime, nest, name="bench", driver="cgroupfs", policy=POLICY):
        self.work = os.path.join(bench.work, f"{runtime}-{nest}-{name}")
        os.makedirs(self.work)
        self.rig = rigs.Rig(self.work, runtime, f"{name}-{os.getpid()}", bench.options.hook, driver=driver)
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


def hook_entry(words):
    """One hook of config.json."""
    return {"path": words[0], "args": words, "timeout": 30 * rigs.PATIENCE, "env": ["PATH=/usr/bin"]}


def run_with_hook(held, words):
    """The whole life of one container with that hook."""
    held.rig.configure([hook_entry(words)])
    done = subprocess.run(held.rig.run_command(), env=held.rig.env, check=False, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the container ended with {done.returncode}: {done.stderr.strip()}; {last_record(held)}")


def last_record(held):
    """The last line of the hook's audit log."""
    try:
        with open(os.path.join(held.rig.audit, "audit.jsonl"), encoding="utf-8") as f:
            return f.readlines()[-1].strip()
    except (OSError, IndexError):
        return "no audit record"


def with_container(held, command):
    """One container's life around one shell line."""
    held.rig.create()
    held.rig.wait_relay("before", 30)
    held.let_go(command)
