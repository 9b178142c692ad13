"""Whether what lies on disk is encrypted, by the layers below it or by itself."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Layers = Literal["encrypted", "plain", "hidden"]
"""``encrypted``: there is a layer of encryption on every way down to a disk, or a store of objects
encrypts each; ``plain``: the disks are seen, and on some way there is none; ``hidden``: the disks
belong to a hypervisor, another machine, or nobody who tells.
"""

Holds = Literal["data", "wal", "tablespace", "backups", "wal_archive"]


class StoredAt(Record, frozen=True):
    """One folder."""

    holds: Holds
    """What lies there."""

    path: str
    """The folder, or the URL of a prefix in a bucket; empty when it is not known."""

    layers: Layers

    detail: str
    """The layers from the file system down, or why they are not seen."""


class ArchiveFiles(Record, frozen=True):
    """The files in one folder or bucket, by the form their first bytes give away."""

    holds: Literal["backups", "wal_archive"]

    encrypted: int
    """Files in an encrypted format: OpenPGP, age, OpenSSL's ``enc``, as pgBackRest uses it."""

    plain: int
    """Files in a known plain format: dumps, archives, WAL, compressed or not."""

    unknown: int
    """Files of no known form."""

    unread: int
    """Files that cannot be read, or were left out beyond the cap."""

    plain_names: tuple[str, ...]
    """The first plain ones."""

    by_store: int = 0
    """Objects of a bucket that the store encrypts; their own form was not looked at."""


class DeclaredStorage(Record, frozen=True):
    """One StorageClass of the manifests."""

    name: str
    encrypted: bool
    """Whether its parameters ask for encryption or name a key."""

    detail: str
    """The parameter that says so."""


class EncryptionAtRest(Fact, frozen=True, kw_only=True):
    """Where data, WAL, tablespaces and backups lie, and how that is encrypted."""

    database_declared: bool
    """Whether the target names a database."""

    backups_declared: bool
    """Whether the target names a folder of backups."""

    archiving: bool | None
    """Whether the server archives WAL; ``None`` when it was not asked."""

    server_encrypts: bool
    """Whether the server itself encrypts what it writes: ``data_encryption_version`` is above 0."""

    places: tuple[StoredAt, ...]
    """Every folder."""

    files: tuple[ArchiveFiles, ...]
    """The files of backups and archived WAL."""

    classes: tuple[DeclaredStorage, ...]
    """Storage classes of the manifests."""
