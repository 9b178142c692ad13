"""Sends values of wrong type, null, unknown or out of range, beside the same without fault."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.input_validation import (
    MalformedInput,
    MalformedTry,
)
from readiness_kit.probes.api.graphql import Json, ask, bearer, plain_query
from readiness_kit.probes.api.marked import first_id
from readiness_kit.probes.api.schema import known_schema
from readiness_kit.probes.refusals.cases import faulty, operations
from readiness_kit.probes.refusals.writes import (
    FaultyWrite,
    Writes,
    declared_write,
    faulty_writes,
    spot_of_mark,
)
from readiness_kit.sources import Visit, source


@source(
    effect="canary",
    asks="about 25 faulty queries, 10 faulty writes and a correct one, removed again; the schema",
    deadline_s=90,
    exclusive=("rows",),
)
def malformed_input(visit: Visit) -> MalformedInput:
    """Send one fault at a time, beside the same operation without it.

    Raises:
        NotSeen: The target is not GraphQL, or its schema is not known.

    """
    known = known_schema(visit)
    bounds, sample = visit.target.input.bounds, _sample(visit)
    with ThreadPoolExecutor(4) as pool:
        tried = list(operations(known.schema, bounds, sample))
        controls = dict(
            zip(
                [one.name for one in tried],
                pool.map(lambda one: _ask(visit, one.document, one.values), tried),
                strict=True,
            )
        )
        usable = [one for one in tried if controls[one.name].executed]
        cases = [case for one in usable for case in faulty(known.schema, one, bounds)]
        answers = pool.map(lambda case: _ask(visit, case.document, case.values), cases)
        tries = [
            MalformedTry(fault=case.fault, place=case.place, writes=False, answer=answer)
            for case, answer in zip(cases, answers, strict=True)
        ]
    stored = None
    canary = declared_write(visit)
    if canary is not None:
        writes = Writes(visit, canary)
        spot = spot_of_mark(known.schema, canary.write)
        wrong = list(faulty_writes(spot, canary.write, bounds, writes.new_mark))
        try:
            tries += [_write(writes, one) for one in wrong]
        finally:
            stored = writes.finish()
    return MalformedInput(
        origin=known.origin,
        controls=controls,
        tries=tuple(tries),
        mutations=known.schema.mutation_type is not None,
        stored=stored,
        observed_at=datetime.now(UTC),
    )


def _write(writes: Writes, one: FaultyWrite) -> MalformedTry:
    answer = writes.send(one.document, one.value).answer
    return MalformedTry(fault=one.fault, place=one.place, writes=True, answer=answer)


def _ask(visit: Visit, document: str, values: dict[str, Json]) -> GraphqlAnswer:
    with visit.client(visit.api.url, headers=bearer(visit.token)) as client:
        return ask(client, visit.api.graphql, document, values).answer


def _sample(visit: Visit) -> Json:
    """Return an id that some declared query shows, nothing where none does."""
    try:
        query = plain_query(visit)
    except NotSeen:
        return None
    with visit.client(visit.api.url, headers=bearer(visit.token)) as client:
        return first_id(ask(client, visit.api.graphql, query).data)
