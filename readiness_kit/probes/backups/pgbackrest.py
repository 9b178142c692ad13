"""pgBackRest, asked by its own program: what its repository holds, and whether that is whole.

It is called with the declared configuration and stanza, without a shell, without the caller's
``PGBACKREST_*``, and writes no log.
"""

import configparser
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.probes.database.tools import first_words
from readiness_kit.servers import programs
from readiness_kit.servers.process import clean_environment
from readiness_kit.sources import Visit
from readiness_kit.target import PgBackRest

T = TypeVar("T")

CONFIGURATIONS = (Path("/etc/pgbackrest/pgbackrest.conf"), Path("/etc/pgbackrest.conf"))
"""Where it looks itself."""

OUTPUT_CAP_BYTES = 64 * 2**20
"""Longest answer that is read: names of some 500,000 segments."""

_POLL_S = 0.05
_ENTRY = re.compile(r"(?:[^/]+/)*(?P<name>[^/]+)")


class Answer(NamedTuple):
    """How it ended."""

    status: int
    """Exit status."""

    output: str
    """What it answered."""

    said: str
    """What it said of errors, the first words."""


class Times(msgspec.Struct, frozen=True):
    """When a backup was made, seconds since 1970."""

    start: int
    stop: int


class Needs(msgspec.Struct, frozen=True):
    """The WAL without which it is none."""

    start: str | None = None
    stop: str | None = None


class Sizes(msgspec.Struct, frozen=True):
    """Bytes."""

    size: int
    """Of the database when it is restored."""


class Key(msgspec.Struct, frozen=True, rename={"repo": "repo-key"}):
    """Which cluster of which repository."""

    id: int
    repo: int = 1


class Kept(msgspec.Struct, frozen=True):
    """One backup."""

    label: str
    type: str
    info: Sizes
    timestamp: Times
    archive: Needs = Needs()
    database: Key = Key(1)
    error: bool | None = None
    """Whether a page did not have its checksum; ``None`` where it was not asked."""

    @property
    def full(self) -> bool:
        """Whether it needs no other."""
        return self.type == "full"


class Span(msgspec.Struct, frozen=True):
    """Archived WAL of one cluster."""

    id: str
    database: Key = Key(1)
    min: str | None = None
    max: str | None = None


class Status(msgspec.Struct, frozen=True):
    """Whether all is well."""

    code: int
    message: str = ""


class Repository(msgspec.Struct, frozen=True):
    """One repository."""

    key: int
    cipher: str = "none"
    status: Status = Status(0)


class Stanza(msgspec.Struct, frozen=True):
    """What ``info`` says of a stanza."""

    name: str
    status: Status
    backup: tuple[Kept, ...] = ()
    archive: tuple[Span, ...] = ()
    repo: tuple[Repository, ...] = ()


class Listed(msgspec.Struct, frozen=True):
    """One entry of ``repo-ls``."""

    type: str
    size: int = 0


class Stored(NamedTuple):
    """One file of archived WAL."""

    path: str
    """In the repository, below ``archive/STANZA``."""

    name: str
    size_bytes: int


