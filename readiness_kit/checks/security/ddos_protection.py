"""Protection against floods: an edge in front, no way around it, and limits at the balancer.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(forget_senders(NGINX))["lb_limit"]
'WARN'
>>> CHECK.shows(without_limits(NGINX))["lb_limit"]
'FAIL'
>>> CHECK.shows(lose_control(ORIGIN))["origin_closed"]
'UNKNOWN'
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import replace

from readiness_kit.facts import Pointer
from readiness_kit.facts.connection_limits import ConnectionLimits
from readiness_kit.facts.edge import EdgeAnswer, EdgeSeen, OriginDoor, OriginSeen
from readiness_kit.facts.ingress import DeclaredIngresses, Ingress
from readiness_kit.facts.nginx import ConnectionLimit, NginxConfig, RequestLimit, Route
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

LONGEST_HEADER_S = 60.0
"""nginx's own default of client_header_timeout."""

ADDRESS = frozenset({"binary_remote_addr", "remote_addr"})
"""The connecting address, or what a trusted sender says in its place (ngx_http_realip_module)."""

VOUCHED = frozenset(
    {"proxy_protocol_addr", "ssl_client_fingerprint", "ssl_client_serial", "jwt_claim_sub"}
)
"""What callers cannot choose: told by the sender in front, or proven by a key."""

OWN = frozenset({"server_name", "server_port", "server_addr", "scheme", "realip_remote_addr"})
"""What says nothing of the caller."""

FORWARDED = frozenset(
    {
        "http_cf_connecting_ip",
        "http_true_client_ip",
        "http_x_real_ip",
        "http_x_forwarded_for",
        "http_fastly_client_ip",
    }
)
"""Headers in which a sender in front names the caller, as anybody could who goes around it."""

LIMITS_REQUESTS = re.compile(r".*/(limit-rps|limit-rpm|limit-req-rate|rate-limit-requests)")
EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})

Kind = Literal["client", "address", "forwarded", "chosen", "shared", "unclear"]
"""By what a limit tells callers apart."""

KINDS: dict[Kind, frozenset[str]] = {
    "address": ADDRESS,
    "client": VOUCHED,
    "forwarded": FORWARDED,
}

Standing = Literal["good", "weak", "unclear", "bad"]


@judges("provider")
def judge_provider(edge: EdgeSeen) -> Iterator[Finding]:
    """Every public address shows the marks of the provider that is declared."""
    bare = [one for one in edge.answers if one.public and one.status > 0 and not one.providers]
    inside = [one.address for one in edge.answers if not one.public]
    silent = [one for one in edge.answers if one.status <= 0]
    case = Case(
        claim="provider",
        got="; ".join(_edge(one) for one in edge.answers) or "no address was asked",
        want=f"marks of {edge.declared or 'the declared provider'} at every public address",
        seen=[EdgeSeen.at("/answers")],
        reproduce=f"curl -sSI {edge.url}/health | grep -i -e server -e via -e '^x-' -e '^cf-'",
        grade=Grade.OBSERVED,
    )
    unlisted = bool(edge.declared) and edge.declared not in edge.known
    if bare and not unlisted:
        yield case.fails("put a scrubbing edge in front, or your provider's protection")
    elif inside:
        yield case.not_seen(Cause.UNPROVEN, "no public address: declare this not_applicable")
    elif silent or not edge.answers:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif any(edge.declared not in one.providers for one in edge.answers):
        known = f"marks are known of {', '.join(edge.known)}"
        yield case.not_seen(Cause.UNPROVEN, f"name the provider as api.edge; {known}")
    else:
        yield case.holds()


def _edge(one: EdgeAnswer) -> str:
    seen = ", ".join(one.providers) or "no edge"
    return f"{one.address}: {one.reason or f'{seen} in an answer {one.status}'}"


@judges("origin_closed")
def judge_origin(origin: OriginSeen) -> Iterator[Finding]:
    """The origin takes no connection from outside, while the edge answers."""
    opened = [one for one in origin.doors if one.door == "open" and one.public]
    unclear = [one for one in origin.doors if one.door == "not_reached" or not one.public]
    case = Case(
        claim="origin_closed",
        got="; ".join(f"{one.address}: {one.door} ({one.detail})" for one in origin.doors)
        + f"; through the edge: {origin.control_status}",
        want="refused or timed out at every address, while the edge answers 200",
        seen=[OriginSeen.at("/doors"), OriginSeen.at("/control_status")],
        reproduce=f"curl -sS -m 5 -o /dev/null -w '%{{http_code}}' {origin.origin}/health",
    )
    if opened:
        yield case.fails("let the origin's firewall accept the edge's addresses only")
    elif unclear or not origin.doors:
        yield case.not_seen(Cause.COULD_NOT_ASK, "ask from outside the service's own network")
    elif not 200 <= origin.control_status < 300:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the edge does not answer either")
    else:
        yield case.holds()


