"""Two runs are compared claim by claim; what is worse comes first, and is never called better."""

import itertools

import pytest
from click.testing import CliRunner
from sealing import results, seal

from readiness_kit.commands.diff import command
from readiness_kit.comparison import changes
from readiness_kit.errors import IntegrityError
from readiness_kit.verdict import Cause, Status, Verdict

CLAIM = "security.tls.old_versions_refused"


def run(status=Status.PASS, cause=None, claim=CLAIM, **more):
    return results({claim: {"status": status, "cause": cause, **more}})


def test_the_same_run_has_no_changes():
    assert changes(run(), run()) == ()


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(Status, 2)))
def test_every_pair_of_statuses(old, new):
    (one,) = changes(run(old), run(new))
    assert one.claim == CLAIM
    assert one.kind == ("worse" if new.rank < old.rank else "better")
    assert (one.before, one.after) == (old.value, new.value)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({"waived": True}, {}, "worse"),
        ({}, {"waived": True}, "better"),
        ({"waived": True}, {"status": Status.UNKNOWN}, "better"),
        ({"cause": Cause.STALE}, {"cause": Cause.BLOCKED}, "other"),
        ({"threshold": "1 s"}, {"threshold": "2 s"}, "other"),
        ({"check_version": "1"}, {"check_version": "2"}, "other"),
    ],
)
def test_waivers_causes_thresholds_and_versions(old, new, kind):
    (one,) = changes(run(**{"status": Status.FAIL, **old}), run(**{"status": Status.FAIL, **new}))
    assert one.kind == kind


def test_a_claim_that_is_gone_is_worse_than_a_pass():
    old = run()
    gone = results(items=old.items[1:])
    assert {one.kind for one in changes(old, gone)} == {"worse"}
    assert {one.after for one in changes(old, gone)} == {"absent"}


def test_worse_comes_first():
    old, new = run(Status.FAIL), run(Status.FAIL, claim="database.pooling.limits_set")
    found = changes(old, new)
    assert [one.kind for one in found] == ["worse", "better"]


def ask(*args):
    return CliRunner().invoke(command, [str(one) for one in args], standalone_mode=False)


def test_the_command(tmp_path):
    old = seal(tmp_path / "old", run())
    new = seal(tmp_path / "new", results({CLAIM: {"status": Status.FAIL}}, verdict=Verdict.NO_GO))
    worse = ask(old, new)
    assert worse.return_value == 1
    assert worse.stdout.splitlines() == [
        f"worse    {CLAIM}  PASS -> FAIL",
        "GO -> NO-GO, 1 changes",
    ]
    assert ask(new, old).return_value == 0
    assert '"kind": "worse"' in ask(old, new, "--json").stdout
    (new / "facts" / "tls_offer.json").write_bytes(b"{ }")
    assert isinstance(ask(old, new).exception, IntegrityError)
