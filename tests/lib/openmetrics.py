# SPDX-License-Identifier: Apache-2.0
"""OpenMetrics - a strict reader of what the textfile collector is given: what it does not know is an error."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"'
META = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)")
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)?\}})? (\S+)")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescape(text):
    return re.sub(r'\\[\\"n]', lambda m: ESCAPES[m[0]], text)


def read(text):
    """{family: {"type":, "unit":, "samples": [(labels, value)]}}"""
    lines = text.split("\n")
    if lines[-2:] != ["# EOF", ""] or "# EOF" in lines[:-2]:
        raise ValueError("not ended by one '# EOF'")
    families, current = {}, None
    for line in lines[:-2]:
        current = _meta(families, current, line) if line.startswith("#") else _sample(families, current, line)
    return families


def _meta(families, current, line):
    match = META.fullmatch(line)
    if not match:
        raise ValueError(f"no metadata: {line!r}")
    what, name, value = match.groups()
    if what == "TYPE":
        if name in families or value not in ("gauge", "counter"):
            raise ValueError(f"a second TYPE, or an unknown one: {line!r}")
        families[name] = {"type": value, "unit": None, "help": None, "samples": []}
        current = name
    if name != current or families[name]["samples"]:
        raise ValueError(f"not in its family's block: {line!r}")
    if what == "UNIT" and not name.endswith(f"_{value}"):
        raise ValueError(f"the name lacks its unit: {line!r}")
    if what != "TYPE":
        families[name][what.lower()] = value
    return current


def _sample(families, current, line):
    match = SAMPLE.fullmatch(line)
    if not match:
        raise ValueError(f"no sample: {line!r}")
    family = families[current]
    if match[1] != current + ("_total" if family["type"] == "counter" else ""):
        raise ValueError(f"a sample of another family in {current}: {line!r}")
    labels = {name: unescape(value) for name, value in re.findall(LABEL, match[2] or "")}
    if labels in [known for known, _ in family["samples"]]:
        raise ValueError(f"a sample twice: {line!r}")
    family["samples"].append((labels, float(match[7])))
    return current
