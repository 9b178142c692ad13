"""The child: warms its users, keeps the schedule, records, guards, and says what it saw.

Runs in a process of its own, started by :mod:`readiness_kit.harness.__main__`. Status: 0 when the
schedule was played (the last message says whether it is valid), 2 when the scenario is unusable,
3 when the target never answered, 128 + n when signal n ended the run (129: the parent is gone).
"""

import bisect
import math
import os
import resource
import signal
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import gevent
import locust
import msgspec
from gevent.event import Event
from locust import FastHttpUser, task
from locust.util.load_locustfile import load_locustfile

from readiness_kit.facts.load import InvalidReason, Operation, Second, Stage
from readiness_kit.harness.plan import Ended, Message, Order, Plan, Ready, Refused, Tick
from readiness_kit.harness.schedule import arrivals
from readiness_kit.harness.users import (
    GraphQLFailure,
    OriginRefused,
    Paced,
    PacedEnvironment,
)
from readiness_kit.statistics.early import Limit, Watch
from readiness_kit.statistics.histogram import Histogram, Recorder

LATE_MS = 10.0
"""Lateness of the generator that is always tolerated; beyond it, three times the noise floor."""

WARM_UP_S = 30.0
CLEAN_UP_S = 2.5
LAGGING = 0.95
"""Share of the requests due that a target answers in time unless it falls behind."""

OPERATIONS = 40
DOWN_S = 3
_OTHER = "(other)"
_POLL_S = 0.02
_AHEAD_S = 0.3
_DECIDE_S = 1.6


@dataclass(eq=False, slots=True)
class Flight:
    """A request between being sent and being judged."""

    who: object
    """The greenlet that sent it; None when nobody did."""

    due: float
    """Seconds from the start."""

    backlog: float
    """Seconds it waited for a user that was still busy with the target."""


@dataclass
class Pair:
    """Both clocks of one kind of request."""

    corrected: Recorder = field(default_factory=Recorder)
    service: Recorder = field(default_factory=Recorder)


class Engine:
    """Hands out the instants of the schedule and records what becomes of them."""

    def __init__(self, plan: Plan) -> None:
        """Fix the schedule."""
        self.plan = plan
        self.due = arrivals(plan.arrivals, plan.stages, seed=plan.seed)
        self.stages = plan.stages
        self.until = plan.seconds
        self.warm = 0
        self.start = Event()
        self.over = Event()
        self.t0 = 0.0
        self.closed = False
        self.taken = self.sent = self.answered = self.failed = self.ended = self.in_time = 0
        self.errors: Counter[str] = Counter()
        self.lateness = Recorder()
        self.blocks = [Recorder() for _ in range(math.ceil(plan.seconds / plan.block_s - 1e-6))]
        self.service = Recorder()
        self.operations: dict[str, Pair] = {}
        self.second = Recorder()
        self.flights: dict[object, Flight] = {}
        self.went_well: dict[object, bool] = {}

    def warmed(self) -> None:
        """Count a connected user and hold it until the start."""
        self.warm += 1
        self.start.wait()

    def take(self) -> Flight:
        """Wait for the next instant of the schedule; ends the user when there is none left."""
        me = gevent.getcurrent()
        if me in self.flights:
            self._fail(self.flights.pop(me), _OTHER, "not_judged")
        if self.closed or self.taken >= len(self.due):
            self.over.wait()  # users clean up together, when nothing is measured any more
            raise gevent.GreenletExit
        due = self.due[self.taken]
        self.taken += 1
        waited = False
        while (early := self.t0 + due - perf_counter()) > 0:
            waited = True
            gevent.sleep(early)
        if self._past(due):
            self.over.wait()
            raise gevent.GreenletExit
        self.sent += 1
        if waited:
            self.lateness.record(-early)
        flight = self.flights[me] = Flight(me, due, 0.0 if waited else -early)
        return flight

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
        """Record the fate of a request."""
        flight = context.get("readiness")
        if not isinstance(flight, Flight):
            return
        if self.flights.pop(flight.who, None) is not flight:
            return
        self.went_well[flight.who] = exception is None
        status = getattr(response, "status_code", 0) or 0
        self.answered += bool(status)
        self.ended += 1
        if exception is None:
            self._succeed(flight, name, response_time / 1000)
        else:
            self._fail(flight, name, kind_of(exception, status))

    def on_user_error(self, **_: object) -> None:
        """Count a task that raised as a failed request, unless its request failed already."""
        me = gevent.getcurrent()
        flight = self.flights.pop(me, None)
        if flight is not None:
            self.ended += 1
        elif not self.went_well.pop(me, False):
            return
        self._fail(flight or Flight(me, perf_counter() - self.t0, 0.0), _OTHER, "task_error")

    def give_up(self) -> None:
        """Count what is unanswered, and what was never sent, as failed."""
        self.closed = True
        for flight in self.flights.values():
            self._fail(flight, _OTHER, "unanswered")
        self.flights.clear()
        for due in self.due[self.sent :]:
            self._fail(Flight(None, due, 0.0), _OTHER, "never_sent")
        self.over.set()

    def cut(self, until: float) -> None:
        """Let the schedule end at *until*, seconds from the start, which lies ahead."""
        self.until = until
        self.due = self.due[: bisect.bisect_left(self.due, until)]
        self.blocks = self.blocks[: max(1, math.ceil(until / self.plan.block_s - 1e-6))]
        self.stages = tuple(_before(stage, until) for stage in self.stages if stage.start_s < until)

    @property
    def done(self) -> bool:
        """Whether everything due was sent and has come back."""
        return self.sent == len(self.due) and not self.flights

    def _succeed(self, flight: Flight, name: str, service_s: float) -> None:
        corrected_s = flight.backlog + service_s
        pair = self._operation(name)
        for recorder in (self._block(flight), pair.corrected, self.second):
            recorder.record(corrected_s)
        for recorder in (self.service, pair.service):
            recorder.record(service_s)
        self.in_time += perf_counter() - self.t0 <= self.until

    def _fail(self, flight: Flight, name: str, kind: str) -> None:
        self.failed += 1
        self.errors[kind] += 1
        pair = self._operation(name)
        for recorder in (self._block(flight), pair.corrected, self.service, pair.service):
            recorder.lose()

    def _past(self, due: float) -> bool:
        """Whether the schedule was cut before *due* while it was waited for."""
        return self.closed or due >= self.until

    def _block(self, flight: Flight) -> Recorder:
        index = int(flight.due / self.plan.block_s)
        return self.blocks[min(max(index, 0), len(self.blocks) - 1)]

    def _operation(self, name: str) -> Pair:
        if name not in self.operations and len(self.operations) >= OPERATIONS:
            name = _OTHER
        return self.operations.setdefault(name, Pair())


