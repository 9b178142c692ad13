"""Data, WAL and backups: what the plan asks for fits the volumes that are there."""

import math
from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.pre_deployment.capacity_plan.figures import GB, size_words
from readiness_kit.facts.backups.folder import BackupFolder
from readiness_kit.facts.database.server import PostgresServer
from readiness_kit.facts.papers.capacity import CapacityPlan, PlannedStorage
from readiness_kit.facts.storage.volumes import Holds, ServiceVolumes, Volume
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

STORAGE = (0.70, 0.85)


@judges("storage")
def storage(
    plan: CapacityPlan,
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> Iterator[Finding]:
    """What the plan asks for, or what is there already if it is more, fits its volumes."""
    needs = _needs(plan.storage, fact, server, folder)
    places = [fact.holding(what) for what in needs]
    shares = [
        (one, *_fit(one, needs, fact, server, folder)) for one in fact.volumes if one in places
    ]
    words = [f"{one.mount}: {size_words(need)} of {size_words(room)}" for one, need, room in shares]
    unseen = [what for what, need in needs.items() if need > 0 and fact.holding(what) is None]
    this = Case(
        claim="storage",
        got="; ".join(words) or "no volume was seen",
        want=f"at most {STORAGE[0]:.0%} of what is free or held by the service already",
        seen=[plan.at("/storage"), fact.at("/volumes"), fact.at("/wal_archive")],
        reproduce="df -h; du -sh BACKUPS WAL_ARCHIVE",
        grade=Grade.OBSERVED,
    )
    fits = [need / room if room > 0 else math.inf for _, need, room in shares]
    if not needs:
        yield this.fails("the plan names no figure for data, WAL or backups")
    elif any(share > STORAGE[1] for share in fits):
        yield this.fails()
    elif unseen or not fits:
        yield this.not_seen(
            Cause.COULD_NOT_ASK, f"not seen on this machine: {', '.join(unseen) or 'any volume'}"
        )
    elif all(share <= STORAGE[0] for share in fits):
        yield this.holds()
    elif all(share <= STORAGE[1] for share in fits):
        yield this.holds("add space, or keep less")
    else:
        yield this.fails()


def _needs(
    planned: PlannedStorage,
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> dict[Holds, float]:
    """Return the bytes that each kind needs; nothing when the plan leaves one out."""
    figures = (
        planned.data_bytes,
        planned.wal_per_day_bytes,
        planned.wal_days_kept,
        planned.backup_bytes,
        planned.backups_kept,
    )
    if not all(one is not None and 0 <= one < math.inf for one in figures):
        return {}
    data, wal, days, backup, kept = (float(one or 0) for one in figures)
    archive, backups = fact.wal_archive, folder.backups if folder else ()
    a_day = archive.last_day_bytes or 0 if archive else 0
    newest = backups[0].size_bytes if backups else 0
    held = _held(fact, server, folder)
    return {
        "data": max(data, held["data"]),
        "wal_archive": max(max(wal, a_day) * days, held["wal_archive"]),
        "backups": max(max(backup, newest) * kept, held["backups"]),
    }


def _held(
    fact: ServiceVolumes, server: PostgresServer | None, folder: BackupFolder | None
) -> dict[Holds, float]:
    """Return the bytes that each kind holds now."""
    return {
        "data": float(server.database_bytes or 0) if server else 0.0,
        "wal_archive": float(fact.wal_archive.size_bytes) if fact.wal_archive else 0.0,
        "backups": float(sum(one.size_bytes for one in folder.backups)) if folder else 0.0,
    }


def _fit(
    volume: Volume,
    needs: dict[Holds, float],
    fact: ServiceVolumes,
    server: PostgresServer | None,
    folder: BackupFolder | None,
) -> tuple[float, float]:
    """Return what is needed on *volume*, and what is free there or held already."""
    held = _held(fact, server, folder)
    here = [what for what in needs if what in volume.holds]
    need = sum(needs[what] for what in here)
    return need, volume.available_bytes + sum(max(0.0, held[what]) for what in here)


def small_volumes(fact: ServiceVolumes) -> ServiceVolumes:
    """Leave a gigabyte on every volume."""
    return fact.replace(
        volumes=tuple(
            replace(one, available_bytes=min(one.available_bytes, GB)) for one in fact.volumes
        )
    )


WORSEN: tuple[Move, ...] = (small_volumes,)
