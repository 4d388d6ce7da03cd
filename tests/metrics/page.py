# SPDX-License-Identifier: Apache-2.0
"""Page - the dashboard's panels as one HTML page, for where there is no Grafana: titles, legends, lines, bars and tables."""
import html
import re
import time

COLORS = ("#3274d9", "#d9534f", "#56a64b", "#e0b400", "#8f3bb8", "#f2812f", "#1f8a8a", "#7a7a7a", "#b0467a", "#5c6b2f")
STYLE = """body{font:13px sans-serif;margin:8px;background:#f4f5f5} h1{font-size:18px}
h2{font-size:15px;margin:12px 0 4px;grid-column:1/25}
main{display:grid;grid-template-columns:repeat(24,1fr);gap:6px}
section{background:#fff;border:1px solid #ddd;padding:6px;overflow:auto} section b{display:block}
section i{color:#666;font-size:11px} .stat{font-size:28px;text-align:center;color:#fff;border-radius:3px}
.bar{background:#eee;height:14px} .bar div{height:14px} td,th{padding:1px 6px;text-align:left;font-size:11px}"""


def legend(form, labels):
    return re.sub(r"{{(\w+)}}", lambda m: labels.get(m[1], ""), form) or ", ".join(
        f"{k}={v}" for k, v in labels.items() if k not in ("job", "__name__"))


def show(value, unit):
    if unit == "percentunit":
        return f"{100 * value:.1f} %"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    return f"{value:.3g}" + (" s" if unit == "s" else "")


def color(value, panel):
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [{"color": COLORS[0], "value": None}])
    return [s["color"] for s in steps if s["value"] is None or value >= s["value"]][-1]


def lines(server, panel, targets):
    now, parts, texts = time.time(), [], []
    every = []
    for target, expression in targets:
        reply = server.get("query_range", query=expression, start=now - 30, end=now, step=1)
        every += [(legend(target["legendFormat"], one["metric"]), [(t, float(v)) for t, v in one["values"]])
                  for one in reply["data"]["result"]]
    most = max((v for _, points in every for _, v in points if v not in (float("inf"), float("nan"))), default=0) or 1
    for i, (name, points) in enumerate(every):
        path = " ".join(f"{(t - now + 30) * 10:.1f},{90 - 85 * v / most:.1f}" for t, v in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[i % len(COLORS)]}" stroke-width="2"/>')
        texts.append(f'<span style="color:{COLORS[i % len(COLORS)]}">■ {html.escape(name)} '
                     f'{show(points[-1][1], panel["fieldConfig"]["defaults"]["unit"])}</span>')
    return (f'<svg viewBox="0 0 300 92" width="100%" height="110" preserveAspectRatio="none">{"".join(parts)}</svg>' +
            "<br>".join(texts))


def bars(server, panel, targets):
    out = []
    for target, expression in targets:
        for one in server.query(expression):
            value = float(one["value"][1])
            width = min(100, 100 * value / (panel["fieldConfig"]["defaults"].get("max") or max(value, 1)))
            out.append(f'<br>{html.escape(legend(target["legendFormat"], one["metric"]))}: '
                       f'{show(value, panel["fieldConfig"]["defaults"]["unit"])}<div class="bar">'
                       f'<div style="width:{width:.0f}%;background:{color(value, panel)}"></div></div>')
    return "".join(out)


def stat(server, panel, targets):
    value = float(server.query(targets[0][1])[0]["value"][1])
    return (f'<div class="stat" style="background:{color(value, panel)}">'
            f'{show(value, panel["fieldConfig"]["defaults"]["unit"])}</div>')


def table(server, _panel, targets):
    rows = [one["metric"] for one in server.query(targets[0][1])]
    names = sorted({name for row in rows for name in row} - {"job", "__name__", "cgroup_id"})
    cells = ["<tr>" + "".join(f"<td>{html.escape(row.get(n, ''))}</td>" for n in names) + "</tr>" for row in rows]
    return "<table><tr>" + "".join(f"<th>{n}</th>" for n in names) + f"</tr>{''.join(cells)}</table>"


FORMS = {"timeseries": lines, "bargauge": bars, "stat": stat, "table": table}


def draw(server, targets, rows, file):
    """`targets`: (panel, target, expression), in order; `rows`: {the panel's id: the title of the row that begins with it}."""
    panels = {}
    for panel, target, expression in targets:
        panels.setdefault(panel["id"], (panel, []))[1].append((target, expression))
    parts = []
    for number, (panel, own) in panels.items():
        if number in rows:
            parts.append(f"<h2>{html.escape(rows[number])}</h2>")
        parts.append(f'<section style="grid-column:span {panel["gridPos"]["w"]}"><b>{html.escape(panel["title"])}</b>'
                     f'<i>{html.escape(panel["description"])}</i>{FORMS[panel["type"]](server, panel, own)}</section>')
    with open(file, "w", encoding="utf-8") as to:
        to.write(f"<!doctype html><meta charset=utf-8><title>cgdeleg</title><style>{STYLE}</style><h1>cgdeleg</h1>"
                 f"<main>{''.join(parts)}</main>")
