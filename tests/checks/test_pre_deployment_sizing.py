from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from readiness_kit.checks.pre_deployment.sizing import CACHE, CHECK, GIB, HOST, SERVER


@pytest.mark.parametrize(
    ("cores", "memory_gib", "minimum", "recommended"),
    [
        (2, 3.7, "PASS", "WARN"),
        (1.99, 3.7, "FAIL", "WARN"),
        (2, 3.69, "FAIL", "WARN"),
        (4, 7.4, "PASS", "PASS"),
        (3.99, 7.4, "PASS", "WARN"),
        (4, 7.39, "PASS", "WARN"),
    ],
)
def test_the_limit_counts_where_it_is_below_the_machine(cores, memory_gib, minimum, recommended):
    limited = replace(
        HOST.processes[0], cpu_limit_cores=cores, memory_limit_bytes=int(memory_gib * GIB) + 1
    )
    shown = CHECK.shows(HOST.replace(processes=(*HOST.processes, limited)))
    assert (shown["minimum"], shown["recommended"]) == (minimum, recommended)


def test_a_limit_above_the_machine_adds_nothing():
    machine = HOST.replace(cpus=1, memory_bytes=GIB)
    assert CHECK.shows(machine)["minimum"] == "FAIL"


def release(major, latest_minor, end):
    row = replace(
        SERVER.release,
        major=major,
        latest_minor=latest_minor,
        end_of_life=datetime(*end, tzinfo=UTC),
    )
    return SERVER.replace(release=row)


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (SERVER.replace(version_num=130023), "FAIL"),
        (release(14, 23, (2026, 11, 12)).replace(version_num=140023), "WARN"),  # its last year
        (release(17, 11, (2029, 11, 8)), "PASS"),
        (release(17, 12, (2029, 11, 8)), "WARN"),
        (release(17, 9, (2029, 11, 8)), "PASS"),  # newer than the table
        (release(17, 10, (2026, 3, 1)), "WARN"),
        (SERVER.replace(version_num=190001, release=None), "UNKNOWN"),
        (SERVER.replace(superuser=True), "WARN"),
    ],
)
def test_version(server, status):
    assert CHECK.shows(server)["postgres_version"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"eviction_policy": "volatile-ttl"}, "PASS"),
        ({"eviction_policy": "noeviction"}, "WARN"),
        ({"max_memory_bytes": 0}, "WARN"),
        ({"max_memory_bytes": None}, "UNKNOWN"),
        ({"ping": "refused"}, "FAIL"),
        ({"ping": "could_not_ask"}, "UNKNOWN"),
    ],
)
def test_cache(changes, status):
    assert CHECK.shows(CACHE.replace(**changes))["redis"] == status
