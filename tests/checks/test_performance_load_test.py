"""Boundary pairs of the load tests: facts in, statuses out."""

import random

import pytest
from msgspec.structs import replace
from simulations import resident

from readiness_kit.checks.performance import benchmarks
from readiness_kit.checks.performance.benchmarks import block
from readiness_kit.checks.performance.load_test import CHECK, GOOD, SOAK, STRESS, leaking
from readiness_kit.facts.load import Gauge
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.target import Objectives

LATE = "more than 5.00% fail or take over 500 ms"
FAILING = "more than 0.10% fail"


def gauge(samples, of="process 1"):
    t_s, values = zip(*samples, strict=True)
    return Gauge(name="resident_bytes", of=of, t_s=t_s, values=values)


def memory(*gauges, seconds=1800.0):
    return SOAK.replace(gauges=gauges, seconds=seconds)


STEADY = gauge(resident(random.Random(1)))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"failed": 0, "scheduled": 1000}, "PASS"),
        ({"failed": 1, "scheduled": 1000}, "PASS"),
        ({"failed": 2, "scheduled": 1000}, "FAIL"),
        ({"offered_rps": 19.8}, "PASS"),
        ({"offered_rps": 19.7}, "UNKNOWN"),
        ({"achieved_rps": 19.7}, "PASS"),
        ({"achieved_rps": 19.0}, "FAIL"),
        ({"aborted": LATE}, "FAIL"),
        ({"aborted": FAILING}, "FAIL"),
        ({"aborted": "more than 0.05% fail"}, "UNKNOWN"),
        ({"aborted": "more than 5.00% fail or take over 400 ms"}, "UNKNOWN"),
        ({"aborted": "of something else"}, "UNKNOWN"),
        ({"aborted": LATE, "invalid_reason": "generator_late"}, "UNKNOWN"),
        ({"aborted": LATE, "blocks": GOOD.blocks[:1]}, "FAIL"),
    ],
)
def test_peak(changes, status):
    assert CHECK.shows(GOOD.replace(**changes))["peak"] == status


@pytest.mark.parametrize(
    ("aborted", "shown"),
    [
        (LATE, ("UNKNOWN", "FAIL", "UNKNOWN")),
        ("more than 1.00% fail or take over 1000 ms", ("UNKNOWN", "UNKNOWN", "FAIL")),
        ("more than 50.00% fail or take over 1000 ms", ("FAIL", "FAIL", "FAIL")),
        ("more than 5.00% fail", ("UNKNOWN", "FAIL", "FAIL")),
        (FAILING, ("UNKNOWN", "UNKNOWN", "UNKNOWN")),
    ],
)
def test_a_run_that_ended_early_fails_what_its_words_imply_and_passes_nothing(aborted, shown):
    assert tuple(benchmarks.CHECK.shows(GOOD.replace(aborted=aborted)).values()) == shown


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (memory(STEADY), "PASS"),
        (memory(STEADY, gauge(resident(random.Random(2), mb_h=72.0), "process 2")), "FAIL"),
        (memory(gauge(resident(random.Random(3), warm_up=(30, 400)))), "UNKNOWN"),
        (memory(gauge(list(resident(random.Random(1)))[:60])), "UNKNOWN"),
        (memory(gauge(list(resident(random.Random(5)))[:324])), "UNKNOWN"),
        (memory(gauge(list(resident(random.Random(5)))[:325])), "PASS"),
        (memory(replace(STEADY, values=STEADY.values[::-1][:-1])), "UNKNOWN"),
        (memory(replace(STEADY, t_s=STEADY.t_s[::-1])), "UNKNOWN"),
        (memory(), "UNKNOWN"),
        (leaking(SOAK).replace(aborted="more than 1.00% fail"), "FAIL"),
        (SOAK.replace(aborted="more than 0.05% fail"), "UNKNOWN"),
        (leaking(SOAK).replace(invalid_reason="worker_lost"), "UNKNOWN"),
        (leaking(SOAK).replace(aborted="of something else"), "FAIL"),
        (SOAK.replace(offered_rps=10.0), "UNKNOWN"),
    ],
)
def test_sustained_memory(run, status):
    assert CHECK.shows(run)["sustained"] == status


