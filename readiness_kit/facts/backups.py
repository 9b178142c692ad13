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
