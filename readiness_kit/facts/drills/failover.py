"""What a writer noticed when its primary was lost and a standby took over."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Answered = Literal["down", "follows", "leads", "not_asked"]
"""Nobody answers there; answers, and is a standby; answers, and takes writes; was not asked."""


class Stage(Record, frozen=True, kw_only=True):
    """One part of the drill."""

    name: Literal["stop", "promote", "writing_again", "rejoin", "back"]
    """Which."""

    since_s: float
    """Begin, seconds since the writer began."""

    until_s: float
    """End, seconds since the writer began."""


class FailoverDrill(Fact, frozen=True, kw_only=True):
    """The primary is stopped at once under a writer, and a standby becomes the primary."""

    servers: tuple[str, ...]
    """Servers that ``drills.dsn`` names, the primary first."""

    acknowledged: int
    """Rows that the primary had acknowledged when it was stopped."""

    lost: int
    """Those of them that the new primary does not have."""

    lost_s: float
    """From the last acknowledged row back to the last one that the new primary has."""

    acknowledged_after: int
    """Rows that the new primary acknowledged, and has."""

    gap_s: float | None
    """From the last row of the old primary to the first of the new one; ``None`` if it never came.
    """

    synchronous: bool
    """Whether the primary waits for a standby before it acknowledges."""

    old_primary: Answered
    """How the old primary answered while the new one took writes."""

    leaders: int
    """Servers that took writes at the end of the rejoining, of those that were asked."""

    rejoined: bool | None
    """Whether the old primary follows the new one and has its rows; ``None`` if that is not
    declared."""

    back: bool
    """Whether primary and standbys were as before at the end, with every row."""

    stages: tuple[Stage, ...]
    """In the order of time."""

    error: str
    """Which command failed, and why; empty when none did."""
