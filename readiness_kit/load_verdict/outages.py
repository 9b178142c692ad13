"""What a drill shows: how calls went before, during and after something was broken."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from readiness_kit.facts.drills.degradation import Break, CacheCount, Call, Cut, DegradationDrill
from readiness_kit.statistics.shares import against

CACHE: tuple[Cut, ...] = ("cut_cache", "blackhole_cache")
DATABASE: tuple[Cut, ...] = ("cut_database", "blackhole_database")

FAST_MS = 100.0
"""Default of the kit: who is refused hears of it at once."""

TRIALS = 0.25
"""Share of calls that may still be slow after a breaker opened: it lets some through to try."""

WAITING = 0.5
"""Share of calls beyond which nothing opened."""

LEAST = 10
"""Fewest calls from which anything is concluded."""


class Opened(NamedTuple):
    """How calls went while something was broken."""

    after: int | None
    """Slow calls until the others were fast; None: they were not, or too few to say."""
    watched: int
    """Calls made afterwards of the query that had the fewest."""
    slow: float
    """Share of them that was slow, of the query that had most."""


def calls_before(drill: DegradationDrill) -> list[Call]:
    """Return the calls that ended before anything was broken."""
    first_s = min((one.since_s for one in drill.breaks), default=0.0)
    return [one for one in drill.calls if one.at_s < first_s - one.elapsed_ms / 1000]


def calls_during(drill: DegradationDrill, cut: Break) -> list[Call]:
    """Return the calls that were sent while *cut* was there."""
    return [one for one in drill.calls if cut.since_s <= one.at_s < cut.mending_s]


def opened(drill: DegradationDrill, cut: Break, allowed: int) -> Opened:
    """Return after how many slow calls, *allowed* at most, those begun later were fast.

    Each query by itself, since some need what is broken and some do not. Calls that were under way
    when the last of these failed count for nothing.
    """
    usual_ms = p95_of(calls_before(drill)) or 0.0
    usual_ms = usual_ms if math.isfinite(usual_ms) else 0.0
    calls = calls_during(drill, cut)
    slow = {id(one) for one in calls if not fast(one, usual_ms)}
    ends = sorted(one.at_s + one.elapsed_ms / 1000 for one in calls if id(one) in slow)
    queries = {one.query for one in calls}
    found = Opened(None, 0, 1.0)
    for n in range(min(allowed, len(ends)) + 1):
        since_s = ends[n - 1] if n else -math.inf
        rest = [[one for one in calls if one.query == q and one.at_s >= since_s] for q in queries]
        watched = min(map(len, rest), default=0)
        if watched < LEAST:
            break
        share = max(sum(id(one) in slow for one in part) / len(part) for part in rest)
        found = Opened(n if share <= TRIALS else None, watched, share)
        if found.after is not None:
            break
    return found


def fast(one: Call, usual_ms: float) -> bool:
    """Tell whether a refusal is quick, or an answer no more than that slower than usual."""
    extra_ms = usual_ms if one.outcome == "good" else 0.0
    return one.outcome != "lost" and one.elapsed_ms <= FAST_MS + extra_ms


def returned_s(drill: DegradationDrill, cut: Break) -> float | None:
    """Return how long after mending what was lost is used again; ``inf``: not while watched."""
    if cut.fault in CACHE:
        counts = [one for one in drill.lookups if cut.until_s <= one.at_s <= cut.watched_until_s]
        if len(counts) < 2 or not (usual_per_s(drill) or 0.0) > 0:
            return None
        again = (one.at_s for one in counts if one.lookups > counts[0].lookups)
        return next(again, math.inf) - cut.until_s
    lost = {one.query for one in refusals_during(drill, cut)}
    after = [one for one in drill.calls if cut.until_s <= one.at_s <= cut.watched_until_s]
    if not lost or not after:
        return None
    bad_s = max((one.at_s for one in after if one.outcome != "good"), default=-math.inf)
    good = [
        min(
            (one.at_s for one in after if one.query == query and one.at_s > bad_s), default=math.inf
        )
        for query in lost
    ]
    return max(good) - cut.until_s


def not_shown(drill: DegradationDrill, cut: Break) -> Iterator[str]:
    """Yield why it is not sure that *cut* broke anything, or that it was taken back."""
    if returned_s(drill, cut) is None:
        yield f"{cut.fault}: not seen to be used again"
    if cut.fault in DATABASE:
        if not refusals_during(drill, cut):
            yield f"{cut.fault} changed no answer: declare drills.fresh_read"
        return
    within = [one for one in drill.lookups if cut.since_s <= one.at_s < cut.mending_s]
    usual, now = usual_per_s(drill), per_s(within)
    if usual is None or now is None:
        yield f"{cut.fault}: the cache does not tell how often it is asked (INFO stats)"
    elif not usual > 0:
        yield f"{cut.fault}: nobody asked the cache before, so nothing was lost"
    elif not now <= usual / 10:
        yield f"{cut.fault}: the cache was asked all the same"


def usual_per_s(drill: DegradationDrill) -> float | None:
    """Return how often a second the cache was asked before anything was broken."""
    first_s = min((one.since_s for one in drill.breaks), default=0.0)
    return per_s([one for one in drill.lookups if one.at_s < first_s])


def per_s(counts: list[CacheCount]) -> float | None:
    """Return how often a second the cache was asked."""
    if len(counts) < 2 or not counts[-1].at_s > counts[0].at_s:
        return None
    return (counts[-1].lookups - counts[0].lookups) / (counts[-1].at_s - counts[0].at_s)


def refusals_during(drill: DegradationDrill, cut: Break) -> list[Call]:
    """Return those of them that were not answered."""
    return [one for one in calls_during(drill, cut) if one.outcome != "good"]


def p95_of(calls: list[Call]) -> float | None:
    """Return their P95, milliseconds; ``inf`` where more than one in twenty failed."""
    times = sorted(ms(one) for one in calls)
    return times[math.ceil(0.95 * len(times)) - 1] if times else None


def over(calls: list[Call], limit_ms: float) -> str:
    """Return where P95 lies against a limit: ``under``, ``over`` or ``straddles``."""
    if not calls or math.isnan(limit_ms):
        return "straddles"
    return against(sum(not ms(one) <= limit_ms for one in calls), len(calls), 0.05)


def ms(one: Call) -> float:
    """Return how long a call took; one that failed took longer than any other."""
    known = one.outcome == "good" and not math.isnan(one.elapsed_ms)
    return one.elapsed_ms if known else math.inf
