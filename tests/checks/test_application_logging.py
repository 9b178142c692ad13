import pytest
from msgspec.structs import replace

from readiness_kit.checks.application.logging import BOUNDS, CHECK, SAMPLE

FIRST, SECOND = SAMPLE.files


def lines(first=None, second=None, **changes):
    files = (replace(FIRST, **(first or {})), replace(SECOND, **(second or {})))
    return CHECK.shows(SAMPLE.replace(files=files, **changes))["lines_arrive"]


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ({}, "PASS"),
        ({"recent_json": 198}, "PASS"),
        ({"recent_json": 197}, "FAIL"),
        ({"levels": {"INFO": 199, "DEBUG": 1}}, "FAIL"),
        ({"levels": {"TRACE": 1}}, "FAIL"),
        ({"levels": {"10": 200}}, "FAIL"),
        ({"levels": {"20": 200}}, "UNKNOWN"),
        ({"levels": {"30": 200}}, "PASS"),
        ({"levels": {"(none)": 200}}, "UNKNOWN"),
        ({"levels": {"INFO": 198, "(none)": 2}}, "PASS"),
        ({"reason": "Permission denied"}, "UNKNOWN"),
        ({"recent": 10, "recent_json": 10, "levels": {"INFO": 10}}, "PASS"),
    ],
)
def test_form_and_level(first, status):
    assert lines(first) == status


@pytest.mark.parametrize(
    ("first", "changes", "status"),
    [
        ({"arrived": 0}, {"waited_s": 10.0}, "FAIL"),
        ({"arrived": 0}, {"waited_s": 3.0}, "UNKNOWN"),
        ({"arrived": 0}, {"waited_s": 10.0, "instances_answered": 0}, "UNKNOWN"),
        ({}, {"sent": 0}, "UNKNOWN"),
        ({}, {"waited_s": 9.9}, "PASS"),
    ],
)
def test_a_line_from_each_process(first, changes, status):
    assert lines(first, **changes) == status


def test_logs_that_all_stay_empty_need_no_names_of_instances():
    empty = {"arrived": 0, "recent": 0, "recent_json": 0, "levels": {}}
    assert lines(empty, empty, waited_s=10.0, instances_answered=0) == "FAIL"


def test_a_few_lines_say_little():
    few = {"recent": 20, "recent_json": 20, "levels": {"INFO": 20}}
    assert lines(few, few) == "UNKNOWN"
    assert CHECK.shows(SAMPLE.replace(files=()))["lines_arrive"] == "UNKNOWN"


ONE = BOUNDS.bounds[0]


def bounded(*changes):
    return CHECK.shows(BOUNDS.replace(bounds=tuple(replace(ONE, **one) for one in changes)))[
        "size_bounded"
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"bound_bytes": 100, "free_bytes": 1000}, "PASS"),
        ({"bound_bytes": 101, "free_bytes": 1000}, "WARN"),
        ({"bound_bytes": None}, "FAIL"),
        ({"bound_bytes": 0}, "FAIL"),
        ({"live_bytes": 20_000_000}, "PASS"),
        ({"live_bytes": 20_000_001}, "FAIL"),
        ({"reason": "Permission denied"}, "UNKNOWN"),
        ({"free_bytes": 0}, "UNKNOWN"),
    ],
)
def test_a_log_has_a_bound_and_room_for_it(changes, status):
    assert bounded(changes) == status


def test_logs_on_one_volume_share_its_room():
    half = {"bound_bytes": 60, "free_bytes": 1000}
    assert bounded(half, half) == "WARN"
    assert bounded(half, {**half, "volume": "2"}) == "PASS"
    assert bounded(half, {**half, "bound_bytes": None}) == "FAIL"
    assert bounded() == "UNKNOWN"


def test_what_nobody_declares_was_not_seen():
    bare = BOUNDS.replace(declared=False, bounds=(replace(ONE, how="", bound_bytes=None),))
    assert CHECK.shows(bare)["size_bounded"] == "UNKNOWN"
