"""Slopes and trends by ranks: their laws, and how often they are right."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulations import share

from readiness_kit.statistics.trend import mann_kendall, theil_sen

# Whole numbers: shifting and scaling them by whole numbers is exact.
series = st.lists(st.integers(-1000, 1000), min_size=2, max_size=25)
whole = st.integers(-50, 50)


def points(values):
    return list(enumerate(values))


@settings(deadline=None, max_examples=40)
@given(series, whole, st.integers(1, 50), whole)
def test_a_slope_ignores_the_level_and_follows_scale_and_tilt(values, shift, scale, tilt):
    before = theil_sen(points(values))
    after = theil_sen([(t, shift + tilt * t + scale * value) for t, value in points(values)])
    assert after.value == pytest.approx(tilt + scale * before.value)
    if len(set(values)) == len(values) == len({tilt * t + scale * v for t, v in points(values)}):
        assert (after.low, after.high) == pytest.approx(
            (tilt + scale * before.low, tilt + scale * before.high)
        )


@settings(deadline=None, max_examples=40)
@given(series, st.randoms(use_true_random=False))
def test_the_order_of_points_does_not_matter_to_a_slope(values, draw):
    shuffled = points(values)
    draw.shuffle(shuffled)
    assert theil_sen(shuffled) == theil_sen(points(values))


@settings(deadline=None, max_examples=40)
@given(series)
def test_the_interval_holds_the_slope_and_narrows_with_less_confidence(values):
    wide, narrow = theil_sen(points(values), 0.99), theil_sen(points(values), 0.5)
    assert wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high


@settings(deadline=None, max_examples=40)
@given(series, whole)
def test_a_trend_sees_ranks_only_and_turns_with_time(values, shift):
    before = mann_kendall(values)
    assert mann_kendall([(value + shift) ** 3 for value in values]) == before
    backwards = mann_kendall(values[::-1])
    assert (backwards.score, backwards.p) == (-before.score, before.p)
    assert 0 <= before.p <= 1


def test_known_values():
    # Ten rising values: S = 45, var = 125, Z = 44 / sqrt(125).
    assert mann_kendall(range(10)).score == 45
    assert mann_kendall(range(10)).p == pytest.approx(math.erfc(44 / math.sqrt(250)))
    # Ties 2 and 3 among five values: var = (300 - 18 - 66) / 18 = 12, S = 6.
    assert mann_kendall([1, 1, 2, 2, 2]).p == pytest.approx(math.erfc(5 / math.sqrt(24)))
    assert mann_kendall([7, 7, 7]).p == 1
    found = theil_sen([(0, 0), (1, 2), (2, 4), (3, 900)])
    assert (found.value, found.low, found.high) == (151, -math.inf, math.inf)


def test_one_instant_has_no_slope():
    with pytest.raises(ValueError, match="two instants"):
        theil_sen([(1, 2), (1, 3)])


def gaussian(draw):
    return draw.gauss(0, 1)


def heavy(draw):
    return draw.gauss(0, 1) / max(0.05, draw.random())


@pytest.mark.parametrize("noise", [gaussian, heavy])
@pytest.mark.parametrize("n", [12, 30])
def test_coverage_and_false_alarms(noise, n):
    draw = random.Random(n)
    runs = [[noise(draw) for _ in range(n)] for _ in range(200)]
    slopes = [theil_sen([(t, 0.3 * t + x) for t, x in points(run)]) for run in runs]
    assert share(one.low <= 0.3 <= one.high for one in slopes) >= 0.92
    assert share(mann_kendall(run).p < 0.05 for run in runs) <= 0.08
