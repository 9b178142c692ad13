"""Reads ``nginx.conf`` with crossplane: what is written, not what is running."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict, cast
from urllib.parse import urlsplit

import crossplane

from readiness_kit.errors import NotSeen
from readiness_kit.facts.nginx import Backend, NginxConfig, RequestLimit, Route, Upstream
from readiness_kit.sources import Visit, source

DEFAULT_MAX_FAILS, DEFAULT_FAIL_TIMEOUT_S = 1, 10.0
"""ngx_http_upstream_module: what holds when nothing is written."""

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
AFFINITIES: tuple[Literal["ip_hash", "hash", "sticky"], ...] = ("ip_hash", "hash", "sticky")


class Directive(TypedDict, total=False):
    """One directive as crossplane gives it."""

    directive: str
    args: list[str]
    block: list["Directive"]


class Zone(NamedTuple):
    """A ``limit_req_zone``."""

    key: str
    per_minute: float


@source(effect="read", asks="no request: reads nginx.conf and its includes", deadline_s=10.0)
def nginx_config(visit: Visit) -> NginxConfig:
    """Return what the declared ``nginx.conf`` says."""
    return read_config(visit)


def read_config(visit: Visit) -> NginxConfig:
    """Return what the declared ``nginx.conf`` says.

    Raises:
        NotSeen: None is declared, or it cannot be read.

    """
    file = visit.target.proxy.nginx
    if file is None:
        raise NotSeen(
            "readiness.yaml names no nginx.conf",
            cause="not_configured",
            hint="add proxy.nginx, the configuration as deployed",
        )
    tree, problems = _parse(file)
    http = [child for one in _named(tree, "http") for child in _block(one)]
    routes = tuple(_routes(http, visit.api.graphql if visit.target.api else "/"))
    unresolved = [*problems, *(f"proxy_pass {r.upstream}" for r in routes if "$" in r.upstream)]
    return NginxConfig(
        file=file.name,
        unresolved=tuple(unresolved),
        upstreams=tuple(_upstream(one, http) for one in _named(http, "upstream")),
        routes=routes,
        acme=any(_anywhere(http, "acme_certificate")),
        observed_at=datetime.now(UTC),
    )


def _parse(file: Path) -> tuple[list[Directive], list[str]]:
    """Return the directives, includes in place, and what could not be read."""
    if not file.is_file():
        raise NotSeen(f"proxy.nginx: {file} is no file", hint="correct proxy.nginx")
    try:
        read = crossplane.parse(
            str(file), combine=True, strict=False, check_ctx=False, check_args=False
        )
    except (OSError, ValueError, RecursionError, UnicodeDecodeError) as error:
        raise NotSeen(f"{file} cannot be read: {error}", hint="try `nginx -t`") from error
    problems = [str(one["error"]).partition(" in ")[0] for one in read["errors"]]
    parsed = [cast("list[Directive]", one["parsed"]) for one in read["config"]]
    return [directive for part in parsed for directive in part], problems


def _named(block: Sequence[Directive], name: str) -> list[Directive]:
    return [one for one in block if one["directive"] == name]


def _block(directive: Directive) -> list[Directive]:
    return directive.get("block") or []


def _anywhere(block: Sequence[Directive], name: str) -> Iterator[Directive]:
    for one in block:
        if one["directive"] == name:
            yield one
        yield from _anywhere(_block(one), name)


def _upstream(directive: Directive, http: Sequence[Directive]) -> Upstream:
    inside = _block(directive)
    name = (directive["args"] or [""])[0]
    return Upstream(
        name=name,
        backends=tuple(_backend(one["args"]) for one in _named(inside, "server") if one["args"]),
        active_check=any(_checked(http, name)),
        affinity=next((one for one in AFFINITIES if _named(inside, one)), ""),
    )


def _checked(block: Sequence[Directive], upstream: str) -> Iterator[bool]:
    """Yield whether a ``health_check`` stands beside a ``proxy_pass`` to *upstream*."""
    for one in block:
        inside = _block(one)
        if _named(inside, "health_check"):
            yield any(_target(passing) == upstream for passing in _named(inside, "proxy_pass"))
        yield from _checked(inside, upstream)


def _backend(args: list[str]) -> Backend:
    options = dict(one.partition("=")[::2] for one in args[1:])
    fails = options.get("max_fails", "")
    return Backend(
        address=args[0],
        max_fails=int(fails) if fails.isdecimal() else DEFAULT_MAX_FAILS,
        fail_timeout_s=_seconds(options.get("fail_timeout", "")),
        spare="backup" in options or "down" in options,
    )


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+)(ms|[smhd]?)", text)
    return int(found[1]) * UNITS_S[found[2]] if found else DEFAULT_FAIL_TIMEOUT_S


def _target(passing: Directive) -> str:
    """Return the upstream's name, or the address, that a ``proxy_pass`` leads to."""
    url = (passing["args"] or [""])[0]
    return urlsplit(url).netloc or url if "$" not in url else url


