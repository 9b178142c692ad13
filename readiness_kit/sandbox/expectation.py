"""What the hardened sandbox must show: the column ``sandbox`` of ``claims.tsv``, claim by claim."""

from collections.abc import Iterator

from readiness_kit.contents import claims
from readiness_kit.results import Results
from readiness_kit.verdict import Cause, Status

WORDS = {
    "pass": "PASS",
    "warn": "WARN",
    "attested": "ATTESTED",
    "not_applicable": "NOT_APPLICABLE",
    "unknown": "UNKNOWN",
}


def expected(word: str, *, full: bool, prometheus: bool) -> str | None:
    """Return the status that a claim marked *word* must show; None when it follows the machine.

    >>> expected("needs_full", full=False, prometheus=True)
    'UNKNOWN'
    """
    if word == "host":
        return None
    if word == "needs_full":
        return "PASS" if full else "UNKNOWN"
    if word == "needs_prometheus":
        return "PASS" if prometheus else "UNKNOWN"
    return WORDS[word]


def differences(results: Results, *, full: bool, prometheus: bool) -> Iterator[str]:
    """Yield one line for each judged claim that shows something else than it must."""
    for claim in results.claims():
        if claim.cause is Cause.NOT_IMPLEMENTED:
            continue
        want = expected(claims()[claim.id].sandbox, full=full, prometheus=prometheus)
        if want is not None and claim.status.value != want:
            yield f"{claim.id}: {claim.words}, expected {want}: {claim.got}"
        elif want == Status.UNKNOWN.value and not claim.waived:
            yield f"{claim.id}: UNKNOWN as expected, but not waived"
