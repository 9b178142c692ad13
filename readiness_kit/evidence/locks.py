"""Locks between processes: kernels, a batch parent and the command line share one run folder."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

POLL_S = 0.02


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at *path*, waiting for whoever has it; it ends with its holder's death."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Held:
    """A lock held until it is released or its process dies."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        """Let go."""
        os.close(self._handle)


def take(path: Path) -> Held | None:
    """Return the lock at *path*, or ``None`` when somebody else holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return Held(handle)


def take_file(path: Path) -> Held | None:
    """Return a lock on the existing file *path* itself, or ``None`` when somebody else holds it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return Held(handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at *path*."""
    held = take(path)
    if held is None:
        return True
    held.release()
    return False


def wait_until_free(path: Path, timeout_s: float) -> bool:
    """Wait until nobody holds the lock at *path*; ``False`` when the time ran out."""
    end = time.monotonic() + timeout_s
    while is_held(path):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True