@judges("lb_limit")
def judge_rate(
    nginx: NginxConfig | None, ingresses: DeclaredIngresses | None, edge: EdgeSeen | None
) -> Iterator[Finding]:
    """The balancer limits requests, by caller."""
    routes = _routes(nginx)
    stands = [_stands(route, nginx, edge) for route in routes]
    standing = _worst([one for one, _ in stands])
    case = Case(
        claim="lb_limit",
        got="; ".join([*map(_rates, routes), *_said(ingresses), *_unread(nginx)]),
        want="a request limit by caller in force at every way to the API",
        seen=_at(nginx, ingresses),
        reproduce="nginx -T | grep -n -e limit_req -e real_ip -e 'map '",
        grade=Grade.DECLARED,
    )
    if _limiting(ingresses) and standing != "good":
        if edge is None or any(one.providers for one in edge.answers):
            yield case.not_seen(Cause.UNPROVEN, "whose address the ingress counts was not seen")
        else:
            yield case.holds()
    elif nginx is None and ingresses is not None and ingresses.ingresses:
        yield case.fails("annotate the ingress with limit-rps or limit-rpm")
    elif nginx is None:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name proxy.nginx, or the ingress's manifests")
    elif nginx.unresolved or not routes:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif standing == "bad":
        yield case.fails(*(why for one, why in stands if one == "bad"))
    elif standing == "unclear":
        yield case.not_seen(Cause.UNPROVEN, *(why for one, why in stands if one == "unclear"))
    else:
        yield case.holds(*(why for one, why in stands if one == "weak"))


def _routes(nginx: NginxConfig | None) -> list[Route]:
    return [one for one in nginx.routes if one.of_api] if nginx else []


def _stands(route: Route, nginx: NginxConfig | None, edge: EdgeSeen | None) -> tuple[Standing, str]:
    """Return how well callers of *route* are told apart, by the best limit there, and why not."""
    found = [_standing(one, route, nginx, edge) for one in route.limits if not one.dry_run]
    ranks: list[Standing] = ["good", "weak", "unclear", "bad"]
    return min(
        found,
        key=lambda one: ranks.index(one[0]),
        default=("bad", f"add limit_req to {route.where}; limit_req_dry_run only logs"),
    )


def _standing(
    limit: RequestLimit, route: Route, nginx: NginxConfig | None, edge: EdgeSeen | None
) -> tuple[Standing, str]:
    kind = _kind(limit.keys[0]) if limit.keys else "unclear"
    anyone = bool(EVERYBODY & set(route.trusted))
    behind = bool(nginx and nginx.behind) or bool(edge and any(a.providers for a in edge.answers))
    if kind == "unclear":
        return "unclear", f"what {limit.key} stands for depends on more than nginx.conf tells"
    if kind == "chosen" or (kind == "forwarded" and not behind) or (kind == "address" and anyone):
        return "bad", f"callers choose {limit.key} themselves, and so escape the limit"
    if kind == "shared":
        return "bad", f"{limit.key} is one for all callers: one of them uses it up for the rest"
    if kind == "forwarded":
        return "weak", f"set real_ip_header with set_real_ip_from in place of {limit.key}"
    if kind == "address" and not route.trusted and behind:
        return "weak", "what stands in front is one address: set real_ip_header, set_real_ip_from"
    if kind == "address" and not route.trusted and edge is None:
        return "unclear", "not seen whether an edge stands in front, whose address all share"
    if "" in limit.keys and _names(limit.decided_by) - ADDRESS:
        return "weak", f"callers who choose {limit.decided_by} well are not limited"
    return "good", ""


def _kind(key: str) -> Kind:
    """Tell by what *key* tells callers apart.

    >>> _kind("$binary_remote_addr"), _kind("$http_x_api_key"), _kind("$server_name"), _kind("")
    ('address', 'chosen', 'shared', 'unclear')
    """
    names = _names(key)
    if not key:
        return "unclear"
    if names <= OWN:
        return "shared"
    return next(
        (kind for kind, known in KINDS.items() if names & known and names <= known | OWN), "chosen"
    )


