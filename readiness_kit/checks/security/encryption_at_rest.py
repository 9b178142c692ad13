"""Encryption at rest: data, WAL and tablespaces on encrypted storage, and every copy of them.

>>> CHECK.shows()
{'data_volume': 'PASS', 'backups': 'PASS'}
>>> CHECK.shows(decrypt_disks(GOOD))
{'data_volume': 'FAIL', 'backups': 'FAIL'}
>>> CHECK.shows(hide_layers(GOOD))["data_volume"]
'UNKNOWN'
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.storage.encryption import (
    ArchiveFiles,
    EncryptionAtRest,
    Holds,
    StoredAt,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

DATA: tuple[Holds, ...] = ("data", "wal", "tablespace")
COPIES: tuple[Holds, ...] = ("backups", "wal_archive")

SERVED = "PostgreSQL has no `WITH (encryption = true)`: use LUKS, an encrypted volume, or TDE"


@judges("data_volume")
def judge_data(seen: EncryptionAtRest) -> Iterator[Finding]:
    """Data, WAL and every tablespace lie on an encrypted layer, or the server encrypts."""
    places = [one for one in seen.places if one.holds in DATA]
    plain = [one for one in places if one.layers == "plain"]
    hidden = [one for one in places if one.layers == "hidden"]
    declared = "; ".join(f"StorageClass {one.name}: {one.detail}" for one in seen.classes)
    case = Case(
        claim="data_volume",
        got="; ".join(
            [
                *map(_place, places),
                *(["the server encrypts what it writes"] if seen.server_encrypts else []),
                *([declared] if declared else []),
            ]
        )
        or "no database is named",
        want="a layer of encryption below data, WAL and tablespaces",
        seen=[EncryptionAtRest.at("/places")],
        reproduce="lsblk -J -o NAME,TYPE,MOUNTPOINTS; psql $DATABASE_URL -c 'SHOW data_directory'",
        grade=Grade.OBSERVED,
    )
    if not seen.database_declared:
        yield case.not_seen(Cause.NOT_CONFIGURED)
    elif seen.server_encrypts:
        yield case.holds()
    elif plain or any(not one.encrypted for one in seen.classes):
        yield case.fails(SERVED)
    elif not {"data", "wal"} <= {one.holds for one in places}:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif hidden:
        cause = Cause.UNPROVEN if seen.classes else Cause.COULD_NOT_ASK
        yield case.not_seen(
            cause, "run the kit on the database's machine, below the volume's layers"
        )
    else:
        yield case.holds()


@judges("backups")
def judge_backups(seen: EncryptionAtRest) -> Iterator[Finding]:
    """Every backup and all archived WAL is encrypted itself, or lies on an encrypted layer."""
    wanted = COPIES if seen.archiving is not False or _archive(seen) else COPIES[:1]
    found = {holds: _copies(seen, holds) for holds in wanted}
    case = Case(
        claim="backups",
        got="; ".join(f"{holds}: {_told(seen, holds)}" for holds in wanted),
        want="every file in an encrypted format, or on an encrypted layer",
        seen=[EncryptionAtRest.at("/files"), EncryptionAtRest.at("/places")],
        reproduce="file BACKUP_DIRECTORY/* | sort | uniq -c; lsblk -J -o NAME,TYPE,MOUNTPOINTS; "
        "aws s3api head-object --bucket BUCKET --key KEY",
        grade=Grade.OBSERVED,
    )
    if not seen.backups_declared:
        yield case.not_seen(Cause.NOT_CONFIGURED)
    elif "plain" in found.values():
        yield case.fails(
            "encrypt with age or gpg before it leaves, or pgBackRest's repo-cipher-type"
        )
    elif "not_declared" in found.values():
        yield case.not_seen(Cause.NOT_CONFIGURED, "name the archive as backups.wal_archive")
    elif set(found.values()) != {"encrypted"}:
        yield case.not_seen(Cause.COULD_NOT_ASK, "encrypted files show it anywhere: age, gpg")
    else:
        yield case.holds()


def _copies(seen: EncryptionAtRest, holds: Holds) -> str:
    """Return how the files in one folder stand: encrypted, plain, unseen, not_declared."""
    files = [one for one in seen.files if one.holds == holds]
    layers = {one.layers for one in seen.places if one.holds == holds}
    if not files:
        return "not_declared"
    if not all(one.encrypted + one.plain + one.unknown + one.by_store > 0 for one in files):
        return "unseen"
    if layers == {"encrypted"} or all(_all_encrypted(one) for one in files):
        return "encrypted"
    return "plain" if "plain" in layers and any(one.plain > 0 for one in files) else "unseen"


def _all_encrypted(one: ArchiveFiles) -> bool:
    sealed = one.encrypted + one.by_store > 0
    return sealed and one.plain <= 0 and one.unknown <= 0 and one.unread <= 0


def _archive(seen: EncryptionAtRest) -> bool:
    named = {*(one.holds for one in seen.files), *(one.holds for one in seen.places)}
    return "wal_archive" in named


def _told(seen: EncryptionAtRest, holds: Holds) -> str:
    files = [one for one in seen.files if one.holds == holds]
    counts = [
        f"{one.encrypted} encrypted, {one.plain} plain, {one.unknown} of unknown form"
        + f", {one.by_store} encrypted by the store" * (one.by_store > 0)
        + f", {one.unread} not read" * (one.unread > 0)
        + f" ({', '.join(one.plain_names)})" * bool(one.plain_names)
        for one in files
    ]
    return "; ".join([*counts, *_layers([one for one in seen.places if one.holds == holds])])


def _layers(places: Sequence[StoredAt]) -> list[str]:
    return [f"on {one.detail}, {one.layers}" for one in places] or ["no folder is named"]


def _place(one: StoredAt) -> str:
    return f"{one.holds} {one.layers}: {one.detail}"


GOOD = EncryptionAtRest(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    database_declared=True,
    backups_declared=True,
    archiving=True,
    server_encrypts=False,
    places=(
        StoredAt(
            holds="data",
            path="/var/lib/postgresql/17/main",
            layers="encrypted",
            detail="ext4 on crypt layer luks-data",
        ),
        StoredAt(
            holds="wal",
            path="/var/lib/postgresql/17/main/pg_wal",
            layers="encrypted",
            detail="ext4 on crypt layer luks-data",
        ),
        StoredAt(
            holds="backups", path="/backup", layers="encrypted", detail="xfs on crypt layer backup"
        ),
        StoredAt(
            holds="wal_archive", path="/wal", layers="encrypted", detail="xfs on crypt layer backup"
        ),
    ),
    files=(
        ArchiveFiles(
            holds="backups", encrypted=0, plain=8, unknown=0, unread=0, plain_names=("shop.dump",)
        ),
        ArchiveFiles(
            holds="wal_archive", encrypted=0, plain=90, unknown=0, unread=0, plain_names=()
        ),
    ),
    classes=(),
)


def _all(seen: EncryptionAtRest, **changes: object) -> EncryptionAtRest:
    return seen.replace(places=tuple(replace(one, **changes) for one in seen.places))


def decrypt_disks(seen: EncryptionAtRest) -> EncryptionAtRest:
    """No layer encrypts, and neither does the server nor who wrote the files."""
    plain = (
        replace(
            one,
            encrypted=0,
            plain=one.plain + one.encrypted + one.by_store,
            by_store=0,
            unknown=max(0, one.unknown),
        )
        for one in seen.files
    )
    return _all(seen, layers="plain").replace(server_encrypts=False, files=tuple(plain))


def hide_layers(seen: EncryptionAtRest) -> EncryptionAtRest:
    """A hypervisor hides what was encrypted."""
    hidden = (
        replace(one, layers="hidden") if one.layers == "encrypted" else one for one in seen.places
    )
    return seen.replace(places=tuple(hidden), server_encrypts=False)


def link_wal_elsewhere(seen: EncryptionAtRest) -> EncryptionAtRest:
    """WAL lies on a plain disk of its own."""
    linked = (replace(one, layers="plain") if one.holds == "wal" else one for one in seen.places)
    return seen.replace(places=tuple(linked), server_encrypts=False)


def forget_the_archive(seen: EncryptionAtRest) -> EncryptionAtRest:
    """Nobody says where archived WAL lies, although there is some."""
    return seen.replace(
        archiving=True,
        files=tuple(one for one in seen.files if one.holds != "wal_archive"),
        places=tuple(one for one in seen.places if one.holds != "wal_archive"),
    )


def find_no_files(seen: EncryptionAtRest) -> EncryptionAtRest:
    """The folders are empty."""
    return seen.replace(
        files=tuple(replace(one, encrypted=0, plain=0, unknown=0, by_store=0) for one in seen.files)
    )


CHECK = Check(
    (judge_data, judge_backups),
    remedy="Put data, WAL and tablespaces on LUKS or an encrypted cloud volume, and encrypt each "
    "backup (age, gpg, pgBackRest's repo-cipher-type) before it is stored.",
    references=(
        "PostgreSQL: encryption options",
        "NIST SP 800-111",
        "pgBackRest user guide: repository encryption",
    ),
    good=(GOOD,),
    worsen=(decrypt_disks, hide_layers, link_wal_elsewhere, forget_the_archive, find_no_files),
    thresholds={
        "data_volume": "all of data, WAL and tablespaces; columns alone do not count",
        "backups": "every backup and all archived WAL",
    },
)
