# SPDX-License-Identifier: Apache-2.0
"""Pages that must name all that the code knows, and nothing else."""
import re

import tree


def rows(page, title):
    """{word: the rest of its row} for the words in `code` of the first column of tables with this title."""
    found, inside = {}, False
    for line in tree.read(page).splitlines():
        cells = [c.strip() for c in line.split("|")][1:]
        if not cells:
            inside = False
        elif cells[0] == title:
            inside = True
        elif inside:
            found.update({word: " ".join(cells[1:]) for word in re.findall(r"`([^`]+)`", cells[0])})
    return found


def both_ways(page, described, known, what, source):
    yield from (f"{page}: no row for {what} `{w}` of {source}" for w in sorted(known - set(described)))
    yield from (f"{page}: {what} `{w}` is not in {source}" for w in sorted(set(described) - known))


def reasons(_files, _build):
    source, page = "policy/decision.c", "docs/refusals.md"
    known = set(re.findall(r'\[REASON_\w+\] = "([\w-]+)"', tree.read(source))) - {"grants", "refuses", "notes"}
    yield from both_ways(page, rows(page, "code"), known, "the reason", source)


def audit_record(_files, _build):
    """Members are added to the record's object `o`, those of a reason to `item`."""
    page, sources = "docs/audit.md", ("cgdeleg/grant/record.c", "cgdeleg/grant/audit.c")
    text = "".join(map(tree.read, sources))
    described = rows(page, "member")
    yield from both_ways(page, described, set(re.findall(r'\bo, "(\w+)"', text)), "the member", " and ".join(sources))
    for word in re.findall(r'\bitem, "(\w+)"', text):
        if f"`{word}`" not in described.get("reasons", ""):
            yield f"{page}: the row `reasons` lacks `{word}`"
