"""Charts of recoveries: how long each phase took, one under the other."""

import math
from collections.abc import Iterable, Sequence

from readiness_kit.facts.drills.failover import FailoverDrill
from readiness_kit.facts.drills.recovery import ArchiveRecovery, CopyRecovered, PointInTimeRecovery
from readiness_kit.facts.drills.restore import Phase, RestoreDrill
from readiness_kit.load_verdict.restores import PHASES, expected
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit
from readiness_kit.reports.look import BLUE

HEIGHT_PX = 220
HALF = 0.4

STAGES = ("stop", "promote", "writing_again", "rejoin", "back")

Span = tuple[str, float, float]
"""Name, begin and end."""


def restore_picture(drill: RestoreDrill) -> Chart:
    """Draw the phases of the last restore."""
    found, times = expected(drill), len(drill.recoveries)
    next_one = f"; the next takes {found.low_s:.1f} to {found.high_s:.1f} s (90 %)" if found else ""
    phases = drill.recoveries[-1].phases if drill.recoveries else ()
    return Chart(
        title=f"Not restored: {drill.error}"[:90]
        if drill.error
        else f"Restored {times} times{next_one}",
        x=Axis("seconds since the first byte was fetched", least=0),
        y=Axis("", names=_words(PHASES)),
        boxes=(_boxes("phases of the last", PHASES, _spans(phases), BLUE),),
        note=f"{drill.backup} ({drill.kind}) with {drill.server}; a dump has no WAL to replay.",
        height_px=HEIGHT_PX,
    )


def loss_picture(drill: ArchiveRecovery) -> Chart:
    """Draw the phases of recovering what the archive had."""
    lost = "nothing" if drill.lost_s is None else f"{drill.lost_s:.1f} s"
    title = f"{drill.came_back} of {drill.acknowledged} rows came back, lost {lost}"
    return _copy(title, drill.recovered)


def pitr_picture(drill: PointInTimeRecovery) -> Chart:
    """Draw the phases of recovering to a moment."""
    title = (
        f"{drill.before_recovered} of {drill.before_written} rows from before the moment, "
        f"{drill.after_recovered} of {drill.after_written} from after it"
    )
    return _copy(title, drill.recovered)


def failover_picture(drill: FailoverDrill) -> Chart:
    """Draw what was done, and how long nobody could write."""
    gap = (
        "Writing never went on" if drill.gap_s is None else f"Writing stood for {drill.gap_s:.1f} s"
    )
    spans = [(one.name, one.since_s, one.until_s) for one in drill.stages]
    began_s = min((since_s for _, since_s, _ in spans), default=0.0)
    again = (
        ()
        if drill.gap_s is None
        else (Limit("writing again", began_s + drill.gap_s, upright=True),)
    )
    return Chart(
        title=f"{gap}; {drill.lost} of {drill.acknowledged} acknowledged rows lost",
        x=Axis("seconds since the writer began", least=0),
        y=Axis("", names=_words(STAGES)),
        boxes=(_boxes("stages", STAGES, spans, BLUE),),
        limits=again,
        height_px=HEIGHT_PX,
    )


def _copy(title: str, copy: CopyRecovered) -> Chart:
    return Chart(
        title=title,
        x=Axis("seconds since the first byte was fetched", least=0),
        y=Axis("", names=_words(PHASES)),
        boxes=(_boxes("phases", PHASES, _spans(copy.phases), BLUE),),
        note=f"Base backup: {copy.base}. {copy.error}".strip(),
        height_px=HEIGHT_PX,
    )


def _spans(phases: Iterable[Phase]) -> list[Span]:
    return [(one.name, one.since_s, one.until_s) for one in phases]


def _boxes(name: str, rows: tuple[str, ...], spans: Sequence[Span], colour: str) -> Boxes:
    known = [one for one in spans if one[0] in rows and all(map(math.isfinite, one[1:]))]
    middle = [float(rows.index(row)) for row, _, _ in known]
    return Boxes(
        name=name,
        x0=tuple(since_s for _, since_s, _ in known),
        x1=tuple(until_s for _, _, until_s in known),
        y0=tuple(at - HALF for at in middle),
        y1=tuple(at + HALF for at in middle),
        labels=tuple(
            f"{row.replace('_', ' ')}: {until_s - since_s:.2f} s" for row, since_s, until_s in known
        ),
        colour=colour,
    )


def _words(rows: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row.replace("_", " ") for row in rows)
