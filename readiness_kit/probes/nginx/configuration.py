"""Reads ``nginx.conf`` with crossplane: what is written, not what is running."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from readiness_kit.errors import NotSeen
from readiness_kit.facts.nginx.configuration import (
    Backend,
    ConnectionLimit,
    NginxConfig,
    RequestLimit,
    Route,
    Upstream,
)
from readiness_kit.probes.nginx.keys import Keys
from readiness_kit.probes.nginx.tree import (
    Directive,
    anywhere,
    block,
    chosen,
    first,
    in_force,
    is_named,
    named,
    parse,
    unclear,
)
from readiness_kit.sources import Visit, source

DEFAULT_MAX_FAILS, DEFAULT_FAIL_TIMEOUT_S = 1, 10.0
"""ngx_http_upstream_module: what holds when nothing is written."""

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
AFFINITIES: tuple[Literal["ip_hash", "hash", "sticky"], ...] = ("ip_hash", "hash", "sticky")


UNITS_BYTES = {"k": 1024, "m": 1024**2, "g": 1024**3, "": 1}


class Zone(NamedTuple):
    """A ``limit_req_zone`` or ``limit_conn_zone``."""

    key: str
    per_minute: float
    """Rate of a ``limit_req_zone``; infinite for the other."""


class Zones(NamedTuple):
    """The zones of both kinds by name, and what their keys stand for."""

    requests: dict[str, Zone]
    connections: dict[str, Zone]
    keys: Keys


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
    tree, problems = parse(file)
    http = [child for one in named(tree, "http") for child in block(one)]
    api = visit.target.api
    zones = Zones(
        dict(_zones(http, "limit_req_zone")), dict(_zones(http, "limit_conn_zone")), Keys(http)
    )
    routes = tuple(
        _routes(http, api.graphql if api else "/", urlsplit(api.url).hostname if api else "", zones)
    )
    problems += unclear(http, api.graphql if api else "/")
    unresolved = [*problems, *(f"proxy_pass {r.upstream}" for r in routes if "$" in r.upstream)]
    unresolved += [f"zone {one.zone}" for r in routes for one in r.limits if not one.key]
    unresolved += [f"zone {one.zone}" for r in routes for one in r.connection_limits if not one.key]
    return NginxConfig(
        file=file.name,
        unresolved=tuple(unresolved),
        upstreams=tuple(_upstream(one, http) for one in named(http, "upstream")),
        routes=routes,
        acme=any(anywhere(http, "acme_certificate")),
        worker_connections=_worker_connections(tree),
        behind=visit.target.proxy.behind,
        observed_at=datetime.now(UTC),
    )


def _upstream(directive: Directive, http: Sequence[Directive]) -> Upstream:
    inside = block(directive)
    name = (directive["args"] or [""])[0]
    return Upstream(
        name=name,
        backends=tuple(_backend(one["args"]) for one in named(inside, "server") if one["args"]),
        active_check=any(_checked(http, name)),
        affinity=next((one for one in AFFINITIES if named(inside, one)), ""),
    )


def _checked(directives: Sequence[Directive], upstream: str) -> Iterator[bool]:
    """Yield whether a ``health_check`` stands beside a ``proxy_pass`` to *upstream*."""
    for one in directives:
        inside = block(one)
        if named(inside, "health_check"):
            yield any(_target(passing) == upstream for passing in named(inside, "proxy_pass"))
        yield from _checked(inside, upstream)


def _backend(args: list[str]) -> Backend:
    options = dict(one.partition("=")[::2] for one in args[1:])
    fails = options.get("max_fails", "")
    return Backend(
        address=args[0],
        max_fails=int(fails) if fails.isdecimal() else DEFAULT_MAX_FAILS,
        fail_timeout_s=_seconds(options.get("fail_timeout", ""), DEFAULT_FAIL_TIMEOUT_S),
        spare="backup" in options or "down" in options,
    )


def _seconds(text: str, otherwise: float) -> float:
    found = re.fullmatch(r"(\d+)(ms|[smhd]?)", text)
    return int(found[1]) * UNITS_S[found[2]] if found else otherwise


def _target(passing: Directive) -> str:
    """Return the upstream's name, or the address, that a ``proxy_pass`` leads to."""
    url = (passing["args"] or [""])[0]
    return urlsplit(url).netloc or url if "$" not in url else url


