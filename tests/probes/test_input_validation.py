"""The probes of input validation against a real GraphQL service, right and wrong."""

import pytest
from graphql import build_schema, parse, validate
from graphqlshop import SDL, shop
from hypothesis import given
from hypothesis import strategies as st
from webserver import Reply, secret, serve, visit

from readiness_kit.checks.security.input_validation import CHECK
from readiness_kit.errors import NotSeen
from readiness_kit.probes.refusals import oversized as sizes
from readiness_kit.probes.refusals.cases import bad_values, faulty, operations
from readiness_kit.probes.refusals.malformed import malformed_input
from readiness_kit.probes.refusals.oversized import oversized_input
from readiness_kit.probes.refusals.writes import faulty_writes, spot_of_mark
from readiness_kit.target import Auth, Bounds, CacheCanary, Input, Source

ADD = "mutation Add($mark: String!) { addNote(input: {title: $mark}) { id title } }"
DROP = "mutation Drop($id: ID!) { dropNote(id: $id) { id } }"
CANARY = CacheCanary(
    read="{ notes(first: 9) { id title } }", write=ADD, undo=DROP, identity="writer"
)
BOUNDS = {
    "Query.notes.first": Bounds(least=1, most=50),
    "NoteInput.title": Bounds(most=100),
}
STARTING = {"10": "first"}
SCHEMA = build_schema(SDL)


@pytest.fixture
def look(tmp_path):
    """Gather a fact from a shop with these faults, and say what is left in it."""

    def gather(source, *faults, canary=CANARY, bounds=BOUNDS):
        tokens = {"admin": secret(tmp_path, "admin", "ada-token")}
        tokens["writer"] = secret(tmp_path, "writer", "bob-token")
        auth = Auth(token=secret(tmp_path, "token", "cy-token"), protected="{ me { id } }")
        given = Input(canary=canary, bounds=bounds, max_body_bytes=50_000)
        with shop(*faults) as (url, service):
            asked = visit(url, deadline_s=60, auth=auth, identities=tokens, input=given)
            fact = source.gather(asked)
        return fact, {one["id"]: one["title"] for one in service.notes.values()}

    return gather


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("", "PASS"),
        ("bounds_ignored", "FAIL"),
        ("validation_off", "FAIL"),
        ("variables_unchecked", "FAIL"),
        ("lengths_ignored", "FAIL"),
    ],
)
def test_malformed(look, fault, status):
    fact, left = look(malformed_input, fault)
    assert CHECK.shows(fact)["malformed_values_refused"] == status
    assert left == STARTING
    assert {one.fault for one in fact.tries} == {
        "wrong_type",
        "null",
        "unknown_field",
        "out_of_range",
    }
    assert {one.writes for one in fact.tries} == {True, False}


def test_what_is_stored_and_called_an_error_is_found_and_removed(look):
    fact, left = look(malformed_input, "lengths_ignored", "stored_and_failed")
    assert fact.stored.found == 1
    assert CHECK.shows(fact)["malformed_values_refused"] == "FAIL"
    assert left == STARTING


def test_what_cannot_be_removed_is_said(look):
    fact, left = look(malformed_input, "nothing_dropped")
    assert fact.stored.left == 1
    assert len(left) == 2


def test_writes_are_wanted_where_there_are_mutations(look):
    fact, _ = look(malformed_input, canary=None)
    assert fact.stored is None
    assert CHECK.shows(fact)["malformed_values_refused"] == "UNKNOWN"
    forgetful = CacheCanary(read=CANARY.read, write=ADD)
    fact, left = look(malformed_input, canary=forgetful)
    assert fact.stored is None
    assert left == STARTING


