"""Marked rows: written to see whether it is possible, and removed again whatever happens."""

import secrets
from collections.abc import Iterable, Iterator, Mapping

from graphql import FieldNode, OperationDefinitionNode, parse

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.callers.authorization import ANONYMOUS
from readiness_kit.probes.api.graphql import Json, Reply, ask, bearer, plain_queries
from readiness_kit.sources import Address, Visit


class Caller:
    """Asks as one identity, at one address; each question as a client of its own."""

    def __init__(self, visit: Visit, address: Address, identity: str) -> None:
        """Ask as *identity*; ``""`` has the valid token, ``anonymous`` none.

        Raises:
            NotSeen: The target declares no such identity.

        """
        self.identity = identity
        self._visit = visit
        self._address = address
        self._headers = headers_of(visit, identity)

    def ask(self, document: str, variables: Mapping[str, Json], *, timeout_s: float = 5.0) -> Reply:
        """Ask *document* with those of *variables* that it declares."""
        names = variables_of(document)
        given = {name: value for name, value in variables.items() if name in names}
        visit = self._visit
        with visit.client(
            visit.api.url, address=self._address, headers=self._headers, timeout_s=timeout_s
        ) as client:
            return ask(client, visit.api.graphql, document, given)


def alive(visit: Visit, caller: Caller) -> GraphqlAnswer | None:
    """Return what *caller* gets for a declared query, ``None`` where none is declared."""
    try:
        query = plain_queries(visit)[0]
    except NotSeen:
        return None
    return caller.ask(query, {}).answer


def headers_of(visit: Visit, identity: str) -> dict[str, str]:
    """Return the header by which *identity* is known; ``""`` means the valid token.

    Raises:
        NotSeen: The target declares no such identity.

    """
    if identity == ANONYMOUS:
        return {}
    if not identity:
        return bearer(visit.token)
    if identity not in visit.target.identities:
        raise NotSeen(
            f"readiness.yaml has no identity {identity!r}",
            cause="not_configured",
            hint="add a token for it under identities",
        )
    return bearer(visit.target.identities[identity])


def new_mark(visit: Visit) -> str:
    """Return a text that nothing else holds."""
    return f"readiness canary {visit.run_id} {secrets.token_hex(4)}"


def is_write(document: str) -> bool:
    """Tell whether *document* holds a mutation, or cannot be read."""
    kinds = [one.operation.value for one in _operations(document)]
    return not kinds or "mutation" in kinds


def variables_of(document: str) -> frozenset[str]:
    """Return the variables that *document* declares.

    >>> sorted(variables_of("query Q($id: ID!, $n: Int) { post(id: $id) { id } }"))
    ['id', 'n']
    """
    return frozenset(
        one.variable.name.value
        for operation in _operations(document)
        for one in operation.variable_definitions
    )


def root_fields(document: str) -> frozenset[str]:
    """Return what *document* asks of the roots: ``Query.posts``, ``Mutation.createPost``.

    >>> sorted(root_fields("{ posts { id } me { id } }"))
    ['Query.me', 'Query.posts']
    """
    return frozenset(
        f"{operation.operation.value.capitalize()}.{one.name.value}"
        for operation in _operations(document)
        for one in operation.selection_set.selections
        if isinstance(one, FieldNode)
    )


def _operations(document: str) -> Iterator[OperationDefinitionNode]:
    try:
        tree = parse(document, no_location=True)
    except Exception:  # noqa: BLE001 - graphql-core raises many kinds on bad text
        return
    yield from (one for one in tree.definitions if isinstance(one, OperationDefinitionNode))


def first_id(data: Json) -> str | int | None:
    """Return the first ``id`` in *data*, an outer one before its inner ones.

    >>> first_id({"createPost": {"post": {"id": "7"}}})
    '7'
    """
    if isinstance(data, dict):
        found = data.get("id")
        if isinstance(found, (str, int)) and found:
            return found
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return next((found for one in inner if (found := first_id(one)) is not None), None)


def marked_ids(data: Json, mark: str) -> set[str | int]:
    """Return the ids of the innermost objects in *data* that hold *mark* in one of their texts.

    >>> marked_ids({"posts": [{"id": 1, "title": "x"}, {"id": 2, "title": "my mark"}]}, "mark")
    {2}
    """
    found: set[str | int] = set()
    if isinstance(data, dict):
        holds = any(isinstance(one, str) and mark in one for one in data.values())
        own = data.get("id")
        if holds and isinstance(own, (str, int)):
            found.add(own)
    inner: Iterable[Json]
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return found.union(*(marked_ids(one, mark) for one in inner))


def remove(callers: Iterable[Caller], undo: str, row: str | int) -> bool:
    """Remove the row with the id *row*, as the first of *callers* who can; tell whether it went."""
    return any(one.ask(undo, {"id": row}).answer.answered for one in callers)
