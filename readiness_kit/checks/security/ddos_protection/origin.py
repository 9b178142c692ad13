"""The origin behind the edge: closed to everybody who goes around it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from readiness_kit.facts.api.edge import OriginDoor, OriginSeen
from readiness_kit.verdict import Case, Cause, Finding, Move, judges


@judges("origin_closed")
def judge(origin: OriginSeen) -> Iterator[Finding]:
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
    elif _port(origin.origin) != _port(origin.control):
        yield case.not_seen(
            Cause.UNPROVEN,
            "a firewall on this side may close that port: ask at the edge's own port",
        )
    elif not 200 <= origin.control_status < 300:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the edge does not answer either")
    else:
        yield case.holds()


def _port(url: str) -> int | None:
    """Return the port that *url* leads to."""
    parts = urlsplit(url)
    try:
        return parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None


ORIGIN = OriginSeen(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    origin="https://origin.example.com",
    control="https://api.example.com",
    control_status=200,
    doors=(OriginDoor(address="198.51.100.9:443", public=True, door="silent", detail="timed out"),),
)


def open_origin(fact: OriginSeen) -> OriginSeen:
    """The origin takes connections from anybody."""
    return fact.replace(doors=tuple(replace(one, door="open") for one in fact.doors))


def lose_control(fact: OriginSeen) -> OriginSeen:
    """The edge does not answer either."""
    return fact.replace(control_status=0)


def ask_at_another_port(fact: OriginSeen) -> OriginSeen:
    """The origin is tried at a port that nothing shows to be open from here."""
    return fact.replace(origin="https://origin.example.com:8443")


WORSEN: tuple[Move, ...] = (open_origin, lose_control, ask_at_another_port)
