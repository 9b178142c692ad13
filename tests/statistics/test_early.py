"""A broken limit stops a run; a held one hardly ever does."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulations import in_blocks, rises, served

from readiness_kit.statistics.early import ALPHA, LEAST_BLOCKS, Limit, Watch
from readiness_kit.statistics.histogram import Histogram

P95 = Limit(share=0.05, over_ms=500)
LOOKS = 120
FAST, SLOW = 100, 250


def block(slow, n=50, lost=0):
    """Requests of 0.1 ms and of 0.25 ms: one bin each, exact."""
    counts = {FAST: n - slow - lost, SLOW: slow}
    some = {at: count for at, count in counts.items() if count}
    return Histogram(bins=tuple(some), counts=tuple(some.values()), lost=lost, max_us=SLOW)


BLOCK_P95 = Limit(share=0.05, over_ms=0.2)


def stopped(blocks, limits):
    """Return the look at which the run is stopped, from 1."""
    watch = Watch(limits)
    return next((k for k, one in enumerate(blocks, 1) if watch.add(one)), None)


def independent(draw, share, looks=LOOKS):
    return [block(sum(draw.random() < share for _ in range(50))) for _ in range(looks)]


def test_a_target_at_its_limit_is_hardly_ever_stopped():
    draw = random.Random(1)
    stops = sum(stopped(independent(draw, 0.05), [BLOCK_P95]) is not None for _ in range(60))
    assert stops <= 2


def test_without_correction_for_bursts_the_probability_is_still_what_wald_says():
    draw = random.Random(2)
    up, down = math.log(2), math.log(0.9 / 0.95)
    crossed = 0
    for _ in range(100):
        evidence = 0.0
        for _ in range(3000):
            evidence += up if draw.random() < 0.05 else down
            if evidence >= math.log(1 / ALPHA):
                crossed += 1
                break
    assert crossed <= 100 * ALPHA + 2


@pytest.mark.parametrize(("share", "looks"), [(0.1, 40), (0.15, 15)])
def test_a_broken_limit_is_found(share, looks):
    draw = random.Random(3)
    found = [stopped(independent(draw, share), [BLOCK_P95]) for _ in range(40)]
    assert sorted(one or math.inf for one in found)[37] <= looks


@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_a_queue_whose_slow_requests_come_in_bursts_is_not_stopped_at_its_limit(utilisation):
    draw = random.Random(4)
    queue = {"servers": 2, "service_s": 0.04, "poisson": True}
    rate = utilisation * 50
    long_run = sorted(latency for _, latency in served(draw, rate, 1500, **queue))
    at_limit = Limit(share=0.05, over_ms=1000 * long_run[int(0.95 * len(long_run))])
    runs = [in_blocks(served(draw, rate, LOOKS, **queue), LOOKS) for _ in range(20)]
    assert sum(stopped(run, [at_limit]) is not None for run in runs) <= 1


def test_one_long_stall_is_no_proof():
    run = [block(0)] * 40 + [block(50)] * 10 + [block(0)] * 40
    assert stopped(run, [BLOCK_P95]) is None


def test_failures_count_against_every_limit():
    failing = [block(0, lost=20 + k % 3) for k in range(LEAST_BLOCKS)]
    assert stopped(failing, [BLOCK_P95]) == LEAST_BLOCKS
    errors = Limit(share=0.01)
    assert stopped(failing, [errors]) == LEAST_BLOCKS
    assert stopped([block(40)] * LOOKS, [errors]) is None


def test_the_limit_that_broke_is_named():
    watch = Watch([Limit(share=0.2), BLOCK_P95])
    assert [watch.add(block(20)) for _ in range(LEAST_BLOCKS)] == [None] * (LEAST_BLOCKS - 1) + [
        BLOCK_P95
    ]


counts = st.lists(st.integers(0, 50), min_size=LEAST_BLOCKS, max_size=30)


@settings(deadline=None, max_examples=30)
@given(counts, counts)
def test_it_does_not_matter_which_worker_saw_what(some, others):
    one_way, other_way = Watch([BLOCK_P95]), Watch([BLOCK_P95])
    for a, b in zip(some, others, strict=False):
        one_way.add(block(a) + block(b))
        other_way.add(block(b) + block(a))
    assert one_way.evidence(BLOCK_P95) == other_way.evidence(BLOCK_P95)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 20), st.integers(10, 60))
def test_the_longer_a_steady_breach_the_more_evidence(slow, looks):
    watch, seen = Watch([BLOCK_P95]), []
    for _ in range(looks):
        watch.add(block(4 + slow))
        seen.append(watch.evidence(BLOCK_P95))
    assert rises(seen)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=60))
def test_what_never_exceeds_the_limit_is_never_stopped(slow):
    assert stopped([block(k) for k in slow], [BLOCK_P95]) is None


def test_nothing_watched_and_nothing_seen():
    assert Watch([]).add(block(50)) is None
    assert stopped([Histogram()] * 20, [P95]) is None


@pytest.mark.parametrize("share", [0, 1, -0.1, math.nan])
def test_a_limit_that_allows_nothing_or_all_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Watch([Limit(share=share)])
