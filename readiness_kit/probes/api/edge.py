"""Looks for an edge in front of the service, and tries to reach the origin around it."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.edge import Door, EdgeAnswer, EdgeSeen, OriginDoor, OriginSeen
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 5.0

MARKS: dict[str, tuple[tuple[str, str], ...]] = {
    "akamai": (("akamai-grn", ""), ("x-akamai-transformed", ""), ("server", "akamaighost")),
    "azure": (("x-azure-ref", ""),),
    "bunny": (("server", "bunnycdn"),),
    "cloudflare": (("cf-ray", ""), ("server", "cloudflare")),
    "cloudfront": (("x-amz-cf-id", ""), ("via", "cloudfront")),
    "fastly": (("x-served-by", "cache-"), ("x-fastly-request-id", "")),
    "google": (("via", "1.1 google"),),
    "imperva": (("x-iinfo", ""), ("x-cdn", "imperva"), ("x-cdn", "incapsula")),
    "sucuri": (("x-sucuri-id", ""),),
}
"""Header, and what its value holds in lower case, of each provider, as of November 2026. A header
can be made up by whoever answers, so that a mark alone is no proof.
"""


@source(effect="read", asks="1 GET of the health endpoint per address", deadline_s=15)
def edge_seen(visit: Visit) -> EdgeSeen:
    """Look for the marks of an edge at every address of the public name."""
    url = visit.api.url
    return EdgeSeen(
        url=url,
        declared=visit.api.edge.lower(),
        known=tuple(sorted(MARKS)),
        answers=tuple(_ask(visit, url, address) for address in visit.addresses(url)),
        observed_at=datetime.now(UTC),
    )


@source(effect="read", asks="1 connection per address of the origin, 1 GET at the edge")
def origin_seen(visit: Visit) -> OriginSeen:
    """Try to connect to the origin, then ask the service through the edge.

    Raises:
        NotSeen: No origin is declared, or its name does not resolve.

    """
    origin, url = visit.api.origin, visit.api.url
    if origin is None:
        raise NotSeen(
            "readiness.yaml does not say where the origin is",
            cause="not_configured",
            hint="add api.origin, the address behind the edge",
        )
    doors = tuple(_try(visit, address) for address in visit.addresses(origin))
    return OriginSeen(
        origin=origin,
        control=url,
        control_status=_ask(visit, url, visit.addresses(url)[0]).status,
        doors=doors,
        observed_at=datetime.now(UTC),
    )


def _ask(visit: Visit, url: str, address: Address) -> EdgeAnswer:
    status, headers, reason = 0, httpx.Headers(), ""
    try:
        with visit.client(url, address=address, timeout_s=TIMEOUT_S) as client:
            answer = client.get(visit.api.health)
        status, headers = answer.status_code, answer.headers
    except (httpx.HTTPError, NotSeen) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
    found = tuple(marks(headers))
    return EdgeAnswer(
        address=str(address),
        public=is_public(address),
        status=status,
        providers=tuple(sorted({provider for provider, _ in found})),
        marks=tuple(sorted({header for _, header in found})),
        reason=reason,
    )


def marks(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield provider and header of every mark in *headers*, whose names are in lower case.

    >>> list(marks({"server": "cloudflare", "x-powered-by": "cats"}))
    [('cloudflare', 'server')]
    """
    for provider, signs in MARKS.items():
        for header, holds in signs:
            if header in headers and holds in headers[header].lower():
                yield provider, header


def is_public(address: Address) -> bool:
    """Tell whether the internet can reach *address*."""
    return ipaddress.ip_address(address.ip).is_global


def _try(visit: Visit, address: Address) -> OriginDoor:
    door: Door = "open"
    detail = "the connection was accepted"
    try:
        visit.connect(address, TIMEOUT_S).close()
    except ConnectionRefusedError as error:
        door, detail = "refused", str(error)
    except TimeoutError as error:
        door, detail = "silent", str(error) or f"no answer within {TIMEOUT_S:g} s"
    except OSError as error:
        door, detail = "not_reached", str(error)
    return OriginDoor(
        address=str(address), public=is_public(address), door=door, detail=detail[:200]
    )
