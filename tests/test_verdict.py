"""The one function to a status, as tables and as laws."""

from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.contents import claims
from readiness_kit.facts import Fact, Pointer
from readiness_kit.verdict import (
    Cause,
    Finding,
    Grade,
    Outcome,
    Status,
    Verdict,
    holds,
    judges,
    settle,
    verdict,
    worst,
)

SEEN = (Pointer("tls_offer", "/a"),)
OBSERVED = claims()["database.parameters.max_connections"]
MEASURED = claims()["security.tls.old_versions_refused"]
ATTESTABLE = claims()["final_verification.team_training.trained"]
LATER = claims()["final_verification.smoke_tests.operations"]


def finding(outcome: Outcome, grade: Grade = Grade.MEASURED, seen=SEEN, cause=None) -> Finding:
    return Finding(claim="x", outcome=outcome, grade=grade, seen=seen, cause=cause)


def test_each_outcome():
    table = [
        (Outcome.HOLDS, Status.PASS, None),
        (Outcome.HOLDS_WEAKLY, Status.WARN, None),
        (Outcome.FAILS, Status.FAIL, None),
        (Outcome.NOT_SEEN, Status.UNKNOWN, Cause.UNPROVEN),
        (Outcome.INAPPLICABLE, Status.NOT_APPLICABLE, None),
    ]
    for outcome, status, cause in table:
        assert settle(finding(outcome), MEASURED) == (status, cause)


def test_weaker_evidence_that_agrees_proves_nothing_and_that_contradicts_fails():
    for outcome in (Outcome.HOLDS, Outcome.HOLDS_WEAKLY):
        assert settle(finding(outcome, Grade.OBSERVED), MEASURED).cause is Cause.UNPROVEN
        assert settle(finding(outcome, Grade.DECLARED), OBSERVED).cause is Cause.UNPROVEN
    assert settle(finding(Outcome.FAILS, Grade.DOCUMENTED), MEASURED).status is Status.FAIL


def test_stronger_evidence_suffices():
    assert settle(finding(Outcome.HOLDS, Grade.MEASURED), OBSERVED).status is Status.PASS


def test_attestation_counts_only_where_a_person_may_vouch_and_nothing_failed():
    unseen = finding(Outcome.NOT_SEEN, cause=Cause.NOT_CONFIGURED)
    assert settle(unseen, ATTESTABLE, attested=True).status is Status.ATTESTED
    assert settle(unseen, MEASURED, attested=True) == (Status.UNKNOWN, Cause.NOT_CONFIGURED)
    assert settle(finding(Outcome.FAILS), ATTESTABLE, attested=True).status is Status.FAIL


def test_claims_of_a_later_phase_are_not_due():
    assert settle(finding(Outcome.HOLDS), LATER) == (Status.UNKNOWN, Cause.NOT_DUE)
    assert settle(finding(Outcome.HOLDS), LATER, phase="post_launch").status is Status.PASS


findings = st.builds(
    Finding,
    claim=st.just("x"),
    outcome=st.sampled_from(Outcome),
    grade=st.sampled_from(Grade),
    seen=st.sampled_from([(), SEEN]),
    cause=st.sampled_from([None, *Cause]),
)
any_claim = st.sampled_from(sorted(claims().values()))


@given(findings, any_claim, st.booleans())
def test_nothing_passes_without_having_been_seen(found, claim, attested):
    bare = Finding(claim="x", outcome=found.outcome, grade=found.grade, seen=())
    assert settle(bare, claim, attested=attested).status not in {
        Status.PASS,
        Status.WARN,
        Status.NOT_APPLICABLE,
    }


@given(findings, any_claim)
def test_unknown_has_a_cause_and_nothing_else_has(found, claim):
    status, cause = settle(found, claim)
    assert (status is Status.UNKNOWN) == (cause is not None)


statuses = st.lists(st.sampled_from(Status))


@given(statuses, st.sampled_from(Status))
def test_one_more_claim_never_improves_the_worst(some, more):
    assert worst([*some, more]).rank <= worst(some).rank or not some


def test_nothing_to_judge_is_no_success():
    assert worst([]) is Status.UNKNOWN
    assert verdict([]) is Verdict.UNDECIDED


@given(st.lists(st.tuples(st.sampled_from(Status), st.booleans()), min_size=1))
def test_the_verdict_is_as_the_worst_claim_that_stands(due):
    standing = [status for status, waived in due if not waived]
    want = Verdict.GO
    if Status.UNKNOWN in standing:
        want = Verdict.UNDECIDED
    if Status.FAIL in standing:
        want = Verdict.NO_GO
    assert verdict(due) is want


class Door(Fact, frozen=True, kw_only=True):
    """A fact of these tests."""


def test_what_a_rule_leaves_out_is_a_finding_of_its_own():
    @judges("shut", "locked")
    def rule(door: Door) -> Iterator[Finding]:
        yield holds("shut", got="x", want="y", seen=[door.at()])

    found = {one.claim: one for one in rule(Door(observed_at=datetime.now(UTC)))}
    assert found["shut"].outcome is Outcome.HOLDS
    assert (found["locked"].outcome, found["locked"].cause) == (Outcome.NOT_SEEN, Cause.CRASHED)