class Tool:
    """pgBackRest with the declared stanza."""

    def __init__(self, visit: Visit, declared: PgBackRest) -> None:
        """Find the program.

        Raises:
            NotSeen: It is not installed.

        """
        found = programs.on_path("pgbackrest")
        if found is None:
            raise NotSeen(
                "pgbackrest is not installed on this machine",
                hint="install the package pgbackrest where the kit runs, of the version that "
                "makes the backups",
            )
        self._visit = visit
        self._program = found
        self.declared = declared

    @property
    def by_hand(self) -> str:
        """The command that asks it, as typed, up to its verb."""
        return " ".join(["pgbackrest", *self._options()])

    def run(self, verb: str, *arguments: str | Path) -> Answer:
        """Run it until it ends, or the visit does.

        Raises:
            NotSeen: It cannot be run, or did not end in time.

        """
        quiet = ("--log-level-file=off", "--log-level-console=off", "--log-level-stderr=warn")
        command = [self._program, *self._options(), *quiet, "--no-log-timestamp", verb, *arguments]
        place = Path(tempfile.gettempdir())
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
            try:
                child = subprocess.Popen(
                    command,
                    cwd=place,
                    env=clean_environment(place),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=said,
                )
            except OSError as error:
                raise NotSeen(f"pgbackrest cannot be run: {error.strerror}") from error
            try:
                while child.poll() is None:
                    _ = self._visit.remaining_s
                    time.sleep(_POLL_S)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            output.seek(0)
            said.seek(0)
            words = first_words(said.read(16_384).decode(errors="replace"))
            text = output.read(OUTPUT_CAP_BYTES).decode(errors="replace")
            return Answer(child.returncode, text, words)

    def info(self) -> Stanza:
        """Return what it knows of the stanza.

        Raises:
            NotSeen: There is no such stanza, or it cannot be asked.

        """
        stanzas = self._asked(tuple[Stanza, ...], "info", "--output=json")
        found = next((one for one in stanzas if one.name == self.declared.stanza), None)
        if found is None or (found.status.code and not found.backup):
            raise NotSeen(
                f"pgbackrest info of {self.declared.stanza}: "
                f"{found.status.message if found else 'no such stanza'}",
                hint="check backups.pgbackrest, and that the kit's user may read the repository",
            )
        return found

    def newest(self) -> Kept:
        """Return the newest backup without errors, else the newest.

        Raises:
            NotSeen: There is none.

        """
        kept = self.info().backup
        newest = max(kept, key=lambda one: (not one.error, one.timestamp.stop), default=None)
        if newest is None:
            raise NotSeen(f"the stanza {self.declared.stanza} has no backup")
        return newest

    def archived(self) -> tuple[Stored, ...]:
        """Return the files of archived WAL of the cluster that was backed up last.

        Raises:
            NotSeen: They cannot be listed.

        """
        stanza = self.info()
        spans = sorted(stanza.archive, key=lambda one: one.database.id)
        if not spans:
            return ()
        place = f"archive/{self.declared.stanza}/{spans[-1].id}"
        listed = self._asked(dict[str, Listed], "repo-ls", "--recurse", "--output=json", place)
        files = ((path, one) for path, one in listed.items() if one.type == "file")
        return tuple(
            Stored(f"{place}/{path}", found["name"], one.size)
            for path, one in files
            if (found := _ENTRY.fullmatch(path))
        )

    def text(self, path: str) -> str:
        """Return a small file of the repository."""
        return self.run("repo-get", path).output

    def settings(self) -> dict[str, str]:
        """Return the options of the configuration that are read here, those of the stanza first.

        Raises:
            NotSeen: It cannot be read.

        """
        named = self.declared.config
        places = (named,) if named else CONFIGURATIONS
        file = next((one for one in places if one.is_file()), places[0])
        parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
        try:
            parser.read_string(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise NotSeen(f"{file} cannot be read: {type(error).__name__}") from error
        found: dict[str, str] = {}
        for section in ("global", self.declared.stanza):
            if parser.has_section(section):
                found.update(parser.items(section))
        return found

    def _options(self) -> Iterator[str]:
        if self.declared.config is not None:
            yield f"--config={self.declared.config.absolute()}"
        yield f"--stanza={self.declared.stanza}"
        if self.declared.repo is not None:
            yield f"--repo={self.declared.repo}"

    def _asked(self, kind: type[T], verb: str, *arguments: str) -> T:
        answer = self.run(verb, *arguments)
        try:
            if not answer.status:
                return msgspec.json.decode(answer.output, type=kind)
            reason = answer.said
        except msgspec.MsgspecError as error:
            reason = str(error)
        raise NotSeen(
            f"pgbackrest {verb} does not answer: {reason or f'status {answer.status}'}",
            hint="give the kit's user access to the configuration and the repository; "
            "pgBackRest 2.45 or newer is needed",
        )