def _names(text: str) -> set[str]:
    return set(re.findall(r"\$\{?(\w+)", text))


def _worst(found: list[Standing]) -> Standing:
    ranks: list[Standing] = ["bad", "unclear", "weak", "good"]
    return min(found, key=ranks.index, default="unclear")


def _limiting(ingresses: DeclaredIngresses | None) -> bool:
    """Tell whether every ingress limits requests."""
    found = ingresses.ingresses if ingresses else ()
    return bool(found) and all(map(_in_force, found))


def _in_force(ingress: Ingress) -> bool:
    """Tell whether *ingress* limits requests, and exempts nobody by the way."""
    numbers = [
        re.match(r"\d+", value)
        for name, value in ingress.limits.items()
        if LIMITS_REQUESTS.fullmatch(name)
    ]
    exempt = any(
        EVERYBODY & set(value.replace(" ", "").split(","))
        or (name.endswith("dry-run") and value.lower() == "true")
        for name, value in ingress.limits.items()
    )
    return any(one is not None and int(one[0]) > 0 for one in numbers) and not exempt


def _said(ingresses: DeclaredIngresses | None) -> Iterator[str]:
    for one in ingresses.ingresses if ingresses else ():
        yield f"ingress {one.name}: {one.limits or 'no limit'}"


def _unread(nginx: NginxConfig | None) -> Iterator[str]:
    """Yield what keeps the configuration from being judged."""
    if nginx is None:
        yield "no nginx.conf was read"
    elif nginx.unresolved:
        yield f"not resolved: {', '.join(nginx.unresolved)}"
    elif not _routes(nginx):
        yield "no way to the API in nginx.conf"


def _rates(route: Route) -> str:
    said = [
        f"{one.per_minute:g}/min and {one.burst} more by {one.key}"
        + (f" ({' or '.join(map(repr, one.keys))})" if len(one.keys) > 1 else "")
        + " (dry run)" * one.dry_run
        for one in route.limits
    ]
    return f"{route.where}: {', '.join(said) or 'no limit'}"


def _at(nginx: NginxConfig | None, ingresses: DeclaredIngresses | None) -> list[Pointer]:
    seen = [NginxConfig.at("/routes")] if nginx else []
    return [*seen, DeclaredIngresses.at("/ingresses")] if ingresses else seen


@judges("conn_limit")
def judge_connections(
    nginx: NginxConfig | None, database: ConnectionLimits | None
) -> Iterator[Finding]:
    """The edge bounds connections, headers and bodies; the database bounds its clients."""
    routes = _routes(nginx)
    unset = [*_unset(routes), *([] if database and _bounded(database) else ["a database limit"])]
    case = Case(
        claim="conn_limit",
        got="; ".join(
            [*map(_connections, routes), *_unread(nginx), _workers(nginx), _database(database)]
        ),
        want=f"limit_conn, client_header_timeout <= {LONGEST_HEADER_S:g} s, client_max_body_size "
        "and a limit of the role or the database; one of the last three unset warns",
        seen=[
            *([NginxConfig.at("/routes")] if nginx else []),
            *([ConnectionLimits.at()] if database else []),
        ],
        reproduce="nginx -T | grep -n -e limit_conn -e client_; "
        "psql -c 'SELECT rolname, rolconnlimit FROM pg_roles'",
        grade=Grade.DECLARED,
    )
    if nginx is None:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name proxy.nginx, the balancer's configuration")
    elif nginx.unresolved or not routes:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif not all(any(map(_holds, one.connection_limits)) for one in routes):
        yield case.fails("add limit_conn with a zone by caller to the server of the API")
    elif any(map(_boundless, routes)):
        yield case.fails("slow headers and endless bodies hold connections: bound both")
    elif database is None:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the limits of the database were not seen")
    elif len(unset) > 1:
        yield case.fails(f"left at the default: {', '.join(unset)}")
    else:
        yield case.holds(*(f"set {one}: its default holds for want of a decision" for one in unset))


def _holds(limit: ConnectionLimit) -> bool:
    return limit.most > 0 and not limit.dry_run


def _boundless(route: Route) -> bool:
    header, body = route.header_timeout_s, route.max_body_bytes
    slow = header is not None and not 0 < header <= LONGEST_HEADER_S
    return slow or (body is not None and body <= 0)


def _unset(routes: list[Route]) -> Iterator[str]:
    if any(one.header_timeout_s is None for one in routes):
        yield "client_header_timeout"
    if any(one.max_body_bytes is None for one in routes):
        yield "client_max_body_size"


