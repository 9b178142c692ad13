"""The probes of authorization against a real GraphQL service, right and wrong."""

import pytest
import yaml
from graphql import build_schema
from graphqlshop import SDL, TOKENS, shop
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.authorization import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.api import schema as schemas
from readiness_kit.probes.api.marked import is_write
from readiness_kit.probes.callers.access_matrix import access_matrix, read_matrix
from readiness_kit.probes.callers.ownership import object_ownership
from readiness_kit.probes.callers.restricted_fields import query_for, restricted_fields
from readiness_kit.probes.refusals.query_limits import query_limits
from readiness_kit.target import Auth, Authorization, OwnedObject, Source

ADD = "mutation Add($mark: String!) { addNote(input: {title: $mark}) { id } }"
RENAME = "mutation Rename($id: ID!, $mark: String!) { renameNote(id: $id, title: $mark) { id } }"
DROP = "mutation Drop($id: ID!) { dropNote(id: $id) { id } }"
READ = "query Read($id: ID!) { note(id: $id) { id title } }"
NAMES = {"admin": "ada-token", "writer": "bob-token", "reader": "cy-token", "second": "di-token"}
MATRIX = {
    "roles": ["admin", "writer", "reader"],
    "operations": [
        {"name": "me", "query": "{ me { id } }", "allowed": ["admin", "writer", "reader"]},
        {"name": "add", "query": ADD, "undo": DROP, "allowed": ["admin", "writer"]},
        {
            "name": "rename",
            "setup": ADD,
            "query": RENAME,
            "undo": DROP,
            "allowed": ["admin", "writer"],
        },
        {
            "name": "drop",
            "setup": ADD,
            "query": DROP,
            "undo": DROP,
            "removes": True,
            "allowed": ["admin", "writer"],
        },
    ],
}
NOTE = OwnedObject(
    name="note",
    owner="writer",
    other="second",
    read=READ,
    setup=ADD,
    writes=(RENAME, DROP),
    undo=DROP,
)
ASK_5 = {"User.email": "{ notes { owner { id email } } }"}
STARTING = {"10": "first"}


@pytest.fixture
def look(tmp_path):
    """Gather a fact from a shop with these faults, and say what is left in it."""

    def gather(source, *faults, identities=None, **authorization):
        known = NAMES if identities is None else identities
        tokens = {name: secret(tmp_path, name, token) for name, token in known.items()}
        auth = Auth(token=secret(tmp_path, "token", "cy-token"), protected="{ me { id } }")
        with shop(*faults) as (url, service):
            asked = visit(
                url,
                deadline_s=60,
                auth=auth,
                identities=tokens,
                authorization=Authorization(**authorization),
            )
            fact = source.gather(asked)
        return fact, {one["id"]: one["title"] for one in service.notes.values()}

    return gather


def matrix_file(folder, matrix=MATRIX):
    file = folder / "authz.yaml"
    file.write_text(yaml.safe_dump(matrix))
    return file


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("", "PASS"),
        ("roles_ignored", "FAIL"),
        ("strangers_welcome", "FAIL"),
        ("introspection_closed", "PASS"),
    ],
)
def test_the_matrix_is_tried_and_undone(look, tmp_path, fault, status):
    fact, left = look(access_matrix, fault, matrix=matrix_file(tmp_path))
    assert CHECK.shows(fact)["rbac"] == status
    assert left == STARTING
    assert len(fact.cells) == 16
    assert {one.undone for one in fact.cells} == {"yes", "nothing"}
    known = fault != "introspection_closed"
    assert fact.uncovered == (("Query.users", "Query.note", "Query.notes") if known else ())


def test_what_cannot_be_undone_is_said(look, tmp_path):
    fact, left = look(access_matrix, "nothing_dropped", matrix=matrix_file(tmp_path))
    assert {one.undone for one in fact.cells if one.operation == "add"} == {"no", "nothing"}
    assert len(left) > 1


def test_a_role_without_identity_and_a_write_without_undo_are_not_tried(look, tmp_path):
    bare = {**MATRIX["operations"][1], "undo": ""}
    matrix = matrix_file(tmp_path, {**MATRIX, "operations": [MATRIX["operations"][0], bare]})
    some = {"writer": "bob-token", "reader": "cy-token"}
    fact, left = look(access_matrix, identities=some, matrix=matrix)
    reasons = {one.reason for one in fact.cells if one.answer is None}
    assert reasons == {
        "readiness.yaml has no identity 'admin'",
        "a mutation without undo is not tried",
    }
    assert CHECK.shows(fact)["rbac"] == "UNKNOWN"
    assert left == STARTING


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("roles: [a]\n", "operations"),
        ("roles: [a]\nroles: [b]\noperations: []\n", "stands twice"),
        ("roles: [a]\noperations: [{name: x, query: '{a}', allowed: [b]}]\n", "not listed"),
        ("roles: []\noperations: [{name: x, query: q, alowed: []}]\n", "alowed"),
        ("- a\n", "wanted a mapping"),
    ],
)
def test_a_matrix_with_a_mistake_is_none(tmp_path, text, said):
    file = tmp_path / "authz.yaml"
    file.write_text(text)
    with pytest.raises(NotSeen, match=said):
        read_matrix(file)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("", "PASS"), ("owner_ignored", "FAIL"), ("introspection_closed", "PASS")],
)
def test_the_object_of_another(look, fault, status):
    fact, left = look(object_ownership, fault, owned=(NOTE,))
    assert CHECK.shows(fact)["object_ownership"] == status
    assert left == STARTING


