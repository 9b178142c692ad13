"""A steady load of a few calls a second, each answer kept: what drills watch a service with.

Not for measuring speed: that is the business of the load engine. Open in its arrivals all the same,
since calls that wait must not keep others from being made.
"""

import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from math import ceil
from typing import NamedTuple, Self

import httpx
from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.degradation import Call
from readiness_kit.probes.api.graphql import Json, bearer, changes, plain_queries, read_body
from readiness_kit.probes.errors.provoked import internals
from readiness_kit.sources import Visit

RATE_RPS = 10.0
"""Calls a second, where the limits of the service allow it."""

TIMEOUT_S = 6.0
"""Longest wait for one call: over 5 s is a hang."""

CALLERS = 64
"""Calls at once: as many as are made in the time-out."""

SMOKE = 3
"""Operations that are asked in turn: of each there must be enough calls to tell."""

_EXCERPT = 80


class Question(NamedTuple):
    """One query of the load."""

    query: str
    variables: Mapping[str, object]
    values: int = 0
    """How many values its variable ``n`` goes through; 0 where it has none."""

    def body(self, n: int) -> dict[str, object]:
        """Return what is sent the *n*-th time."""
        variables = {"n": n % self.values} if self.values else self.variables
        return {"query": self.query, "variables": variables}


class Steady:
    """A steady load, from the beginning to the end of its ``with``."""

    def __init__(self, visit: Visit) -> None:
        """Choose what to ask, how often, and from how many callers.

        Raises:
            NotSeen: There is nothing to ask.

        """
        self.questions = tuple(_questions(visit))
        self._asked = tuple(range(len(self.questions)))
        self._visit = visit
        per_s = visit.target.limits.requests_per_minute / 60
        own = all(one.loopback for one in visit.addresses(visit.api.url))
        self.rate_rps = RATE_RPS if own else min(RATE_RPS, per_s)
        self._callers = ceil(self.rate_rps / per_s) if own else 1
        self._calls: list[Call] = []
        self._over = threading.Event()
        self._stack = ExitStack()
        self.began_s = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        with ExitStack() as stack:
            clients = [
                stack.enter_context(
                    self._visit.client(
                        self._visit.api.url,
                        headers=bearer(self._visit.token),
                        paced=False,
                        timeout_s=TIMEOUT_S,
                    )
                )
                for _ in range(self._callers)
            ]
            pool = stack.enter_context(ThreadPoolExecutor(CALLERS, thread_name_prefix="steady"))
            self.began_s = time.monotonic()
            thread = threading.Thread(target=self._tick, args=(clients, pool), daemon=True)
            stack.callback(thread.join)
            stack.callback(self._over.set)
            thread.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End, after the last answer or its time-out."""
        self._stack.close()

    def now_s(self, at_s: float | None = None) -> float:
        """Return *at_s* of ``time.monotonic()``, else now, in seconds since the load began."""
        return round((time.monotonic() if at_s is None else at_s) - self.began_s, 3)

    def calls(self, since_s: float = 0.0) -> list[Call]:
        """Return the calls of what is asked, sent since *since_s* and ended, in that order."""
        asked = self._asked
        found = [one for one in tuple(self._calls) if one.at_s >= since_s and one.query in asked]
        return sorted(found, key=lambda one: one.at_s)

    def leave_out(self, queries: set[int]) -> None:
        """Ask *queries* no more, and forget what they were answered; not all of them."""
        self._asked = tuple(one for one in self._asked if one not in queries) or self._asked

    def _tick(self, clients: list[httpx.Client], pool: ThreadPoolExecutor) -> None:
        for n in itertools.count():
            due_s = self.began_s + n / self.rate_rps
            if self._over.wait(max(0.0, due_s - time.monotonic())):
                return
            turn, place = divmod(n, len(self._asked))
            query = self._asked[place]
            body = self.questions[query].body(turn)
            pool.submit(self._call, clients[n % len(clients)], query, body)

    def _call(self, client: httpx.Client, query: int, body: dict[str, object]) -> None:
        at_s = time.monotonic()
        answer: httpx.Response | None = None
        try:
            answer = client.post(self._visit.api.graphql, json=body)
        except httpx.HTTPError:
            pass
        except NotSeen:  # the visit is over, and so is the drill
            return
        elapsed_ms = round((time.monotonic() - at_s) * 1000, 1)
        said = told(answer)
        call = replace(said, at_s=self.now_s(at_s), elapsed_ms=elapsed_ms, query=query)
        self._calls.append(call)


def told(answer: httpx.Response | None) -> Call:
    """Return what *answer* says in the words of a fact; when it came, and to what, is left out."""
    lost = Call(at_s=0.0, elapsed_ms=0.0, query=0, outcome="lost", status=None)
    if answer is None:
        return lost
    raw = answer.content
    data, errors, broken = read_body(raw)
    refused = bool(errors or broken) or answer.status_code != httpx.codes.OK
    good = not refused and filled(data)
    seen = () if good else internals(raw.decode(errors="replace"))
    return replace(
        lost,
        outcome="good" if good else "refused" if refused else "empty",
        status=answer.status_code,
        errors=bool(errors),
        retry="retry-after" in answer.headers or (bool(errors) and _says_retry(raw)),
        internal=seen[0].excerpt[:_EXCERPT] if seen else "",
    )


def filled(data: Json) -> bool:
    """Tell whether every part of *data* that was asked for holds something.

    >>> filled({"users": [{"id": 1}]}), filled({"users": []}), filled({})
    (True, False, False)
    """
    if isinstance(data, dict):
        return bool(data) and all(value not in (None, [], {}) for value in data.values())
    return bool(data)


def _says_retry(raw: bytes) -> bool:
    """Tell whether ``extensions`` of an error name a time to come back."""
    body = json.loads(raw)
    listed = body.get("errors")
    found = [one.get("extensions") for one in listed if isinstance(one, dict)] if listed else []
    names = (name for one in found if isinstance(one, dict) for name in one)
    return any("retry" in str(name).lower() for name in names)


def _questions(visit: Visit) -> Iterator[Question]:
    smoke = [one for one in visit.target.smoke if not changes(one.query)][:SMOKE]
    if smoke:
        yield from (Question(one.query, one.variables) for one in smoke)
    else:
        yield from (Question(one, {}) for one in plain_queries(visit)[:SMOKE])
    fresh = visit.target.drills.fresh_read
    if fresh is not None:
        yield Question(fresh.query, {}, fresh.values)
