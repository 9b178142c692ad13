"""Exact, mergeable histograms of durations.

Durations are whole microseconds in log-linear bins: one bin per microsecond below 256, then 128
bins per power of two, so a bin is never wider than 1/128 (0.8 %) of what it holds. Adding two
histograms adds their counts and loses nothing, whatever the order: workers, seconds and runs merge
exactly.

The layout is that of Gil Tene's HdrHistogram.
"""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Literal, Self

import msgspec

BITS = 7
"""A bin is 2⁻⁷ of what it holds, at most."""

BINS = 26 << BITS
"""Bins for durations under 2³² microseconds, 71 min."""

_EXACT = 2 << BITS


def bin_of(us: int) -> int:
    """Return the bin that holds a duration of *us* microseconds."""
    shift = us.bit_length() - BITS - 1
    return us if shift <= 0 else (shift << BITS) + (us >> shift)


def edges_us(index: int) -> tuple[int, int]:
    """Return the least and the greatest duration, in microseconds, that bin *index* holds."""
    if index < _EXACT:
        return index, index
    shift = (index >> BITS) - 1
    low = (index - (shift << BITS)) << shift
    return low, low + (1 << shift) - 1


class Histogram(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long things took. The JSON form is sparse and versioned."""

    version: Literal[1] = 1
    """Layout of the bins."""

    bins: tuple[int, ...] = ()
    """Occupied bins, ascending."""

    counts: tuple[int, ...] = ()
    """How many durations each occupied bin holds."""

    lost: int = 0
    """Durations known only to be worse than any other: failed and unanswered requests."""

    max_us: int = 0
    """Longest duration, exact, microseconds; the lost ones apart."""

    def __post_init__(self) -> None:
        """Refuse a histogram that contradicts itself."""
        if len(self.bins) != len(self.counts):
            raise ValueError(f"{len(self.bins)} bins but {len(self.counts)} counts")
        if self.lost < 0 or any(count <= 0 for count in self.counts):
            raise ValueError("a count must be positive")
        if any(a >= b for a, b in zip((-1, *self.bins), self.bins, strict=False)):
            raise ValueError("bins must ascend from 0")

    @property
    def n(self) -> int:
        """How many durations, the lost ones included."""
        return sum(self.counts) + self.lost

    def __add__(self, other: Self) -> "Histogram":
        """Return the exact merge."""
        return merge((self, other))

    def at_rank(self, rank: int) -> tuple[float, float]:
        """Return bounds, in milliseconds, on the *rank*-th shortest duration (from 1).

        A lost duration is ``inf``.
        """
        if not 1 <= rank <= self.n:
            raise ValueError(f"no rank {rank} among {self.n}")
        for index, total in zip(self.bins, accumulate(self.counts), strict=True):
            if total >= rank:
                low, high = edges_us(index)
                return low / 1000, min(high, self.max_us) / 1000
        return math.inf, math.inf

    def quantile_ms(self, p: float) -> float | None:
        """Return the quantile *p* (0 < p <= 1), milliseconds, within 0.4 %; None when empty.

        It is ``inf`` when so many are lost that the quantile is one of them.
        """
        if not self.n:
            return None
        low, high = self.at_rank(max(1, math.ceil(p * self.n)))
        return (low + high) / 2

    def share_over(self, limit_ms: float) -> float:
        """Return the share of durations over *limit_ms*, the lost ones included; 0 when empty."""
        over = sum(
            count
            for index, count in zip(self.bins, self.counts, strict=True)
            if edges_us(index)[1] > limit_ms * 1000
        )
        return (over + self.lost) / self.n if self.n else 0.0


class Recorder:
    """A histogram while it grows."""

    __slots__ = ("_counts", "_lost", "_max_us")

    def __init__(self) -> None:
        """Start empty."""
        self._counts: Counter[int] = Counter()
        self._lost = 0
        self._max_us = 0

    def record(self, seconds: float) -> None:
        """Add one duration."""
        us = max(0, round(seconds * 1e6))
        self._counts[bin_of(us)] += 1
        self._max_us = max(self._max_us, us)

    def lose(self) -> None:
        """Add one duration known only to be worse than any other."""
        self._lost += 1

    def histogram(self) -> Histogram:
        """Return what was recorded so far."""
        return _of(self._counts, self._lost, self._max_us)


def merge(parts: Iterable[Histogram]) -> Histogram:
    """Return the exact sum of *parts*."""
    counts: Counter[int] = Counter()
    lost = max_us = 0
    for part in parts:
        counts.update(dict(zip(part.bins, part.counts, strict=True)))
        lost += part.lost
        max_us = max(max_us, part.max_us)
    return _of(counts, lost, max_us)


def _of(counts: Counter[int], lost: int, max_us: int) -> Histogram:
    bins = tuple(sorted(counts))
    return Histogram(
        bins=bins, counts=tuple(counts[index] for index in bins), lost=lost, max_us=max_us
    )
