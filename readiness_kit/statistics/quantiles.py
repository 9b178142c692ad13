"""How sure one can be of a percentile: an interval, or the reason why there is none.

The interval lies between two order statistics, whose ranks follow from the binomial distribution
whatever the distribution of latency (David and Nagaraja, *Order Statistics*, 7.1). That needs
independent samples, and latencies are not: slow requests come in bursts. So the samples are counted
as what they are worth (Kish's design effect): the more the number of slow requests varies between
blocks of time, beyond chance, the fewer independent samples they amount to. A run whose slow
requests all fall into one burst amounts to a handful, and has no interval.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import msgspec

from readiness_kit.statistics.histogram import Histogram, merge
from readiness_kit.statistics.shares import exactly

CONFIDENCE = 0.95
"""Probability that the interval holds the true quantile."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The quantile and the 95 % interval around it, milliseconds; ``inf`` where requests failed."""

    value_ms: float
    low_ms: float
    high_ms: float

    n: int
    """How many samples it rests on."""

    worth: float
    """How many independent samples they amount to."""

    def against(self, limit_ms: float) -> Literal["under", "over", "straddles"]:
        """Return where the whole interval lies: at most the limit, over it, or on both sides."""
        if self.high_ms <= limit_ms:
            return "under"
        return "over" if self.low_ms > limit_ms else "straddles"

    def more_seconds(self, limit_ms: float, seconds: float) -> float | None:
        """Return how much longer than *seconds* to measure until the interval clears *limit_ms*.

        Widths shrink with the square root of n. None when no length would do: the quantile is at
        the limit, or a bound is infinite.
        """
        gap_ms = abs(limit_ms - self.value_ms)
        width_ms = max(self.high_ms - self.value_ms, self.value_ms - self.low_ms)
        if not gap_ms or not math.isfinite(gap_ms) or not math.isfinite(width_ms):
            return None
        return max(0.0, seconds * ((width_ms / gap_ms) ** 2 - 1))


class TooFew(msgspec.Struct, frozen=True, kw_only=True):
    """No interval: even independent, so few samples have none."""

    n: int
    """How many samples there are."""

    needed: int
    """How many there must be."""

    more_seconds: float | None
    """How much longer to measure at the same rate; None when nothing was measured at all."""


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """No interval: slow requests came in so few bursts that the samples amount to too few."""

    n: int
    """How many samples there are."""

    worth: float
    """How many independent samples they amount to."""

    needed: int
    """How many independent samples there must be."""

    value_ms: float
    """The quantile of all of them, milliseconds."""

    least_ms: float
    """The least value the quantile took in any block: a limit below it was never held."""

    more_seconds: float
    """How much longer to measure if latency goes on like this."""


Estimate = Interval | TooFew | Unsettled


def needed(p: float) -> int:
    """Return the fewest independent samples for which a 95 % interval of quantile *p* exists.

    6 for the median, 72 for P95, 368 for P99, 3688 for P99.9.
    """
    tail = math.log((1 - CONFIDENCE) / 2)
    return math.ceil(max(tail / math.log(p), tail / math.log1p(-p)))


def ranks(n: int, p: float) -> tuple[int, int]:
    """Return the ranks (from 1) of the order statistics that enclose quantile *p* of *n* samples.

    Exact for the binomial distribution, 2.5 % in each tail at most.

    Raises:
        ValueError: Fewer samples than :func:`needed`.

    """
    if n < needed(p):
        raise ValueError(f"{n} samples, but quantile {p} needs {needed(p)}")
    tail = (1 - CONFIDENCE) / 2
    spread = 12 * math.sqrt(n * p * (1 - p)) + 12
    first, last = max(0, math.floor(n * p - spread)), min(n, math.ceil(n * p + spread))
    mass = [exactly(k, n, p) for k in range(first, last + 1)]
    low = max(k for k, below in enumerate(accumulate(mass), first + 1) if below <= tail)
    high = min(last - i for i, above in enumerate(accumulate(reversed(mass))) if above <= tail)
    return low, high


def estimate(
    blocks: Sequence[Histogram], p: float, *, seconds: float, limit_ms: float | None = None
) -> Estimate:
    """Return what can be said about quantile *p* of what *blocks*, *seconds* in all, hold.

    The blocks are of equal length and in order of time. Given *limit_ms*, the interval is for
    comparing with that limit: dependence counts down to a quarter of it, and what wavers far below
    does not. Without, it counts at the quantile itself and at the median, where a queue that
    happened not to burst already shows.

    Measured coverage without a limit (30 blocks): 97 to 100 % for independent samples, 93 to 100 %
    for M/M/2 at 30 to 80 % utilisation. At 80 % and more P99 mostly gets no interval from a minute.
    With a limit 5 % below the true P95 or P99, at 30 to 90 %: wrongly under in 0 to 3 % of runs.
    """
    whole = merge(blocks)
    n, enough, value_ms = whole.n, needed(p), whole.quantile_ms(p)
    if value_ms is None or n < enough:
        more_seconds = seconds * (enough / n - 1) if n else None
        return TooFew(n=n, needed=enough, more_seconds=more_seconds)
    worth = n / max(design_effect(blocks, near_ms) for near_ms in _near(whole, p, limit_ms))
    if worth < enough:
        return Unsettled(
            n=n,
            worth=worth,
            needed=enough,
            value_ms=value_ms,
            least_ms=min(_low(block, p) for block in blocks if block.n),
            more_seconds=seconds * (enough / worth - 1),
        )
    low, high = ranks(math.floor(worth), p)
    scale = n / math.floor(worth)
    return Interval(
        value_ms=value_ms,
        low_ms=whole.at_rank(max(1, math.floor(low * scale)))[0],
        high_ms=whole.at_rank(min(n, math.ceil(high * scale)))[1],
        n=n,
        worth=worth,
    )


def design_effect(blocks: Sequence[Histogram], limit_ms: float) -> float:
    """Return how many samples over *limit_ms*, or under it, are worth one independent sample.

    The variance between blocks of the number over the limit, with what neighbouring blocks have in
    common, over the variance that independent samples would show; never below 1.
    """
    seen = [block for block in blocks if block.n]
    n = sum(block.n for block in seen)
    share = merge(seen).share_over(limit_ms)
    if len(seen) < 2 or not 0 < share < 1:
        return 1.0
    excess = [block.n * (block.share_over(limit_ms) - share) for block in seen]
    own = math.fsum(one * one for one in excess)
    shared = math.fsum(a * b for a, b in pairwise(excess))
    variance = (own + 2 * max(0.0, shared)) * len(seen) / (len(seen) - 1)
    return max(1.0, variance / (n * share * (1 - share)))


def _near(whole: Histogram, p: float, limit_ms: float | None) -> tuple[float, ...]:
    """Return the latencies around which dependence matters."""
    value_ms, median_ms = whole.quantile_ms(p) or 0.0, whole.quantile_ms(0.5) or 0.0
    if limit_ms is None:
        return value_ms, median_ms
    near = (limit_ms, limit_ms / 2, limit_ms / 4)
    return (*near, value_ms) if value_ms >= limit_ms / 4 else near


def _low(block: Histogram, p: float) -> float:
    return block.at_rank(max(1, math.ceil(p * block.n)))[0]
