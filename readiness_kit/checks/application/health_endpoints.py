"""Health endpoints: liveness and readiness answer at every address and every process, in a second.

>>> CHECK.shows()
{'liveness_answers': 'PASS', 'readiness_answers': 'PASS'}
>>> CHECK.shows(slow_liveness(GOOD))["liveness_answers"]
'WARN'
>>> CHECK.shows(readiness_refuses(GOOD))["readiness_answers"]
'FAIL'
>>> CHECK.shows(GOOD.replace(readiness=()))["readiness_answers"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.health import HealthAnswer, HealthAnswers
from readiness_kit.verdict import (
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


def _liveness(one: HealthAnswer) -> Outcome:
    if not _answered(one) or one.says not in HEALTHY | DEGRADED:
        return Outcome.FAILS
    quick = one.elapsed_ms <= QUICK_MS and one.says in HEALTHY
    return Outcome.HOLDS if quick else Outcome.HOLDS_WEAKLY


def _readiness(one: HealthAnswer) -> Outcome:
    if not _answered(one) or not (one.says in READY | DEGRADED or one.dependencies):
        return Outcome.FAILS
    quick = one.elapsed_ms <= QUICK_MS and (one.says in READY or not one.says)
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


def nobody_asked(health: HealthAnswers) -> HealthAnswers:
    """Ask nowhere."""
    return health.replace(liveness=(), readiness=())


CHECK = Check(
    (judge_liveness, judge_readiness),
    remedy="Serve a liveness endpoint that touches nothing outside the process, and a readiness "
    "endpoint that asks the database with a time-out below a second and answers 503 without it.",
    references=(
        "Kubernetes: Configure Liveness, Readiness and Startup Probes",
        "draft-inadarei-api-health-check-06",
    ),
    good=(GOOD,),
    worsen=(slow_liveness, readiness_refuses, readiness_says_nothing, nobody_asked),
    thresholds={
        "liveness_answers": "200 within 1 s, warning up to 5 s (defaults of the kit)",
        "readiness_answers": "200 within 1 s, warning up to 5 s (defaults of the kit)",
    },
)
