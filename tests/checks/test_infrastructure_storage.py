import pytest
from msgspec.structs import replace

from readiness_kit.checks.infrastructure.storage import (
    CHECK,
    ELSEWHERE,
    GB,
    SAME_MACHINE,
    SPEED,
    VOLUMES,
)
from readiness_kit.facts.storage.volumes import Disk, SyncMethod

DATA, BACKUPS = VOLUMES.volumes
ROTATING = Disk(name="sda", rotational=True, virtual=False)
VIRTUAL = Disk(name="vda", rotational=True, virtual=True)
SOLID = Disk(name="nvme0n1", rotational=False, virtual=False)
SILENT = Disk(name="sdx", rotational=None, virtual=False)


def volumes(**changes):
    return VOLUMES.replace(volumes=(replace(DATA, **changes), BACKUPS))


@pytest.mark.parametrize(
    ("used", "status"), [(700, "PASS"), (701, "WARN"), (849, "WARN"), (850, "FAIL")]
)
def test_space_as_df_counts_it(used, status):
    fact = volumes(
        used_bytes=used * GB, available_bytes=(1000 - used) * GB, shrinking_bytes_per_day=None
    )
    assert CHECK.shows(fact)["space"] == status


def test_what_root_keeps_back_is_no_room():
    fact = volumes(size_bytes=1000 * GB, used_bytes=100 * GB, available_bytes=10 * GB)
    assert CHECK.shows(fact)["space"] == "FAIL"


@pytest.mark.parametrize(("free", "status"), [(30, "PASS"), (29, "WARN"), (15, "FAIL")])
def test_inodes_run_out_like_space(free, status):
    assert CHECK.shows(volumes(inodes=100, inodes_free=free))["space"] == status


@pytest.mark.parametrize(
    ("days", "status"), [(31, "PASS"), (30, "WARN"), (4.1, "WARN"), (4, "FAIL"), (-1, "PASS")]
)
def test_days_until_full(days, status):
    fact = volumes(shrinking_bytes_per_day=DATA.available_bytes / days)
    assert CHECK.shows(fact)["space"] == status


def test_a_volume_that_was_not_seen_is_not_roomy():
    assert CHECK.shows(VOLUMES.replace(unseen={"wal": "no"}))["space"] == "UNKNOWN"
    assert CHECK.shows(VOLUMES.replace(volumes=()))["space"] == "UNKNOWN"
    assert CHECK.shows(VOLUMES.replace(volumes=(BACKUPS,)))["space"] == "UNKNOWN"
    full = replace(BACKUPS, available_bytes=0)
    both = VOLUMES.replace(volumes=(DATA, full), unseen={"wal": "no"})
    assert CHECK.shows(both)["space"] == "FAIL"


def speed(mean_ms):
    return SPEED.replace(methods=(SyncMethod(name="fdatasync", mean_ms=mean_ms),))


@pytest.mark.parametrize(
    ("disks", "mean_ms", "status"),
    [
        ((SOLID,), 20, "PASS"),
        ((SOLID, ROTATING), 1, "FAIL"),
        ((VIRTUAL,), 5, "PASS"),
        ((VIRTUAL,), 5.1, "UNKNOWN"),
        ((VIRTUAL, ROTATING), 1, "FAIL"),
        ((SOLID, SILENT), 1, "UNKNOWN"),
        ((), 1, "UNKNOWN"),
    ],
)
def test_solid_state(disks, mean_ms, status):
    assert CHECK.shows(volumes(disks=disks), speed(mean_ms))["ssd"] == status


@pytest.mark.parametrize(
    ("mean_ms", "status"),
    [(5, "PASS"), (5.01, "WARN"), (10, "WARN"), (10.01, "FAIL"), (0, "UNKNOWN")],
)
def test_synced_writes(mean_ms, status):
    assert CHECK.shows(speed(mean_ms))["fsync_fast"] == status


def test_another_method_or_volume_proves_nothing():
    assert CHECK.shows(SPEED.replace(in_use="fsync"))["fsync_fast"] == "UNKNOWN"
    assert CHECK.shows(SPEED.replace(same_volume=False))["fsync_fast"] == "UNKNOWN"
    elsewhere = speed(1).replace(same_volume=False)
    assert CHECK.shows(volumes(disks=(VIRTUAL,)), elsewhere)["ssd"] == "UNKNOWN"


def together(**changes):
    one = replace(DATA, holds=("data", "wal", "backups"), **changes)
    return VOLUMES.replace(volumes=(one,))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (VOLUMES, "WARN"),
        (together(), "FAIL"),
        (together(disks=()), "FAIL"),
        (volumes(disks=BACKUPS.disks), "FAIL"),
        (volumes(disks=()), "UNKNOWN"),
        (VOLUMES.replace(volumes=(DATA,)), "UNKNOWN"),
    ],
)
def test_disks_of_one_machine(fact, status):
    assert CHECK.shows(fact, SAME_MACHINE)["backup_separate"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"place": "not_known"}, "UNKNOWN"),
        ({"backups": ()}, "UNKNOWN"),
        ({"place": "inside_data_directory"}, "FAIL"),
    ],
)
def test_place_of_the_backups(changes, status):
    assert CHECK.shows(ELSEWHERE.replace(**changes))["backup_separate"] == status
