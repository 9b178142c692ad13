"""Breaks the cache and the database, in two ways each, under a steady load, and mends them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from readiness_kit.drills.cached import Kept, Lookups
from readiness_kit.drills.steady import Steady
from readiness_kit.drills.undo import broken, declared
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.degradation import Break, CachedRead, Cut, DegradationDrill
from readiness_kit.sources import Visit, source

CALLS = 300
"""Calls before anything is broken, and through each fault of the cache: for a P95."""

LONGEST_S = 60.0
"""Longest that anything is broken, however slowly calls are made."""

DATABASE_S = 14.0
"""How long the database is broken at least: a time-out, and what follows it."""

DATABASE_CALLS = 140
"""Calls meanwhile: of each query some dozens."""

BACK_S = 61.0
"""Longest watch after mending."""

WELL = 0.9
"""Share of a query's calls that must be answered before anything is broken."""

CALM = 20
"""Good calls in a row after which the service is as before."""

_STEP_S = 0.2

CACHE: tuple[Cut, ...] = ("cut_cache", "blackhole_cache")
DATABASE: tuple[Cut, ...] = ("cut_database", "blackhole_database")


@source(
    effect="drill",
    drill="degradation",
    asks=f"10 calls a second for 2 to 8 min; breaks the cache twice for {LONGEST_S:g} s and the "
    f"database twice for {DATABASE_S:g} to {LONGEST_S:g} s",
    deadline_s=900,
    exclusive=("load", "target"),
)
def degradation_drill(visit: Visit) -> DegradationDrill:
    """Break one thing after the other, each after the one before is mended.

    Raises:
        NotSeen: A fault is not declared, or the service was not well before.

    """
    faults = (*(CACHE if visit.target.cache else ()), *DATABASE)
    for name in faults:
        declared(visit, name)
    with Steady(visit) as load, Lookups(visit, load) as lookups:
        drill = _Drill(visit, load, lookups)
        drill.wait(drill.phase_s(), lambda: False)
        drill.demand_well()
        for name in faults:
            drill.hold(name)
    return DegradationDrill(
        processes=max(1, len(visit.api.instances)),
        rate_rps=round(load.rate_rps, 3),
        calls=tuple(load.calls()),
        left_out=tuple(load.questions[one].query for one in sorted(drill.left_out)),
        breaks=tuple(drill.breaks),
        lookups=tuple(lookups.found),
        reads=tuple(drill.reads),
        cache_declared=visit.target.cache is not None,
        observed_at=datetime.now(UTC),
    )


class _Drill:
    """What is done, in order."""

    def __init__(self, visit: Visit, load: Steady, lookups: "Lookups") -> None:
        self._visit = visit
        self._load = load
        self._lookups = lookups
        self._kept = Kept(visit)
        self.breaks: list[Break] = []
        self.reads: list[CachedRead] = []
        self.left_out: set[int] = set()

    def phase_s(self, calls: int | None = None) -> float:
        """Return how long *calls*, else those for a P95, take."""
        return min(LONGEST_S, (calls or CALLS) / self._load.rate_rps)

    def demand_well(self) -> None:
        """Make sure that the service answered before anything is broken.

        A query that is hardly ever answered is left out: others can show how the service fares.

        Raises:
            NotSeen: It did not.

        """
        by_query: dict[int, list[bool]] = {}
        for one in self._load.calls():
            by_query.setdefault(one.query, []).append(one.outcome == "good")
        self.left_out = {n for n, good in by_query.items() if sum(good) < WELL * len(good)}
        self._load.leave_out(self.left_out)
        calls = self._load.calls()
        good = sum(one.outcome == "good" for one in calls)
        if not calls or good < 0.99 * len(calls):
            raise NotSeen(
                f"{good} of {len(calls)} calls were answered before anything was broken",
                hint="see that the queries under smoke are answered, and begin again",
            )

    def hold(self, name: Cut) -> None:
        """Break *name*, watch, mend, and watch until all is as before."""
        database = name in DATABASE
        if database:
            self._kept.warm()
        with broken(self._visit, name) as when:
            began_s = time.monotonic()
            if database:
                self.reads += self._kept.again(name)
            length_s = max(DATABASE_S, self.phase_s(DATABASE_CALLS)) if database else self.phase_s()
            self.wait(length_s - (time.monotonic() - began_s), lambda: False)
        since_s, mending_s, until_s = (self._load.now_s(one) for one in when[0])
        self.wait(BACK_S, lambda: self._calm(until_s) and self._lookups.moved_since(until_s))
        self.breaks.append(
            Break(
                fault=name,
                since_s=since_s,
                mending_s=mending_s,
                until_s=until_s,
                watched_until_s=self._load.now_s(),
            )
        )

    def wait(self, seconds: float, done: Callable[[], bool]) -> None:
        """Wait until *done*, *seconds* at most.

        Raises:
            NotSeen: The visit is over.

        """
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not done():
            _ = self._visit.remaining_s
            time.sleep(_STEP_S)

    def _calm(self, since_s: float) -> bool:
        last = self._load.calls(since_s)[-CALM:]
        return len(last) == CALM and all(one.outcome == "good" for one in last)
