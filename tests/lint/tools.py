# SPDX-License-Identifier: Apache-2.0
"""What other programs find: clang-format, clang-tidy, cppcheck, shellcheck, pyflakes."""
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import time

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
    """Takes seconds a file: what it said of a file is kept for as long as the file, what it includes, how it is compiled
    and clang-tidy are the same; for all clones on this machine, and a month after it was last asked for."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = {os.path.realpath(os.path.join(c["directory"], c["file"])): c["command"] for c in json.load(file)}
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True).stdout + tree.read(".clang-tidy")
    kept, known = os.path.join(tree.cache(), "lint-tidy"), set(files)
    os.makedirs(kept, exist_ok=True)
    for path in (os.path.join(kept, name) for name in os.listdir(kept)):
        if os.stat(path).st_mtime < time.time() - 30 * 86400:
            os.unlink(path)

    def one(name):
        texts = [version, commands[os.path.join(tree.TOP, name)],
                 *map(tree.read, [name, *sorted(tree.reached(name, known, set()))])]
        path = os.path.join(kept, hashlib.sha256("\0".join(texts).encode()).hexdigest())
        if not os.path.exists(path):
            found = lines_of(["clang-tidy", "--quiet", "-p", build, name], r"(warning|error):.*\[")
            if any("clang-diagnostic-error" in line for line in found):
                return found
            fresh = f"{path}.{os.getpid()}"
            with open(fresh, "w", encoding="utf-8") as file:
                file.write("\n".join(found))
            os.rename(fresh, path)
        os.utime(path)
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    names = [f for f in files if f.endswith(".c") and os.path.join(tree.TOP, f) in commands]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return not_accepted((line for lines in pool.map(one, names) for line in lines), "tidy")


def cppcheck(files, build):
    # BPF programs are another dialect: clang and the kernel's verifier judge those.
    names = [f for f in files if f.endswith(".c") and not f.endswith(".bpf.c")]
    kept = os.path.realpath(os.path.join(build, "lint-cppcheck"))
    os.makedirs(kept, exist_ok=True)
    return not_accepted(lines_of(
        ["cppcheck", "--quiet", f"-j{os.cpu_count()}", f"--cppcheck-build-dir={kept}", "--std=c11", "-I.", "-D_GNU_SOURCE",
         "--enable=warning,performance,portability", "-DLIBBPF_OPTS(type, name, ...)=struct type name = { 0 }",
         "--template={file}:{line}: {severity}: {id}: {message}", *names],
        r": (error|warning|performance|portability): "), "cppcheck")


def shell(files, _build):
    return lines_of(["shellcheck", "--format=gcc", *tree.in_shell(files)], r":\d+:\d+: ")


def python(files, _build):
    """Undefined names above all: a test that stops at one is found here, not an hour into a VM."""
    done = subprocess.run(["pyflakes3", *tree.in_python(files)], cwd=tree.TOP, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()
