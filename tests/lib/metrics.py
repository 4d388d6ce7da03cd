# SPDX-License-Identifier: Apache-2.0
"""Metrics - a strict reader of both formats that cgdeleg writes: what it does not know is an error."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"'
META = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.*)")
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)?\}})? (\S+)")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescape(text):
    return re.sub(r'\\[\\"n]', lambda m: ESCAPES[m[0]], text)


def read(text, prometheus=False):
    """{family: {"type":, "unit":, "help":, "samples": [(labels, value)]}}; a counter's name is without "_total"."""
    lines = text.split("\n")
    if prometheus and ("# EOF" in lines or "# UNIT" in text):
        raise ValueError("OpenMetrics in the text format of Prometheus")
    if not prometheus and (lines[-2:] != ["# EOF", ""] or "# EOF" in lines[:-2]):
        raise ValueError("not ended by one '# EOF'")
    families, current = {}, None
    for line in lines[:-1] if prometheus else lines[:-2]:
        current = _meta(families, current, line) if line.startswith("#") else _sample(families, current, line, prometheus)
    for name in list(families):
        if prometheus and families[name]["type"] == "counter":
            families[name.removesuffix("_total")] = families.pop(name)
    return families


def _meta(families, current, line):
    match = META.fullmatch(line)
    if not match:
        raise ValueError(f"no metadata: {line!r}")
    what, name, value = match.groups()
    if what == "HELP":
        if name in families:
            raise ValueError(f"a second family of that name: {line!r}")
        families[name] = {"type": None, "unit": None, "help": None, "samples": []}
        current = name
    if what == "TYPE" and value not in ("gauge", "counter"):
        raise ValueError(f"an unknown type: {line!r}")
    if name != current or families[name]["samples"]:
        raise ValueError(f"not in its family's block: {line!r}")
    if what == "UNIT" and not name.endswith(f"_{value}"):
        raise ValueError(f"the name lacks its unit: {line!r}")
    families[name][what.lower()] = value
    return current


def _sample(families, current, line, prometheus):
    match = SAMPLE.fullmatch(line)
    if not match:
        raise ValueError(f"no sample: {line!r}")
    family = families[current]
    if match[1] != current + ("_total" if family["type"] == "counter" and not prometheus else ""):
        raise ValueError(f"a sample of another family in {current}: {line!r}")
    labels = {name: unescape(value) for name, value in re.findall(LABEL, match[2] or "")}
    if labels in [known for known, _ in family["samples"]]:
        raise ValueError(f"a sample twice: {line!r}")
    family["samples"].append((labels, float(match[7])))
    return current
