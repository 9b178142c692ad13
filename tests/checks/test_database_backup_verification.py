import pytest
from msgspec.structs import replace

from readiness_kit.checks.database.backup_verification import CHECK, DRILL, READING
from readiness_kit.checks.database.rto import CHECK as RTO
from readiness_kit.checks.disaster_recovery.backup_testing import CHECK as TESTING
from readiness_kit.facts.drills.restore import Phase
from readiness_kit.target import Objectives

TABLE = DRILL.tables[0]
CHANGED = replace(TABLE, name="public.carts", restored_rows=9, restored_sha256="00" * 32)
GONE = replace(TABLE, name="public.gone", restored_rows=None, restored_sha256="")
DENIED = replace(TABLE, name="public.secret", source_rows=None, source_sha256="")
EMPTY = replace(TABLE, source_rows=0, restored_rows=0)


@pytest.mark.parametrize(
    ("changes", "restored", "integrity"),
    [
        ({}, "PASS", "PASS"),
        ({"error": "pg_restore: error: short read"}, "FAIL", "FAIL"),
        ({"amcheck": "damaged"}, "FAIL", "FAIL"),
        ({"amcheck": "not_run"}, "UNKNOWN", "UNKNOWN"),
        ({"invalid": ("fk_orders",)}, "FAIL", "FAIL"),
        ({"tables": (TABLE, CHANGED)}, "FAIL", "FAIL"),
        ({"tables": (TABLE, GONE)}, "FAIL", "FAIL"),
        # written since, and no sums from the night of the backup: not known to be damage
        ({"tables": (TABLE, CHANGED), "sums_from": "live"}, "PASS", "UNKNOWN"),
        ({"tables": (CHANGED,), "sums_from": "live"}, "UNKNOWN", "UNKNOWN"),
        ({"tables": (TABLE, DENIED), "sums_from": "live"}, "PASS", "UNKNOWN"),
        ({"tables": (), "sums_from": "nowhere"}, "UNKNOWN", "UNKNOWN"),
        ({"tables": ()}, "UNKNOWN", "UNKNOWN"),
        ({"tables": (EMPTY,)}, "UNKNOWN", "UNKNOWN"),
        ({"queried": False}, "UNKNOWN", "PASS"),
        ({"source_checksums": False}, "PASS", "WARN"),
        ({"source_checksums": None}, "PASS", "UNKNOWN"),
    ],
)
def test_restored(changes, restored, integrity):
    drill = DRILL.replace(**changes)
    assert CHECK.shows(drill)["restored"] == restored
    assert TESTING.shows(drill)["integrity"] == integrity


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "PASS"),
        ({"whole": False}, "FAIL"),
        ({"size_bytes": 0}, "UNKNOWN"),
        ({"read_by": ""}, "UNKNOWN"),
    ],
)
def test_readable(changes, status):
    assert CHECK.shows(READING.replace(**changes))["readable_end_to_end"] == status


def took(*restore_s: float, ratio: float = 1.0):
    """Restores that took so long, five seconds of each for what does not grow."""
    recoveries = tuple(
        replace(
            DRILL.recoveries[0],
            phases=tuple(
                Phase(name=name, since_s=since, until_s=until)
                for name, since, until in (
                    ("fetch", 0.0, 0.0),
                    ("start", 0.0, 5.0),
                    ("restore", 5.0, 5.0 + one),
                    ("replay", 5.0 + one, 5.0 + one),
                    ("first_query", 5.0 + one, 5.0 + one),
                )
            ),
            wall_s=5.0 + one,
        )
        for one in restore_s
    )
    size = round(1_000_000 * ratio)
    return DRILL.replace(recoveries=recoveries, restored_bytes=1_000_000, database_bytes=size)


@pytest.mark.parametrize(
    ("drill", "objectives", "status"),
    [
        (took(600, 601, 602), Objectives(), "PASS"),
        (took(3595, 3595, 3595), Objectives(), "FAIL"),
        (took(3594.9, 3594.9, 3594.9), Objectives(), "PASS"),
        (took(3400, 3600, 3800), Objectives(), "UNKNOWN"),  # straddles
        (took(7200, 7201, 7202), Objectives(), "FAIL"),
        (took(7200, 7201, 7202), Objectives(rto_minutes=240), "FAIL"),  # an hour is the letter
        (took(600, 601, 602), Objectives(rto_minutes=5), "FAIL"),
        (took(600, 601, 602, ratio=3.0), Objectives(), "PASS"),
        (took(600, 601, 602, ratio=3.01), Objectives(), "UNKNOWN"),
        (took(1500, 1501, 1502, ratio=2.9), Objectives(), "FAIL"),
        (took(600, 601, 602, ratio=0.1), Objectives(), "PASS"),
        (took(600), Objectives(), "UNKNOWN"),
        (took(600, 601).replace(database_bytes=None), Objectives(), "UNKNOWN"),
        (took(600, 601).replace(error="short read"), Objectives(), "FAIL"),
        (took(600, float("nan")), Objectives(), "UNKNOWN"),
    ],
)
def test_target(drill, objectives, status):
    assert RTO.shows(drill, objectives)["target"] == status


def without(name: str):
    one = DRILL.recoveries[0]
    phases = tuple(phase for phase in one.phases if phase.name != name)
    return DRILL.replace(recoveries=(replace(one, phases=phases),))


def walled(share: float):
    return DRILL.replace(
        recoveries=tuple(replace(one, wall_s=one.wall_s * share) for one in DRILL.recoveries)
    )


@pytest.mark.parametrize(
    ("drill", "status"),
    [
        (DRILL, "PASS"),
        (walled(1.04), "PASS"),
        (walled(1.06), "FAIL"),
        (walled(0.94), "FAIL"),
        (walled(0.0), "FAIL"),
        (without("replay"), "WARN"),
        (DRILL.replace(recoveries=()), "FAIL"),
        (DRILL.replace(error="short read"), "FAIL"),
    ],
)
def test_recovery_time(drill, status):
    assert TESTING.shows(drill)["recovery_time"] == status
