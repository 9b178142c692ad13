"""Recovers to a moment between two sets of rows: the first must come back, the second must not."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg

from readiness_kit.drills import canary
from readiness_kit.drills.recovery import ARCHIVED_S, Ground, ground
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.recovery import PointInTimeRecovery
from readiness_kit.sources import Visit, source

ROWS = 10
"""Rows before the marker, and after it."""

PAUSE_S = 0.2
"""Between the rows and the marker, so that no clock puts them on the same side."""


@source(
    effect="drill",
    drill="pitr",
    asks=f"no request to the service; writes {2 * ROWS} rows, ends one WAL segment, takes one base "
    "backup where none is kept, and recovers it in database.scratch",
    deadline_s=1800,
    exclusive=("load",),
)
def point_in_time_recovery(visit: Visit) -> PointInTimeRecovery:
    """Write, mark, write, recover to the mark.

    Raises:
        NotSeen: No archive, no place, no role that may write.

    """
    with ground(visit) as place, ExitStack() as life, canary.table(visit):
        base = place.base()
        with canary.connect(visit) as connection:
            visit.step(f"write {ROWS} rows, mark the moment, write {ROWS} more")
            before = _write(connection, 0)
            time.sleep(PAUSE_S)
            marker = _now(connection)
            time.sleep(PAUSE_S)
            after = _write(connection, ROWS)
            visit.step("wait until the archive has them")
            waited_s = _archive(place, connection)
        visit.step(f"recover to {marker:%H:%M:%S.%f} UTC")
        target = {"recovery_target_time": marker.isoformat()}
        recovered, copy = place.recover(base, target, life)
        there = canary.ids(copy) if copy is not None else frozenset()
    return PointInTimeRecovery(
        recovered=recovered,
        marker=marker,
        before_written=len(before),
        before_recovered=len(before & there),
        after_written=len(after),
        after_recovered=len(after & there),
        archived_after_s=waited_s,
        observed_at=datetime.now(UTC),
    )


def _write(connection: canary.Connection, first: int) -> frozenset[int]:
    found = frozenset(range(first, first + ROWS))
    for number in sorted(found):
        connection.execute(canary.INSERT, [number])
    return found


def _now(connection: canary.Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise NotSeen("the database did not tell the time")
    return row[0].astimezone(UTC)


def _archive(place: Ground, connection: canary.Connection) -> float | None:
    """End the segment that is written, or wait until the server does; return the seconds."""
    row = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
    segment, longest_s = str(row[0]) if row else "", ARCHIVED_S
    try:
        connection.execute("SELECT pg_switch_wal()")
    except psycopg.errors.InsufficientPrivilege:
        # granted to nobody: the server itself ends it after that time
        longest_s += place.live.archive_timeout_s
    return place.await_archived(segment, longest_s)
