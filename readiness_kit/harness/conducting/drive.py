"""The parent: starts the generators, joins what they say, and decides whether the run goes on.

Works in a notebook kernel, under papermill and in a plain thread: nothing here imports Locust.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.facts.load import InvalidReason, Second, Stage
from readiness_kit.harness.conducting.conductor import Conductor
from readiness_kit.harness.conducting.generators import Generators, Local
from readiness_kit.harness.conducting.merging import Disagreement, Seconds, whole
from readiness_kit.harness.plan import Ended, Message, Plan, Ready, Refused, Renew, Stop, Tick
from readiness_kit.statistics.histogram import Histogram

SILENCE_S = 5.0
"""Longest silence of a generator; it says something every second. Then it is lost."""

LATE_MS = 10.0
"""Lateness of a generator that is always tolerated; beyond it, three times the noise floor."""

BUSY = 0.95
"""Share of a processor beyond which a generator is the bottleneck."""

_POLL_S = 0.25


class LoadOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run said: the sum of its generators' shares, and the seconds before."""

    plan: Plan
    ended: Ended
    series: tuple[Second, ...]
    stages: tuple[Stage, ...]
    aborted: str | None
    workers_lost: int
    invalid_reason: InvalidReason | None

    @property
    def lateness_p99_ms(self) -> float | None:
        """How late the latest generator was."""
        return self.ended.lateness.quantile_ms(0.99)


