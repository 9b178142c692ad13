"""A sealed run as one archive, for people who sign on other machines.

A plain ``ustar`` archive in the only form this module gives it: the same run has the same bytes,
and an archive in any other form is refused before anything is written. It holds the run under its
id, and ``verify.sh``, a convenience only, since an archive may lie about its own verifier.
"""

import contextlib
import tarfile
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from readiness_kit.errors import IntegrityError, RunFolderError, UsageError
from readiness_kit.evidence import atomic, manifest
from readiness_kit.signoff.sealed import SealedRun

VERIFIER = "verify.sh"
MAX_FILES = 100_000
MAX_BYTES = 4 * 1024**3
"""Largest archive that is read; what it unpacks to is smaller still."""
BLOCK = tarfile.BLOCKSIZE
KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
}


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    offset: int
    """Of its content, in bytes."""
    size: int


def write(folder: Path, archive: Path) -> Path:
    """Write the sealed run in *folder*, with the signatures it has, to the file *archive*.

    Raises:
        IntegrityError: The run is not what its manifest says, or a path in it is too long.
        RunFolderError: The archive is there already or cannot be written.

    """
    run = SealedRun.open(folder)
    names = [manifest.NAME, *run.manifest.digests, *_signatures(folder)]
    files = {f"{run.results.run_id}/{name}": folder / name for name in sorted(names)}
    if archive.exists():
        raise RunFolderError(f"{archive} exists already", hint="name a new file")
    unfinished = archive.with_name(f"{atomic.LEFTOVER}{archive.name}")
    try:
        with unfinished.open("wb") as out:
            script = resources.files("readiness_kit.signoff").joinpath(VERIFIER).read_bytes()
            out.write(_header(VERIFIER, len(script)) + script + _padding(len(script)))
            for name, path in sorted(files.items()):
                _append(out, name, path)
            out.write(_end(out.tell()))
        unfinished.replace(archive)
    except OSError as error:
        raise RunFolderError(f"{archive} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return archive


@contextlib.contextmanager
def opened(run: Path) -> Iterator[Path]:
    """Give the folder of *run*: itself, or that of an archive unpacked for as long as it is used.

    Raises:
        IntegrityError: An archive that is not in the form that :func:`write` gives it.
        UsageError: Neither a folder nor a file.

    """
    if run.is_dir():
        yield run
        return
    if not run.is_file():
        raise UsageError(f"{run} is neither a run folder nor a bundle")
    with tempfile.TemporaryDirectory(prefix="readiness-") as place:
        yield unpack(run, Path(place))


def unpack(archive: Path, place: Path) -> Path:
    """Unpack *archive* into the empty folder *place* and return the run folder in it.

    Every member is checked before the first byte is written.

    Raises:
        IntegrityError: Not an archive of ours: says which member and why.

    """
    with _reading(archive), archive.open("rb") as source:
        members = list(_members(source))
        top = _top(members)
        for member in members:
            path = place / member.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source.seek(member.offset)
            with path.open("xb") as out:
                _copy(source, out, member.size)
            path.chmod(0o600)
    return place / top


def _signatures(folder: Path) -> Iterator[str]:
    """Yield what lies beside the manifest, which nothing vouches for but itself."""
    place = folder / manifest.SIGNOFF
    for path in sorted(place.iterdir()) if place.is_dir() and not place.is_symlink() else ():
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            manifest.demand_safe(path.name)
            yield f"{manifest.SIGNOFF}/{path.name}"


def _append(out: IO[bytes], name: str, path: Path) -> None:
    with path.open("rb") as source:
        size = source.seek(0, 2)
        source.seek(0)
        out.write(_header(name, size))
        _copy(source, out, size)
        out.write(_padding(size))


def _copy(source: IO[bytes], out: IO[bytes], size: int) -> None:
    left = size
    while left:
        part = source.read(min(left, 1 << 20))
        if not part:
            raise IntegrityError("a file became shorter while it was being read")
        out.write(part)
        left -= len(part)


def _header(name: str, size: int) -> bytes:
    """Return the only header that a file of this name and size can have."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except ValueError as error:
        raise IntegrityError(f"{name} does not fit into an archive: {error}") from error


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _end(size: int) -> bytes:
    """Return the two empty blocks and the filling that end an archive of *size* bytes so far."""
    return bytes(2 * BLOCK + -(size + 2 * BLOCK) % tarfile.RECORDSIZE)


def _members(source: IO[bytes]) -> Iterator[Member]:
    """Yield the files of an archive, in order, and demand that it ends where they do."""
    total, at = source.seek(0, 2), 0
    if total > MAX_BYTES:
        raise IntegrityError(f"it is longer than {MAX_BYTES} bytes")
    for _ in range(MAX_FILES + 1):
        source.seek(at)
        block = source.read(BLOCK)
        if block == bytes(BLOCK):
            source.seek(at)
            if source.read(tarfile.RECORDSIZE + 2 * BLOCK) != _end(at):
                raise IntegrityError("something follows its end, or the end is cut short")
            return
        name, size = _read_header(block)
        if size > total - at:
            raise IntegrityError(f"{name} is cut short")
        yield Member(name, at + BLOCK, size)
        source.seek(at + BLOCK + size)
        if source.read(-size % BLOCK) != _padding(size):
            raise IntegrityError(f"something hides behind {name}")
        at += BLOCK + size + -size % BLOCK
    raise IntegrityError(f"it holds more than {MAX_FILES} files")


def _read_header(block: bytes) -> tuple[str, int]:
    info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    if info.type in KINDS:
        raise IntegrityError(f"{info.name[:200]!r} is {KINDS[info.type]}, not a file")
    manifest.demand_safe(info.name)
    if info.size < 0 or _header(info.name, info.size) != block:
        raise IntegrityError(f"{info.name} is not stored as a plain file is")
    return info.name, info.size


def _top(members: list[Member]) -> str:
    """Return the run's folder: the only thing beside the verifier."""
    names = [member.name for member in members]
    if len(set(names)) != len(names) or names[:1] != [VERIFIER] or names[1:] != sorted(names[1:]):
        raise IntegrityError("a file is stored twice, or the files are not in order")
    parents = {str(one) for name in names for one in PurePosixPath(name).parents}
    if parents & set(names):
        raise IntegrityError("a file is stored as a folder as well")
    manifest.demand_distinct([*names, *sorted(parents)])
    tops = {name.split("/")[0] for name in names[1:]}
    if len(tops) != 1 or any("/" not in name for name in names[1:]):
        raise IntegrityError("it does not hold one run")
    return tops.pop()


@contextlib.contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise IntegrityError(
            f"{archive} is no bundle: {error.message}",
            hint="`readiness bundle` writes one; or unpack it yourself and name the folder",
        ) from error
    except (OSError, tarfile.TarError, UnicodeError) as error:
        raise IntegrityError(f"{archive} is no bundle: {error}") from error
