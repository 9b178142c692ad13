"""What came of reading the newest backup through, and of restoring it."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

BackupKind = Literal["custom", "directory", "tar", "plain", "base", "incremental", "pgbackrest"]
"""Three formats of pg_dump's archives, a script, and copies of the data directory."""

PhaseName = Literal["fetch", "restore", "start", "replay", "first_query"]

SumsFrom = Literal["backup", "live", "nowhere"]
"""Whom the source's rows were counted by: beside the backup, in its own snapshot; or now."""


class BackupReading(Fact, frozen=True, kw_only=True):
    """The newest backup, read from its first byte to its last."""

    backup: str
    """File name."""

    kind: BackupKind
    """Format."""

    size_bytes: int
    """Size; of a folder, the sum over its files."""

    made_at: datetime
    """When it was made, UTC."""

    read_by: str
    """What read it, with its version."""

    whole: bool
    """Whether that found nothing amiss."""

    said: str
    """What it said first where something was; shortened."""


class Phase(Record, frozen=True):
    """One part of a recovery."""

    name: PhaseName
    """Which."""

    since_s: float
    """Begin, seconds since the recovery began."""

    until_s: float
    """End, seconds since the recovery began."""


class Recovery(Record, frozen=True, kw_only=True):
    """One restore from nothing to an answer."""

    phases: tuple[Phase, ...]
    """In the order of time."""

    wall_s: float
    """From the first byte fetched to the first answer, by a clock of its own."""


class TableSum(Record, frozen=True, kw_only=True):
    """One table of the source or of the restored database; ``None`` where it was not read."""

    name: str
    """Schema and table."""

    source_rows: int | None
    """Rows in the source."""

    source_sha256: str
    """Digest over the sorted digests of those rows."""

    restored_rows: int | None
    """Rows that were restored."""

    restored_sha256: str
    """The same digest of those."""

    @property
    def equal(self) -> bool:
        """Whether both were read, and hold the same rows."""
        return (
            self.source_rows is not None
            and self.source_rows == self.restored_rows
            and self.source_sha256 == self.restored_sha256
            and bool(self.source_sha256)
        )


class RestoreDrill(Fact, frozen=True, kw_only=True):
    """The newest backup, restored into a scratch cluster of the kit's own."""

    backup: str
    """File name."""

    kind: BackupKind
    """Format."""

    backup_bytes: int
    """Its size."""

    made_at: datetime
    """When it was made, UTC."""

    server: str
    """PostgreSQL it was restored with."""

    recoveries: tuple[Recovery, ...]
    """Each time it was restored, from nothing."""

    restored_bytes: int | None
    """Size of the restored database."""

    database_bytes: int | None
    """Size of the live one; ``None`` when the role may not ask."""

    error: str
    """What stopped the restore; empty when nothing did."""

    queried: bool
    """Whether the restored database answered a query of its own tables."""

    tables: tuple[TableSum, ...]
    """Every table that either side has."""

    sums_from: SumsFrom
    """What the restored rows are compared with."""

    amcheck: Literal["clean", "damaged", "not_run"]
    """What pg_amcheck found in tables and B-tree indexes."""

    amcheck_said: str
    """What it said first, or why it was not run; shortened."""

    invalid: tuple[str, ...]
    """Constraints and indexes that are not valid in the restored database but in the live one."""

    source_checksums: bool | None
    """Whether the live cluster has data checksums; ``None`` when it could not be asked."""

    def unequal(self) -> tuple[str, ...]:
        """Return the tables that do not hold the source's rows, or were not compared."""
        return tuple(one.name for one in self.tables if not one.equal)
