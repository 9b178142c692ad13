import pytest
from msgspec.structs import replace

from readiness_kit.checks.infrastructure.autoscaling import (
    CHECK,
    DECLARED,
    REPLICAS,
    STATES,
    STEPS,
    TARGET_SHARE,
)

AUTOSCALER = DECLARED.autoscalers[0]
STATE = STATES.autoscalers[0]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"cpu_target_percent": 80}, "PASS"),
        ({"cpu_target_percent": 81}, "WARN"),
        ({"cpu_target_percent": None, "watches": ("requests_per_second",)}, "PASS"),
        ({"min_replicas": 1}, "WARN"),
        ({"min_replicas": 0}, "FAIL"),
        ({"min_replicas": 10}, "FAIL"),
        ({"min_replicas": 11}, "FAIL"),
        ({"api_version": "autoscaling/v2beta2"}, "FAIL"),
        ({"api_version": "autoscaling/v1"}, "FAIL"),
        ({"requests": "missing"}, "FAIL"),
        ({"requests": "not_seen"}, "UNKNOWN"),
        ({"requests": "not_seen", "max_replicas": 2}, "FAIL"),
    ],
)
def test_configured(changes, status):
    other = replace(AUTOSCALER, **changes)
    assert CHECK.shows(DECLARED.replace(autoscalers=(other,)))["configured"] == status
    both = DECLARED.replace(autoscalers=(AUTOSCALER, other))
    assert CHECK.shows(both)["configured"] == status


def test_manifests_without_an_autoscaler():
    assert CHECK.shows(DECLARED.replace(autoscalers=()))["configured"] == "FAIL"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"scaling_active": "False"}, "FAIL"),
        ({"able_to_scale": "Unknown"}, "FAIL"),
        ({"able_to_scale": ""}, "FAIL"),
        ({"values": ()}, "FAIL"),
        ({"watched": 2}, "FAIL"),
        ({"watched": 0, "values": ()}, "FAIL"),
    ],
)
def test_metrics_alive(changes, status):
    fact = STATES.replace(autoscalers=(STATE, replace(STATE, **changes)))
    assert CHECK.shows(fact)["metrics_alive"] == status


def test_an_empty_namespace_shows_nothing():
    assert CHECK.shows(STATES.replace(autoscalers=()))["metrics_alive"] == "UNKNOWN"


EXCEEDED_S = 330.0  # in the second step, which began at 300 s


def course(*changes, end_s=900.0, exceeded_s=EXCEEDED_S, share=1.6):
    """Return the run with replicas that change at the given instants, two more each time."""
    points, value = [(0.0, 2.0)], 2.0
    for at in changes:
        points += [(at - 1, value), (at, value + 2)]
        value += 2
    points.append((end_s, value))
    gauges = [
        replace(
            STEPS.gauges[0], t_s=tuple(t for t, _ in points), values=tuple(v for _, v in points)
        )
    ]
    if exceeded_s is not None:
        gauges.append(replace(STEPS.gauges[1], t_s=(0.0, exceeded_s), values=(0.5, share)))
    return STEPS.replace(gauges=tuple(gauges))


def shown(run):
    return CHECK.shows(run)["scales_under_load"]


@pytest.mark.parametrize(
    ("grown_s", "status"),
    [(300, "PASS"), (480, "PASS"), (481, "WARN"), (600, "WARN"), (601, "FAIL"), (830, "FAIL")],
)
def test_time_from_the_step_that_exceeds_the_target(grown_s, status):
    assert shown(course(grown_s)) == status


def test_growth_before_the_step_is_no_answer_to_it():
    assert shown(course(200)) == "FAIL"


@pytest.mark.parametrize(("end_s", "status"), [(600, "UNKNOWN"), (601, "FAIL")])
def test_no_growth_counts_once_there_was_time_for_it(end_s, status):
    assert shown(course(end_s=end_s)) == status


def test_a_target_that_was_not_exceeded_asks_for_nothing():
    assert shown(course(share=1.1)) == "UNKNOWN"
    assert shown(course(exceeded_s=None)) == "UNKNOWN"


@pytest.mark.parametrize(
    ("grown_s", "status"), [(150, "PASS"), (200, "WARN"), (290, "WARN"), (320, "UNKNOWN")]
)
def test_where_no_gauge_tells_the_step_every_step_before_may_be_it(grown_s, status):
    assert shown(course(grown_s, exceeded_s=None)) == status


def test_replicas_must_come_to_rest():
    one_step = replace(STEPS.stages[0], seconds=2000.0)
    long = replace(one_step, name="step 1")
    restless = course(100, 590, 700, end_s=2000.0, exceeded_s=30.0).replace(stages=(long,))
    assert shown(restless) == "FAIL"
    assert shown(course(100, 590, end_s=2000.0, exceeded_s=30.0).replace(stages=(long,))) == "PASS"
    assert shown(course(400, 850, end_s=900)) == "UNKNOWN"


def test_without_its_gauge_nothing_is_known():
    assert CHECK.shows(STEPS.replace(gauges=()))["scales_under_load"] == "UNKNOWN"
    assert {one.name for one in STEPS.gauges} == {REPLICAS, TARGET_SHARE}
    assert shown(STEPS.replace(invalid_reason="worker_lost")) == "UNKNOWN"
