"""A generator: warms its users, keeps its share of the schedule, and says what it saw.

Runs in a process of its own, started by :mod:`readiness_kit.harness.__main__`, and takes orders
from whoever started it, through ``inbox``. Status: 0 when the schedule was played, 2 when the
scenario is unusable, 3 when the target never answered, 128 + n when signal n ended the run (129:
the parent is gone).
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from time import perf_counter

import gevent
import msgspec
from locust.runners import LocalRunner

from readiness_kit.harness.generator.guards import Processor, Pulse, max_rss_bytes, noise_floor_ms
from readiness_kit.harness.generator.paced import Paced, PacedEnvironment, paced_environment
from readiness_kit.harness.generator.scenario import classes_of, shares
from readiness_kit.harness.generator.speech import speaker
from readiness_kit.harness.plan import (
    Command,
    Cut,
    Ended,
    Message,
    Order,
    Ready,
    Refused,
    Renew,
    Start,
    Stop,
    Tick,
)
from readiness_kit.harness.sending.engine import Engine

WARM_UP_S = 60.0
"""Longest wait for all users to connect."""

WAIT_S = 120.0
"""Longest wait for the order to start: others warm up, too."""

CLEAN_UP_S = 2.5
_POLL_S = 0.02

Inbox = list[bytes]
"""Commands that have arrived, oldest first; whoever listens appends to it."""


class Runner:
    """One run of one generator, from the order to the last message."""

    def __init__(self, order: Order, say: Callable[[Message], None], inbox: Inbox) -> None:
        """Prepare; nothing is sent yet."""
        self.plan = order.plan
        self.engine = Engine(order.plan, order.worker)
        self.environment = paced_environment(order, self.engine)
        self.ended_by = 0
        self.stopped = False
        self._say = say
        self._inbox = inbox
        self._users = len(order.plan.users_of(order.worker))
        self._start: float | None = None
        self._before = (0, 0, 0)
        self._ticks = 0
        self._noise_floor_ms = 0.0

    def run(self) -> int:
        """Play the schedule and return the exit status."""
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, self._on_signal, number)
        try:
            classes = classes_of(self.plan)
        except Exception as error:  # noqa: BLE001 - a scenario is the user's code
            self._say(Refused(cause="scenario", message=f"{self.plan.scenario}: {error}"))
            return 2
        refusal = self._preflight(classes[0])
        if refusal:
            self._say(Refused(cause="target_down", message=refusal))
            return 3
        connected = self._warm_up(classes)
        if connected < self._users and not self._leaving:
            message = f"only {connected} of {self._users} users connected within {WARM_UP_S:g} s"
            self._say(Refused(cause="warm_up", message=message))
            return 3
        gc.collect()
        gc.freeze()  # else each full collection looks at thousands of users, and we are late
        self._noise_floor_ms = noise_floor_ms()
        self._say(Ready(users=self._users, noise_floor_ms=self._noise_floor_ms))
        if self._await_start():
            self._play()
        return 128 + self.ended_by if self.ended_by else 0

    @property
    def _leaving(self) -> bool:
        return self.stopped or bool(self.ended_by)

    def _on_signal(self, number: int) -> None:
        self.ended_by = self.ended_by or number
        self.engine.close()

    def _preflight(self, kind: type[Paced]) -> str:
        """Return why the target cannot be reached, or nothing."""
        user = kind(self.environment)
        self.environment.born = 0
        try:
            response = user.client.request("GET", self.plan.path)
        except Exception as error:  # noqa: BLE001 - whatever it is, the target did not answer
            return f"{self.plan.url}: {error}"
        if response.status_code:
            return ""
        return f"{self.plan.url}: {getattr(response, 'error', 'no answer')}"

    def _warm_up(self, classes: list[type[Paced]]) -> int:
        environment = self.environment
        environment.user_classes = list(classes)
        runner = _local_runner(environment)
        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
        environment.events.test_start.fire(environment=environment)
        runner.spawn_users(shares(classes, self._users))
        self._until(lambda: self.engine.warm >= self._users, WARM_UP_S)
        return self.engine.warm

    def _await_start(self) -> bool:
        self._until(lambda: self._start is not None, WAIT_S)
        if self._start is None or self._leaving:
            return False
        self.engine.t0 = self._start
        return True

    def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Poll, obeying commands, until *holds*, or the run is to end, or *seconds* have passed."""
        until = perf_counter() + seconds
        while not holds() and not self._leaving and perf_counter() < until:
            gevent.sleep(_POLL_S)
            self._obey()

    def _obey(self) -> None:
        while self._inbox:
            match msgspec.json.decode(self._inbox.pop(0), type=Command):
                case Start(at=at):
                    self._start = at
                case Cut(until=until):
                    self.engine.cut(until)
                case Renew(tokens=tokens):
                    self.environment.tokens = tokens
                case Stop():
                    self.stopped = True
                    self.engine.close()

    def _play(self) -> None:
        engine = self.engine
        processor = Processor()
        engine.start.set()
        self._watch(processor, Pulse(engine.t0, engine.record.late))
        if self._leaving:
            engine.cut(max(perf_counter() - engine.t0, 1e-3))
        held = engine.in_flight >= self._users
        scheduled = engine.give_up()
        self._say(self._ended(scheduled, processor, held=held))
        if self.environment.runner is not None:
            with gevent.Timeout(0.3 if self._leaving else CLEAN_UP_S, exception=False):
                self.environment.runner.user_greenlets.join()
                self.environment.runner.stop()

    def _watch(self, processor: Processor, pulse: Pulse) -> None:
        """Tick until everything is back, the grace is over, or the run is to end."""
        while not self._leaving:
            now = perf_counter() - self.engine.t0
            over = self.engine.spent(now) or now > self.engine.until + self.plan.grace_s
            if now >= self._ticks + 1 or over:
                self._tick(now)
                processor.look()
            if over:
                return
            pulse.beat()
            self._obey()

    def _tick(self, t_s: float) -> None:
        engine = self.engine
        seen = engine.record.fold(engine.until)
        after = (engine.ended, engine.record.failed, engine.answered)
        n, failed, answered = (b - a for a, b in zip(self._before, after, strict=True))
        self._before, self._ticks = after, self._ticks + 1
        self._say(
            Tick(
                number=self._ticks,
                t_s=round(t_s, 3),
                n=n,
                failed=failed,
                answered=answered,
                corrected=seen.corrected,
                service=seen.service,
                lateness=seen.lateness,
            )
        )

    def _ended(self, scheduled: int, processor: Processor, *, held: bool) -> Ended:
        engine, record = self.engine, self.engine.record
        record.fold(engine.until)
        operations = record.operations()
        return Ended(
            ticks=self._ticks,
            seconds=engine.until,
            scheduled=scheduled,
            sent=engine.sent,
            answered=engine.answered,
            failed=record.failed,
            in_time=record.in_time,
            errors=dict(record.errors.most_common()),
            blocks=record.blocks(),
            service=record.service(),
            operations=operations,
            lateness=record.lateness(),
            noise_floor_ms=self._noise_floor_ms,
            busiest=processor.busiest,
            held=held,
            closed_loop=engine.closed_loop,
            interrupted=self._leaving,
            cpu_s=processor.used_s,
            max_rss_bytes=max_rss_bytes(),
        )


def _local_runner(environment: PacedEnvironment) -> LocalRunner:
    """Return Locust's runner without its statistics, which cost more than ours and round."""
    request = environment.events.request
    ours = tuple(request._handlers)  # noqa: SLF001 - the runner adds its own and names no way out
    runner = environment.create_local_runner()
    for handler in tuple(request._handlers):  # noqa: SLF001
        if handler not in ours:
            request.remove_listener(handler)
    return runner


def main(order: bytes, out: int, inbox: Inbox, leave: Callable[[int], None] = os._exit) -> None:
    """Carry out one *order*, speaking to *out*, and leave without waiting for stray greenlets."""
    try:
        status = Runner(msgspec.json.decode(order, type=Order), speaker(out), inbox).run()
    except BrokenPipeError:
        status = 128 + signal.SIGHUP
    sys.stderr.flush()
    leave(status)
