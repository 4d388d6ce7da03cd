# SPDX-License-Identifier: Apache-2.0
"""How long things are: functions, files, lines, the subjects of commits."""
import functools
import json
import re
import statistics
import subprocess

import tree

MEDIAN, P90, LONGEST = 15, 35, 60
# Static functions of at most SHORT lines that one place uses, as a share of all functions.
SHORT, ONCE_PERCENT = 12, 12
FILE_LINES, COLUMNS, SUBJECT = 500, 130, 60
# Commits up to this one had no such limit.
FIRST_WITH_LIMIT = "a96cc7e7"


@functools.cache
def functions(names):
    """[(lines, path, line, name)]"""
    tags = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "-o", "-", *names],
                          cwd=tree.TOP, check=True, capture_output=True, text=True).stdout
    return [(t["end"] - t["line"] + 1, t["path"], t["line"], t["name"])
            for t in map(json.loads, tags.splitlines()) if "end" in t]


def by_room(files):
    sources = [f for f in files if f.endswith(".c")]
    product = tuple(f for f in sources if f.startswith(tree.PRODUCT))
    return {"product": product, "tests": tuple(f for f in sources if f.startswith("tests/"))}


def used_once(path, name):
    text = re.sub(r"/\*.*?\*/", "", tree.read(path), flags=re.S)
    return (re.search(r"^static\b[^;{}]*\b" + name + r"\s*\(", text, re.M) and
            len(re.findall(r"\b" + name + r"\b", text)) == 2)


def measure(found):
    lengths = sorted(n for n, *_ in found)
    once = [f for f in found if f[0] <= SHORT and used_once(f[1], f[3])]
    return (statistics.median(lengths), lengths[int(len(lengths) * 0.9)], lengths[-1],
            round(100 * len(once) / len(lengths), 1))


def describe(files):
    for room, names in by_room(files).items():
        median, p90, longest, once = measure(functions(names))
        lines = sum(tree.read(n).count("\n") for n in names)
        yield (f"{room}: {lines} lines of C, {len(functions(names))} functions: median {median:g}, p90 {p90}, "
               f"longest {longest}; {once} % have at most {SHORT} lines and one use")


def sizes(files, _build):
    for room, names in by_room(files).items():
        found = functions(names)
        median, p90, _, once = measure(found)
        if median > MEDIAN or p90 > P90:
            yield f"{room}: functions have a median of {median:g} lines (at most {MEDIAN}), p90 {p90} (at most {P90})"
        if room == "product" and once > ONCE_PERCENT:
            yield f"{room}: {once} % of the functions have at most {SHORT} lines and one use (at most {ONCE_PERCENT} %)"
        yield from (f"{path}:{line}: {name}() has {n} lines" for n, path, line, name in found if n > LONGEST)
    for name in {*tree.in_c(files), *tree.in_python(files), *tree.in_shell(files)}:
        if (length := tree.read(name).count("\n")) > FILE_LINES:
            yield f"{name}: {length} lines"


def lines(files, _build):
    """A literal stays whole and may be longer: whoever searches for a message finds it."""
    for name in tree.in_c(files):
        commented = tree.read(name).splitlines()
        for number, (line, bare) in enumerate(zip(commented, tree.code(name).splitlines()), 1):
            if len(line.expandtabs(8)) > COLUMNS and '"' not in line:
                yield f"{name}:{number}: {len(line.expandtabs(8))} columns"
            if re.fullmatch(r"\s*(?:(?:static|const|unsigned) )*(?:\w+_t|int|bool|char|(?:struct|enum) \w+)\s*\**", bare):
                yield f"{name}:{number}: a type alone on its line"
    for name in {*tree.in_python(files), *tree.in_shell(files)}:
        for number, line in enumerate(tree.read(name).splitlines(), 1):
            if len(line) > COLUMNS and not re.search("[\"']", line):
                yield f"{name}:{number}: {len(line)} columns"


# The end of one literal and the beginning of the next, with a phrase that goes on from one to the other.
CUT = re.compile(r'[\w,;:] "[ \t]*\n[ \t]*"(?=\w)|(?<!\\)\w"[ \t]*\n[ \t]*" (?=\w)')


def literals(files, _build):
    for name in tree.in_product(files):
        text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), tree.read(name), flags=re.S)
        for cut in CUT.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, cut.start()) + 1}: a phrase is cut into two literals"


def subjects(_files, _build):
    """Of the commits since the last release; while there is none, of the last 50."""
    tag = tree.git("describe", "--tags", "--abbrev=0")
    since = [f"{tag[0]}..HEAD"] if tag else ["--max-count=50", "HEAD"]
    if tree.git("cat-file", "-e", FIRST_WITH_LIMIT + "^{commit}") is not None:
        since.append("^" + FIRST_WITH_LIMIT)
    for line in tree.git("log", "--no-merges", "--format=%h %s", *since) or ():
        commit, _, subject = line.partition(" ")
        if len(subject) > SUBJECT:
            yield f"{commit}: the subject has {len(subject)} characters: {subject}"
