"""Asks one question many times through the balancer, and of each instance past it."""

import hashlib
from datetime import UTC, datetime

import httpx

from readiness_kit.facts.api.balancer import BalancedAnswer, DirectAnswer, InstanceAnswers
from readiness_kit.probes.api.graphql import read_body
from readiness_kit.probes.api.http import ERROR, Ask, bearer, cheap
from readiness_kit.sources import Visit, source

ROUND = 10
"""Requests without cookies, and as many with them when there are any."""

DIRECT_ROUND = 2
"""Requests to each instance: an answer that differs from itself tells nothing."""

NAMES = (
    *("x-instance", "x-instance-id", "x-served-by", "x-backend", "x-upstream", "x-server"),
    *("x-pod-name", "x-app-instance", "fly-machine-id", "x-upstream-addr"),
)
"""Headers by which services name the instance that answered."""


@source(
    effect="canary",
    asks=f"{ROUND} requests, as many with cookies if any are set, {DIRECT_ROUND} of each instance",
    deadline_s=45.0,
)
def instance_answers(visit: Visit) -> InstanceAnswers:
    """Ask one question of the balancer and of every declared instance."""
    ask = _question(visit)
    plain = [_send(visit, visit.api.url, ask, {}) for _ in range(ROUND)]
    cookies = {name: value for one in plain if one for name, value in one.cookies.items()}
    bound = [_send(visit, visit.api.url, ask, cookies) for _ in range(ROUND if cookies else 0)]
    direct = [
        (url, _send(visit, url, ask, {}))
        for _ in range(DIRECT_ROUND)
        for url in visit.api.instances
    ]
    return InstanceAnswers(
        cookies=tuple(sorted(cookies)),
        balanced=(
            *(_balanced(visit, one, cookie=False) for one in plain),
            *(_balanced(visit, one, cookie=True) for one in bound),
        ),
        direct=tuple(
            DirectAnswer(
                url=url,
                status=_status(one),
                answered=_answered(visit, one),
                digest=_digest(one),
            )
            for url, one in direct
        ),
        observed_at=datetime.now(UTC),
    )


def _question(visit: Visit) -> Ask:
    """Return what needs a session, if anything does: that is what affinity would be for."""
    protected = visit.target.auth.protected
    if visit.api.kind == "rest":
        return Ask("GET", protected or visit.api.health)
    return cheap(visit.api, protected) if protected else cheap(visit.api)


def _send(visit: Visit, url: str, ask: Ask, cookies: dict[str, str]) -> httpx.Response | None:
    """Ask on a connection of its own, as another caller would."""
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {**bearer(visit), **({"cookie": sent} if sent else {})}
    try:
        with visit.client(url, headers=headers) as client:
            return client.request(ask.method, ask.path, json=ask.json)
    except ERROR:
        return None


def _balanced(visit: Visit, answer: httpx.Response | None, *, cookie: bool) -> BalancedAnswer:
    headers = answer.headers if answer is not None else httpx.Headers()
    named = (headers[name] for name in NAMES if name in headers)
    return BalancedAnswer(
        instance=next(named, "")[:80],
        cookie=cookie,
        status=_status(answer),
        answered=_answered(visit, answer),
        digest=_digest(answer),
    )


def _answered(visit: Visit, answer: httpx.Response | None) -> bool:
    if answer is None or not answer.is_success:
        return False
    if visit.api.kind == "rest":
        return True
    data, errors, _ = read_body(answer.content)
    return not errors and any(value is not None for value in data.values())


def _status(answer: httpx.Response | None) -> int:
    return answer.status_code if answer is not None else 0


def _digest(answer: httpx.Response | None) -> str:
    return hashlib.sha256(answer.content).hexdigest() if answer is not None else ""
