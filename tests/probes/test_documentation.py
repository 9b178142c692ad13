import pytest
from graphql import build_schema, graphql_sync
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.api.documentation import documented_schema, elements_of, live_schema
from readiness_kit.target import Auth, Source

SDL = '''
"""Everything"""
type Query {
  """One user"""
  user("Which" id: ID!, "How" order: Order = UP): User
}
interface Named { name: String }
type User implements Named { name: String @deprecated(reason: "use title") title: String @deprecated }
union Found = User | Thing
type Thing { n: Int }
enum Order { UP DOWN }
input Filter { "Least" least: Int = 3 }
directive @cost(n: Int = 1) on FIELD | QUERY
'''


def by_coordinate(sdl):
    return {one.coordinate: one for one in elements_of(build_schema(sdl))}


def answer(asked):
    if asked.token != "admin-token":
        return Reply(403, {"errors": [{"message": "not for you"}]})
    return Reply(body=graphql_sync(build_schema(SDL), asked.query).formatted)


def live(tmp_path, respond):
    auth = Auth(token=secret(tmp_path, "token", "t0ken"), protected="{ user(id: 1) { name } }")
    with serve(respond) as url:
        identities = {"admin": secret(tmp_path, "admin", "admin-token")}
        return live_schema.gather(visit(url, auth=auth, identities=identities))


def documented(file):
    source = Source(path=file.parent, schema=file)
    return documented_schema.gather(visit("http://127.0.0.1:1", source=source))


def test_the_running_schema_equals_its_own_document(tmp_path):
    file = tmp_path / "schema.graphql"
    file.write_text(SDL)
    here, there = documented(file), live(tmp_path, answer)
    assert there.identity == "identities.admin"
    assert here.elements == there.elements
    assert len(here.elements) == len({one.coordinate for one in here.elements}) == 19


def test_elements_say_what_they_are():
    found = by_coordinate(SDL)
    assert found["Query.user(order:)"].signature == "Order = UP"
    assert found["Found"].signature == "Union = Thing | User"
    assert found["User"].signature == "Object & Named"
    assert found["Filter.least"].signature == "Int = 3"
    assert found["@cost"].signature == "on FIELD | QUERY"
    assert found["Query.user"].description
    assert not found["User"].description
    assert (found["User.name"].deprecated, found["User.name"].reason) == (True, True)
    assert (found["User.title"].deprecated, found["User.title"].reason) == (True, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("id: ID!", "id: ID"),
        ("= UP", "= DOWN"),
        ("User | Thing", "User"),
        ("UP DOWN", "UP"),
        ("least: Int = 3", "least: Int"),
        ("One user", "A user"),
        ("on FIELD | QUERY", "on FIELD"),
    ],
)
def test_any_change_shows(old, new):
    assert by_coordinate(SDL) != by_coordinate(SDL.replace(old, new))


def test_layout_and_indentation_do_not_show():
    assert by_coordinate(SDL) == by_coordinate(SDL.replace("Everything", "\n  Everything\n"))


@pytest.mark.parametrize(
    "body",
    [{"data": {"__schema": {}}}, {"data": {"__schema": 7}}, {"data": {"__schema": None}}, "<html>"],
)
def test_an_introspection_that_is_none(tmp_path, body):
    with pytest.raises(NotSeen):
        live(tmp_path, lambda _: Reply(body=body))


@pytest.mark.parametrize("text", ["type Query {", "type A { b: Missing }", "\xff", ""])
def test_a_document_that_is_no_schema(tmp_path, text):
    file = tmp_path / "schema.graphql"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(NotSeen, match="no readable schema"):
        documented(file)
