"""Read documents by structure: code, comments and what is struck out are not what they say."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from readiness_kit.errors import NotSeen
from readiness_kit.facts.papers.documents import Kind, RecoveryObjectives, StatedObjective
from readiness_kit.sources import Visit, source

KINDS = ("objectives", "recovery", "disaster_recovery", "sla")
"""Kinds of document in which recovery objectives are looked for."""

SIZE_CAP_BYTES = 1_000_000

_TERMS: dict[Kind, str] = {
    "rto": r"\bRTO\b|\brecovery[ -]time[ -]objectives?\b",
    "rpo": r"\bRPO\b|\brecovery[ -]point[ -]objectives?\b",
}
_TERM = re.compile(
    "|".join(f"(?P<{kind}>{words})" for kind, words in _TERMS.items()), re.IGNORECASE
)
_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}
_DURATION = re.compile(
    r"(?P<below><(?!=)|\b(?:less than|below|under|within less than)\b)?\s*"
    r"(?<![\d.,])(?P<number>\d+(?:\.\d+)?|\bone\b|\ban\b)[\s\u00a0-]*"
    r"(?P<unit>s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)\b",
    re.IGNORECASE,
)
_NEAR = 80
"""Most characters between an objective's name and its figure."""


class Text(NamedTuple):
    """One paragraph, heading with its paragraph, list item or table row, as read."""

    line: int
    words: str


@source(effect="read", asks="no request: reads the declared documents", deadline_s=5)
def recovery_objectives(visit: Visit) -> RecoveryObjectives:
    """Read the recovery objectives that the declared documents state.

    Raises:
        NotSeen: No such document is declared, or one cannot be read.

    """
    named = declared(visit, KINDS, "document of recovery objectives")
    found = [one for file in named.values() for one in objectives(read(file), file.name)]
    return RecoveryObjectives(
        observed_at=datetime.now(UTC),
        documents=tuple(f"{kind}: {file.name}" for kind, file in named.items()),
        stated=tuple(found),
    )


def declared(visit: Visit, kinds: Sequence[str], what: str) -> dict[str, Path]:
    """Return the documents of some of these *kinds* that readiness.yaml names, by kind.

    Raises:
        NotSeen: It names none; *what* says what is missing.

    """
    named: dict[str, Path] = {
        kind: file for kind, file in visit.target.documents.items() if kind in kinds
    }
    if not named:
        raise NotSeen(
            f"readiness.yaml names no {what}",
            cause="not_configured",
            hint=f"name one under documents as {' or '.join(kinds)}",
        )
    return named


def read(file: Path) -> str:
    """Return the text of *file*.

    Raises:
        NotSeen: It cannot be read, or is too long to be a document.

    """
    try:
        with file.open("rb") as stream:
            data = stream.read(SIZE_CAP_BYTES + 1)
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct documents"
        ) from error
    if len(data) > SIZE_CAP_BYTES:
        raise NotSeen(f"{file} is longer than {SIZE_CAP_BYTES} bytes", hint="name a document")
    return data.decode("utf-8", "replace")


def objectives(markdown: str, document: str) -> Iterator[StatedObjective]:
    """Yield every recovery objective that *markdown* states.

    >>> [(one.kind, one.minutes) for one in objectives("RTO: < 1 hour, RPO: 15 min", "dr.md")]
    [('rto', 60.0), ('rpo', 15.0)]
    """
    for text in texts(markdown):
        for kind, below, minutes in _figures(text.words):
            yield StatedObjective(
                kind=kind,
                minutes=minutes,
                below=below,
                document=document,
                line=text.line,
                words=text.words[:200],
            )


def texts(markdown: str) -> Iterator[Text]:
    """Yield what *markdown* says: paragraphs, table rows, a heading with what it heads."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    heading: Text | None = None
    row: list[str] = []
    inside = ""
    for token in tokens:
        if token.type in {"heading_open", "tr_open"}:
            inside, row = token.type, []
            line = (token.map or [0])[0] + 1
        elif token.type == "tr_close":
            yield Text(line, " : ".join(row))
            inside, heading = "", None
        elif token.type == "heading_close":
            inside = ""
        elif token.type == "inline":
            words = shown(token)
            if inside == "tr_open":
                row.append(words)
            elif inside == "heading_open":
                heading = Text(line, words)
                yield heading
            else:
                under = heading if heading and not _TERM.search(words) else None
                line = (token.map or [0])[0] + 1
                yield Text(line, f"{under.words}: {words}" if under else words)
                heading = None


def shown(inline: Token) -> str:
    """Return the words of *inline* without what is struck out, or hidden in a comment."""
    words, struck = [], 0
    for child in inline.children or ():
        struck += {"s_open": 1, "s_close": -1}.get(child.type, 0)
        if not struck and child.type in {"text", "code_inline"}:
            words.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            words.append(" ")
    return "".join(words)


def _figures(words: str) -> Iterator[tuple[Kind, bool, float]]:
    """Yield objective, whether "less than", and minutes, for each name followed by a figure."""
    terms = list(_TERM.finditer(words))
    ends = [*(term.start() for term in terms[1:]), len(words)]
    for term, end in zip(terms, ends, strict=False):
        found = _DURATION.search(words, term.end(), min(end, term.end() + _NEAR))
        if found is None or ". " in words[term.end() : found.start()]:
            continue
        number = found["number"].lower()
        count = 1.0 if number in {"an", "one"} else float(number)
        kind: Kind = "rto" if term["rto"] else "rpo"
        yield kind, bool(found["below"]), count * _MINUTES[found["unit"][0].lower()]
