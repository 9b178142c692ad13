"""The parent: starts the child, reads its samples, and never leaves it behind.

Works in a notebook kernel, under papermill and in a plain thread: nothing here imports Locust.
"""

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

import msgspec

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import Second
from readiness_kit.harness.plan import Ended, Message, Order, Plan, Ready, Refused, Tick

START_S = 60.0
"""Longest wait for the child to import Locust and connect its users."""

SILENCE_S = 15.0
"""Longest wait for one line once the schedule runs; there should be one a second."""

_STOP_S = 4.0
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class LoadOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run said: its last message and the seconds before it."""

    plan: Plan
    ended: Ended
    series: tuple[Second, ...]


class Drive:
    """One run of the child. Iterate over its seconds inside ``with``, then ask for the outcome.

    Leaving ``with`` ends the child, however one leaves. Enter and leave in the same thread: Linux
    ends the child together with the thread that started it.
    """

    def __init__(self, plan: Plan, tokens: Sequence[str] = ()) -> None:
        """Prepare to play *plan* with users that draw from *tokens*."""
        self.plan = plan
        self._order = Order(plan=plan, tokens=tuple(tokens))
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._seconds: list[Second] = []
        self._ended: Ended | None = None

    def __enter__(self) -> Self:
        """Start the child."""
        self._stderr = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "readiness_kit.harness", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
        )
        self._reader = threading.Thread(target=self._read, name="load-samples", daemon=True)
        self._reader.start()
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(msgspec.json.encode(self._order) + b"\n")
            self._child.stdin.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child: close its input, then insist."""
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join()
        assert self._child.stdout is not None  # noqa: S101 - it is a pipe
        self._child.stdout.close()
        self._stderr.close()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def __iter__(self) -> Iterator[Second]:
        """Yield every second as it ends.

        Raises:
            NotSeen: The target does not answer, or the child died or fell silent.
            UsageError: The scenario cannot be used.

        """
        wait_s = START_S
        while self._ended is None:
            match self._next(wait_s):
                case Ready():
                    wait_s = SILENCE_S
                case Tick(second=second):
                    self._seconds.append(second)
                    yield second
                case Ended() as ended:
                    self._ended = ended
                case Refused(cause="scenario", message=message):
                    raise UsageError(message, hint="correct load.scenario in readiness.yaml")
                case Refused(message=message):
                    raise NotSeen(message, hint="check that the target is up and reachable")

    def outcome(self) -> LoadOutcome:
        """Return what the run saw, reading to its end first."""
        for _ in self:
            pass
        assert self._ended is not None  # noqa: S101 - or iterating would have raised
        return LoadOutcome(plan=self.plan, ended=self._ended, series=tuple(self._seconds))

    def _next(self, wait_s: float) -> Message:
        try:
            line = self._lines.get(timeout=wait_s)
        except queue.Empty:
            line = b""
        if line:
            return _DECODER.decode(line)
        raise NotSeen(
            f"the load generator said nothing more: {self._last_words()}",
            cause="generator_invalid",
            hint="free some processor time and memory on this host, then run again",
        )

    def _read(self) -> None:
        assert self._child.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _last_words(self) -> str:
        status = self._child.poll()
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - 2000))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        state = "it is silent" if status is None else f"exit status {status}"
        return f"{state}; {lines[-1]}" if lines else state


def drive(
    plan: Plan,
    tokens: Sequence[str] = (),
    *,
    on_second: Callable[[Second], None] | None = None,
    deadline_s: float | None = None,
) -> LoadOutcome:
    """Play *plan* to its end and return what it saw, calling *on_second* as each second ends.

    Raises:
        NotSeen: The target does not answer, the child died, or *deadline_s* passed.
        UsageError: The scenario cannot be used.

    """
    until = time.monotonic() + deadline_s if deadline_s is not None else None
    with Drive(plan, tokens) as run:
        for second in run:
            if on_second is not None:
                on_second(second)
            if until is not None and time.monotonic() > until:
                raise NotSeen(f"the load run took longer than {deadline_s:g} s")
        return run.outcome()


def _environment() -> dict[str, str]:
    """Return this process's environment without what would change how Locust or gevent behave."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LOCUST_", "GEVENT_")) and not name.lower().endswith("_proxy")
    }
