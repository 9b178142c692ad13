"""Requests without a token, and tokens that only a broken verifier accepts: all are refused."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authentication.answers import (
    MOMENT,
    NO,
    YES,
    all_answered,
    was_refused,
)
from readiness_kit.facts import Pointer
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.callers.authentication import AnonymousAccess, Attempt, ForgedTokens
from readiness_kit.verdict import Cause, Finding, Move, fails, holds, judges, not_seen

FORGERIES = ("algorithm_none", "wrong_key", "no_signature", "cut_signature", "changed_payload")
"""RFC 8725 section 2; ``public_key_as_secret`` only where a public key is published."""


@judges("anonymous_requests_refused")
def judge_anonymous(access: AnonymousAccess) -> Iterator[Finding]:
    """Judge the protected operation without a token, and with garbage."""
    wanted = ("no_token", "garbage")
    seen = AnonymousAccess.at("/attempts")
    claim = "anonymous_requests_refused"
    yield all_refused(claim, access.attempts, access.controls, wanted=wanted, seen=seen)


@judges("forged_tokens_refused")
def judge_forged(forged: ForgedTokens) -> Iterator[Finding]:
    """Judge tokens that only a broken verifier accepts."""
    wanted = (*FORGERIES, *(("public_key_as_secret",) if forged.public_key_known else ()))
    seen = ForgedTokens.at("/attempts")
    claim = "forged_tokens_refused"
    yield all_refused(claim, forged.attempts, forged.controls, wanted=wanted, seen=seen)


def all_refused(
    claim: str,
    attempts: Iterable[Attempt],
    controls: tuple[GraphqlAnswer, ...],
    *,
    wanted: Iterable[str],
    seen: Pointer,
) -> Finding:
    """Judge that every attempt was refused, and that the valid token was not."""
    tried = list(attempts)
    want = "401, 403 or an authentication error without data; the valid token is answered"
    repeat = "curl -s $URL/graphql -H 'authorization: Bearer $FORGED' --json \"$PROTECTED\""
    answered = [f"{one.case} at {one.answer.address}" for one in tried if one.answer.filled]
    if answered:
        got = f"protected fields answered: {', '.join(answered)}"
        return fails(claim, got=got, want=want, seen=[seen], reproduce=repeat)
    missing = sorted(set(wanted) - {one.case for one in tried})
    unclear = [f"{one.case}: {one.answer.said}" for one in tried if not was_refused(one.answer)]
    if missing or unclear or not all_answered(controls, (one.answer for one in tried)):
        said = [f"not asked: {', '.join(missing)}"] if missing else unclear
        got = "; ".join(said) or f"the valid token is not answered: {_heard(controls)}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=[seen])
    got = f"{len(tried)} attempts refused, {len(controls)} controls answered"
    return holds(claim, got=got, want=want, seen=[seen], reproduce=repeat)


def _heard(controls: Iterable[GraphqlAnswer]) -> str:
    return "; ".join(dict.fromkeys(f"control: {one.said}" for one in controls)) or "never asked"


GOOD_ANONYMOUS = AnonymousAccess(
    observed_at=MOMENT,
    operation="{ me { id } }",
    controls=(YES, YES),
    attempts=(Attempt(case="no_token", answer=NO), Attempt(case="garbage", answer=NO)),
)

GOOD_FORGED = ForgedTokens(
    observed_at=MOMENT,
    operation="{ me { id } }",
    controls=(YES, YES),
    attempts=tuple(Attempt(case=case, answer=NO) for case in FORGERIES),
    public_key_known=False,
)


def answer_strangers(fact: AnonymousAccess) -> AnonymousAccess:
    """Whoever asks is answered."""
    return fact.replace(attempts=tuple(replace(one, answer=YES) for one in fact.attempts))


def fail_strangers(fact: AnonymousAccess) -> AnonymousAccess:
    """Strangers get an internal error, which is no refusal."""
    broken = replace(NO, status=500, errors=("Internal server error",))
    return fact.replace(attempts=tuple(replace(one, answer=broken) for one in fact.attempts))


def accept_forgeries(fact: ForgedTokens) -> ForgedTokens:
    """Signatures are not verified."""
    return fact.replace(attempts=tuple(replace(one, answer=YES) for one in fact.attempts))


def lose_control(fact: ForgedTokens) -> ForgedTokens:
    """The valid token is refused as well."""
    return fact.replace(controls=(NO,))


WORSEN: tuple[Move, ...] = (answer_strangers, fail_strangers, accept_forgeries, lose_control)
