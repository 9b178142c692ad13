"""Liveness and readiness probes of Kubernetes, as facts."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.application import liveness_probe, readiness_probe
from readiness_kit.checks.application.liveness_probe import CONTAINER, DECLARED, DRILL, HEALTH
from readiness_kit.facts.kubernetes.workloads import Replicas

LIVE, READY = CONTAINER.liveness, CONTAINER.readiness


def with_containers(*containers):
    works = tuple(replace(one, containers=containers) for one in DECLARED.workloads)
    return DECLARED.replace(workloads=works)


def judged(module, claim, fact, *others):
    """Judge without a cluster, and without what is not among *others*."""
    judge = next(one for one in module.CHECK.judges if claim in one.claims)
    given = {type(one): one for one in (fact, *others)}
    (finding,) = judge(*(given.get(need.kind) for need in judge.needs))
    return {"holds": "PASS", "holds_weakly": "WARN", "fails": "FAIL"}.get(
        finding.outcome.value, "UNKNOWN"
    )


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"period_s": 5, "timeout_s": 1, "failure_threshold": 2}, "PASS"),
        ({"period_s": 4}, "FAIL"),
        ({"timeout_s": 0}, "FAIL"),
        ({"period_s": 10, "timeout_s": 10}, "FAIL"),
        ({"failure_threshold": 1}, "FAIL"),
        ({"exposed": False}, "FAIL"),
        ({"initial_delay_s": 29}, "PASS"),
    ],
)
def test_timing_of_liveness(changes, status):
    fact = with_containers(replace(CONTAINER, liveness=replace(LIVE, **changes)))
    assert judged(liveness_probe, "configured", fact) == status


@pytest.mark.parametrize(("delay_s", "status"), [(29, "PASS"), (30, "WARN"), (300, "WARN")])
def test_a_long_delay_is_no_startup_probe(delay_s, status):
    late = replace(CONTAINER, startup=None, liveness=replace(LIVE, initial_delay_s=delay_s))
    assert judged(liveness_probe, "configured", with_containers(late)) == status


def test_every_container_is_watched():
    bare = replace(CONTAINER, name="side", liveness=None, readiness=None)
    fact = with_containers(CONTAINER, bare)
    assert judged(liveness_probe, "configured", fact) == "FAIL"
    assert judged(readiness_probe, "configured", fact) == "FAIL"


def cut(status, endpoint="ready"):
    """The drill, with every answer of *endpoint* during the outage being *status*."""
    polls = (
        replace(one, status=status) if one.endpoint == endpoint and 2 <= one.at_s < 6 else one
        for one in DRILL.polls
    )
    return DRILL.replace(polls=tuple(polls))


SHARED = {"target": "/ready"}
SILENT = HEALTH.replace(readiness=tuple(replace(one, dependencies=()) for one in HEALTH.readiness))


@pytest.mark.parametrize(
    ("live", "others", "status"),
    [
        ({}, (), "PASS"),
        ({"target": "/health/"}, (), "PASS"),
        ({}, (cut(200),), "PASS"),
        ({}, (cut(503, "health"),), "FAIL"),
        (SHARED, (), "UNKNOWN"),
        ({"target": "/ready/?a=1"}, (), "UNKNOWN"),
        (SHARED, (SILENT,), "UNKNOWN"),
        (SHARED, (HEALTH,), "FAIL"),
        (SHARED, (cut(503),), "FAIL"),
        (SHARED, (cut(None),), "FAIL"),
        (SHARED, (cut(200), SILENT), "WARN"),
        ({"how": "tcp", "target": ""}, (), "PASS"),
        ({"how": "exec", "target": "check.sh"}, (), "UNKNOWN"),
        ({"how": "exec", "target": "curl -f localhost/ready"}, (), "UNKNOWN"),
        ({"how": "grpc", "target": "live"}, (), "PASS"),
    ],
)
def test_liveness_asks_what_readiness_does_not(live, others, status):
    fact = with_containers(replace(CONTAINER, liveness=replace(LIVE, **live)))
    assert judged(liveness_probe, "independent_of_dependencies", fact, *others) == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"period_s": 10}, "PASS"),
        ({"period_s": 11}, "WARN"),
        ({"period_s": 30}, "WARN"),
        ({"period_s": 31}, "FAIL"),
        ({"timeout_s": 0}, "FAIL"),
        ({"target": "/health"}, "FAIL"),
        ({"target": "/ready/"}, "PASS"),
        ({"target": "/elsewhere"}, "UNKNOWN"),
        ({"how": "tcp", "target": ""}, "FAIL"),
        ({"how": "grpc", "target": ""}, "UNKNOWN"),
        ({"how": "exec", "target": "wget localhost/ready"}, "PASS"),
        ({"how": "exec", "target": "curl -sf localhost/ready"}, "PASS"),
        ({"how": "exec", "target": "curl --fail localhost/ready"}, "PASS"),
        ({"how": "exec", "target": "curl -s localhost/ready"}, "UNKNOWN"),
        ({"how": "exec", "target": "sh -c wget localhost/ready || true"}, "UNKNOWN"),
        ({"how": "exec", "target": "true"}, "UNKNOWN"),
    ],
)
def test_readiness_asks_the_ready_endpoint_often_enough(changes, status):
    fact = with_containers(replace(CONTAINER, readiness=replace(READY, **changes)))
    assert judged(readiness_probe, "configured", fact) == status


def test_a_side_car_has_a_path_of_its_own():
    side = replace(
        CONTAINER,
        name="exporter",
        liveness=replace(LIVE, target="/live"),
        readiness=replace(READY, target="/-/ready"),
        startup=None,
    )
    assert judged(readiness_probe, "configured", with_containers(CONTAINER, side)) == "PASS"
    assert judged(readiness_probe, "configured", with_containers(side)) == "UNKNOWN"


@pytest.mark.parametrize(
    ("others", "status"), [((), "UNKNOWN"), ((cut(503),), "PASS"), ((cut(200),), "FAIL")]
)
def test_one_endpoint_for_both_must_follow_the_database(others, status):
    single = [
        drill.replace(
            health="/up",
            ready="/up",
            polls=tuple(one for one in drill.polls if one.endpoint == "ready"),
        )
        for drill in others
    ]
    both = replace(CONTAINER, liveness=replace(LIVE, target="/up"), startup=None)
    both = replace(both, readiness=replace(READY, target="/up"))
    fact = with_containers(both).replace(health="/up", ready="/up")
    assert judged(readiness_probe, "configured", fact, *single) == status


@pytest.mark.parametrize(
    ("wanted", "ready", "rolling", "status"),
    [
        (3, 3, False, "PASS"),
        (3, 4, True, "PASS"),
        (3, 2, True, "WARN"),
        (3, 2, False, "FAIL"),
        (3, 1, True, "FAIL"),
        (1, 0, True, "FAIL"),
        (0, 0, False, "UNKNOWN"),
    ],
)
def test_replicas_are_ready(wanted, ready, rolling, status):
    one = Replicas(name="Service/shop", wanted=wanted, ready=ready, rolling=rolling)
    fact = readiness_probe.RUNNING.replace(replicas=(one,))
    assert readiness_probe.CHECK.shows(fact)["endpoints_ready"] == status


def test_a_cluster_that_differs_from_its_manifests_is_judged_too():
    works = tuple(
        replace(one, containers=(replace(CONTAINER, liveness=None),))
        for one in liveness_probe.RUNNING.workloads
    )
    fact = liveness_probe.RUNNING.replace(workloads=works)
    assert liveness_probe.CHECK.shows(fact)["configured"] == "FAIL"


def test_nothing_declared_is_not_configured():
    for module in (liveness_probe, readiness_probe):
        judge = module.CHECK.judges[0]
        (finding,) = judge(*(None for _ in judge.needs))
        assert finding.cause.value == "not_configured"
