r"""Scripts of pg_dump and pg_dumpall, made fit for psql without believing them.

psql obeys commands that begin with a backslash, as whoever runs it: ``\!`` starts a shell, ``\i``
and ``\o |`` read and write. A dump needs ``\connect`` and ``\encoding``, and the latter can be
said in SQL. So a script is cut where it connects, each part is played by a psql of its own, and
each begins with ``\restrict`` and a key that nobody knows: from there on psql itself refuses all
such commands (since the minor releases of August 2025). How the parts are told matters only to what
is right, not to what is safe.
"""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from readiness_kit.errors import NotSeen

COPY = re.compile(rb"\s*COPY\s.+\sFROM\s+STDIN\b.*;\s*", re.IGNORECASE)
COPY_END = re.compile(rb"\\\.\r?\n?")
COMMAND = re.compile(rb"\\(\S*)[ \t]*(.*?)\s*")

FOREIGN = re.compile(
    rb"\s*(COPY\b.*\b(?:FROM|TO)\s+PROGRAM\s*'|DO\s+(?:\$|LANGUAGE\b|')|ALTER\s+SYSTEM\b|LOAD\s+')",
    re.IGNORECASE,
)
"""Statements that no dump holds, and that reach beyond the database."""

CLEAN = re.compile(rb"DROP (ROLE|DATABASE) (?!IF EXISTS|template1;|postgres;)")
"""What ``--clean`` writes without ``--if-exists``: it fails where there is nothing yet."""

TABLESPACE = re.compile(rb"\s*CREATE\s+TABLESPACE\b", re.IGNORECASE)
PLACED = re.compile(rb"(CREATE TABLESPACE .* LOCATION )'(?:[^']|'')+'(;\s*)")

CONNECT = b"connect"
DROPPED = frozenset({b"restrict", b"unrestrict"})
"""Commands that a dump needs; the second are psql's own guard, for which each part has another."""

REMARK, COMMENT, ESCAPED, CLOSES = b"--", b"/*", b"e'", b"'"

CLUSTER = b"PostgreSQL database cluster dump"

_WORD = rb"A-Za-z0-9_$\x80-\xff"
_OPENS = re.compile(
    rb"--|/\*|\"|(?<!["
    + _WORD
    + rb"])[eE]'|'|(?<!["
    + _WORD
    + rb"])\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$"
)
_ENCODED = re.compile(rb"\\encoding ([A-Za-z0-9_-]+)\r?\n")
_ESCAPED = re.compile(rb"\\.|''|'", re.DOTALL)
_COMMENT = re.compile(rb"/\*|\*/")


class Part(NamedTuple):
    """What is played in one database."""

    database: str | None
    """``None`` before the first ``\\connect``."""

    file: Path


class Script(NamedTuple):
    """A script, cut."""

    parts: tuple[Part, ...]
    of_cluster: bool
    """Whether pg_dumpall wrote it: roles, tablespaces and all databases."""

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases it connects to, in order."""
        found = (one.database for one in self.parts if one.database is not None)
        return tuple(dict.fromkeys(found))


def cut(script: Path, folder: Path, spaces: Path) -> Script:
    """Cut *script* into files in *folder*; tablespaces are to lie below *spaces*.

    Raises:
        NotSeen: It holds what no dump holds, or could not be played in a new cluster.

    """
    parts: list[Part] = []
    scanner = _Scanner(spaces)
    with script.open("rb") as lines:
        of_cluster = CLUSTER in lines.read(1000)
        lines.seek(0)
        database: str | None = None
        while database is not None or not parts:
            part = Part(database, folder / f"part-{len(parts)}.sql")
            parts.append(part)
            with part.file.open("wb") as into:
                into.write(f"\\restrict {secrets.token_hex(24)}\n".encode())
                database = scanner.write(lines, into)
    return Script(tuple(parts), of_cluster)


class _Scanner:
    """Reads a script line by line, and knows what is quoted, and what is data."""

    def __init__(self, spaces: Path) -> None:
        self._spaces = spaces
        self._quotes = Quotes()
        self._number = 0
        self._count = 0

    def write(self, lines: BinaryIO, into: BinaryIO) -> str | None:
        """Copy what belongs to one database; return the one that follows, if any."""
        for line in lines:
            self._number += 1
            if self._quotes.inside:
                self._quotes.read(line)
            elif encoding := _ENCODED.fullmatch(line):
                line = b"SET client_encoding = '" + encoding[1] + b"';\n"  # noqa: PLW2901
            elif line.startswith(b"\\"):
                if (database := self._command(line)) is not None:
                    return database
                continue
            elif COPY.fullmatch(line):
                into.write(line)
                self._copy_data(lines, into)
                continue
            else:
                line = self._statement(line)  # noqa: PLW2901 - one that is the kit's own
                self._quotes.read(line)
            into.write(line)
        return None

    def _copy_data(self, lines: BinaryIO, into: BinaryIO) -> None:
        for line in lines:
            self._number += 1
            into.write(line)
            if COPY_END.fullmatch(line):
                return

    def _command(self, line: bytes) -> str | None:
        """Return the database that a command connects to, if it does."""
        found = COMMAND.fullmatch(line)
        name, rest = found.groups() if found else (b"", line)
        if name in DROPPED:
            return None
        if name == CONNECT:
            try:
                return connected(rest.decode())
            except (UnicodeDecodeError, psycopg.Error) as error:
                raise self._refused(line) from error
        raise self._refused(line)

    def _statement(self, line: bytes) -> bytes:
        """Return a line that is neither data nor quoted, with the kit's own folders in it."""
        if FOREIGN.match(line):
            raise self._refused(line)
        if CLEAN.match(line):
            raise NotSeen(
                f"line {self._number} of the script drops what a new cluster does not have",
                hint="write scripts with --if-exists where they have --clean",
            )
        if not TABLESPACE.match(line):
            return line
        found = PLACED.fullmatch(line)
        if found is None:
            raise self._refused(line)
        self._count += 1
        place = self._spaces / str(self._count)
        place.mkdir(parents=True)
        quoted = str(place).replace("'", "''").encode()
        return found[1] + b"'" + quoted + b"'" + found[2]

    def _refused(self, line: bytes) -> NotSeen:
        words = line[:60].decode(errors="replace").strip()
        return NotSeen(
            f"line {self._number} of the script is none that pg_dump writes: {words!r}; nothing "
            "of it was run",
            hint="find out who wrote it; a dump in the custom format is restored without psql",
        )


