"""What lies in the backup folder, or in the bucket of backups."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

Place = Literal["inside_data_directory", "same_machine", "elsewhere", "not_known"]
"""Where the backups lie as seen from the database."""


class Backup(Record, frozen=True):
    """One backup: a file, or a folder with all its files; in a bucket, objects."""

    name: str
    """File name; in a bucket, the key below the prefix."""

    size_bytes: int
    """Size; of a folder, the sum over its files."""

    made_at: datetime
    """Modification time, UTC; the day in its name where that is older."""

    marked: bool
    """Whether a mark of success lies beside it, no older than the backup."""

    full: bool = True
    """Whether it needs no other backup."""

    frozen_in: str = ""
    """Storage class of a bucket from which it must be thawed, for hours, before it is read."""


class BackupFolder(Fact, frozen=True, kw_only=True):
    """The backups that match the declared pattern, newest first."""

    directory: str
    """The folder, or the URL of a prefix in a bucket."""

    pattern: str
    """Glob of the backups inside it."""

    backups: tuple[Backup, ...]
    """Newest first."""

    filesystem: str
    """Type of the file system it lies on; ``s3`` for a bucket."""

    mounted_from: str
    """Device or remote share of that file system; the store of a bucket."""

    place: Place
    """Where they lie as seen from the database."""

    place_detail: str
    """How that is known."""

    truncated: bool = False
    """Whether more lies there than was listed."""

    listed_by: str = ""
    """Command that lists a bucket by hand."""

    def reproduce(self) -> str:
        """Return the command that lists the backups by hand."""
        return self.listed_by or f"ls -lt --time-style=full-iso '{self.directory}'"
