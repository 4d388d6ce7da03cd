# SPDX-License-Identifier: Apache-2.0
"""Results - one JSON line for each question asked."""
import json
import os


class Results:
    def __init__(self, path, suite):
        self.path, self.suite, self.lines = path, suite, []

    def add(self, attack, system, variant, outcome):
        line = {"attack": attack.name, "system": system, "variant": variant, "suite": self.suite,
                "kernel": os.uname().release, "verdict": outcome.verdict, "errnos": sorted(outcome.errnos),
                "note": outcome.note}
        self.lines.append(line)
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                print(json.dumps(line), file=file)


def read(paths):
    found = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found += [json.loads(line) for line in file]
    return found
