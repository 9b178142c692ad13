"""Asks too much on purpose, from an address of its own, and reads what limits are configured."""

import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.rate_limit import (
    HourLimit,
    HourlyLimits,
    RateLimitBurst,
    RateLimitMinute,
    Tally,
)
from readiness_kit.probes.environment import parse
from readiness_kit.probes.graphql import bearer
from readiness_kit.probes.http import ERROR, Ask, cheap
from readiness_kit.probes.nginx import read_config
from readiness_kit.sources import Visit, source
from readiness_kit.target import Secret

BURST_REQUESTS, BURST_CONNECTIONS = 60, 20
OTHER_REQUESTS = 5
PACED_REQUESTS, PACED_SECONDS = 140, 60.0

HOUR_SETTING = re.compile(r"(?!FRAISEQL_)\w*RATE_?LIMIT\w*HOUR\w*")
"""FraiseQL 0.5 reads settings of this kind and does nothing with them: they are no evidence."""


@source(
    effect="load",
    asks=f"{BURST_REQUESTS} requests at once, {OTHER_REQUESTS} from a second identity",
    deadline_s=30.0,
    exclusive=("target",),
)
def rate_limit_burst(visit: Visit) -> RateLimitBurst:
    """Send a burst as one caller, and a few requests as another meanwhile."""
    url, rate, ask = visit.api.url, visit.target.limits.rate, _operation(visit)
    other = _second_identity(visit)
    address = visit.addresses(url)[0]
    with (
        visit.client(url, address=address, paced=False, headers=_first_identity(visit)) as one,
        visit.client(url, address=address, paced=False, headers=bearer(other)) as two,
        ThreadPoolExecutor(max_workers=BURST_CONNECTIONS) as pool,
    ):
        began = time.monotonic()
        flying = [pool.submit(_send, one, ask) for _ in range(BURST_REQUESTS)]
        beside = [_send(two, ask) for _ in range(OTHER_REQUESTS)] if other else []
        answers = [flight.result() for flight in flying]
        seconds = time.monotonic() - began
    return RateLimitBurst(
        per_minute=rate.per_minute,
        burst=rate.burst,
        seconds=seconds,
        caller=tally(answers),
        other=tally(beside) if other else None,
        other_address=address.loopback,
        observed_at=datetime.now(UTC),
    )


@source(
    effect="load",
    asks=f"{PACED_REQUESTS} requests in {PACED_SECONDS:g} s at most, until the first 429",
    deadline_s=PACED_SECONDS + 30,
    exclusive=("target",),
)
def rate_limit_minute(visit: Visit) -> RateLimitMinute:
    """Send evenly paced requests above the limit, and stop at the first refusal."""
    rate, ask = visit.target.limits.rate, _operation(visit)
    answers: list[httpx.Response | None] = []
    with visit.client(visit.api.url, paced=False, headers=_first_identity(visit)) as client:
        began = time.monotonic()
        for number in range(PACED_REQUESTS):
            due = began + number * PACED_SECONDS / PACED_REQUESTS
            time.sleep(max(0.0, due - time.monotonic()))
            answers.append(_send(client, ask))
            if _status(answers[-1]) == httpx.codes.TOO_MANY_REQUESTS:
                break
        seconds = time.monotonic() - began
    return RateLimitMinute(
        per_minute=rate.per_minute,
        burst=rate.burst,
        planned=PACED_REQUESTS,
        seconds=seconds,
        caller=tally(answers),
        observed_at=datetime.now(UTC),
    )


@source(effect="read", asks="no request: reads nginx.conf and the environment file")
def hourly_limits(visit: Visit) -> HourlyLimits:
    """Return the limits per hour that are configured before the API and in it."""
    read: list[str] = []
    unresolved: tuple[str, ...] = ()
    routes: tuple[tuple[HourLimit, ...], ...] = ()
    if visit.target.proxy.nginx is not None:
        nginx = read_config(visit)
        read.append(nginx.file)
        unresolved = nginx.unresolved
        routes = tuple(
            tuple(
                HourLimit(where=f"{nginx.file}: {one.zone}", per_hour=one.per_minute * 60)
                for one in route.limits
            )
            for route in nginx.routes
        )
    file = visit.target.application.environment_file
    variables: dict[str, str] = {}
    if file is not None and file.is_file():
        read.append(file.name)
        variables = parse(file.read_text("utf-8", "replace"))
    if not read:
        raise NotSeen(
            "readiness.yaml names no place where a limit per hour is configured",
            cause="not_configured",
            hint="add proxy.nginx or application.environment_file",
        )
    return HourlyLimits(
        per_hour=visit.target.limits.rate.per_hour,
        read=tuple(read),
        unresolved=unresolved,
        routes=routes,
        application=tuple(
            HourLimit(where=f"{file.name if file else ''}: {name}", per_hour=float(value))
            for name, value in variables.items()
            if HOUR_SETTING.fullmatch(name) and re.fullmatch(r"\d{1,9}", value)
        ),
        observed_at=datetime.now(UTC),
    )


def tally(answers: Iterable[httpx.Response | None]) -> Tally:
    """Count *answers* by what they mean; ``None`` stands for no answer."""
    known = list(answers)
    statuses = [_status(one) for one in known]
    limited = [one for one in known if one is not None and one.status_code in (429, 503)]
    return Tally(
        sent=len(known),
        accepted=sum(200 <= status < 500 and status != 429 for status in statuses),
        good=sum(200 <= status < 300 for status in statuses),
        refused=statuses.count(429),
        unavailable=statuses.count(503),
        broken=sum((status >= 500 and status != 503) or status < 200 for status in statuses),
        with_retry_after=sum("retry-after" in one.headers for one in limited),
    )


def _status(answer: httpx.Response | None) -> int:
    return answer.status_code if answer is not None else 0


def _send(client: httpx.Client, ask: Ask) -> httpx.Response | None:
    try:
        return client.request(ask.method, ask.path, json=ask.json)
    except (*ERROR, NotSeen):
        return None


def _operation(visit: Visit) -> Ask:
    """Return the cheapest request that the limit covers: a REST health page rarely is."""
    protected = visit.target.auth.protected
    if visit.api.kind == "rest" and protected:
        return Ask("GET", protected)
    return cheap(visit.api)


def _first_identity(visit: Visit) -> dict[str, str]:
    declared = visit.target.auth.token is not None or visit.target.identities
    return bearer(visit.token) if declared else {}


def _second_identity(visit: Visit) -> Secret | None:
    """Return a token that is not the first identity's, or nothing."""
    target = visit.target
    if target.auth.token is None and not target.identities:
        return None
    first = visit.token
    others = (*target.load.identities, *target.identities.values())
    return next((one for one in others if one.reveal() != first), None)
