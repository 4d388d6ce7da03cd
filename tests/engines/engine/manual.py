# SPDX-License-Identifier: Apache-2.0
"""
Manual - runs a documentation page: its blocks ```sh in order, as they stand, in the source directory.

A block ```sh NAME-NUMBER is for that major version only. The lines of a block ```text must each be in the output of
the block before it.
"""
import re

from engine.context import SOURCE
from lib.process import run
from lib.report import contains, equal, expect

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def blocks(page):
    with open(f"{SOURCE}/docs/{page}", encoding="utf-8") as file:
        return BLOCK.findall(file.read())


def run_page(page, version="", change=lambda script: script):
    """`version`: "containerd-2"; blocks for another one are left out. Returns how many blocks were run."""
    last, count = "", 0
    for language, only, text in blocks(page):
        if language == "sh" and only in ("", version):
            done = run(["/bin/bash", "-euc", "set -o pipefail\n" + change(text)], cwd=SOURCE)
            equal(done.code, 0, f"{text.splitlines()[0]} ... ({done.text})")
            last, count = done.out + done.err, count + 1
        elif language == "text":
            for line in text.splitlines():
                contains(last, line, "what the commands say")
    expect(count > 1, f"{page} has no commands")
    return count
