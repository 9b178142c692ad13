"""Read the documents that tell how to recover: are there steps, commands, people, decisions."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from markdown_it.tree import SyntaxTreeNode

from readiness_kit.facts.papers.parts import (
    Act,
    Contact,
    Paper,
    Procedure,
    RecoveryPapers,
    Step,
    Way,
)
from readiness_kit.probes.papers.dates import dates
from readiness_kit.probes.papers.decisions import decisions
from readiness_kit.probes.papers.documents import declared, read
from readiness_kit.probes.papers.parts import (
    Item,
    Section,
    Table,
    codes,
    items,
    leads_nowhere,
    links,
    parse,
    tables,
    with_below,
    words_of,
)
from readiness_kit.probes.papers.shell import Checker, checker, problems
from readiness_kit.sources import Visit, source

KINDS = ("recovery", "disaster_recovery", "runbooks", "failover")
"""Kinds of document that are read."""

_RESTORES = (
    r"\bpg_restore\b|\bpsql\b.*(<|-f\b|--file)|pgbackrest\b.* restore\b|\bbarman\b.* recover"
    r"|\bbackup-fetch\b|\bpg_basebackup\b|restore-db-|backups restore\b"
)
_TO_A_MOMENT = (
    r"recovery_target|--target(-time)?[= ]|--type[= ]time|--restore-time|to-point-in-time"
)
_PROMOTES = r"\bpromote\b|(fail|switch)over\b|pg_promote"
_WAYS: dict[Way, tuple[str, str]] = {
    "restore": (r"\brestor|\brecover (from|a|the) .*(dump|backup)", _RESTORES),
    "point_in_time": (r"point[- ]in[- ]time|\bPITR\b", _TO_A_MOMENT),
    "failover": (r"fail[- ]?over|switch[- ]?over|\bpromot", _PROMOTES),
}
"""What a heading says, and what a command of its steps does."""

_ACTS: dict[Act, str] = {
    "promote": r"\bpromot|pg_promote|(fail|switch)over\b",
    "fence": r"\bfenc|\bstonith|stays? down|\bisolat|two (writers|primaries)|split[- ]brain"
    r"|\bstop\w*\b.*\bprimary|\bprimary\b.*\bstop",
    "redirect": r"\bredirect|re-?point|connection string|\bDNS\b|virtual (ip|address)|\bVIP\b"
    r"|\bpooler\b|target_session_attrs|\bendpoint",
    "rejoin": r"\bre-?join|pg_rewind|\bas (a|the) (new )?standby|rebuild|\breinit",
}

_ROLE = re.compile(r"\b(role|level|team|function|duty|responsib)", re.IGNORECASE)
_NAME = re.compile(r"\b(name|who|person|contact)", re.IGNORECASE)
_HOW = re.compile(r"\b(how|way|phone|mail|e-mail|pager|channel|reach)", re.IGNORECASE)


@source(effect="read", asks="no request: reads documents, checks their shell", deadline_s=30)
def recovery_papers(visit: Visit) -> RecoveryPapers:
    """Read every declared document of recovery by its structure.

    Raises:
        NotSeen: None is declared, or one cannot be read.

    """
    named = declared(visit, KINDS, "document that tells how to recover")
    by = checker()
    return RecoveryPapers(
        papers=tuple(paper(kind, file, by) for kind, file in named.items()),
        shell_checker=by.version if by else "",
        observed_at=datetime.now(UTC),
    )


def paper(kind: str, file: Path, by: Checker | None) -> Paper:
    """Read one document.

    Raises:
        NotSeen: It cannot be read.

    """
    sections = parse(read(file))
    nodes = [node for section in sections for node in section.nodes]
    words = words_of(nodes)

    def is_dead(href: str) -> bool:
        return leads_nowhere(href, file.parent, sections)

    return Paper(
        kind=kind,
        file=file.name,
        words=len(words.split()),
        dates=dates(file, words),
        procedures=tuple(_procedures(sections)),
        contacts=tuple(contact for table in tables(nodes) for contact in _contacts(table)),
        decisions=tuple(decisions(nodes, is_dead)),
        dead_links=tuple(dict.fromkeys(href for href in links(nodes) if is_dead(href))),
        shell_problems=problems(codes(nodes), by),
    )


def _procedures(sections: tuple[Section, ...]) -> Iterator[Procedure]:
    for number, section in enumerate(sections):
        steps = list(items(with_below(sections, number)))
        if section.heading and steps:
            yield Procedure(
                heading=section.heading,
                line=section.line,
                ways=tuple(_ways(section.heading, with_below(sections, number))),
                steps=tuple(_step(one) for one in steps),
            )


def _ways(heading: str, nodes: tuple[SyntaxTreeNode, ...]) -> Iterator[Way]:
    commands = "\n".join(command for item in items(nodes) for command in item.commands)
    for way, (named, taken) in _WAYS.items():
        if re.search(named, heading, re.IGNORECASE) and re.search(taken, commands, re.IGNORECASE):
            yield way


def _step(item: Item) -> Step:
    found = (act for act, words in _ACTS.items() if re.search(words, item.words, re.IGNORECASE))
    return Step(line=item.line, commands=len(item.commands), acts=tuple(found))


def _contacts(table: Table) -> Iterator[Contact]:
    """Yield the rows of a table that has a column each for role, name and way."""
    places = []
    for words in (_ROLE, _HOW, _NAME):
        free = (n for n, name in enumerate(table.columns) if n not in places and words.search(name))
        place = next(free, None)
        if place is None:
            return
        places.append(place)
    for line, cells in table.rows:
        told = [cells[place] if place < len(cells) else "" for place in places]
        yield Contact(line=line, name=told[2], complete=all(told))
