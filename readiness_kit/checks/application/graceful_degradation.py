"""Graceful degradation: without cache or database the service answers, or refuses at once.

>>> CHECK.shows()
{'breaker': 'PASS', 'fallback': 'PASS', 'database_loss_answered': 'PASS', 'cache': 'PASS'}
>>> CHECK.shows(unmarked(GOOD))["cache"]
'WARN'
>>> CHECK.shows(waits_for_ever(GOOD))["breaker"]
'FAIL'
>>> CHECK.shows(nothing_broken(GOOD))["fallback"]
'UNKNOWN'
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.drills.degradation import (
    Break,
    CacheCount,
    CachedRead,
    Call,
    Cut,
    DegradationDrill,
)
from readiness_kit.load_verdict.outages import (
    CACHE,
    DATABASE,
    FAST_MS,
    LEAST,
    WAITING,
    Opened,
    calls_before,
    calls_during,
    not_shown,
    opened,
    over,
    p95_of,
    refusals_during,
    returned_s,
)
from readiness_kit.statistics.quantiles import needed
from readiness_kit.statistics.shares import against
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

FAILURES = 10
"""Default of the kit: failures a breaker may take to open."""

BACK_S = 60.0
"""Default of the kit: how soon a dependency that is well again is used again."""

GOOD_SHARE = 0.99
"""Default of the kit: share of calls answered without the cache."""

SLOWER = 2.0
"""Default of the kit: how much slower they may be."""

HANGS_MS = 5000.0
"""Default of the kit: longest wait for a refusal."""

NYGARD = "a breaker that opens after a few failures (M. Nygard, Release It!, chapter 5)"


@judges("breaker")
def judge_breaker(drill: DegradationDrill) -> Iterator[Finding]:
    """A dependency that fails is cut off after a few failures, and taken back."""
    allowed = FAILURES * max(1, drill.processes)
    found = [(one, opened(drill, one, allowed), returned_s(drill, one)) for one in drill.breaks]
    this = _case(
        drill,
        "breaker",
        "; ".join(f"{one.fault}: {_opening(how)}, {_return(back)}" for one, how, back in found),
        f"fast within {FAST_MS:g} ms after at most {FAILURES} failures in each of "
        f"{drill.processes} processes, back within {BACK_S:g} s of mending",
    )
    unseen = [why for one in drill.breaks for why in not_shown(drill, one)]
    waits = any(how.watched >= LEAST and how.slow > WAITING for _, how, _ in found)
    away = any(back is not None and not back <= BACK_S for _, _, back in found)
    unsure = unseen or any(how.after is None for _, how, _ in found)
    if waits or away:
        yield this.fails(NYGARD)
    elif unsure or _missing(drill, (*CACHE, *DATABASE)):
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, *dict.fromkeys(unseen))
    else:
        yield this.holds()


@judges("fallback")
def judge_fallback(drill: DegradationDrill, objectives: Objectives) -> Iterator[Finding]:
    """Without the cache the service answers on, hardly slower."""
    earlier = calls_before(drill)
    cuts = [one for one in drill.breaks if one.fault in CACHE]
    broken = [(one, calls_during(drill, one)) for one in cuts]
    calls = [call for _, found in broken for call in found]
    bad = sum(one.outcome != "good" for one in calls)
    p95_ms = p95_of(earlier)
    words = [f"{one.fault}: {_speed(found)}" for one, found in broken]
    this = _case(
        drill,
        "fallback",
        f"{len(calls) - bad} of {len(calls)} good; before: {_speed(earlier)}; {'; '.join(words)}",
        f"at least {GOOD_SHARE:.0%} good, P95 at most {SLOWER:g} times that of before",
    )
    unseen = [why for one in cuts for why in not_shown(drill, one)]
    limits = (SLOWER * p95_ms, objectives.p95_ms) if p95_ms is not None else (math.nan, math.nan)
    slow = [[over(found, limit) for _, found in broken] for limit in limits]
    if calls and against(bad, len(calls), 1 - GOOD_SHARE) == "over":
        yield this.fails()
    elif "over" in slow[1]:
        yield this.fails("without the cache, latency breaks objectives.p95_ms")
    elif unseen or _missing(drill, CACHE) or len(earlier) < needed(0.95):
        yield this.not_seen(_cause(drill, CACHE), *dict.fromkeys(unseen))
    elif against(bad, len(calls), 1 - GOOD_SHARE) != "under" or "straddles" in slow[1]:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "raise limits.requests_per_minute if it may be")
    elif "over" in slow[0]:
        yield this.holds("the cache carries the load: without it the service is twice as slow")
    elif "straddles" in slow[0]:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "too close to twice the P95 of before to say")
    else:
        yield this.holds()


@judges("database_loss_answered")
def judge_loss(drill: DegradationDrill) -> Iterator[Finding]:
    """Who asks without a database hears so soon, and nothing of the inside."""
    cuts = [one for one in drill.breaks if one.fault in DATABASE]
    found = [
        (one, [call for call in calls_during(drill, one) if call.outcome != "good"]) for one in cuts
    ]
    refusals = [call for _, calls in found for call in calls]
    internal = next((one.internal for one in refusals if one.internal), "")
    this = _case(
        drill,
        "database_loss_answered",
        "; ".join(f"{one.fault}: {_refusals(calls)}" for one, calls in found)
        + (f"; shown: {internal!r}" if internal else ""),
        f"503 or errors within {HANGS_MS / 1000:g} s, with a word of when to come back, nothing "
        "internal",
    )
    if internal or not all(map(_answered, refusals)):
        yield this.fails()
    elif _missing(drill, DATABASE) or any(len(calls) < LEAST for _, calls in found):
        advice = "declare drills.fresh_read: answers from the cache do not show the loss"
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, advice)
    elif all(one.retry for one in refusals):
        yield this.holds()
    else:
        yield this.holds("say when to come back: Retry-After (RFC 9110 section 10.2.3)")


@judges("cache")
def judge_cache(drill: DegradationDrill) -> Iterator[Finding]:
    """What was asked lately is answered without the database, and says that it is kept."""
    marks = sorted({one.mark for one in drill.reads if one.mark})
    same = sum(one.answered and one.same for one in drill.reads)
    this = _case(
        drill,
        "cache",
        f"{same} of {len(drill.reads)} repeated reads gave the same data without the database; "
        f"marked: {', '.join(marks) or 'none'}",
        "the same data, marked by Age, X-Cache or cache.stale_header",
        seen="/reads",
    )
    lost = [
        name
        for name in DATABASE
        if not any(one.fault == name for one in drill.reads)
        or not any(refusals_during(drill, one) for one in drill.breaks if one.fault == name)
    ]
    if same < len(drill.reads):
        yield this.fails()
    elif lost:
        advice = "declare cache.canary, and drills.fresh_read to show that the database is away"
        yield this.not_seen(Cause.UNPROVEN if drill.reads else Cause.NOT_CONFIGURED, advice)
    elif all(one.mark for one in drill.reads):
        yield this.holds()
    else:
        yield this.holds("an old answer should say so: Age (RFC 9111 section 5.1)")


def _case(
    drill: DegradationDrill, claim: str, got: str, want: str, *, seen: str = "/calls"
) -> Case:
    left = f", {len(drill.left_out)} queries left out" if drill.left_out else ""
    return Case(
        claim=claim,
        got=f"{got or 'nothing was broken'} ({len(drill.calls)} calls{left})",
        want=want,
        seen=[drill.at(seen), drill.at("/breaks")],
        reproduce="run drills.cut_database.do of readiness.yaml; curl -sS -m 6 -D - $URL/graphql "
        '-H "authorization: Bearer $TOKEN" --json @query.json; run drills.cut_database.undo',
    )


def _missing(drill: DegradationDrill, wanted: tuple[Cut, ...]) -> bool:
    return not set(wanted) <= {one.fault for one in drill.breaks}


def _cause(drill: DegradationDrill, wanted: tuple[Cut, ...]) -> Cause:
    undeclared = _missing(drill, wanted) and not drill.cache_declared
    return Cause.NOT_CONFIGURED if undeclared else Cause.TOO_FEW_SAMPLES


def _answered(one: Call) -> bool:
    in_time = one.elapsed_ms <= HANGS_MS
    return one.outcome == "refused" and in_time and (one.status == 503 or one.errors)


def _speed(calls: list[Call]) -> str:
    p95_ms = p95_of(calls)
    return f"P95 {p95_ms:.0f} ms of {len(calls)}" if p95_ms is not None else "no call"


def _opening(how: Opened) -> str:
    if how.after is None:
        return f"{how.slow:.0%} slow to the end" if how.watched >= LEAST else "too few calls"
    return f"fast after {how.after} slow calls"


def _return(back_s: float | None) -> str:
    if back_s is None:
        return "return not seen"
    return f"back after {back_s:.1f} s" if math.isfinite(back_s) else "not back"


def _refusals(calls: list[Call]) -> str:
    codes = "/".join(sorted({str(one.status) for one in calls}))
    slowest_ms = max((one.elapsed_ms for one in calls), default=0.0)
    hints = sum(one.retry for one in calls)
    return f"{len(calls)} refused {codes}, slowest {slowest_ms / 1000:.1f} s, {hints} with a hint"


_CALL = Call(at_s=0.0, elapsed_ms=20.0, query=0, outcome="good", status=200)
_CUTS = tuple(
    Break(
        fault=name,
        since_s=since_s,
        mending_s=since_s + 30,
        until_s=since_s + 30,
        watched_until_s=since_s + 38,
    )
    for name, since_s in zip((*CACHE, *DATABASE), (40.0, 80.0, 120.0, 160.0), strict=True)
)


def _example_call(tenth: int) -> Call:
    """Return the call at a tenth of a second: every other one needs the database."""
    at_s, query = tenth / 10, tenth % 2
    away = next((one for one in _CUTS[2:] if one.since_s <= at_s < one.until_s), None)
    if away is None or not query:
        return replace(_CALL, at_s=at_s, query=query)
    elapsed_ms = 3000.0 if at_s < away.since_s + 1 else 5.0
    return replace(
        _CALL,
        at_s=at_s,
        elapsed_ms=elapsed_ms,
        query=query,
        outcome="refused",
        status=503,
        errors=True,
        retry=True,
    )


def _example_lookups() -> Iterator[CacheCount]:
    lookups = 0
    for second in range(200):
        lookups += 0 if any(one.since_s <= second < one.until_s for one in _CUTS[:2]) else 10
        yield CacheCount(at_s=float(second), lookups=lookups)


GOOD = DegradationDrill(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    processes=2,
    rate_rps=10.0,
    calls=tuple(_example_call(tenth) for tenth in range(2000)),
    breaks=_CUTS,
    lookups=tuple(_example_lookups()),
    reads=tuple(
        CachedRead(fault=name, status=200, answered=True, same=True, mark="x-cache: HIT")
        for name in DATABASE
    ),
    cache_declared=True,
)


def _changed(drill: DegradationDrill, change: Callable[[Call], Call]) -> DegradationDrill:
    return drill.replace(calls=tuple(map(change, drill.calls)))


def waits_for_ever(drill: DegradationDrill) -> DegradationDrill:
    """Let every call wait for its time-out whatever is broken."""
    first_s = min(one.since_s for one in drill.breaks)
    return _changed(
        drill,
        lambda one: (
            replace(one, elapsed_ms=4000.0, outcome="lost", status=None)
            if one.at_s >= first_s
            else one
        ),
    )


def never_back(drill: DegradationDrill) -> DegradationDrill:
    """Let the cache be asked no more, and refusals go on."""
    first_s = min(one.since_s for one in drill.breaks)
    after_s = min(one.until_s for one in drill.breaks if one.fault in DATABASE)
    seen = [one for one in drill.lookups if one.at_s < first_s]
    last = seen[-1].lookups if seen else 0
    return _changed(
        drill,
        lambda one: replace(one, outcome="refused", status=503) if one.at_s >= after_s else one,
    ).replace(
        lookups=tuple(
            replace(one, lookups=one.lookups if one.at_s < first_s else last)
            for one in drill.lookups
        )
    )


def unhinted(drill: DegradationDrill) -> DegradationDrill:
    """Let no refusal say when to come back."""
    return _changed(drill, lambda one: replace(one, retry=False))


def gives_away(drill: DegradationDrill) -> DegradationDrill:
    """Let every refusal show its stack."""
    return _changed(drill, lambda one: replace(one, internal="Traceback (most recent call last)"))


def empty_answers(drill: DegradationDrill) -> DegradationDrill:
    """Answer with nothing in place of a refusal."""
    return _changed(
        drill, lambda one: one if one.outcome == "good" else replace(one, outcome="empty")
    )


def needs_the_cache(drill: DegradationDrill) -> DegradationDrill:
    """Refuse whatever is asked while the cache is away."""
    cuts = [one for one in drill.breaks if one.fault in CACHE]
    return _changed(
        drill,
        lambda one: (
            replace(one, outcome="refused", status=500)
            if any(cut.since_s <= one.at_s < cut.until_s for cut in cuts)
            else one
        ),
    )


def unmarked(drill: DegradationDrill) -> DegradationDrill:
    """Let nothing say that an answer is kept."""
    return drill.replace(reads=tuple(replace(one, mark="") for one in drill.reads))


def other_data(drill: DegradationDrill) -> DegradationDrill:
    """Let kept answers differ from those of before."""
    return drill.replace(reads=tuple(replace(one, same=False) for one in drill.reads))


def nothing_broken(drill: DegradationDrill) -> DegradationDrill:
    """Break nothing."""
    return drill.replace(breaks=())


def cache_not_cut(drill: DegradationDrill) -> DegradationDrill:
    """Let the cache be asked on, whatever the fault."""
    return drill.replace(
        lookups=tuple(replace(one, lookups=int(one.at_s * 10)) for one in drill.lookups)
    )


CHECK = Check(
    (judge_breaker, judge_fallback, judge_loss, judge_cache),
    remedy="Put a time limit and a circuit breaker around cache and database, answer from the "
    "database without the cache, from the cache without the database, and refuse the rest with "
    "503 and Retry-After.",
    references=(
        "M. Nygard: Release It!, 2nd edition, chapter 5",
        "RFC 9110 sections 10.2.3 and 15.6.4",
        "RFC 9111 section 5.1",
    ),
    good=(GOOD,),
    worsen=(
        waits_for_ever,
        never_back,
        unhinted,
        gives_away,
        empty_answers,
        needs_the_cache,
        unmarked,
        other_data,
        nothing_broken,
        cache_not_cut,
    ),
    thresholds={
        "breaker": "100 ms after 10 failures in each process, back within 60 s (kit)",
        "fallback": "99 % good, P95 at most twice that of before (defaults of the kit)",
        "database_loss_answered": "503 or errors within 5 s (default of the kit)",
        "cache": "same data, marked as kept",
    },
)
