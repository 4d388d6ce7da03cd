# SPDX-License-Identifier: Apache-2.0
"""The metrics: whoever names one must name one of the table; the alerts, each with a test that fires and one that does not."""
import json
import os
import re
import subprocess

import tree

RULES, TESTS = "deploy/prometheus/cgdeleg.rules.yml", "deploy/prometheus/cgdeleg.tests.yml"
DASHBOARD = "deploy/grafana/cgdeleg.json"
# Not a metric: a directory, a file, a part of a name that goes on in another way.
NAME = re.compile(r"(?<![\w/.-])cgdeleg_[a-z_]*[a-z](?![\w.*/-])")
# What an administrator used before is named in the news; a key of the policy is none.
HISTORY, KEYS = ("NEWS.md",), {"cgdeleg_writable"}


def table(build):
    """{name: (type, unit, labels)}"""
    text = subprocess.run([os.path.join(build, "cgdeleg/cli/metric-page"), "--names"], check=True, capture_output=True,
                          text=True).stdout
    return {row[0]: tuple(row[1:4]) for row in (line.split("\t") for line in text.splitlines())}


def selectors(expression):
    """(metric, the labels that are asked for)"""
    for name, inside in re.findall(r"(cgdeleg_\w+)(?:\{([^}]*)\})?", expression):
        yield name, re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside or "")


def expressions():
    """(page, whose it is, expression)"""
    for alert, body in re.findall(r"- alert: (\w+)\n(.*?)(?=\n\s*- alert|\Z)", tree.read(RULES), re.S):
        yield RULES, alert, re.search(r"expr: (.*?)\n\s*(?:for|labels):", body, re.S)[1]
    for panel in json.loads(tree.read(DASHBOARD))["panels"]:
        for target in panel.get("targets", ()):
            yield DASHBOARD, panel["title"], target["expr"]


def exports(files, build):
    known = table(build)
    pages = [f for f in files if f.endswith((".md", ".scd", ".scd.in", ".yml", ".json")) and f not in HISTORY]
    for page in pages:
        for name in sorted(set(NAME.findall(tree.read(page))) - set(known) - KEYS):
            yield f"{page}: the metric {name} is not in the table of cgdeleg/cli/metric.c"
    for page, whose, expression in expressions():
        for name, labels in selectors(expression):
            row = known.get(name)
            yield from (f"{page}: {whose}: {name} has no label '{label}'" for label in labels
                        if row and label not in (*row[2].split(), "instance"))
            if row and row[0] == "counter" and not re.search(r"(rate|increase)\(" + name + r"|" + name + r"[^)]* offset", expression):
                yield f"{page}: {whose}: {name} is a counter, and only its growth says something"


def dashboard(_files, _build):
    panels = json.loads(tree.read(DASHBOARD))["panels"]
    ids = [panel["id"] for panel in panels]
    yield from (f"{DASHBOARD}: two panels have the id {one}" for one in sorted({i for i in ids if ids.count(i) > 1}))
    for panel in panels:
        if panel["type"] != "row" and not (panel.get("description") and panel["targets"] and panel["fieldConfig"]["defaults"]["unit"]):
            yield f"{DASHBOARD}: the panel '{panel['title']}' lacks a description, a target or a unit"


def rules(_files, _build):
    """What promtool says, and whether each alert is tested both ways."""
    for command in (["check", "rules", RULES], ["test", "rules", TESTS]):
        done = subprocess.run(["promtool", *command], cwd=tree.TOP, capture_output=True, text=True)
        if done.returncode:
            yield f"promtool {' '.join(command)}: {(done.stdout + done.stderr).strip()}"
    text = tree.read(TESTS)
    for alert in re.findall(r"- alert: (\w+)", tree.read(RULES)):
        silent = re.search(rf"alertname: {alert}\n\s*exp_alerts: \[\]\n", text)
        fires = re.search(rf"alertname: {alert}\n\s*exp_alerts:\n\s*- exp_labels", text)
        if not silent or not fires:
            yield f"{TESTS}: no test in which {alert} {'fires' if silent else 'does not fire'}"
