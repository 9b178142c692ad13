"""Scaling laws are recovered from noise, and nothing is promised that was not seen."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulations import share

from readiness_kit.statistics.usl import REACH, Law, Step, TooFew, fit

TRUTH = Law(single_rps=100, contention=0.03, coherency=0.0005)
PAST_THE_PEAK = (1, 2, 4, 8, 16, 24, 32, 48, 64)
RISE = (1, 2, 3, 4, 5, 6, 7, 8)

laws = st.builds(
    Law,
    single_rps=st.floats(1, 1e4),
    contention=st.floats(0, 0.5),
    coherency=st.one_of(st.just(0.0), st.floats(1e-5, 0.01)),
)


def steps(law, concurrency, noise=None):
    return [
        Step(concurrency=n, throughput_rps=law.at(n) * (1 + (noise() if noise else 0)))
        for n in concurrency
    ]


@settings(deadline=None, max_examples=10)
@given(laws)
def test_a_law_without_noise_is_recovered(law):
    found = fit(steps(law, PAST_THE_PEAK))
    assert found.misfit < 1e-6
    for n in PAST_THE_PEAK:
        assert found.law.at(n) == pytest.approx(law.at(n), rel=1e-6)
    assert found.law.single_rps == pytest.approx(law.single_rps, rel=1e-6)
    assert found.law.coherency == pytest.approx(law.coherency, abs=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 99), st.floats(0.01, 1000), st.randoms(use_true_random=False))
def test_a_unit_of_throughput_changes_the_figures_alike(seed, factor, shuffle):
    draw = random.Random(seed)
    seen = steps(TRUTH, PAST_THE_PEAK, lambda: draw.gauss(0, 0.03))
    before = fit(seen)
    scaled = [
        Step(concurrency=one.concurrency, throughput_rps=factor * one.throughput_rps)
        for one in seen
    ]
    after = fit(scaled)
    assert after.law.contention == pytest.approx(before.law.contention, abs=1e-9)
    assert after.capacity_rps == pytest.approx(factor * before.capacity_rps)
    assert after.low_rps == pytest.approx(factor * before.low_rps)
    shuffle.shuffle(seen)
    assert fit(seen).law.at(10) == pytest.approx(before.law.at(10))


def test_coverage_past_the_peak():
    draw = random.Random(1)
    truth_rps = TRUTH.at(TRUTH.peak)
    found = [
        fit(steps(TRUTH, PAST_THE_PEAK, lambda: draw.gauss(0, 0.03)), seed) for seed in range(16)
    ]
    assert share(one.low_rps <= truth_rps <= one.high_rps for one in found) >= 0.88
    assert share(abs(one.capacity_rps / truth_rps - 1) < 0.04 for one in found) >= 0.88
    assert all(one.peak_tested for one in found)


def test_the_rise_alone_promises_no_more_than_was_seen():
    draw = random.Random(2)
    for seed in range(4):
        seen = steps(TRUTH, RISE, lambda: draw.gauss(0, 0.03))
        found = fit(seen, seed)
        assert not found.peak_tested
        assert found.high_rps == math.inf
        assert found.low_rps <= max(one.throughput_rps for one in seen)
        assert found.capacity_rps <= found.law.at(REACH * max(RISE)) * (1 + 1e-9)


def test_a_queue_that_saturates_abruptly_is_a_misfit_and_not_overrated():
    seen = [
        Step(concurrency=n, throughput_rps=100 * min(8, n)) for n in (1, 2, 4, 6, 8, 10, 16, 32)
    ]
    found = fit(seen)
    assert found.misfit > 0.05
    assert found.low_rps <= 800


def test_the_same_seed_gives_the_same_interval():
    draw = random.Random(3)
    seen = steps(TRUTH, PAST_THE_PEAK, lambda: draw.gauss(0, 0.05))
    assert fit(seen, 7) == fit(seen, 7)
    assert fit(seen, 7).law == fit(seen, 8).law


def test_repeated_steps_are_no_new_steps():
    assert fit(steps(TRUTH, (1, 2, 3, 4, 5, 6, 7, 7, 7))) == TooFew(steps=7)
    assert fit([]) == TooFew(steps=0)


def test_below_one_in_service_nothing_contends():
    law = Law(single_rps=100, contention=0.5, coherency=0.01)
    assert law.at(0.2) == 20
    found = fit(steps(law, (0.1, 0.3, 0.6, 1, 2, 4, 8, 16)))
    assert found.law.contention == pytest.approx(0.5)


def test_the_peak():
    assert TRUTH.peak == pytest.approx(math.sqrt(0.97 / 0.0005))
    assert Law(single_rps=1, contention=0.1, coherency=0).peak == math.inf


@pytest.mark.parametrize("bad", [(0, 1), (1, 0), (math.inf, 1), (1, math.nan)])
def test_nonsense_is_refused(bad):
    concurrency, throughput_rps = bad
    with pytest.raises(ValueError, match="positive and finite"):
        fit([Step(concurrency=concurrency, throughput_rps=throughput_rps)])
