"""What checks of load tests share: a capacity from queues whose capacity is known."""

import math
import random

import msgspec
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from simulations import in_blocks, served

from readiness_kit.checks.performance.benchmarks import GOOD
from readiness_kit.facts.load import Second, Stage, StepLoad
from readiness_kit.load_verdict import capacity_of

CAPACITY = 100.0
STEP_S = 20
quick = settings(
    deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)


def made(kind, **changes):
    """Return a run of *kind*: the good benchmark with *changes*."""
    return kind(**(msgspec.structs.asdict(GOOD) | changes))


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
    return made(StepLoad, stages=stages, block_s=1.0, blocks=tuple(blocks), series=series)


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
    assert "scaling law with" in shown.words


def test_no_steps_show_nothing():
    shown = capacity_of(made(StepLoad, stages=(), blocks=()))
    assert (shown.low_rps, shown.high_rps, shown.tested_rps) == (0.0, math.inf, 0.0)
    assert shown.knee is None


@quick
@given(run=strategies.struct(StepLoad))
def test_any_steps_can_be_read(run):
    shown = capacity_of(run)
    assert shown.words
    assert not math.isnan(shown.low_rps)