class Quotes:
    """What is quoted at the end of what was read so far.

    >>> quotes = Quotes()
    >>> for line in (b"CREATE FUNCTION f() AS $$ it's", b"$$; -- it's", b"'", b"a''b' /* x"):
    ...     quotes.read(line)
    ...     print(quotes.inside)
    b'$$'
    b''
    b"'"
    b'/*'
    """

    def __init__(self) -> None:
        """Begin outside."""
        self.inside = b""
        self._depth = 0

    def read(self, line: bytes) -> None:
        """Read on."""
        at: int | None = 0
        while at is not None:
            at = self._closed(line, at) if self.inside else self._opened(line, at)

    def _opened(self, line: bytes, at: int) -> int | None:
        found = _OPENS.search(line, at)
        if found is None or found[0] == REMARK:
            return None
        escaped = found[0].lower() == ESCAPED
        self.inside, self._depth = ESCAPED if escaped else found[0], 1
        return found.end()

    def _closed(self, line: bytes, at: int) -> int | None:
        if self.inside == COMMENT:
            return self._comment(line, at)
        if self.inside == ESCAPED:
            ends = (one for one in _ESCAPED.finditer(line, at) if one[0] == CLOSES)
            end = next((one.end() for one in ends), None)
        else:
            found = line.find(self.inside, at)
            end = None if found < 0 else found + len(self.inside)
        if end is not None:
            self.inside = b""
        return end

    def _comment(self, line: bytes, at: int) -> int | None:
        for found in _COMMENT.finditer(line, at):
            self._depth += 1 if found[0] == COMMENT else -1
            if not self._depth:
                self.inside = b""
                return found.end()
        return None


def connected(arguments: str) -> str:
    r"""Return the database that ``\connect`` with *arguments* leads to.

    >>> connected('shop'), connected('"odd ""name"')
    ('shop', 'odd "name')
    >>> connected("-reuse-previous=on \"dbname='a=b'\"")
    'a=b'

    Raises:
        psycopg.Error: It leads to another server or role, or cannot be understood.

    """
    words = list(_words(arguments))
    if words[:1] == ["-reuse-previous=on"] and len(words) == 2:
        parts = {name: value for name, value in conninfo_to_dict(words[1]).items() if value}
        if parts.keys() == {"dbname"}:
            return str(parts["dbname"])
    elif len(words) == 1 and "=" not in words[0] and "://" not in words[0]:
        return words[0]
    raise psycopg.ProgrammingError(f"not understood: {arguments}")


def _words(text: str) -> Iterator[str]:
    """Yield the arguments of a command of psql, as far as pg_dump quotes them."""
    for found in re.finditer(r'"((?:[^"]|"")*)"|(\S+)', text):
        yield found[2] if found[1] is None else found[1].replace('""', '"')