@pytest.mark.parametrize(
    ("third", "changed", "status"),
    [
        (0, Histogram(lost=1200), "UNKNOWN"),
        (1, Histogram(lost=1200), "PASS"),
        (2, Histogram(lost=1200), "FAIL"),
        (2, block(600, 1200), "FAIL"),
        (2, replace(block(20, 1199), lost=1), "PASS"),
        (2, replace(block(20, 1198), lost=2), "FAIL"),
        (2, Histogram(), "UNKNOWN"),
    ],
)
def test_sustained_thirds(third, changed, status):
    blocks = tuple(changed if at // 10 == third else one for at, one in enumerate(SOAK.blocks))
    assert CHECK.shows(SOAK.replace(blocks=blocks))["sustained"] == status


def overload(change):
    """Return the stress with each second of overload changed."""
    return STRESS.replace(
        series=tuple(change(one) if 20 < one.t_s <= 50 else one for one in STRESS.series)
    )


def after(change):
    """Return the stress with seconds from its end changed: from the end of overload, 1, 2, …"""
    return STRESS.replace(
        series=tuple(
            replace(one, **change(round(one.t_s - 50))) if one.t_s > 50 else one
            for one in STRESS.series
        )
    )


def accepted(ms):
    """Return the stress with what is accepted in overload answered after *ms*."""
    return STRESS.replace(
        blocks=tuple(
            replace(block(ms, 40), lost=20) if 20 <= at < 50 else one
            for at, one in enumerate(STRESS.blocks)
        )
    )


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (accepted(1990), "PASS"),
        (accepted(2050), "FAIL"),
        (overload(lambda one: replace(one, failed=44)), "PASS"),
        (overload(lambda one: replace(one, failed=45)), "FAIL"),
        (overload(lambda one: replace(one, failed=45 - 10 * (int(one.t_s) % 2))), "PASS"),
        (overload(lambda one: replace(one, failed=24 + 40 * (int(one.t_s) % 2))), "UNKNOWN"),
        (after(lambda t: {"p95_ms": 900.0 if t <= 50 else 20.0}), "PASS"),
        (after(lambda t: {"p95_ms": 900.0 if t <= 55 else 20.0}), "UNKNOWN"),
        (after(lambda t: {"p95_ms": 900.0}), "FAIL"),
        (after(lambda t: {"p95_ms": 99.0}), "PASS"),
        (after(lambda t: {"p95_ms": None}), "FAIL"),
        (after(lambda t: {"failed": 1}), "FAIL"),
        (after(lambda t: {"n": 0}), "FAIL"),
        (STRESS.replace(stages=STRESS.stages[:2]), "UNKNOWN"),
        (STRESS.replace(aborted="more than 1.00% fail"), "UNKNOWN"),
        (accepted(2050).replace(invalid_reason="interrupted"), "UNKNOWN"),
        (STRESS.replace(series=()), "UNKNOWN"),
    ],
)
def test_degradation(run, status):
    assert CHECK.shows(run)["degradation"] == status


@pytest.mark.parametrize(
    ("peak_rps", "status"), [(20.2, "PASS"), (20.3, "UNKNOWN"), (None, "UNKNOWN")]
)
def test_three_times_the_peak_must_have_been_offered(peak_rps, status):
    assert CHECK.shows(Objectives(peak_rps=peak_rps))["degradation"] == status


def test_the_queue_of_a_service_that_accepts_everything_fails_by_its_late_half():
    blocks = tuple(
        block(100 + 200 * min(30, max(0, at - 20)), one.n) for at, one in enumerate(STRESS.blocks)
    )
    run = STRESS.replace(blocks=blocks)
    finding = next(iter(CHECK.judges[2](run, Objectives(peak_rps=20))))
    assert finding.outcome == "fails"
    assert "in the late half" in finding.got


def test_accepted_work_and_failures_as_infinite_stand_side_by_side():
    finding = next(iter(CHECK.judges[2](STRESS, Objectives(peak_rps=20))))
    assert "of what was accepted P95 21.9 ms" in finding.got
    assert "failures as infinite never" in finding.got
