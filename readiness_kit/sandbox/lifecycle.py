"""Start a sandbox, look at it, stop it.

::

    with running(variant="hardened") as sandbox:      # lives as long as this block or process
        load_target(sandbox.target_file)

    sandbox = up(Path("box"))                         # lives until it is told to stop
    down(sandbox.directory)
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import psutil

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.sandbox.layout import Ports, Variant
from readiness_kit.sandbox.state import State, is_held, read_state, write_state
from readiness_kit.servers.process import last_lines

STOP_DEADLINE_S = 40.0
SUPERVISOR = "readiness_kit.sandbox.supervisor"

Progress = Callable[[str], None]


class Sandbox(NamedTuple):
    """A running sandbox."""

    directory: Path
    """Its folder."""

    variant: Variant
    """Which deployment it is."""

    ports: Ports
    """TCP ports on loopback."""

    @property
    def target_file(self) -> Path:
        """The ``readiness.yaml`` that describes it."""
        return self.directory / "readiness.yaml"


class Status(NamedTuple):
    """What can be told of a sandbox from outside."""

    state: State
    """What its supervisor wrote last."""

    alive: bool
    """Whether the supervisor lives."""

    processes: dict[str, bool]
    """Whether each server lives, by name."""


def up(
    directory: Path | None = None,
    *,
    variant: Variant = "hardened",
    https_port: int | None = None,
    progress: Progress = lambda _: None,
) -> Sandbox:
    """Start a sandbox that outlives the caller, in *directory* or a new temporary folder.

    Raises:
        UsageError: *directory* is in use.
        ServerError: Something did not start.

    """
    folder = _prepare(directory)
    with _launch(folder, variant, https_port, tied=False) as launcher:  # it forks, and ends
        try:
            _await_ready(launcher.stdout, folder, progress)
        except BaseException:
            _stop(folder)
            raise
    return _found(folder)


@contextmanager
def running(
    *,
    variant: Variant = "hardened",
    directory: Path | None = None,
    https_port: int | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[Sandbox]:
    """Run a sandbox for the length of a ``with`` block.

    When the block or this process ends, by whatever cause, everything is stopped. A *directory*
    that was given stays for inspection; a temporary one is removed.

    Raises:
        UsageError: *directory* is in use.
        ServerError: Something did not start.

    """
    folder = _prepare(directory)
    try:
        with _launch(folder, variant, https_port, tied=True) as supervisor:
            try:
                _await_ready(supervisor.stdout, folder, progress)
                yield _found(folder)
            finally:
                _end(supervisor)
    finally:
        if directory is None:
            shutil.rmtree(folder, ignore_errors=True)


def status(directory: Path) -> Status:
    """Tell how the sandbox in *directory* is.

    Raises:
        UsageError: There is none.

    """
    state = read_state(directory)
    alive = is_held(directory)
    return Status(state, alive, {name: _lives(pid) for name, pid in state.processes.items()})


def down(directory: Path, *, keep: bool = False) -> None:
    """Stop the sandbox in *directory*, and remove the folder unless *keep*.

    Raises:
        UsageError: There is none.
        ServerError: It cannot be stopped.

    """
    state = read_state(directory)
    _stop(directory)
    if state.outside:
        shutil.rmtree(state.outside, ignore_errors=True)
    if not keep:
        shutil.rmtree(directory)
    elif state.phase != "failed":
        write_state(
            directory,
            msgspec.structs.replace(state, phase="stopped", processes={}, outside=None),
        )


def _prepare(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="readiness-sandbox-")).resolve()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        inside = (directory / "state.json").exists()
        raise UsageError(
            f"{directory} is not an empty folder" + (": a sandbox is there" if inside else ""),
            hint=f"`readiness sandbox down {directory}` removes it"
            if inside
            else "name a folder that does not exist yet, or leave --dir out",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be made: {error.strerror}", hint="choose another folder"
        ) from None
    return directory.resolve()


def _launch(
    folder: Path, variant: Variant, https_port: int | None, *, tied: bool
) -> subprocess.Popen[bytes]:
    port = [f"--port={https_port}"] if https_port else []
    ties = ["--tied"] if tied else []
    with (folder / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", SUPERVISOR, str(folder), f"--variant={variant}", *port, *ties],
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the owner, who then ends it in order
        )


def _await_ready(said: IO[bytes] | None, folder: Path, progress: Progress) -> None:
    """Follow what the supervisor says until it is ready.

    Raises:
        ServerError: It failed.

    """
    for line in _lines(said):
        if line.get("progress"):
            progress(line["progress"])
        if line.get("error"):
            raise ServerError(line["error"], hint=line.get("hint", ""))
        if line.get("ready"):
            return
    log = folder / "supervisor.log"
    raise ServerError(
        f"the sandbox's supervisor ended while starting\n{last_lines(log)}".rstrip(),
        hint=f"the whole log is {log}",
    )


def _lines(stream: IO[bytes] | None) -> Iterator[dict[str, str]]:
    for line in stream or ():
        yield msgspec.json.decode(line, type=dict[str, str])


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    """End *supervisor* and wait until it has stopped everything."""
    supervisor.terminate()
    try:
        supervisor.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()  # the kernel ends its children
        supervisor.wait()


def _found(folder: Path) -> Sandbox:
    state = read_state(folder)
    return Sandbox(folder, state.variant, Ports(**state.ports))


def _stop(directory: Path) -> None:
    """Stop the supervisor of *directory* if one lives, and all it owns.

    Raises:
        ServerError: It does not end.

    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not is_held(directory):
            return
        os.kill(read_state(directory).supervisor, number)
        deadline = time.monotonic() + STOP_DEADLINE_S
        while is_held(directory) and time.monotonic() < deadline:
            time.sleep(0.02)
    if is_held(directory):
        raise ServerError(
            f"the supervisor of {directory} does not end",
            hint=f"look at {directory}/supervisor.log",
        )


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