def test_an_object_that_is_there_already_is_only_read(look):
    there = OwnedObject(
        name="note", owner="admin", other="second", read=READ, id="10", writes=(RENAME, DROP)
    )
    fact, left = look(object_ownership, "owner_ignored", owned=(there,))
    assert not fact.tries[0].other_writes
    assert CHECK.shows(fact)["object_ownership"] == "FAIL"
    assert left == STARTING
    fact, _ = look(object_ownership, owned=(there,))
    assert CHECK.shows(fact)["object_ownership"] == "UNKNOWN"


def test_a_bad_token_is_no_refusal(look):
    stale = {**NAMES, "second": "expired", "reader": "expired"}
    fact, _ = look(object_ownership, identities=stale, owned=(NOTE,))
    assert CHECK.shows(fact)["object_ownership"] == "UNKNOWN"
    fact, _ = look(restricted_fields, identities=stale, restricted_fields=ASK_5)
    assert CHECK.shows(fact)["field"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("fault", "fields", "status"),
    [
        ("", ASK_5, "PASS"),
        ("field_null", ASK_5, "PASS"),
        ("field_open", ASK_5, "FAIL"),
        ("field_open", ("User.email",), "FAIL"),
        ("", ("User.email",), "UNKNOWN"),
        ("", {**ASK_5, "User.iban": ""}, "UNKNOWN"),
        ("", {"User.email": DROP}, "UNKNOWN"),
    ],
)
def test_restricted_fields(look, fault, fields, status):
    fact, _ = look(restricted_fields, fault, restricted_fields=fields)
    assert CHECK.shows(fact)["field"] == status


def test_nothing_declared_is_nothing_seen(look):
    for source in (access_matrix, object_ownership, restricted_fields):
        with pytest.raises(NotSeen) as caught:
            look(source)
        assert caught.value.cause == "not_configured"


@pytest.mark.parametrize(
    "source", [access_matrix, object_ownership, restricted_fields, query_limits]
)
def test_rest_has_none_of_it(source, free_port):
    asked = visit(f"http://127.0.0.1:{free_port}", api={"kind": "rest"})
    with pytest.raises(NotSeen, match="does not speak GraphQL"):
        source.gather(asked)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("", "PASS"), ("depth_unlimited", "FAIL"), ("introspection_closed", "UNKNOWN")],
)
def test_depth(look, fault, status):
    if fault == "introspection_closed":
        with pytest.raises(NotSeen, match="declares no schema"):
            look(query_limits, fault)
        return
    fact, _ = look(query_limits, fault)
    assert CHECK.shows(fact)["depth"] == status
    depths = [one.depth for one in fact.tries]
    assert max(depths) <= 50
    assert len(depths) <= 26
    if not fault:
        assert max(one.depth for one in fact.tries if one.answer.executed) == 7
        assert (fact.aliases_answered, fact.batch_answered) == (True, False)
        assert all(one.executed for one in (*fact.before_aliases, *fact.after_aliases))


def test_a_closed_schema_is_read_from_the_repository(tmp_path):
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(SDL)
    auth = Auth(token=secret(tmp_path, "token", "cy-token"))
    with shop("introspection_closed") as (url, _):
        source = Source(path=tmp_path, schema=sdl)
        fact = query_limits.gather(visit(url, auth=auth, source=source, deadline_s=60))
    assert fact.origin == "declared"
    assert CHECK.shows(fact)["depth"] == "PASS"


def test_a_service_that_refuses_everything_has_no_limit(tmp_path):
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(SDL)
    auth = Auth(token=secret(tmp_path, "token", "cy-token"))
    no = Reply(status=400, body={"errors": [{"message": "too deep"}]})
    with serve(lambda asked: no) as url, pytest.raises(NotSeen, match="not even a shallow query"):
        query_limits.gather(visit(url, auth=auth, source=Source(path=tmp_path, schema=sdl)))


NO_CYCLE = "type Query { a: A } type A { b: B } type B { n: Int }"
PLAIN_LISTS = "type Query { as: [A] } type A { bs: [B] } type B { as: [A] }"
RELAY = """
type Query { viewer: U } type U { friends(first: Int, last: Int): C }
type C { edges: [E] } type E { node: U }
"""


def test_ways_through_a_schema():
    assert schemas.ways(build_schema(NO_CYCLE)) == []
    (lists, *_) = schemas.ways(build_schema(PLAIN_LISTS))
    assert lists.cost[0] == 3
    (relay, *_) = schemas.ways(build_schema(RELAY))
    assert (
        relay.query(4)
        == "query Readiness { viewer { friends(first: 1) { edges { __typename } } } }"
    )
    assert [step.coordinate for step in relay.loop] == ["U.friends", "C.edges", "E.node"]


def test_the_query_for_a_field():
    schema = build_schema(SDL)
    assert query_for(schema, "User.email") == "query Readiness { users(first: 10) { email } }"
    assert (
        query_for(schema, "User.notes") == "query Readiness { users(first: 10) { notes { id } } }"
    )
    assert query_for(schema, "Query.me") == "query Readiness { me { id } }"
    assert query_for(schema, "Nobody.x") == query_for(schema, "User.x") == ""


def test_what_cannot_be_read_may_write():
    assert is_write("{ broken")
    assert is_write("fragment F on Q { a }")
    assert is_write("query A { a } mutation B { b }")
    assert not is_write("query A { mutation }")


def test_every_token_is_somebody():
    assert set(NAMES.values()) == set(TOKENS)
