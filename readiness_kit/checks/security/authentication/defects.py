"""Genuine tokens with one defect each: expired, too early, or meant for somebody else."""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authentication.answers import MOMENT, NO, YES
from readiness_kit.checks.security.authentication.refusals import all_refused
from readiness_kit.facts.callers.authentication import DEFECTS, Attempt, BadToken, BadTokens
from readiness_kit.verdict import Cause, Finding, Move, holds_weakly, judges, not_seen

SMALL_LEEWAY_S, MAX_LEEWAY_S = 60, 300
"""Clock skew that may be forgiven (default)."""


@judges("expired_and_misaddressed_tokens_refused")
def judge(bad: BadTokens) -> Iterator[Finding]:
    """Judge genuinely signed tokens, each with exactly the one defect it stands for."""
    claim, seen = "expired_and_misaddressed_tokens_refused", BadTokens.at("/tokens")
    want = f"expired, premature and misaddressed tokens refused; leeway <= {MAX_LEEWAY_S} s"
    false = [one for one in bad.tokens if _shows_nothing(one)]
    late = [one for one in bad.tokens if one.answer.filled and _within_leeway(one)]
    attempts = [
        Attempt(case=one.case, answer=one.answer)
        for one in bad.tokens
        if one not in (*false, *late)
    ]
    finding = all_refused(claim, attempts, bad.controls, wanted=DEFECTS, seen=seen)
    if false and finding.outcome != "fails":
        words = ", ".join(
            f"{one.case} is {', '.join(one.defects) or 'faultless'}"
            + f", and of another {', '.join(one.differs)}" * bool(one.differs)
            + ", by another key" * (one.genuine is False)
            for one in false
        )
        got = f"not the tokens they stand for: {words}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=[seen])
    elif finding.outcome == "holds" and any(not _barely_late(one) for one in late):
        forgiven = max(one.expired_for_s or 0.0 for one in late)
        got = f"{finding.got}; a token expired for {forgiven:.0f} s is still accepted"
        advice = [f"forgive at most {SMALL_LEEWAY_S} s of clock skew (RFC 7519 4.1.4)"]
        repeat = finding.reproduce
        yield holds_weakly(claim, got=got, want=want, seen=[seen], advice=advice, reproduce=repeat)
    else:
        yield replace(finding, want=want)


def _shows_nothing(token: BadToken) -> bool:
    """Whether its answer tells nothing: refused for another reason, or rightly accepted."""
    if token.answer.filled:
        return not token.defects and token.genuine is not False
    return token.defects != (token.case,) or token.genuine is False or bool(token.differs)


def _within_leeway(token: BadToken) -> bool:
    return token.case == "expired" and (token.expired_for_s or 0.0) <= MAX_LEEWAY_S


def _barely_late(token: BadToken) -> bool:
    return (token.expired_for_s or 0.0) <= SMALL_LEEWAY_S


GOOD = BadTokens(
    observed_at=MOMENT,
    operation="{ me { id } }",
    controls=(YES, YES),
    tokens=tuple(
        BadToken(
            case=case,
            defects=(case,),
            expired_for_s=3600.0 if case == "expired" else -3600.0,
            genuine=True,
            answer=NO,
        )
        for case in DEFECTS
    ),
)


def accept_expired(fact: BadTokens) -> BadTokens:
    """Expiry, issuer and audience are not looked at."""
    return fact.replace(tokens=tuple(replace(one, answer=YES) for one in fact.tokens))


def accept_leeway(fact: BadTokens) -> BadTokens:
    """A token that expired two minutes ago is accepted as well."""
    late = (
        replace(one, expired_for_s=120.0, answer=YES)
        for one in fact.tokens
        if one.case == "expired"
    )
    return fact.replace(tokens=(*fact.tokens, *late))


def mislabel(fact: BadTokens) -> BadTokens:
    """Every bad token is also expired, so a refusal shows nothing."""
    return fact.replace(tokens=tuple(replace(one, defects=DEFECTS) for one in fact.tokens))


def ask_as_somebody_else(fact: BadTokens) -> BadTokens:
    """Every bad token is also a stranger's, so a refusal shows nothing."""
    return fact.replace(tokens=tuple(replace(one, differs=("sub",)) for one in fact.tokens))


WORSEN: tuple[Move, ...] = (accept_expired, accept_leeway, mislabel, ask_as_somebody_else)
