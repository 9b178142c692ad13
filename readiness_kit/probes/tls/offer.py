"""Asks every address of the public endpoint which TLS versions and suites it speaks."""

import contextlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from readiness_kit.errors import NotSeen
from readiness_kit.facts.tls.offer import VERSIONS, Answer, TlsEndpoint, TlsOffer, Version
from readiness_kit.probes.tls.hello import MODERN_SUITES, USUAL_SUITES, Heard, ask, suites
from readiness_kit.sources import Address, Visit, source

TIMEOUT_S = 3.0
"""Longest wait for one handshake."""


@source(
    effect="read",
    asks="per address: one ordinary handshake, two hellos for each of 5 TLS versions, "
    "one more for each TLS 1.2 suite that is accepted",
    deadline_s=30.0,
)
def tls_offer(visit: Visit) -> TlsOffer:
    """Return what every address of ``api.url`` offers."""
    _, host, port = visit.allowed(visit.api.url)
    addresses = visit.addresses(visit.api.url)
    with ThreadPoolExecutor(max_workers=4) as pool:
        endpoints = tuple(pool.map(lambda one: _endpoint(visit, one, host), addresses))
    if all(_unreachable(one) for one in endpoints):
        raise NotSeen(
            f"{host}:{port} answers no handshake: {endpoints[0].versions['TLSv1.3'].detail}",
            hint="check that the service is up and that api.url names its TLS port",
        )
    return TlsOffer(
        observed_at=datetime.now(UTC),
        host=host,
        port=port,
        suites_asked=len(suites()),
        endpoints=endpoints,
    )


def _endpoint(visit: Visit, address: Address, host: str) -> TlsEndpoint:
    versions = {one: _ask_version(visit, address, host, one) for one in VERSIONS}
    accepted, end = _enumerate(visit, address, host)
    return TlsEndpoint(
        address=str(address),
        control=_ordinary_handshake(visit, address, host),
        versions=versions,
        suites=accepted,
        suites_end=end,
    )


def _unreachable(endpoint: TlsEndpoint) -> bool:
    return all(one.outcome == "unanswered" for one in endpoint.versions.values())


def _ask_version(visit: Visit, address: Address, host: str, version: Version) -> Answer:
    """Offer *version* with every suite, then with the usual few: some servers want short hellos."""
    if version == "TLSv1.3":
        return _ask(visit, address, host, version, MODERN_SUITES).answer
    heard = _ask(visit, address, host, version, tuple(suites()))
    if heard.answer.outcome == "refused":
        heard = _ask(visit, address, host, version, USUAL_SUITES)
    return heard.answer


def _enumerate(visit: Visit, address: Address, host: str) -> tuple[tuple[str, ...], Answer]:
    """Offer every suite; drop the one the server chose; ask again, until it refuses the rest."""
    left = dict(suites())
    accepted: list[str] = []
    while True:
        heard = _ask(visit, address, host, "TLSv1.2", tuple(left))
        if heard.answer.outcome != "accepted":
            return tuple(accepted), heard.answer
        name = left.pop(heard.suite, None) if heard.suite is not None else None
        if name is None:
            odd = Answer(outcome="not_tls", detail="the server chose a suite that was not offered")
            return tuple(accepted), odd
        accepted.append(name)


def _ask(
    visit: Visit, address: Address, host: str, version: Version, offered: tuple[int, ...]
) -> Heard:
    """Ask once, and once more if nothing came back: a lost packet is not an answer."""
    heard = Heard(Answer(outcome="unanswered"))
    for _ in range(2):
        timeout_s = min(TIMEOUT_S, visit.remaining_s)
        heard = ask(lambda: visit.connect(address, TIMEOUT_S), version, host, offered, timeout_s)
        if heard.answer.outcome != "unanswered":
            break
    return heard


def _ordinary_handshake(visit: Visit, address: Address, host: str) -> str:
    """Return the version of a complete handshake by the local OpenSSL, or nothing.

    The certificate is not verified here: that is the business of other facts.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        contextlib.closing(visit.connect(address, TIMEOUT_S)) as wire,
    ):
        wire.settimeout(min(TIMEOUT_S, visit.remaining_s))
        with context.wrap_socket(wire, server_hostname=host) as tls:
            return tls.version() or ""
    return ""
