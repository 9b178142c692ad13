"""What pgBackRest says of its repository, as facts of backups, of WAL and of encryption."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups.folder import Backup
from readiness_kit.facts.storage.encryption import ArchiveFiles, Layers, StoredAt
from readiness_kit.probes.backups.pgbackrest import Kept, Tool
from readiness_kit.probes.database.tools import Done
from readiness_kit.probes.database.wal_names import Archive, Entry, Segment, is_called, sorted_out
from readiness_kit.probes.host.layers import below
from readiness_kit.sources import Visit
from readiness_kit.target import PgBackRest

OWN_ENDPOINTS = {"azure": ".blob.core.windows.net", "gcs": ".storage.googleapis.com"}

LOCAL = frozenset({"posix", "cifs"})
"""Types of repository that are folders."""

_VERDICT = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
_OF_BACKUP = r"^\s*backup: {label}, status: ([\w-]+), total files checked: (\d+)"
_FAULTS = re.compile(r"^\s*(missing: \d+, checksum invalid: .*)$", re.MULTILINE)


class Repo(NamedTuple):
    """Where one repository lies, by the configuration."""

    key: int
    kind: str
    """``posix``, ``cifs``, ``s3``, ``azure``, ``gcs``, ``sftp``."""

    path: str
    machine: str
    """Another machine, whose pgBackRest or SFTP is asked."""

    bucket: str
    endpoint: str
    """Host of a store of objects."""

    def __str__(self) -> str:
        """Show type and place."""
        where = f"{self.host} {self.bucket}".strip()
        return f"repo{self.key} {self.kind} {where + ':' if where else ''}{self.path}"

    @property
    def host(self) -> str:
        """The host that is asked; empty for a folder."""
        default = "s3.amazonaws.com" if self.kind == "s3" else OWN_ENDPOINTS.get(self.kind, "")
        named = urlsplit(f"//{self.endpoint.rpartition('//')[2]}").hostname
        return self.machine or named or default

    @property
    def of_amazon(self) -> bool:
        """Whether a store that large rents it out: Amazon, Google or Microsoft."""
        own = (".amazonaws.com", *OWN_ENDPOINTS.values())
        return not self.machine and f".{self.host}".endswith(own)

    @property
    def words(self) -> str:
        """What is asked, in words."""
        return f"the store {self.host}"

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return Path(self.path) if self.kind in LOCAL and not self.machine else None


def repos(tool: Tool) -> tuple[Repo, ...]:
    """Return the repositories that are asked.

    Raises:
        NotSeen: The configuration cannot be read.

    """
    settings = tool.settings()
    keys = {int(found[1]) for name in settings if (found := re.match(r"repo(\d+)-", name))} or {1}
    wanted = keys if tool.declared.repo is None else {tool.declared.repo}
    return tuple(_repo(settings, key) for key in sorted(wanted))


def _repo(settings: dict[str, str], key: int) -> Repo:
    def of(name: str, default: str = "") -> str:
        return settings.get(f"repo{key}-{name}", default)

    kind = of("type", "posix")
    return Repo(
        key=key,
        kind=kind,
        path=of("path", "/var/lib/pgbackrest"),
        machine=of("sftp-host") if kind == "sftp" else of("host"),
        bucket=of(f"{kind}-bucket") or of(f"{kind}-container"),
        endpoint=of(f"{kind}-endpoint"),
    )


def backups(tool: Tool) -> tuple[Backup, ...]:
    """Return the backups, newest first."""
    found = (as_backup(one) for one in tool.info().backup)
    return tuple(sorted(found, key=lambda one: one.made_at, reverse=True))


def as_backup(one: Kept) -> Backup:
    """Return *one* as backups elsewhere are told of."""
    return Backup(
        name=one.label,
        size_bytes=one.info.size,
        made_at=datetime.fromtimestamp(one.timestamp.stop, UTC),
        marked=not one.error,  # what was not finished is not listed
        full=one.full,
    )


def archive(tool: Tool, segment_bytes: int) -> Archive:
    """Return which WAL the repository holds, and where its backups begin.

    Raises:
        NotSeen: It cannot be listed.

    """
    per_part = 2**32 // segment_bytes
    files = tool.archived()
    entries = (Entry(one.name, one.size_bytes, partial(tool.text, one.path)) for one in files)
    kept = tool.info().backup
    starts = [one.archive.start for one in kept if one.archive.start]
    return Archive(
        where=f"pgBackRest's stanza {tool.declared.stanza}",
        found=sorted_out(entries, segment_bytes),
        bases=tuple(Segment.of(one, per_part) for one in starts),
        listed_by=f"{tool.by_hand} repo-ls --recurse archive/{tool.declared.stanza}",
    )


def holds(visit: Visit, declared: PgBackRest, name: str) -> bool:
    """Tell whether the repository holds the segment called *name*.

    Raises:
        NotSeen: It cannot be listed.

    """
    files = Tool(visit, declared).archived()
    return any(is_called(one.name, name) and one.size_bytes for one in files)


def verified(tool: Tool, label: str) -> Done:
    """Have pgBackRest read the repository, and say what it found of the backup *label*.

    The exit status tells nothing of it before version 2.50 or so: what it says does.

    Raises:
        NotSeen: This pgBackRest cannot say it.

    """
    options = ("--output=text", "--verbose")
    answer = tool.run("verify", *options, f"--set={label}")
    if "option 'set' not valid" in answer.said:
        answer = tool.run("verify", *options)
    if answer.said and not answer.output:
        raise NotSeen(
            f"pgbackrest verify does not answer: {answer.said}",
            hint="pgBackRest 2.45 or newer is needed, with access to the repository",
        )
    return judged(answer.status, answer.output, label)


def judged(status: int, text: str, label: str) -> Done:
    r"""Return what ``pgbackrest verify`` found, by its own words.

    >>> judged(0, "stanza: a\nstatus: ok\n  backup: X, status: valid, total files checked: 9", "X")
    Done(status=0, said='')
    """
    own = re.search(_OF_BACKUP.format(label=re.escape(label)), text, re.MULTILINE)
    verdict = _VERDICT.search(text)
    faults = [one for one in _FAULTS.findall(text) if re.search(r": [1-9]", one)]
    if own is None or verdict is None:
        return Done(1, f"error: verify does not speak of {label} (status {status})")
    if status or verdict[1] != "ok" or own[1] != "valid" or not int(own[2]):
        found = faults[0] if faults else f"status {verdict[1]}, exit status {status}"
        return Done(1, f"error: {label} is {own[1]}: {found}")
    return Done(0, "")


def sealed(visit: Visit, declared: PgBackRest | None) -> Iterator[tuple[StoredAt, ArchiveFiles]]:
    """Yield how the repository is encrypted: by itself, or by what lies below its folder."""
    if declared is None:
        return
    try:
        tool = Tool(visit, declared)
        ciphers = {one.cipher for one in tool.info().repo}
        counts = {"backups": len(tool.info().backup), "wal_archive": len(tool.archived())}
        places = repos(tool)
    except NotSeen as error:
        ciphers, counts, places = set(), {"backups": 0, "wal_archive": 0}, ()
        reason = error.message
    else:
        reason = ", ".join(map(str, places))
    names: tuple[Literal["backups", "wal_archive"], ...] = ("backups", "wal_archive")
    for name in names:
        yield (
            StoredAt(holds=name, path=reason, layers=_layers(places), detail=reason),
            _files(name, ciphers, counts[name]),
        )


def _files(holds: Literal["backups", "wal_archive"], ciphers: set[str], count: int) -> ArchiveFiles:
    """Return *count* as encrypted where every repository has a cipher, else as plain."""
    every = bool(ciphers) and "none" not in ciphers
    return ArchiveFiles(
        holds=holds,
        encrypted=count if every else 0,
        plain=0 if every or not ciphers else count,
        unknown=0,
        unread=0 if ciphers else 1,
        plain_names=(),
    )


def _layers(places: tuple[Repo, ...]) -> Layers:
    folders = [one.folder for one in places]
    try:
        seen = {below(one).layers if one else "hidden" for one in folders}
    except OSError:
        return "hidden"
    if seen == {"encrypted"}:
        return "encrypted"
    return "plain" if "plain" in seen else "hidden"
