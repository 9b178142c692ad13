"""How a finished WAL segment gets into the archive, as the server is configured."""

from typing import Literal

from readiness_kit.facts import Fact

Way = Literal["none", "library", "tool", "copy", "script", "other"]
"""Nothing; a module in the server; pgBackRest, WAL-G or Barman; a plain copy; a file that was read;
something that was not understood."""


class ArchiveCommand(Fact, frozen=True, kw_only=True):
    """``archive_library`` and ``archive_command``, and what the script behind the latter does."""

    way: Way
    """How."""

    program: str
    """Module, or name of the program that the command starts."""

    why_not_read: str
    """Why a script was not read; empty where it was, or there is none."""

    always_succeeds: bool
    """Whether it says that a segment is archived whatever happened."""

    compares: bool
    """Whether it looks for a segment of that name before it writes."""

    syncs: bool
    """Whether it has the copy written to the disk."""

    renames: bool
    """Whether the copy gets its name when it is complete."""