def test_a_write_that_does_not_use_the_mark_is_refused(look):
    odd = CacheCanary(
        read=CANARY.read, undo=DROP, write='mutation { addNote(input: {title: "a"}) { id } }'
    )
    with pytest.raises(NotSeen, match="mark"):
        look(malformed_input, canary=odd)


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ((), "PASS"),
        (("bodies_unlimited",), "FAIL"),
        (("bodies_unlimited", "lengths_ignored"), "FAIL"),
    ],
)
def test_oversized(look, faults, status, monkeypatch):
    monkeypatch.setattr(sizes, "LONG_TEXT", 100_000)
    fact, left = look(oversized_input, *faults)
    assert CHECK.shows(fact)["oversized_input_refused"] == status
    assert [one.size for one in fact.tries] == ["text", "list", "body"]
    assert fact.takes == ("text", "list", "body")
    assert left == STARTING


def test_a_connection_that_is_cut_is_a_weak_refusal(tmp_path):
    sdl = tmp_path / "schema.graphql"
    sdl.write_text("type Query { a(n: Int): Int }")

    def answer(asked):
        if len(asked.body) > 50_000:
            return Reply(raw=b"")
        said_no = Reply(status=400, body={"errors": [{"message": "no"}]})
        return (
            said_no if "__schema" in asked.query else Reply(body={"data": {"__typename": "Query"}})
        )

    auth = Auth(token=secret(tmp_path, "token", "cy-token"))
    with serve(answer) as url:
        source = Source(path=tmp_path, schema=sdl)
        given = Input(max_body_bytes=50_000)
        fact = oversized_input.gather(visit(url, auth=auth, source=source, input=given))
    assert (fact.origin, fact.takes, fact.stored) == ("declared", ("body",), None)
    assert CHECK.shows(fact)["oversized_input_refused"] == "WARN"


@pytest.mark.parametrize("source", [malformed_input, oversized_input])
def test_rest_has_none_of_it(source, free_port):
    asked = visit(f"http://127.0.0.1:{free_port}", api={"kind": "rest"})
    with pytest.raises(NotSeen, match="does not speak GraphQL"):
        source.gather(asked)


def test_every_made_up_query_is_valid_but_for_its_fault():
    made = list(operations(SCHEMA, BOUNDS, "10"))
    assert [one.name for one in made] == ["users", "note", "notes"]
    for one in made:
        assert not validate(SCHEMA, parse(one.document))
        for case in faulty(SCHEMA, one, BOUNDS):
            wrong = validate(SCHEMA, parse(case.document))
            assert bool(wrong) == (case.fault == "unknown_field"), case


def test_every_made_up_write_differs_by_its_fault():
    spot = spot_of_mark(SCHEMA, ADD)
    assert (spot.place, list(spot.siblings)) == ("NoteInput.title", ["tags"])
    found = list(faulty_writes(spot, ADD, BOUNDS, lambda: "mark"))
    assert [(one.fault, one.place) for one in found] == [
        ("null", "NoteInput.title"),
        ("wrong_type", "NoteInput.title"),
        ("out_of_range", "NoteInput.title"),
        ("unknown_field", "NoteInput"),
        ("wrong_type", "NoteInput.tags"),
    ]
    direct = "mutation Rename($mark: String!) { renameNote(id: 10, title: $mark) { id } }"
    spot = spot_of_mark(SCHEMA, direct)
    assert spot.place == "Mutation.renameNote.title"
    unknown = next(
        one for one in faulty_writes(spot, direct, {}, str) if one.fault == "unknown_field"
    )
    (error,) = validate(SCHEMA, parse(unknown.document))
    assert "noSuchFieldReadiness" in error.message


@given(least=st.integers(-5, 5), width=st.integers(0, 9), kind=st.sampled_from(["first", "title"]))
def test_what_is_out_of_range_is_just_outside(least, width, kind):
    field = SCHEMA.query_type.fields["notes"].args["first"]
    title = SCHEMA.get_type("NoteInput").fields["title"]
    bounds = Bounds(least=least, most=least + width)
    values = [
        v
        for fault, v in bad_values((field if kind == "first" else title).type, bounds)
        if fault == "out_of_range" and v != 2**31
    ]
    sizes_seen = [len(one) if isinstance(one, str) else one for one in values]
    outside = [least - 1, least + width + 1]
    assert sizes_seen == [one for one in outside if kind == "first" or one >= 0]
