"""Pictures of drills: they say the finding, and draw whatever the fact holds."""

import xml.etree.ElementTree as ET

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_kit.checks.application import graceful_degradation, health_endpoints
from readiness_kit.facts.drills.degradation import DegradationDrill
from readiness_kit.facts.drills.readiness import ReadinessDrill
from readiness_kit.reports.charts import pictures
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.svg import svg
from readiness_kit.target import Objectives

READY, DEGRADED = health_endpoints.DRILL, graceful_degradation.GOOD


def test_titles_say_the_finding():
    (ready,) = pictures(READY, Objectives())
    calls, times = pictures(DEGRADED, Objectives())
    assert ready.title == (
        "Without the database readiness said 503 4 of 4 times; liveness said 200 15 of 15 times"
    )
    assert calls.title == (
        "1700 of 2000 calls were answered while 4 things were broken one after the other"
    )
    assert times.title == "The slowest call took 3.0 s"


def test_every_answer_is_drawn_in_its_row():
    (chart,) = pictures(READY, Objectives())
    assert sum(len(one.x0) for one in chart.boxes) == len(READY.polls)
    assert [one.name for one in chart.boxes] == ["200", "503"]
    assert chart.y.names == ("", "ready api.example.com", "health api.example.com")


def test_faults_are_shaded_and_named():
    calls, _ = pictures(DEGRADED, Objectives())
    (shades,) = calls.boxes
    assert shades.labels == (
        "cache refused",
        "cache silent",
        "database refused",
        "database silent",
    )
    assert [one.name for one in calls.lines] == ["good", "refused"]


@pytest.mark.parametrize("kind", [ReadinessDrill, DegradationDrill])
def test_nothing_seen_is_drawn_as_such(kind):
    full = READY if kind is ReadinessDrill else DEGRADED
    names = {"polls", "outages", "places", "calls", "breaks", "lookups", "reads"}
    empty = full.replace(**dict.fromkeys(names & set(full.__struct_fields__), ()))
    for chart in pictures(empty, Objectives()):
        ET.fromstring(svg(chart))
        figure(chart)


@pytest.mark.parametrize("kind", [ReadinessDrill, DegradationDrill])
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_was_seen_can_be_drawn(kind, data):
    for chart in pictures(data.draw(strategies.struct(kind)), Objectives()):
        figure(chart)
