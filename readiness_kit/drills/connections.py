"""Ends the application's idle connections on the server, and calls the service at once.

Nothing is to be undone: a pool opens new connections when it needs them. One that does not needs a
restart of the service, and that is what the drill is to find out.
"""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
import psycopg

from readiness_kit.drills.scratch import dialled
from readiness_kit.drills.steady import Question, filled
from readiness_kit.drills.undo import answers_again
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.connections import DeadConnections, EndedPool
from readiness_kit.probes.api.graphql import bearer, plain_query, read_body
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Visit, source

CALLS = 20
"""Calls after the connections have ended."""

CALLS_BEFORE = 4
"""Calls before: a service that fails anyway proves nothing."""

CALLERS = 2
"""Callers that share them: as many calls in one burst are within the checklist's rate limit."""

GONE_S = 3.0
"""Longest wait for a connection to end."""

TURNED_AWAY = (401, 403, 429)
"""Answers that tell nothing of the database."""

_POLL_S = 0.02
_SAID = 120


class _Backend(NamedTuple):
    pool: str
    pid: int
    idle: bool


@source(
    effect="drill",
    drill="connections",
    asks=f"{CALLS_BEFORE + CALLS} calls, 5 SQL statements; ends the idle connections of "
    "database.application_pools",
    deadline_s=120,
    exclusive=("load", "target"),
)
def dead_connections(visit: Visit) -> DeadConnections:
    """End idle connections, then call.

    Raises:
        NotSeen: No pool is declared, or its connections may not be ended.

    """
    names = [one.name for one in visit.database.application_pools]
    if not names:
        raise NotSeen(
            "readiness.yaml has no database.application_pools",
            cause="not_configured",
            hint="add the name, size, processes and replicas of each pool",
        )
    visit.step("call before")
    before = list(_calls(visit, CALLS_BEFORE, 0))
    there = _backends(visit, names)
    idle = [one for one in there if one.idle]
    visit.step(f"end {len(idle)} idle connections, and call at once")
    _end(visit, idle, names)
    after = list(_calls(visit, CALLS, CALLS_BEFORE))
    new = {one.pid for one in _backends(visit, names)} - {one.pid for one in there}
    pool_of = {one.pid: one.pool for one in (*there, *_backends(visit, names))}
    return DeadConnections(
        pools=tuple(
            EndedPool(
                name=name,
                ended=sum(one.pool == name for one in idle),
                opened=sum(pool_of.get(pid) == name for pid in new),
            )
            for name in names
        ),
        answered_before=before.count(""),
        asked_before=len(before),
        answered=after.count(""),
        asked=len(after),
        first_error=next(filter(None, after), ""),
        back=answers_again(visit),
        observed_at=datetime.now(UTC),
    )


def _backends(visit: Visit, names: list[str]) -> list[_Backend]:
    with session(visit, parameters(visit.database.dsn)) as database:
        rows = database.rows(Sql.POOL, names=names)
    seen = (row for row in rows if not row["hidden"])
    return [_Backend(row["name"], row["pid"], row["state"] == "idle") for row in seen]


def _end(visit: Visit, idle: list[_Backend], names: list[str]) -> None:
    """End the connections *idle*, and return when they are gone."""
    secret = visit.target.drills.dsn
    if secret is None:
        raise NotSeen(
            "readiness.yaml has no drills.dsn: no role that may end connections",
            cause="not_allowed",
            hint="make a role with readiness_kit/sql/readiness_drill_role.sql, name it drills.dsn",
        )
    pids = [one.pid for one in idle]
    try:
        with psycopg.connect(dialled(secret), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid = ANY(%s) AND application_name = ANY(%s)",
                [pids, names],
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotSeen(
            "the drills' role may not end the application's connections",
            cause="not_allowed",
            hint="grant it pg_signal_backend",
        ) from error
    except psycopg.Error as error:
        raise NotSeen(f"no connection for the drill: {str(error).strip()[:200]}") from error
    until_s = time.monotonic() + GONE_S
    while {one.pid for one in _backends(visit, names)} & set(pids):
        if time.monotonic() > until_s:
            raise NotSeen(f"connections did not end within {GONE_S:g} s")
        time.sleep(_POLL_S)


def _calls(visit: Visit, number: int, first: int) -> Iterator[str]:
    """Call *number* times, yielding what went wrong with each; nothing where all is well."""
    fresh = visit.target.drills.fresh_read
    question = (
        Question(fresh.query, {}, fresh.values)
        if fresh is not None
        else Question(plain_query(visit), {})
    )
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(visit.client(visit.api.url, headers=bearer(visit.token)))
            for _ in range(CALLERS)
        ]
        for n in range(number):
            body = question.body(int(time.time()) + first + n)
            yield _call(clients[n % CALLERS], visit.api.graphql, body)


def _call(client: httpx.Client, path: str, body: dict[str, object]) -> str:
    try:
        answer = client.post(path, json=body)
        data, errors, broken = read_body(answer.content)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"[:_SAID]
    if answer.status_code in TURNED_AWAY:
        raise NotSeen(
            f"a call was turned away with {answer.status_code}",
            hint="see that auth.token is valid, and that drills come from callers of their own",
        )
    if answer.status_code != httpx.codes.OK or errors or broken or not filled(data):
        return f"{answer.status_code} {answer.text}"[:_SAID]
    return ""
