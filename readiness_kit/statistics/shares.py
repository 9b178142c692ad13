"""Whether a share is surely below a limit, or surely above: exact, from the binomial distribution.

Counts are taken as independent. Where failures come in bursts, the load engine's intervals count
what they are worth; here a burst is what a fault does, and one is looked for.
"""

import math
from typing import Literal

SURE = 0.975
"""Probability with which each side is sure: together 95 %."""


def against(count: int, n: int, limit: float) -> Literal["under", "over", "straddles"]:
    """Return where the share behind *count* of *n* lies.

    >>> against(0, 500, 0.01), against(0, 300, 0.01), against(20, 300, 0.01)
    ('under', 'straddles', 'over')

    Raises:
        ValueError: Not 0 <= count <= n, or not 0 < limit < 1.

    """
    if not 0 <= count <= n or not 0 < limit < 1:
        raise ValueError(f"no share: {count} of {n}, limit {limit}")
    if at_most(count, n, limit) <= 1 - SURE:
        return "under"
    return "over" if 1 - at_most(count - 1, n, limit) <= 1 - SURE else "straddles"


def at_most(count: int, n: int, p: float) -> float:
    """Return the probability of at most *count* of *n*, each with probability *p*."""
    return min(1.0, math.fsum(exactly(k, n, p) for k in range(min(count, n) + 1)))


def exactly(k: int, n: int, p: float) -> float:
    """Return the probability of exactly *k* of *n*, each with probability *p*."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))
