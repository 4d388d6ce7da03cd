# SPDX-License-Identifier: Apache-2.0
"""The files of the repository, as text and as code."""
import functools
import os
import re
import subprocess

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
PRODUCT = ("base/", "policy/", "bpf/", "cgdeleg/", "hooks/")


def cache():
    """As scripts/build: CI runners often have no HOME."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("CGDELEG_CACHE") or os.path.join(home, "cgdeleg")


def git(*arguments):
    """Lines of git's output, or None where there is no repository, as in a release's archive."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", TOP, *arguments], capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else None


def sources():
    """What git has, or all of it where there is no git."""
    names = git("ls-files")
    if names is None:
        names = [os.path.relpath(os.path.join(d, f), TOP) for d, _, fs in os.walk(TOP) for f in fs if "/build" not in d]
    return sorted(n for n in names if os.path.isfile(os.path.join(TOP, n)))


@functools.cache
def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8", errors="replace") as file:
        return file.read()


STRING = r'"(?:\\.|[^"\\\n])*"'


@functools.cache
def code(name):
    """The text without comments and strings, its lines where they were."""
    return re.compile(r"/\*.*?\*/|//[^\n]*|" + STRING, re.S).sub(lambda m: re.sub(r"[^\n]", " ", m[0]), read(name))


def find(pattern, names, text=code):
    for name in names:
        for number, line in enumerate(text(name).splitlines(), 1):
            if hit := pattern.search(line):
                yield f"{name}:{number}: {hit[0].strip()}"


def in_c(files):
    return [f for f in files if f.endswith((".c", ".h"))]


def in_product(files):
    return [f for f in in_c(files) if f.startswith(PRODUCT)]


def in_python(files):
    return [f for f in files if f.endswith(".py") or read(f)[:30].startswith("#!/usr/bin/env python3")]


def in_shell(files):
    return [f for f in files if re.match(r"#!/bin/(ba)?sh\b", read(f)[:20])]


def first_words(name):
    """The comment that opens a file, after its licence, without the stars."""
    comments = re.findall(r"/\*(.*?)\*/", read(name)[:8000], re.S)
    return re.sub(r"^ \*(?: |$)", "", comments[1], flags=re.M) if len(comments) > 1 else ""


def includes(name):
    """(line, file) of each include of a file of this repository."""
    for number, line in enumerate(read(name).splitlines(), 1):
        if include := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
            yield number, include[1]


def reached(name, files, seen):
    """All that a file includes, by whatever way."""
    for _, include in includes(name):
        if include in files and include not in seen:
            seen.add(include)
            reached(include, files, seen)
    return seen
