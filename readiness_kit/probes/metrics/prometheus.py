"""Asks Prometheus' HTTP API."""

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx
import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.metrics.prometheus import ScrapeTarget, ScrapeTargets
from readiness_kit.sources import Visit, source

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ZERO = re.compile(r"(\.\d{6})\d+")


class _Active(msgspec.Struct):
    scrapeUrl: str  # noqa: N815 - the API's own name
    health: str
    lastScrape: str  # noqa: N815
    scrapeInterval: str = "1m"  # noqa: N815
    lastError: str = ""  # noqa: N815
    labels: dict[str, str] = {}


class _Targets(msgspec.Struct):
    activeTargets: tuple[_Active, ...]  # noqa: N815


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Vector(msgspec.Struct, tag_field="resultType", tag="vector"):
    result: tuple[_Series, ...]


class _Past(msgspec.Struct):
    values: tuple[tuple[float, str], ...]


class _Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: tuple[_Past, ...]


class _Clock(msgspec.Struct):
    result: tuple[float, str]


def query_api(
    visit: Visit, path: str, params: Mapping[str, str], kind: type[msgspec.Struct]
) -> msgspec.Struct:
    """Return the ``data`` of one answer of the API, as *kind*.

    Raises:
        NotSeen: No Prometheus is configured, or it gave no such answer.

    """
    with api_client(visit) as client:
        return ask_api(client, path, params, kind)


@contextlib.contextmanager
def api_client(visit: Visit) -> Iterator[httpx.Client]:
    """Yield a client of the API, for one question or many.

    Raises:
        NotSeen: No Prometheus is configured, or its name does not resolve.

    """
    url = visit.target.prometheus.url
    if url is None:
        raise NotSeen(
            "readiness.yaml names no Prometheus",
            cause="not_configured",
            hint="add prometheus.url, the base URL of its HTTP API",
        )
    with visit.client(url, paced=False) as client:
        yield client


def ask_api(
    client: httpx.Client, path: str, params: Mapping[str, str], kind: type[msgspec.Struct]
) -> msgspec.Struct:
    """Return the ``data`` of one answer of the API, as *kind*.

    Raises:
        NotSeen: It gave no such answer.

    """
    try:
        answer = client.get(path, params=dict(params))
        body = msgspec.json.decode(answer.content)
        return msgspec.convert(body["data"], kind)
    except (httpx.HTTPError, msgspec.MsgspecError, KeyError, TypeError, RecursionError) as error:
        raise NotSeen(
            f"Prometheus gave no usable answer to {path}: {type(error).__name__}: {error}"[:300],
            hint="check prometheus.url with curl $PROMETHEUS/-/ready",
        ) from error


def instant(client: httpx.Client, query: str) -> dict[str, float]:
    """Return the finite values that *query* has now, by labels: ``instance=a:1, job=b``.

    Raises:
        NotSeen: No answer, or one that is no instant vector.

    """
    answer = ask_api(client, "/api/v1/query", {"query": query}, _Vector)
    assert isinstance(answer, _Vector)  # noqa: S101 - ask_api converts
    found = {_labels(one.metric): float(one.value[1]) for one in answer.result}
    return {labels: value for labels, value in found.items() if math.isfinite(value)}


def history(client: httpx.Client, subquery: str) -> tuple[tuple[float, float], ...]:
    """Return time (seconds since 1970) and value of a subquery's only series; none without one.

    Raises:
        NotSeen: No answer, one that is no range vector, or one of several series.

    """
    answer = ask_api(client, "/api/v1/query", {"query": subquery}, _Matrix)
    assert isinstance(answer, _Matrix)  # noqa: S101 - ask_api converts
    if len(answer.result) > 1:
        raise NotSeen(f"Prometheus has {len(answer.result)} series where one was asked for")
    past = ((t_s, float(text)) for one in answer.result for t_s, text in one.values)
    return tuple((t_s, value) for t_s, value in past if math.isfinite(value))


def _labels(metric: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={metric[name]}" for name in sorted(metric) if name != "__name__")


@source(effect="read", asks="2 GET of Prometheus")
def scrape_targets(visit: Visit) -> ScrapeTargets:
    """Ask for the active targets, and for the time on Prometheus' clock."""
    found = query_api(visit, "/api/v1/targets", {"state": "active"}, _Targets)
    clock = query_api(visit, "/api/v1/query", {"query": "time()"}, _Clock)
    assert isinstance(found, _Targets)  # noqa: S101 - query_api converts
    assert isinstance(clock, _Clock)  # noqa: S101 - query_api converts
    return ScrapeTargets(
        declared=visit.api.metrics_urls,
        targets=tuple(_target(one, clock.result[0]) for one in found.activeTargets),
        observed_at=datetime.now(UTC),
    )


def _target(one: _Active, now_s: float) -> ScrapeTarget:
    try:
        age_s = now_s - datetime.fromisoformat(_ZERO.sub(r"\1", one.lastScrape)).timestamp()
        interval_s = seconds(one.scrapeInterval)
    except (ValueError, OverflowError) as error:
        raise NotSeen(f"Prometheus tells times that are none: {error}") from error
    return ScrapeTarget(
        job=one.labels.get("job", ""),
        url=one.scrapeUrl,
        health=one.health,
        age_s=round(max(0.0, age_s), 1),
        interval_s=interval_s,
        error=one.lastError[:200],
    )


def seconds(duration: str) -> float:
    """Return the length of a Prometheus duration.

    >>> seconds("1m30s")
    90.0

    Raises:
        ValueError: It is none.

    """
    parts = re.findall(r"(\d+)(ms|[smhd])", duration)
    if not parts or "".join(n + unit for n, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration")
    return float(sum(int(n) * _UNITS_S[unit] for n, unit in parts))
