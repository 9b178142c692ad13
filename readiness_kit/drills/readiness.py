"""Cuts the database, then the cache, and polls health and readiness everywhere meanwhile."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal, Self

import httpx

from readiness_kit.drills.undo import Broken, broken, declared
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.readiness import Outage, Poll, ReadinessDrill
from readiness_kit.sources import Address, Visit, source

PERIOD_S = 0.4
"""Time between two polls of one endpoint at one place."""

TIMEOUT_S = 6.0
"""Longest wait for one poll; over 5 s counts as hanging."""

TURN_OFF_S = 11.0
"""Longest that the database is cut while readiness does not turn off."""

STAYS_OFF_S = 1.2
"""How long it is left cut after readiness turned off: to see that it stays off."""

CACHE_CUT_S = 1.0
"""How much longer the cache is cut than readiness took to notice the database."""

TURN_ON_S = 32.0
"""Longest wait for readiness after mending."""

_STEP_S = 0.1

Place = tuple[str, Address]
Endpoint = Literal["health", "ready"]


@source(
    effect="drill",
    drill="readiness",
    asks=f"cuts the database for {TURN_OFF_S:g} s at most, then the cache; "
    "polls health and readiness 2.5 times a second at every place",
    deadline_s=300,
    exclusive=("load", "target"),
)
def readiness_drill(visit: Visit) -> ReadinessDrill:
    """Cut the database, mend it, cut the cache, mend it.

    Raises:
        NotSeen: A fault is not declared, or the service was not ready before.

    """
    cache = visit.target.cache
    declared(visit, "cut_database")
    if cache is not None:
        declared(visit, "cut_cache")
    with Polling(visit) as polling:
        polling.wait_for(lambda: polling.everywhere(polling.began_s, ready=True), TIMEOUT_S)
        if not polling.everywhere(polling.began_s, ready=True):
            raise NotSeen(
                "the service is not ready before anything is cut",
                hint="see application.health_endpoints.readiness_answers",
            )
        outages = [_cut_database(visit, polling)]
        if cache is not None:
            outages.append(_cut_cache(visit, polling, outages[0]))
    return ReadinessDrill(
        places=polling.places,
        health=visit.api.health,
        ready=visit.api.ready,
        outages=tuple(outages),
        polls=polling.polls(),
        cache_declared=cache is not None,
        cache_required=cache is not None and cache.hard_dependency,
        seconds=round(time.monotonic() - polling.began_s, 1),
        observed_at=datetime.now(UTC),
    )


def _cut_database(visit: Visit, polling: "Polling") -> Outage:
    with broken(visit, "cut_database") as when:
        cut_s = time.monotonic()
        polling.wait_for(lambda: polling.everywhere(cut_s, ready=False), TURN_OFF_S - STAYS_OFF_S)
        polling.wait_for(lambda: False, STAYS_OFF_S)
    mended_s = time.monotonic()
    polling.wait_for(lambda: polling.everywhere(mended_s, ready=True), TURN_ON_S)
    return polling.outage("cut_database", when[0])


def _cut_cache(visit: Visit, polling: "Polling", database: Outage) -> Outage:
    noticed_s = database.mending_s - database.since_s - STAYS_OFF_S
    with broken(visit, "cut_cache") as when:
        polling.wait_for(lambda: False, max(0.0, noticed_s) + CACHE_CUT_S)
    mended_s = time.monotonic()
    polling.wait_for(lambda: polling.everywhere(mended_s, ready=True), TURN_ON_S)
    return polling.outage("cut_cache", when[0])


class Polling:
    """Polls both endpoints at every place until the end of its ``with``."""

    def __init__(self, visit: Visit) -> None:
        """Find the places."""
        self._visit = visit
        urls = (visit.api.url, *visit.api.instances)
        self._where = [(url, address) for url in urls for address in visit.addresses(url)]
        self._polls: list[Poll] = []
        self._over = threading.Event()
        self.began_s = time.monotonic()
        self.places = tuple(_name(place) for place in self._where)

    def __enter__(self) -> Self:
        """Begin."""
        self._pool = ThreadPoolExecutor(2 * len(self._where), thread_name_prefix="poll")
        for place in self._where:
            self._pool.submit(self._poll, place, "health")
            self._pool.submit(self._poll, place, "ready")
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._pool.shutdown()

    def wait_for(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait until *done*, *seconds* at most.

        Raises:
            NotSeen: The visit is over.

        """
        until_s = time.monotonic() + seconds
        while not done() and time.monotonic() < until_s:
            _ = self._visit.remaining_s
            time.sleep(_STEP_S)

    def everywhere(self, since_s: float, *, ready: bool) -> bool:
        """Whether at every place the last readiness asked since then was 200, or was not."""
        found = {
            one.place: one.status == httpx.codes.OK
            for one in self.polls()
            if one.endpoint == "ready" and one.at_s >= since_s - self.began_s
        }
        return len(found) == len(self.places) and all(one is ready for one in found.values())

    def polls(self) -> tuple[Poll, ...]:
        """Return what was heard so far, in the order of asking."""
        return tuple(sorted(self._polls, key=lambda one: one.at_s))

    def outage(self, fault: Literal["cut_database", "cut_cache"], when: Broken) -> Outage:
        """Return an outage on the clock of the drill."""
        since_s, mending_s, until_s = (round(one - self.began_s, 3) for one in when)
        return Outage(fault=fault, since_s=since_s, mending_s=mending_s, until_s=until_s)

    def _poll(self, place: Place, endpoint: Endpoint) -> None:
        while not self._over.is_set():
            with contextlib.suppress(NotSeen):  # the visit is over, and so is the drill
                for poll in self._ask(place, endpoint):
                    self._polls.append(poll)
                    self._over.wait(max(0.0, PERIOD_S - poll.elapsed_ms / 1000))
            self._over.wait(_STEP_S)

    def _ask(self, place: Place, endpoint: Endpoint) -> Iterator[Poll]:
        """Ask on one connection until the end, or until there is no answer."""
        url, address = place
        api = self._visit.api
        path = api.health if endpoint == "health" else api.ready
        with self._visit.client(url, address=address, paced=False, timeout_s=TIMEOUT_S) as client:
            while not self._over.is_set():
                at_s, status, reason = time.monotonic(), None, ""
                try:
                    status = client.get(path).status_code
                except httpx.HTTPError as error:
                    reason = f"{type(error).__name__}: {error}"[:200]
                yield Poll(
                    place=_name(place),
                    endpoint=endpoint,
                    at_s=round(at_s - self.began_s, 3),
                    elapsed_ms=round((time.monotonic() - at_s) * 1000, 1),
                    status=status,
                    reason=reason,
                )


def _name(place: Place) -> str:
    return f"{place[0]} at {place[1]}"
