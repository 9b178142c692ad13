"""The ways to the API in nginx.conf, as far as they were read; and the example's one way."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.nginx.configuration import (
    ConnectionLimit,
    NginxConfig,
    RequestLimit,
    Route,
)
from readiness_kit.verdict import Move


def routes_of(nginx: NginxConfig | None) -> list[Route]:
    """Return the ways to the API."""
    return [one for one in nginx.routes if one.of_api] if nginx else []


def unread(nginx: NginxConfig | None) -> Iterator[str]:
    """Yield what keeps the configuration from being judged."""
    if nginx is None:
        yield "no nginx.conf was read"
    elif nginx.unresolved:
        yield f"not resolved: {', '.join(nginx.unresolved)}"
    elif not routes_of(nginx):
        yield "no way to the API in nginx.conf"


NGINX = NginxConfig(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    file="nginx.conf",
    unresolved=(),
    upstreams=(),
    routes=(
        Route(
            where="server api.example.com location = /graphql",
            upstream="api",
            limits=(
                RequestLimit(
                    zone="api",
                    key="$binary_remote_addr",
                    per_minute=100,
                    burst=20,
                    keys=("$binary_remote_addr",),
                ),
            ),
            connection_limits=(
                ConnectionLimit(zone="open", key="$binary_remote_addr", most=50, dry_run=False),
            ),
            header_timeout_s=10.0,
            max_body_bytes=262_144,
            trusted=("203.0.113.0/24",),
        ),
    ),
    acme=False,
    worker_connections=1024,
)


def _all(fact: NginxConfig, **changes: object) -> NginxConfig:
    return fact.replace(routes=tuple(replace(one, **changes) for one in fact.routes))


def without_limits(fact: NginxConfig) -> NginxConfig:
    """No limit is in force."""
    return _all(fact, limits=(), connection_limits=())


def only_log(fact: NginxConfig) -> NginxConfig:
    """Limits are logged and not enforced."""
    routes = (
        replace(
            one,
            limits=tuple(replace(limit, dry_run=True) for limit in one.limits),
            connection_limits=tuple(replace(c, dry_run=True) for c in one.connection_limits),
        )
        for one in fact.routes
    )
    return fact.replace(routes=tuple(routes))


def forget_senders(fact: NginxConfig) -> NginxConfig:
    """The edge's address stands for every caller."""
    return _all(fact, trusted=())


def leave_bodies(fact: NginxConfig) -> NginxConfig:
    """Bodies are as long as nginx lets them be by default."""
    return _all(fact, max_body_bytes=None)


def leave_open(fact: NginxConfig) -> NginxConfig:
    """An include could not be read."""
    return fact.replace(unresolved=(*fact.unresolved, "include conf.d/*.conf"))


WORSEN: tuple[Move, ...] = (without_limits, only_log, forget_senders, leave_bodies, leave_open)
