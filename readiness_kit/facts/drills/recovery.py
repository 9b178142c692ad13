"""What came back of rows written for the purpose, out of a base backup and the archive."""

from datetime import datetime

from readiness_kit.facts import Fact, Record
from readiness_kit.facts.drills.restore import Phase


class CopyRecovered(Record, frozen=True, kw_only=True):
    """One recovery of a base backup with archived WAL, in a scratch cluster."""

    base: str
    """Which base backup, and who made it."""

    base_seconds: float | None
    """How long making it took; ``None`` where it was there already."""

    server: str
    """PostgreSQL it was recovered with."""

    phases: tuple[Phase, ...]
    """In the order of time."""

    wall_s: float
    """From the first byte fetched to the first answer."""

    promoted: bool
    """Whether recovery ended: the copy takes writes."""

    timeline_before: int
    """Timeline of the primary."""

    timeline_after: int | None
    """Timeline of the recovered copy; ``None`` where it did not say."""

    error: str
    """What stopped the recovery; empty when nothing did."""


class ArchiveRecovery(Fact, frozen=True, kw_only=True):
    """Rows were written and acknowledged one by one; then all the archive had was recovered."""

    recovered: CopyRecovered
    """How."""

    acknowledged: int
    """Rows that the primary had acknowledged at the moment of loss."""

    came_back: int
    """Those of them that were recovered."""

    lost_s: float | None
    """From the last acknowledged row back to the last recovered one; ``None`` if none was."""

    written_s: float
    """How long rows were written."""

    archive_timeout_s: int
    """After how long the primary ends a segment, seconds; 0 means no bound."""

    switched_by_drill: bool
    """Whether the drill's own base backup ended a segment, sooner than it would have been."""


class PointInTimeRecovery(Fact, frozen=True, kw_only=True):
    """Recovery to a moment between two sets of rows."""

    recovered: CopyRecovered
    """How."""

    marker: datetime
    """The moment, by the primary's clock, UTC."""

    before_written: int
    """Rows written before it."""

    before_recovered: int
    """Those of them that came back."""

    after_written: int
    """Rows written after it."""

    after_recovered: int
    """Those of them that came back; they must not."""

    archived_after_s: float | None
    """How long it took until the archive had the rows; ``None`` where it never had."""
