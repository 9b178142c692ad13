"""Health endpoints: both answer everywhere, and readiness alone follows the database.

>>> CHECK.shows()
{'liveness_answers': 'PASS', 'readiness_answers': 'PASS', 'readiness_follows_database': 'PASS'}
>>> CHECK.shows(slow_liveness(GOOD))["liveness_answers"]
'WARN'
>>> CHECK.shows(readiness_refuses(GOOD))["readiness_answers"]
'FAIL'
>>> CHECK.shows(GOOD.replace(readiness=()))["readiness_answers"]
'UNKNOWN'
>>> CHECK.shows(ready_lies(DRILL))["readiness_follows_database"]
'FAIL'
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.facts.api.health import HealthAnswer, HealthAnswers
from readiness_kit.facts.drills.readiness import Outage, Poll, ReadinessDrill
from readiness_kit.verdict import (
    Case,
    Cause,
    Check,
    Finding,
    Outcome,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

QUICK_MS = 1000.0
"""Default of the kit: a probe's usual time-out."""

LONGEST_MS = 5000.0
"""Default of the kit: no orchestrator waits longer."""

TURNS_OFF_S = 10.0
"""Default of the kit: how soon a balancer must stop sending requests that cannot be served."""

TURNS_ON_S = 30.0
"""Default of the kit: how soon it may send them again."""

HEALTHY = frozenset({"healthy", "ok", "pass", "alive", "live", "up"})
READY = HEALTHY | {"ready"}
DEGRADED = frozenset({"degraded", "warn", "warning"})


@judges("liveness_answers")
def judge_liveness(health: HealthAnswers) -> Iterator[Finding]:
    """Liveness says that the process is alive; it names no dependency's trouble."""
    seen = [(f"/liveness/{n}", one) for n, one in enumerate(health.liveness)]
    outcomes = [_liveness(one) for _, one in seen]
    yield _finding("liveness_answers", seen, outcomes, "200 within 1 s and a healthy body")


@judges("readiness_answers")
def judge_readiness(health: HealthAnswers) -> Iterator[Finding]:
    """Readiness says whether this process may get traffic, and what it asked to know."""
    seen = [(f"/readiness/{n}", one) for n, one in enumerate(health.readiness)]
    outcomes = [_readiness(one) for _, one in seen]
    want = "200 within 1 s that says ready or names its dependencies"
    yield _finding("readiness_answers", seen, outcomes, want)


class Course(NamedTuple):
    """How one place went through the drill."""

    place: str
    off_s: float | None
    """From the database being cut to the first refusal after which none was ready; None: never."""
    refusals: frozenset[int | None]
    """Status of each answer that was not ready, while the database was cut."""
    on_s: float | None
    """From the last mending to being ready for good; None: never."""
    cache_matters: bool
    """Whether readiness turned off with the cache."""
    ill: int
    """Answers of liveness that were not 200 within 5 s."""
    hangs: int
    """Answers of readiness that took over 5 s, or never came."""

    def __str__(self) -> str:
        """Show all of it."""
        off = "never off" if self.off_s is None else f"off after {self.off_s:.1f} s"
        codes = "/".join(sorted(str(code) for code in self.refusals))
        on = "not back" if self.on_s is None else f"back after {self.on_s:.1f} s"
        more = f", {self.ill} of liveness not 200" if self.ill else ""
        more += f", {self.hangs} hung" if self.hangs else ""
        more += ", off with the cache" if self.cache_matters else ""
        return f"{self.place}: {off} {codes}".rstrip() + f", {on}{more}"


