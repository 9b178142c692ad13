"""How sure one can be of a percentile: an interval, or the reason why there is none.

Two intervals are computed and their hull is returned, so that whichever assumption fails the other
one still speaks:

- order statistics: the ranks between which the true quantile lies with 95 % probability follow from
  the binomial distribution, whatever the distribution of latency (David and Nagaraja, *Order
  Statistics*, 7.1). It needs independent samples;
- bootstrap over blocks of consecutive time, which keeps what happens inside a block together, so it
  survives queues and stalls shorter than a block.

When neighbouring blocks still depend on each other (a growing queue, utilisation near one) no
interval is honest and none is given.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

from readiness_kit.statistics.histogram import Histogram, edges_us, merge

CONFIDENCE = 0.95
"""Probability that the interval holds the true quantile."""

MIN_BLOCKS = 10
"""Fewest blocks from which dependence can be seen."""

MAX_CORRELATION = 0.5
"""Correlation of neighbouring blocks from which no interval is honest."""

_RESAMPLES = 400


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The quantile and the 95 % interval around it, milliseconds; ``inf`` where requests failed."""

    value_ms: float
    low_ms: float
    high_ms: float

    n: int
    """How many samples it rests on."""

    def against(self, limit_ms: float) -> Literal["under", "over", "straddles"]:
        """Return where the whole interval lies: at most the limit, over it, or on both sides."""
        if self.high_ms <= limit_ms:
            return "under"
        return "over" if self.low_ms > limit_ms else "straddles"

    def more_seconds(self, limit_ms: float, seconds: float) -> float | None:
        """Return how much longer than *seconds* to measure until the interval clears *limit_ms*.

        Widths shrink with the square root of n. None when no length would do: the quantile is at the
        limit, or a bound is infinite.
        """
        gap = abs(limit_ms - self.value_ms)
        width = max(self.high_ms - self.value_ms, self.value_ms - self.low_ms)
        if not gap or not math.isfinite(gap) or not math.isfinite(width):
            return None
        return max(0.0, seconds * ((width / gap) ** 2 - 1))


class TooFew(msgspec.Struct, frozen=True, kw_only=True):
    """No interval: too few samples for one to exist."""

    n: int
    """How many there are."""

    needed: int
    """How many there must be."""

    more_seconds: float | None
    """How much longer to measure at the same rate; None when nothing was measured at all."""


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """No interval: latency was still moving, so a longer run would give another answer."""

    n: int
    """How many samples there are."""

    value_ms: float
    """The quantile of all of them, milliseconds."""

    least_ms: float
    """The least value the quantile took in any block, milliseconds: a limit below it was never held."""

    correlation: float
    """Correlation of neighbouring blocks."""


Estimate = Interval | TooFew | Unsettled


def needed(p: float, confidence: float = CONFIDENCE) -> int:
    """Return the fewest samples for which a two-sided interval of quantile *p* exists.

    For 95 % confidence: 6 for the median, 72 for P95, 368 for P99, 3688 for P99.9.
    """
    tail = math.log((1 - confidence) / 2)
    return math.ceil(max(tail / math.log(p), tail / math.log1p(-p)))


def ranks(n: int, p: float, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Return the ranks (from 1) of the order statistics that enclose quantile *p* of *n* samples.

    Exact for the binomial distribution; measured coverage 95.0 to 96.5 % for n of 400 to 6000.

    Raises:
        ValueError: Fewer samples than :func:`needed`.

    """
    if n < needed(p, confidence):
        raise ValueError(f"{n} samples, but quantile {p} needs {needed(p, confidence)}")
    tail = (1 - confidence) / 2
    spread = 12 * math.sqrt(n * p * (1 - p)) + 12
    first, last = max(0, math.floor(n * p - spread)), min(n, math.ceil(n * p + spread))
    mass = [_binomial(k, n, p) for k in range(first, last + 1)]
    below = list(accumulate(mass))
    above = list(accumulate(reversed(mass)))
    low = max(k for k, total in enumerate(below, first + 1) if total <= tail)
    high = min(last - i for i, total in enumerate(above) if total <= tail)
    return low, high


def estimate(blocks: Sequence[Histogram], p: float, *, seconds: float, seed: int = 1) -> Estimate:
    """Return what can be said about quantile *p* of what *blocks*, *seconds* in all, hold.

    The blocks are of equal length and in order of time. Measured coverage of the interval: see
    ``tests/statistics/test_quantiles.py``, which holds it to at least 93 % for independent samples
    and for queues up to 80 % utilisation.
    """
    whole = merge(blocks)
    n, enough = whole.n, needed(p)
    if n < enough:
        more_seconds = seconds * (enough / n - 1) if n and seconds else None
        return TooFew(n=n, needed=enough, more_seconds=more_seconds)
    value_ms = whole.quantile_ms(p)
    assert value_ms is not None  # noqa: S101 - n > 0
    correlation = _correlation([block.share_over(value_ms) for block in blocks if block.n])
    if correlation > MAX_CORRELATION:
        least_ms = min(_quantile(block, p) for block in blocks if block.n)
        return Unsettled(n=n, value_ms=value_ms, least_ms=least_ms, correlation=correlation)
    low, high = ranks(n, p)
    resampled = _bootstrap(blocks, p, random.Random(seed))  # noqa: S311 - statistics, not secrets
    return Interval(
        value_ms=value_ms,
        low_ms=min(whole.at_rank(low)[0], resampled[0]),
        high_ms=max(whole.at_rank(high)[1], resampled[1]),
        n=n,
    )


def _binomial(k: int, n: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def _quantile(block: Histogram, p: float) -> float:
    return block.at_rank(max(1, math.ceil(p * block.n)))[0]


def _correlation(values: Sequence[float]) -> float:
    """Return the lag-one autocorrelation; 0 where there is too little to see any."""
    if len(values) < MIN_BLOCKS:
        return 0.0
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values)
    if not spread:
        return 0.0
    return math.fsum((a - mean) * (b - mean) for a, b in pairwise(values)) / spread


def _bootstrap(blocks: Sequence[Histogram], p: float, draw: random.Random) -> tuple[float, float]:
    """Return the middle 95 % of quantile *p* over resampled blocks, milliseconds."""
    found = sorted(
        _resampled(draw.choices(blocks, k=len(blocks)), p) for _ in range(_RESAMPLES)
    )
    cut = round((1 - CONFIDENCE) / 2 * _RESAMPLES)
    return found[cut], found[-1 - cut]


def _resampled(blocks: Sequence[Histogram], p: float) -> float:
    counts: Counter[int] = Counter()
    for block in blocks:
        for index, count in zip(block.bins, block.counts, strict=True):
            counts[index] += count
    lost = sum(block.lost for block in blocks)
    rank = max(1, math.ceil(p * (counts.total() + lost)))
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen >= rank:
            return edges_us(index)[1] / 1000
    return math.inf
