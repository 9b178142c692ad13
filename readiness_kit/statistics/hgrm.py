"""Percentiles as HdrHistogram prints them, for its plotter and whatever else reads ``.hgrm``."""

import math
from collections.abc import Iterator
from itertools import accumulate

from readiness_kit.statistics.histogram import Histogram, edges_us


def hgrm(seen: Histogram) -> str:
    """Return *seen* in that format: milliseconds, one line for each occupied bin.

    What is lost has no value: it counts in the total, so the percentiles end where it begins.

    >>> print(hgrm(Histogram(bins=(5,), counts=(3,), lost=1, max_us=5)).splitlines()[2])
           0.005     0.750000000000          3           4.00
    """
    return "\n".join(_lines(seen)) + "\n"


def _lines(seen: Histogram) -> Iterator[str]:
    yield f"{'Value':>12} {'Percentile':>18} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
    yield ""
    middles: list[tuple[float, int]] = []
    for index, count, so_far in zip(seen.bins, seen.counts, accumulate(seen.counts), strict=True):
        low, high = edges_us(index)
        share = so_far / seen.n
        inverse = f"{1 / (1 - share):14.2f}" if share < 1 else ""
        yield f"{min(high, seen.max_us) / 1000:12.3f} {share:18.12f} {so_far:10} {inverse}".rstrip()
        middles.append(((low + high) / 2000, count))
    n = sum(seen.counts)
    mean = math.fsum(ms * count for ms, count in middles) / n if n else 0.0
    squares = math.fsum((ms - mean) ** 2 * count for ms, count in middles)
    deviation = math.sqrt(squares / n) if n else 0.0
    yield f"#[Mean    = {mean:12.3f}, StdDeviation   = {deviation:12.3f}]"
    yield f"#[Max     = {seen.max_us / 1000:12.3f}, Total count    = {seen.n:12}]"
    if seen.lost:
        yield f"#[Lost    = {seen.lost:12}, worse than any value above]"
