"""Changes of files: of the deployment, its papers, its backups, its servers' configuration."""

import os
import re
import time
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.changes import Change
from readiness_kit.sandbox.ground import Ground

RELOADED = {
    "servers/nginx/": "nginx",
    "deploy/tls/": "nginx",
    "servers/monitoring/": "prometheus",
    "servers/postgres/primary/": "PostgreSQL primary",
    "servers/postgres/standby_1/": "PostgreSQL standby_1",
}
"""Whose configuration lies where."""

HOUR_S = 3600.0


class Saved(msgspec.Struct, frozen=True):
    """A file as it was; its bytes lie beside this record."""

    path: str
    existed: bool
    mode: int = 0
    uid: int = 0
    gid: int = 0
    times_ns: tuple[int, int] = (0, 0)


class FileChange(Change, frozen=True, kw_only=True):
    """A change of the files that ``file`` names, relative to the sandbox's folder; ``*`` is many.

    ``pick = "last"`` takes the last of many in the order of their names.
    """

    file: str
    pick: Literal["all", "last"] = "all"

    def found(self, ground: Ground) -> list[Path]:
        """Return the files to change.

        Raises:
            UsageError: There is none.

        """
        paths = ground.paths(self.file)
        if not paths:
            raise UsageError(f"no file matches {self.file}")
        return paths[-1:] if self.pick == "last" else paths

    def save(self, ground: Ground, place: Path) -> None:
        """Copy every file with its mode, owner and times."""
        for number, path in enumerate(self.found(ground)):
            (place / f"{number}.json").write_bytes(msgspec.json.encode(_look(path)))
            if path.exists():
                (place / str(number)).write_bytes(path.read_bytes())

    def undo(self, ground: Ground, place: Path) -> None:
        """Put every file back as it was."""
        del ground
        for record in place.glob("*.json"):
            _put_back(msgspec.json.decode(record.read_bytes(), type=Saved), record.with_suffix(""))

    def reloads(self) -> frozenset[str]:
        """Return the server whose configuration this is."""
        return frozenset(who for place, who in RELOADED.items() if self.file.startswith(place))


class Edit(FileChange, frozen=True, kw_only=True, tag="edit"):
    """Replace each match of the regular expression ``find`` with ``put``; groups as in re.sub."""

    find: str
    put: str = ""

    def do(self, ground: Ground) -> None:
        """Edit; to find nothing is an error."""
        replaced = 0
        for path in self.found(ground):
            text, n = re.subn(self.find, ground.fill(self.put), _text(path), flags=re.MULTILINE)
            replaced += n
            if n:
                path.write_text(text, encoding="utf-8")
        if not replaced:
            raise UsageError(f"{self.file} has nothing that matches {self.find!r}")


class Write(FileChange, frozen=True, kw_only=True, tag="write"):
    """Replace the file, or create it, with ``text``; ``append`` adds it at the end instead."""

    text: str
    append: bool = False

    def do(self, ground: Ground) -> None:
        """Write."""
        for path in self.found(ground):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if self.append else "w", encoding="utf-8") as file:
                file.write(ground.fill(self.text))


class Remove(FileChange, frozen=True, kw_only=True, tag="remove"):
    """Remove the files."""

    def do(self, ground: Ground) -> None:
        """Remove."""
        for path in self.found(ground):
            path.unlink()


class Damage(FileChange, frozen=True, kw_only=True, tag="damage"):
    """Spoil what is in the files: keep the first ``half``, or ``flip`` a bit in the middle."""

    how: Literal["half", "empty", "flip"]

    def do(self, ground: Ground) -> None:
        """Spoil, and leave the times of the files as they were."""
        for path in self.found(ground):
            before = path.stat()
            path.write_bytes(_damaged(path.read_bytes(), self.how))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Age(FileChange, frozen=True, kw_only=True, tag="age"):
    """Make the files as old as ``hours``."""

    hours: float

    def do(self, ground: Ground) -> None:
        """Set the time of their last change."""
        then = time.time() - self.hours * HOUR_S
        for path in self.found(ground):
            os.utime(path, (then, then))


class Mode(FileChange, frozen=True, kw_only=True, tag="mode"):
    """Set the permissions of the files to ``mode``, in octal digits."""

    mode: str

    def do(self, ground: Ground) -> None:
        """Change the mode."""
        for path in self.found(ground):
            path.chmod(int(self.mode, 8))


class Set(FileChange, frozen=True, kw_only=True, tag="set"):
    """Set ``key`` (dotted; a number counts in a list) of a YAML file to ``value``, or drop it."""

    key: str
    value: bool | int | float | str | list[object] | dict[str, object] | None = None
    drop: bool = False

    def do(self, ground: Ground) -> None:
        """Set or drop the key."""
        for path in self.found(ground):
            document = yaml.safe_load(_text(path))
            self._change(document)
            path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def _change(self, document: object) -> None:
        *way, last = (int(one) if one.isdigit() else one for one in self.key.split("."))
        here = document
        for step in way:
            here = _part(here, step)
        if self.drop:
            _part(here, last)
        if isinstance(here, dict):
            here.pop(last) if self.drop else here.update({last: self.value})
        elif isinstance(here, list) and isinstance(last, int):
            here[last : last + 1] = [] if self.drop else [self.value]
        else:
            raise UsageError(f"{self.key}: nothing can be set there")


def _part(here: object, step: str | int) -> object:
    if isinstance(here, dict) and step in here:
        return here[step]
    if isinstance(here, list) and isinstance(step, int):
        return here[step]
    raise UsageError(f"no {step!r} on the way")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _damaged(content: bytes, how: Literal["half", "empty", "flip"]) -> bytes:
    middle = len(content) // 2
    if how == "flip":
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return content[:middle] if how == "half" else b""


def _look(path: Path) -> Saved:
    if not path.exists():
        return Saved(str(path), existed=False)
    seen = path.stat()
    times = (seen.st_atime_ns, seen.st_mtime_ns)
    return Saved(
        str(path), existed=True, mode=seen.st_mode, uid=seen.st_uid, gid=seen.st_gid, times_ns=times
    )


def _put_back(saved: Saved, content: Path) -> None:
    path = Path(saved.path)
    if not saved.existed:
        path.unlink(missing_ok=True)
        return
    path.write_bytes(content.read_bytes())
    path.chmod(saved.mode & 0o7777)
    if os.geteuid() == 0:
        os.chown(path, saved.uid, saved.gid)
    os.utime(path, ns=saved.times_ns)
