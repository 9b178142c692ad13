"""Find decisions in a document: drawn as a Mermaid flowchart, or written as if and otherwise."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from markdown_it.tree import SyntaxTreeNode

from readiness_kit.facts.papers.parts import Decision
from readiness_kit.probes.papers.parts import codes, links, words_of

_ARROW = re.compile(
    r"\s*(?:--\s+(?P<before>[^>]*?)\s+--+>|(?:--+>|---|-\.+->|==+>)(?:\s*\|(?P<after>[^|]*)\|)?)\s*"
)
_NODE = re.compile(r"(?P<id>\w[\w-]*?)\s*(?P<shape>\{.*\}|\[.*\]|\(.*\))?\s*;?")
_CLICK = re.compile(r'\s*click\s+(?P<id>[\w-]+)\s+(?:href\s+)?"(?P<href>[^"]+)"')
_EITHER = re.compile(r"\b(if|when|does|is|are|can)\b.*\b(else|otherwise|if not)\b", re.IGNORECASE)

TWO = 2

IsDead = Callable[[str], bool]
"""Tells whether a link leads nowhere."""


class _Chart(NamedTuple):
    titles: dict[str, str]
    questions: set[str]
    edges: dict[str, dict[str, str]]
    """From and to, with the label."""

    clicks: dict[str, str]


def decisions(nodes: Iterable[SyntaxTreeNode], is_dead: IsDead) -> Iterator[Decision]:
    """Yield every decision in *nodes*."""
    found = tuple(nodes)
    for code in codes(found):
        if code.language == "mermaid" and re.match(r"\s*(flowchart|graph)\b", code.text):
            yield from _drawn(_chart(code.text), is_dead)
    yield from _written(found, is_dead)


def _chart(text: str) -> _Chart:
    chart = _Chart({}, set(), defaultdict(dict), {})
    for line in text.splitlines()[1:]:
        if click := _CLICK.match(line):
            chart.clicks[click["id"]] = click["href"]
        else:
            _read_line(line.strip(), chart)
    return chart


def _read_line(line: str, chart: _Chart) -> None:
    begin, before = 0, ""
    label = ""
    for arrow in (*_ARROW.finditer(line), None):
        here = _node(line[begin : arrow.start() if arrow else len(line)], chart)
        if before and here:
            chart.edges[before][here] = label
        if arrow is None or not here:
            return
        begin, before = arrow.end(), here
        label = (arrow["before"] or arrow["after"] or "").strip()


def _node(text: str, chart: _Chart) -> str:
    found = _NODE.fullmatch(text.strip())
    if found is None:
        return ""
    shape = found["shape"] or ""
    if shape:
        chart.titles[found["id"]] = shape.strip("{}[]()\"' ")
    if shape.startswith("{"):
        chart.questions.add(found["id"])
    return found["id"]


def _drawn(chart: _Chart, is_dead: IsDead) -> Iterator[Decision]:
    for question, outcomes in chart.edges.items():
        labels = {label for label in outcomes.values() if label}
        if len(outcomes) < TWO or not (question in chart.questions or len(labels) >= TWO):
            continue
        final = [one for one in outcomes if not chart.edges.get(one)]
        dead = [one for one in final if one not in chart.clicks or is_dead(chart.clicks[one])]
        yield Decision(
            question=chart.titles.get(question, question),
            outcomes=len({chart.titles.get(one, one) for one in outcomes}),
            unlinked=tuple(chart.titles.get(one, one) for one in dead),
        )


def _written(nodes: Iterable[SyntaxTreeNode], is_dead: IsDead) -> Iterator[Decision]:
    for node in nodes:
        if node.type in {"list_item", "paragraph"} and _EITHER.search(words_of([node])):
            hrefs = set(links([node]))
            alive = {one for one in hrefs if not is_dead(one)}
            yield Decision(
                question=words_of([node])[:100],
                outcomes=max(TWO, len(hrefs)),
                unlinked=() if len(alive) >= TWO else ("outcomes without a link",),
            )
        else:
            yield from _written(node.children, is_dead)
