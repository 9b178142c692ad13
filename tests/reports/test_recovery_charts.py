"""Charts of recoveries: a bar for each phase, and a title that says what came of it."""

import math
import xml.etree.ElementTree as ET

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_kit.checks.database import backup_verification, failover, pitr
from readiness_kit.checks.disaster_recovery import objectives
from readiness_kit.reports import charts
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.svg import svg
from readiness_kit.target import Objectives

FACTS = (backup_verification.DRILL, pitr.DRILL, failover.DRILL, objectives.LOSS)


@pytest.mark.parametrize(
    ("fact", "title"),
    [
        (FACTS[0], "Restored 3 times; the next takes 53.3 to 85.8 s (90 %)"),
        (FACTS[0].replace(error="short read", recoveries=()), "Not restored: short read"),
        (FACTS[1], "10 of 10 rows from before the moment, 0 of 10 from after it"),
        (FACTS[2], "Writing stood for 2.4 s; 0 of 120 acknowledged rows lost"),
        (FACTS[2].replace(gap_s=None), "Writing never went on"),
        (FACTS[3], "40 of 60 rows came back, lost 1.0 s"),
    ],
)
def test_the_title_says_what_was_found(fact, title):
    (chart,) = charts.pictures(fact, Objectives())
    assert chart.title.startswith(title)
    ET.fromstring(svg(chart))


def test_each_phase_is_a_bar_in_its_row():
    (chart,) = charts.pictures(pitr.DRILL, Objectives())
    (bars,) = chart.boxes
    assert chart.y.names == ("fetch", "restore", "start", "replay", "first query")
    assert bars.labels[3] == "replay: 5.60 s"
    assert [(low + high) / 2 for low, high in zip(bars.y0, bars.y1, strict=True)] == [0, 1, 2, 3, 4]


@settings(max_examples=30, suppress_health_check=list(HealthCheck), derandomize=True)
@given(facts=st.tuples(*[strategies.struct(type(fact)) for fact in FACTS]))
def test_any_fact_can_be_drawn(facts):
    for chart in charts.all_pictures(facts, Objectives()):
        ET.fromstring(svg(chart))
        figure(chart)
        assert not any(math.isnan(x) for box in chart.boxes for x in (*box.x0, *box.x1))
