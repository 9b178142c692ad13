"""Every break is well-formed, is about claims that exist, and no judged claim is without one."""

import fnmatch
from typing import get_args

import pytest

from readiness_kit.contents import claims
from readiness_kit.errors import UsageError
from readiness_kit.sandbox import breaks
from readiness_kit.sandbox.app.faults import FAULTS
from readiness_kit.sandbox.breaks import AnyChange, all_breaks, named, parse
from readiness_kit.sandbox.changes.servers import Fault
from readiness_kit.sandbox.expectation import expected
from readiness_kit.sandbox.prove import unproven

NOT_BROKEN = {
    "pre_deployment.sizing.postgres_version": "the sandbox has one version of PostgreSQL",
    "pre_deployment.load_testing.record": "records are signed by people, after a load test",
    "pre_deployment.load_testing.memory": "only the long demo plays the soak",
    "pre_deployment.capacity_plan.headroom": "only the long demo plays the steps",
    "performance.load_test.sustained": "only the long demo plays the soak",
    "performance.load_test.degradation": "only the long demo plays the stress",
}
"""Judged claims that the sandbox shows green and that no break is about, each with the reason."""

EVERY = pytest.mark.parametrize("fault", all_breaks().values(), ids=lambda one: one.name)


def test_no_judged_claim_is_without_a_break_or_a_reason():
    assert set(unproven(all_breaks().values())) <= set(NOT_BROKEN)


def test_no_reason_is_kept_for_a_claim_that_has_a_break():
    turned = {claim for one in all_breaks().values() for claim in one.turns}
    assert not turned & set(NOT_BROKEN)
    assert set(NOT_BROKEN) <= set(claims())


@EVERY
def test_it_names_claims_that_exist(fault):
    for pattern in fault.wanted:
        assert fnmatch.filter(claims(), pattern), pattern


@EVERY
def test_what_it_turns_is_not_what_the_sandbox_shows_anyway(fault):
    for claim, status in fault.wanted.items():
        assert expected(claims()[claim].sandbox, full=True, prometheus=True) != status.value


@EVERY
def test_it_changes_something_and_turns_something(fault):
    assert fault.change
    assert fault.turns
    assert not set(fault.turns) & set(fault.collateral)
    assert fault.title
    assert not fault.title.endswith(".")


@EVERY
def test_its_faults_of_the_service_exist(fault):
    assert {one.name for one in fault.change if isinstance(one, Fault)} <= set(FAULTS)


def test_the_format_is_described_with_every_kind_of_change():
    kinds = {one.__struct_config__.tag for one in get_args(AnyChange)}
    described = {line.split()[0] for line in breaks.__doc__.splitlines() if "``" in line}
    assert kinds <= described


def test_no_two_are_the_same():
    changes = [repr(one.change) for one in all_breaks().values()]
    assert len(set(changes)) == len(changes)


def test_an_unknown_name_is_refused_with_a_guess():
    with pytest.raises(UsageError) as refused:
        named("alg_none_acepted")
    assert refused.value.hint == "did you mean alg_none_accepted?"


GOOD = """
title = "t"
[[change]]
kind = "stop"
server = "nginx"
[turns]
"security.tls.suites_strong" = "FAIL"
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"stop"', '"explode"', "Invalid value 'explode'"),
        ("server", "sever", "unknown field `sever`"),
        ('"FAIL"', '"RED"', "Invalid enum value 'RED'"),
        ("title", "tilte", "unknown field `tilte`"),
        ("[turns]", "[turns", "at line 6"),
        ("[[change]]", "colour = 1\n[[change]]", "unknown field `colour`"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(old, new, says):
    assert parse("good", GOOD).name == "good"
    with pytest.raises(UsageError, match=r"breaks/bad\.toml"):
        parse("bad", GOOD.replace(old, new))
    with pytest.raises(UsageError) as refused:
        parse("bad", GOOD.replace(old, new))
    assert says in refused.value.message
