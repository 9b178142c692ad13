"""Charts of what grows old: each thing at its time, and a title that says the age."""

import math
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from readiness_kit.checks.database.backup_strategy import FOLDER
from readiness_kit.checks.disaster_recovery.drills import RECORDS
from readiness_kit.checks.disaster_recovery.runbooks import PAPERS
from readiness_kit.reports import charts
from readiness_kit.reports.interactive import figure
from readiness_kit.reports.svg import svg
from readiness_kit.target import Objectives

FACTS = (FOLDER, PAPERS, RECORDS)
NO_DATES = tuple(
    replace(one, dates=replace(one.dates, reviewed_on=None, changed_at=None))
    for one in PAPERS.papers
)


def picture(fact):
    (chart,) = charts.pictures(fact, Objectives())
    ET.fromstring(svg(chart))
    return chart


@pytest.mark.parametrize(
    ("fact", "title"),
    [
        (FOLDER, f"{len(FOLDER.backups)} backups, the newest "),
        (FOLDER.replace(backups=()), "0 backups; 26 h at most"),
        (PAPERS, f"The oldest of {len(PAPERS.papers)} documents was in hand "),
        (PAPERS.replace(papers=()), "No document's age is known"),
        (PAPERS.replace(papers=NO_DATES), "No document's age is known"),
        (RECORDS, f"Drills on record: {len(RECORDS.records)}; the last "),
        (RECORDS.replace(records=()), "No drill on record"),
    ],
)
def test_the_title_says_what_was_found(fact, title):
    assert picture(fact).title.startswith(title)


def test_a_backup_stands_at_its_time_as_high_as_it_is_large():
    (bars,) = picture(FOLDER).boxes
    first = FOLDER.backups[0]
    assert (bars.x0[0] + bars.x1[0]) / 2 == first.made_at.timestamp()
    assert len(bars.x0) == len(FOLDER.backups)
    assert bars.labels[0].startswith(first.name)


def test_backups_without_a_mark_stand_apart_and_those_of_the_future_do_not_stand():
    first, *rest = FOLDER.backups
    ahead = replace(rest[0], made_at=FOLDER.observed_at + timedelta(days=1))
    chart = picture(FOLDER.replace(backups=(replace(first, marked=False), ahead, *rest[1:])))
    assert [(one.name, one.symbol) for one in chart.boxes] == [
        ("marked as successful", ""),
        ("without a mark", "?"),
    ]
    assert sum(len(one.x0) for one in chart.boxes) == len(FOLDER.backups) - 1


def test_a_document_without_a_date_is_named_and_has_no_bar():
    chart = picture(PAPERS.replace(papers=NO_DATES))
    assert chart.boxes[0].x0 == ()
    assert NO_DATES[0].file in chart.note


def test_failed_drills_stand_apart_and_rejected_records_are_counted():
    one = replace(RECORDS.records[0], outcome="failed")
    chart = picture(RECORDS.replace(records=(one,), rejected=("a.json: no signature",)))
    assert [(box.name, box.symbol) for box in chart.boxes] == [("failed", "!")]
    assert chart.note.startswith("1 records")


@settings(max_examples=30, suppress_health_check=list(HealthCheck), derandomize=True)
@given(facts=st.tuples(*[strategies.struct(type(fact)) for fact in FACTS]))
def test_any_fact_can_be_drawn(facts):
    for chart in charts.all_pictures(facts, Objectives()):
        ET.fromstring(svg(chart))
        figure(chart)
        assert not any(math.isnan(x) for box in chart.boxes for x in (*box.x0, *box.x1))
