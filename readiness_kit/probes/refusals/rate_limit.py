"""Asks too much on purpose, from an address of its own, and reads what limits are configured."""

import contextlib
import math
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.refusals.rate_limit import (
    HourLimit,
    HourlyLimits,
    RateLimitBurst,
    RateLimitMinute,
    Tally,
)
from readiness_kit.probes.api.graphql import bearer
from readiness_kit.probes.api.http import ERROR, Ask, cheap
from readiness_kit.probes.environment.file import parse
from readiness_kit.probes.nginx.configuration import read_config
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target import Secret

BURST_REQUESTS, BURST_CONNECTIONS = 60, 20
OTHER_REQUESTS = 5
PACED_REQUESTS, PACED_SECONDS = 140, 60.0

EXCESS = 1.2
"""How far beyond a high declared limit is gone: what is judged allows 1.1 of it."""

MOST_REQUESTS = 3000
"""More is load, and proves a limit no better."""

REST_S = 60.0
"""What a caller who asked too much leaves alone before asking too much again: else little is
accepted because little is left, and a limit far too high looks right.
"""

HOUR_SETTING = re.compile(
    r"(?:(?:APP|API|GRAPHQL|HTTP|DEFAULT|GLOBAL|REQUESTS?)_)*RATE_?LIMITS?(?:_REQUESTS?)?(?:_PER)?_HOUR(?:LY)?"
)
"""A limit of the whole API: one of logins or of mails says nothing of other requests. FraiseQL 0.5
reads settings of this kind under its own name and does nothing with them: they are no evidence.
"""


@source(
    effect="load",
    asks=f"{BURST_REQUESTS} requests at once, more where limits.rate.burst is high; "
    f"{OTHER_REQUESTS} from a second identity",
    deadline_s=30.0 + REST_S,
    exclusive=("target",),
)
def rate_limit_burst(visit: Visit) -> RateLimitBurst:
    """Send a burst as one caller, and a few requests as another once the first is refused."""
    url, rate, ask = visit.api.url, visit.target.limits.rate, _operation(visit)
    planned = _beyond(rate.burst + rate.per_minute // 60, BURST_REQUESTS)
    first, other, _ = _callers(visit)
    address = visit.addresses(url)[0]
    with (
        _excess(visit, address),
        visit.client(url, address=address, paced=False, headers=bearer(first)) as one,
        visit.client(url, address=address, paced=False, headers=bearer(other)) as two,
        ThreadPoolExecutor(max_workers=BURST_CONNECTIONS) as pool,
    ):
        began = time.monotonic()
        flying = [pool.submit(_send, one, ask) for _ in range(planned)]
        _wait_for_a_refusal(flying)
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
    asks=f"{PACED_REQUESTS} requests in {PACED_SECONDS:g} s, more where limits.rate is high, until "
    "the first 429",
    deadline_s=PACED_SECONDS + 30 + REST_S,
    exclusive=("target",),
)
def rate_limit_minute(visit: Visit) -> RateLimitMinute:
    """Send evenly paced requests above the limit, and stop at the first refusal."""
    url, rate, ask = visit.api.url, visit.target.limits.rate, _operation(visit)
    planned = _beyond(rate.per_minute + rate.burst, PACED_REQUESTS)
    first, _, third = _callers(visit)
    address = visit.addresses(url)[0]
    answers: list[httpx.Response | None] = []
    with (
        _excess(visit, address),
        visit.client(url, address=address, paced=False, headers=bearer(third or first)) as client,
    ):
        began = time.monotonic()
        for number in range(planned):
            due = began + number * PACED_SECONDS / planned
            time.sleep(max(0.0, due - time.monotonic()))
            answers.append(_send(client, ask))
            if _status(answers[-1]) == httpx.codes.TOO_MANY_REQUESTS:
                break
        seconds = time.monotonic() - began
    return RateLimitMinute(
        per_minute=rate.per_minute,
        burst=rate.burst,
        planned=planned,
        seconds=seconds,
        caller=tally(answers),
        observed_at=datetime.now(UTC),
    )


def _beyond(limit: int, least: int) -> int:
    """Return how many requests show whether *limit* holds: more than it allows.

    Raises:
        NotSeen: Too many would be needed.

    """
    wanted = max(least, math.ceil(EXCESS * limit))
    if wanted > MOST_REQUESTS:
        raise NotSeen(
            f"{wanted} requests would be needed to go beyond a limit of {limit}",
            cause="not_allowed",
            hint=f"play a load test; at most {MOST_REQUESTS} are sent here",
        )
    return wanted


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


def _wait_for_a_refusal(flying: Iterable[Future[httpx.Response | None]]) -> None:
    """Return when one is refused, or all have ended: before, another caller has nothing to fear."""
    for one in as_completed(flying):
        if _status(one.result()) in (429, 503):
            return


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


def _identities(visit: Visit) -> list[Secret]:
    """Return different tokens, the ordinary caller's first; limits may exempt an administrator."""
    target = visit.target
    ordinary = [one for name, one in target.identities.items() if name != "admin"]
    declared = [target.auth.token, *target.load.identities, *ordinary, *target.identities.values()]
    found: dict[str, Secret] = {}
    for one in declared:
        if one is not None:
            found.setdefault(one.reveal(), one)
    return list(found.values())


def _callers(visit: Visit) -> tuple[Secret | None, Secret | None, Secret | None]:
    """Return the first three identities, as far as there are any."""
    one, two, three = [*_identities(visit)[:3], *[None] * 3][:3]
    return one, two, three


@contextlib.contextmanager
def _excess(visit: Visit, address: Address) -> Iterator[None]:
    """Ask too much inside: not before the caller's allowance is whole again.

    On loopback each visit calls from an address of its own, and with three identities as somebody
    else: then nothing was spent.
    """
    somebody_else = len(_identities(visit)) not in (1, 2)
    spent_at = visit.pacer.spent_at
    if spent_at is not None and not (address.loopback and somebody_else):
        time.sleep(max(0.0, spent_at + REST_S - time.monotonic()))
    try:
        yield
    finally:
        visit.pacer.spent_at = time.monotonic()
