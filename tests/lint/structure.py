# SPDX-License-Identifier: Apache-2.0
"""Who may use whom, and which files make one noun."""
import json
import os
import re

import tree

# Who may include from whom; the longest prefix of a path counts. An arrow that no file needs is a finding, too.
FLOORS = ("base/", "policy/", "bpf/", "cgdeleg/kernel/", "cgdeleg/grant/", "cgdeleg/node/", "cgdeleg/cli/")
ARROWS = {
    "base/": ("base/",),
    "policy/": ("base/", "policy/"),
    "bpf/": ("base/", "bpf/"),
    "cgdeleg/kernel/": FLOORS[:4],
    "cgdeleg/grant/": FLOORS[:5],
    "cgdeleg/node/": FLOORS[:6],
    "cgdeleg/cli/": (*FLOORS, "hooks/descriptor.h", "hooks/hook-args.h", "places.h", "version.h"),
    "hooks/": (), # each program has a row of its own
    "hooks/descriptor": ("base/", "hooks/descriptor.h"),
    "hooks/bundle-hook": ("base/", "cgdeleg/grant/oci.h", "hooks/bundle-hook.h", "hooks/descriptor.h"),
    "hooks/runtime-args": ("base/", "hooks/runtime-args.h"),
    "hooks/options": ("base/", "hooks/options.h", "policy/nearest.h"),
    "hooks/cgdeleg-guard.c": ("base/", "bpf/guard-load.h", "version.h"),
    "hooks/hook-args": ("base/", "cgdeleg/grant/run.h", "hooks/hook-args.h", "hooks/options.h"),
    "hooks/cgdeleg-hook.c": ("base/", "hooks/hook-args.h", "hooks/libc/heap.h", "version.h"),
    "hooks/cgdeleg-runtime.c": ("base/", "hooks/bundle-hook.h", "hooks/options.h", "hooks/runtime-args.h", "places.h", "version.h"),
    "hooks/cgdeleg-unit.c": ("base/", "cgdeleg/kernel/systemd.h", "policy/limit-list.h", "version.h"),
    "hooks/libc/": ("hooks/libc/",),
}
IS_PROGRAM = re.compile(r"^(?:(?:static )?int (?:main|LLVMFuzzerTestOneInput)|TEST(?:_AS_ROOT|_WITH)?)\(", re.M)


def layers(files, _build):
    needed = set()
    for name in tree.in_product(files):
        room = max((r for r in ARROWS if name.startswith(r)), key=len)
        for number, include in tree.includes(name):
            arrow = next((a for a in ARROWS[room] if include.startswith(a)), None)
            needed.add((room, arrow))
            if not arrow and not include.endswith(".skel.h"):
                yield f"{name}:{number}: {room} must not include {include}"
    for room, allowed in ARROWS.items():
        if any(f.startswith(room) for f in files):
            yield from (f"{room} may include {a} and does not" for a in allowed if (room, a) not in needed)


def parts_of(header):
    """The files that a header's first lines call its parts: "Parts:", then names, to the end of the paragraph."""
    listed = re.search(r"^Parts:(.*?)(?:\n\s*\n|\Z)", tree.first_words(header), re.M | re.S)
    folder = os.path.dirname(header)
    return [os.path.join(folder, n) for n in re.findall(r"[\w-]+\.[ch]\b", listed[1])] if listed else []


def own_header(name):
    """limit.c has limit.h; a program of the kernel's, guard.bpf.c, has what both sides share: guard_abi.h."""
    return name.removesuffix(".bpf.c") + "_abi.h" if name.endswith(".bpf.c") else name.removesuffix(".c") + ".h"


def parts(files, _build):
    known, owner = set(files), {}
    for header in (f for f in tree.in_c(files) if f.endswith(".h")):
        for part in parts_of(header):
            owner.setdefault(part, []).append(header)
            if part not in known:
                yield f"{header}: its part {part} is not there"
            elif part != header and header not in tree.reached(part, known, set()):
                yield f"{part}: does not include {header}, whose part it is"
    for name in (f for f in files if f.endswith(".c")):
        if own_header(name) in known or IS_PROGRAM.search(tree.code(name)):
            continue
        # What stands in for another's code, a library's or under test, names the header that it fulfils.
        words = tree.first_words(name)
        included = re.findall(r'#include [<"]([^>"]+)[>"]', tree.read(name))
        if any(f"<{h}>" in words or ("/" in h and h in words) for h in included):
            continue
        headers = owner.get(name, [])
        if len(headers) != 1:
            yield f"{name}: has no header of its name, and is a part of {' and '.join(headers) or 'none'}"
        elif os.path.basename(headers[0]) not in words:
            yield f"{name}: its first lines do not say \"See {os.path.basename(headers[0])}.\""


def circles(files, _build):
    """A noun is a header, its source, its parts, and what has its name with "-" and more: limit.h, limit-math.c."""
    product = tree.in_product(files)
    noun = {f: re.sub(r"\.[ch]$|\.bpf\.c$", "", f) for f in product}
    for name in product:
        while "-" in os.path.basename(noun[name]) and noun[name].rsplit("-", 1)[0] in noun.values():
            noun[name] = noun[name].rsplit("-", 1)[0]
    for header in product:
        for part in parts_of(header) if header.endswith(".h") else ():
            # A header's source keeps its own noun where that has a header of its own.
            if part in noun and (part.endswith(".h") or own_header(part) not in noun):
                old, new = noun[part], noun[header]
                noun.update({f: new for f, n in noun.items() if n == old})
    uses = {}
    for name in product:
        for _, include in tree.includes(name):
            if include in noun and noun[include] != noun[name]:
                uses.setdefault(noun[name], {}).setdefault(noun[include], f"{name} includes {include}")
    for group in sorted(strong(uses)):
        yield " <-> ".join(sorted(group)) + ": " + "; ".join(
            sorted(why for a in group for b, why in uses[a].items() if b in group))


def strong(uses):
    """The groups of nouns that reach each other."""
    def reach(start):
        seen, todo = set(), [start]
        while todo:
            for other in uses.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen
    reaches = {noun: reach(noun) for noun in uses}
    return {tuple(sorted(b for b in reaches[a] if a in reaches.get(b, ()))) for a in uses if a in reaches[a]}


def units(files, build):
    """A test that no list names is never run. That a listed one is there, meson sees to."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        built = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(file)}
    without_systemd = {"tests/unit/test-helper.c"} if not any("cgdeleg-unit.c" in b for b in built) else set()
    for name in files:
        if name.startswith("tests/unit/") and name.endswith(".c") and os.path.join(tree.TOP, name) not in built:
            if name not in without_systemd:
                yield f"{name}: no program of tests/unit/meson.build is made of it"
