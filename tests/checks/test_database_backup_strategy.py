from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.backup_strategy import CHECK, FOLDER, SERVER

NEWEST, *OLDER = FOLDER.backups
MB = 10**6


@pytest.mark.parametrize(
    ("age_h", "status"),
    [(26, "PASS"), (26.01, "FAIL"), (50, "FAIL"), (-0.05, "PASS"), (-1, "UNKNOWN")],
)
def test_recent(age_h, status):
    newest = replace(NEWEST, made_at=FOLDER.observed_at - timedelta(hours=age_h))
    assert CHECK.shows(FOLDER.replace(backups=(newest,)))["recent"] == status


def test_an_unmarked_backup_does_not_count():
    unmarked = replace(NEWEST, marked=False)
    assert CHECK.shows(FOLDER.replace(backups=(unmarked, *OLDER)))["recent"] == "FAIL"
    assert CHECK.shows(FOLDER.replace(backups=()))["recent"] == "FAIL"


@pytest.mark.parametrize(
    ("size", "status"), [(50, "PASS"), (49, "FAIL"), (200, "PASS"), (201, "FAIL"), (0, "FAIL")]
)
def test_size_against_the_predecessors(size, status):
    older = tuple(replace(one, size_bytes=100 * MB) for one in OLDER)
    folder = FOLDER.replace(backups=(replace(NEWEST, size_bytes=size * MB), *older))
    assert CHECK.shows(folder)["size_plausible"] == status


@pytest.mark.parametrize(
    ("full", "database", "status"),
    [(True, 500 * MB, "FAIL"), (True, 50 * MB, "PASS"), (False, 500 * MB, "PASS")],
)
def test_twenty_bytes_every_night_are_no_backup(full, database, status):
    empty = (replace(one, size_bytes=20, full=full) for one in (NEWEST, *OLDER))
    server = SERVER.replace(database_bytes=database)
    shown = CHECK.shows(FOLDER.replace(backups=tuple(empty)), server)
    assert shown["size_plausible"] == status


def test_one_odd_predecessor_does_not_move_the_median():
    rest = (replace(one, size_bytes=100 * MB) for one in OLDER[1:])
    older = (replace(OLDER[0], size_bytes=1), *rest)
    folder = FOLDER.replace(backups=(replace(NEWEST, size_bytes=100 * MB), *older))
    assert CHECK.shows(folder)["size_plausible"] == "PASS"


@pytest.mark.parametrize(
    ("size", "database", "status"),
    [(50, 1000, "PASS"), (49, 1000, "FAIL"), (2001, 1000, "FAIL"), (50, None, "UNKNOWN")],
)
def test_size_of_a_young_deployment_is_held_against_the_database(size, database, status):
    backups = tuple(replace(one, size_bytes=size) for one in FOLDER.backups[:3])
    shown = CHECK.shows(FOLDER.replace(backups=backups), SERVER.replace(database_bytes=database))
    assert shown["size_plausible"] == status


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("inside_data_directory", "FAIL"),
        ("same_machine", "WARN"),
        ("elsewhere", "PASS"),
        ("not_known", "UNKNOWN"),
    ],
)
def test_place(place, status):
    assert CHECK.shows(FOLDER.replace(place=place))["other_failure_domain"] == status
