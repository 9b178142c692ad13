"""What lies in the backup folder."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

Place = Literal["inside_data_directory", "same_machine", "elsewhere", "not_known"]
"""Where the folder lies as seen from the database."""


class Backup(Record, frozen=True):
    """One backup: a file, or a folder with all its files."""

    name: str
    """File name."""

    size_bytes: int
    """Size; of a folder, the sum over its files."""

    made_at: datetime
    """Modification time, UTC; the day in its name where that is older."""

    marked: bool
    """Whether a mark of success lies beside it, no older than the backup."""

    full: bool = True
    """Whether it needs no other backup."""


class WalArchive(Fact, frozen=True, kw_only=True):
    """The archived segments of WAL, and whether they follow on each other."""

    directory: str
    """The folder."""

    segment_bytes: int
    """Size of a segment, by the server."""

    segments: int
    """Segments that are there, on all timelines."""

    newest: str
    """Name of the last segment of the newest timeline; empty when there is none."""

    base: str
    """Segment that the newest base backup begins with; empty when no base backup is known."""

    base_known_by: str
    """What tells of that base backup."""

    followed: int
    """Segments that the chain from there to the newest must have."""

    missing: tuple[str, ...]
    """The first of those that are not there, are empty, or have another size than a segment."""

    missing_count: int
    """How many these are."""

    histories_missing: tuple[str, ...]
    """History files without which the timelines cannot be followed."""


class BackupFolder(Fact, frozen=True, kw_only=True):
    """The backups that match the declared pattern, newest first."""

    directory: str
    """The folder."""

    pattern: str
    """Glob of the backups inside it."""

    backups: tuple[Backup, ...]
    """Newest first."""

    filesystem: str
    """Type of the file system it lies on."""

    mounted_from: str
    """Device or remote share of that file system."""

    place: Place
    """Where it lies as seen from the database."""

    place_detail: str
    """How that is known."""
