"""Asks the liveness and readiness endpoints, at every address and every process."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.health import HealthAnswer, HealthAnswers
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 5.0
"""Longest wait for an answer; beyond it the endpoint is as good as absent."""

SLOW_S = 0.5
"""Slower answers are asked for again on the same connection, and the second one counts."""

_STATE_KEYS = ("status", "state", "health", "healthy", "ok", "alive", "ready")
_DEPENDENCY_KEYS = ("checks", "dependencies", "components", "services", "details")
_LONGEST_WORD = 40
_ILL = re.compile(
    r"\b(?:down|error|fail\w*|unhealthy|unavailable|unreachable|disconnected|critical|dead|refused"
    r"|timeout|timed out|not[ _-]?(?:ok|ready|connected|healthy)|offline|broken|false)\b",
    re.IGNORECASE,
)


@source(effect="read", asks="2 to 4 GET per address and process", deadline_s=15)
def health_answers(visit: Visit) -> HealthAnswers:
    """Ask every address of the public URL and every instance.

    Raises:
        NotSeen: Not one of them gave any answer.

    """
    places = tuple(_places(visit))
    paths = (visit.api.health, visit.api.ready)
    questions = [(url, address, path) for path in paths for url, address in places]
    with ThreadPoolExecutor(min(8, len(questions))) as pool:
        answers = tuple(pool.map(lambda question: _ask(visit, *question), questions))
    if all(answer.status is None for answer in answers):
        raise NotSeen(
            f"no health endpoint answered: {answers[0].reason}",
            hint="check that the service is up, and api.url, api.health and api.ready",
        )
    return HealthAnswers(
        observed_at=datetime.now(UTC),
        liveness=answers[: len(places)],
        readiness=answers[len(places) :],
    )


def _places(visit: Visit) -> Iterator[tuple[str, Address]]:
    for url in (visit.api.url, *visit.api.instances):
        for address in visit.addresses(url):
            yield url, address


def _ask(visit: Visit, url: str, address: Address, path: str) -> HealthAnswer:
    status, text, reason = None, "", ""
    began = time.monotonic()
    try:
        with visit.client(url, address=address, timeout_s=TIMEOUT_S) as client:
            began = time.monotonic()
            answer = client.get(path)
            slow = time.monotonic() - began > SLOW_S
            if (
                slow and answer.status_code == httpx.codes.OK
            ):  # may be our own load: the second try tells
                began = time.monotonic()
                answer = client.get(path)
            status, text = answer.status_code, answer.text
    except (httpx.HTTPError, NotSeen) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    elapsed_ms = (time.monotonic() - began) * 1000
    says, dependencies = read_state(text)
    return HealthAnswer(
        endpoint=f"{url} at {address}",
        path=path,
        status=status,
        elapsed_ms=round(elapsed_ms, 1),
        says=says,
        dependencies=dependencies,
        ill=ill_in(text),
        reason=reason,
    )


def read_state(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the state that a health body names, in lower case, and the dependencies it lists.

    >>> read_state('{"status": "Ready", "checks": {"database": "ok"}}')
    ('ready', ('database',))
    >>> read_state('{"healthy": true}')
    ('healthy', ())
    >>> read_state("OK")
    ('ok', ())
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip().lower()[:_LONGEST_WORD], ()
    if isinstance(body, str):
        return body.lower()[:_LONGEST_WORD], ()
    if not isinstance(body, dict):
        return "", ()
    state = next((_word(key, body[key]) for key in _STATE_KEYS if key in body), "")
    listed = (body[key] for key in _DEPENDENCY_KEYS if isinstance(body.get(key), (dict, list)))
    names = tuple(sorted(name[:_LONGEST_WORD] for name in _names(next(listed, []))))
    return state.lower()[:_LONGEST_WORD], names


def ill_in(text: str) -> tuple[str, ...]:
    """Return the dependencies that a health body says are not well.

    >>> ill_in('{"status": "ok", "checks": {"database": {"status": "DOWN"}, "cache": true}}')
    ('database',)
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(body, dict):
        return ()
    found: dict[str, object] = {}
    for listed in (body[key] for key in _DEPENDENCY_KEYS if key in body):
        if isinstance(listed, dict):
            found |= {str(name): told for name, told in listed.items()}
        elif isinstance(listed, list):
            found |= {str(one["name"]): one for one in listed if _is_named(one)}
    return tuple(sorted(name[:_LONGEST_WORD] for name, told in found.items() if _is_ill(told)))


def _is_named(one: object) -> bool:
    return isinstance(one, dict) and "name" in one


def _is_ill(told: object) -> bool:
    """Tell whether *told*, a state or what holds one, says that something is not well."""
    if isinstance(told, dict):
        states = [told[key] for key in _STATE_KEYS if key in told]
        return bool(states) and _is_ill(states[0])
    if isinstance(told, str):
        return _ILL.search(told) is not None
    return told is False


def _names(listed: dict[str, object] | list[object]) -> Iterator[str]:
    """Yield the names of dependencies: keys, or the ``name`` of each in a list."""
    if isinstance(listed, dict):
        yield from map(str, listed)
    else:
        yield from (str(one["name"]) for one in listed if isinstance(one, dict) and "name" in one)


def _word(key: str, value: object) -> str:
    """Return what ``key: value`` says: a key that holds true says its own name."""
    if isinstance(value, bool):
        return key if value else f"not {key}"
    return str(value)
