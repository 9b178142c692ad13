"""The manifest of a run folder: ``SHA256SUMS``, written last, which makes the run what it is.

``sha256sum -c SHA256SUMS`` checks it with stock tools; its digest is what people sign. Everything
in the folder is in it but itself and ``signoff/``, which comes later.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from readiness_kit.errors import IntegrityError, RunFolderError
from readiness_kit.evidence import atomic

NAME = "SHA256SUMS"
SIGNOFF = "signoff"
"""The folder outside the manifest."""

SAFE = re.compile(r"(?!-)[A-Za-z0-9._+@=-]{1,200}")
"""A part of a path: nothing that a shell, an archiver or another system reads otherwise."""

LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 100_000
MAX_TOTAL = 4 * 1024**3
"""Bytes of a run at most: a sparse file could hold a verifier up for ever."""
MAX_DEPTH = 16
NAMED = 8
"""How many differences an error names."""


@dataclass(frozen=True)
class Manifest:
    """A manifest that its folder agreed with."""

    folder: Path
    sha256: str
    """Digest of the manifest itself: what people sign."""
    digests: dict[str, str]
    """File name, relative to the folder, to digest."""

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Return the content of the file *name*, which must still be the one in the manifest.

        Raises:
            IntegrityError: Not in the manifest, or changed since it was checked.

        """
        if name not in self.digests:
            raise IntegrityError(f"{name} is not in the manifest", hint="the run is not complete")
        data = atomic.read(self.folder / name, max_bytes=max_bytes)
        if hashlib.sha256(data).hexdigest() != self.digests[name]:
            raise IntegrityError(f"{name} has changed while it was being checked")
        return data


def write(folder: Path) -> str:
    """Seal *folder*: write its manifest and return the digest of it, in hexadecimal.

    Raises:
        RunFolderError: Sealed already, or it cannot be written.
        IntegrityError: It holds links, devices or unsafe names.

    """
    if (folder / NAME).exists():
        raise RunFolderError(f"{folder} is sealed already", hint="begin a new run")
    atomic.remove_leftovers(folder)
    digests = {name: _digest(folder / name) for name in sorted(_files(folder))}
    data = _encode(digests)
    atomic.write(folder / NAME, data)
    return hashlib.sha256(data).hexdigest()


def check(folder: Path, *, partial: bool = False) -> Manifest:
    """Return the manifest of *folder*, which agrees with every file there is.

    Of a *partial* copy of a run, files may be missing.

    Raises:
        IntegrityError: No manifest, or something is missing, changed, additional or unsafe: names
            the file and the fact.

    """
    data = atomic.read(folder / NAME, max_bytes=MAX_BYTES)
    wanted = _decode(data)
    found = set(_files(folder))
    missing = () if partial else sorted(wanted.keys() - found)
    faults = [f"{name} is missing" for name in missing]
    faults += [f"{name} is additional" for name in sorted(found - wanted.keys())]
    faults += [f"{name} has changed" for name in _changed(folder, wanted, found)]
    if faults:
        more = f" and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise IntegrityError(
            f"{folder} is not what its manifest says: {'; '.join(faults[:NAMED])}{more}",
            hint="get an untouched copy of the run, or run again",
        )
    return Manifest(folder, hashlib.sha256(data).hexdigest(), wanted)


def changed(folder: Path) -> tuple[str, ...]:
    """Return the files of *folder* that are there with other bytes than its manifest says.

    Raises:
        IntegrityError: No manifest, or a name that is unsafe.

    """
    wanted = _decode(atomic.read(folder / NAME, max_bytes=MAX_BYTES))
    return tuple(_changed(folder, wanted, set(_files(folder))))


def _changed(folder: Path, wanted: dict[str, str], found: set[str]) -> Iterator[str]:
    for name in sorted(wanted.keys() & found):
        if _digest(folder / name) != wanted[name]:
            yield name


def _encode(digests: dict[str, str]) -> bytes:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def _decode(data: bytes) -> dict[str, str]:
    """Read a manifest in the only form that :func:`write` gives it."""
    digests: dict[str, str] = {}
    for line in data.decode(errors="replace").splitlines():
        match = LINE.fullmatch(line)
        if match is None:
            raise IntegrityError(f"{NAME} holds a line that is none of a manifest: {line[:120]!r}")
        demand_safe(match[2])
        digests[match[2]] = match[1]
    if not digests or _encode(digests) != data:
        raise IntegrityError(f"{NAME} is empty, not sorted, or names a file twice")
    demand_distinct(digests)
    return digests


def _files(folder: Path) -> Iterator[str]:
    """Yield every file that belongs into the manifest, relative to *folder*."""
    names: list[str] = []
    pending = [PurePosixPath()]
    total = 0
    while pending:
        inside = pending.pop()
        for entry in _entries(folder / inside):
            name = inside / entry.name
            if str(name) == NAME:
                continue
            found = entry.stat(follow_symlinks=False)
            mode = found.st_mode
            demand_safe(str(name))
            if stat.S_ISDIR(mode):
                pending += [] if str(name) == SIGNOFF else [name]
            elif stat.S_ISREG(mode):
                names.append(str(name))
                total += found.st_size
            else:
                raise IntegrityError(f"{name} is a link or a device, not a file")
        if len(names) > MAX_FILES:
            raise IntegrityError(f"{folder} holds more than {MAX_FILES} files")
        if total > MAX_TOTAL:
            raise IntegrityError(f"{folder} holds more than {MAX_TOTAL} bytes")
    demand_distinct(names)
    yield from names


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise IntegrityError(f"{folder} cannot be read: {error.strerror}") from error


def demand_safe(name: str) -> None:
    """Demand that the path *name*, relative to a run, means the same file everywhere."""
    parts = name.split("/")
    safe = all(SAFE.fullmatch(part) and part not in {".", ".."} for part in parts)
    if not safe or len(parts) > MAX_DEPTH:
        raise IntegrityError(f"{name!r} is an unsafe name for a file of a run")


def demand_distinct(names: "list[str] | dict[str, str]") -> None:
    """Demand that no two of *names* are one file where case does not count."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise IntegrityError(f"{name} and {other} differ in case alone")


def _digest(path: Path) -> str:
    with atomic.opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
