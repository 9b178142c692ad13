"""By what a limit tells callers apart, and whether they can escape it."""

import re
from typing import Literal

from readiness_kit.facts.api.edge import EdgeSeen
from readiness_kit.facts.nginx.configuration import NginxConfig, RequestLimit, Route

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

EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
"""Networks that hold every address."""

Kind = Literal["client", "address", "forwarded", "chosen", "shared", "unclear"]
"""By what a limit tells callers apart."""

KINDS: dict[Kind, frozenset[str]] = {
    "address": ADDRESS,
    "client": VOUCHED,
    "forwarded": FORWARDED,
}

Standing = Literal["good", "weak", "unclear", "bad"]
"""How well callers are told apart."""


def standing_of(
    route: Route, nginx: NginxConfig | None, edge: EdgeSeen | None
) -> tuple[Standing, str]:
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


def worst(found: list[Standing]) -> Standing:
    """Return the worst of *found*; of nothing, nothing is clear."""
    ranks: list[Standing] = ["bad", "unclear", "weak", "good"]
    return min(found, key=ranks.index, default="unclear")
