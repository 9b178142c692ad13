"""Read who is told what in an incident, and ask the status page whether it is there."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from markdown_it.tree import SyntaxTreeNode

from readiness_kit.facts.papers.parts import CommunicationPlan, Message, Moment
from readiness_kit.probes.papers.dates import dates
from readiness_kit.probes.papers.documents import declared, read
from readiness_kit.probes.papers.parts import Section, line_of, parse, tables, with_below, words_of
from readiness_kit.sources import Visit, source

_STAKEHOLDERS = re.compile(r"stakeholder|audience|who is told|whom to tell", re.IGNORECASE)
_MESSAGE = re.compile(r"message|template|notice|notification|announce|update|mail", re.IGNORECASE)
_MOMENTS: tuple[tuple[Moment, str], ...] = (
    ("end", r"\bend\b|\bresol|\bclos|\bover\b|restored|all[- ]clear|afterwards"),
    ("update", r"between|\bupdate|progress|identified|on-?going|monitoring|every hour"),
    ("start", r"start|begin|first|initial|investigat|detected|outage"),
)
_OWNER = re.compile(r"\bowner[^:\n]{0,40}:\s*(?P<who>[^\s,;][^\n,;]*)", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\{[^{}\n]+\}|<[a-z][^<>\n]*>|\[[A-Za-z][^\]\n]*\](?!\()|\$\{?[A-Z_]+|_{3,}"
)
TOLD = 2
"""Cells that a row of the list has at least: who, and how."""


@source(effect="read", asks="no request: reads documents.communication", deadline_s=10)
def communication_plan(visit: Visit) -> CommunicationPlan:
    """Read the document by its structure.

    Raises:
        NotSeen: None is declared, or it cannot be read.

    """
    file = declared(visit, ("communication",), "plan of communication")["communication"]
    text = read(file)
    sections = parse(text)
    nodes = [node for section in sections for node in section.nodes]
    words = words_of(nodes)
    return CommunicationPlan(
        observed_at=datetime.now(UTC),
        file=file.name,
        words=len(words.split()),
        dates=dates(file, words),
        stakeholders=sum(_told(sections)),
        owner=next(_owners(nodes), ""),
        messages=tuple(_messages(sections, text.splitlines())),
    )


def _told(sections: tuple[Section, ...]) -> Iterator[int]:
    for number, section in enumerate(sections):
        if _STAKEHOLDERS.search(section.heading):
            nodes = with_below(sections, number)
            rows = [cells for table in tables(nodes) for _, cells in table.rows]
            yield sum(sum(map(bool, cells)) >= TOLD for cells in rows)
            yield sum(":" in words_of([item]) for item in _bullets(nodes))


def _owners(nodes: list[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        if found := _OWNER.search(words_of([node])):
            yield found["who"].strip()[:100]


def _bullets(nodes: tuple[SyntaxTreeNode, ...]) -> Iterator[SyntaxTreeNode]:
    for node in nodes:
        if node.type == "bullet_list":
            yield from node.children


def _messages(sections: tuple[Section, ...], lines: list[str]) -> Iterator[Message]:
    """Yield each section that holds a message: a quotation, a code block, or text to fill in."""
    for section in sections:
        if not _MESSAGE.search(section.heading) or not section.nodes:
            continue
        text = "\n".join(_source(node, lines) for node in section.nodes)
        places = set(_PLACEHOLDER.findall(text))
        quoted = any(node.type in {"blockquote", "fence", "code_block"} for node in section.nodes)
        if places or quoted:
            yield Message(
                line=section.line, moment=moment_of(section.heading), placeholders=len(places)
            )


def moment_of(heading: str) -> Moment:
    """Return when the message under *heading* is sent.

    >>> moment_of("Message at the end"), moment_of("Resolved"), moment_of("Template")
    ('end', 'end', 'general')
    """
    found = (one for one, words in _MOMENTS if re.search(words, heading, re.IGNORECASE))
    return next(found, "general")


def _source(node: SyntaxTreeNode, lines: list[str]) -> str:
    begin, end = node.map or (line_of(node) - 1, line_of(node))
    return "\n".join(lines[begin:end])
