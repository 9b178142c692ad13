"""The backups in a bucket, by its listing.

A listing has what is there now: an upload that was not completed is not in it, and of an object
that was deleted no older version.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import PurePosixPath
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups.folder import Backup
from readiness_kit.probes.aws.s3 import FROZEN, MOVING, S3, Object
from readiness_kit.probes.backups.names import CLOCK_S, PARTIAL_FILE, is_delta, named_day
from readiness_kit.target import Backups

MANIFESTS = 40
"""Most manifests of base backups that are read to see whether they are full."""

HEADS = 20
"""Most objects of one backup that are asked whether they are frozen."""

MANIFEST_BYTES = 64 * 1024**2
"""How much is read of one."""


class Stored(NamedTuple):
    """One backup, and the objects that it consists of."""

    backup: Backup
    objects: tuple[Object, ...]


class Kept(NamedTuple):
    """The backups of a bucket, newest first."""

    stored: tuple[Stored, ...]
    others: Mapping[str, Object]
    """Whatever else lies below the prefix, by its name."""

    whole: bool
    """Whether everything was listed."""


def kept(store: S3, declared: Backups) -> Kept:
    """List *store*, and make backups of its objects.

    Raises:
        NotSeen: It may not be listed or read, or the tool keeps books of its own.

    """
    if declared.tool == "pgbackrest":
        raise NotSeen(
            "a bucket of pgBackRest is not listed: it keeps books of its own",
            cause="not_implemented",
            hint="run pgbackrest info and pgbackrest verify where it is configured",
        )
    listing = store.listing()
    whole = {store.name(one): one for one in listing.objects}
    named = dict(grouped(whole, declared))
    found = [
        Stored(
            _backup(name, objects, whole.get(declared.success_marker.format(name=name))), objects
        )
        for name, objects in named.items()
    ]
    found.sort(key=lambda one: one.backup.made_at, reverse=True)
    used = {store.name(one) for objects in named.values() for one in objects}
    others = {name: one for name, one in whole.items() if name not in used}
    return Kept(tuple(_looked_at(store, found)), others, listing.whole)


def grouped(
    whole: Mapping[str, Object], declared: Backups
) -> Iterator[tuple[str, tuple[Object, ...]]]:
    """Yield each name that matches the pattern, with all objects of or below that name."""
    depth = declared.pattern.count("/") + 1
    below: dict[str, list[Object]] = defaultdict(list)
    for name, one in whole.items():
        below["/".join(name.split("/")[:depth])].append(one)
    kinds = (declared.success_marker, declared.sums)
    beside = {kind.format(name=name) for name in below for kind in kinds}
    for name, objects in below.items():
        path = PurePosixPath(name)
        deep = name.count("/") + 1 == depth
        matches = deep and path.match(declared.pattern) and not path.name.startswith(".")
        if matches and name not in beside:
            yield name, tuple(objects)


def _backup(name: str, objects: Sequence[Object], mark: Object | None) -> Backup:
    changed = max(one.last_modified for one in objects).astimezone(UTC)
    after_s = (mark.last_modified - changed).total_seconds() if mark else -CLOCK_S - 1
    classes = {one.storage_class for one in objects} & FROZEN
    return Backup(
        name=name,
        size_bytes=sum(one.size for one in objects),
        made_at=min([changed, *named_day(name)]),
        marked=mark not in objects and after_s >= -CLOCK_S,
        full=not is_delta(name),
        frozen_in=", ".join(sorted(classes)),
    )


def _looked_at(store: S3, found: Sequence[Stored]) -> Iterator[Stored]:
    """Yield the backups; of base backups with their manifest read, of the newest with its class."""
    manifests = 0
    newest = next((one for one in found if one.backup.marked), None)
    for one in found:
        backup = one.backup
        manifest = f"{store.place.prefix}{backup.name}/backup_manifest"
        if any(part.key == manifest for part in one.objects) and backup.full:
            manifests += 1
            if manifests > MANIFESTS:
                raise NotSeen(
                    f"more than {MANIFESTS} base backups would have to be looked at",
                    hint="narrow backups.pattern to full ones",
                )
            backup = replace(backup, full=not _is_incremental(store, manifest))
        if one is newest:
            backup = replace(backup, frozen_in=_frozen(store, one))
        yield Stored(backup, one.objects)


def _is_incremental(store: S3, manifest: str) -> bool:
    """Tell whether it names files that hold only what changed (PostgreSQL 17)."""
    size, tail = 0, b""
    for chunk in store.chunks(manifest):
        size += len(chunk)
        if PARTIAL_FILE in tail + chunk:
            return True
        if size > MANIFEST_BYTES:
            raise NotSeen(f"{manifest} is longer than {MANIFEST_BYTES} bytes")
        tail = chunk[-len(PARTIAL_FILE) :]
    return False


def _frozen(store: S3, one: Stored) -> str:
    """Return the storage class that keeps the backup from being read, or nothing."""
    doubtful = [part for part in one.objects if part.storage_class in {*FROZEN, MOVING}]
    for part in doubtful[:HEADS]:
        head = store.head(part.key)
        if part.storage_class == MOVING and head.archive_status:
            return f"{MOVING}, {head.archive_status}"
        if part.storage_class in FROZEN and not head.thawed:
            return part.storage_class
    return doubtful[HEADS].storage_class if len(doubtful) > HEADS else ""
