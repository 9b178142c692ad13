"""The report as one HTML file that needs nothing else: no network, no server, no second file.

A strict content-security policy admits only the two scripts in the file, by digest. Charts stand as
SVG until, or where, no script runs. Whatever the target answered is text.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from importlib import resources

from readiness_kit.contents import SECTIONS
from readiness_kit.facts import Fact
from readiness_kit.reports import charts, rows, sign_off
from readiness_kit.reports.figure import Chart
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.item import item_view
from readiness_kit.reports.records import fact_tables
from readiness_kit.reports.svg import svg
from readiness_kit.reports.tables import Table, badge
from readiness_kit.reports.text import escaped
from readiness_kit.results import ItemResult, Results
from readiness_kit.target import Objectives

FactsOf = Callable[[str], Iterable[Fact]]
"""From an item's id to the facts that were seen for it."""

STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:24px;background:#fff;color:#1b1f24;
font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans','Liberation Sans',sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:21px;margin:44px 0 8px;padding-top:12px;
border-top:2px solid #d5d9e0}
.verdict{font-size:19px;margin:14px 0}.quiet,small{color:#595f69}
nav{columns:2;margin:16px 0}nav a{display:block}a{color:#005a8c}
table.rk{border-collapse:collapse;width:100%;margin:10px 0;font-size:13.5px}
table.rk th,table.rk td{border-bottom:1px solid #e6e9ee}
table.rk thead th{border-bottom:2px solid #b9c0ca}
code{background:#f4f6f8;padding:0 3px;overflow-wrap:anywhere}
caption{font-weight:600;padding:6px 0}
article{margin:18px 0;padding:8px 18px;border:1px solid #d5d9e0;border-radius:6px}
pre{background:#f4f6f8;padding:10px;overflow:auto;white-space:pre-wrap;font-size:12.5px}
figure{margin:14px 0}figcaption{color:#595f69;font-size:13px}
details{margin:8px 0}summary{cursor:pointer}
@media print{article{break-inside:avoid}details>*{display:block}}
"""

START = """
"use strict";
document.querySelectorAll("figure[data-chart]").forEach(async (place) => {
  const chart = JSON.parse(place.querySelector("script").textContent);
  const live = document.createElement("div");
  place.prepend(live);
  await Plotly.newPlot(live, chart.data, chart.layout, chart.config);
  place.querySelector(".still").remove();
});
"""
"""Swaps each still picture for the live one, once that is drawn."""


def html(results: Results, facts_of: FactsOf, objectives: Objectives) -> str:
    """Return the report as one self-contained HTML file."""
    plotly = (resources.files(__package__) / "assets" / "plotly-basic.min.js").read_text("utf-8")
    # A closing tag inside a script would end it early, whatever language it is in.
    scripts = [one.replace("</script", "<\\/script") for one in (plotly, START)]
    body = "".join(_body(results, facts_of, objectives))
    title = f"{results.target.name}: {rows.verdict_mark(results).word}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body>{body}"
        f"{''.join(f'<script>{one}</script>' for one in scripts)}</body></html>\n"
    )


def _policy(scripts: Iterable[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()) for one in scripts)
    allowed = " ".join(f"'sha256-{one.decode()}'" for one in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _body(results: Results, facts_of: FactsOf, objectives: Objectives) -> Iterator[str]:
    yield from _head(results)
    yield _figure(charts.item_map(results.items))
    yield rows.sections_table(results).html()
    yield from (one.html() for one in _origins(results) if one.rows)
    anchors = frozenset(item.id for item in results.items)
    waived = rows.waived_table(results)
    yield '<h2 id="waived">Waived</h2>'
    yield waived.html(anchors) if waived.rows else "<p>No red claim is waived.</p>"
    yield '<h2 id="red">In the way of GO</h2>'
    red = rows.red_table(results)
    yield red.html(anchors) if red.rows else "<p>Nothing.</p>"
    # The same fact serves several items; its pictures are drawn where it appears first.
    drawn: set[str] = set()
    for section, title in SECTIONS.items():
        yield f'<h2 id="{section}">{escaped(title)}</h2>'
        for item in (one for one in results.items if one.section == section):
            yield from _item(item, facts_of(item.id), objectives, drawn)
    rest = [item for item in results.items if item.section not in SECTIONS]
    for item in rest:
        yield from _item(item, facts_of(item.id), objectives, drawn)


def _origins(results: Results) -> tuple[Table, ...]:
    borrowed = sign_off.borrowed_table(results)
    return rows.identity_table(results), rows.reused_table(results), borrowed


def _head(results: Results) -> Iterator[str]:
    target = results.target
    yield f"<h1>{escaped(target.name)}: production readiness</h1>"
    release = f", release {escaped(target.release)}" if target.release else ""
    yield f'<p class="quiet">{escaped(target.environment)}{release}, run '
    yield f"{escaped(results.run_id)}, {results.started_at:%Y-%m-%d %H:%M} to "
    yield f"{results.finished_at:%H:%M} UTC, readiness-kit {escaped(results.kit_version)}</p>"
    line = rows.verdict_line(results).partition(": ")[2]
    yield f'<p class="verdict">{badge(rows.verdict_mark(results))} {escaped(line)}</p>'
    reasons = "".join(f"<li>{escaped(one)}</li>" for one in results.incomplete_reasons)
    if reasons:
        yield f"<p><strong>Incomplete, and cannot be signed:</strong></p><ul>{reasons}</ul>"
    refused = "".join(f"<li>{escaped(one)}</li>" for one in results.rejected_records)
    if refused:
        yield f"<p>Records that were refused:</p><ul>{refused}</ul>"
    if results.needless_waivers:
        needless = ", ".join(results.needless_waivers)
        yield f"<p>Waivers no longer needed: {escaped(needless)}</p>"
    cost = ", ".join(f"{n:g} {what.replace('_', ' ')}" for what, n in results.cost.items())
    yield f'<p class="quiet">Asked of the target: {escaped(cost)}</p>'
    links = "".join(f'<a href="#{one}">{escaped(title)}</a>' for one, title in SECTIONS.items())
    links = f'<a href="#red">In the way of GO</a>{links}'
    yield f'<nav aria-label="Sections"><a href="#waived">Waived</a>{links}</nav>'


def _item(
    item: ItemResult, facts: Iterable[Fact], objectives: Objectives, drawn: set[str]
) -> Iterator[str]:
    yield f'<article id="{escaped(item.id)}">{item_view(item).html}'
    for fact in facts:
        name = fact.fact_id()
        pictures = charts.pictures(fact, objectives)
        if pictures and name not in drawn:
            yield from (_figure(chart) for chart in pictures)
        elif not pictures:
            tables = "".join(table.html() for table in fact_tables(fact))
            yield f"<details><summary>Fact {escaped(name)}</summary>{tables}</details>"
        drawn.add(name)
    yield "</article>"


def _figure(chart: Chart) -> str:
    # "<" would let a string in the data end the script element.
    data = json.dumps(figure(chart), separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    note = f"<figcaption>{escaped(chart.note)}</figcaption>" if chart.note else ""
    return (
        f'<figure data-chart><div class="still">{svg(chart)}</div>{note}'
        f'<script type="application/json">{data}</script></figure>'
    )
