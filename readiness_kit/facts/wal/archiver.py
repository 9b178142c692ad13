"""How archiving fares, by the word of the server and by what lies in the archive."""

from readiness_kit.facts import Fact


class PostgresArchiving(Fact, frozen=True, kw_only=True):
    """Continuous archiving, as the primary reports it and as the archive shows it."""

    archive_mode: str
    """``off``, ``on`` or ``always``."""

    archive_timeout_s: int
    """Longest time before a segment in use is archived; 0 means no bound."""

    archived_count: int
    """Segments archived since the statistics were reset."""

    last_archived_wal: str | None
    """Newest archived segment, by the server's word."""

    last_archived_age_s: float | None
    """Seconds since then."""

    failing: bool
    """Whether the newest attempt to archive failed."""

    waiting: int
    """Finished segments not archived yet."""

    oldest_waiting_age_s: float | None
    """Age of the oldest of them; ``None`` when none waits."""

    unarchived_bytes: int | None
    """WAL written beyond the newest archived segment; ``None`` when nothing was ever archived."""

    last_in_archive: bool | None
    """Whether that segment lies in ``backups.wal_archive``; ``None`` when none is declared."""
