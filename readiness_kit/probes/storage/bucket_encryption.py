"""Whether a store of objects encrypts what lies in a bucket, object by object."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.storage.encryption import ArchiveFiles, Layers, StoredAt
from readiness_kit.probes.aws.s3 import S3, Object
from readiness_kit.probes.backups.bucket import grouped
from readiness_kit.probes.backups.formats import HEAD_BYTES, NAMES_SHOWN, Form, form_of
from readiness_kit.sources import Visit
from readiness_kit.target import Backups, Bucket

LOOKED_AT = 100
"""Most objects of one prefix that are asked about; the oldest and the newest are among them."""

ALL_ENCRYPTED = datetime(2023, 1, 5, tzinfo=UTC)
"""Amazon encrypts every object that was written since then, whether told to or not (S3 user guide,
"Protecting data with server-side encryption")."""

Holds = Literal["backups", "wal_archive"]


class Looked(NamedTuple):
    """What came of asking about one object."""

    name: str
    how: str
    """How the store encrypts it; empty when it does not say so."""

    form: Form | Literal["unread"]
    """What its first bytes are, where it does not."""


class Seen(NamedTuple):
    """What came of looking at a prefix."""

    looked: tuple[Looked, ...]
    left: int
    """Objects that nobody asked about, and that are not known to be encrypted."""

    known: int
    """Objects that nobody asked about, and that Amazon is known to encrypt."""

    listed: bool
    """Whether everything was listed."""


def sealed(visit: Visit, declared: Backups) -> Iterator[tuple[StoredAt, ArchiveFiles]]:
    """Yield how backups and archived WAL in a bucket are encrypted, as far as they lie in one."""
    bucket = declared.bucket
    if bucket is None:
        return
    yield _place(visit, bucket, bucket.url, "backups", declared)
    if bucket.wal_url is not None:
        yield _place(visit, bucket, bucket.wal_url, "wal_archive", None)


def _place(
    visit: Visit, bucket: Bucket, url: str, holds: Holds, declared: Backups | None
) -> tuple[StoredAt, ArchiveFiles]:
    try:
        store = S3(visit, bucket, url)
        seen = _seen(store, declared)
        by_default = _by_default(store)
    except NotSeen as error:
        hidden = StoredAt(holds=holds, path=url, layers="hidden", detail=error.message)
        none = ArchiveFiles(holds=holds, encrypted=0, plain=0, unknown=0, unread=1, plain_names=())
        return hidden, none
    layers = judged(seen, of_amazon=store.of_amazon)
    detail = f"{in_words(seen)}; new objects: {by_default}"
    return StoredAt(holds=holds, path=url, layers=layers, detail=detail), counted(holds, seen)


def judged(seen: Seen, *, of_amazon: bool) -> Layers:
    """Return whether there is a layer of encryption below all that was seen.

    The disks below another store than Amazon's are hidden: what it does not encrypt itself may
    still lie on an encrypted disk.
    """
    plain = [one for one in seen.looked if not one.how and one.form != "unread"]
    if plain:
        return "plain" if of_amazon else "hidden"
    whole = seen.listed and not seen.left and all(one.how for one in seen.looked)
    return "encrypted" if whole and seen.looked else "hidden"


def counted(holds: Holds, seen: Seen) -> ArchiveFiles:
    """Return how many objects are of which form."""
    forms = [one.form for one in seen.looked if not one.how]
    plain = [one.name for one in seen.looked if not one.how and one.form == "plain"]
    return ArchiveFiles(
        holds=holds,
        encrypted=forms.count("encrypted"),
        plain=len(plain),
        unknown=forms.count("unknown"),
        unread=forms.count("unread") + seen.left + (not seen.listed),
        plain_names=tuple(plain[:NAMES_SHOWN]),
        by_store=sum(1 for one in seen.looked if one.how) + seen.known,
    )


def in_words(seen: Seen) -> str:
    """Return what was seen."""
    by_store = [one.how for one in seen.looked if one.how]
    ways = ", ".join(sorted(set(by_store)))
    said = f"the store encrypts {len(by_store) or 'none'} of {len(seen.looked)} objects"
    said += f" by {ways}" if ways else ""
    more = seen.left + seen.known
    return said + (f"; {more} more were not asked about" if more else "")


def _seen(store: S3, declared: Backups | None) -> Seen:
    listing = store.listing()
    objects = sorted(_wanted(store, listing.objects, declared), key=lambda one: one.last_modified)
    chosen = set(spread(len(objects), LOOKED_AT))
    looked = tuple(_looked(store, objects[number]) for number in sorted(chosen))
    rest = [one for number, one in enumerate(objects) if number not in chosen]
    known = [one for one in rest if store.of_amazon and one.last_modified >= ALL_ENCRYPTED]
    return Seen(looked, len(rest) - len(known), len(known), listing.whole)


def _wanted(store: S3, objects: Sequence[Object], declared: Backups | None) -> Iterator[Object]:
    """Yield the objects of backups; of an archive all."""
    if declared is None or declared.tool == "pgbackrest":
        yield from objects
        return
    for _, parts in grouped({store.name(one): one for one in objects}, declared):
        yield from parts


def spread(count: int, most: int) -> Iterator[int]:
    """Yield at most *most* numbers below *count*, evenly, the first and the last among them.

    >>> list(spread(3, 5)), list(spread(9, 3))
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        yield from range(count)
    else:
        yield from (round(step * (count - 1) / (most - 1)) for step in range(most))


def _looked(store: S3, one: Object) -> Looked:
    name, head = store.name(one), store.head(one.key)
    key = f" with {head.kms_key}" if head.kms_key else ""
    if head.server_side_encryption:
        return Looked(name, f"{head.server_side_encryption}{key}", "unknown")
    try:
        return Looked(name, "", form_of(store.piece(one.key, f"0-{HEAD_BYTES - 1}", HEAD_BYTES)))
    except NotSeen:
        return Looked(name, "", "unread")


def _by_default(store: S3) -> str:
    try:
        return store.encrypts() or "not encrypted by the bucket"
    except NotSeen as error:
        return error.message
