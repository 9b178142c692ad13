"""What lies behind the proxy: on its host, or reached over verified TLS."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.nginx.services import Hop, ServiceHops
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges


@judges("services")
def judge(proxy: ServiceHops) -> Iterator[Finding]:
    """From the proxy onwards traffic is encrypted wherever it leaves the host."""
    far = [hop for hop in proxy.hops if not hop.same_host]
    words = [f"{hop.origin} to {hop.address} {_how(hop)}" for hop in proxy.hops]
    this = Case(
        claim="services",
        got="; ".join(words) or "the proxy passes nothing on",
        want="on the same host, or TLS with verification",
        seen=[proxy.at("/hops")],
        reproduce="nginx -T | grep -E 'proxy_pass|proxy_ssl|server '",
        grade=Grade.DECLARED,
    )
    known = [hop for hop in far if hop.known]
    if any(not hop.encrypted for hop in known):
        yield this.fails()
    elif not proxy.hops or len(known) < len(far):
        yield this.not_seen(Cause.COULD_NOT_ASK, "a hop is not written out in the file")
    elif any(not hop.verified for hop in far):
        yield this.holds("proxy_ssl_verify is off by default: the peer is not authenticated")
    else:
        yield this.holds()


def _how(hop: Hop) -> str:
    if hop.same_host:
        return "on the same host"
    verified = "verified" if hop.verified else "not verified"
    return f"TLS {verified}" if hop.encrypted else "plain"


GOOD = ServiceHops(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    hops=(
        Hop(
            origin="nginx.conf:40",
            address="127.0.0.1:8000",
            same_host=True,
            known=True,
            encrypted=False,
            verified=False,
            mutual=False,
        ),
    ),
)


def upstream_elsewhere(proxy: ServiceHops) -> ServiceHops:
    """Move what lies behind the proxy to another host, in the clear."""
    far = (replace(hop, same_host=False, known=True, encrypted=False) for hop in proxy.hops)
    return proxy.replace(hops=tuple(far))


WORSEN: tuple[Move, ...] = (upstream_elsewhere,)
