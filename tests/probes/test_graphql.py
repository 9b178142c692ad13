import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.application.production_mode import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.graphql import ask, exploration, plain_query, read_body
from readiness_kit.target import Auth, SmokeOperation

ME = {"data": {"me": {"id": "1"}}}


def closed(asked):
    if asked.method == "GET":
        return Reply(404)
    if "__schema" in asked.query or not asked.token:
        return Reply(403, {"errors": [{"message": "no"}]})
    return Reply(body=ME)


def gather(answer, tmp_path):
    auth = Auth(token=secret(tmp_path, "token", "t0ken-of-a-reader"), protected="{ me { id } }")
    with serve(answer) as url:
        return exploration.gather(visit(url, auth=auth))


def test_a_closed_service_shows_nothing(tmp_path):
    fact = gather(closed, tmp_path)
    assert fact.controls[0].answered
    assert fact.anonymous[0].refused
    assert fact.ordinary[0].refused
    assert {page.status for page in fact.pages} == {404}
    assert "t0ken" not in repr(fact)


@pytest.mark.parametrize(
    ("body", "shows"),
    [
        ("<html><div id='swagger-ui'></div>", "tool"),
        ('{"openapi": "3.1.0"}', "tool"),
        ("<!DOCTYPE html><title>GraphiQL</title>", "tool"),
        ("<html>welcome</html>", "html"),
        ('{"errors": []}', "other"),
    ],
)
def test_pages_are_told_apart(tmp_path, body, shows):
    fact = gather(
        lambda asked: Reply(body=body) if asked.method == "GET" else closed(asked), tmp_path
    )
    assert {page.shows for page in fact.pages} == {shows}


def test_pages_are_looked_for_beside_the_endpoint_too(tmp_path):
    def answer(asked):
        return Reply(body="swagger-ui") if asked.path == "/api/docs" else closed(asked)

    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ me { id } }")
    with serve(answer) as url:
        fact = exploration.gather(visit(url, auth=auth, api={"graphql": "/api/graphql"}))
    assert [page.path for page in fact.pages if page.shows == "tool"] == ["/api/docs"]


def test_a_rest_service_is_asked_for_pages_alone():
    with serve(closed) as url:
        fact = exploration.gather(visit(url, api={"kind": "rest"}))
    assert not fact.anonymous
    assert {page.status for page in fact.pages} == {404}
    assert CHECK.shows(fact)["exploration_closed"] == "UNKNOWN"


def test_an_error_is_judged_by_the_body_not_by_the_status():
    errors = {"data": {"me": None}, "errors": [{"message": "maximum recursion depth exceeded"}]}
    with serve(lambda _: Reply(body=errors)) as url, visit(url).client(url) as client:
        answer = ask(client, "/graphql", "{ me { id } }").answer
    assert answer.status == 200
    assert not answer.answered
    assert answer.refused
    assert answer.errors == ("maximum recursion depth exceeded",)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"{}", b'{"data": 7}', b"[" * 200_000, b'{"data": null}'],
)
def test_what_is_no_graphql_answer_never_counts(body):
    with serve(lambda _: Reply(body=body)) as url, visit(url).client(url) as client:
        answer = ask(client, "/graphql", "{ me { id } }").answer
    assert not answer.answered
    assert not answer.refused
    assert answer.reason


def test_a_null_field_is_no_answer():
    with serve(lambda _: Reply(body={"data": {"a": 1, "b": None}})) as url:
        answer = ask_once(url)
    assert answer.filled == ("a",)
    assert answer.empty == ("b",)
    assert not answer.answered


def ask_once(url):
    with visit(url).client(url) as client:
        return ask(client, "/graphql", "{ a b }").answer


def test_a_huge_answer_is_a_value():
    with serve(lambda _: Reply(body=b" " * 5_000_000)) as url:
        answer = ask_once(url)
    assert answer.status is None
    assert "longer than" in answer.reason


def test_a_plain_query_is_never_a_mutation():
    smoke = (
        SmokeOperation(name="w", query="mutation { a }"),
        SmokeOperation(name="r", query="{ b }"),
    )
    assert plain_query(visit("http://127.0.0.1:1", smoke=smoke)) == "{ b }"


def test_without_a_query_nothing_is_asked():
    smoke = (SmokeOperation(name="w", query="mutation { a }"),)
    with pytest.raises(NotSeen) as error:
        plain_query(visit("http://127.0.0.1:1", smoke=smoke))
    assert error.value.cause == "not_configured"


def test_messages_of_any_shape_are_read():
    assert read_body(b'{"errors": "no"}')[1] == ("no",)
    assert read_body(b'{"errors": [1, {"message": null}]}')[1] == ("1", "None")
    coded = b'{"errors": [{"message": "No entry", "extensions": {"code": "UNAUTHENTICATED"}}]}'
    assert read_body(coded)[1] == ("No entry (UNAUTHENTICATED)",)


def test_the_first_query_that_is_answered_is_the_control(tmp_path):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ gone }")
    smoke = (SmokeOperation(name="me", query="{ me { id } }"),)
    with serve(
        lambda asked: Reply(body=ME if "me" in asked.query else {"data": {"gone": None}})
    ) as url:
        assert plain_query(visit(url, auth=auth, smoke=smoke)) == "{ me { id } }"
