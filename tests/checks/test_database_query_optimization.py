from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.query_optimization import CHECK, INDEXES, STATEMENTS
from readiness_kit.facts.database.queries import IndexSeen, TableReads, TableScan, UncoveredKey

FAST, SCANS, SOUND = "hot_statements_fast", "large_sequential_scans_absent", "indexes_sound"
INDEX = IndexSeen(index="public.a", table="public.t", detail="the same as public.b")


def with_statement(**changes):
    return STATEMENTS.replace(statements=(replace(STATEMENTS.statements[0], **changes),))


def scan(rows):
    return (TableScan(table="public.t", rows=rows),)


def key(rows):
    return (UncoveredKey(constraint="fk", table="public.t", columns=("a",), rows=rows),)


@pytest.mark.parametrize(
    ("mean_ms", "status"),
    [(50.0, "PASS"), (50.1, "WARN"), (500.0, "WARN"), (500.1, "FAIL"), (float("nan"), "FAIL")],
)
def test_mean_time(mean_ms, status):
    assert CHECK.shows(with_statement(mean_ms=mean_ms))[FAST] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"scans": scan(10_000)}, "PASS"),
        ({"scans": scan(10_001)}, "FAIL"),
        ({"scans": scan(10_001), "share": 0.01}, "FAIL"),
        ({"scans": scan(10_001), "share": 0.0099}, "WARN"),
        ({"scans": scan(None)}, "UNKNOWN"),
        ({"planned": "denied"}, "UNKNOWN"),
        ({"planned": "failed", "share": 0.001}, "UNKNOWN"),
        ({"planned": "needless"}, "UNKNOWN"),
    ],
)
def test_scans(changes, status):
    assert CHECK.shows(with_statement(**changes))[SCANS] == status


def test_a_plan_not_seen_of_what_costs_little_leaves_the_others_to_speak():
    first = STATEMENTS.statements[0]
    other = replace(first, share=0.001, planned="failed", planned_detail="no such table")
    assert CHECK.shows(STATEMENTS.replace(statements=(first, other)))[SCANS] == "PASS"


@pytest.mark.parametrize(
    ("scans", "rows", "status"),
    [(3, 20_000, "PASS"), (3000, 20_000, "WARN"), (3000, 10_000, "PASS")],
)
def test_scans_that_no_plan_shows(scans, rows, status):
    table = TableReads(
        table="public.t", rows=rows, sequential_scans=scans, rows_read_by_them=scans * rows
    )
    assert CHECK.shows(STATEMENTS.replace(tables=(table,)))[SCANS] == status


@pytest.mark.parametrize(
    "changes", [{"application_roles": ()}, {"application_roles": ("else",)}, {"statements": ()}]
)
def test_statements_of_others_prove_nothing(changes):
    shown = CHECK.shows(STATEMENTS.replace(**changes))
    assert (shown[FAST], shown[SCANS]) == ("UNKNOWN", "UNKNOWN")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"invalid": (INDEX,)}, "FAIL"),
        ({"duplicates": (INDEX,)}, "WARN"),
        ({"unused": (INDEX,)}, "WARN"),
        (
            {"unused": (INDEX,), "statistics_since": INDEXES.observed_at - timedelta(days=29.9)},
            "PASS",
        ),
        ({"uncovered": key(9_999)}, "WARN"),
        ({"uncovered": key(10_000)}, "FAIL"),
        ({"uncovered": key(None)}, "UNKNOWN"),
        ({"uncovered": key(None), "invalid": (INDEX,)}, "FAIL"),
        ({"tables": 0}, "UNKNOWN"),
        ({"indexes": 0, "foreign_keys": 0}, "UNKNOWN"),
    ],
)
def test_indexes(changes, status):
    assert CHECK.shows(INDEXES.replace(**changes))[SOUND] == status