def _routes(http: Sequence[Directive], path: str) -> Iterator[Route]:
    """Yield the location of every server that passes *path* on, with the limits in force there."""
    zones = dict(_zones(http))
    for server in _named(http, "server"):
        inside = _block(server)
        location = _matching(_named(inside, "location"), path)
        place = _block(location) if location else inside
        passing = [*_named(place, "proxy_pass"), *_anywhere(place, "proxy_pass")]
        if not passing:
            continue
        names = [" ".join(one["args"]) for one in _named(inside, "server_name")]
        where = (
            f"server {' '.join(names) or '_'} location {' '.join((location or {}).get('args', []))}"
        )
        levels = [_named(one, "limit_req") for one in (place, inside, http)]
        in_force = next((level for level in levels if level), [])
        yield Route(
            where=where.strip(),
            upstream=_target(passing[0]),
            limits=tuple(_limit(one["args"], zones) for one in in_force),
        )


def _matching(locations: Sequence[Directive], path: str) -> Directive | None:
    """Return the location nginx chooses: exact, else the first regular expression, else longest."""
    prefixes: list[tuple[int, Directive]] = []
    patterns: list[Directive] = []
    for one in locations:
        mark, text = ([""] + one["args"])[-2:]
        if mark == "=" and text == path:
            return one
        if mark in ("~", "~*"):
            patterns += [one] if _searches(text, path, ignore_case=mark == "~*") else []
        elif mark != "=" and path.startswith(text):
            prefixes.append((len(text), one))
    longest = max(prefixes, key=lambda found: found[0], default=(0, None))[1]
    final = longest is not None and longest["args"][0] == "^~"
    return longest if final or not patterns else patterns[0]


def _searches(pattern: str, path: str, *, ignore_case: bool) -> bool:
    try:
        return bool(re.search(pattern, path, re.IGNORECASE if ignore_case else 0))
    except re.error:
        return False


def _zones(http: Sequence[Directive]) -> Iterator[tuple[str, Zone]]:
    for one in _named(http, "limit_req_zone"):
        options = dict(part.partition("=")[::2] for part in one["args"][1:])
        rate = re.fullmatch(r"(\d+)r/([sm])", options.get("rate", ""))
        if rate:
            per_minute = int(rate[1]) * (60 if rate[2] == "s" else 1)
            yield options.get("zone", "").partition(":")[0], Zone(one["args"][0], per_minute)


def _limit(args: list[str], zones: dict[str, Zone]) -> RequestLimit:
    options = dict(one.partition("=")[::2] for one in args)
    name = options.get("zone", "")
    zone = zones.get(name, Zone("", float("inf")))
    burst = options.get("burst", "0")
    return RequestLimit(
        zone=name,
        key=zone.key,
        per_minute=zone.per_minute,
        burst=int(burst) if burst.isdecimal() else 0,
    )
