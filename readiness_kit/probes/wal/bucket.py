"""Archived WAL in a bucket, by the names of its objects."""

import re
from collections.abc import Iterator
from functools import partial

from readiness_kit.errors import NotSeen
from readiness_kit.probes.aws.s3 import FROZEN, S3, Object, command
from readiness_kit.probes.backups.bucket import Stored, kept
from readiness_kit.probes.database.wal_names import (
    Archive,
    Entry,
    Segment,
    first_of_base,
    is_called,
    segment_of,
    sorted_out,
)
from readiness_kit.sources import Visit
from readiness_kit.target import Backups, Bucket

HISTORY_BYTES = 64 * 1024
TAIL_BYTES = 4096
"""How much of the end of a manifest is read: its ranges of WAL stand there."""

_WAL_G = re.compile(r"base_([0-9A-F]{24})")


def in_bucket(visit: Visit, declared: Backups, bucket: Bucket, segment_bytes: int) -> Archive:
    """List the archive in the bucket, and find where the newest base backup begins.

    Raises:
        NotSeen: It may not be listed or read, or holds more than is listed.

    """
    store, per_part = S3(visit, bucket, bucket.wal_url or ""), 2**32 // segment_bytes
    listing = store.listing()
    if not listing.whole:
        raise NotSeen(
            f"more lies in {store.place} than the {len(listing.objects)} objects that were listed",
            hint="remove what no backup needs any more, or give WAL a prefix of its own",
        )
    objects = list(_flat(store, listing.objects))
    frozen = {
        segment: one.storage_class
        for name, one in objects
        if one.storage_class in FROZEN and (segment := segment_of(name, per_part))
    }
    return Archive(
        where=str(store.place),
        found=sorted_out(_entries(store, objects), segment_bytes),
        bases=bases_in(S3(visit, bucket, bucket.url), declared, per_part),
        frozen=frozen,
        listed_by=command(str(store.place), bucket.endpoint_url),
    )


def holds(visit: Visit, bucket: Bucket, name: str) -> bool | None:
    """Tell whether the archive in *bucket* holds the segment *name*; ``None`` when not seen."""
    try:
        store = S3(visit, bucket, bucket.wal_url or "")
        found = store.listing(name).objects or store.listing(f"{name[:16]}/{name}").objects
    except NotSeen:
        return None
    return any(is_called(one.key.rpartition("/")[2], name) and one.size > 0 for one in found)


def bases_in(store: S3, declared: Backups, per_part: int) -> tuple[Segment, ...]:
    """Return the segment that the newest base backup begins with, if its name or manifest tells.

    Raises:
        NotSeen: The backups may not be listed, or the manifest not be read.

    """
    if declared.tool == "pgbackrest":
        return ()
    for one in kept(store, declared).stored:
        success = one.backup.marked and one.backup.full
        if success and (first := _first(store, one, per_part)):
            return (first,)
    return ()


def _first(store: S3, one: Stored, per_part: int) -> Segment | None:
    if found := _WAL_G.fullmatch(one.backup.name.rpartition("/")[2]):
        return Segment.of(found[1], per_part)
    for part in one.objects:
        if part.key.rpartition("/")[2] == "backup_manifest":
            tail = store.piece(part.key, f"-{TAIL_BYTES}", TAIL_BYTES)
            return first_of_base(tail.decode("utf-8", "replace"), per_part)
    return None


def _flat(store: S3, objects: tuple[Object, ...]) -> Iterator[tuple[str, Object]]:
    """Yield the objects that lie flat, or in a folder for each 4 GB, with their file names."""
    for one in objects:
        folder, _, name = store.name(one).rpartition("/")
        if not folder or re.fullmatch(r"[0-9A-F]{16}", folder):
            yield name, one


def _entries(store: S3, objects: list[tuple[str, Object]]) -> Iterator[Entry]:
    """Yield what lies there; of the histories only the newest segment's, which holds all before."""
    segments = [name[:8] for name, _ in objects if re.match(r"[0-9A-F]{24}", name)]
    last = f"{max(segments, default='')}.history"
    for name, one in objects:
        if ".history" not in name or name.startswith(last):
            yield Entry(name, one.size, partial(_text, store, one))


def _text(store: S3, one: Object) -> str:
    if not re.search(r"\.history(-[0-9a-f]{40})?$", one.key):
        raise NotSeen(f"{one.key} is packed: whether its timeline leads on was not seen")
    return store.piece(one.key, f"0-{HISTORY_BYTES - 1}", HISTORY_BYTES).decode("utf-8", "replace")
