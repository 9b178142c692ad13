"""Charts of what grows old: backups over time, documents and drills by their age."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from readiness_kit.checks.database.backup_strategy import NEWEST
from readiness_kit.checks.disaster_recovery.drills import QUARTER
from readiness_kit.checks.disaster_recovery.runbooks import FRESH_DAYS, OLD_DAYS
from readiness_kit.facts.backups.folder import BackupFolder
from readiness_kit.facts.papers.parts import Paper, RecoveryPapers
from readiness_kit.facts.records.drills import DrillRecords, RecordedDrill
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit
from readiness_kit.reports.look import BLUE, GREY, PURPLE

HOUR = timedelta(hours=1)
HOUR_S, DAY_S = 3600.0, 86_400.0
THINNEST_DAYS = 2.0
"""Width of the bar of a document that was in hand today."""

WIDE_H = 3
"""Width of a bar that stands for one backup."""

HALF = 0.35
SHOWN = 200
"""Most bars, the newest first."""


def backups_picture(folder: BackupFolder) -> Chart:
    """Draw each backup at its time, as high as it is large."""
    now = folder.observed_at
    shown = [one for one in folder.backups if one.made_at <= now][:SHOWN]
    newest = max((one.made_at for one in shown), default=None)
    unit, name = _unit([one.size_bytes for one in shown])
    half = WIDE_H * HOUR_S / 2
    limit_h = NEWEST / HOUR
    age = "" if newest is None else f", the newest {(now - newest) / HOUR:.1f} h old"
    kinds = ((True, "marked as successful", BLUE, ""), (False, "without a mark", PURPLE, "?"))
    return Chart(
        title=f"{len(shown)} backups{age}; {limit_h:g} h at most",
        x=Axis("made, UTC", dates=True),
        y=Axis(f"size, {name}", least=0),
        boxes=tuple(
            Boxes(
                name=word,
                x0=tuple(one.made_at.timestamp() - half for one in found),
                x1=tuple(one.made_at.timestamp() + half for one in found),
                y0=(0.0,) * len(found),
                y1=tuple(one.size_bytes / unit for one in found),
                labels=tuple(
                    f"{one.name}: {one.made_at:%Y-%m-%d %H:%M}, {one.size_bytes / unit:.3g} {name}"
                    for one in found
                ),
                colour=colour,
                symbol=symbol,
            )
            for marked, word, colour, symbol in kinds
            if (found := [one for one in shown if one.marked is marked])
        ),
        limits=(
            Limit(f"{limit_h:g} h ago", now.timestamp() - limit_h * HOUR_S, upright=True),
            Limit("now", now.timestamp(), upright=True),
        ),
        note="More lies there than was listed." if folder.truncated else "",
    )


def papers_picture(papers: RecoveryPapers) -> Chart:
    """Draw how long ago each document was last changed or reviewed."""
    now = papers.observed_at
    dated = [(one, latest) for one in papers.papers if (latest := one.dates.latest) is not None]
    ages = [(one, max(0, (now - latest).days)) for one, latest in dated]
    names = tuple(_name(one) for one in papers.papers)
    unknown = [one.file for one in papers.papers if one.dates.latest is None]
    oldest = max((age for _, age in ages), default=None)
    rows = [float(papers.papers.index(one)) for one, _ in ages]
    return Chart(
        title="No document's age is known"
        if oldest is None
        else f"The oldest of {len(ages)} documents was in hand {oldest} days ago",
        x=Axis("days since the last change or review", least=0),
        y=Axis("", names=names or ("none declared",)),
        boxes=(
            Boxes(
                name="days",
                x0=(0.0,) * len(ages),
                x1=tuple(max(THINNEST_DAYS, float(age)) for _, age in ages),
                y0=tuple(row - HALF for row in rows),
                y1=tuple(row + HALF for row in rows),
                labels=tuple(f"{one.file}: {age} days" for one, age in ages),
            ),
        ),
        limits=(
            Limit(f"{FRESH_DAYS} days", float(FRESH_DAYS), upright=True),
            Limit(f"{OLD_DAYS} days", float(OLD_DAYS), upright=True),
        ),
        note=f"Not dated: {', '.join(unknown)}." if unknown else "",
        height_px=130 + 30 * max(1, len(names)),
    )


def drills_picture(records: DrillRecords) -> Chart:
    """Draw each drill on record at its time, by kind and by what came of it."""
    now = records.observed_at
    held = [one for one in records.records if one.held_at <= now][:SHOWN]
    last = max(held, key=lambda one: one.held_at, default=None)
    kinds = tuple(dict.fromkeys(one.kind for one in held))
    width_s = _width_s(now, (one.held_at for one in held))
    outcomes = (("succeeded", BLUE, ""), ("failed", PURPLE, "!"))
    return Chart(
        title="No drill on record"
        if last is None
        else f"Drills on record: {len(held)}; the last {last.outcome} "
        f"{(now - last.held_at).days} days ago",
        x=Axis("held, UTC", dates=True),
        y=Axis("", names=tuple(one.replace("_", " ") for one in kinds) or ("none",)),
        boxes=tuple(
            _drills(
                outcome, [one for one in held if one.outcome == outcome], kinds, width_s
            )._replace(colour=colour, symbol=symbol)
            for outcome, colour, symbol in outcomes
            if any(one.outcome == outcome for one in held)
        ),
        limits=(
            Limit("a quarter ago", now.timestamp() - QUARTER.total_seconds(), upright=True),
            Limit("now", now.timestamp(), upright=True),
        ),
        note=f"{len(records.rejected)} records count for nothing." if records.rejected else "",
        height_px=140 + 32 * max(1, len(kinds)),
    )


def _drills(
    outcome: str, held: list[RecordedDrill], kinds: tuple[str, ...], width_s: float
) -> Boxes:
    rows = [float(kinds.index(one.kind)) for one in held]
    return Boxes(
        name=outcome,
        x0=tuple(one.held_at.timestamp() - width_s / 2 for one in held),
        x1=tuple(one.held_at.timestamp() + width_s / 2 for one in held),
        y0=tuple(row - HALF for row in rows),
        y1=tuple(row + HALF for row in rows),
        labels=tuple(
            f"{one.kind.replace('_', ' ')} {one.outcome}, {one.held_at:%Y-%m-%d}, by {one.person}"
            for one in held
        ),
        colour=GREY,
    )


def _width_s(now: datetime, times: Iterable[datetime]) -> float:
    """Return a width that can be seen on an axis from the earliest, or a quarter ago, to now."""
    longest_s = max((QUARTER.total_seconds(), *((now - one).total_seconds() for one in times)))
    return max(DAY_S, longest_s / 100)


def _unit(sizes: Iterable[int]) -> tuple[float, str]:
    """Return the unit in which the largest of *sizes* is at least 1.

    >>> _unit([5_000_000]), _unit([])
    ((1000000.0, 'MB'), (1.0, 'B'))
    """
    names = ("B", "kB", "MB", "GB", "TB")
    largest = max(sizes, default=0)
    power = min(int(math.log10(largest) / 3), len(names) - 1) if largest >= 1 else 0
    return 1000.0**power, names[power]


def _name(paper: Paper) -> str:
    return f"{paper.kind}: {paper.file}"[:40]
