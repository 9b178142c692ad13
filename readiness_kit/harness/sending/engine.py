"""Hands out the instants of the schedule to waiting users, and records what becomes of them."""

import math
from collections.abc import Iterator
from time import perf_counter

import gevent
from gevent.event import Event

from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import arrivals
from readiness_kit.harness.sending.failures import kind_of
from readiness_kit.harness.sending.recording import OTHER, Record

CONTEXT = "readiness"
"""Key under which a request carries its :class:`Flight`."""


class Flight:
    """A request from being sent on."""

    __slots__ = ("backlog", "due", "name", "service_s", "who")
    name: str
    service_s: float

    def __init__(self, who: gevent.Greenlet, due: float, backlog: float) -> None:
        """Name the greenlet that sends it, when it was due, and how long it waited for the target.

        *due* is in seconds from the start; *backlog*, seconds, is what it waited for a user that
        was still busy with the target.
        """
        self.who = who
        self.due = due
        self.backlog = backlog


class Engine:
    """One generator's share of a schedule, while it is played."""

    def __init__(self, plan: Plan, worker: int = 0) -> None:
        """Fix the schedule."""
        self.plan = plan
        self.worker = worker
        self.until = plan.seconds
        self.record = Record(self._blocks(), plan.block_s)
        self.warm = 0
        self.closed_loop = False
        """Whether users send when they like: then nothing is due that was not sent."""
        self.start = Event()
        self.over = Event()
        self.t0 = 0.0
        self.sent = self.answered = self.ended = 0
        self._due = self._arrivals()
        self._next = next(self._due, math.inf)
        self._waiting: dict[gevent.Greenlet, float] = {}
        self._closed = False
        self._flights: dict[gevent.Greenlet, Flight] = {}
        self._good: dict[gevent.Greenlet, Flight] = {}

    def warmed(self) -> None:
        """Count a connected user and hold it until the start."""
        self.warm += 1
        self.start.wait()

    def take(self) -> Flight:
        """Wait for the next instant of the schedule; ends the user when there is none left."""
        me = gevent.getcurrent()
        if me in self._flights:
            self._lose(self._flights.pop(me), "not_judged")
        due, t0 = self._next, self.t0
        self._leave_after(due)
        self._next = next(self._due, math.inf)
        backlog = late_s = perf_counter() - t0 - due
        if late_s < 0:
            self._waiting[me] = due
            while late_s < 0:
                gevent.sleep(-late_s)
                late_s = perf_counter() - t0 - due
            self._leave_after(due)
            del self._waiting[me]
            self.record.late(late_s)
            backlog = 0.0
        self.sent += 1
        flight = self._flights[me] = Flight(me, due, backlog)
        return flight

    def take_now(self) -> Flight:
        """Let a request of a closed loop be due at once, unless the schedule is over."""
        me = gevent.getcurrent()
        if me in self._flights:
            self._lose(self._flights.pop(me), "not_judged")
        due = perf_counter() - self.t0
        self._leave_after(due)
        self.sent += 1
        flight = self._flights[me] = Flight(me, due, 0.0)
        return flight

    def landed(
        self,
        flight: Flight,
        name: str,
        service_s: float,
        status: int = 200,
        exception: BaseException | None = None,
    ) -> None:
        """Record the fate of a request; only the first fate counts.

        *status* is the answer's, 0 where there was none.
        """
        if self._flights.pop(flight.who, None) is not flight:
            return
        self.ended += 1
        if status:
            self.answered += 1
        if exception is None:
            flight.name, flight.service_s = name, service_s
            self._good[flight.who] = flight
            self.record.good(name, flight.due, flight.backlog + service_s, service_s)
        else:
            self._good.pop(flight.who, None)
            self.record.bad(name, flight.due, kind_of(exception, status))

    def on_request(
        self,
        *,
        name: str,
        response_time: float,
        context: dict[str, object],
        response: object = None,
        exception: Exception | None = None,
        **_: object,
    ) -> None:
        """Record what Locust says of a request."""
        flight = context.get(CONTEXT)
        if not isinstance(flight, Flight):
            return
        if exception is None:
            self.landed(flight, name, response_time / 1000)
        else:
            status = getattr(response, "status_code", 0) or 0
            self.landed(flight, name, response_time / 1000, status, exception)

    def on_user_error(self, **_: object) -> None:
        """Count the last request of a task that raised as failed, unless it has failed already."""
        me = gevent.getcurrent()
        flight, good = self._flights.pop(me, None), self._good.pop(me, None)
        if flight is not None:
            self._lose(flight, "task_error")
        elif good is not None:
            corrected_s = good.backlog + good.service_s
            self.record.spoil(good.name, good.due, corrected_s, good.service_s, kind="task_error")

    def cut(self, until: float) -> None:
        """Let the schedule end at *until*, seconds from the start."""
        self.until = min(self.until, until)
        self.record.cut(self._blocks())

    def give_up(self) -> int:
        """Count what is unanswered, and what was never sent, as failed; return how much was due."""
        self._closed = True
        self.ended += len(self._flights)
        for flight in self._flights.values():
            self.record.bad(OTHER, flight.due, "unanswered")
        self._flights.clear()
        unsent = list(self._unsent())
        for due in unsent:
            self.record.bad(OTHER, due, "never_sent")
        self.over.set()
        return self.sent + len(unsent)

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True

    @property
    def in_flight(self) -> int:
        """Requests sent and not yet judged."""
        return len(self._flights)

    def spent(self, now: float) -> bool:
        """Whether *now*, seconds from the start, everything due was sent and has come back."""
        return now >= self.until and not self._flights and next(self._unsent(), None) is None

    def _unsent(self) -> Iterator[float]:
        """Yield when each request was due that nobody has sent; what is yielded is forgotten."""
        yield from (due for due in self._waiting.values() if due < self.until)
        while self._next < self.until and not self.closed_loop:
            yield self._next
            self._next = next(self._due, math.inf)

    def _lose(self, flight: Flight, kind: str) -> None:
        self.ended += 1
        self.record.bad(OTHER, flight.due, kind)

    def _leave_after(self, due: float) -> None:
        """End the user when *due* is past the schedule: all clean up together, unmeasured."""
        if self._closed or due >= self.until:
            self.over.wait()
            raise gevent.GreenletExit

    def _blocks(self) -> int:
        return max(1, math.ceil(self.until / self.plan.block_s - 1e-6))

    def _arrivals(self) -> Iterator[float]:
        plan = self.plan
        return arrivals(
            plan.arrivals,
            plan.stages,
            instants=plan.instants,
            seed=plan.seed,
            worker=self.worker,
            workers=plan.workers,
        )
