"""What is known of a sandbox from outside: its state file, and whether its supervisor lives."""

import fcntl
import os
from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.sandbox.layout import Variant

Phase = Literal["starting", "ready", "failed", "stopped"]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """``DIR/state.json``, written by the supervisor alone."""

    phase: Phase
    """How far it has come."""

    variant: Variant
    """Which deployment it is."""

    supervisor: int
    """Process id of the supervisor."""

    ports: dict[str, int] = {}
    """Ports by service."""

    processes: dict[str, int] = {}
    """Process id of each server by name."""

    outside: str | None = None
    """Folder outside DIR that belongs to this sandbox, if there is one."""

    obeyed: str = ""
    """Serial of the last orders that were carried out, or tried."""

    message: str = ""
    """Why it, or the last orders, failed."""

    hint: str = ""
    """What to do about that."""


def write_state(directory: Path, state: State) -> None:
    """Replace the state file of *directory*."""
    path = directory / "state.json"
    beside = path.with_suffix(".partial")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    beside.replace(path)


def read_state(directory: Path) -> State:
    """Return the state of the sandbox in *directory*.

    Raises:
        UsageError: There is no sandbox.

    """
    try:
        return msgspec.json.decode((directory / "state.json").read_bytes(), type=State)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(
            f"{directory} holds no sandbox: {error}",
            hint="name the folder that `readiness sandbox up` printed the readiness.yaml of",
        ) from None


def hold(directory: Path) -> None:
    """Hold the sandbox of *directory* until this process ends, however it ends.

    Raises:
        ServerError: Another supervisor holds it.

    """
    if not _lock(_open_lock(directory)):  # never closed: the kernel does, at the very end
        raise ServerError(
            f"another supervisor runs the sandbox in {directory}",
            hint=f"stop it with `readiness sandbox down {directory}`",
        )


def is_held(directory: Path) -> bool:
    """Tell whether a supervisor lives for *directory*."""
    if not (directory / ".lock").exists():
        return False
    descriptor = _open_lock(directory)
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _open_lock(directory: Path) -> int:
    return os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
