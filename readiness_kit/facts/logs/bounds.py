"""What keeps the service's logs from filling the disk."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class LogBound(Record, frozen=True):
    """One log file, or what collects the service's output; its bound, and the room it has."""

    name: str
    """Name of the file, or of the collector's configuration."""

    how: Literal["", "handler", "logrotate", "journald", "docker"]
    """What rotates it; empty for nothing."""

    rule: str
    """The rule in words."""

    bound_bytes: int | None
    """Most that it and its rotated files may take; ``None`` without a bound in bytes."""

    starts_anew_bytes: int | None
    """Size at which the service itself starts a new file; ``None`` where it does not."""

    live_bytes: int
    """Present size of the file itself."""

    taken_bytes: int
    """Present size together with its rotated files."""

    volume: str
    """Tells one volume from another."""

    free_bytes: int
    """What an ordinary account may still write there."""

    reason: str = ""
    """Why the file was not seen."""


class LogBounds(Fact, frozen=True, kw_only=True):
    """The bound of every declared log file."""

    declared: bool
    """Whether the target says at all what rotates its logs."""

    rules_read: int
    """Rules of logrotate that were read."""

    bounds: tuple[LogBound, ...]
