"""What must hold of every check, whatever it judges."""

import importlib
import re
import typing
from collections.abc import Iterator

import msgspec
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness_kit import contents
from readiness_kit.assessment import all_sources
from readiness_kit.checks import all_checks
from readiness_kit.facts import Fact
from readiness_kit.target import Objectives
from readiness_kit.verdict import Cause, Check, Finding, Judge, Status, settle

CHECKS = all_checks()
GREEN = ("PASS", "WARN")
each_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
quick = settings(
    deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True
)


def judged(check: Check) -> list[str]:
    return [name for judge in check.judges for name in judge.claims]


def given_facts(check: Check) -> dict[type, object]:
    return {type(fact): fact for fact in check.good} | {
        Objectives: next((one for one in check.good if isinstance(one, Objectives)), Objectives())
    }


def judge_all(check: Check, facts: dict[type, object]) -> Iterator[tuple[Judge, Finding]]:
    for judge in check.judges:
        needs = [facts.get(need.kind) for need in judge.needs]
        if any(
            fact is None and not need.optional
            for fact, need in zip(needs, judge.needs, strict=True)
        ):
            continue
        for finding in judge(*needs):
            yield judge, finding


def statuses(check: Check, facts: dict[type, object]) -> dict[str, str]:
    rows = {one.name: one for one in contents.item(check.id).claims}
    return {
        finding.claim: settle(finding, rows[finding.claim], phase="post_launch").status.value
        for _, finding in judge_all(check, facts)
    }


def test_twenty_nine_items_are_judged():
    assert len(CHECKS) >= 29


@each_check
def test_path_is_an_item_and_claims_are_in_the_catalogue(check):
    names = {claim.name for claim in contents.item(check.id).claims}
    assert set(judged(check)) <= names
    assert len(judged(check)) == len(set(judged(check)))


@each_check
def test_every_claim_seen_without_a_drill_is_judged(check):
    wanted = {claim.name for claim in contents.item(check.id).claims if claim.effect != "drill"}
    assert set(judged(check)) >= wanted


@each_check
def test_every_fact_has_a_source(check):
    assert set(check.needs) <= set(all_sources())


@each_check
def test_good_facts_show_what_the_sandbox_shows(check):
    assert {type(fact) for fact in check.good} >= set(check.needs)
    shown = statuses(check, given_facts(check))
    for claim in contents.item(check.id).claims:
        if claim.name in shown:
            want = "WARN" if claim.sandbox == "warn" else "PASS"
            also = {"host": {"WARN"}, "not_applicable": {"NOT_APPLICABLE"}}
            allowed = {want, *also.get(claim.sandbox, set())}
            assert shown[claim.name] in allowed, claim.id


@each_check
def test_good_facts_survive_the_run_folder(check):
    for fact in check.good:
        assert msgspec.convert(msgspec.to_builtins(fact), type(fact)) == fact


@each_check
def test_pointers_resolve_and_findings_explain_themselves(check):
    facts = given_facts(check)
    by_id = {kind.fact_id(): fact for kind, fact in facts.items() if issubclass(kind, Fact)}
    for _, finding in judge_all(check, facts):
        assert finding.got, finding.claim
        assert finding.want, finding.claim
        assert finding.reproduce, finding.claim
        assert finding.seen, finding.claim
        for pointer in finding.seen:
            assert pointer.fact in by_id, pointer
            resolve(msgspec.to_builtins(by_id[pointer.fact]), pointer.path)


def resolve(value: typing.Any, path: str) -> typing.Any:
    for raw in path.split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        value = value[int(part)] if isinstance(value, (list, tuple)) else value[part]
    return value


@each_check
def test_a_person_knows_what_to_do(check):
    assert len(check.remedy.split()) >= 8
    assert check.references
    assert set(judged(check)) <= set(check.thresholds)
    module = importlib.import_module(f"readiness_kit.checks.{check.id}")
    assert module.CHECK is check
    for word in ("PASS", "FAIL", "UNKNOWN"):
        assert word in module.__doc__, word


