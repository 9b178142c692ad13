"""The end of a recovery is where it is known to be."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulations import served, share

from readiness_kit.statistics.recovery import (
    HOLD,
    LEAST_BEFORE,
    NotRecovered,
    Recovered,
    TooFew,
    recovery,
)

CAPACITY, SERVERS = 200.0, 8
BEFORE_S, AFTER_S = 30, 60


def p95_by_second(seen, seconds):
    due = [[] for _ in range(seconds)]
    for t, latency_s in seen:
        due[min(seconds - 1, int(t))].append(1000 * latency_s)
    return [sorted(one)[int(0.95 * len(one))] if one else math.inf for one in due]


def stressed(draw, stress_s, times=3, peak=0.5 * CAPACITY):
    """A queue at its peak rate, before and after *stress_s* of *times* as much."""

    def rate(t):
        return peak * (times if BEFORE_S <= t < BEFORE_S + stress_s else 1)

    seconds = BEFORE_S + stress_s + AFTER_S
    seen = served(draw, rate, seconds, servers=SERVERS, service_s=SERVERS / CAPACITY, poisson=True)
    by_second = p95_by_second(seen, seconds)
    return recovery(by_second[:BEFORE_S], by_second[BEFORE_S + stress_s :])


@pytest.mark.parametrize(("stress_s", "truth_s"), [(0, 0), (5, 5), (10, 10)])
def test_the_end_of_the_backlog_is_found(stress_s, truth_s):
    # At three times half the capacity the backlog grows as fast as it drains afterwards.
    draw = random.Random(1)
    found = [stressed(draw, stress_s) for _ in range(12)]
    assert all(isinstance(one, Recovered) for one in found)
    assert share(abs(one.after_s - truth_s) <= 2 for one in found) >= 0.95


def test_a_service_that_stays_slow_has_not_recovered():
    assert recovery([10.0] * 20, [20.0] * 60) == NotRecovered(watched_s=60, level=12.5)
    assert recovery([10.0] * 20, [math.inf] * 60, second_s=2).watched_s == 120


def test_a_service_that_falls_again_has_not_recovered_in_between():
    after = [10.0] * 20 + [90.0] * 5 + [10.0] * 20
    assert recovery([10.0] * 20, after) == Recovered(after_s=25, level=12.5)
    assert isinstance(recovery([10.0] * 20, after[:30]), NotRecovered)


def test_a_blip_is_no_relapse():
    after = [90.0] * 7 + [10.0] * 20 + [math.inf] * 2 + [10.0] * 20
    assert recovery([10.0] * 20, after) == Recovered(after_s=7, level=12.5)


def test_what_is_good_enough_in_any_case():
    assert recovery([0.0] * 20, [0.005] * 20) == NotRecovered(watched_s=20, level=0)
    assert recovery([0.0] * 20, [0.005] * 20, floor=0.01) == Recovered(after_s=0, level=0.01)


def test_a_service_that_was_down_before_cannot_be_as_before():
    assert isinstance(recovery([math.inf] * 20, [1.0] * 20), NotRecovered)


def test_too_few_seconds_say_nothing():
    assert recovery([1.0] * 9, [1.0] * 60) == TooFew(before=LEAST_BEFORE - 1, after=60)
    assert recovery([1.0] * 20, [1.0] * 9) == TooFew(before=20, after=HOLD - 1)
    with pytest.raises(ValueError, match="inf, not nan"):
        recovery([math.nan] * 20, [1.0] * 20)


values = st.floats(0, 1000)
series = st.lists(values, min_size=10, max_size=40)


def seconds(found):
    return found.after_s if isinstance(found, Recovered) else math.inf


@settings(deadline=None, max_examples=50)
@given(series, series, st.integers(0, 39), values)
def test_a_worse_second_afterwards_never_shortens_the_recovery(before, after, at, more):
    worse = after[:]
    worse[at % len(after)] += more
    assert seconds(recovery(before, worse)) >= seconds(recovery(before, after))


@settings(deadline=None, max_examples=50)
@given(series, series, st.floats(0, 1000))
def test_a_lower_floor_never_shortens_the_recovery(before, after, floor):
    assert seconds(recovery(before, after)) >= seconds(recovery(before, after, floor=floor))


@settings(deadline=None, max_examples=50)
@given(series, series, st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_does_not_matter(before, after, factor):
    scaled = recovery([factor * one for one in before], [factor * one for one in after])
    assert seconds(scaled) == seconds(recovery(before, after))
