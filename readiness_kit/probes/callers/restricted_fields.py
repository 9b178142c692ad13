"""Asks for each restricted field as every identity, and as nobody."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from graphql import GraphQLSchema

from readiness_kit.errors import NotSeen
from readiness_kit.facts.callers.authorization import ANONYMOUS, FieldRead, RestrictedFields
from readiness_kit.probes.api.graphql import Json
from readiness_kit.probes.api.marked import Caller, alive, is_write
from readiness_kit.probes.api.schema import (
    Composite,
    Step,
    Way,
    known_schema,
    nested,
    shortest,
    steps,
)
from readiness_kit.sources import Visit, source

ENTRIES = 10
"""So many objects are asked for where a list leads to the field."""


@source(
    effect="canary",
    asks="per identity and address: 1 query, and 1 per restricted field; the schema",
    deadline_s=120,
)
def restricted_fields(visit: Visit) -> RestrictedFields:
    """Ask for every restricted field as everybody, at every address.

    Raises:
        NotSeen: No field is declared as restricted.

    """
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    declared = visit.target.authorization.restricted_fields
    if not declared:
        raise NotSeen(
            "readiness.yaml declares no field as restricted",
            cause="not_configured",
            hint="add authorization.restricted_fields, e.g. [User.email]",
        )
    queries, unasked = _queries(visit, declared)
    privileged = visit.target.authorization.privileged
    given = declared if isinstance(declared, dict) else {}
    made_up = {field for field in queries if not given.get(field)}
    identities = dict.fromkeys((*privileged, *visit.target.identities, ANONYMOUS))
    reads = []
    for identity in identities:
        for address in visit.addresses(visit.api.url):
            caller = Caller(visit, address, identity)
            control = alive(visit, caller)
            for field, query in queries.items():
                reply = caller.ask(query, {})
                read = FieldRead(
                    field=field,
                    identity=identity,
                    privileged=identity in privileged,
                    values=len(values(reply.data, field.rpartition(".")[2])),
                    made_up=field in made_up,
                    answer=reply.answer,
                    control=control,
                    nulls=nulls(reply.data, field.rpartition(".")[2]),
                )
                reads.append(read)
    return RestrictedFields(
        fields=tuple(declared),
        reads=tuple(reads),
        unasked=unasked,
        observed_at=datetime.now(UTC),
    )


def _queries(
    visit: Visit, declared: tuple[str, ...] | dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the query for each field, and why there is none for the others."""
    given: Mapping[str, str]
    given = declared if isinstance(declared, dict) else dict.fromkeys(declared, "")
    schema = known_schema(visit).schema if "" in given.values() else None
    queries: dict[str, str] = {}
    unasked: dict[str, str] = {}
    for field, query in given.items():
        built = query or (query_for(schema, field) if schema else "")
        if not built:
            unasked[field] = "the schema shows no way to it: give the query that asks for it"
        elif is_write(built):
            unasked[field] = "its query is none that only reads"
        else:
            queries[field] = built
    return queries, unasked


def query_for(schema: GraphQLSchema, field: str) -> str:
    """Return a query that leads to *field* (``Type.field``), nothing when there is no way.

    Through a list where there is one: a single object is likely to be the caller's own.
    """
    owner, _, name = field.partition(".")
    kind = schema.get_type(owner)
    if not isinstance(kind, Composite) or name not in kind.fields:
        return ""
    if kind is schema.query_type:
        return nested((Step(owner, name, kind.fields[name]),), ENTRIES)
    found = []
    for first in steps(schema.query_type):
        below = first.below
        rest = () if getattr(below, "name", "") == owner else shortest(below, owner)
        if rest is not None:
            way = Way((first, *rest), ())
            found.append((all(one.single for one in way.entry), way.cost, way.entry))
    if not found:
        return ""
    best = min(found, key=lambda one: one[:2])[2]
    return nested((*best, Step(owner, name, kind.fields[name])), ENTRIES)


def values(data: Json, name: str) -> set[str]:
    """Return the different values that *data* holds under *name*, as JSON, nulls left out.

    >>> sorted(values({"users": [{"email": "a@b"}, {"email": None}, {"email": "a@b"}]}, "email"))
    ['"a@b"']
    """
    if isinstance(data, list):
        return set().union(*(values(one, name) for one in data))
    if not isinstance(data, dict):
        return set()
    here = data.get(name)
    several = here if isinstance(here, list) else [here]
    own = {json.dumps(one, sort_keys=True) for one in several if one is not None}
    return own.union(*(values(one, name) for key, one in data.items() if key != name))


def nulls(data: Json, name: str) -> int:
    """Return how often *data* holds null under *name*.

    >>> nulls({"users": [{"email": "a@b"}, {"email": None}]}, "email")
    1
    """
    if isinstance(data, list):
        return sum(nulls(one, name) for one in data)
    if not isinstance(data, dict):
        return 0
    own = name in data and data[name] is None
    return own + sum(nulls(one, name) for one in data.values())
