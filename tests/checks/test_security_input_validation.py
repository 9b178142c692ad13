"""Boundary pairs of input validation: facts in, statuses out."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.input_validation import (
    CHECK,
    LARGE,
    MALFORMED,
    NO,
    OK,
    OVERSIZED,
)

ACCEPTED = replace(OK, filled=(), empty=("posts",))
ERRORS = replace(OK, filled=(), empty=("posts",), errors=("no",))
PARTLY = replace(OK, errors=("no",))
BROKEN = replace(NO, status=500)
BUSY = replace(NO, status=429)
LOST = replace(NO, status=None, errors=(), reason="ReadTimeout: ")


def malformed(answer):
    return MALFORMED.replace(
        tries=(replace(MALFORMED.tries[0], answer=answer), *MALFORMED.tries[1:])
    )


def stored(fact, **changes):
    return fact.replace(stored=replace(fact.stored, **changes))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (malformed(NO), "PASS"),
        (malformed(ERRORS), "PASS"),
        (malformed(replace(NO, status=422)), "PASS"),
        (malformed(OK), "FAIL"),
        (malformed(ACCEPTED), "FAIL"),
        (malformed(PARTLY), "FAIL"),
        (malformed(BROKEN), "FAIL"),
        (malformed(replace(NO, status=503)), "UNKNOWN"),
        (malformed(BUSY), "UNKNOWN"),
        (malformed(LOST), "UNKNOWN"),
        (malformed(replace(NO, status=401)), "UNKNOWN"),
        (MALFORMED.replace(tries=MALFORMED.tries[1:]), "UNKNOWN"),
        (MALFORMED.replace(tries=MALFORMED.tries[:3]), "PASS"),
        (MALFORMED.replace(tries=()), "UNKNOWN"),
        (MALFORMED.replace(controls={}), "UNKNOWN"),
        (MALFORMED.replace(controls={"posts": NO}), "UNKNOWN"),
        (MALFORMED.replace(controls={"posts": ACCEPTED}), "PASS"),
        (MALFORMED.replace(stored=None), "UNKNOWN"),
        (MALFORMED.replace(stored=None, mutations=False), "PASS"),
        (stored(MALFORMED, found=1), "FAIL"),
        (stored(MALFORMED, control_written=False), "UNKNOWN"),
        (stored(MALFORMED, control_seen=False), "UNKNOWN"),
        (stored(MALFORMED, left=1), "PASS"),
    ],
)
def test_malformed(fact, status):
    assert CHECK.shows(fact)["malformed_values_refused"] == status


def oversized(answer, *, reset=False):
    first = replace(OVERSIZED.tries[0], answer=answer, reset=reset)
    return OVERSIZED.replace(tries=(first, *OVERSIZED.tries[1:]))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (oversized(LARGE), "PASS"),
        (oversized(replace(LARGE, elapsed_ms=5000.0)), "PASS"),
        (oversized(replace(LARGE, elapsed_ms=5000.1)), "FAIL"),
        (oversized(replace(LARGE, elapsed_ms=5000.1)).replace(control=LOST), "UNKNOWN"),
        (oversized(ERRORS), "PASS"),
        (oversized(OK), "FAIL"),
        (oversized(ACCEPTED), "FAIL"),
        (oversized(BROKEN), "FAIL"),
        (oversized(LOST), "FAIL"),
        (oversized(LOST).replace(control=LOST), "UNKNOWN"),
        (oversized(replace(LOST, reason="ReadError: "), reset=True), "WARN"),
        (oversized(replace(LOST, reason="ConnectError: ")), "UNKNOWN"),
        (oversized(BUSY), "UNKNOWN"),
        (OVERSIZED.replace(tries=OVERSIZED.tries[1:]), "UNKNOWN"),
        (OVERSIZED.replace(tries=OVERSIZED.tries[1:], takes=("list", "body")), "PASS"),
        (OVERSIZED.replace(tries=(), takes=()), "UNKNOWN"),
        (OVERSIZED.replace(stored=None), "PASS"),
        (stored(OVERSIZED, found=1), "FAIL"),
        (stored(OVERSIZED, control_seen=False), "UNKNOWN"),
    ],
)
def test_oversized(fact, status):
    assert CHECK.shows(fact)["oversized_input_refused"] == status
