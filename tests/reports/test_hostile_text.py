"""What a target answers is text in every report, and never markup."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from readiness_kit.reports import charts
from readiness_kit.reports.csv import csv
from readiness_kit.reports.display import Html
from readiness_kit.reports.figure import Axis, Chart, Line
from readiness_kit.reports.html import html
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.item import item_view
from readiness_kit.reports.junit import junit
from readiness_kit.reports.markdown import markdown
from readiness_kit.reports.records import fact_tables
from readiness_kit.reports.sarif import sarif
from readiness_kit.reports.svg import svg
from readiness_kit.target import Objectives

OUR_TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "script",
    "h1",
    "h2",
    "p",
    "span",
    "strong",
    "nav",
    "a",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "br",
    "wbr",
    "ul",
    "li",
    "article",
    "details",
    "summary",
    "pre",
    "code",
    "small",
    "figure",
    "figcaption",
    "div",
    "svg",
    "text",
    "line",
    "rect",
    "polyline",
}
OUR_ATTRIBUTES = {
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "style",
    "href",
    "id",
    "scope",
    "type",
    "data-chart",
    "aria-label",
    "role",
    "xmlns",
    "viewbox",
    "font-family",
    "font-size",
    "font-weight",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "rx",
    "width",
    "height",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linejoin",
    "stroke-linecap",
    "points",
    "text-anchor",
    "transform",
}


class Tags(HTMLParser):
    """Collects every tag and attribute."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.links = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]


def markup(text):
    parser = Tags()
    parser.feed(text)
    return parser


@pytest.fixture
def report(hostile_results, hostile_fact, load):
    return html(hostile_results, lambda _: (hostile_fact, load), Objectives())


def test_the_html_report_holds_our_tags_only(report):
    found = markup(report)
    assert found.tags <= OUR_TAGS
    assert found.attributes <= OUR_ATTRIBUTES
    assert all(link.startswith("#") for link in found.links)


def test_the_html_report_refers_to_nothing_outside(report):
    outside = re.sub(r"<script>.*?</script>", "", report, flags=re.DOTALL)
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", outside)
    assert not re.search(r"@import|url\(", outside)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', report)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert report.count("plotly.js (basic - minified)") == 1


def test_chart_data_survives_in_the_report_and_ends_no_script(report):
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', report, re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        assert {"data", "layout", "config"} == set(json.loads(block))


def test_items_and_facts_are_escaped_where_a_notebook_shows_them(hostile_results, hostile_fact):
    views = [item_view(item) for item in hostile_results.items]
    tables = fact_tables(hostile_fact)
    for shown in [one.html for one in views] + [one.html() for one in tables]:
        found = markup(shown)
        assert found.tags <= OUR_TAGS - {"script", "style", "meta", "a"}
        assert found.attributes <= OUR_ATTRIBUTES - {"href", "id"}
    for text in [one.text for one in views] + [one.text() for one in tables]:
        assert not set(text) & {"\x1b", "\x00", "\u202e", "\ud800"}
        assert "<U+202E>" in text or "\u202e" not in text


def test_a_notebook_is_told_that_dollar_signs_begin_no_formula():
    shown = Html("<p>return 308 https://$host$request_uri;</p>", "")._repr_mimebundle_()
    assert shown["text/html"].startswith('<div class="mathjax_ignore tex2jax_ignore"><p>')


def test_chart_titles_are_text_in_svg_and_plotly():
    evil = "</title><script>alert(1)</script><a href='javascript:x'>y</a>"
    chart = Chart(evil, Axis(evil), Axis(evil), lines=(Line(evil, (1.0, 2.0), (1.0, 2.0)),))
    assert markup(svg(chart)).tags <= OUR_TAGS
    ET.fromstring(svg(chart))
    title = figure(chart)["layout"]["title"]["text"]
    assert "<" not in title


def test_an_item_map_of_hostile_items_is_well_formed(hostile_results):
    ET.fromstring(svg(charts.item_map(hostile_results.items)))


def test_junit_is_well_formed_and_counts_agree(hostile_results):
    root = ET.fromstring(junit(hostile_results))
    cases = root.findall(".//testcase")
    assert len(cases) == len(list(hostile_results.claims())) + 1, "and that it is incomplete"
    for kind, counter in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        told = sum(int(suite.get(counter)) for suite in root)
        assert told == len(root.findall(f".//{kind}")) > 0


def test_sarif_is_json_and_suppresses_the_waived(hostile_results):
    run = json.loads(sarif(hostile_results))["runs"][0]
    assert any(one.get("suppressions") for one in run["results"])
    assert all(
        run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"]
    )


def test_markdown_has_no_html_links_or_mentions_of_the_target(hostile_results):
    text = markdown(hostile_results).replace("<br>", "")
    assert not re.search(r"<[a-z/]|(?<!\\)\]\(|@", text, re.IGNORECASE)


def test_csv_cells_are_never_formulas(hostile_results):
    import csv as standard
    import io

    for row in standard.reader(io.StringIO(csv(hostile_results))):
        assert len(row) == 9
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
