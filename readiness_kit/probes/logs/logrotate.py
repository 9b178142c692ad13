"""Reads the configuration of logrotate, as far as it bounds sizes (logrotate.conf(5))."""

import fnmatch
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen

UNITS = {"": 1, "k": 1024, "M": 1024**2, "G": 1024**3}
SIZE_CAP_BYTES = 1_000_000
_SCRIPTS = frozenset({"postrotate", "prerotate", "firstaction", "lastaction", "preremove"})
_DEFAULTS = {"rotate": "0"}


class Rule(NamedTuple):
    """What one block says of the files it names."""

    patterns: tuple[str, ...]
    options: Mapping[str, str]
    """Option to value, those that hold for all files included."""

    def covers(self, file: Path) -> bool:
        """Tell whether *file* is one of those it names."""
        return any(fnmatch.fnmatchcase(str(file), one) for one in self.patterns)

    @property
    def bound_bytes(self) -> int | None:
        """Most that a file and its rotated ones take; None where only time makes it rotate."""
        size = _bytes(self.options.get("maxsize", self.options.get("size", "")))
        kept = self.options.get("rotate", "0")
        return size * (int(kept) + 1) if size is not None and kept.isdecimal() else None

    def __str__(self) -> str:
        """Show the options that matter."""
        shown = ("size", "maxsize", "rotate", "hourly", "daily", "weekly", "monthly")
        return ", ".join(
            f"{one} {self.options[one]}".strip() for one in shown if one in self.options
        )


def rules(file: Path) -> Iterator[Rule]:
    """Yield the rules in *file*.

    Raises:
        NotSeen: It cannot be read, or a block of it does not end.

    """
    try:
        with file.open("rb") as stream:
            text = stream.read(SIZE_CAP_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct logs.logrotate"
        ) from error
    yield from parse(text, file.name)


def parse(text: str, name: str = "logrotate.conf") -> Iterator[Rule]:
    r"""Yield the rules in *text*.

    >>> [rule] = parse("rotate 4\n/var/log/a.log {\n  maxsize 10M\n}")
    >>> rule.bound_bytes, rule.covers(Path("/var/log/a.log"))
    (52428800, True)
    """
    shared: dict[str, str] = dict(_DEFAULTS)
    inside: dict[str, str] | None = None
    patterns: list[str] = []
    script = False
    for line in (raw.split("#")[0].strip() for raw in text.splitlines()):
        if script:
            script = line != "endscript"
        elif not line:
            continue
        elif line == "}" and inside is not None:
            yield Rule(tuple(patterns), {**shared, **inside})
            inside, patterns = None, []
        elif inside is None and (line.endswith("{") or line.startswith(("/", '"', "'"))):
            patterns += _words(line.removesuffix("{"))
            inside = {} if line.endswith("{") else None
        elif line in _SCRIPTS:
            script = True
        else:
            option, _, value = re.sub(r"[=\s]+", " ", line).partition(" ")
            (shared if inside is None else inside)[option] = value
    if inside is not None or script:
        raise NotSeen(f"{name}: a block does not end", hint="try logrotate --debug")


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _bytes(text: str) -> int | None:
    found = re.fullmatch(r"(\d+)([kMG]?)", text)
    return int(found[1]) * UNITS[found[2]] if found else None
