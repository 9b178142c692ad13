"""A proof demands exactly what the break declares, and a break that does nothing is missed."""

import msgspec
import pytest
from sandbox.standin import Folder

from readiness_kit.errors import UsageError
from readiness_kit.results import ClaimResult
from readiness_kit.sandbox.breaking import apply, broken
from readiness_kit.sandbox.breaks import Break
from readiness_kit.sandbox.changes.files import Write
from readiness_kit.sandbox.prove import prove
from readiness_kit.verdict import Grade, Status

HEADERS = ("xfo", "xcto", "hsts")


@pytest.fixture
def ground(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("readiness_kit.sandbox.prove.PATIENCE_S", (0.0,))


def claim(id_, status):
    return ClaimResult(
        id=id_, title="t", status=Status(status), waived=False, waiver="", effect="read",
        grade=None, min_grade=Grade.OBSERVED, severity="low", owner="o", phase="pre_launch",
        got="seen", want="w", cause=None, advice=(), evidence=(), reproduce="", threshold="",
        check_version="",
    )  # fmt: skip


def break_(name, claim_, text, status="FAIL"):
    change = Write(file=f"deploy/{name}", text=text)
    return Break(name=name, title="t", change=(change,), turns={claim_: Status(status)})


def judge_of(ground, spoilt=lambda files: {}):
    """Judge claims by what lies in deploy/: each file's text names a claim that fails."""

    def judge(items, effects):
        texts = [path.read_text() for path in (ground.root / "deploy").iterdir()]
        seen = {
            f"security.{item}.{name}": claim(
                f"security.{item}.{name}", "FAIL" if f"{item}.{name}" in texts else "PASS"
            )
            for item in ("headers", "cors")
            for name in HEADERS
        }
        seen |= {id_: claim(id_, status) for id_, status in spoilt(texts).items()}
        return {id_: one for id_, one in seen.items() if id_.rpartition(".")[0] in items}

    return judge


def problems(ground, *breaks, **options):
    found = prove(ground, breaks, judge=judge_of(ground, **options))
    return {one.name: list(one.problems) for one in found}


def test_exactly_the_declared_claim_turns_and_turns_back(ground):
    one = break_("a", "security.headers.xfo", "headers.xfo")
    (proof,) = prove(ground, [one], judge=judge_of(ground))
    assert proof.proven
    (turn,) = proof.turns
    assert (turn.was, turn.wanted, turn.seen) == ("PASS", "FAIL", "FAIL")
    assert broken(ground) == []


def test_a_break_that_does_nothing_is_missed(ground):
    one = break_("a", "security.headers.xfo", "nothing")
    assert problems(ground, one)["a"] == ["security.headers.xfo must be FAIL and is PASS: seen"]


def test_what_turns_undeclared_is_a_problem(ground):
    one = break_("a", "security.headers.xfo", "headers.xfo")

    def also(texts):
        return {"security.headers.hsts": "FAIL" if "headers.xfo" in texts else "PASS"}

    found = problems(ground, one, spoilt=also)["a"]
    assert found == ["security.headers.hsts turned, too: from PASS to FAIL: seen"]


def test_what_does_not_turn_back_is_a_problem(ground):
    one, been = break_("a", "security.headers.xfo", "headers.xfo"), []

    def stays(texts):
        been.extend(texts)
        return {"security.headers.xfo": "FAIL"} if "headers.xfo" in been else {}

    found = problems(ground, one, spoilt=stays)["a"]
    assert found == ["security.headers.xfo is FAIL after mending: seen"]


def test_what_was_red_before_proves_nothing(ground):
    one = break_("a", "security.headers.xfo", "headers.xfo")
    found = problems(ground, one, spoilt=lambda _: {"security.headers.xfo": "FAIL"})["a"]
    assert found == ["security.headers.xfo was FAIL before it was broken: seen"]


def test_another_status_than_declared_is_missed(ground):
    one = break_("a", "security.headers.xfo", "headers.xfo", "WARN")
    assert problems(ground, one)["a"] == ["security.headers.xfo must be WARN and is FAIL: seen"]


def test_a_claim_that_nobody_judges_is_missed(ground):
    one = break_("a", "security.headers.invented", "headers.xfo")
    assert problems(ground, one)["a"][0] == "it declares no claim that is judged and green"


def test_those_that_share_no_item_are_tried_together_and_singly_when_one_is_missed(ground):
    good = break_("a", "security.headers.xfo", "headers.xfo")
    bad = break_("b", "security.cors.xfo", "nothing")
    found = problems(ground, good, bad)
    assert found["a"] == []
    assert found["b"] == ["security.cors.xfo must be FAIL and is PASS: seen"]


def test_one_that_borrows_anothers_red_is_missed(ground):
    """Together they look right: b's claim turns, but by the fault of a; and a is not as declared."""
    a = break_("a", "security.headers.xfo", "headers.xfo")
    b = break_("b", "security.cors.xfo", "nothing")

    def both(texts):
        return {"security.cors.xfo": "FAIL" if "headers.xfo" in texts else "PASS"}

    found = prove(ground, [a, b], together=1, judge=judge_of(ground, spoilt=both))
    assert [one.proven for one in found] == [True, False]


def test_one_that_cannot_be_made_is_missed(ground):
    one = break_("a", "security.headers.xfo", "x")
    impossible = msgspec.structs.replace(one, change=(Write(file="*.none", text=""),))
    assert problems(ground, impossible)["a"] == ["it could not be made: no file matches *.none"]


def test_the_sandbox_is_mended_when_judging_fails(ground):
    calls = []

    def judge(items, effects):
        calls.append(items)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return judge_of(ground)(items, effects)

    with pytest.raises(KeyboardInterrupt):
        list(prove(ground, [break_("a", "security.headers.xfo", "x")], judge=judge))
    assert broken(ground) == []


def test_a_sandbox_that_is_broken_already_is_refused(ground):
    apply(ground, [break_("a", "security.headers.xfo", "x")])
    with pytest.raises(UsageError, match="broken already: a"):
        list(prove(ground, [], judge=judge_of(ground)))
