"""Student's t distribution: how far a mean of few values may be from the truth."""

import math


def quantile(confidence: float, freedom: int) -> float:
    """Return the t that holds |T| with probability *confidence*, for *freedom* degrees of freedom.

    Bisects the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.

    >>> round(quantile(0.95, 4), 4)
    2.7764
    """
    if freedom < 1 or not 0 < confidence < 1:
        raise ValueError(f"no quantile for confidence {confidence} and freedom {freedom}")
    low, high = 0.0, math.pi / 2
    while high - low > 1e-15:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _within(angle: float, freedom: int) -> float:
    """Return the probability that |T| is below sqrt(freedom) times the tangent of *angle*."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for k in range(3 if odd else 2, freedom, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    if not odd:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
