"""Asks deeper and deeper along a cycle of the schema, one query at a time, until it is refused."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.query_limits import DepthTry, QueryLimits
from readiness_kit.probes.api.graphql import ask, bearer
from readiness_kit.probes.api.http import CHEAP_QUERY, ERROR
from readiness_kit.probes.api.schema import Known, Way, known_schema, ways
from readiness_kit.probes.cache.use import application_statements
from readiness_kit.sources import Visit, source

DEEPEST = 50
"""No deeper query is tried: WARN ends there."""

MOST_WAYS = 4
"""So many ways into a cycle are tried until a shallow query is answered."""

SLOW_MS = 1000.0
"""Longer than this, and nothing deeper is asked: the next query could cost many times as much."""

PATIENCE_S = 10.0
TRIES = 20
PAUSE_S = 0.25
"""Others use the database, too: so often a query is repeated until it shows no statement more than
one that does not parse."""

ALIASES = 100
"""More than any client sends, and few enough to do no harm: FraiseQL wraps what answers
``__typename`` once more for each, and after about 1000 a worker answers it no longer."""

WORKERS = 4
"""So often the cheapest query is asked before and after: a balancer may hide what answers."""

BATCH = 10
INVALID = "query Readiness {"


@source(
    effect="canary",
    asks="about 30 queries, one at a time, 50 deep at most; 1 of 100 aliases, 1 batch of 10",
    deadline_s=90,
    exclusive=("rows",),
)
def query_limits(visit: Visit) -> QueryLimits:
    """Find the deepest query that is answered, and the shallowest that is not.

    Raises:
        NotSeen: The schema is not known, or not even a shallow query is answered.

    """
    known = known_schema(visit)
    ask_one = _asker(visit)
    found = _way(known, ask_one)
    if found is None:
        return QueryLimits(
            origin=known.origin,
            cycle=(),
            deepest=DEEPEST,
            tries=(),
            observed_at=datetime.now(UTC),
        )
    way, first = found
    tries, stopped = search(way, first, ask_one)
    root = known.schema.query_type
    circle = f"{{ ...A }} fragment A on {root.name if root else 'Query'} {{ __typename ...A }}"
    fragment_cycle = ask_one(circle)
    counts = _statements(visit, way, tries, ask_one)
    before = _cheap(ask_one)
    aliases_answered = _aliases(ask_one)
    return QueryLimits(
        origin=known.origin,
        cycle=tuple(step.coordinate for step in (*way.entry, *way.loop)),
        deepest=DEEPEST,
        tries=tuple(tries),
        stopped=stopped,
        fragment_cycle=fragment_cycle,
        controls=(ask_one(way.query(first.depth)),),
        statements_refused=counts.refused,
        statements_invalid=counts.invalid,
        statements_executed=counts.executed,
        aliases=ALIASES,
        aliases_answered=aliases_answered,
        before_aliases=before,
        after_aliases=_cheap(ask_one),
        batch=BATCH,
        batch_answered=_batch(visit),
        observed_at=datetime.now(UTC),
    )


Asker = Callable[[str], GraphqlAnswer]


def _asker(visit: Visit) -> Asker:
    """Return what asks one query with the valid token, as a client of its own."""
    headers = bearer(visit.token)

    def ask_one(query: str) -> GraphqlAnswer:
        with visit.client(visit.api.url, headers=headers, timeout_s=PATIENCE_S) as client:
            return ask(client, visit.api.graphql, query).answer

    return ask_one


def _way(known: Known, ask_one: Asker) -> tuple[Way, DepthTry] | None:
    """Return the first way whose shallow query is answered, nothing when there is no cycle.

    Raises:
        NotSeen: There are cycles, and no shallow query on them is answered.

    """
    said = ""
    for way in ways(known.schema)[:MOST_WAYS]:
        depth = len(way.entry) + 1
        answer = ask_one(way.query(depth))
        if answer.executed:
            return way, DepthTry(depth=depth, answer=answer)
        said = answer.words or str(answer.status)
    if said:
        raise NotSeen(
            f"not even a shallow query is answered: {said}",
            hint="give auth.token the right to read, or correct source.schema",
        )
    return None


def search(way: Way, first: DepthTry, ask_one: Asker) -> tuple[list[DepthTry], str]:
    """Ask deeper until refused, then between; return every try, and why it ended early."""
    tries, good, bad = [first], first.depth, DEEPEST + 1
    growing = way.cost[0] > 0
    while good + 1 < bad:
        if bad <= DEEPEST:
            depth = (good + bad) // 2
        else:
            depth = min(DEEPEST, good + len(way.loop) if growing else good * 2)
        answer = ask_one(way.query(depth))
        tries.append(DepthTry(depth=depth, answer=answer))
        if answer.executed:
            good = depth
        elif answer.refused:
            bad = depth
        else:
            return tries, f"no clear answer at depth {depth}: {answer.said}"
        if answer.executed and answer.elapsed_ms > SLOW_MS and bad > DEEPEST:
            return tries, f"depth {depth} took {answer.elapsed_ms:.0f} ms, so none deeper was tried"
    return tries, ""


class _Counts(NamedTuple):
    refused: int | None = None
    invalid: int | None = None
    executed: int | None = None


def _statements(visit: Visit, way: Way, tries: list[DepthTry], ask_one: Asker) -> _Counts:
    """Count what the database does during a refused query, an invalid and an executed one."""
    refused = min((one.depth for one in tries if not one.answer.executed), default=None)
    executed = max(one.depth for one in tries if one.answer.executed)
    if refused is None:
        return _Counts()
    with application_statements(visit) as count:

        def during(query: str) -> int | None:
            before = count()
            ask_one(query)
            after = count()
            return None if before is None or after is None else after - before

        deep = way.query(refused)
        least, invalid = during(deep), during(INVALID)
        for _ in range(1, TRIES):
            if least is None or invalid is None or least <= invalid:
                break
            time.sleep(min(PAUSE_S, visit.remaining_s))
            least = _lower(least, during(deep))
            invalid = _lower(invalid, during(INVALID))
        return _Counts(refused=least, invalid=invalid, executed=during(way.query(executed)))


def _lower(one: int, other: int | None) -> int | None:
    return None if other is None else min(one, other)


def _cheap(ask_one: Asker) -> tuple[GraphqlAnswer, ...]:
    return tuple(ask_one(CHEAP_QUERY) for _ in range(WORKERS))


def _aliases(ask_one: Asker) -> bool:
    names = " ".join(f"a{number}: __typename" for number in range(ALIASES))
    return ask_one(f"query Readiness {{ {names} }}").answered


def _batch(visit: Visit) -> bool | None:
    """Tell whether an array of operations is answered; ``None`` without an answer."""
    one = {"query": CHEAP_QUERY}
    try:
        with visit.client(visit.api.url, headers=bearer(visit.token)) as client:
            answer = client.post(visit.api.graphql, json=[one] * BATCH)
            body = json.loads(answer.content)
    except (*ERROR, NotSeen):
        return None
    except ValueError:
        return False
    return isinstance(body, list) and len(body) == BATCH and _has_data(answer, body[0])


def _has_data(answer: httpx.Response, body: object) -> bool:
    return answer.status_code == 200 and isinstance(body, dict) and bool(body.get("data"))