class Drive:
    """One run. Iterate over its seconds inside ``with``, then ask for the outcome.

    Leaving ``with`` ends the generators, however one leaves. Enter and leave in the same thread:
    Linux ends a child together with the thread that started it.
    """

    def __init__(
        self,
        plan: Plan,
        tokens: Sequence[str] = (),
        *,
        kill_file: Path | None = None,
        on_start: Callable[[], None] | None = None,
        renew: Callable[[], Sequence[str] | None] | None = None,
        generators: Callable[[Plan, Sequence[str]], Generators] = Local,
    ) -> None:
        """Prepare to play *plan* with users that draw from *tokens*.

        The run ends when *kill_file* exists. *on_start* is called when the schedule starts, *renew*
        every second: it returns tokens to use from now on, or None.
        """
        self.plan = plan
        self._tokens = tuple(tokens)
        self._kill_file = kill_file
        self._on_start = on_start
        self._renew = renew
        self._make = generators
        self._conductor = Conductor(plan)
        self._seconds: list[Second] = []
        self._joined = Seconds(plan.workers)
        self._open = set(range(plan.workers))
        self._parts: list[Ended] = []
        self._lost: dict[int, str] = {}
        self._stopped: InvalidReason | None = None

    def __enter__(self) -> Self:
        """Start the generators."""
        self._generators = self._make(self.plan, self._tokens)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the generators."""
        self._generators.close()

    @property
    def generators(self) -> Generators:
        """The generators, while inside ``with``."""
        return self._generators

    def __iter__(self) -> Iterator[Second]:
        """Yield every second as it ends.

        Raises:
            NotSeen: The target does not answer, or no generator is left.
            UsageError: The scenario cannot be used.

        """
        if not self._seconds and self._open:
            self._until_ready()
            self._generators.start()
            if self._on_start is not None:
                self._on_start()
        self._heard_at = dict.fromkeys(self._open, time.monotonic())
        while self._open:
            yield from self._next()

    def outcome(self) -> LoadOutcome:
        """Return what the run saw, reading to its end first.

        Raises:
            NotSeen: No generator said what it saw.

        """
        for _ in self:
            pass
        if not self._parts:
            raise self._nobody_left()
        ended = whole(self._parts)
        return LoadOutcome(
            plan=self.plan,
            ended=ended,
            series=tuple(self._seconds),
            stages=self._conductor.stages(),
            aborted=self._conductor.aborted,
            workers_lost=len(self._lost),
            invalid_reason=self._invalid_reason(ended),
        )

    def _until_ready(self) -> None:
        waiting = set(self._open)
        until = time.monotonic() + self._generators.start_s
        while waiting:
            self._look_for_kill_file()
            if self._stopped is not None:
                raise NotSeen(
                    f"{self._kill_file} is there, so no load is generated",
                    cause="not_allowed",
                    hint="remove it when load may be generated again",
                )
            heard = self._generators.hear(_POLL_S)
            if heard is None and time.monotonic() < until:
                continue
            match heard:
                case worker, Ready():
                    waiting.discard(worker)
                case _, Refused() as refused:
                    raise _refusal(refused)
                case worker, _:
                    self._lost[worker] = self._generators.last_words(worker)
                    raise self._nobody_left()
                case None:
                    worker = min(waiting)
                    self._lost[worker] = self._generators.last_words(worker)
                    raise self._nobody_left()

    def _next(self) -> Iterator[Second]:
        """Hear one message, or notice that a generator fell silent."""
        self._look_for_kill_file()
        heard = self._generators.hear(_POLL_S)
        now = time.monotonic()
        if heard is not None:
            worker, message = heard
            self._heard_at[worker] = now
            yield from self._take(worker, message)
            return
        for worker in [one for one in self._open if now - self._heard_at[one] > SILENCE_S]:
            yield from self._lose(worker, f"silent for {SILENCE_S:g} s")

    def _take(self, worker: int, message: Message | None) -> Iterator[Second]:
        if worker not in self._open:
            return
        try:
            match message:
                case Tick():
                    yield from self._saw(self._joined.add(worker, message))
                case Ended():
                    self._open.discard(worker)
                    self._parts.append(message)
                    yield from self._saw(self._joined.finish(worker, message))
                case _:
                    yield from self._lose(worker, self._generators.last_words(worker))
        except Disagreement as error:
            yield from self._lose(worker, str(error))

    def _lose(self, worker: int, why: str) -> Iterator[Second]:
        """Note that a generator is lost: the run proves nothing any more, so it ends."""
        self._lost[worker] = why
        self._open.discard(worker)
        self._generators.tell(Stop())
        yield from self._saw(self._joined.finish(worker, None))

    def _saw(self, ticks: Iterator[Tick]) -> Iterator[Second]:
        for tick in ticks:
            command = self._conductor.saw(tick)
            if command is not None:
                self._generators.tell(command)
            tokens = self._renew() if self._renew is not None else None
            if tokens is not None:
                self._generators.tell(Renew(tokens=tuple(tokens)))
            second = _second(tick)
            self._seconds.append(second)
            yield second

    def _look_for_kill_file(self) -> None:
        if self._kill_file is not None and self._stopped is None and self._kill_file.exists():
            self._stopped = "interrupted"
            self._generators.tell(Stop())

    def _invalid_reason(self, ended: Ended) -> InvalidReason | None:
        """Return why the run proves nothing, the most telling reason first."""
        if self._lost:
            return "worker_lost"
        if self._conductor.down:
            return "target_down"
        if ended.interrupted:
            return "interrupted"
        if ended.closed_loop:
            return "closed_loop"
        if ended.sent != ended.scheduled and not ended.held:
            return "arrivals_lost"
        late_ms = ended.lateness.quantile_ms(0.99) or 0.0
        if late_ms > max(LATE_MS, 3 * ended.noise_floor_ms) or ended.busiest > BUSY:
            return "generator_late"
        if ended.errors.get("not_understood"):
            return "not_understood"
        if ended.errors.get("unauthenticated", 0) > 0.01 * ended.sent:
            return "identity_refused"
        return None

    def _nobody_left(self) -> NotSeen:
        why = "; ".join(f"generator {worker}: {said}" for worker, said in self._lost.items())
        return NotSeen(
            f"the load generator said nothing more: {why or 'it was stopped'}",
            cause="generator_invalid",
            hint="free some processor time and memory on this host, then run again",
        )


def drive(
    plan: Plan,
    tokens: Sequence[str] = (),
    *,
    on_second: Callable[[Second], None] | None = None,
) -> LoadOutcome:
    """Play *plan* to its end and return what it saw, calling *on_second* as each second ends.

    Raises:
        NotSeen: The target does not answer, or the generators died.
        UsageError: The scenario cannot be used.

    """
    with Drive(plan, tokens) as run:
        for second in run:
            if on_second is not None:
                on_second(second)
        return run.outcome()


def _second(tick: Tick) -> Second:
    corrected = [_finite(tick.corrected, p) for p in (0.5, 0.95, 0.99)]
    service = [_finite(tick.service, p) for p in (0.5, 0.95, 0.99)]
    return Second(
        t_s=tick.t_s,
        n=tick.n,
        failed=tick.failed,
        p50_ms=corrected[0],
        p95_ms=corrected[1],
        p99_ms=corrected[2],
        service_p50_ms=service[0],
        service_p95_ms=service[1],
        service_p99_ms=service[2],
        lateness_p99_ms=tick.lateness.quantile_ms(0.99),
    )


def _finite(seen: Histogram, p: float) -> float | None:
    """Return a quantile of those that succeeded."""
    return msgspec.structs.replace(seen, lost=0).quantile_ms(p)


def _refusal(refused: Refused) -> NotSeen | UsageError:
    if refused.cause == "scenario":
        return UsageError(refused.message, hint="correct load.scenario in readiness.yaml")
    if refused.cause == "joining":
        hint = "start `readiness worker` on each host, with the same secret and scenario"
        return NotSeen(refused.message, cause="generator_invalid", hint=hint)
    return NotSeen(refused.message, hint="check that the target is up and reachable")
