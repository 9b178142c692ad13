"""The machine's own statement: the format's parts, never better than the run, never believed."""

import json
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1.statement import Statement as Known
from sealing import judged_run, people, results, seal

from readiness_kit.contents import claims
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.signoff import machine
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.verdict import Cause, Status, Verdict

ONE, OTHER = list(claims())[:2]
FAIL = {"status": Status.FAIL}
UNSEEN = {"status": Status.UNKNOWN, "cause": Cause.COULD_NOT_ASK}
WAIVED = {"waived": True, "waiver": "until tomorrow"}
TABLE = [
    ("all passes", {}, Verdict.GO, "PASSED"),
    ("a weakness", {ONE: {"status": Status.WARN}}, Verdict.GO, "WARNED"),
    ("a person's word", {ONE: {"status": Status.ATTESTED}}, Verdict.GO, "WARNED"),
    ("a waiver", {ONE: FAIL | WAIVED}, Verdict.GO, "WARNED"),
    ("not seen", {ONE: UNSEEN}, Verdict.UNDECIDED, "FAILED"),
    ("seen to fail", {ONE: FAIL, OTHER: UNSEEN}, Verdict.NO_GO, "FAILED"),
]


def built(tmp_path: Path, changes: dict, **more: object) -> machine.Statement:
    run = seal(tmp_path / "run", results(changes, **more))
    return machine.build(SealedRun.open(run))


@pytest.mark.parametrize(("_", "changes", "verdict", "outcome"), TABLE, ids=[x[0] for x in TABLE])
def test_it_is_never_better_than_the_run(tmp_path, _, changes, verdict, outcome):
    said = built(tmp_path, changes, verdict=verdict).predicate
    assert said.result == outcome
    assert (ONE in said.passed_tests) == (ONE not in changes)
    red = {claim for claim, new in changes.items() if new in (FAIL, UNSEEN, FAIL | WAIVED)}
    assert set(said.failed_tests) == red
    waived = {claim for claim, new in changes.items() if "waived" in new}
    assert set(said.readiness_kit.waived) == waived
    assert set(said.readiness_kit.unseen) == {c for c, new in changes.items() if new == UNSEEN}


def test_an_incomplete_run_has_not_passed(tmp_path):
    assert built(tmp_path, {}, complete=False).predicate.result == "FAILED"


def test_stock_readers_parse_it(tmp_path):
    run = judged_run(tmp_path)
    said = json.loads((run / "signoff" / machine.NAME).read_bytes())
    known = Known.copy_from_pb(ParseDict(said, Known([], "x", {}).pb))
    known.validate()
    predicate = dict(said["predicate"])
    rest = predicate.pop("readinessKit")
    parsed = ParseDict(predicate, test_result_pb2.TestResult())
    assert parsed.result == "FAILED"
    assert rest["verdict"] == "UNDECIDED"
    assert said["subject"][0]["digest"]["sha256"] == manifest.check(run).sha256


def test_whoever_verifies_builds_it_anew(tmp_path):
    run, team = judged_run(tmp_path), people(tmp_path)
    path = run / "signoff" / machine.NAME

    def complaints() -> list[str]:
        return [one for one in team.verify(run).problems if machine.NAME in one]

    assert complaints() == []
    said = canonical.loads(path.read_bytes())
    said["predicate"]["result"] = "PASSED"
    atomic.write(path, canonical.dumps(said))
    assert complaints() == [f"signoff/{machine.NAME} is not what the run says"]
    path.unlink()
    assert complaints() == []
