"""Boundary pairs of load testing before deployment: facts in, statuses out."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.performance.benchmarks import block
from readiness_kit.checks.pre_deployment.load_testing import (
    BENCHMARK,
    CHECK,
    PEAK,
    RECORDS,
    SOAK,
    leaking,
)
from readiness_kit.facts.load import Operation, Stage
from readiness_kit.facts.records.load import RecordedLoad
from readiness_kit.target import Objectives

NOON = RECORDS.observed_at
RECORDED = RecordedLoad(
    file="20260220T090000Z-soak.json",
    commit=RECORDS.commit,
    profile="soak",
    steady_s=600.0,
    rate_rps=20.0,
    valid=True,
    verdict="held",
    finished_at=NOON - timedelta(days=9),
    person="lead@example.com",
)
NONE = replace(SOAK, stages=()), replace(BENCHMARK, stages=())
"""No test of this run was long enough."""


def on_record(*changes, **fact):
    records = tuple(replace(RECORDED, **one) for one in changes)
    return RECORDS.replace(declared=True, records=records, **fact)


@pytest.mark.parametrize(
    ("records", "status"),
    [
        (on_record({}), "PASS"),
        (on_record({"steady_s": 599.9}), "WARN"),
        (on_record({"steady_s": 30.0}), "WARN"),
        (on_record({"steady_s": 29.9}), "FAIL"),
        (on_record({"rate_rps": 19.8}), "PASS"),
        (on_record({"rate_rps": 19.7}), "FAIL"),
        (on_record({"finished_at": NOON - timedelta(days=30)}), "PASS"),
        (on_record({"finished_at": NOON - timedelta(days=30, seconds=1)}), "UNKNOWN"),
        (on_record({"finished_at": NOON + timedelta(minutes=6)}), "UNKNOWN"),
        (on_record({"valid": False}), "UNKNOWN"),
        (on_record({"valid": False}, {}), "PASS"),
        (on_record({"verdict": "unknown"}), "PASS"),
        (on_record({"verdict": "not_held"}), "FAIL"),
        (on_record({"commit": "0"}), "FAIL"),
        (on_record({"commit": ""}, commit=""), "UNKNOWN"),
        (on_record(), "FAIL"),
        (on_record(rejected=("a.json: not signed",)), "FAIL"),
    ],
)
def test_what_is_on_record(records, status):
    assert CHECK.shows(records, *NONE)["record"] == status


def steady(run, seconds, rate_rps=20.0):
    return run.replace(
        stages=(
            Stage(name="steady", start_s=0.0, seconds=seconds, from_rps=rate_rps, to_rps=rate_rps),
        )
    )


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (steady(SOAK, 600.0), "PASS"),
        (steady(SOAK, 599.0), "WARN"),
        (steady(SOAK, 30.0), "WARN"),
        (steady(SOAK, 29.0), "FAIL"),
        (steady(SOAK, 600.0, 10.0), "FAIL"),
        (steady(SOAK, 600.0).replace(aborted="more than 0.10% fail"), "FAIL"),
        (steady(SOAK, 600.0).replace(invalid_reason="worker_lost"), "UNKNOWN"),
        (steady(SOAK, 600.0).replace(answered=0), "UNKNOWN"),
    ],
)
def test_a_test_of_this_run_is_on_record(run, status):
    assert CHECK.shows(run)["record"] == status


def test_no_folder_and_no_load_test_is_not_configured():
    (finding,) = CHECK.judges[0](RECORDS, None, None, None, Objectives())
    assert (finding.outcome, finding.cause) == ("not_seen", "not_configured")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"offered_rps": 39.6}, "PASS"),
        ({"offered_rps": 39.5}, "UNKNOWN"),
        ({"achieved_rps": 38.0}, "FAIL"),
        ({"failed": 1}, "FAIL"),
        ({"failed": 1, "scheduled": 1000, "served": None}, "PASS"),
        ({"served": None}, "PASS"),
        ({"served": 760}, "PASS"),
        ({"served": 759}, "UNKNOWN"),
        ({"aborted": "more than 0.10% fail"}, "FAIL"),
        ({"invalid_reason": "arrivals_lost"}, "UNKNOWN"),
    ],
)
def test_twice_the_peak(changes, status):
    assert CHECK.shows(PEAK.replace(**changes))["peak_x2"] == status


def operations(*histograms):
    return tuple(
        Operation(name=f"operation {at}", corrected=one, service=one)
        for at, one in enumerate(histograms)
    )


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"blocks": (block(495, 800),)}, "PASS"),
        ({"blocks": (block(505, 800),)}, "FAIL"),
        ({"blocks": (block(20, 71),)}, "UNKNOWN"),
        ({"operations": operations(block(20, 700), block(600, 100))}, "FAIL"),
        ({"operations": operations(block(20, 730), block(600, 70))}, "PASS"),
        ({"operations": operations(block(600, 800)), "invalid_reason": "worker_lost"}, "UNKNOWN"),
        ({"aborted": "more than 5.00% fail or take over 500 ms", "blocks": ()}, "FAIL"),
        ({"aborted": "more than 1.00% fail or take over 1000 ms"}, "UNKNOWN"),
    ],
)
def test_p95(changes, status):
    assert CHECK.shows(PEAK.replace(**changes))["p95"] == status


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (SOAK, "PASS"),
        (leaking(SOAK), "FAIL"),
        (leaking(SOAK).replace(answered=0), "UNKNOWN"),
        (SOAK.replace(gauges=()), "UNKNOWN"),
        (SOAK.replace(aborted="more than 0.10% fail"), "UNKNOWN"),
        (leaking(SOAK).replace(aborted="more than 0.10% fail"), "FAIL"),
    ],
)
def test_memory(run, status):
    assert CHECK.shows(run)["memory"] == status


def test_a_leak_says_how_fast_and_until_when():
    run = leaking(SOAK)
    (finding,) = CHECK.judges[3](run, CHECK.good[4])
    assert "leaks 9" in finding.got or "leaks 10" in finding.got
    assert "h to its limit" in finding.got
    (steady_one,) = CHECK.judges[3](SOAK, None)
    assert "would have been found" in steady_one.got