def _before(stage: Stage, until: float) -> Stage:
    """Return what of *stage* comes before *until*."""
    seconds = min(stage.seconds, until - stage.start_s)
    share = seconds / stage.seconds
    to_rps = stage.from_rps + (stage.to_rps - stage.from_rps) * share
    return msgspec.structs.replace(stage, seconds=seconds, to_rps=to_rps)


def kind_of(exception: Exception, status: int) -> str:
    """Return the kind under which a failure is counted."""
    if isinstance(exception, GraphQLFailure):
        return str(exception)
    if isinstance(exception, OriginRefused):
        return "origin_refused"
    if status == 401:
        return "unauthenticated"
    if 300 <= status < 400:
        return "redirect"
    if status >= 400:
        return f"http_{status}"
    if isinstance(exception, ConnectionRefusedError):
        return "connection_refused"
    if isinstance(exception, TimeoutError):
        return "timeout"
    if isinstance(exception, ssl.SSLError):
        return "tls"
    return "not_accepted" if status else "connection"


class Lag:
    """Ends the schedule with the first stage in which the target falls behind."""

    def __init__(self) -> None:
        """Begin before the first stage."""
        self._stage: Stage | None = None
        self._answered = 0

    def saw(self, t_s: float, engine: Engine) -> None:
        """Look at the end of each second, and decide in the last second but one of a stage."""
        stage = next((one for one in reversed(engine.stages) if one.start_s <= t_s), None)
        good = engine.ended - engine.failed
        if stage is not self._stage:
            self._stage, self._answered, self._since = stage, good, t_s
            return
        if stage is None or not 0 < stage.start_s + stage.seconds - t_s < _DECIDE_S:
            return
        rate_rps = (stage.from_rps + stage.to_rps) / 2
        if good - self._answered < LAGGING * rate_rps * (t_s - self._since):
            engine.cut(stage.start_s + stage.seconds)


