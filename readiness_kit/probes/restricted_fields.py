"""Asks for each restricted field as every identity, and as nobody."""

from collections.abc import Mapping
from datetime import UTC, datetime

from graphql import GraphQLSchema

from readiness_kit.errors import NotSeen
from readiness_kit.facts.authorization import ANONYMOUS, FieldRead, RestrictedFields
from readiness_kit.probes.graphql import Json
from readiness_kit.probes.marked import Caller, alive, is_write
from readiness_kit.probes.schema import Composite, Step, known_schema, nested, shortest
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
                    values=values(reply.data, field.rpartition(".")[2]),
                    answer=reply.answer,
                    control=control,
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
    """Return a query that leads to *field* (``Type.field``), nothing when there is no way."""
    owner, _, name = field.partition(".")
    kind = schema.get_type(owner)
    if not isinstance(kind, Composite) or name not in kind.fields:
        return ""
    way = () if kind is schema.query_type else shortest(schema.query_type, owner)
    if way is None:
        return ""
    step = Step(owner, name, kind.fields[name])
    return nested((*way, step), ENTRIES)


def values(data: Json, name: str) -> int:
    """Count what *data* holds under *name*, nulls left out.

    >>> values({"users": [{"email": "a@b"}, {"email": None}]}, "email")
    1
    """
    if isinstance(data, list):
        return sum(values(one, name) for one in data)
    if not isinstance(data, dict):
        return 0
    here = data.get(name)
    several = here if isinstance(here, list) else [here]
    own = sum(one is not None for one in several)
    return own + sum(values(one, name) for key, one in data.items() if key != name)
