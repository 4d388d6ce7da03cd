# SPDX-License-Identifier: Apache-2.0
"""Pages that must name all that the code knows, and nothing else."""
import os
import re
import subprocess

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
    known = set(re.findall(r'\[REASON_\w+\] = "([\w-]+)"', tree.read(source))) - {"grants", "bounds", "refuses", "notes"}
    yield from both_ways(page, rows(page, "code"), known, "the reason", source)


def audit_record(_files, _build):
    """Members are added to the record's object `o`, those of a reason to `item`."""
    page, sources = "docs/audit.md", ("cgdeleg/grant/record.c", "cgdeleg/grant/audit.c",
                     "cgdeleg/node/watch-record.c")
    text = "".join(map(tree.read, sources))
    described = rows(page, "member")
    yield from both_ways(page, described, set(re.findall(r'\bo, "(\w+)"', text)), "the member", " and ".join(sources))
    for word in re.findall(r'\bitem, "(\w+)"', text):
        if f"`{word}`" not in described.get("reasons", ""):
            yield f"{page}: the row `reasons` lacks `{word}`"


def packages(_files, _build):
    """A package builds where scripts/deps has not been: both lists name the same."""
    function = tree.read("scripts/deps").split("packages_build() {")[1].split("}")[0]
    known = {word for word in re.findall(r"[a-z][a-z0-9+-]+", function.split("\\n'", 1)[1])}
    listed = set(re.findall(r"^(?:Build-Depends:| ) +([a-z0-9+-]+)", tree.read("debian/control").split("\n\n")[0], re.MULTILINE))
    # Debian's build-essential and what comes with it; dpkg-source has the source of libyyjson.
    known -= {"gcc", "g++", "ninja-build", "xz-utils", "libc6-dev", "linux-libc-dev", "libyyjson-dev"}
    listed -= {"debhelper-compat"}
    yield from (f"debian/control: {name} of scripts/deps is not among Build-Depends" for name in sorted(known - listed))
    yield from (f"scripts/deps: {name} of debian/control is not among packages_build" for name in sorted(listed - known))


def first_strings(source, table):
    """The first literal of each row of a table in C: its name."""
    body = re.search(r"\b" + table + r"\[\w*\] = \{\n(.*?)\n\};", tree.read(source), re.S)[1]
    return {re.search(r'"([^"]+)"', row)[1] for row in re.findall(r"^\t(?:\[\w+\] = )?\{.*?(?=^\t[\[{]|\Z)", body, re.S | re.M)}


def manual(_files, _build):
    """The keys of the policy and the limit files, in the manual's tables and in the example."""
    page, example = "man/cgdeleg.policy.5.scd", "policy/default.ini"
    rows_there = re.findall(r"^\|  (.+)$", tree.read(page), re.M)
    listed = {re.sub(r"<\w+>", "*", word) for row in rows_there for word in row.split(", ")}
    shown = set(re.findall(r"[\w.]*\w", tree.read(example)))
    keys, limits = first_strings("policy/keys.c", "keys") - {"<limit>"}, first_strings("policy/limit.c", "limit_types")
    yield from (f"{page}: no row for the key `{word}` of policy/keys.c" for word in sorted(keys - listed))
    yield from (f"{page}: no row for the limit `{word}` of policy/limit.c" for word in sorted(limits - listed))
    yield from (f"{example}: does not show the key `{word}`" for word in sorted(keys - shown))


ROOMS = "base|policy|bpf|cgdeleg|hooks|tests|scripts|docs|deploy|man"


def anchors(page):
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", tree.read(page), re.M)}


def links(files):
    """(page, link, the file and the title that it leads to)"""
    for page in (f for f in files if f.endswith(".md")):
        for path, title in re.findall(r"\]\(([^)#\s:]*)(?:#([^)]*))?\)", tree.read(page)):
            yield page, os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page, title


