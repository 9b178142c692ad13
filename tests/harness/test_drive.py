"""The parent against generators that say what a test writes down."""

import pytest
from harness.played import plan, share
from msgspec.structs import replace

from readiness_kit.errors import NotSeen, UsageError
from readiness_kit.harness.conducting import drive as drive_module
from readiness_kit.harness.conducting.drive import Drive
from readiness_kit.harness.plan import Cut, Ready, Refused, Renew, Stop
from readiness_kit.statistics.early import Limit
from readiness_kit.statistics.histogram import Recorder

READY = Ready(users=5, noise_floor_ms=1.0)
SECONDS = 3
EVERY = [("Post", t / 20, 0.01) for t in range(20 * SECONDS)]


class Scripted:
    """Generators that say what *script* holds, one entry at each question, and then nothing.

    An entry is (worker, message), None for a moment of silence, or something to call.
    """

    start_s = 0.05

    def __init__(self, *script):
        self.script = iter(script)
        self.told = []
        self.started = self.closed = 0

    def __call__(self, given_plan, tokens):
        self.tokens = tokens
        return self

    def start(self):
        self.started += 1
        return 0.0

    def tell(self, command):
        self.told.append(command)

    def hear(self, wait_s):
        heard = next(self.script, None)
        return heard() if callable(heard) else heard

    def last_words(self, worker):
        return f"exit status {worker}"

    def close(self):
        self.closed += 1


def said(worker, workers=2, *, end=True, every=EVERY, **changes):
    """What a worker says from its start to its end."""
    ticks, ended = share(every[worker::workers], seconds=SECONDS, **changes)
    return [(worker, one) for one in [*ticks, *([ended] if end else [])]]


def played(*script, workers=2, **options):
    """Return the generators and the outcome of a run in which all become ready first."""
    generators = Scripted(*((worker, READY) for worker in range(workers)), *script)
    order = options.pop("plan", plan(("steady", 3.0, 20.0, 20.0), workers=workers))
    with Drive(order, generators=generators, **options) as run:
        outcome = run.outcome()
    assert (generators.started, generators.closed) == (1, 1)
    return generators, outcome


@pytest.fixture
def impatient(monkeypatch):
    """A parent that calls a generator silent at once."""
    monkeypatch.setattr(drive_module, "SILENCE_S", 0.0)


def test_the_shares_of_all_make_the_run():
    generators, outcome = played(*said(0), *said(1))
    assert outcome.invalid_reason is None
    assert outcome.ended.scheduled == outcome.ended.sent == 60
    assert [second.n for second in outcome.series] == [20, 20, 20]
    assert [second.t_s for second in outcome.series] == [1, 2, 3]
    assert not generators.told


def test_a_generator_that_ends_without_a_word_is_lost_and_the_others_stop():
    (mine, *rest) = said(0)
    generators, outcome = played(mine, (1, None), *rest)
    assert outcome.invalid_reason == "worker_lost"
    assert outcome.workers_lost == 1
    assert generators.told == [Stop()]
    assert outcome.ended.sent == 30


def test_a_gap_in_what_it_says_makes_a_generator_lost():
    theirs = said(1)
    generators, outcome = played(*said(0), theirs[0], *theirs[2:])
    assert outcome.invalid_reason == "worker_lost"
    assert generators.told == [Stop()]
    assert outcome.ended.sent == 30


def test_counts_that_do_not_add_up_make_a_generator_lost():
    *ticks, (_, last) = said(1)
    _, outcome = played(*said(0), *ticks, (1, replace(last, scheduled=last.scheduled + 1)))
    assert outcome.invalid_reason == "worker_lost"


def test_a_silent_generator_is_lost(impatient):
    generators, outcome = played(*said(0), *said(1, end=False))
    assert outcome.invalid_reason == "worker_lost"
    assert generators.told == [Stop()]


def test_nobody_is_called_silent_while_something_waits_to_be_heard(impatient):
    _, outcome = played(*said(0), *said(1))
    assert outcome.invalid_reason is None


def test_without_any_last_word_nothing_was_seen():
    with pytest.raises(
        NotSeen, match="generator 0: exit status 0; generator 1: exit status 1"
    ) as no:
        played((0, None), (1, None))
    assert no.value.cause == "generator_invalid"
    assert no.value.hint


REFUSALS = [
    ("scenario", UsageError, "could not", "load.scenario"),
    ("target_down", NotSeen, "could_not_ask", "reachable"),
    ("warm_up", NotSeen, "could_not_ask", "reachable"),
    ("joining", NotSeen, "generator_invalid", "readiness worker"),
]


@pytest.mark.parametrize(("cause", "error", "unknown", "hint"), REFUSALS)
def test_a_refusal_says_why_and_what_to_do(cause, error, unknown, hint):
    generators = Scripted((1, READY), (0, Refused(cause=cause, message="it is so")))
    with (
        Drive(plan(workers=2), generators=generators) as run,
        pytest.raises(error, match="it is so") as no,
    ):
        run.outcome()
    assert hint in no.value.hint
    assert getattr(no.value, "cause", unknown) == unknown
    assert (generators.started, generators.closed) == (0, 1)