def _bounded(database: ConnectionLimits) -> bool:
    """Whether role or database may have fewer connections than there are; superusers always may."""
    room = database.max_connections - database.reserved
    limits = (database.role_limit, database.database_limit)
    return not database.superuser and any(one is not None and 0 <= one < room for one in limits)


def _connections(route: Route) -> str:
    limits = ", ".join(
        f"{one.most} by {one.key}{' (dry run)' * one.dry_run}" for one in route.connection_limits
    )
    header = "default" if route.header_timeout_s is None else f"{route.header_timeout_s:g} s"
    body = "default" if route.max_body_bytes is None else f"{route.max_body_bytes} bytes"
    return f"{route.where}: limit_conn {limits or 'none'}, header {header}, body {body}"


def _workers(nginx: NginxConfig | None) -> str:
    most = nginx.worker_connections if nginx else None
    return f"worker_connections {'default' if most is None else most}"


def _database(database: ConnectionLimits | None) -> str:
    if database is None:
        return "database not seen"
    who = "superuser " * database.superuser + (database.role or "role not named")
    return (
        f"{who}: {database.role_limit}, database {database.database}: {database.database_limit}, "
        f"server: {database.max_connections}"
    )


_NOW = datetime(2026, 11, 1, tzinfo=UTC)
EDGE = EdgeSeen(
    observed_at=_NOW,
    url="https://api.example.com",
    declared="cloudflare",
    known=("cloudflare", "fastly"),
    answers=(
        EdgeAnswer(
            address="203.0.113.7:443",
            public=True,
            status=200,
            providers=("cloudflare",),
            marks=("cf-ray", "server"),
        ),
    ),
)
ORIGIN = OriginSeen(
    observed_at=_NOW,
    origin="https://origin.example.com",
    control="https://api.example.com",
    control_status=200,
    doors=(OriginDoor(address="198.51.100.9:443", public=True, door="silent", detail="timed out"),),
)
NGINX = NginxConfig(
    observed_at=_NOW,
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
INGRESSES = DeclaredIngresses(observed_at=_NOW, files=("deployment.yaml",), ingresses=())
DATABASE = ConnectionLimits(
    observed_at=_NOW,
    database="shop",
    database_limit=-1,
    role="shop_app",
    role_limit=60,
    superuser=False,
    max_connections=200,
    reserved=3,
)


def _all(fact: NginxConfig, **changes: object) -> NginxConfig:
    return fact.replace(routes=tuple(replace(one, **changes) for one in fact.routes))


def uncovered(fact: EdgeSeen) -> EdgeSeen:
    """No address shows an edge."""
    return fact.replace(answers=tuple(replace(one, providers=()) for one in fact.answers))


def open_origin(fact: OriginSeen) -> OriginSeen:
    """The origin takes connections from anybody."""
    return fact.replace(doors=tuple(replace(one, door="open") for one in fact.doors))


def lose_control(fact: OriginSeen) -> OriginSeen:
    """The edge does not answer either."""
    return fact.replace(control_status=0)


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


def unlimited_role(fact: ConnectionLimits) -> ConnectionLimits:
    """Neither role nor database is limited."""
    return fact.replace(role_limit=-1, database_limit=-1)


CHECK = Check(
    (judge_provider, judge_origin, judge_rate, judge_connections),
    remedy="Put a scrubbing edge in front and close the origin to everybody else; in nginx set "
    "limit_req and limit_conn by $binary_remote_addr, with set_real_ip_from behind another proxy, "
    "client_header_timeout and client_max_body_size; ALTER ROLE app CONNECTION LIMIT n.",
    references=(
        "OWASP Denial of Service Cheat Sheet",
        "nginx ngx_http_limit_req_module, ngx_http_limit_conn_module, ngx_http_realip_module",
        "PostgreSQL: CREATE ROLE, CONNECTION LIMIT",
    ),
    good=(EDGE, ORIGIN, NGINX, INGRESSES, DATABASE),
    worsen=(
        uncovered,
        open_origin,
        lose_control,
        without_limits,
        only_log,
        forget_senders,
        leave_bodies,
        leave_open,
        unlimited_role,
    ),
    thresholds={
        "provider": "marks of the declared provider at every address",
        "origin_closed": "no connection from outside, while the edge answers",
        "lb_limit": "a limit by caller in force; the address of a proxy in front warns",
        "conn_limit": "limit_conn, header time-out <= 60 s, body and database limits; one unset "
        "warns",
    },
)
