"""Ask the status page whether it is there, and look where it lies."""

import ipaddress
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from readiness_kit.errors import NotSeen
from readiness_kit.facts.papers.parts import StatusPage
from readiness_kit.sources import Visit, source

PATIENCE_S = 15.0
TEXT_CAP = 200_000

PROVIDERS = (
    "statuspage.io",
    "stspg-customer.com",
    "status.io",
    "instatus.com",
    "betteruptime.com",
    "betterstack.com",
    "statuscast.com",
    "hund.io",
    "incident.io",
    "freshstatus.io",
    "sorryapp.com",
    "uptimerobot.com",
    "cachethq.io",
)
"""Companies that host status pages, by the domain that their customers' names lead to."""

_STATE = re.compile(
    r"\b(operational|degraded|outage|incident|maintenance|disruption)\b", re.IGNORECASE
)


@source(effect="read", asks="1 GET of the status page; resolves two names", deadline_s=20)
def status_page(visit: Visit) -> StatusPage:
    """Get the page once.

    Raises:
        NotSeen: It could not be asked: its name does not resolve, or nothing came in time.

    """
    url = visit.target.communication.status_page
    host = (urlsplit(url).hostname or "") if url else ""
    service = urlsplit(visit.api.url).hostname or ""
    fact = StatusPage(
        observed_at=datetime.now(UTC),
        url=url,
        status=0,
        answered_s=0.0,
        states=(),
        problem="none is declared",
        host=host,
        canonical="",
        provider="",
        addresses=(),
        service_host=service,
        service_addresses=(),
        public=False,
    )
    if not url:
        return fact
    canonical, addresses = _resolve(host)
    _, at = _resolve(service)
    status, text, answered_s, problem = _get(visit, url)
    return fact.replace(
        observed_at=datetime.now(UTC),
        status=status,
        answered_s=answered_s,
        states=tuple(sorted({found[0].lower() for found in _STATE.finditer(text)})),
        problem=problem,
        canonical=canonical,
        provider=_provider(canonical),
        addresses=addresses,
        service_addresses=at,
        public=all(ipaddress.ip_address(one).is_global for one in (*addresses, *at)),
    )


def _get(visit: Visit, url: str) -> tuple[int, str, float, str]:
    """Return status, text, seconds, and why there was no answer.

    Raises:
        NotSeen: Nothing came in time.

    """
    ca = visit.target.communication.ca
    context = ssl.create_default_context(cafile=_file(ca) if ca else None)
    began = time.monotonic()
    try:
        with visit.client(url, verify=context, timeout_s=PATIENCE_S) as client:
            answer = client.get(urlsplit(url)._replace(scheme="", netloc="").geturl() or "/")
    except (httpx.TimeoutException, httpx.ReadError) as error:
        raise NotSeen(f"the status page did not answer: {type(error).__name__}") from error
    except httpx.ConnectError as error:
        return 0, "", round(time.monotonic() - began, 3), str(error)
    text = re.sub(
        r"<(script|style)\b.*?</\1>|<[^>]*>", " ", answer.text[:TEXT_CAP], flags=re.DOTALL
    )
    return answer.status_code, text, round(time.monotonic() - began, 3), ""


def _file(ca: Path) -> str:
    if not ca.is_file():
        raise NotSeen(f"communication.ca: {ca} is no file", hint="correct communication.ca")
    return str(ca)


def _resolve(host: str) -> tuple[str, tuple[str, ...]]:
    """Return the name that *host* stands for, and its addresses.

    Raises:
        NotSeen: It does not resolve.

    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except OSError as error:
        raise NotSeen(f"{host} does not resolve: {error}") from error
    canonical = next((entry[3] for entry in found if entry[3]), host)
    addresses = (str(entry[4][0]).partition("%")[0] for entry in found)
    return canonical.rstrip(".").lower(), tuple(sorted(set(addresses)))


def _provider(name: str) -> str:
    """Return who hosts status pages under *name*.

    >>> _provider("abc.stspg-customer.com"), _provider("status.example.com")
    ('stspg-customer.com', '')
    """
    return next((one for one in PROVIDERS if name == one or name.endswith(f".{one}")), "")