@pytest.mark.parametrize("script", [[(0, READY)], [(0, READY), (1, None)], []])
def test_who_is_never_ready_keeps_the_run_from_starting(script):
    generators = Scripted(*script)
    with Drive(plan(workers=2), generators=generators) as run, pytest.raises(NotSeen) as no:
        run.outcome()
    assert no.value.cause == "generator_invalid"
    assert (generators.started, generators.closed) == (0, 1)


def test_the_kill_file_stops_all_once(tmp_path):
    file = tmp_path / "STOP-LOAD"
    generators, outcome = played(
        said(0)[0],
        file.touch,
        None,
        None,
        *said(0, interrupted=True)[1:],
        *said(1, interrupted=True),
        kill_file=file,
    )
    assert generators.told == [Stop()]
    assert outcome.invalid_reason == "interrupted"


def test_a_kill_file_that_is_there_keeps_the_run_from_starting(tmp_path):
    file = tmp_path / "STOP-LOAD"
    file.touch()
    generators = Scripted((0, READY), (1, READY))
    with (
        Drive(plan(workers=2), kill_file=file, generators=generators) as run,
        pytest.raises(NotSeen, match="STOP-LOAD") as no,
    ):
        run.outcome()
    assert no.value.cause == "not_allowed"
    assert (generators.started, generators.closed) == (0, 1)


def test_tokens_are_renewed_when_there_are_others():
    fresh = iter([None, ["three"], None])
    generators, _ = played(*said(0), *said(1), tokens=("one", "two"), renew=lambda: next(fresh))
    assert generators.tokens == ("one", "two")
    assert generators.told == [Renew(tokens=("three",))]
    assert "three" not in repr(generators.told)


def test_when_the_schedule_starts_the_caller_is_told():
    starts = []
    played(*said(0), *said(1), on_start=lambda: starts.append(1))
    assert starts == [1]


def test_what_the_conductor_orders_goes_to_all():
    every = [("Post", t / 20, None) for t in range(20 * SECONDS)]
    order = plan(("steady", 60.0, 20.0, 20.0), workers=2, abort_on=(Limit(share=0.01),))
    ticks = [said(worker, every=every, end=False) for worker in (0, 1)]
    long = [
        (worker, replace(one, number=k, t_s=float(k)))
        for k in range(1, 13)
        for worker in (0, 1)
        for _, one in ticks[worker][:1]
    ]
    generators = Scripted((0, READY), (1, READY), *long)
    with Drive(order, generators=generators) as run:
        until = next(second.t_s for second in run if generators.told)
    assert generators.told == [Cut(until=10.5)]
    assert until == 10
    assert generators.closed == 1


def late_by(seconds):
    recorder = Recorder()
    recorder.record(seconds)
    return recorder.histogram()


INVALID = [
    ({}, None),
    ({"interrupted": True}, "interrupted"),
    ({"closed_loop": True}, "closed_loop"),
    ({"sent": 59}, "arrivals_lost"),
    ({"sent": 59, "held": True}, None),
    ({"lateness": late_by(0.0099)}, None),
    ({"lateness": late_by(0.011)}, "generator_late"),
    ({"lateness": late_by(0.011), "noise_floor_ms": 4.0}, None),
    ({"lateness": late_by(0.013), "noise_floor_ms": 4.0}, "generator_late"),
    ({"busiest": 0.96}, "generator_late"),
    ({"errors": {"not_understood": 1}}, "not_understood"),
    ({"errors": {"unauthenticated": 1}}, "identity_refused"),
    ({"errors": {"http_503": 60}}, None),
    ({"interrupted": True, "closed_loop": True}, "interrupted"),
    ({"closed_loop": True, "busiest": 1.0}, "closed_loop"),
]


@pytest.mark.parametrize(("changes", "reason"), INVALID)
def test_why_a_run_proves_nothing(changes, reason):
    _, outcome = played(*said(0, workers=1, **changes), workers=1)
    assert outcome.invalid_reason == reason


def test_a_target_that_is_down_is_named_before_the_interruption_it_caused():
    ticks = [(0, replace(one, answered=0)) for _, one in said(0, workers=1, end=False)]
    _, last = said(0, workers=1, interrupted=True)[-1]
    generators, outcome = played(*ticks, (0, last), workers=1)
    assert generators.told == [Stop()]
    assert outcome.invalid_reason == "target_down"


def test_leaving_in_the_middle_ends_the_generators():
    generators = Scripted((0, READY), (1, READY), *said(0), *said(1))

    def leave():
        with Drive(plan(workers=2), generators=generators) as run:
            raise KeyboardInterrupt(next(iter(run)))

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert generators.closed == 1
