import json
import threading

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.application.error_handling import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.errors.provoked import (
    SIGNS,
    crash_seen,
    internals,
    planted,
    provoked_errors,
)
from readiness_kit.target import Auth, Logs, SmokeOperation

ID = {"x-request-id": "r-1"}
REFUSED = Reply(400, {"errors": [{"message": "Bad request"}]}, ID)


def careful(asked):
    if asked.path.startswith(("/graphql", "/health")) and asked.query == "{ me { id } }":
        return Reply(body={"data": {"me": {"id": "1"}}}, headers=ID)
    return REFUSED if asked.path in ("/graphql", "/health") else Reply(404, "", ID)


def provoke(answer, tmp_path):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ me { id } }")
    with serve(answer) as url:
        return provoked_errors.gather(visit(url, auth=auth, deadline_s=40))


def test_every_fault_of_a_careful_service_is_answered(tmp_path):
    fact = provoke(careful, tmp_path)
    assert fact.controls[0].data
    assert len(fact.faults) == 11
    assert {one.status for one in fact.faults} == {400, 404, 431}
    assert not [one.name for one in fact.faults if one.internals]
    assert {one.name for one in fact.faults if not one.request_id} == {"header too long"}
    assert all(fact.planted.values())


def test_a_stack_in_an_answer_is_seen(tmp_path):
    trace = 'Traceback (most recent call last):\n File "/app/x.py", line 1, in f\nKeyError: 1'
    fact = provoke(
        lambda asked: Reply(500, trace) if b"noSuchField" in asked.body else careful(asked),
        tmp_path,
    )
    shown = [one for one in fact.faults if one.internals]
    assert [one.name for one in shown] == ["unknown field"]
    assert {sign.kind for sign in shown[0].internals} >= {"stack"}


def test_a_reset_is_a_value_with_its_reason(tmp_path):
    fact = provoke(
        lambda asked: Reply(raw=b"") if asked.method == "DELETE" else careful(asked), tmp_path
    )
    (lost,) = [one for one in fact.faults if one.status is None]
    assert lost.name == "wrong method"
    assert lost.reason


def test_every_planted_sign_is_recognised():
    assert set(planted()) == set(SIGNS)
    assert all(planted().values())


@pytest.mark.parametrize(
    "text",
    [
        '{"errors":[{"message":"Cannot query field \\"x\\" on type \\"Query\\"."}]}',
        "please select an item from the list, or update your settings",
        "location: /app/login",
        "see https://example.com/usr/docs/errors",
        '{"path": ["users", 0], "code": "INTERNAL_SERVER_ERROR"}',
        "content-security-policy: default-src 'none'",
    ],
)
def test_ordinary_words_are_no_signs(text):
    assert internals(text) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('relation "tb_user" does not exist', "sql"),
        ("at Object.run (index.js:10:3)", "stack"),
        ("open /var/lib/app/data.db", "path"),
        ("maximum recursion depth exceeded", "exception"),
        ("LIMIT must not be negative", "sql"),
        ('invalid input syntax for type uuid: "x"', "sql"),
        ('CONTEXT:  SQL function "create_post" statement 1', "sql"),
        ('near "x": syntax error', "sql"),
        ("You have an error in your SQL syntax; check the manual", "sql"),
        ("ORA-00933: SQL command not properly ended", "sql"),
        ('new row violates check constraint "positive"', "sql"),
    ],
)
def test_signs_of_other_makers_are_recognised(text, kind):
    assert kind in {one.kind for one in internals(text)}


def crash(answer, tmp_path, log):
    parts = {
        "identities": {"admin": secret(tmp_path, "admin", "admin-token")},
        "logs": Logs(application=(log,)),
        "api": {"crash_path": "/crash"},
        "deadline_s": 1.5,
    }
    with serve(answer) as url:
        return crash_seen.gather(visit(url, **parts))


def test_the_trace_of_a_crash_is_found_by_its_request_id(tmp_path):
    log = tmp_path / "app.jsonl"
    log.write_text("old\n")

    def answer(asked):
        assert asked.token == "admin-token"
        line = {"request_id": "r-1", "exception": 'Traceback (most recent call last):\n  File "x"'}
        threading.Timer(0.1, log.write_text, [f"old\n{json.dumps(line)}\n"]).start()
        return Reply(500, {"errors": [{"message": "Internal server error"}]}, ID)

    (found,) = crash(answer, tmp_path, log).crashes
    assert found.traced_by_id
    assert found.answer.status == 500
    assert not found.answer.internals


def test_a_silent_log_is_seen_as_silent(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("Traceback (most recent call last): of yesterday, r-1\n")
    (found,) = crash(lambda _: Reply(500, "error", ID), tmp_path, log).crashes
    assert not found.traced_by_id
    assert not found.traced_by_time


def test_without_a_crash_path_nothing_is_provoked():
    with pytest.raises(NotSeen) as error:
        crash_seen.gather(visit("http://127.0.0.1:1"))
    assert error.value.cause == "not_configured"


def test_a_rest_service_is_sent_nothing_that_could_change_it(tmp_path):
    sent = []

    def rest(asked):
        sent.append((asked.method, asked.path.partition("?")[0]))
        path = asked.path.partition("?")[0]
        if path in ("/orders", "/health") and asked.method == "GET":
            return Reply(body={"orders": []}, headers=ID)
        return Reply(405 if path == "/health" else 404, "", ID)

    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="/orders")
    with serve(rest) as url:
        fact = provoked_errors.gather(visit(url, auth=auth, api={"kind": "rest"}, deadline_s=40))
    assert {one for one in sent if one[0] != "GET"} == {("PATCH", "/health"), ("POST", "/health")}
    assert [one.data for one in fact.controls] == [True]
    assert not any(one.data for one in fact.faults)
    assert CHECK.shows(fact) == {
        "client_faults_answered": "UNKNOWN",
        "internals_hidden": "UNKNOWN",
        "unhandled_errors_generic": "PASS",
    }


def test_odd_values_are_sent_only_in_queries_and_their_answers_searched(tmp_path):
    smoke = (
        SmokeOperation(name="list", query="query L($n: Int) { list(n: $n) }", variables={"n": 5}),
        SmokeOperation(name="write", query="mutation W($n: Int) { w(n: $n) }", variables={"n": 5}),
    )

    def careless(asked):
        assert "mutation" not in asked.query
        upset = asked.query == smoke[0].query and asked.variables["n"] == -1
        error = {"message": "LIMIT must not be negative: SELECT data FROM tb_user"}
        return Reply(body={"errors": [error]}) if upset else careful(asked)

    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ me { id } }")
    with serve(careless) as url:
        fact = provoked_errors.gather(visit(url, auth=auth, smoke=smoke, deadline_s=40))
    assert [one.name for one in fact.oddities if one.internals] == [
        "a negative number as $n of list"
    ]