@judges("readiness_follows_database")
def judge_drill(drill: ReadinessDrill) -> Iterator[Finding]:
    """Readiness turns off with the database and comes back; liveness does not care."""
    courses = [_course(drill, place) for place in drill.places]
    seen = [one for one in courses if one is not None]
    this = Case(
        claim="readiness_follows_database",
        got="; ".join(map(str, seen)) + f" ({len(drill.polls)} polls in {drill.seconds:.0f} s)",
        want=f"at each of {len(drill.places)} places: 503 within {TURNS_OFF_S:g} s, 200 within "
        f"{TURNS_ON_S:g} s of mending, liveness 200 throughout, none of it with the cache",
        seen=[drill.at("/polls"), drill.at("/outages")],
        reproduce="run drills.cut_database.do of readiness.yaml; curl -sS -m 6 -w '%{http_code}' "
        f"{_bare(drill)}{drill.ready}; run drills.cut_database.undo",
    )
    if drill.outages and any(_ill(one) or _hangs(one) for one in drill.polls):
        yield this.fails()
    elif not seen or len(seen) < len(courses) or len(_cuts(drill)) < 1 + drill.cache_declared:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "some place or outage was not polled")
    elif any(map(_breaks, seen)):
        yield this.fails()
    else:
        yield this.holds(*dict.fromkeys(_weaknesses(drill, seen)))


def _course(drill: ReadinessDrill, place: str) -> Course | None:
    """Return how *place* fared; None where too little was heard of it to say."""
    cuts = _cuts(drill)
    polls = sorted((one for one in drill.polls if one.place == place), key=lambda one: one.at_s)
    ready = [one for one in polls if one.endpoint == "ready"]
    health = [one for one in polls if one.endpoint == "health"]
    first = cuts[0] if cuts and cuts[0].fault == "cut_database" else None
    if first is None or not all(_during(cut, part) for cut in cuts for part in (ready, health)):
        return None
    if not any(one.at_s < first.since_s and one.status == 200 for one in ready):
        return None
    cut = _during(first, ready)
    off_s, on_s = _change(cut, first.since_s, ready=False), None
    last = cuts[-1]
    after = [one for one in ready if one.at_s >= last.until_s]
    if after:
        on_s = _change(after, last.until_s, ready=True)
    between = [one for one in ready if first.until_s <= one.at_s < last.since_s]
    if between:  # it must have come back from the database as well
        back_s = _change(between, first.until_s, ready=True)
        on_s = max(on_s, back_s) if on_s is not None and back_s is not None else None
    return Course(
        place=place,
        off_s=off_s,
        refusals=frozenset(one.status for one in cut if one.status != 200),
        on_s=on_s,
        cache_matters=any(one.status != 200 for other in cuts[1:] for one in _during(other, ready)),
        ill=sum(map(_ill, health)),
        hangs=sum(map(_hangs, ready)),
    )


def _ill(one: Poll) -> bool:
    late = not one.elapsed_ms <= LONGEST_MS
    return one.endpoint == "health" and (one.status != 200 or late)


def _hangs(one: Poll) -> bool:
    late = not one.elapsed_ms <= LONGEST_MS
    return one.endpoint == "ready" and (one.status is None or late)


def _cuts(drill: ReadinessDrill) -> list[Outage]:
    return sorted(drill.outages, key=lambda one: one.since_s)


def _during(cut: Outage, polls: list[Poll]) -> list[Poll]:
    """Return the polls that were sent and answered while *cut* was surely there."""
    return [
        one
        for one in polls
        if cut.since_s <= one.at_s < cut.mending_s
        and one.at_s + one.elapsed_ms / 1000 <= cut.mending_s
    ]


def _change(polls: list[Poll], since_s: float, *, ready: bool) -> float | None:
    """Return how long after *since_s* all were *ready*, or none was; None when the last is not."""
    like = [(one.status == 200) is ready for one in polls]
    at = len(like) - next((n for n, one in enumerate(reversed(like)) if not one), len(like))
    return polls[at].at_s + polls[at].elapsed_ms / 1000 - since_s if at < len(like) else None


def _breaks(one: Course) -> bool:
    off = one.off_s is not None and one.off_s <= TURNS_OFF_S
    on = one.on_s is not None and one.on_s <= TURNS_ON_S
    refused = all(code is not None and 500 <= code < 600 for code in one.refusals)
    return not (off and on and refused)


def _weaknesses(drill: ReadinessDrill, seen: list[Course]) -> Iterator[str]:
    for one in seen:
        if one.refusals != {503}:
            yield "503 says come back later, 500 says broken (RFC 9110 section 15.6.4)"
        if one.cache_matters and not drill.cache_required:
            yield (
                "readiness turns off with the cache: all processes at once, for a help only; "
                "declare cache.hard_dependency if the service cannot do without"
            )