class Runner:
    """One run, from the order to the last message."""

    def __init__(self, order: Order, out: int) -> None:
        """Prepare; nothing is sent yet."""
        self.plan = order.plan
        self.out = out
        self.engine = Engine(order.plan)
        self.environment = _environment(order, self.engine)
        self.watch = Watch(order.plan.abort_on)
        self.aborted: str | None = None
        self.lag = Lag()
        self.ended_by = 0
        self.noise_floor_ms = 0.0
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, self._on_signal, number)

    def run(self) -> int:
        """Play the schedule and return the exit status."""
        try:
            classes = _classes(self.plan)
        except Exception as error:  # noqa: BLE001 - a scenario is the user's code
            self.say(Refused(cause="scenario", message=f"{self.plan.scenario}: {error}"))
            return 2
        refusal = self._preflight(classes[0])
        if refusal:
            self.say(Refused(cause="target_down", message=refusal))
            return 3
        users = self._warm_up(classes)
        if users < self.plan.users and not self.ended_by:
            message = f"only {users} of {self.plan.users} users connected within {WARM_UP_S:g} s"
            self.say(Refused(cause="warm_up", message=message))
            return 3
        self._play()
        return 128 + self.ended_by if self.ended_by else 0

    def say(self, message: Message) -> None:
        """Write one line to the parent."""
        line = msgspec.json.encode(message) + b"\n"
        while line:
            line = line[os.write(self.out, line) :]

    def _on_signal(self, number: int) -> None:
        self.ended_by = self.ended_by or number
        self.engine.closed = True

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
        runner = environment.create_local_runner()
        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)  # type: ignore[no-untyped-call]
        environment.events.test_start.fire(environment=environment)  # type: ignore[no-untyped-call]
        runner.spawn_users(_shares(classes, self.plan.users))
        until = perf_counter() + WARM_UP_S
        while self.engine.warm < self.plan.users and perf_counter() < until and not self.ended_by:
            gevent.sleep(_POLL_S)
        return self.engine.warm

    def _play(self) -> None:
        engine, plan = self.engine, self.plan
        self.noise_floor_ms = _noise_floor_ms()
        self.say(Ready(users=plan.users, noise_floor_ms=self.noise_floor_ms))
        cpu_s = process_time()
        engine.t0 = perf_counter() + 0.05
        engine.start.set()
        reason = self._watch()
        engine.give_up()
        self.say(self._ended(reason, process_time() - cpu_s))
        if self.environment.runner is not None:
            with gevent.Timeout(0.3 if self.ended_by else CLEAN_UP_S, exception=False):
                self.environment.runner.user_greenlets.join()
                self.environment.runner.stop()

    def _watch(self) -> InvalidReason | None:
        """Tick until everything is back, the grace is over, or the run is cut short."""
        engine, plan = self.engine, self.plan
        tick, silent = 1, 0
        before = (0, 0, 0)
        while True:
            now, end = perf_counter(), engine.t0 + engine.until
            over = (engine.done and now >= end) or now > end + plan.grace_s
            if now >= engine.t0 + tick or over:
                after = (engine.ended, engine.failed, engine.answered)
                ended, failed, answered = (b - a for a, b in zip(before, after, strict=True))
                self._tick(now - engine.t0, ended, failed)
                silent = silent + 1 if ended and not answered else 0
                before, tick = after, tick + 1
            if self.ended_by:
                return "interrupted"
            if silent >= DOWN_S:
                return "target_down"
            if over:
                return None
            gevent.sleep(_POLL_S)

    def _tick(self, t_s: float, n: int, failed: int) -> None:
        seen, self.engine.second = self.engine.second.histogram(), Recorder()
        p50_ms, p95_ms, p99_ms = (seen.quantile_ms(p) for p in (0.5, 0.95, 0.99))
        second = Second(
            t_s=round(t_s, 3),
            n=n,
            failed=failed,
            p50_ms=p50_ms,
            p95_ms=p95_ms,
            p99_ms=p99_ms,
            service_p50_ms=None,
            service_p95_ms=None,
            service_p99_ms=None,
            lateness_p99_ms=None,
        )
        self.say(Tick(second=second))
        self._shorten(t_s, msgspec.structs.replace(seen, lost=failed))

    def _shorten(self, t_s: float, seen: Histogram) -> None:
        """End the schedule early when a limit is surely broken or the target falls behind."""
        engine = self.engine
        broken = self.watch.add(seen)
        if broken is not None and self.aborted is None and t_s < engine.until:
            self.aborted = _words(broken)
            block_s = self.plan.block_s
            engine.cut(min(engine.until, math.ceil((t_s + _AHEAD_S) / block_s) * block_s))
        if self.plan.until_lagging:
            self.lag.saw(t_s, engine)

    def _ended(self, reason: InvalidReason | None, cpu_s: float) -> Ended:
        engine = self.engine
        lateness_ms = engine.lateness.histogram().quantile_ms(0.99)
        return Ended(
            scheduled=len(engine.due),
            sent=engine.sent,
            answered=engine.answered,
            failed=engine.failed,
            errors=dict(engine.errors.most_common()),
            seconds=engine.until,
            stages=engine.stages,
            aborted=self.aborted,
            offered_rps=len(engine.due) / engine.until,
            achieved_rps=engine.in_time / engine.until,
            block_s=self.plan.block_s,
            blocks=tuple(block.histogram() for block in engine.blocks),
            service=engine.service.histogram(),
            operations=_operations(engine),
            lateness_p99_ms=lateness_ms,
            noise_floor_ms=self.noise_floor_ms,
            cpu_s=cpu_s,
            max_rss_bytes=_max_rss_bytes(),
            invalid_reason=reason or self._guard(lateness_ms),
        )

    def _guard(self, lateness_ms: float | None) -> InvalidReason | None:
        engine = self.engine
        if engine.sent != len(engine.due):
            return "arrivals_lost"
        if lateness_ms is not None and lateness_ms > max(LATE_MS, 3 * self.noise_floor_ms):
            return "generator_late"
        if engine.errors["unauthenticated"] > 0.01 * engine.sent:
            return "identity_refused"
        return None


