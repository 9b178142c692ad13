"""A token that the service accepts: how long it lives, and how it is signed."""

from collections.abc import Iterator

from readiness_kit.checks.security.authentication.answers import MOMENT, YES, was_answered
from readiness_kit.facts.callers.authentication import IssuedToken
from readiness_kit.verdict import Cause, Finding, Move, fails, holds, holds_weakly, judges, not_seen

MAX_LIFETIME_S = 3600
"""The checklist: one hour."""

ASYMMETRIC = ("EdDSA", "Ed25519", "ES256", "RS256")

SYMMETRIC = "HS256"


@judges("token_lifetime", "algorithm")
def judge(issued: IssuedToken) -> Iterator[Finding]:
    """Judge a token that the service accepts: how long it lives and how it is signed."""
    yield _lifetime(issued)
    yield _algorithm(issued)


def _lifetime(issued: IssuedToken) -> Finding:
    claim, want = "token_lifetime", f"exp - iat <= {MAX_LIFETIME_S} s"
    seen = [IssuedToken.at("/lifetime_s")]
    repeat = "cut -d. -f2 <<< $TOKEN | base64 -d"
    life, left = issued.lifetime_s, issued.left_s
    if left is None:
        got = "the token has no exp: it never ends"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if (life is not None and life > MAX_LIFETIME_S) or left > MAX_LIFETIME_S:
        got = f"{max(left, life or 0):.0f} s"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if life is None or not 0 < life <= MAX_LIFETIME_S or not was_answered(issued.control):
        got = "no iat" if life is None else f"{life} s; control: {issued.control.said}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    got = f"{life:.0f} s, in a token from {issued.origin} that is accepted"
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _algorithm(issued: IssuedToken) -> Finding:
    claim, want = "algorithm", "EdDSA, ES256 or RS256 with a published key id; HS256 at least"
    seen = [IssuedToken.at("/algorithm")]
    repeat = "cut -d. -f1 <<< $TOKEN | base64 -d"
    if issued.algorithm not in (*ASYMMETRIC, SYMMETRIC):
        got = f"alg {issued.algorithm or 'missing'}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if not was_answered(issued.control):
        got = f"the token is not accepted: {issued.control.said}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    if issued.algorithm == SYMMETRIC:
        advice = ["whoever verifies HS256 can also mint: sign with EdDSA or ES256 (RFC 8725 3.2)"]
        got = "HS256, which the checklist names"
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    if issued.key_id_published is None:
        got, hint = f"{issued.algorithm}, but no published keys are declared", ["add auth.jwks"]
        return not_seen(claim, Cause.NOT_CONFIGURED, got=got, want=want, seen=seen, advice=hint)
    got = f"{issued.algorithm}, key id published: {issued.key_id and issued.key_id_published}"
    if issued.key_id and issued.key_id_published:
        return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)
    return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)


GOOD = IssuedToken(
    observed_at=MOMENT,
    origin="token_command",
    algorithm="HS256",
    key_id=False,
    key_id_published=None,
    lifetime_s=3600.0,
    left_s=3599.0,
    control=YES,
)


def live_a_second_longer(fact: IssuedToken) -> IssuedToken:
    """Tokens live an hour and a second."""
    return fact.replace(lifetime_s=MAX_LIFETIME_S + 1.0)


def sign_with_nothing(fact: IssuedToken) -> IssuedToken:
    """Tokens are not signed."""
    return fact.replace(algorithm="none")


WORSEN: tuple[Move, ...] = (live_a_second_longer, sign_with_nothing)
