"""Samples what the target's own side shows while load is on, on the clock of the run.

::

    with Gauges(visit, seconds=plan.seconds) as gauges:
        ...                  # users connect
        gauges.start()       # the schedule begins: t = 0
        ...                  # it is played
    gauges.series(), gauges.served, gauges.notes

In threads of the parent, one per place that is asked, so that a place which hangs under the load
leaves a gap in its own series only. Nothing here can fail the load test.
"""

import dataclasses
import math
import threading
import time
from types import TracebackType
from typing import Self

from readiness_kit.errors import ReadinessError
from readiness_kit.facts.load import Gauge
from readiness_kit.harness.sampling.readings import Sample, Sampler
from readiness_kit.harness.sampling.samplers import samplers
from readiness_kit.harness.sampling.served import Served
from readiness_kit.sources import Visit

MOST_SAMPLES = 720
"""Samples of one series: one a second up to 12 min, then fewer."""

MOST_NOTES = 20

AROUND_S = 600.0
"""Time for what comes before the schedule and after it."""

LEAVE_S = 3.0
"""Longest wait at the end for places that hang; after it they are left to their time-outs."""


class Gauges:
    """The target's own series during one run."""

    def __init__(self, visit: Visit, *, seconds: float, path: str = "") -> None:
        """Prepare for *seconds* of schedule; ``served`` counts requests for *path*.

        Left out, it is the GraphQL endpoint; of a REST service, every path but its health,
        readiness, version and metrics.
        """
        self.interval_s = max(1.0, seconds / MOST_SAMPLES)
        self._visit = dataclasses.replace(
            visit, fact_id="gauges", deadline_s=seconds + AROUND_S, started=time.monotonic()
        )
        self._changed = threading.Condition()
        self._started: float | None = None
        self._over = False
        self._series: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self._notes: dict[str, None] = {}
        self._served = Served(visit, path, self._note)
        self._threads: tuple[threading.Thread, ...] = ()

    def __enter__(self) -> Self:
        """Start asking, so that everything is open when the schedule begins."""
        self._threads = tuple(
            threading.Thread(target=self._watch, args=(sampler,), name="load-gauges", daemon=True)
            for sampler in samplers(self._visit, self._note)
        )
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once; unless the run failed, read the counters of requests again."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._visit.give_up()
        if kind is None:
            self._served.end()
        self._served.close()
        until = time.monotonic() + LEAVE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def start(self) -> None:
        """Let t = 0 be now, and sample at once."""
        with self._changed:
            self._started = time.monotonic()
            self._changed.notify_all()
        self._served.begin()

    def series(self) -> tuple[Gauge, ...]:
        """Return every series, by name and owner."""
        with self._changed:
            return tuple(
                Gauge(
                    name=name,
                    of=of,
                    t_s=tuple(t_s for t_s, _ in samples),
                    values=tuple(value for _, value in samples),
                )
                for (name, of), samples in sorted(self._series.items())
            )

    @property
    def served(self) -> int | None:
        """Requests that the target's own counters counted since the start; None when they do not.

        Known after the end.
        """
        return self._served.n

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be sampled, and why; each reason once."""
        with self._changed:
            return tuple(self._notes)

    def _watch(self, sampler: Sampler) -> None:
        """Sample at every instant until the end, opening again what broke."""
        last = -math.inf
        while self._due(last):
            last = time.monotonic()
            try:
                with sampler(self._visit) as sample:
                    self._keep(sample)
                    while self._due(last):
                        last = time.monotonic()
                        self._keep(sample)
            except ReadinessError as error:
                self._missed(error.message)
            except Exception as error:  # noqa: BLE001 - whatever it is, the load test goes on
                self._missed(f"{type(error).__name__}: {error}")

    def _due(self, last: float) -> bool:
        """Wait for the instant that follows *last*; False when the run is over."""
        with self._changed:
            while not self._over:
                left_s = self._next(last) - time.monotonic()
                if left_s <= 0:
                    return True
                self._changed.wait(left_s)
        return False

    def _next(self, last: float) -> float:
        """Return when to sample after *last*; what takes long leaves out instants."""
        if self._started is None:
            return last + self.interval_s
        if last < self._started:
            return self._started
        passed = math.floor((last - self._started) / self.interval_s)
        return self._started + (passed + 1) * self.interval_s

    def _keep(self, sample: Sample) -> None:
        for name, of, value in sample():
            with self._changed:
                if self._started is None or self._over:
                    continue
                t_s = round(time.monotonic() - self._started, 3)
                self._series.setdefault((name, of), []).append((t_s, value))

    def _missed(self, why: str) -> None:
        if not self._over:  # afterwards it is the end itself that cuts questions short
            self._note(why)

    def _note(self, words: str) -> None:
        with self._changed:
            if len(self._notes) < MOST_NOTES:
                self._notes.setdefault(words[:300])
