"""Authentication: nothing protected is answered without a valid token, and tokens are sound.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS") | {"algorithm": "WARN"}
True
>>> CHECK.shows(refusals.answer_strangers(refusals.GOOD_ANONYMOUS))["anonymous_requests_refused"]
'FAIL'
>>> CHECK.shows(refusals.lose_control(refusals.GOOD_FORGED))["forged_tokens_refused"]
'UNKNOWN'
>>> CHECK.shows(defects.accept_leeway(defects.GOOD))["expired_and_misaddressed_tokens_refused"]
'WARN'
>>> CHECK.shows(issued.live_a_second_longer(issued.GOOD))["token_lifetime"]
'FAIL'
"""

from readiness_kit.checks.security.authentication import defects, issued, refusals, signing_key
from readiness_kit.verdict import Check

CHECK = Check(
    (
        refusals.judge_anonymous,
        refusals.judge_forged,
        defects.judge,
        signing_key.judge,
        issued.judge,
    ),
    remedy="Verify every token with one fixed algorithm, issuer, audience and expiry, in one place "
    "before any resolver; mint for at most an hour; take the key from the environment.",
    references=(
        "RFC 8725: JSON Web Token best current practices",
        "RFC 7518 3.2: key size for HMAC",
        "OWASP GraphQL Cheat Sheet: access control",
    ),
    good=(
        refusals.GOOD_ANONYMOUS,
        refusals.GOOD_FORGED,
        defects.GOOD,
        signing_key.GOOD,
        issued.GOOD,
    ),
    worsen=(*refusals.WORSEN, *defects.WORSEN, *issued.WORSEN, *signing_key.WORSEN),
    thresholds={
        "anonymous_requests_refused": "no protected field without a token or with garbage",
        "forged_tokens_refused": "alg none, wrong key, cut, changed, confused: refused (RFC 8725)",
        "expired_and_misaddressed_tokens_refused": "refused; leeway <= "
        f"{defects.MAX_LEEWAY_S} s (default)",
        "secret_from_environment": "not in the source, >= "
        f"{signing_key.MIN_KEY_BYTES} bytes (RFC 7518 3.2)",
        "token_lifetime": f"exp - iat <= {issued.MAX_LIFETIME_S} s",
        "algorithm": "EdDSA, ES256, RS256 with a published key id; HS256 warns",
    },
)
