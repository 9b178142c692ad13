"""Tries every operation of the declared matrix as every role."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from readiness_kit.errors import NotSeen, TargetError
from readiness_kit.facts.callers.authorization import ANONYMOUS, AccessMatrix, Cell, Undone
from readiness_kit.probes.api.graphql import Reply
from readiness_kit.probes.api.marked import (
    Caller,
    first_id,
    is_write,
    new_mark,
    remove,
    root_fields,
)
from readiness_kit.probes.api.schema import known_schema
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target_file import strict_yaml

Scalar = str | int | float | bool | None


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the matrix."""

    name: str
    query: str
    """GraphQL document; it may declare ``$mark``, a text to write, and ``$id``, what ``setup``
    made."""

    allowed: tuple[str, ...]
    """Roles that may do it; all others must be refused."""

    variables: dict[str, Scalar] = {}
    setup: str = ""
    """Mutation with ``$mark``: makes the row that ``query`` is tried on."""

    setup_as: str = ""
    """Role that does so; when left out, the role itself if it may, or else another that may."""

    undo: str = ""
    """Mutation with ``$id``: removes the row that was made."""

    removes: bool = False
    """Whether ``query`` itself leaves nothing behind when it succeeds."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as a whole."""

    roles: tuple[str, ...]
    """Roles, each by the name of its identity; ``anonymous`` is always added."""

    operations: tuple[Operation, ...]


class _Task(NamedTuple):
    address: Address
    operation: Operation
    role: str


@source(
    effect="canary",
    asks="every operation of authorization.matrix as every role, 2 more per marked row; the schema",
    deadline_s=180,
    exclusive=("rows",),
)
def access_matrix(visit: Visit) -> AccessMatrix:
    """Try every operation of the matrix as every role, at every address.

    Raises:
        NotSeen: No matrix is declared, or it cannot be read.

    """
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    file = visit.target.authorization.matrix
    if file is None:
        raise NotSeen(
            "readiness.yaml declares no matrix of roles and operations",
            cause="not_configured",
            hint="write one and name it as authorization.matrix",
        )
    matrix = read_matrix(file)
    roles = tuple(dict.fromkeys((*matrix.roles, ANONYMOUS)))
    tasks = [
        _Task(address, operation, role)
        for address in visit.addresses(visit.api.url)
        for operation in matrix.operations
        for role in roles
    ]
    with ThreadPoolExecutor(4) as pool:
        cells = tuple(pool.map(lambda task: _cell(visit, task), tasks))
    return AccessMatrix(
        file=file.name,
        roles=roles,
        operations=tuple(one.name for one in matrix.operations),
        cells=cells,
        uncovered=tuple(_uncovered(visit, matrix)),
        observed_at=datetime.now(UTC),
    )


def read_matrix(file: Path) -> Matrix:
    """Return the matrix in *file*.

    Raises:
        NotSeen: It cannot be read, is no matrix, or names a role that it does not list.

    """
    hint = "correct authorization.matrix; `readiness explain security.authorization` shows one"
    try:
        matrix = msgspec.convert(strict_yaml(file), Matrix)
    except (TargetError, msgspec.ValidationError) as error:
        raise NotSeen(f"{file.name} is no matrix: {error}", hint=hint) from error
    listed = {*matrix.roles, ANONYMOUS}
    names = [one.name for one in matrix.operations]
    strangers = {role for one in matrix.operations for role in one.allowed} - listed
    twice = {name for name in names if names.count(name) > 1}
    if strangers or twice:
        said = f"roles not listed: {sorted(strangers)}" if strangers else f"twice: {sorted(twice)}"
        raise NotSeen(f"{file.name}: {said}", hint=hint)
    return matrix


def _cell(visit: Visit, task: _Task) -> Cell:
    operation, role = task.operation, task.role
    declared = role in operation.allowed

    def untried(reason: str) -> Cell:
        return Cell(operation=operation.name, role=role, declared=declared, reason=reason)

    if is_write(operation.query) and not operation.undo:
        return untried("a mutation without undo is not tried")
    mark = new_mark(visit)
    try:
        caller = Caller(visit, task.address, role)
        made, maker = _set_up(visit, task, mark) if operation.setup else (None, caller)
    except NotSeen as error:
        return untried(error.message)
    reply = caller.ask(operation.query, {**operation.variables, "mark": mark, "id": made})
    return Cell(
        operation=operation.name,
        role=role,
        declared=declared,
        answer=reply.answer,
        undone=_undo(visit, task, reply, maker, made),
    )


def _set_up(visit: Visit, task: _Task, mark: str) -> tuple[str | int, Caller]:
    """Make a row as the first who can: the role itself if it may, then others that may.

    Raises:
        NotSeen: Nobody can.

    """
    operation, role = task.operation, task.role
    able = sorted(set(operation.allowed) - {ANONYMOUS}, key=lambda one: one != role)
    said = "no role may do it"
    for identity in (operation.setup_as,) if operation.setup_as else able:
        maker = Caller(visit, task.address, identity)
        ready = maker.ask(operation.setup, {"mark": mark})
        row = first_id(ready.data)
        if row is not None:
            return row, maker
        said = ready.answer.words or "no id came back"
    raise NotSeen(f"nothing to try it on: {said}")


def _undo(visit: Visit, task: _Task, reply: Reply, maker: Caller, made: str | int | None) -> Undone:
    """Remove what was made beforehand, or else what *reply* says was written."""
    wrote = is_write(task.operation.query) and bool(reply.answer.filled)
    if wrote and task.operation.removes:
        return "yes"
    row = made if made is not None else first_id(reply.data) if wrote else None
    if row is None:
        return "no" if wrote else "nothing"
    callers = (maker, *_helpers(visit, task))
    return "yes" if remove(callers, task.operation.undo, row) else "no"


def _helpers(visit: Visit, task: _Task) -> Iterator[Caller]:
    """Yield who may be able to remove what others wrote."""
    for identity in visit.target.authorization.privileged:
        if identity in visit.target.identities:
            yield Caller(visit, task.address, identity)


def _uncovered(visit: Visit, matrix: Matrix) -> Iterator[str]:
    """Yield the root fields that no operation of the matrix uses, as far as the schema is known."""
    try:
        schema = known_schema(visit).schema
    except NotSeen:
        return
    used = {field for one in matrix.operations for field in root_fields(one.query)}
    for kind, root in (("Query", schema.query_type), ("Mutation", schema.mutation_type)):
        for name in root.fields if root else ():
            if f"{kind}.{name}" not in used:
                yield f"{kind}.{name}"
