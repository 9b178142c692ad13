"""Whether a run goes on: it ends where a breach is certain, the target down or behind, and only there."""

import pytest
from harness.played import plan, tick
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.harness.conducting.conductor import DOWN_S, Conductor
from readiness_kit.harness.plan import Cut, Stop
from readiness_kit.statistics.early import LEAST_BLOCKS, Limit
from readiness_kit.statistics.histogram import Histogram, bin_of

ERRORS, P95 = Limit(share=0.01), Limit(share=0.05, over_ms=500)
LONG = ("steady", 60.0, 10.0, 10.0)
STEPS = tuple((f"step {k}", 5.0, 10.0 * k, 10.0 * k) for k in range(1, 5))


def slow(number, over):
    """A second of 10 requests, *over* of which take 600 ms."""
    counts = {bin_of(1000): 10 - over, bin_of(600_000): over}
    bins = tuple(one for one, count in counts.items() if count)
    seen = Histogram(bins=bins, counts=tuple(counts[one] for one in bins), max_us=600_000)
    return tick(number, corrected=seen)


def said(conductor, ticks):
    """Return what was ordered, by second."""
    found = {one.number: conductor.saw(one) for one in ticks}
    return {number: command for number, command in found.items() if command is not None}


@pytest.mark.parametrize(
    ("limit", "bad", "words"),
    [
        (ERRORS, lambda k: tick(k, failed=5), "more than 1.00% fail"),
        (P95, lambda k: slow(k, 5), "more than 5.00% fail or take over 500 ms"),
        (P95, lambda k: tick(k, failed=5), "more than 5.00% fail or take over 500 ms"),
    ],
)
def test_a_certain_breach_ends_the_run_once(limit, bad, words):
    conductor = Conductor(plan(LONG, abort_on=(limit,)))
    found = said(conductor, [bad(k) for k in range(1, 60)])
    ((second, command),) = found.items()
    assert second == LEAST_BLOCKS
    assert isinstance(command, Cut)
    assert command.until == conductor.until == pytest.approx(second + 0.5)
    assert conductor.aborted == words
    assert not conductor.down
    (played,) = conductor.stages()
    assert played.seconds == command.until


@pytest.mark.parametrize(
    "ticks",
    [
        [tick(k) for k in range(1, 60)],
        [tick(k, failed=k == 7) for k in range(1, 60)],
        [slow(k, k % 4 == 0) for k in range(1, 60)],
        [tick(k, n=0) for k in range(1, 60)],
    ],
)
def test_a_limit_that_holds_never_ends_it(ticks):
    conductor = Conductor(plan(LONG, abort_on=(ERRORS, P95)))
    assert not said(conductor, ticks)
    assert conductor.aborted is None
    assert conductor.until == 60


def test_a_profile_without_limits_goes_on_whatever_fails():
    conductor = Conductor(plan(LONG))
    assert not said(conductor, [tick(k, failed=10) for k in range(1, 61)])


def test_what_is_over_is_not_ended():
    conductor = Conductor(plan(("steady", 10.2, 10.0, 10.0), abort_on=(ERRORS,)))
    assert not said(conductor, [tick(k, failed=10) for k in range(1, 12)])
    assert conductor.aborted is None


@given(st.floats(0.07, 3.0), st.floats(0, 0.9))
def test_it_ends_ahead_and_with_a_whole_block(block_s, offset_s):
    conductor = Conductor(plan(LONG, abort_on=(ERRORS,), block_s=block_s))
    found = said(conductor, [tick(k, failed=9, t_s=k + offset_s) for k in range(1, 30)])
    ((second, command),) = found.items()
    blocks = command.until / block_s
    assert blocks == pytest.approx(round(blocks))
    assert second + offset_s + 0.4 < command.until <= second + offset_s + 0.5 + block_s + 1e-9


@pytest.mark.parametrize(
    ("answered", "stops"),
    [
        ([10, 0, 0, 0], {4}),
        ([0, 0, 0], {3}),
        ([0, 0, 1, 0, 0, 1], set()),
        ([0, 0, 10, 0, 0, 0], {6}),
    ],
)
def test_three_seconds_without_any_answer_mean_that_the_target_is_down(answered, stops):
    conductor = Conductor(plan(LONG))
    ticks = [tick(k, failed=10, answered=some) for k, some in enumerate(answered, 1)]
    found = said(conductor, ticks)
    assert set(found) == stops
    assert all(isinstance(command, Stop) for command in found.values())
    assert conductor.down == bool(stops)


def test_where_nothing_ended_nothing_is_known_of_the_target():
    conductor = Conductor(plan(LONG))
    quiet = [tick(k, n=0, answered=0) for k in range(1, 20)]
    assert not said(conductor, quiet)
    ticks = [tick(k, failed=10, answered=0) for k in range(20, 19 + DOWN_S)]
    assert not said(conductor, [*ticks, tick(30, n=0, answered=0)])
    assert not conductor.down


def stepping(served):
    """The seconds of the four steps, in which the target answers *served* well at most."""
    rates = [10 * (1 + k // 5) for k in range(20)]
    return [tick(k, n=min(rate, served)) for k, rate in enumerate(rates, 1)]


@pytest.mark.parametrize(("served", "until"), [(100, None), (25, 15.0), (15, 10.0), (8, 5.0)])
def test_the_run_ends_with_the_stage_in_which_the_target_lags(served, until):
    conductor = Conductor(plan(*STEPS, until_lagging=True))
    found = said(conductor, stepping(served))
    assert [command.until for command in found.values()] == ([until] if until else [])
    assert len(conductor.stages()) == (until or 20) / 5
    if until:
        (second,) = found
        assert until - 1.6 < second < until
        assert conductor.aborted is None


def test_other_profiles_are_not_ended_for_it():
    assert not said(Conductor(plan(*STEPS)), stepping(8))


def test_failures_are_no_answers_in_time():
    conductor = Conductor(plan(*STEPS, until_lagging=True))
    ticks = [tick(k, n=one.n, failed=one.n // 2) for k, one in enumerate(stepping(100), 1)]
    assert [command.until for command in said(conductor, ticks).values()] == [5.0]


def test_of_a_ramp_the_part_that_was_played_stays():
    ramp = plan(("ramp", 40.0, 0.0, 40.0), abort_on=(ERRORS,))
    conductor = Conductor(ramp)
    said(conductor, [tick(k, failed=10) for k in range(1, 40)])
    (played,) = conductor.stages()
    assert (played.seconds, played.to_rps) == pytest.approx((10.5, 10.5))
