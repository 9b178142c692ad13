"""Files that are written whole or not at all, and read without surprises."""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from readiness_kit.errors import IntegrityError, RunFolderError

LEFTOVER = ".unfinished-"
"""How the name of a temporary file begins; what a crash leaves behind is never evidence."""


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write *data* to *path*: readers see the old file or the whole new one, also after a crash.

    Raises:
        RunFolderError: The disk is full or broken; nothing half-written is left.

    """
    unfinished = path.with_name(f"{LEFTOVER}{secrets.token_hex(8)}")
    try:
        with _removed_on_failure(unfinished):
            _write_synced(unfinished, data, mode)
            unfinished.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="free some space or name another folder; nothing half-written was left",
        ) from error


def append(path: Path, data: bytes) -> None:
    """Append *data* to *path* and sync it; what the disk takes only in part is taken back.

    Raises:
        RunFolderError: The disk is full or broken; the file is as it was.

    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = os.fstat(handle).st_size
            try:
                _append_synced(handle, data)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="free some space or name another folder; nothing half-written was left",
        ) from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Give the regular file *path* to read, never following a link at its end, nor waiting.

    Raises:
        IntegrityError: Missing, unreadable, a link or device.

    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is missing") from error
    except OSError as error:
        raise IntegrityError(f"{path} is no readable file: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise IntegrityError(f"{path} is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def read(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of the regular file *path*.

    Raises:
        IntegrityError: As :func:`opened`, or more than *max_bytes* long.

    """
    with opened(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise IntegrityError(f"{path} is longer than {max_bytes} bytes")
    return data


def make_folder(path: Path) -> None:
    """Make the folder *path*, for its owner alone, unless it is there.

    Raises:
        RunFolderError: The disk is full or broken.

    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be made: {error.strerror}",
            hint="free some space or name another folder",
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what interrupted writes left anywhere in *folder*."""
    for leftover in folder.rglob(f"{LEFTOVER}*"):
        leftover.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


def _append_synced(handle: int, data: bytes) -> None:
    if os.write(handle, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(handle)


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _sync_directory(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
