"""The balancer limits requests by caller, be it nginx or an ingress."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from readiness_kit.checks.security.ddos_protection.callers import EVERYBODY, standing_of, worst
from readiness_kit.checks.security.ddos_protection.nginx import routes_of, unread
from readiness_kit.facts import Pointer
from readiness_kit.facts.api.edge import EdgeSeen
from readiness_kit.facts.kubernetes.ingress import DeclaredIngresses, Ingress
from readiness_kit.facts.nginx.configuration import NginxConfig, Route
from readiness_kit.verdict import Case, Cause, Finding, Grade, judges

LIMITS_REQUESTS = re.compile(r".*/(limit-rps|limit-rpm|limit-req-rate|rate-limit-requests)")


@judges("lb_limit")
def judge(
    nginx: NginxConfig | None, ingresses: DeclaredIngresses | None, edge: EdgeSeen | None
) -> Iterator[Finding]:
    """The balancer limits requests, by caller."""
    routes = routes_of(nginx)
    stands = [standing_of(route, nginx, edge) for route in routes]
    standing = worst([one for one, _ in stands])
    case = Case(
        claim="lb_limit",
        got="; ".join([*map(_rates, routes), *_said(ingresses), *unread(nginx)]),
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


INGRESSES = DeclaredIngresses(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC), files=("deployment.yaml",), ingresses=()
)
