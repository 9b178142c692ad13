import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.pooling import CHECK, POOLS, USE


def used(**changes):
    return USE.replace(pools=(replace(USE.pools[0], **changes),))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"highest": 20}, "PASS"),
        ({"highest": 21}, "FAIL"),
        ({"opened": 1}, "PASS"),  # a pool may grow
        ({"opened": 12}, "FAIL"),
        ({"kept": 0, "kept_and_used": 0, "opened": 1}, "FAIL"),
        ({"kept": 0, "kept_and_used": 0, "highest": 0}, "UNKNOWN"),
        ({"kept_and_used": 0}, "UNKNOWN"),  # answered from the cache, perhaps
    ],
)
def test_connections_are_kept_and_used(changes, status):
    assert CHECK.shows(used(**changes))["pool_used"] == status


def test_every_pool_must_be_seen():
    silent = replace(USE.pools[0], kept_and_used=0)
    assert CHECK.shows(USE.replace(pools=(*USE.pools, silent)))["pool_used"] == "UNKNOWN"
    assert CHECK.shows(USE.replace(pools=()))["pool_used"] == "UNKNOWN"
    assert CHECK.shows(USE.replace(requests_failed=1))["pool_used"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"timeout_s": 30.0}, "PASS"),
        ({"timeout_s": 30.1}, "FAIL"),
        ({"max_lifetime_s": 3600.1}, "FAIL"),
        ({"max_lifetime_s": -1.0}, "FAIL"),
        ({"timeout_s": 0.0}, "FAIL"),
        ({"size": 0}, "FAIL"),
        ({"timeout_s": None}, "WARN"),
        ({"max_lifetime_s": None, "library": "sqlalchemy"}, "FAIL"),
        ({"max_lifetime_s": None, "library": ""}, "UNKNOWN"),
    ],
)
def test_limits(changes, status):
    pools = (replace(POOLS.pools[0], **changes),)
    assert CHECK.shows(POOLS.replace(pools=pools))["limits_set"] == status


def test_no_pool_is_no_bounded_pool():
    assert CHECK.shows(POOLS.replace(pools=()))["limits_set"] == "UNKNOWN"