def _bare(drill: ReadinessDrill) -> str:
    return drill.places[0].partition(" at ")[0] if drill.places else "$URL"


def _liveness(one: HealthAnswer) -> Outcome:
    if not _answered(one) or one.says not in HEALTHY | DEGRADED:
        return Outcome.FAILS
    quick = one.elapsed_ms <= QUICK_MS and one.says in HEALTHY
    return Outcome.HOLDS if quick else Outcome.HOLDS_WEAKLY


def _readiness(one: HealthAnswer) -> Outcome:
    if not _answered(one) or not (one.says in READY | DEGRADED or one.dependencies):
        return Outcome.FAILS
    if one.says and one.says not in READY | DEGRADED:
        return Outcome.FAILS  # a balancer reads the status, and this one belies it
    quick = one.elapsed_ms <= QUICK_MS and one.says not in DEGRADED and not one.ill
    return Outcome.HOLDS if quick else Outcome.HOLDS_WEAKLY


def _answered(one: HealthAnswer) -> bool:
    return one.status == 200 and 0 <= one.elapsed_ms <= LONGEST_MS


def _finding(
    claim: str, seen: list[tuple[str, HealthAnswer]], outcomes: list[Outcome], want: str
) -> Finding:
    want = f"at each of {len(seen)} places: {want}"
    if not seen:
        return not_seen(claim, Cause.COULD_NOT_ASK, got="no place was asked", want=want)
    pointers = [HealthAnswers.at(path) for path, _ in seen]
    got = "; ".join(_words(one) for _, one in seen)
    reproduce = f"curl -sS -m 5 -w '%{{http_code}} %{{time_total}}' {_url(seen[0][1])}"
    if Outcome.FAILS in outcomes:
        return fails(claim, got=got, want=want, seen=pointers, reproduce=reproduce)
    if Outcome.HOLDS_WEAKLY in outcomes:
        advice = ["slow or degraded: an orchestrator with a 1 s time-out would restart or drain it"]
        return holds_weakly(
            claim, got=got, want=want, seen=pointers, advice=advice, reproduce=reproduce
        )
    return holds(claim, got=got, want=want, seen=pointers, reproduce=reproduce)


def _words(one: HealthAnswer) -> str:
    state = one.reason or f"{one.status} {one.says!r} in {one.elapsed_ms:.0f} ms"
    state += f", not well: {', '.join(one.ill)}" if one.ill else ""
    return f"{one.endpoint}{one.path}: {state}"


def _url(one: HealthAnswer) -> str:
    return one.endpoint.partition(" at ")[0] + one.path


_LIVE = HealthAnswer(
    endpoint="https://api.example.com at 192.0.2.1:443",
    path="/health",
    status=200,
    elapsed_ms=4.0,
    says="healthy",
    dependencies=(),
)
GOOD = HealthAnswers(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    liveness=(_LIVE, replace(_LIVE, endpoint="http://10.0.0.5:8000 at 10.0.0.5:8000")),
    readiness=(replace(_LIVE, path="/ready", says="ready", dependencies=("cache", "database")),),
)


_PLACE = "https://api.example.com at 192.0.2.1:443"
_POLL = Poll(place=_PLACE, endpoint="health", at_s=0.0, elapsed_ms=4.0, status=200)
DRILL = ReadinessDrill(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    places=(_PLACE,),
    health="/health",
    ready="/ready",
    outages=(
        Outage(fault="cut_database", since_s=2.0, mending_s=5.9, until_s=6.0),
        Outage(fault="cut_cache", since_s=9.0, mending_s=11.9, until_s=12.0),
    ),
    polls=tuple(
        replace(_POLL, endpoint=endpoint, at_s=at + 0.5, status=503 if off else 200)
        for at in range(15)
        for endpoint, off in (("health", False), ("ready", 2 <= at < 7))
    ),
    cache_declared=True,
    cache_required=False,
    seconds=15.0,
)


