"""What the archive of WAL holds."""

from readiness_kit.facts import Fact


class WalArchive(Fact, frozen=True, kw_only=True):
    """The archived segments of WAL, and whether they follow on each other."""

    directory: str
    """The folder, or the URL of a prefix in a bucket."""

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

    listed_by: str = ""
    """Command that lists a bucket by hand."""