def names(files, _build):
    """Files that a page or a comment names and that are not there, or not there any more."""
    there = set(files) | {f[:slash.start()] for f in files for slash in re.finditer("/", f)}
    for page, path, title in links(files):
        if path not in there:
            yield f"{page}: a link to {path}, which is not there"
        elif title and path.endswith(".md") and title not in anchors(path):
            yield f"{page}: a link to {path}#{title}, a title that is not there"
    for page in (f for f in files if f.endswith(".md")):
        for path in re.findall(rf"(?<![\w/.$~-])((?:{ROOMS})/[\w./-]*\w)(?![\w/*<-])", tree.read(page)):
            if path not in there and not path.startswith("cgdeleg/cgdeleg"):
                yield f"{page}: {path} is not there"
    known = {os.path.basename(f) for f in files}
    for name in tree.in_c(files):
        for comment in re.findall(r"/\*.*?\*/", tree.read(name), re.S):
            # With a path before it, it is the kernel's or systemd's.
            for word in re.findall(r"(?<![\w/.-])([\w-]+\.(?:bpf\.)?[ch])\b", comment):
                if word not in known:
                    yield f"{name}: a comment names {word}, which is not there"


def findings(_files, build):
    """The page that is made of the table of findings."""
    page, command = "docs/findings.md", [f"{build}/cgdeleg/cli/cgdeleg", "check", "--explain", "all"]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if not os.path.exists(page) or tree.read(page) != made:
        yield f"{page} is not what the table says; write it anew: {' '.join(command)} >{page}"


CONVERSIONS = re.compile(r"%(?:\.\d+)?(?:z|ll)?[sdux]|%04o|%02x|%c")
LOADER = ("load", "read", "cross-check", "key-check", "key-word", "key-pattern", "limit", "limit-list")
# Not of a policy: what a kernel's file holds, and what is no sentence of its own.
ELSEWHERE = re.compile(r"^(policy '.*|'%s' is not a %s)$")
# What stands for %s where that says which complaint it is.
VARIANTS = {
    "cannot be %s: %s": ["cannot be opened: No such file or directory", "cannot be opened: Too many levels of symbolic links"],
    "is not a %s": ["is not a directory", "is not a regular file"],
    "'%.64s' is not %s or 'max'%s": ["'x' is not a whole number or 'max'", "'x' is not a number of bytes (K) or 'max'"],
    "%s%s%s%sbelongs to uid %u (mode %04o); it must belong to root and be %s by nobody else: chown root, chmod %s":
        ["belongs to uid 1 (mode 0644); it must belong to root and be writable by nobody else: chown root"]}


def sentences():
    """(file, each sentence with which the loader can complain)"""
    call = re.compile(r'\b(?:fault|complain_file|ruleset_complain|err_set)\s*\(((?:"(?:[^"\\]|\\.)*"|[^"])*?)\);', re.S)
    for name in [f"policy/{part}.c" for part in LOADER] + ["base/owner.c"]:
        text = re.sub(r"/\*.*?\*/", "", tree.read(name), flags=re.S)
        for arguments in call.findall(text):
            # A sentence has blanks, a path has none.
            literals = [m for m in re.finditer(r'"((?:[^"\\]|\\.)*)"', arguments) if " " in m[1]]
            if literals and not re.search("EBADMSG|ENOMEM|ENAMETOOLONG", arguments[:literals[0].start()]):
                said = literals[0][1]
                yield from ((name, one) for one in VARIANTS.get(said, [said.replace('\\"', '"')]))


def faults(_files, _build):
    """Each complaint of the loader has an id: a row of finding-fault.c. A row of another kind may match if it comes later
    and is wider."""
    source = "policy/finding-fault.c"
    rows = [(p.replace("\\\\", "\\"), k) for p, k in re.findall(r'\{ "((?:[^"\\]|\\.)*)", (FINDING_\w+) \}', tree.read(source))]
    patterns = [(re.compile("".join(".*" if c == "*" else re.escape(c[-1:]) for c in re.findall(r"\\.|.", p)) + r"\Z", re.S), p, k)
                for p, k in rows]
    used = set()
    for name, sentence in sentences():
        if ELSEWHERE.match(sentence):
            continue
        said = CONVERSIONS.sub("x", sentence).replace("%%", "%")
        found = [(p, k) for expression, p, k in patterns if expression.match(said)]
        used.update(p for p, _ in found[:1])
        if not found:
            yield f"{name}: {source} has no row for the complaint '{sentence}'"
        elif len({k for _, k in found}) > 1 and "*" in found[0][0]:
            yield f"{name}: '{sentence}' could be {' or '.join(sorted({k for _, k in found}))} of {source}"
    yield from (f"{source}: no complaint is '{p}'" for _, p, _ in patterns if p not in used)
