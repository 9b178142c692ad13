"""What a restore drill says of the time that a recovery takes: shared by two sections."""

import math

from readiness_kit.facts.drills.restore import Recovery, RestoreDrill
from readiness_kit.statistics.restore_time import Interval, Timed, predicted

LARGEST_RATIO = 3.0
"""How much larger than what was restored the live database may be; beyond, nothing is told."""

GROWS = ("fetch", "restore", "replay")
"""Phases that grow with the size."""

PHASES = ("fetch", "restore", "start", "replay", "first_query")


def ratio(drill: RestoreDrill) -> float | None:
    """Return the live size over the restored one; ``None`` where it is not known or too large."""
    if not drill.restored_bytes or not drill.database_bytes:
        return None
    found = drill.database_bytes / drill.restored_bytes
    return found if 0 < found <= LARGEST_RATIO else None


def expected(drill: RestoreDrill) -> Interval | None:
    """Return where the next restore ends, at the size of the live database."""
    scale = ratio(drill)
    if scale is None or not all(map(complete, drill.recoveries)):
        return None
    return predicted([_timed(one) for one in drill.recoveries], scale)


def complete(one: Recovery) -> bool:
    """Whether each phase was timed once, and no time runs backwards."""
    forward = all(
        math.isfinite(phase.until_s) and 0 <= phase.since_s <= phase.until_s for phase in one.phases
    )
    return forward and sorted(phase.name for phase in one.phases) == sorted(PHASES)


def summed_s(one: Recovery) -> float:
    """Return the sum of the phases."""
    return sum(phase.until_s - phase.since_s for phase in one.phases)


def in_words(drill: RestoreDrill) -> str:
    """Return what was measured, and what it comes to."""
    walls = ", ".join(f"{one.wall_s:.1f}" for one in drill.recoveries) or "none"
    said = f"restored in {walls} s"
    found, scale = expected(drill), ratio(drill)
    if scale is None:
        return f"{said}; {drill.restored_bytes} bytes restored, {drill.database_bytes} live"
    if found is None:
        return f"{said}; too few to tell the spread"
    return (
        f"{said}; at {scale:.2f} times that size {found.low_s:.1f} to {found.high_s:.1f} s "
        "(90 %, fixed part and size over rate)"
    )


def _timed(one: Recovery) -> Timed:
    moved = sum(phase.until_s - phase.since_s for phase in one.phases if phase.name in GROWS)
    return Timed(fixed_s=summed_s(one) - moved, moved_s=moved)
