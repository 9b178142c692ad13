import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.sql_injection import CHECK, CODE, FUNCTIONS, TRIES
from readiness_kit.facts.database.stored_functions import DynamicSql
from readiness_kit.facts.sql_in_code import Statement

GONE = Statement(where="a.py:1", call="execute", text="undecided", reason="result of f()")


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (CODE, "PASS"),
        (CODE.replace(statements=(*CODE.statements, GONE)), "WARN"),
        (CODE.replace(statements=(GONE, replace(GONE, text="from_outside"))), "FAIL"),
        (CODE.replace(statements=()), "UNKNOWN"),
        (CODE.replace(unread=("a.py",)), "UNKNOWN"),
        (CODE.replace(planted={}), "UNKNOWN"),
        (CODE.replace(planted={"f-string": False}), "UNKNOWN"),
        (CODE.replace(unread=("a.js",), statements=(replace(GONE, text="from_outside"),)), "FAIL"),
    ],
)
def test_code(fact, shown):
    assert CHECK.shows(fact)["code_parameterized"] == shown


def dynamic(quoted):
    return (DynamicSql(function="f", language="plpgsql", quoted=quoted, reason="x"),)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"dynamic": ()}, "PASS"),
        ({"dynamic": dynamic("yes")}, "PASS"),
        ({"dynamic": dynamic("no")}, "FAIL"),
        ({"dynamic": dynamic("undecided")}, "UNKNOWN"),
        ({"hidden": ("f",)}, "UNKNOWN"),
        ({"planted": {}}, "UNKNOWN"),
    ],
)
def test_functions(changes, shown):
    assert CHECK.shows(FUNCTIONS.replace(**changes))["functions_safe"] == shown


def answered(**changes):
    attempts = (replace(one, answer=replace(one.answer, **changes)) for one in TRIES.attempts)
    return TRIES.replace(attempts=tuple(attempts))


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (answered(elapsed_ms=1007.0), "PASS"),
        (answered(elapsed_ms=1008.0), "FAIL"),
        (answered(signs=("path",)), "PASS"),
        (answered(signs=("exception",)), "FAIL"),
        (answered(status=429), "UNKNOWN"),
        (answered(status=None, form=""), "UNKNOWN"),
        (answered(status=None, form="", elapsed_ms=8000.0), "FAIL"),
        (TRIES.replace(controls=(True, False)), "UNKNOWN"),
        (TRIES.replace(attempts=TRIES.attempts[:1]), "UNKNOWN"),
        (TRIES.replace(writes_untried=True), "UNKNOWN"),
        (TRIES.replace(planted={"sql": False}), "UNKNOWN"),
    ],
)
def test_payloads(fact, shown):
    assert CHECK.shows(fact)["payloads_harmless"] == shown
