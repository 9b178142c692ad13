"""Generators, here or on other hosts: started, heard, spoken to, and never left behind."""

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from readiness_kit.harness.plan import Command, Cut, Message, Order, Plan, Renew, Start, Stop
from readiness_kit.harness.wire import Host, Relayed, digest_of
from readiness_kit.target import Distributed

START_S = 90.0
"""Longest wait for a generator to import Locust and connect its users."""

_STOP_S = 4.0
_LEAD_S = 0.15
_FAR_LEAD_S = 1.0
_LEAD_PER_USER_S = 1e-4  # each takes its first instant before the start
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)

Heard = tuple[int, Message | None]
"""Which worker said what; None is the end of what it says."""


class Generators(Protocol):
    """The workers of a run, wherever they are."""

    start_s: float
    """Longest wait until all are ready."""

    def start(self) -> float:
        """Tell all to begin; return when, on this host's monotonic clock."""

    def tell(self, command: Cut | Renew | Stop) -> None:
        """Tell all."""

    def hear(self, wait_s: float) -> Heard | None:
        """Return what one of them says next; None after *wait_s* seconds of silence."""

    def last_words(self, worker: int) -> str:
        """Return why a worker may have ended."""

    def close(self) -> None:
        """End them all, however they are."""


class Child:
    """One process that runs a module of this package, given an order."""

    def __init__(self, module: str, order: bytes) -> None:
        """Start it."""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "readiness_kit.harness", module, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
        )
        self.tell(order)

    def tell(self, line: bytes) -> None:
        """Write one line; a process that is gone hears nothing."""
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def listen(self, take: Callable[[bytes], object]) -> None:
        """Give every line it writes to *take*, from a thread, and an empty line at the end."""
        self._reader = threading.Thread(target=self._read, args=(take,), daemon=True)
        self._reader.start()

    def last_words(self) -> str:
        """Return its exit status and the last line of its standard error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - 2000))
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        status = self.process.poll()
        state = "it is silent" if status is None else f"exit status {status}"
        return f"{state}; {lines[-1]}" if lines else state

    def hang_up(self) -> None:
        """Close its input, which ends it."""
        assert self.process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self) -> None:
        """Wait for its end, then insist."""
        self.hang_up()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        self.process.stdout.close()
        self._stderr.close()

    def _read(self, take: Callable[[bytes], object]) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self.process.stdout:
            take(line)
        take(b"")


class Local:
    """Generators on this host: they share its clock."""

    start_s = START_S

    def __init__(self, plan: Plan, tokens: Sequence[str]) -> None:
        """Start one process for each worker of *plan*."""
        self._heard: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        self.children: list[Child] = []
        self._take_s = plan.users * _LEAD_PER_USER_S
        for worker in range(plan.workers):
            order = Order(plan=plan, worker=worker, tokens=tuple(tokens))
            child = Child("runner", msgspec.json.encode(order))
            child.listen(partial(self._take, worker))
            self.children.append(child)

    def start(self) -> float:
        """Tell all to begin at one instant."""
        at = time.perf_counter() + _LEAD_S + self._take_s
        self._tell(Start(at=at))
        return at

    def tell(self, command: Cut | Renew | Stop) -> None:
        """Tell all."""
        self._tell(command)

    def hear(self, wait_s: float) -> Heard | None:
        """Return what one of them says next; None after *wait_s* seconds of silence."""
        try:
            worker, line = self._heard.get(timeout=wait_s)
        except queue.Empty:
            return None
        return worker, _DECODER.decode(line) if line else None

    def last_words(self, worker: int) -> str:
        """Return why a worker may have ended."""
        return self.children[worker].last_words()

    def close(self) -> None:
        """End them all."""
        for child in self.children:
            child.hang_up()
        for child in self.children:
            child.end()

    def _take(self, worker: int, line: bytes) -> None:
        self._heard.put((worker, line))

    def _tell(self, command: Command) -> None:
        line = msgspec.json.encode(command)
        for child in self.children:
            child.tell(line)


class Remote:
    """Generators on other hosts, behind a master in a process of its own."""

    def __init__(self, far: Distributed, plan: Plan, tokens: Sequence[str]) -> None:
        """Start the master; tokens never travel, so each worker has its own."""
        del tokens
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        scenario = Path(plan.scenario).read_bytes() if plan.scenario else b""
        host = Host(
            plan=msgspec.structs.replace(plan, scenario=None, ca=None),
            scenario_sha256=digest_of(scenario) if scenario else "",
            bind=far.bind,
            port=far.port,
            join_s=far.join_s,
            secret=far.secret.reveal(),
        )
        self.start_s = far.join_s + START_S
        self._take_s = plan.users * _LEAD_PER_USER_S
        self.master = Child("master", msgspec.json.encode(host))
        self.master.listen(self._heard.put)

    def start(self) -> float:
        """Tell all to begin at one instant; the master knows by how much their clocks differ."""
        at = time.perf_counter() + _FAR_LEAD_S + self._take_s
        self.master.tell(msgspec.json.encode(Start(at=at)))
        return at

    def tell(self, command: Cut | Renew | Stop) -> None:
        """Tell all."""
        self.master.tell(msgspec.json.encode(command))

    def hear(self, wait_s: float) -> Heard | None:
        """Return what one of them says next; None after *wait_s* seconds of silence."""
        try:
            line = self._heard.get(timeout=wait_s)
        except queue.Empty:
            return None
        if not line:
            return 0, None
        relayed = msgspec.json.decode(line, type=Relayed)
        return relayed.worker, relayed.message

    def last_words(self, worker: int) -> str:
        """Return why a worker may have ended: all that is known here is the master's fate."""
        return f"worker {worker}; master: {self.master.last_words()}"

    def close(self) -> None:
        """End the master; its workers notice within five seconds."""
        self.master.end()


def generators_for(far: Distributed | None) -> Callable[[Plan, Sequence[str]], Generators]:
    """Return what starts the generators: on this host, or on others."""
    return Local if far is None else partial(Remote, far)


def _environment() -> dict[str, str]:
    """Return this process's environment without what would change how Locust or gevent behave."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LOCUST_", "GEVENT_")) and not name.lower().endswith("_proxy")
    }
