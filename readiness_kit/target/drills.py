"""What may be broken, and how it is mended."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.target.parts import Part, Secret


class Fault(Part, frozen=True):
    """How something is broken on purpose, and mended: commands, started without a shell.

    Both return when it is done. ``undo`` may be run twice, or when nothing is broken.
    """

    do: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Command that breaks it."""

    undo: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Command that mends it."""


class FreshRead(Part, frozen=True):
    """A read that no cache can answer, to see how the loss of the database is answered."""

    query: str
    """GraphQL query with the variable ``$n``, an integer."""

    values: Annotated[int, Meta(gt=0)] = 1_000_000
    """``$n`` counts from 0 up to here and begins again: by then no answer may be kept."""


FaultName = Literal[
    "cut_cache", "blackhole_cache", "cut_database", "blackhole_database", "stop_primary"
]

DrillName = Literal[
    "readiness", "degradation", "connections", "restore", "loss", "pitr", "failover"
]


class Drills(Part, frozen=True):
    """What may be broken, and which drills are to be held; never in production."""

    cut_cache: Fault | None = None
    """The service's connections to the cache are refused."""

    blackhole_cache: Fault | None = None
    """The service's connections to the cache hear nothing."""

    cut_database: Fault | None = None
    """The service's connections to the database are refused."""

    blackhole_database: Fault | None = None
    """The service's connections to the database hear nothing."""

    fresh_read: FreshRead | None = None
    """Asked besides the operations under ``smoke``, which a cache may answer."""

    stop_primary: Fault | None = None
    """The primary is stopped at once, as in a crash. ``undo`` makes it the primary again, with its
    standbys as before, whatever of ``promote`` and ``rejoin`` was done meanwhile."""

    promote: tuple[str, ...] = ()
    """Command that makes a standby the primary after ``stop_primary``; empty where that happens by
    itself."""

    rejoin: tuple[str, ...] = ()
    """Command that makes the former primary a standby of the new one."""

    dsn: Secret | None = None
    """Connection string of the role that drills use: ``readiness_kit/sql/readiness_drill_role.sql``
    makes it. What they write goes to ``readiness_drill.canary``, and is dropped afterwards. For the
    failover drill it names every server, and ``target_session_attrs=read-write``."""

    base_backup_dsn: Secret | None = None
    """Connection string of a role with REPLICATION, for a base backup of the drill's own where
    ``backups.directory`` holds none."""

    records: Path | None = None
    """Folder of signed records of drills, which ``readiness drilled`` writes."""

    restores: Annotated[int, Meta(ge=1, le=20)] = 3
    """How often the backup is restored; of less than two times no interval can be told."""

    run: tuple[DrillName, ...] = (
        "readiness",
        "degradation",
        "connections",
        "restore",
        "loss",
        "pitr",
        "failover",
    )
    """Drills that ``readiness run --allow drill`` holds."""

    def fault(self, name: str) -> Fault | None:
        """Return the fault called *name*, where it is declared."""
        found = getattr(self, name, None)
        return found if isinstance(found, Fault) else None
