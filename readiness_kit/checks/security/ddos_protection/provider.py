"""The edge in front: every public address shows the marks of the declared provider."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.edge import EdgeAnswer, EdgeSeen
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges


@judges("provider")
def judge(edge: EdgeSeen) -> Iterator[Finding]:
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


EDGE = EdgeSeen(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
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


def uncovered(fact: EdgeSeen) -> EdgeSeen:
    """No address shows an edge."""
    return fact.replace(answers=tuple(replace(one, providers=()) for one in fact.answers))


WORSEN: tuple[Move, ...] = (uncovered,)
