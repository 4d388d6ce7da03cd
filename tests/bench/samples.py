# SPDX-License-Identifier: Apache-2.0
"""Samples - where a grant's time goes, by function and by system call."""
import collections
import os
import re
import shlex
import subprocess

from machine import Held, with_container

SAMPLE = re.compile(r"^\s*(?:[0-9a-f]+) (\S+?)(?:\+0x[0-9a-f]+)? \((\S+)\)$")
TRACED = re.compile(r"^\s+(\w+)\s+(\d+)\s+\d+\s+([\d.]+)")


def profile(bench):
    """perf's samples of many grants, added up by function; then perf trace's by system call."""
    held = Held(bench, bench.options.runtime[0], bench.options.nest, "profile")
    words = bench.hook("bench", held.policy, held.rig.audit)
    data, hook = os.path.join(held.work, "perf.data"), f"{shlex.join(words)} <{held.stdin}"
    functions, calls, times = collections.Counter(), collections.Counter(), collections.Counter()
    for _ in range(bench.options.grants):
        with_container(held, f"perf record -q -e cpu-clock -F 20000 -o {data} -- {hook} >/dev/null 2>&1")
        done = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"],
                              capture_output=True, text=True, check=False)
        functions.update(function_names(done.stdout))
        with_container(held, f"perf trace -s -o {data}.s -- {hook} >/dev/null 2>&1")
        # One summary of perf trace: name, how often, milliseconds.
        path = data + ".s"
        with open(path, encoding="utf-8") as f:
            for line in f:
                match = TRACED.match(line)
                if match:
                    calls[match.group(1)] += int(match.group(2))
                    times[match.group(1)] += float(match.group(3))
    held.rig.tear_down()
    # Functions by samples, calls by time.
    runs = bench.options.grants
    total = sum(functions.values()) or 1
    for name, n in functions.most_common(30):
        print(f"{100 * n / total:5.1f} %  {name}")
    print(f"\n{'us a run':>9} {'calls':>6}")
    for name, ms in times.most_common(25):
        print(f"{1000 * ms / runs:9.1f} {calls[name] / runs:6.1f}  {name}")


def function_names(text):
    """The innermost function of each sample."""
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if match:
            yield f"{match.group(1)} {os.path.basename(match.group(2))}"
