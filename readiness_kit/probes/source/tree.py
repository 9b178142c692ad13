"""Read the source tree of the service, as git keeps it where git does."""

import codecs
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.sources import Visit

FILES_CAP = 20_000
FILE_CAP_BYTES = 5_000_000
SKIPPED = frozenset(
    {".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"}
)
"""Folders that hold no source of the service's own."""

HARMLESS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false")
"""Settings over those of a tree, which may name programs: monitors, hooks, verifiers."""

_GIT_TIMEOUT_S = 5.0
_BINARY_HEAD_BYTES = 8_000
_ZERO = b"\0"


class Tree(NamedTuple):
    """The files of one source tree."""

    root: Path

    files: tuple[Path, ...]
    """Its regular files: those git tracks or would track, or else all of them."""

    complete: bool
    """Whether these are all: no more than the cap, and everything git tracks is checked out."""

    in_git: bool
    """Whether git keeps it."""

    def name(self, file: Path) -> str:
        """Return the path of *file* inside the tree."""
        return file.relative_to(self.root).as_posix()


def source_tree(visit: Visit) -> Tree:
    """List the declared source tree.

    Raises:
        NotSeen: None is declared, or there is no file in it.

    """
    declared = visit.target.source
    if declared is None:
        raise NotSeen(
            "readiness.yaml names no source tree",
            cause="not_configured",
            hint="name the root of the service's source as source.path",
        )
    root = declared.path
    kept = git_files(root)
    found = kept if kept is not None else list(_all_files(root))
    files = [one for one in _checked_out(found) if not one.is_symlink()]
    there = [one for one in files if one.is_file()]
    if not there:
        raise NotSeen(f"{root} holds no file that can be read", hint="correct source.path")
    complete = len(there) == len(files) <= FILES_CAP
    return Tree(root, tuple(there[:FILES_CAP]), complete, kept is not None)


def _checked_out(found: list[Path]) -> Iterator[Path]:
    """Yield *found* with the files of submodules, which git lists as folders."""
    for one in found:
        below = list(_all_files(one)) if one.is_dir() and not one.is_symlink() else []
        yield from below or [one]


def git_files(root: Path) -> list[Path] | None:
    """Return the files that git tracks below *root* or would track; None where it tracks none."""
    tracked = git(root, "ls-files", "-z", "--", ".")
    if not tracked:
        return None
    others = git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", ".") or b""
    names = (os.fsdecode(one) for one in (tracked + others).split(_ZERO) if one)
    return sorted({root / name for name in names})


def git(root: Path, *arguments: str) -> bytes | None:
    """Return what git says; None when it is not there, or refuses, or takes too long."""
    try:
        done = subprocess.run(
            [*git_command(root), *arguments],
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
            env=git_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def git_command(root: Path) -> list[str]:
    """Return how git is started: nothing that the tree's own configuration names is run."""
    settings = (word for one in HARMLESS for word in ("-c", one))
    return ["git", *settings, "-C", str(root)]


def git_environment() -> dict[str, str]:
    """Return an environment in which git asks nobody, fetches nothing, and locks nothing."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    silent = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {**kept, **silent, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}


def _all_files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(set(below) - SKIPPED)
        yield from (Path(folder, name) for name in sorted(names))


def text_of(file: Path) -> str | None:
    """Return the text of *file*; nothing of a binary one, None where it cannot be read whole."""
    try:
        with file.open("rb") as stream:
            data = stream.read(FILE_CAP_BYTES + 1)
    except OSError:
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace") if len(data) <= FILE_CAP_BYTES else None
    if _ZERO in data[:_BINARY_HEAD_BYTES]:
        return ""
    return data.decode("utf-8", "replace") if len(data) <= FILE_CAP_BYTES else None
