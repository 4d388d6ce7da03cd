# SPDX-License-Identifier: Apache-2.0
"""What other programs find: clang-format, clang-tidy, cppcheck, shellcheck, pyflakes."""
import collections
import concurrent.futures
import json
import os
import re
import subprocess

import tree

ACCEPTED = "tests/lint/accepted"


def lines_of(command, pattern):
    done = subprocess.run(command, cwd=tree.TOP, capture_output=True, text=True, errors="replace")
    found = [line.replace(tree.TOP + "/", "") for line in (done.stdout + done.stderr).splitlines()
             if re.search(pattern, line)]
    if not found and done.returncode not in (0, 1):
        found = [f"{command[0]}: exit code {done.returncode}: {done.stderr[-300:]}"]
    return found


def format_(files, _build):
    found = lines_of(["clang-format", "--dry-run", "--Werror", *tree.in_c(files)], r"error:")
    count = collections.Counter(line.split(":")[0] for line in found)
    return [f"{name}: {n} places; clang-format -i {name}" for name, n in sorted(count.items())]


def not_accepted(found, tool):
    """What no row accepts; and each row of this tool that accepts nothing, since what it was for is gone."""
    used = set()
    rows = [(n, *line.split()[:3]) for n, line in enumerate(tree.read(ACCEPTED).splitlines(), 1)
            if line and not line.startswith("#")]
    for line in sorted(set(found)):
        hits = {n for n, by, path, check in rows if by == tool and path in line and check in line}
        used |= hits
        if not hits:
            yield line
    yield from (f"{ACCEPTED}:{n}: {tool} finds no {check} in {path} any more"
                for n, by, path, check in rows if by == tool and n not in used)


def tidy(files, build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        known = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(file)}
    names = [f for f in files if f.endswith(".c") and os.path.join(tree.TOP, f) in known]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda n: lines_of(["clang-tidy", "--quiet", "-p", build, n], r"(warning|error):.*\["), names)
        return not_accepted((line for lines in found for line in lines), "tidy")


def cppcheck(files, _build):
    # BPF programs are another dialect: clang and the kernel's verifier judge those.
    names = [f for f in files if f.endswith(".c") and not f.endswith(".bpf.c")]
    return not_accepted(lines_of(
        ["cppcheck", "--quiet", "--enable=warning,performance,portability", "--std=c11", "-I.", "-D_GNU_SOURCE",
         "-DLIBBPF_OPTS(type, name, ...)=struct type name = { 0 }",
         "--template={file}:{line}: {severity}: {id}: {message}", *names],
        r": (error|warning|performance|portability): "), "cppcheck")


def shell(files, _build):
    return lines_of(["shellcheck", "--format=gcc", *tree.in_shell(files)], r":\d+:\d+: ")


def python(files, _build):
    """Undefined names above all: a test that stops at one is found here, not an hour into a VM."""
    done = subprocess.run(["pyflakes3", *tree.in_python(files)], cwd=tree.TOP, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()
