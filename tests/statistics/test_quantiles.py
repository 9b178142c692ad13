"""Intervals hold the truth as often as they say, or there are none."""

import heapq
import itertools
import math
import random
import statistics

import pytest

from readiness_kit.statistics.histogram import Histogram, Recorder, bin_of
from readiness_kit.statistics.quantiles import (
    Interval,
    TooFew,
    Unsettled,
    design_effect,
    estimate,
    needed,
    ranks,
)

BLOCKS = 30


def in_blocks(samples, seconds):
    made = [Recorder() for _ in range(BLOCKS)]
    for t, latency_s in samples:
        made[min(BLOCKS - 1, int(t / seconds * BLOCKS))].record(latency_s)
    return [one.histogram() for one in made]


def independent(draw, n=800):
    return [(draw.uniform(0, 40), draw.lognormvariate(-3.4, 0.6)) for _ in range(n)]


def queue(draw, utilisation, seconds, servers=2, service_s=0.05):
    """An M/M/c queue, from 20 s after it opened."""
    free, t, seen = [0.0] * servers, -20.0, []
    while t < seconds:
        t += draw.expovariate(utilisation * servers / service_s)
        end = max(heapq.heappop(free), t) + draw.expovariate(1 / service_s)
        heapq.heappush(free, end)
        if 0 <= t < seconds:
            seen.append((t, end - t))
    return seen


@pytest.mark.parametrize(("p", "n"), [(0.5, 6), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_the_fewest_samples_for_an_interval(p, n):
    assert needed(p) == n
    low, high = ranks(n, p)
    assert 1 <= low < high <= n
    with pytest.raises(ValueError, match=str(n)):
        ranks(n - 1, p)


@pytest.mark.parametrize(("n", "p"), [(6, 0.5), (100, 0.5), (72, 0.95), (800, 0.95), (1000, 0.99)])
def test_ranks_enclose_the_quantile_with_the_binomials_probability(n, p):
    low, high = ranks(n, p)
    exact = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    assert sum(exact[:low]) <= 0.025 < sum(exact[: low + 1])
    assert sum(exact[high:]) <= 0.025 < sum(exact[high - 1 :])


@pytest.mark.parametrize("p", [0.5, 0.95, 0.99])
def test_coverage_of_independent_samples(p):
    draw = random.Random(7)
    truth_ms = 1000 * math.exp(-3.4 + 0.6 * statistics.NormalDist().inv_cdf(p))
    found = [estimate(in_blocks(independent(draw), 40), p, seconds=40) for _ in range(60)]
    given = [one for one in found if isinstance(one, Interval)]
    assert len(given) >= 55
    assert sum(one.low_ms <= truth_ms <= one.high_ms for one in given) >= 0.92 * len(given)


@pytest.mark.parametrize("utilisation", [0.3, 0.8])
def test_a_queue_over_its_limit_is_hardly_ever_called_under(utilisation):
    draw = random.Random(11)
    long_run = sorted(latency_s for _, latency_s in queue(draw, utilisation, 3000))
    runs = [in_blocks(queue(draw, utilisation, 60), 60) for _ in range(30)]
    for p in (0.95, 0.99):
        limit_ms = 950 * long_run[int(p * len(long_run))]
        found = [estimate(blocks, p, seconds=60, limit_ms=limit_ms) for blocks in runs]
        under = [
            one for one in found if isinstance(one, Interval) and one.against(limit_ms) == "under"
        ]
        assert len(under) <= 2


def steady(ms, n=30, lost=0):
    return Histogram(bins=(bin_of(ms * 1000),), counts=(n,), max_us=ms * 1000, lost=lost)


def test_a_fast_target_is_under_a_far_limit_though_its_median_wavers():
    blocks = [steady(ms) for ms in itertools.islice(itertools.cycle((8, 8, 8, 11, 11)), BLOCKS)]
    found = estimate(blocks, 0.99, seconds=40, limit_ms=1000)
    assert isinstance(found, Interval)
    assert found.against(1000) == "under"
    assert isinstance(estimate(blocks, 0.99, seconds=40), Unsettled)


def test_one_burst_is_worth_few_samples():
    blocks = [steady(10) for _ in range(BLOCKS - 2)] + [steady(900)] * 2
    assert design_effect(blocks, 500) > 20
    found = estimate(blocks, 0.95, seconds=40, limit_ms=500)
    assert isinstance(found, Unsettled)
    assert found.least_ms == pytest.approx(10, rel=0.01)
    assert found.more_seconds > 0


def test_a_growing_queue_over_the_limit_in_every_block_says_so():
    found = estimate([steady(600 + 100 * k) for k in range(BLOCKS)], 0.99, seconds=40, limit_ms=500)
    assert isinstance(found, Interval | Unsettled)
    least_ms = found.low_ms if isinstance(found, Interval) else found.least_ms
    assert least_ms > 500


def test_failures_are_over_every_limit():
    found = estimate(
        [steady(10, 20, lost=2) for _ in range(BLOCKS)], 0.95, seconds=40, limit_ms=500
    )
    assert isinstance(found, Interval)
    assert found.against(1e9) == "over"
    assert found.more_seconds(500, 40) is None


def test_too_few_say_how_much_longer():
    assert estimate([], 0.5, seconds=10) == TooFew(n=0, needed=6, more_seconds=None)
    found = estimate([steady(10, 184)], 0.99, seconds=10)
    assert found == TooFew(n=184, needed=368, more_seconds=10)


def test_a_limit_inside_the_interval_takes_longer():
    found = Interval(value_ms=100, low_ms=90, high_ms=120, n=800, worth=800)
    assert found.against(110) == "straddles"
    assert found.more_seconds(110, 40) == pytest.approx(120)
    assert [found.against(limit) for limit in (120, 89)] == ["under", "over"]
    assert found.more_seconds(100, 40) is None
