"""Whether memory grows without end, rather than warming up, wandering or waiting for the collector.

Resident memory is a saw with a memory: it climbs until something collects, and a plain Mann-Kendall
test on the samples calls flat noise a leak in 30 % of series, a warm-up always. What a leak raises
is the floor. So the first fifth is dropped as warm-up, the rest cut into blocks at least as long as
the period of the saw, and the least value of each block kept: the trough envelope. It is a leak
when all of these hold:

- the Theil-Sen interval of the floor's slope is above 0, and Mann-Kendall has p < 0.05;
- it grew by 256 KiB at least: allocators take memory in pieces of about that size, so less is no
  growth that resident memory can show;
- the late half still grows, at 0.6 of the whole slope at least;
- the trend is what moves the floor: it grew by six times the spread around it (R² of 3/4), which a
  slow wander hardly ever does.

Growth without the last two is *unsettled*: neither a leak nor the proof that there is none.

Measured on 30 min of samples, one every 5 s, around 300 MB, 400 series of each kind. Called a leak:
flat noise, quick warm-up, filling cache and a saw of 100 s 0 %, a saw of 250 s 0.5 %, a slow wander
1 %, a warm-up that takes 7 min to settle by 63 % 1.5 %. Called a leak rightly: 36 MB/h 96 to 99 %,
72 MB/h 100 %. Flat noise is unsettled in 2 to 4 %, a slow wander in 23 %. In 6 min a slow wander is
called a leak in 5 %, the others in 1 % at most; 360 MB/h are found in 99 %.

A warm-up slower than that, and a saw with fewer than four teeth, may look like a leak.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from operator import mul
from statistics import fmean, pstdev
from typing import Literal

import msgspec

from readiness_kit.statistics.trend import Point, mann_kendall, theil_sen

LEAST_SECONDS = 300
"""Shortest series that is judged."""

LEAST_SAMPLES = 60
"""Fewest samples that are judged: 300 s, one every 5 s."""

WARM_UP = 0.2
"""Share of the series that is dropped from its start."""

GRAIN_BYTES = 256 * 1024
"""Least growth that is told from none (glibc's trim threshold is 128 KiB, CPython's arenas are 256
KiB and more)."""

_BLOCKS = 24
_FEWEST_BLOCKS = 6
_STILL_GROWING = 0.6
_SPREADS = 6.0
_PER_HOUR_MB = 3600 / 1e6


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How the floor of memory moved. A MB is 10⁶ bytes."""

    state: Literal["leak", "unsettled", "steady"]
    """A leak; growth of another shape, such as a warm-up that is not over; no growth found."""

    slope_mb_h: float
    """Growth of the floor, MB an hour."""

    low_mb_h: float
    """Lower end of its 95 % interval; infinite where blocks are too few."""

    high_mb_h: float
    """Upper end."""

    p: float
    """Of the Mann-Kendall test."""

    late_mb_h: float
    """Growth of the floor in the late half."""

    detectable_mb_h: float
    """A leak that would have been found in nine of ten such series, and called steady in none."""

    floor: tuple[Point, ...]
    """The trough envelope: seconds and bytes of the least sample of each block."""

    def seconds_to(self, limit_bytes: float) -> float | None:
        """Return the seconds from the last trough until a leak reaches *limit_bytes*.

        None when it is no leak; 0 when it is there already.
        """
        if self.state != "leak":
            return None
        return max(0.0, (limit_bytes - self.floor[-1][1]) * _PER_HOUR_MB / self.slope_mb_h)


class TooFew(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be said: the series is too short or too thin."""

    seconds: float
    """Its length."""

    samples: int
    """Its number of samples."""

    needed_seconds: float = LEAST_SECONDS
    needed_samples: int = LEAST_SAMPLES


def growth(samples: Sequence[Point]) -> Growth | TooFew:
    """Return how memory grew, from *samples* of (seconds, bytes), evenly spaced, in order of time.

    They are of one process: memory given back by a restart would hide a leak.

    Raises:
        ValueError: Time runs backwards, or a value is not finite.

    """
    if any(early[0] >= late[0] for early, late in pairwise(samples)):
        raise ValueError("samples must be in order of time")
    if not all(math.isfinite(x) for sample in samples for x in sample):
        raise ValueError("samples must be finite")
    seconds = samples[-1][0] - samples[0][0] if samples else 0.0
    if seconds < LEAST_SECONDS or len(samples) < LEAST_SAMPLES:
        return TooFew(seconds=seconds, samples=len(samples))
    return _of(_floor(samples[int(len(samples) * WARM_UP) :]))


def _of(floor: Sequence[Point]) -> Growth:
    slope, p = theil_sen(floor), mann_kendall([value for _, value in floor]).p
    late = theil_sen(floor[len(floor) // 2 :]).value
    span = floor[-1][0] - floor[0][0]
    spread = pstdev(value - slope.value * t for t, value in floor)
    grew = slope.low > 0 and p < 0.05 and slope.value * span >= GRAIN_BYTES
    goes_on = late >= _STILL_GROWING * slope.value
    straight = slope.value * span >= _SPREADS * spread
    return Growth(
        state="steady" if not grew else "leak" if goes_on and straight else "unsettled",
        slope_mb_h=slope.value * _PER_HOUR_MB,
        low_mb_h=slope.low * _PER_HOUR_MB,
        high_mb_h=slope.high * _PER_HOUR_MB,
        p=p,
        late_mb_h=late * _PER_HOUR_MB,
        detectable_mb_h=_detectable(slope.high - slope.low, spread, span) * _PER_HOUR_MB,
        floor=tuple(floor),
    )


def _detectable(width: float, spread: float, span: float) -> float:
    """Return the slope that would meet every condition; the late half is the most demanding.

    A slope from half the points has √8 the error of the whole one, so that 0.6 of a slope is
    exceeded in 95 % of series when it is three times as large as its interval is wide.
    """
    return max(3 * width, _SPREADS * spread / span, GRAIN_BYTES / span)


def _floor(samples: Sequence[Point]) -> list[Point]:
    """Return the least sample of each block; blocks overlap where a long period leaves few."""
    n = len(samples)
    length = max(_period([value for _, value in samples]), math.ceil(n / _BLOCKS))
    count = max(_FEWEST_BLOCKS, n // length)
    starts = [round(k * (n - length) / (count - 1)) for k in range(count)]
    return [min(samples[at : at + length], key=lambda sample: sample[1]) for at in starts]


def _period(values: Sequence[float]) -> int:
    """Return the period of a saw, in samples, by autocorrelation; 0 without one.

    It is the best lag after correlation was first lost, a quarter of the series at most.
    """
    n = len(values)
    stride = max(1, n // 40)
    slope = theil_sen(list(enumerate(values))[::stride]).value
    level = fmean(value - slope * k for k, value in enumerate(values))
    rest = [value - slope * k - level for k, value in enumerate(values)]
    power = sum(x * x for x in rest)
    alike = [sum(map(mul, rest, rest[lag:])) for lag in range(1, n // 4 + 1)]
    lost = next((k for k, x in enumerate(alike) if x <= 0), len(alike))
    best = max(range(lost, len(alike)), key=alike.__getitem__, default=None)
    return best + 1 if best is not None and alike[best] > 0.3 * power else 0
