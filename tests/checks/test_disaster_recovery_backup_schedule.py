from datetime import UTC, datetime, timedelta

import pytest

from readiness_kit.checks.disaster_recovery.backup_schedule import ARCHIVING, CHECK, FOLDER, WAL
from readiness_kit.facts.backups.folder import Backup

NOON = FOLDER.observed_at
DAILY = [timedelta(days=day, hours=10) for day in range(8)]


def made(ages, **changes):
    given = {"size_bytes": 10, "marked": True} | changes
    return FOLDER.replace(
        backups=tuple(
            Backup(name=f"{number}.dump", made_at=NOON - age, **given)
            for number, age in enumerate(ages)
        )
    )


@pytest.mark.parametrize(
    ("ages", "status"),
    [
        (DAILY, "PASS"),
        (DAILY[:7], "PASS"),
        (DAILY[:6], "UNKNOWN"),
        (DAILY[:3] + DAILY[4:], "FAIL"),
        (DAILY[1:], "FAIL"),
        ([], "FAIL"),
        ([timedelta(hours=-1), *DAILY], "PASS"),
        ([timedelta(hours=-1)], "FAIL"),
    ],
)
def test_each_day_has_its_backup(ages, status):
    assert CHECK.shows(made(ages))["daily_full"] == status


@pytest.mark.parametrize("changes", [{"marked": False}, {"full": False}, {"size_bytes": 0}])
def test_what_is_not_whole_does_not_count(changes):
    assert CHECK.shows(made(DAILY, **changes))["daily_full"] == "FAIL"


def test_a_backup_about_midnight_misses_no_day():
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    moments = [midnight + timedelta(minutes=1)]
    moments += [midnight - timedelta(days=day, minutes=1) for day in range(1, 9)]
    ages = [NOON - one for one in moments]
    assert CHECK.shows(made(ages))["daily_full"] == "PASS"


OFF = ARCHIVING.replace(archive_mode="off")


@pytest.mark.parametrize(
    ("hours", "archiving", "status"),
    [
        (24, OFF, "PASS"),
        (23, OFF, "FAIL"),
        (0, ARCHIVING, "PASS"),
        (0, ARCHIVING.replace(waiting=1, oldest_waiting_age_s=900.0), "PASS"),
        (0, ARCHIVING.replace(waiting=1, oldest_waiting_age_s=900.1), "FAIL"),
        (0, ARCHIVING.replace(failing=True), "FAIL"),
        (0, ARCHIVING.replace(last_in_archive=False), "FAIL"),
        (0, ARCHIVING.replace(last_in_archive=None), "UNKNOWN"),
        (0, ARCHIVING.replace(archived_count=0), "UNKNOWN"),
    ],
)
def test_each_hour_is_saved(hours, archiving, status):
    folder = made([timedelta(hours=hour, minutes=30) for hour in range(hours)], full=False)
    assert CHECK.shows(folder, archiving)["hourly_incremental"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"missing": ("0" * 24,), "missing_count": 1}, "FAIL"),
        ({"histories_missing": ("00000002.history",)}, "FAIL"),
        ({"base": ""}, "UNKNOWN"),
        ({"newest": "", "segments": 0}, "UNKNOWN"),
        ({"followed": 0}, "UNKNOWN"),
    ],
)
def test_the_chain_of_wal(changes, status):
    assert CHECK.shows(WAL.replace(**changes))["transaction_log"] == status


@pytest.mark.parametrize(
    ("archiving", "status"),
    [
        (OFF, "FAIL"),
        (ARCHIVING.replace(waiting=1, oldest_waiting_age_s=901.0), "FAIL"),
        (ARCHIVING.replace(last_in_archive=None), "UNKNOWN"),
    ],
)
def test_a_chain_that_does_not_reach_to_now(archiving, status):
    assert CHECK.shows(archiving)["transaction_log"] == status
