"""How long a restore takes at another size, from a few that were timed.

A restore has a part that does not grow (a server starts, a first query is answered) and one that
grows with the bytes. The interval is that of one more restore: Student's t over the times, scaled.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from readiness_kit.statistics.student import quantile

CONFIDENCE = 0.9
"""Share of further restores that end within the interval."""

FEWEST = 2
"""Of fewer restores nothing is known about their spread."""


class Timed(NamedTuple):
    """One restore."""

    fixed_s: float
    """What does not grow with the size."""

    moved_s: float
    """What does."""


class Interval(NamedTuple):
    """Where the next restore ends, seconds."""

    low_s: float
    high_s: float


def predicted(restores: Sequence[Timed], ratio: float) -> Interval | None:
    """Return the interval at *ratio* times the size restored; ``None`` where it cannot be told.

    A smaller database is taken to be no quicker.

    >>> predicted([Timed(1, 10), Timed(1, 11), Timed(1, 12)], 2)
    Interval(low_s=16.3, high_s=29.7)
    >>> predicted([Timed(1, 10)], 1) is None
    True
    """
    times = [one.fixed_s + one.moved_s * max(1.0, ratio) for one in restores]
    sane = all(math.isfinite(one) and one >= 0 for one in times)
    if len(times) < FEWEST or not sane or not math.isfinite(ratio):
        return None
    spread = stdev(times) * math.sqrt(1 + 1 / len(times))
    around = quantile(CONFIDENCE, len(times) - 1) * spread
    middle = fmean(times)
    return Interval(round(max(0.0, middle - around), 1), round(middle + around, 1))