def _environment(order: Order, engine: Engine) -> PacedEnvironment:
    plan = order.plan
    environment = PacedEnvironment(host=plan.url, events=locust.events)
    environment.engine = engine
    environment.plan = plan
    environment.tokens = order.tokens
    environment.origins = frozenset(plan.origins)
    context = ssl.create_default_context(cafile=plan.ca)
    environment.tls_context = lambda **_: context
    locust.events.request.add_listener(engine.on_request)  # type: ignore[no-untyped-call]
    locust.events.user_error.add_listener(engine.on_user_error)  # type: ignore[no-untyped-call]
    return environment


def _classes(plan: Plan) -> list[type[Paced]]:
    """Return the scenario's user classes, each with the engine mixed in."""
    if plan.scenario is None:
        found: list[type[locust.User]] = [_fetching(plan.path)]
    else:
        if not Path(plan.scenario).is_file():
            raise FileNotFoundError("no such file")
        found = list(load_locustfile(plan.scenario)[0].values())
    if not found:
        raise ValueError("no user class; derive one from readiness_kit.harness.users.OpenUser")
    for kind in found:
        if not issubclass(kind, FastHttpUser):
            raise TypeError(f"{kind.__name__} must derive from OpenUser or FastHttpUser")
    return [type(kind.__name__, (Paced, kind), {"host": plan.url}) for kind in found]


def _fetching(path: str) -> type[FastHttpUser]:
    class Fetch(FastHttpUser):
        @task
        def fetch(self) -> None:
            self.client.get(path)

    return Fetch


def _shares(classes: list[type[Paced]], users: int) -> dict[str, int]:
    """Return how many users of each class, by weight."""
    weight = sum(kind.weight for kind in classes)
    shares: dict[str, int] = {}
    left = users
    for kind in classes:
        mine = round(left * kind.weight / weight) if weight else 0
        weight -= kind.weight
        shares[kind.__name__] = mine
        left -= mine
    return shares


def _operations(engine: Engine) -> tuple[Operation, ...]:
    made = [
        Operation(name=name, corrected=pair.corrected.histogram(), service=pair.service.histogram())
        for name, pair in engine.operations.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.corrected.n, one.name)))


def _words(limit: Limit) -> str:
    late = "" if limit.over_ms is None else f" or take over {limit.over_ms:g} ms"
    return f"more than {limit.share:.2%} fail{late}"


def _noise_floor_ms(sleeps: int = 250, seconds: float = 0.004) -> float:
    """Return how late this host wakes a sleeper, 99th percentile, milliseconds."""
    seen = Recorder()
    for _ in range(sleeps):
        before = perf_counter()
        gevent.sleep(seconds)
        seen.record(max(0.0, perf_counter() - before - seconds))
    return seen.histogram().quantile_ms(0.99) or 0.0


def _max_rss_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(order: bytes, out: int, leave: Callable[[int], None] = os._exit) -> None:
    """Carry out one *order*, speaking to *out*, and leave without waiting for stray greenlets."""
    try:
        status = Runner(msgspec.json.decode(order, type=Order), out).run()
    except BrokenPipeError:
        status = 128 + signal.SIGHUP
    sys.stderr.flush()
    leave(status)