def slow_liveness(health: HealthAnswers) -> HealthAnswers:
    """Let every liveness answer take more than a second."""
    slow = (replace(one, elapsed_ms=max(one.elapsed_ms, 1000.1)) for one in health.liveness)
    return health.replace(liveness=tuple(slow))


def readiness_refuses(health: HealthAnswers) -> HealthAnswers:
    """Let every readiness endpoint answer 503."""
    return health.replace(readiness=tuple(replace(one, status=503) for one in health.readiness))


def readiness_says_nothing(health: HealthAnswers) -> HealthAnswers:
    """Let readiness answer 200 without a word."""
    mute = (replace(one, says="", dependencies=()) for one in health.readiness)
    return health.replace(readiness=tuple(mute))


def ready_without_the_database(health: HealthAnswers) -> HealthAnswers:
    """Let readiness answer 200 and say that a dependency is down."""
    down = (
        replace(one, ill=("database",)) if one.status == 200 else one for one in health.readiness
    )
    return health.replace(readiness=tuple(down))


def says_it_is_not_ready(health: HealthAnswers) -> HealthAnswers:
    """Let readiness answer 200, and say in its body that it is not."""
    return health.replace(readiness=tuple(replace(one, says="down") for one in health.readiness))


def nobody_asked(health: HealthAnswers) -> HealthAnswers:
    """Ask nowhere."""
    return health.replace(liveness=(), readiness=())


def ready_lies(drill: ReadinessDrill) -> ReadinessDrill:
    """Let readiness say 200 whatever happens."""
    return _ready(drill, lambda one: replace(one, status=200))


def answers_500(drill: ReadinessDrill) -> ReadinessDrill:
    """Let readiness answer 500 in place of 503."""
    return _ready(drill, lambda one: replace(one, status=500 if one.status == 503 else one.status))


def ready_hangs(drill: ReadinessDrill) -> ReadinessDrill:
    """Let readiness take more than 5 s."""
    return _ready(drill, lambda one: replace(one, elapsed_ms=max(one.elapsed_ms, 5000.1)))


def never_back(drill: ReadinessDrill) -> ReadinessDrill:
    """Let readiness stay off after the database is back."""
    until_s = min(cut.until_s for cut in drill.outages)
    return _ready(drill, lambda one: replace(one, status=503) if one.at_s >= until_s else one)


def liveness_follows(drill: ReadinessDrill) -> ReadinessDrill:
    """Let liveness fail with the database."""
    first = min(drill.outages, key=lambda one: one.since_s)
    polls = (
        replace(one, status=503)
        if one.endpoint == "health" and first.since_s <= one.at_s < first.until_s
        else one
        for one in drill.polls
    )
    return drill.replace(polls=tuple(polls))


def nothing_cut(drill: ReadinessDrill) -> ReadinessDrill:
    """Cut nothing."""
    return drill.replace(outages=())


def _ready(drill: ReadinessDrill, change: Callable[[Poll], Poll]) -> ReadinessDrill:
    polls = (change(one) if one.endpoint == "ready" else one for one in drill.polls)
    return drill.replace(polls=tuple(polls))


CHECK = Check(
    (judge_liveness, judge_readiness, judge_drill),
    remedy="Serve a liveness endpoint that touches nothing outside the process, and a readiness "
    "endpoint that asks the database with a time-out below a second and answers 503 without it.",
    references=(
        "Kubernetes: Configure Liveness, Readiness and Startup Probes",
        "draft-inadarei-api-health-check-06",
    ),
    good=(GOOD, DRILL),
    worsen=(
        slow_liveness,
        readiness_refuses,
        readiness_says_nothing,
        ready_without_the_database,
        says_it_is_not_ready,
        nobody_asked,
        ready_lies,
        answers_500,
        ready_hangs,
        never_back,
        liveness_follows,
        nothing_cut,
    ),
    thresholds={
        "liveness_answers": "200 within 1 s, warning up to 5 s (defaults of the kit)",
        "readiness_answers": "200 within 1 s, warning up to 5 s (defaults of the kit)",
        "readiness_follows_database": "503 within 10 s, 200 within 30 s of mending, liveness "
        "throughout (defaults of the kit)",
    },
)
