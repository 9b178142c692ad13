"""Equal versions are called equal, and slower ones slower."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulations import share

from readiness_kit.statistics.comparison import Ratio, TooFew, of_pairs, of_sets

NOISE = 0.04
figures = st.floats(0.01, 1e6)
pairs = st.lists(st.tuples(figures, figures), min_size=5, max_size=12)


def interleaved(draw, slower, drift=0.0, runs=5):
    """P95 of pairs of runs, while the host slows down by *drift* in all."""
    for k in range(runs):
        hour = 100 * (1 + drift * k / runs)
        yield hour * math.exp(draw.gauss(0, NOISE)), slower * hour * math.exp(draw.gauss(0, NOISE))


@pytest.mark.parametrize("drift", [0, 0.33])
def test_false_alarms_and_detection_of_pairs(drift):
    draw = random.Random(2)
    same = [of_pairs(list(interleaved(draw, 1, drift))) for _ in range(1200)]
    assert share(
        one.against(1) != "straddles" and not one.low <= 1 <= one.high for one in same
    ) == (pytest.approx(0.05, abs=0.015))
    slower = [of_pairs(list(interleaved(draw, 1.1, drift))) for _ in range(300)]
    assert share(one.against(1) == "over" for one in slower) >= 0.7
    assert share(one.low <= 1.1 <= one.high for one in slower) >= 0.91


def test_sets_are_sound_without_drift_only():
    draw = random.Random(3)
    apart = [of_sets(*zip(*interleaved(draw, 1), strict=True)) for _ in range(600)]
    assert share(not one.low <= 1 <= one.high for one in apart) <= 0.06
    drifting = [of_sets(*zip(*interleaved(draw, 1.1, 0.33), strict=True)) for _ in range(300)]
    assert share(one.against(1) == "over" for one in drifting) <= 0.5


@given(pairs, st.floats(0.01, 100))
def test_a_unit_changes_nothing_and_a_faster_new_version_all_of_it(some, factor):
    before = of_pairs(some)
    unit = of_pairs([(factor * old, factor * new) for old, new in some])
    faster = of_pairs([(old, new / factor) for old, new in some])
    assert (unit.value, unit.low, unit.high) == pytest.approx(
        (before.value, before.low, before.high)
    )
    assert faster.value == pytest.approx(before.value / factor)
    assert faster.high == pytest.approx(before.high / factor)


@given(pairs)
def test_swapping_old_and_new_inverts_the_ratio(some):
    for compare in (of_pairs, lambda both: of_sets(*zip(*both, strict=True))):
        there, back = compare(some), compare([(new, old) for old, new in some])
        assert there.value == pytest.approx(1 / back.value)
        assert there.low == pytest.approx(1 / back.high)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(some, draw):
    shuffled = some[:]
    draw.shuffle(shuffled)
    before, after = of_pairs(some), of_pairs(shuffled)
    assert (before.low, before.high) == pytest.approx((after.low, after.high))


def test_against_a_margin():
    found = Ratio(value=1.05, low=1.01, high=1.1, runs=5)
    assert [found.against(x) for x in (1, 1.05, 1.1)] == ["over", "straddles", "under"]


def test_exactly_equal_runs_have_no_width():
    found = of_pairs([(2.0, 3.0)] * 5)
    assert found.low == found.value == found.high == pytest.approx(1.5)
    assert of_sets([2.0] * 5, [2.0] * 6) == Ratio(value=1, low=1, high=1, runs=5)


def test_too_few_runs_and_nonsense():
    assert of_pairs([(1.0, 1.0)] * 4) == TooFew(runs=4)
    assert of_sets([1.0] * 9, [1.0] * 3) == TooFew(runs=3)
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="positive"):
            of_pairs([(1.0, bad)] * 5)
