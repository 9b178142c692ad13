"""What a tool costs while it loads a target: processor time, memory, and what it says."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psutil
from peers import Tool
from targets import TOOL_CORE, NotHere, Target, pinned

START_S = 60.0
_POLL_S = 0.02


class Cost(NamedTuple):
    """Of one window of a run."""

    us: float
    """Processor time per request, microseconds, of the whole process tree."""

    rps: float


@contextmanager
def running(tool: Tool) -> Iterator[psutil.Process]:
    """Run a tool until the end of the block, and end everything that it started."""
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            pinned(tool.command, TOOL_CORE),
            env={**os.environ, **tool.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield psutil.Process(process.pid)
        except NotHere as why:
            complaints.seek(0)
            raise NotHere(f"{tool.name}: {why}; {complaints.read()[-300:]}") from why
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def said(tool: Tool, seconds: float) -> str:
    """Run a tool to its end and return what it prints."""
    done = subprocess.run(
        pinned(tool.command, TOOL_CORE),
        env={**os.environ, **tool.env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds + START_S,
        check=False,
    )
    if not done.stdout and done.returncode:
        raise NotHere(f"{tool.name} failed: {done.stderr[-300:]}")
    return done.stdout


def until_served(target: Target, n: int, process: psutil.Process) -> None:
    """Wait until *n* requests were served."""
    until = time.monotonic() + START_S
    while target.served < n:
        if time.monotonic() > until or not process.is_running() or process.status() == "zombie":
            raise NotHere(f"only {target.served} of {n} requests came")
        time.sleep(_POLL_S)


def cost(tool: Tool, target: Target, *, after: int, window_s: float) -> Cost:
    """Return what a request costs *tool*, in a window that begins *after* so many requests."""
    with running(tool) as process:
        until_served(target, target.served + after, process)
        served, used, began = target.served, cpu_s(process), time.perf_counter()
        time.sleep(window_s)
        n, cpu = target.served - served, cpu_s(process) - used
        return Cost(cpu / max(n, 1) * 1e6, n / (time.perf_counter() - began))


def cpu_s(process: psutil.Process) -> float:
    """Return the processor time of a process and its children, seconds."""
    total = 0.0
    for one in family(process):
        with suppress(psutil.NoSuchProcess):
            used = one.cpu_times()
            total += used.user + used.system
    return total


def memory_mb(process: psutil.Process) -> float:
    """Return the memory of a process and its children; pages they share count once."""
    total = 0
    for one in family(process):
        with suppress(psutil.NoSuchProcess):
            total += one.memory_full_info().pss
    return total / 1e6


def family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and everything it started."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
