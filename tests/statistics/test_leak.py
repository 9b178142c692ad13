"""Leaks are found, and nothing else is taken for one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulations import MB, SAMPLE_S, resident, share

from readiness_kit.statistics.leak import Growth, TooFew, growth

HARMLESS = {
    "flat": {},
    "flat, short memory": {"memory": 0.5},
    "slow wander": {"memory": 0.98, "sigma": 0.5},
    "saw of 100 s": {"saw": (20, 20), "memory": 0},
    "saw of 250 s": {"saw": (50, 25), "memory": 0},
    "quick warm-up": {"warm_up": (40, 20), "memory": 0.5, "sigma": 0.7},
    "slow warm-up": {"warm_up": (40, 80), "memory": 0.5, "sigma": 0.7},
    "cache that fills": {"cap": 144, "memory": 0.5, "sigma": 0.7},
}

LEAKING = {
    "36 MB/h": {"mb_h": 36},
    "72 MB/h": {"mb_h": 72},
    "36 MB/h, saw of 100 s": {"mb_h": 36, "saw": (20, 20), "memory": 0},
    "72 MB/h, saw of 250 s": {"mb_h": 72, "saw": (50, 25), "memory": 0},
}

RUNS = 45


def runs(shape, n=RUNS):
    draw = random.Random(5)
    return [growth(list(resident(draw, **shape))) for _ in range(n)]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_not_leak_is_hardly_ever_called_a_leak(name):
    # At 2 % false alarms, more than 3 of 45 come up with one seed in 75; this one is fixed.
    assert sum(one.state == "leak" for one in runs(HARMLESS[name])) <= 3


@pytest.mark.parametrize("name", LEAKING)
def test_leaks_are_found_and_their_slope_is_right(name):
    found = runs(LEAKING[name])
    truth = LEAKING[name]["mb_h"]
    assert share(one.state == "leak" for one in found) >= 0.95
    assert share(abs(one.slope_mb_h - truth) < 0.25 * truth for one in found) >= 0.95


@pytest.mark.parametrize("shape", [{}, {"saw": (20, 20), "memory": 0}])
def test_the_detectable_leak_is_detected(shape):
    mb_h = sorted(one.detectable_mb_h for one in runs(shape, 20))[10]
    assert share(one.state == "leak" for one in runs({**shape, "mb_h": mb_h})) >= 0.85


def test_a_warm_up_that_is_not_over_is_told_from_steady():
    found = runs({"warm_up": (60, 80), "memory": 0.5, "sigma": 0.3}, 20)
    assert share(one.state == "unsettled" for one in found) >= 0.9


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 9), st.integers(-200, 10_000), st.integers(1, 20))
def test_a_level_changes_nothing_and_a_scale_only_the_figures(seed, shift_mb, scale):
    samples = [(t, float(round(b))) for t, b in resident(random.Random(seed), 90, mb_h=200)]
    before = growth(samples)
    moved = growth([(t, b + shift_mb * MB) for t, b in samples])
    assert (moved.state, moved.p) == (before.state, before.p)
    assert moved.slope_mb_h == pytest.approx(before.slope_mb_h)
    scaled = growth([(t, scale * b) for t, b in samples])
    assert scaled.state == before.state
    assert scaled.detectable_mb_h == pytest.approx(scale * before.detectable_mb_h)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.floats(0, 60), st.floats(0, 60))
def test_a_larger_leak_has_a_larger_slope(seed, some, more):
    small, large = (
        growth(list(resident(random.Random(seed), 90, mb_h=mb_h, memory=0)))
        for mb_h in (some, some + more)
    )
    assert small.slope_mb_h <= large.slope_mb_h + 1e-6


def test_time_to_the_limit():
    leak = growth([(t * SAMPLE_S, 300 * MB + t * 1e5) for t in range(120)])
    assert leak.state == "leak"
    assert leak.slope_mb_h == pytest.approx(72)
    last_t, last_bytes = leak.floor[-1]
    assert leak.seconds_to(last_bytes + 72 * MB) == pytest.approx(3600)
    assert leak.seconds_to(1) == 0
    steady = growth([(t * SAMPLE_S, 300 * MB) for t in range(120)])
    assert isinstance(steady, Growth)
    assert steady.state == "steady"
    assert steady.seconds_to(1e12) is None
    assert last_t <= 119 * SAMPLE_S


def test_too_short_or_too_thin_says_nothing():
    assert growth([]) == TooFew(seconds=0, samples=0)
    assert growth([(float(t), 1.0) for t in range(299)]) == TooFew(seconds=298, samples=299)
    assert growth([(10.0 * t, 1.0) for t in range(40)]) == TooFew(seconds=390, samples=40)


@pytest.mark.parametrize("bad", [[(1.0, 1.0), (1.0, 1.0)], [(0.0, 1.0), (1.0, float("nan"))]])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match="samples must be"):
        growth(bad)


def test_growth_below_what_allocators_take_at_once_is_none():
    def straight(mb_h):
        return growth([(t * 1.0, 170e6 + mb_h * 1e6 / 3600 * t) for t in range(360)])

    small, large = straight(0.3), straight(36)
    assert (small.state, large.state) == ("steady", "leak")
    assert small.detectable_mb_h > 3  # 256 KiB in the 288 s that count
