# SPDX-License-Identifier: Apache-2.0
"""
Table - results, one JSON line for each question asked, and the part of docs/attacks.md that is made from them.

Several answers to one question (drivers, capabilities, suites) are one cell: open if any is, and every errno.
A run that asked less than the table has is held against what it asked.
"""
import json
import os
import re
import sys

from lib import host
from suite.registry import ATTACKS, HELD, NOT_APPLICABLE, OPEN, THEMES

BEGIN, END = "<!-- made by tests/attack/table: begin -->\n", "<!-- made by tests/attack/table: end -->\n"
PEERS = ["containerd cgroup_writable", "Docker writable-cgroups", "podman unmask", "crun delegate-cgroup"]
COLUMNS = ["cgdeleg, crun", "cgdeleg, runc", *(f"{peer}{how}" for peer in PEERS for how in ("", " bounded by cgdeleg"))]
NOBODY = "–"     # not asked, or it makes no sense there


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
    return [json.loads(line) for path in paths for line in host.read(path).splitlines()]


def column(line):
    if line["system"] == "cgdeleg":
        return f"cgdeleg, {line['variant'].split('/')[0]}"
    return line["system"]


def merge(lines):
    """{(attack, column): (verdict, {errno})}"""
    cells = {}
    for line in lines:
        key = line["attack"], column(line)
        verdict, errnos = cells.get(key, (NOT_APPLICABLE, set()))
        verdicts = {verdict, line["verdict"]} - {NOT_APPLICABLE}
        verdict = OPEN if OPEN in verdicts else HELD if verdicts else NOT_APPLICABLE
        cells[key] = verdict, set() if verdict == OPEN else errnos | set(line["errnos"])
    return cells


def cell(cells, attack, where):
    verdict, errnos = cells.get((attack.name, where), (NOT_APPLICABLE, set()))
    if verdict == NOT_APPLICABLE:
        return NOBODY
    return " ".join([f"**{OPEN}**" if verdict == OPEN else HELD, *sorted(errnos)])


def rows(cells, theme):
    columns = [c for c in COLUMNS if any(key[1] == c for key in cells)]
    yield f"### {theme}\n\n"
    yield "| " + " | ".join(["attack", *columns]) + " |\n"
    yield "|---" * (len(columns) + 1) + "|\n"
    for attack in ATTACKS:
        if attack.theme == theme:
            said = [cell(cells, attack, c) for c in columns]
            yield "| " + " | ".join([f"`{attack.name}` {attack.question}", *said]) + " |\n"
    yield "\n"


def reasons():
    yield "### What cgdeleg does not hold\n\n"
    for attack in ATTACKS:
        if attack.beyond:
            yield f"- `{attack.name}`: {attack.beyond}.\n"
        elif attack.needs_guard:
            yield f"- `{attack.name}` on a node without the grant guard.\n"
    yield "\n### What the defence is\n\n"
    yield ("*control*: the same run repeated the attack with one defence taken away, in the way that follows the word, and "
           "then it succeeded. The other lines say why there is no control, or how the test was shown to work.\n\n")
    for attack in ATTACKS:
        what = f"*control*: {attack.control.meaning}" if callable(attack.control) else attack.control
        yield f"- `{attack.name}`: {what}.\n"


def measured(lines):
    yield "\n### Measured\n\n"
    yield ("Each different result of an attack, of whatever runtime, driver or machine, has a line. "
           "`ceiling.deep` ends at the first\ncgroup that it cannot make.\n\n")
    for name in sorted({line["attack"] for line in lines if line["note"] and re.match(r"(at )?\d", line["note"])}):
        notes = {}
        for line in lines:
            if line["attack"] == name and re.match(r"(at )?\d", line["note"]) and line["verdict"] != NOT_APPLICABLE:
                notes.setdefault(line["note"], set()).add(line["system"])
        for note, systems in sorted(notes.items(), key=lambda item: sorted(item[1])):
            yield f"- `{name}`: {note} ({', '.join(sorted(systems))})\n"
    machines = sorted({f"{line['suite']} (Linux {re.match(r'[0-9]+.[0-9]+', line['kernel'])[0]})" for line in lines})
    yield f"\nRun on: {', '.join(machines)}.\n"


def generated(lines):
    cells = merge(lines)
    text = "".join("".join(rows(cells, theme)) for theme in THEMES)
    return BEGIN + "\n" + text + "".join(reasons()) + "".join(measured(lines)) + "\n" + END


def split(document):
    before, _, rest = host.read(document).partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"table: {document} lacks the marks of the generated part")
    return before, rest, after


def write(document, lines):
    before, _, after = split(document)
    host.write(document, before + generated(lines) + after)


def check(document, lines):
    """What is wrong, one sentence each."""
    # {(attack, column): (verdict, {errno})} of the document's tables, and the questions.
    table, questions, columns = {}, {}, []
    for line in split(document)[1].splitlines():
        fields = [field.strip() for field in line.strip("|").split("|")]
        if line.startswith("| attack |"):
            columns = fields[1:]
        elif match := re.match(r"\| `([\w.]+)` (.*?) \|", line):
            questions[match[1]] = match[2]
            for where, text in zip(columns, fields[1:]):
                words = text.replace("*", "").split()
                if text != NOBODY:
                    table[match[1], where] = words[0], set(words[1:])
    for attack in ATTACKS:
        if questions.pop(attack.name, None) != attack.question:
            yield f"{attack.name}", "the table does not have this question"
    for name in questions:
        yield name, "there is no such attack any more"
    for (name, where), (verdict, errnos) in sorted(merge(lines).items()):
        if verdict == NOT_APPLICABLE:
            continue
        said, known = table.get((name, where), (NOBODY, set()))
        if said != verdict or not errnos <= known:
            yield f"{where}/{name}", (f"the run says {' '.join([verdict, *sorted(errnos)])}, "
                                      f"the table {' '.join([said, *sorted(known)])}")
