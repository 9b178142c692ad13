import re
from types import SimpleNamespace

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.sql_injection import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.refusals import injection
from readiness_kit.probes.refusals.injection import PAYLOADS, injection_attempts
from readiness_kit.target import Auth, Cache, CacheCanary, Source

SCHEMA = """
type Query { user(id: ID!, limit: Int): User, me: User }
type Mutation { create(title: String!): User, remove(id: ID!): User }
type User { id: ID! name: String }
"""
QUERIES = "type Query { user(id: ID!): User, me: User }\ntype User { id: ID! name: String }"
CANARY = CacheCanary(
    read="{ me { id name } }",
    write="mutation W($mark: String!) { create(title: $mark) { id name } }",
    undo="mutation U($id: ID!) { remove(id: $id) { id } }",
)
ROW = {"id": "7", "name": "x"}


def service(user=lambda value: {"data": {"user": None}}, create=None, me=True):
    def answer(asked):
        values = asked.variables
        if "__schema" in asked.query:
            return Reply(body={"errors": [{"message": "no"}]})
        if "user" in asked.query:
            found = user(values["id"])
            return found if isinstance(found, Reply) else Reply(body=found)
        if "create" in asked.query:
            found = (create or (lambda _: {"data": {"create": ROW}}))(values["mark"])
            return found if isinstance(found, Reply) else Reply(body=found)
        if "remove" in asked.query:
            return Reply(body={"data": {"remove": {"id": values["id"]}}})
        return Reply(body={"data": {"me": ROW}}) if me else Reply(status=503)

    return answer


@pytest.fixture
def look(tmp_path):
    def gather(answer, schema=SCHEMA, canary=CANARY):
        file = tmp_path / "schema.graphql"
        file.write_text(schema)
        with serve(answer) as url:
            there = visit(
                url,
                deadline_s=60,
                source=Source(path=tmp_path, schema=file),
                auth=Auth(token=secret(tmp_path, "token", "t"), protected="{ me { id } }"),
                cache=Cache(url=secret(tmp_path, "cache", "redis://x"), canary=canary),
            )
            return injection_attempts.gather(there)

    return gather


def shown(fact):
    return CHECK.shows(fact)["payloads_harmless"]


def test_a_service_that_takes_values_for_values(look):
    fact = look(service())
    assert {one.place for one in fact.attempts} == {"Query.user.id", "write"}
    assert len(fact.attempts) == 2 * len(PAYLOADS)
    assert fact.controls == (True, True)
    assert shown(fact) == "PASS"


def injectable(value):
    return {"data": {"user": ROW if re.search(r"' OR '1'='1", value) else None}}


def broken(message):
    def user(value):
        faulty = {"data": None, "errors": [{"message": message}]}
        return faulty if "'" in value else {"data": {"user": None}}

    return user


@pytest.mark.parametrize(
    ("user", "status"),
    [
        (injectable, "FAIL"),
        (broken('syntax error at or near "OR"'), "FAIL"),
        (broken("unterminated quoted string"), "FAIL"),
        (broken("psycopg.errors.SyntaxError"), "FAIL"),
        (lambda v: {"data": None, "errors": [{"message": "not an id"}]}, "PASS"),
        (lambda v: Reply(status=400, body={"errors": [{"message": "bad"}]}), "PASS"),
        (lambda v: Reply(status=429), "UNKNOWN"),
        (lambda v: Reply(status=403, body={"errors": [{"message": "x"}]}), "UNKNOWN"),
        (lambda v: Reply(raw=b""), "UNKNOWN"),
        (lambda v: Reply(status=500, body={"errors": [{"message": "x"}]}) if "'" in v else {"data": {"user": None}}, "FAIL"),
    ],
)  # fmt: skip
def test_answers_to_payloads(look, user, status):
    assert shown(look(service(user))) == status


def test_a_write_that_strikes(look):
    def create(mark):
        return {"data": {"create": ROW}} if "'" not in mark else {"errors": [{"message": "x"}]}

    assert shown(look(service(create=create))) == "FAIL"


def test_a_delay_is_measured_twice(monkeypatch):
    """The answer's time is given, not waited for."""
    given = iter([5.0, 1500.0, 5.0, 5.0, 5.0, 2100.0, 6.0, 2100.0, 2100.0, 5.0])
    answer = SimpleNamespace(status=200, errors=(), reason="")

    def send(_):
        told = SimpleNamespace(**vars(answer), elapsed_ms=next(given))
        return SimpleNamespace(answer=told, data={}, body=b"")

    times = {
        one.payload: one.answer.elapsed_ms
        for one in injection._attempts(injection.Place("p", send))
    }
    assert times["sleep inside"] == 6.0
    assert times["sleep after"] == 2100.0


def test_a_service_that_refuses_every_value_proves_nothing(look):
    def forbidden(_):
        return {"data": {"user": None}, "errors": [{"message": "you may not"}]}

    assert shown(look(service(forbidden), schema=QUERIES, canary=None)) == "UNKNOWN"


FILTERS = """
type Query { users(where: Filter, names: [String!]): [User!], at(when: Moment!, name: String): User }
input Filter { AND: [Filter!], name: Text, age: Int }
input Text { eq: String, contains: String, matches: String }
scalar Moment
type User { id: ID! }
"""


def filtered(strikes):
    def answer(asked):
        if "__schema" in asked.query:
            return Reply(body={"errors": [{"message": "no"}]})
        if "users" in asked.query:
            struck = strikes(asked.variables) and "' OR '1'='1" in str(asked.variables)
            return Reply(body={"data": {"users": [{"id": "7"}] if struck else []}})
        return Reply(body={"data": {"at": None} if "at(" in asked.query else {"me": ROW}})

    return answer


@pytest.mark.parametrize("argument", ["where", "names"])
def test_texts_deep_in_input_objects_and_lists_are_tried(look, argument):
    answer = filtered(lambda values: argument in values)
    assert shown(look(answer, schema=FILTERS, canary=None)) == "FAIL"


def test_what_cannot_be_asked_for_is_not_seen(look):
    fact = look(filtered(lambda _: False), schema=FILTERS, canary=None)
    places = {one.place for one in fact.attempts}
    assert {"Query.users.where.name.eq", "Query.users.names"} < places
    assert fact.arguments_left_out == 1  # beside a Moment that nobody can make up
    assert shown(fact) == "UNKNOWN"


def test_a_service_whose_control_fails_passes_nothing(look):
    assert shown(look(service(me=False))) == "UNKNOWN"


def test_mutations_that_nobody_may_try(look):
    assert shown(look(service(), canary=None)) == "UNKNOWN"
    assert shown(look(service(), schema=QUERIES, canary=None)) == "PASS"


def test_no_text_is_not_seen(look):
    with pytest.raises(NotSeen, match="takes a text"):
        look(service(), schema="type Query { me: Int }", canary=None)
