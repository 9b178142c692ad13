"""What checks of load tests share: a capacity from queues whose capacity is known."""

import math
import random

import msgspec
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulations import in_blocks, served

from readiness_kit.checks.performance.benchmarks import GOOD, block, like
from readiness_kit.checks.performance.load_test import STRESS
from readiness_kit.facts.load import (
    PeakLoad,
    Second,
    SmokeLoad,
    SpikeLoad,
    Stage,
    StepLoad,
)
from readiness_kit.harness.conducting.conductor import _words
from readiness_kit.load_verdict import capacity_of, held
from readiness_kit.load_verdict.limits import breach
from readiness_kit.statistics.early import Limit
from readiness_kit.target import Objectives
from readiness_kit.verdict import Outcome

CAPACITY = 100.0
STEP_S = 20
quick = settings(
    deadline=None, max_examples=30, suppress_health_check=list(HealthCheck), derandomize=True
)


def stepped(rates, *, lost=None):
    """Return a run of steps at *rates* against a queue of known capacity.

    *lost* maps a step to the share of its requests that fail.
    """
    draw, seen = random.Random(1), []
    free = served(
        draw,
        lambda t: rates[min(len(rates) - 1, int(t // STEP_S))],
        STEP_S * len(rates),
        servers=8,
        service_s=8 / CAPACITY,
    )
    seen = list(free)
    blocks = in_blocks(seen, STEP_S * len(rates))
    for at, share in (lost or {}).items():
        for k in range(at * STEP_S, (at + 1) * STEP_S):
            n = round(blocks[k].n * share)
            blocks[k] = msgspec.structs.replace(blocks[k], lost=n)
    ended = [int(t + latency_s) for t, latency_s in seen]
    series = tuple(second(k + 1, ended.count(k)) for k in range(len(blocks)))
    stages = tuple(
        Stage(name=f"step {k + 1}", start_s=STEP_S * k, seconds=STEP_S, from_rps=rate, to_rps=rate)
        for k, rate in enumerate(rates)
    )
    return like(StepLoad, stages=stages, block_s=1.0, blocks=tuple(blocks), series=series)


def second(t_s, n, failed=0, p95_ms=20.0):
    return Second(
        t_s=float(t_s),
        n=n,
        failed=failed,
        p50_ms=p95_ms,
        p95_ms=p95_ms,
        p99_ms=p95_ms,
        service_p50_ms=p95_ms,
        service_p95_ms=p95_ms,
        service_p99_ms=p95_ms,
        lateness_p99_ms=1.0,
    )


def test_the_overloaded_step_gives_the_capacity():
    shown = capacity_of(stepped((20.0, 40.0, 60.0, 80.0, 150.0)))
    assert shown.low_rps <= CAPACITY <= shown.high_rps
    assert abs(shown.value_rps / CAPACITY - 1) < 0.08
    assert shown.tested_rps == 150
    assert [shown.against(needed) for needed in (60, 160, shown.value_rps)] == [
        "over",
        "under",
        "straddles",
    ]
    assert "capacity" in shown.words


def test_without_overload_there_is_a_lower_end_alone():
    shown = capacity_of(stepped((20.0, 40.0)))
    assert shown.value_rps is None
    assert 36 < shown.low_rps <= 40
    assert shown.high_rps == math.inf
    assert shown.against(100) == "straddles"
    assert "at least" in shown.words


@pytest.mark.parametrize(("share", "high_rps"), [(0.04, math.inf), (0.06, 60.0)])
def test_a_step_that_fails_bounds_the_capacity_from_above(share, high_rps):
    shown = capacity_of(stepped((20.0, 40.0, 60.0), lost={2: share}))
    assert 36 < shown.low_rps <= 40
    assert shown.high_rps == high_rps


def test_failures_below_a_step_that_was_kept_up_with_bound_nothing():
    shown = capacity_of(stepped((20.0, 40.0, 60.0), lost={0: 0.5}))
    assert shown.low_rps > 50
    assert shown.high_rps == math.inf


def test_the_knee_and_the_law_come_with_enough_steps():
    shown = capacity_of(stepped(tuple(12.0 * k for k in range(1, 10))))
    assert shown.knee is not None
    assert "scaling law" in shown.words
    assert "no scaling law from" not in shown.words


def test_no_steps_show_nothing():
    shown = capacity_of(like(StepLoad, stages=(), blocks=()))
    assert (shown.low_rps, shown.high_rps, shown.tested_rps) == (0.0, math.inf, 0.0)
    assert shown.knee is None


@quick
@given(run=strategies.struct(StepLoad))
def test_any_steps_can_be_read(run):
    shown = capacity_of(run)
    assert shown.words
    assert not math.isnan(shown.low_rps)


@pytest.mark.parametrize(
    ("limit", "share", "over_ms"),
    [
        (Limit(share=0.001), 0.001, math.inf),
        (Limit(share=0.05, over_ms=500.0), 0.05, 500.0),
        (Limit(share=0.5, over_ms=12.5), 0.5, 12.5),
        (Limit(share=0.01, over_ms=2e6), 0.01, 2e6),
    ],
)
def test_the_words_of_an_early_end_are_understood(limit, share, over_ms):
    assert breach(GOOD.replace(aborted=_words(limit))) == (share, over_ms)


@pytest.mark.parametrize("words", [None, "", "more than 5% of nothing", "more than ...% fail"])
def test_other_words_name_no_limit(words):
    assert breach(GOOD.replace(aborted=words)) is None


def as_spike(run):
    stages = tuple(
        msgspec.structs.replace(one, name=one.name.replace("overload", "spike"))
        for one in run.stages
    )
    return SpikeLoad(**(msgspec.structs.asdict(run) | {"profile": "spike", "stages": stages}))


SLOW = Objectives(p50_ms=10, p95_ms=10, p99_ms=10, peak_rps=20)


@pytest.mark.parametrize(
    ("run", "objectives", "outcomes"),
    [
        (like(SmokeLoad), Objectives(), "holds"),
        (like(SmokeLoad, failed=1), Objectives(), "fails"),
        (like(SmokeLoad), SLOW, "holds"),
        (like(SmokeLoad, answered=0), Objectives(), "not_seen"),
        (like(PeakLoad), Objectives(), "holds holds holds holds"),
        (like(PeakLoad), SLOW, "holds fails fails fails"),
        (like(PeakLoad, blocks=(block(20, 300),)), Objectives(), "holds holds holds not_seen"),
        (
            like(PeakLoad, aborted="more than 0.10% fail"),
            Objectives(),
            "fails not_seen not_seen not_seen",
        ),
        (as_spike(STRESS), Objectives(), "holds"),
        (as_spike(STRESS).replace(stages=()), Objectives(), "not_seen"),
        (as_spike(STRESS).replace(aborted="more than 1.00% fail"), Objectives(), "not_seen"),
        (stepped((20.0, 40.0)), Objectives(peak_rps=18), "holds"),
        (stepped((20.0, 40.0)).replace(aborted=""), Objectives(peak_rps=18), "not_seen"),
        (stepped((20.0, 40.0)), Objectives(peak_rps=30), "not_seen"),
        (stepped((20.0, 40.0, 150.0)), Objectives(peak_rps=80), "fails"),
        (stepped((20.0, 40.0)), Objectives(), "not_seen"),
    ],
)
def test_held(run, objectives, outcomes):
    assert " ".join(one.outcome.value for one in held(run, objectives)) == outcomes


@pytest.mark.parametrize(
    "run",
    [like(SmokeLoad), like(PeakLoad), as_spike(STRESS), stepped((20.0, 40.0))],
    ids=["smoke", "peak", "spike", "step"],
)
@quick
@given(data=st.data())
def test_an_invalid_run_or_one_that_ended_early_holds_nothing(run, data):
    run = data.draw(strategies.near(run))
    objectives = Objectives(peak_rps=10)
    list(held(run, objectives))
    for bad in (run.replace(invalid_reason="generator_late"), run.replace(aborted="")):
        assert Outcome.HOLDS not in {one.outcome for one in held(bad, objectives)}