@each_check
def test_every_claim_is_hit_by_a_worsening_move(check):
    facts = given_facts(check)
    before, hit = statuses(check, facts), set()
    for move in check.worsen:
        after = statuses(check, facts | worse(move, facts))
        changed = {name for name in before if rank(after[name]) < rank(before[name])}
        assert changed, move.__name__
        assert all(rank(after[name]) <= rank(before[name]) for name in before), move.__name__
        hit |= changed
    assert {name for name in judged(check) if before[name] in GREEN} <= hit


def worse(move, facts: dict[type, object]) -> dict[type, object]:
    hints = typing.get_type_hints(move)
    (name,) = [name for name in hints if name != "return"]
    return {hints[name]: move(facts[hints[name]])}


def rank(status: str) -> int:
    return Status(status).rank


@each_check
@quick
@given(data=st.data())
def test_worsening_never_turns_a_claim_green(check, data):
    facts = given_facts(check)
    drawn = {
        kind: data.draw(strategies.near(fact)) if issubclass(kind, Fact) else fact
        for kind, fact in facts.items()
    }
    before = statuses(check, drawn)
    for move in check.worsen:
        try:
            changed = worse(move, drawn)
        except (IndexError, KeyError, ValueError, TypeError, ZeroDivisionError):
            continue  # the move has nothing to worsen in these facts
        after = statuses(check, drawn | changed)
        for name, status in before.items():
            assert status in GREEN or after[name] not in GREEN, (move.__name__, name, status)


@each_check
@quick
@given(data=st.data())
def test_judging_never_raises_and_repeats(check, data):
    facts = {
        kind: data.draw(strategies.struct(kind)) if issubclass(kind, Fact) else fact
        for kind, fact in given_facts(check).items()
    }
    first, again = list(judge_all(check, facts)), list(judge_all(check, facts))
    assert first == again
    assert not [one.claim for _, one in first if one.cause is Cause.CRASHED]


@each_check
def test_what_was_got_is_said_whatever_is_missing(check):
    good = given_facts(check)
    for missing in (None, *good):
        facts = {kind: fact for kind, fact in good.items() if kind not in (missing, None)}
        for one in (facts, {Objectives: good[Objectives]}):
            for _, finding in judge_all(check, one):
                assert finding.got.strip(" ;"), finding.claim
                assert finding.got[0] not in " ;", finding
                assert not re.search(r" ;|;$|\bNone\b", finding.got), finding.got


SEARCHES_NOTHING = {
    "application.error_handling.client_faults_answered",
    "application.error_tracking.event_arrives",
    "application.logging.lines_arrive",
    "monitoring.structured_logging.json_lines",
    "monitoring.structured_logging.required_keys",
}
"""Claims that share a fact with a search, whose planted finds are the control of another claim."""


@each_check
def test_without_its_positive_control_nothing_passes(check):
    facts = given_facts(check)
    for kind, fact in facts.items():
        for name in {"controls", "planted"} & set(getattr(fact, "__struct_fields__", ())):
            emptied = msgspec.structs.replace(fact, **{name: type(getattr(fact, name))()})
            shown = statuses(check, facts | {kind: emptied})
            for judge in check.judges:
                for claim in judge.claims if kind in [one.kind for one in judge.needs] else ():
                    if f"{check.id}.{claim}" not in SEARCHES_NOTHING:
                        assert shown[claim] not in GREEN, (kind.__name__, name, claim)


@each_check
def test_missing_facts_pass_nothing(check):
    facts = given_facts(check)
    for kind in check.needs:
        rest = {key: fact for key, fact in facts.items() if key is not kind}
        before, after = statuses(check, facts), statuses(check, rest)
        for name, status in after.items():
            assert rank(status) <= rank(before[name]), (kind.__name__, name)
