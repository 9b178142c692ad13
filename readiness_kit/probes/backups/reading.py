"""Read the newest backup through with the tool that would restore it.

An archive of pg_dump is decompressed and unpacked (``pg_restore -f /dev/null``), a base backup is
compared with its manifest (``pg_verifybackup``; in tar format by the kit, which then does the
same), and a script must end as pg_dump ends it. The
table of contents of an archive (``pg_restore --list``) is no evidence: it is all there in a half
dump, too.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.restore import BackupKind, BackupReading
from readiness_kit.probes.backups import tarred
from readiness_kit.probes.backups.fetch import Local, local_backup
from readiness_kit.probes.backups.formats import HEAD_BYTES, form_of
from readiness_kit.probes.backups.manifest import compare_tarred
from readiness_kit.probes.backups.packed import Damaged, packing_of, unpacked
from readiness_kit.probes.backups.pgbackrest import Tool
from readiness_kit.probes.backups.pgbackrest_facts import verified
from readiness_kit.probes.backups.tarred import is_tarred
from readiness_kit.probes.database.tools import Done, installation, run
from readiness_kit.sources import Visit, source

DEADLINE_S = 600.0

END_MARKS = (
    b"-- PostgreSQL database dump complete",
    b"-- PostgreSQL database cluster dump complete",
)
"""What pg_dump and pg_dumpall write last."""

TAIL_BYTES = 1000
"""How near to the end of a script the mark must be: pg_dump adds a line or two behind it."""

TAR_MAGIC = slice(257, 262), b"ustar"

TAR_END_BYTES = 1024
"""Two empty blocks end an archive in tar format (POSIX, pax)."""

_CHUNK = 1 << 20
_PARENT = re.compile(r"^INCREMENTAL FROM LSN: (\S+)$", re.MULTILINE)
_START = re.compile(r"^START WAL LOCATION: (\S+) ", re.MULTILINE)


@source(
    effect="read",
    asks="no request: reads the newest backup from its first byte to its last; out of a bucket it "
    "is fetched first, if it has at most backups.bucket.max_download_bytes",
    deadline_s=DEADLINE_S,
)
def backup_reading(visit: Visit) -> BackupReading:
    """Read the newest backup through.

    Raises:
        NotSeen: None is declared or there, or what would read it is not installed or too old.

    """
    declared = visit.target.backups
    if declared is not None and declared.pgbackrest is not None:
        return _verified(Tool(visit, declared.pgbackrest))
    with local_backup(visit) as local:
        return _reading(visit, local)


def _reading(visit: Visit, local: Local) -> BackupReading:
    backup, path = local.backup, local.path
    kind = kind_of(path)
    done, by = _read(visit, path, kind)
    if "unsupported version" in done.said:
        raise NotSeen(
            f"{by} is older than what made {path.name}: {done.said}",
            hint="install the version of PostgreSQL that makes the backups",
        )
    return BackupReading(
        backup=backup.name,
        kind=kind,
        size_bytes=backup.size_bytes,
        made_at=backup.made_at,
        read_by=by,
        whole=done.status == 0,
        said=done.said if done.status else "",
        observed_at=datetime.now(UTC),
    )


def _verified(tool: Tool) -> BackupReading:
    newest = tool.newest()
    done = verified(tool, newest.label)
    return BackupReading(
        backup=newest.label,
        kind="pgbackrest",
        size_bytes=newest.info.size,
        made_at=datetime.fromtimestamp(newest.timestamp.stop, UTC),
        read_by=f"{tool.by_hand} verify",
        whole=done.status == 0,
        said=done.said,
        observed_at=datetime.now(UTC),
    )


def kind_of(path: Path) -> BackupKind:
    """Return the format of the backup at *path*, by what it begins with or holds.

    Raises:
        NotSeen: It is none that is known, or cannot be read.

    """
    try:
        if path.is_dir():
            return _kind_of_folder(path)
        head = _head(path)
    except OSError as error:
        raise NotSeen(
            f"{path} cannot be read: {error.strerror}", hint="give the kit's user access"
        ) from error
    where, magic = TAR_MAGIC
    kind: BackupKind = "tar" if head[where] == magic else "plain"
    if head.startswith(b"PGDMP"):
        kind = "custom"
    if kind != "plain" and packing_of(path):
        raise NotSeen(
            f"{path.name} is an archive that was packed once more",
            hint="keep it as pg_dump wrote it, which packs by itself",
        )
    return kind


def _head(path: Path) -> bytes:
    """Return what the file at *path* begins with when it is unpacked."""
    with path.open("rb") as file:
        if form_of(file.read(HEAD_BYTES)) == "encrypted":
            raise NotSeen(
                f"{path.name} is encrypted: nothing is known of what it holds",
                hint="have a drill of your own decrypt and restore it: readiness drilled restore",
            )
    try:
        with unpacked(path) as stream:
            return stream.read(HEAD_BYTES)
    except Damaged:
        return b""


def _kind_of_folder(path: Path) -> BackupKind:
    if (path / "toc.dat").is_file():
        return "directory"
    if (path / "PG_VERSION").is_file() or is_tarred(path):
        return "incremental" if parent_lsn(path) else "base"
    if (path / "backup.manifest").is_file():
        return "pgbackrest"
    raise NotSeen(
        f"{path} is no backup of a known format",
        hint="formats known: those of pg_dump and pg_basebackup",
    )


def parent_lsn(backup: Path) -> str:
    """Return the place in the WAL that an incremental backup continues from; else nothing."""
    return _label(backup, _PARENT)


def chain(backup: Path) -> tuple[Path, ...]:
    """Return the full backup that *backup* rests on, all that lie between, and itself.

    Raises:
        NotSeen: One of them is missing.

    """
    found = [backup]
    beside = [one for one in backup.parent.iterdir() if one.is_dir()]
    while wanted := parent_lsn(found[0]):
        parents = [one for one in beside if _label(one, _START) == wanted and one not in found]
        if not parents:
            raise NotSeen(
                f"{found[0].name} rests on a backup from {wanted}, and none such lies beside it",
                hint="keep an incremental backup together with those it was made from",
            )
        found.insert(0, parents[0])
    return tuple(found)


def _label(backup: Path, pattern: re.Pattern[str]) -> str:
    found = pattern.search(label(backup))
    return found.group(1) if found else ""


def label(backup: Path) -> str:
    """Return the ``backup_label`` of a base backup; else nothing."""
    try:
        if is_tarred(backup):
            return tarred.label(backup)
        return (backup / "backup_label").read_text(encoding="utf-8", errors="replace")
    except (OSError, Damaged):
        return ""


def _read(visit: Visit, path: Path, kind: BackupKind) -> tuple[Done, str]:
    """Return how the reading ended, and who read."""
    if kind == "plain":
        return read_script(visit, path), "the kit: the end mark of pg_dump"
    if kind == "pgbackrest":
        raise NotSeen(
            "a repository of pgBackRest is read by pgBackRest itself",
            hint="name stanza and config in backups.pgbackrest, instead of backups.directory",
            cause="not_configured",
        )
    if kind in ("base", "incremental"):
        return _compare(visit, path)
    program = installation()
    tool = program.path.parent / "pg_restore"
    done = run(visit, tool, "--file=/dev/null", "--", path.absolute())
    if kind == "tar" and done.status == 0:
        done = tar_end(path)
    return done, f"pg_restore of {program.version}"


def _compare(visit: Visit, path: Path) -> tuple[Done, str]:
    """Compare each backup of the chain with its manifest."""
    done, readers = Done(0, ""), dict[str, None]()
    for one in chain(path):
        if is_tarred(one):
            done = compare_tarred(visit, one)
            readers["the kit: the sums of backup_manifest"] = None
        else:
            program = installation(exactly=_major_of(one))
            done = run(visit, program.path.parent / "pg_verifybackup", "--", one.absolute())
            readers[f"pg_verifybackup of {program.version}"] = None
        if done.status:
            break
    return done, ", ".join(readers)


def _major_of(path: Path) -> int:
    try:
        return int((path / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise NotSeen(f"{path / 'PG_VERSION'} holds no version") from error


def tar_end(path: Path) -> Done:
    """Look for the two empty blocks at the end of a tar archive, whose lack pg_restore forgives."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAR_END_BYTES))
            tail = file.read()
    except OSError as error:
        raise NotSeen(f"{path} cannot be read: {error.strerror}") from error
    if tail == bytes(TAR_END_BYTES):
        return Done(0, "")
    return Done(1, f"the archive breaks off after {size} bytes")


def read_script(visit: Visit, path: Path) -> Done:
    """Read a script, packed or not, and look for the mark at its end."""
    tail, size = b"", 0
    try:
        with unpacked(path) as stream:
            while chunk := stream.read(_CHUNK):
                _ = visit.remaining_s
                size += len(chunk)
                tail = (tail + chunk)[-TAIL_BYTES:]
    except Damaged as error:
        return Done(1, f"after {size} bytes: {error.message}")
    except OSError as error:
        raise NotSeen(f"{path} cannot be read: {error.strerror}") from error
    if any(mark in tail for mark in END_MARKS):
        return Done(0, "")
    return Done(1, f"the last {len(tail)} of {size} bytes have no end mark of pg_dump")
