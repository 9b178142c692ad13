"""Read how the server archives WAL: its settings, and the script that they name."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.wal.command import ArchiveCommand, Way
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.sources import Visit, source

TOOLS = frozenset(
    {"pgbackrest", "wal-g", "wal-e", "barman-wal-archive", "barman-cloud-wal-archive"}
)
COPIES = frozenset({"cp", "rsync", "scp", "install", "dd"})
SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
NOTHING = frozenset({"true", ":", "exit"})

READ_CAP = 100_000
"""How much of a script is read, bytes."""

_ALWAYS = re.compile(r"(\|\||;|&)\s*(/bin/|/usr/bin/)?(true|:|exit 0)\s*$")
_COMPARES = re.compile(r"\bcmp\b|\bdiff\b|\bsha\d+sum\b|\bmd5sum\b|(\btest|\[)\s+(!\s+)?-[efs]\b")
_SYNCS = re.compile(r"\bsync\b|\bfsync\b|conv=\S*fsync")
_RENAMES = re.compile(r"\bmv\b|\brename\b|\bos\.replace\b")
_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_STRICT = re.compile(r"^\s*set\s+-\w*e|\berrexit\b", re.MULTILINE)


class _Seen(NamedTuple):
    """What was understood of a command, and the text that it stands for."""

    way: Way
    program: str
    text: str
    why_not_read: str = ""


@source(effect="read", asks="1 SQL statement; reads the script of archive_command", deadline_s=15)
def archive_command(visit: Visit) -> ArchiveCommand:
    """Look at ``archive_library`` and ``archive_command``, and into the script.

    Raises:
        NotSeen: The database did not answer.

    """
    with session(visit, parameters(visit.database.dsn)) as database:
        names = ["archive_library", "archive_command"]
        found = database.rows(Sql.SETTINGS, names=names)
        here = any(is_our_backend(row["pid"], row["client_port"]) for row in found[:1])
    rows = {row["name"]: row["value"] for row in found}
    if "archive_command" not in rows:
        raise NotSeen("the probe's role may not see archive_command", hint="grant it pg_monitor")
    library, command = rows.get("archive_library") or "", rows["archive_command"] or ""
    if library:
        seen = _Seen("library", library, "")
    else:
        seen = understood("" if command == "(disabled)" else command, here=here)
    return ArchiveCommand(
        way=seen.way,
        program=seen.program,
        why_not_read=seen.why_not_read,
        always_succeeds=always_succeeds(command, seen),
        compares=bool(_COMPARES.search(seen.text)),
        syncs=bool(_SYNCS.search(seen.text)),
        renames=bool(_RENAMES.search(seen.text)),
        observed_at=datetime.now(UTC),
    )


def understood(command: str, *, here: bool) -> _Seen:
    """Return what *command* does; *here* says whether its files lie on this machine.

    >>> understood("pgbackrest --stanza=shop archive-push %p", here=False)[:2]
    ('tool', 'pgbackrest')
    >>> understood("test ! -f /archive/%f && cp %p /archive/%f", here=False)[:2]
    ('copy', 'cp')
    >>> understood("/bin/true", here=False)[:2], understood("", here=False)[:2]
    (('none', 'true'), ('none', ''))
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return _Seen("other", "", command, "the command is not quoted as a shell wants it")
    names = [Path(word).name for word in words]
    if not words or names[0] in NOTHING:
        return _Seen("none", names[0] if names else "", command)
    for name in names:
        if name in TOOLS:
            return _Seen("tool", name, command)
    copies = [name for name in names if name in COPIES]
    if copies:
        return _Seen("copy", copies[0], command)
    script = next((word for word in words if Path(word).name not in SHELLS), "")
    return _script(script, here=here)


def _script(word: str, *, here: bool) -> _Seen:
    """Read the script *word*."""
    path = Path(word)
    if not here:
        return _Seen("other", path.name, "", "the database runs on another machine")
    try:
        with path.open("rb") as file:
            raw = file.read(READ_CAP)
    except OSError as error:
        return _Seen("other", path.name, "", f"{path}: {error.strerror}")
    if raw.count(0):
        return _Seen("other", path.name, "", f"{path} is no script")
    text = _COMMENT.sub("", raw.decode(errors="replace"))
    return _Seen("script", path.name, text)


def always_succeeds(command: str, seen: _Seen) -> bool:
    r"""Tell whether the end of the command, or of its script, hides what went wrong before.

    >>> always_succeeds("cp %p /a/%f || true", _Seen("copy", "cp", ""))
    True
    >>> always_succeeds("a.sh %p", _Seen("script", "a.sh", "set -eu\ncp $1 /a\nexit 0\n"))
    False
    """
    if seen.way == "none" or _ALWAYS.search(command):
        return True
    last = next((line for line in reversed(seen.text.splitlines()) if line.strip()), "")
    blunt = seen.way == "script" and not _STRICT.search(seen.text)
    return blunt and last.strip() in ("exit 0", "true", ":", "exit")
