"""Arrivals are fixed before the run, and workers share them without gap or overlap."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.harness import schedule
from readiness_kit.harness.schedule import requests_in, stages, steady


def arrivals(*given, **options):
    return list(schedule.arrivals(*given, **options))


kinds = st.sampled_from(["constant", "poisson"])


@given(kinds, st.floats(0.5, 200), st.floats(0.1, 20), st.integers(1, 5))
def test_workers_together_send_the_whole_schedule(kind, rate_rps, seconds, workers):
    whole = arrivals(kind, steady(rate_rps, seconds))
    shares = [
        arrivals(kind, steady(rate_rps, seconds), worker=worker, workers=workers)
        for worker in range(workers)
    ]
    assert sorted(t for share in shares for t in share) == pytest.approx(whole)
    assert len(whole) == round(rate_rps * seconds)
    assert whole == sorted(whole)
    assert all(0 <= t <= seconds + 0.5 / rate_rps for t in whole)


def test_constant_arrivals_are_evenly_spaced():
    assert arrivals("constant", steady(4, 1)) == [0.0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_are_not_and_depend_on_the_seed():
    first = arrivals("poisson", steady(100, 10))
    gaps = [b - a for a, b in itertools.pairwise(first)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.15)  # as of an exponential distribution
    assert (
        arrivals("poisson", steady(100, 10), seed=2)
        != first
        == arrivals("poisson", steady(100, 10))
    )


def test_a_worker_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no worker 2"):
        arrivals("constant", steady(1, 1), worker=2, workers=2)


@given(kinds, st.floats(0, 200), st.floats(0, 200), st.floats(0.1, 20))
def test_a_ramp_sends_what_lies_under_its_line(kind, from_rps, to_rps, seconds):
    ramp = stages(("ramp", seconds, from_rps, to_rps))
    due = arrivals(kind, ramp)
    assert len(due) == requests_in(ramp[0]) == round((from_rps + to_rps) / 2 * seconds)
    assert due == sorted(due)
    assert all(0 <= t <= seconds * 1.001 + 1 for t in due)


def test_a_ramp_from_nothing_is_due_at_the_roots():
    ramp = stages(("ramp", 2, 0, 8))  # count = 2 t²
    assert arrivals("constant", ramp) == pytest.approx([(n / 2) ** 0.5 for n in range(8)])


def test_stages_follow_one_another():
    steps = stages(("step 1", 2, 1, 1), ("step 2", 1, 4, 4))
    assert [stage.start_s for stage in steps] == [0, 2]
    assert arrivals("constant", steps) == [0, 1, 2, 2.25, 2.5, 2.75]


def test_a_replay_sends_at_the_recorded_instants():
    played = steady(1, 3)
    assert arrivals("replay", played, instants=(0.0, 0.1, 2.9, 3.1)) == [0.0, 0.1, 2.9]
    assert arrivals("replay", played, instants=(0.0, 0.1, 2.9), worker=1, workers=2) == [0.1]
