"""When a document was last reviewed or changed: by its own word, and by git."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from readiness_kit.facts.papers.parts import PaperDates
from readiness_kit.probes.source.tree import git

COMMITS = 50
"""So many commits of a document are looked at."""

FUTURE = timedelta(days=1)
"""A date further ahead is none: time zones differ by less."""

_REVIEWED = re.compile(
    r"(?:reviewed|updated|revised|tested)(?:\s+on)?\s*:?\s*(20\d\d-\d\d-\d\d)", re.IGNORECASE
)
_LAYOUT = re.compile(r"\b(re-?format\w*|prettier|white-?space|lint\w*)\b", re.IGNORECASE)


class _Commit(NamedTuple):
    id: str
    at: datetime
    subject: str
    changed: bool
    """Whether more than white space changed."""


def dates(file: Path, words: str) -> PaperDates:
    """Return when *file*, which says *words*, was last in somebody's hands."""
    ignored = 0
    changed_at = None
    told, cut = _told_to_ignore(file.parent), _where_history_is_cut(file.parent)
    for commit in _commits(file):
        if commit.id in cut:  # of a shallow clone: it seems to have written every file
            break
        if commit.changed and commit.id not in told and not _LAYOUT.search(commit.subject):
            changed_at = commit.at
            break
        ignored += 1
    return PaperDates(reviewed_on=reviewed(words), changed_at=changed_at, ignored_commits=ignored)


def reviewed(words: str) -> datetime | None:
    """Return the latest day on which *words* say they were reviewed.

    >>> reviewed("Reviewed: 2026-03-01 by the operations lead")
    datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    days = []
    for found in _REVIEWED.finditer(words):
        try:
            days.append(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
        except ValueError:
            continue
    return max((day for day in days if day < datetime.now(UTC) + FUTURE), default=None)


def _commits(file: Path) -> Iterator[_Commit]:
    """Yield the commits of *file*, newest first; none where git does not keep it."""
    form = "--format=%x00%H%x01%cI%x01%s"
    arguments = ("log", f"-n{COMMITS}", form, "-w", "--ignore-blank-lines", "--numstat")
    said = git(file.parent, *arguments, "--no-ext-diff", "--no-textconv", "--", file.name) or b""
    for part in said.decode("utf-8", "replace").split("\0")[1:]:
        head, _, numbers = part.partition("\n")
        sha, _, rest = head.partition("\x01")
        at, _, subject = rest.partition("\x01")
        counts = [count for line in numbers.splitlines() for count in line.split("\t")[:2]]
        changed = any(count not in {"", "0", "-"} for count in counts)
        yield _Commit(sha, datetime.fromisoformat(at).astimezone(UTC), subject, changed)


def _where_history_is_cut(folder: Path) -> frozenset[str]:
    """Return the commits whose parents a shallow clone lacks."""
    named = git(folder, "rev-parse", "--git-path", "shallow")
    try:
        text = (folder / named.decode().strip()).read_text(encoding="ascii") if named else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    return frozenset(text.split())


def _told_to_ignore(folder: Path) -> frozenset[str]:
    """Return the commits that .git-blame-ignore-revs at the top of the tree names."""
    top = git(folder, "rev-parse", "--show-toplevel")
    file = Path(top.decode().strip()) / ".git-blame-ignore-revs" if top else None
    try:
        text = file.read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    return frozenset(re.findall(r"^[0-9a-f]{40}\b", text, re.MULTILINE))