def _routes(
    http: Sequence[Directive], path: str, host: str | None, zones: Zones
) -> Iterator[Route]:
    """Yield the location of every server that passes *path* on, with the limits in force there."""
    servers = [block(one) for one in named(http, "server")]
    of_hosts = [is_named(inside, host or "") for inside in servers]
    for inside, of_host in zip(servers, of_hosts, strict=True):
        chain = chosen(inside, path)
        place = block(chain[0]) if chain else inside
        passing = [*named(place, "proxy_pass"), *anywhere(place, "proxy_pass")]
        if not passing:
            continue
        names = [" ".join(one["args"]) for one in named(inside, "server_name")]
        args = chain[0]["args"] if chain else []
        levels = [*(block(one) for one in chain), inside, http]
        yield Route(
            where=f"server {' '.join(names) or '_'} location {' '.join(args)}".strip(),
            upstream=_target(passing[0]),
            limits=tuple(_limits(levels, zones)),
            of_api=of_host or not any(of_hosts),
            connection_limits=tuple(_connection_limits(levels, zones)),
            header_timeout_s=_seconds_set(levels, "client_header_timeout"),
            max_body_bytes=_bytes_set(levels, "client_max_body_size"),
            trusted=tuple(" ".join(one["args"]) for one in in_force(levels, "set_real_ip_from")),
        )


def _seconds_set(levels: Sequence[Sequence[Directive]], name: str) -> float | None:
    text = first(levels, name)
    return None if text is None else _seconds(text, float("inf"))


def _bytes_set(levels: Sequence[Sequence[Directive]], name: str) -> int | None:
    text = first(levels, name)
    found = re.fullmatch(r"(\d+)([kmg]?)", (text or "").lower())
    return int(found[1]) * UNITS_BYTES[found[2]] if found else None


def _worker_connections(tree: Sequence[Directive]) -> int | None:
    events = [child for one in named(tree, "events") for child in block(one)]
    most = first([events], "worker_connections") or ""
    return int(most) if most.isdecimal() else None


def _zones(http: Sequence[Directive], kind: str) -> Iterator[tuple[str, Zone]]:
    for one in named(http, kind):
        options = _options(one["args"][1:])
        rate = re.fullmatch(r"(\d+)r/([sm])", options.get("rate", ""))
        per_minute = int(rate[1]) * (60 if rate[2] == "s" else 1) if rate else float("inf")
        if rate or kind == "limit_conn_zone":
            name = options.get("zone", "").partition(":")[0]
            yield name, Zone((one["args"] or [""])[0], per_minute)


def _options(args: Sequence[str]) -> dict[str, str]:
    return dict(one.partition("=")[::2] for one in args)


def _limits(levels: Sequence[Sequence[Directive]], zones: Zones) -> Iterator[RequestLimit]:
    dry_run = first(levels, "limit_req_dry_run") == "on"
    for one in in_force(levels, "limit_req"):
        options = _options(one["args"])
        name = options.get("zone", "")
        zone = zones.requests.get(name, Zone("", float("inf")))
        meaning = zones.keys.meaning(zone.key)
        burst = options.get("burst", "0")
        yield RequestLimit(
            zone=name,
            key=zone.key,
            per_minute=zone.per_minute,
            burst=int(burst) if burst.isdecimal() else 0,
            keys=meaning.keys,
            decided_by=meaning.decided_by,
            dry_run=dry_run,
        )


def _connection_limits(
    levels: Sequence[Sequence[Directive]], zones: Zones
) -> Iterator[ConnectionLimit]:
    dry_run = first(levels, "limit_conn_dry_run") == "on"
    for one in in_force(levels, "limit_conn"):
        name, most = [*one["args"], "", ""][:2]
        zone = zones.connections.get(name, Zone("", float("inf")))
        yield ConnectionLimit(
            zone=name, key=zone.key, most=int(most) if most.isdecimal() else 0, dry_run=dry_run
        )
