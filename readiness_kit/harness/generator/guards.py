"""What tells whether the generator itself was the bottleneck.

Requests that waited for their instant show how late they left. Where every user is busy nobody
waits, so a pulse shows how late the event loop itself is; and a processor that is used up makes
every answer look late.
"""

import resource
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import gevent

from readiness_kit.statistics.histogram import Recorder

BUSY_S = 5
"""Seconds over which the share of the processor is taken."""

_SCHEDSTAT = Path("/proc/self/schedstat")

BEAT_S = 0.02
"""How often the event loop's own lateness is looked at."""


class Pulse:
    """Beats every 20 ms and tells how late the event loop is."""

    def __init__(self, at: float, tell: Callable[[float], None]) -> None:
        """Beat from *at*, on the clock of ``perf_counter``, and call *tell* with seconds."""
        self._due = at
        self._tell = tell

    def beat(self) -> None:
        """Wait for the next beat. One that was missed altogether was late, too."""
        gevent.sleep(max(0.0, self._due - perf_counter()))
        now = perf_counter()
        while self._due <= now:
            self._tell(now - self._due)
            self._due += BEAT_S


class Processor:
    """How much of a processor this process uses, or would if others left it one."""

    def __init__(self) -> None:
        """Start the clock."""
        self._began_s = process_time()
        self._seen = deque([(perf_counter(), self._wanted_s())], BUSY_S + 1)
        self.busiest = 0.0
        """Greatest share of the time, over five seconds, in which it ran or waited to run."""

    def look(self) -> None:
        """Take note, once a second."""
        now, wanted_s = perf_counter(), self._wanted_s()
        self._seen.append((now, wanted_s))
        then, before_s = self._seen[0]
        if len(self._seen) > BUSY_S:
            self.busiest = max(self.busiest, (wanted_s - before_s) / (now - then))

    def _wanted_s(self) -> float:
        """Return processor time, and on Linux the time in the run queue (proc(5), schedstat)."""
        try:
            waited_ns = int(_SCHEDSTAT.read_text("ascii").split()[1])
        except (OSError, ValueError, IndexError):
            waited_ns = 0
        return process_time() + waited_ns / 1e9

    @property
    def used_s(self) -> float:
        """Processor time since the start, seconds."""
        return process_time() - self._began_s


def noise_floor_ms(sleeps: int = 250, seconds: float = 0.004) -> float:
    """Return how late this host wakes a sleeper, 99th percentile, milliseconds."""
    seen = Recorder()
    for _ in range(sleeps):
        before = perf_counter()
        gevent.sleep(seconds)
        seen.record(max(0.0, perf_counter() - before - seconds))
    return seen.histogram().quantile_ms(0.99) or 0.0


def max_rss_bytes() -> int:
    """Return the largest memory this process had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
