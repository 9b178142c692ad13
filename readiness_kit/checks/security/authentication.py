"""Authentication: nothing protected is answered without a valid token, and tokens are sound.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS") | {"algorithm": "WARN"}
True
>>> CHECK.shows(answer_strangers(GOOD_ANONYMOUS))["anonymous_requests_refused"]
'FAIL'
>>> CHECK.shows(lose_control(GOOD_FORGED))["forged_tokens_refused"]
'UNKNOWN'
>>> CHECK.shows(accept_leeway(GOOD_BAD))["expired_and_misaddressed_tokens_refused"]
'WARN'
>>> CHECK.shows(live_a_second_longer(GOOD_ISSUED))["token_lifetime"]
'FAIL'
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts import Pointer
from readiness_kit.facts.auth import (
    DEFECTS,
    AnonymousAccess,
    Attempt,
    BadToken,
    BadTokens,
    ForgedTokens,
    IssuedToken,
    SigningKey,
)
from readiness_kit.facts.graphql import GraphqlAnswer
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    Grade,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

MAX_LIFETIME_S = 3600
"""The checklist: one hour."""

MIN_KEY_BYTES = 32
"""RFC 7518 3.2: an HS256 key has at least 256 bits."""

SMALL_LEEWAY_S, MAX_LEEWAY_S = 60, 300
"""Clock skew that may be forgiven (default)."""

ASYMMETRIC = ("EdDSA", "Ed25519", "ES256", "RS256")
SYMMETRIC = "HS256"

SAYS_NO = re.compile(
    r"unauth|authenticat|authori[sz]|token|permission|forbidden|denied|credential|signatur"
    r"|\b(?:log|sign)(?:ged|ed)?[ -]?in\b|not (?:allowed|permitted)",
    re.IGNORECASE,
)
"""Words by which a GraphQL error says that the caller is not known, or not allowed."""

FORGERIES = (*("algorithm_none", "wrong_key", "no_signature", "cut_signature", "changed_payload"),)
"""RFC 8725 section 2; ``public_key_as_secret`` only where a public key is published."""


def _refused(answer: GraphqlAnswer) -> bool:
    if answer.filled:
        return False
    said_so = any(SAYS_NO.search(error) for error in answer.errors)
    return answer.status in (401, 403) or (answer.status in (200, 400) and said_so)


def _refusals(
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
    unclear = [_said(one.case, one.answer) for one in tried if not _refused(one.answer)]
    if missing or unclear or not _answered(controls, (one.answer for one in tried)):
        said = [f"not asked: {', '.join(missing)}"] if missing else unclear
        got = "; ".join(said) or f"the valid token is not answered: {_said_all(controls)}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=[seen])
    got = f"{len(tried)} attempts refused, {len(controls)} controls answered"
    return holds(claim, got=got, want=want, seen=[seen], reproduce=repeat)


def _answered(controls: tuple[GraphqlAnswer, ...], asked: Iterable[GraphqlAnswer]) -> bool:
    """Whether the valid token was answered, at every address that was asked, every time."""
    there = {one.address for one in controls}
    return bool(controls) and all(map(_good, controls)) and {one.address for one in asked} <= there


def _good(answer: GraphqlAnswer) -> bool:
    status = answer.status or 0
    return 200 <= status < 300 and bool(answer.filled) and not answer.errors


def _said(case: str, answer: GraphqlAnswer) -> str:
    words = answer.reason or "; ".join(answer.errors) or "no error"
    return f"{case}: status {answer.status}, {words}"


def _said_all(answers: Iterable[GraphqlAnswer]) -> str:
    return "; ".join(dict.fromkeys(_said("control", one) for one in answers)) or "never asked"


@judges("anonymous_requests_refused")
def judge_anonymous(access: AnonymousAccess) -> Iterator[Finding]:
    """Judge the protected operation without a token, and with garbage."""
    wanted = ("no_token", "garbage")
    seen = AnonymousAccess.at("/attempts")
    claim = "anonymous_requests_refused"
    yield _refusals(claim, access.attempts, access.controls, wanted=wanted, seen=seen)


@judges("forged_tokens_refused")
def judge_forged(forged: ForgedTokens) -> Iterator[Finding]:
    """Judge tokens that only a broken verifier accepts."""
    wanted = (*FORGERIES, *(("public_key_as_secret",) if forged.public_key_known else ()))
    seen = ForgedTokens.at("/attempts")
    claim = "forged_tokens_refused"
    yield _refusals(claim, forged.attempts, forged.controls, wanted=wanted, seen=seen)


@judges("expired_and_misaddressed_tokens_refused")
def judge_bad(bad: BadTokens) -> Iterator[Finding]:
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
    finding = _refusals(claim, attempts, bad.controls, wanted=DEFECTS, seen=seen)
    if false and finding.outcome != "fails":
        got = (
            f"not the tokens they stand for: {', '.join(f'{o.case} is {o.defects}' for o in false)}"
        )
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
    return token.defects != (token.case,) or token.genuine is False


def _within_leeway(token: BadToken) -> bool:
    return token.case == "expired" and (token.expired_for_s or 0.0) <= MAX_LEEWAY_S


def _barely_late(token: BadToken) -> bool:
    return (token.expired_for_s or 0.0) <= SMALL_LEEWAY_S


@judges("token_lifetime", "algorithm")
def judge_issued(issued: IssuedToken) -> Iterator[Finding]:
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
    if life is None or not 0 < life <= MAX_LIFETIME_S or not _good(issued.control):
        got = "no iat" if life is None else f"{life} s; {_said('control', issued.control)}"
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
    if not _good(issued.control):
        got = _said("the token is not accepted", issued.control)
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


@judges("secret_from_environment")
def judge_key(key: SigningKey) -> Iterator[Finding]:
    """Judge where the signing key comes from, how long it is, and that the source lacks it."""
    claim, seen = "secret_from_environment", [SigningKey.at()]
    want = f"from environment or secret store, not in the source, >= {MIN_KEY_BYTES} bytes"
    repeat = "git -C $SOURCE log --all -p | grep -cF -f $FILE_WITH_THE_KEY"
    wrong = list(_faults(key))
    unclear = list(_gaps(key))
    names = ", ".join(key.variables)
    if wrong:
        got = f"{names}: {'; '.join(wrong)}"
        yield fails(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)
    elif unclear:
        got = f"{names or key.file}: {'; '.join(unclear)}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    else:
        got = f"{names} from {key.file}, {key.key_bytes} bytes, in none of {key.source_files} files"
        yield holds(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)


def _faults(key: SigningKey) -> Iterator[str]:
    if key.literal:
        yield f"{key.file} holds the value itself, or a command nobody expands"
    if key.found_in:
        yield f"its value stands in {', '.join(key.found_in)}"
    if key.key_bytes is not None and key.key_bytes < MIN_KEY_BYTES:
        yield f"{key.key_bytes} bytes"


def _gaps(key: SigningKey) -> Iterator[str]:
    if not key.variables or key.found_by == "nothing":
        yield "no variable is known to hold the signing key"
    if key.key_bytes is None:
        yield "its length is not known: name the environment file it is rendered to"
    if key.form == "manifest" and not key.from_store:
        yield "not every reference is a secretKeyRef"
    if key.source_files <= 0 or key.history == "not_searched":
        yield "source and history were not searched: add source.path"


def _answer(*, filled: bool) -> GraphqlAnswer:
    if filled:
        return GraphqlAnswer(address="192.0.2.1:443", status=200, filled=("me",))
    return GraphqlAnswer(address="192.0.2.1:443", status=401, errors=("Unauthenticated",))


MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
YES, NO = _answer(filled=True), _answer(filled=False)
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
GOOD_BAD = BadTokens(
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
GOOD_ISSUED = IssuedToken(
    observed_at=MOMENT,
    origin="token_command",
    algorithm="HS256",
    key_id=False,
    key_id_published=None,
    lifetime_s=3600.0,
    left_s=3599.0,
    control=YES,
)
GOOD_KEY = SigningKey(
    observed_at=MOMENT,
    file="api.env",
    form="environment_file",
    variables=("JWT_SECRET",),
    found_by="signature",
    from_store=False,
    literal=False,
    key_bytes=64,
    source_files=40,
    history="searched",
    found_in=(),
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


def live_a_second_longer(fact: IssuedToken) -> IssuedToken:
    """Tokens live an hour and a second."""
    return fact.replace(lifetime_s=MAX_LIFETIME_S + 1.0)


def sign_with_nothing(fact: IssuedToken) -> IssuedToken:
    """Tokens are not signed."""
    return fact.replace(algorithm="none")


def put_key_in_source(fact: SigningKey) -> SigningKey:
    """The key stands in a source file."""
    return fact.replace(found_in=(*fact.found_in, "settings.py"))


def shorten_key(fact: SigningKey) -> SigningKey:
    """The key is one byte short."""
    return fact.replace(key_bytes=MIN_KEY_BYTES - 1)


def forget_source(fact: SigningKey) -> SigningKey:
    """The source was not searched."""
    return fact.replace(source_files=0, history="not_searched", found_in=())


CHECK = Check(
    (judge_anonymous, judge_forged, judge_bad, judge_key, judge_issued),
    remedy="Verify every token with one fixed algorithm, issuer, audience and expiry, in one place "
    "before any resolver; mint for at most an hour; take the key from the environment.",
    references=(
        "RFC 8725: JSON Web Token best current practices",
        "RFC 7518 3.2: key size for HMAC",
        "OWASP GraphQL Cheat Sheet: access control",
    ),
    good=(GOOD_ANONYMOUS, GOOD_FORGED, GOOD_BAD, GOOD_KEY, GOOD_ISSUED),
    worsen=(
        answer_strangers,
        fail_strangers,
        accept_forgeries,
        lose_control,
        accept_expired,
        accept_leeway,
        mislabel,
        live_a_second_longer,
        sign_with_nothing,
        put_key_in_source,
        shorten_key,
        forget_source,
    ),
    thresholds={
        "anonymous_requests_refused": "no protected field without a token or with garbage",
        "forged_tokens_refused": "alg none, wrong key, cut, changed, confused: refused (RFC 8725)",
        "expired_and_misaddressed_tokens_refused": f"refused; leeway <= {MAX_LEEWAY_S} s (default)",
        "secret_from_environment": f"not in the source, >= {MIN_KEY_BYTES} bytes (RFC 7518 3.2)",
        "token_lifetime": f"exp - iat <= {MAX_LIFETIME_S} s",
        "algorithm": "EdDSA, ES256, RS256 with a published key id; HS256 warns",
    },
)
