"""Child processes that never outlive their owner."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from readiness_kit.errors import ServerError
from readiness_kit.servers.account import Account

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when the thread that started it ends."""

POLL_S = 0.02
LOG_LINES_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a server is started and stopped."""

    name: str
    """What messages call it."""

    argv: Sequence[str | Path]
    """Program and arguments; no shell."""

    log: Path
    """Where its standard output and error go."""

    directory: Path
    """Its working directory, and its HOME."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables on top of :func:`clean_environment`."""

    account: Account | None = None
    """Account to run as; None means the caller's own."""

    stop_signal: signal.Signals = signal.SIGTERM
    """Asks it to stop."""

    death_signal: signal.Signals = signal.SIGTERM
    """Sent by the kernel when its owner dies, however that happens."""


class Process:
    """A running server; may be started again after it was stopped.

    Start it from a thread that lives as long as the server: the kernel sends the death signal
    when the *thread* that started it ends.
    """

    def __init__(self, command: Command) -> None:
        """Keep *command*; nothing is started yet."""
        self.command = command
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id.

        Raises:
            ServerError: Not started.

        """
        if self._child is None:
            raise ServerError(f"{self.command.name} was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> Self:
        """Start the program and return at once.

        Raises:
            ServerError: It cannot be executed.

        """
        command = self.command
        with command.log.open("ab") as log:
            self._child = spawn(
                command.argv,
                name=command.name,
                directory=command.directory,
                environment=command.environment,
                account=command.account,
                death_signal=command.death_signal,
                output=log.fileno(),
            )
        return self

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
        """Return when *ready* answers True.

        Raises:
            ServerError: The program ended, or was not ready in time; shows the end of its log.

        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise self._failure("ended while starting")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {timeout_s:g} s")
            time.sleep(POLL_S)

    def send(self, number: signal.Signals) -> None:
        """Send *number* to the program if it still runs."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def stop(self, number: signal.Signals | None = None, *, timeout_s: float = 10.0) -> None:
        """Ask the program to stop, then insist; return when it is gone."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        child.send_signal(number or self.command.stop_signal)
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def __enter__(self) -> Self:
        """Start it if it does not run."""
        return self if self.running else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    def _failure(self, what: str) -> ServerError:
        status = "" if self._child is None or self.running else f" (status {self._child.poll()})"
        return ServerError(
            f"{self.command.name} {what}{status}\n{last_lines(self.command.log)}".rstrip(),
            hint=f"the whole log is {self.command.log}",
        )


def spawn(
    argv: Sequence[str | Path],
    *,
    name: str,
    directory: Path,
    environment: Mapping[str, str],
    account: Account | None,
    death_signal: signal.Signals,
    output: int,
) -> subprocess.Popen[bytes]:
    """Start *argv* in a process group of its own, tied to the life of the calling thread.

    Raises:
        ServerError: The program cannot be executed.

    """
    try:
        return subprocess.Popen(
            argv,
            cwd=directory,
            env={**clean_environment(directory), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
            umask=0o077,
            process_group=0,
            # It only calls prctl and getppid, which are safe after a fork.
            preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509
        )
    except OSError as error:
        raise ServerError(
            f"{name} cannot be started: {error}",
            hint=f"try it by hand: {argv[0]} --version",
        ) from error


def clean_environment(home: Path) -> dict[str, str]:
    """Return the little a server needs: nothing of the caller's PG*, proxies or secrets."""
    return {"HOME": str(home), "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}


def last_lines(log: Path, count: int = LOG_LINES_SHOWN) -> str:
    """Return the last *count* lines of *log*, indented, or nothing when there are none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:300]}" for line in lines[-count:])


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child calls before it becomes the program (``preexec_fn``)."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def apply() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return apply
