"""The matrix: every role is answered and refused as it was declared."""

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authorization.answers import (
    NO,
    OK,
    STRANGER,
    WHEN,
    denied,
    heard,
)
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.callers.authorization import ANONYMOUS, AccessMatrix, Cell
from readiness_kit.verdict import Case, Cause, Finding, Move, judges


@judges("rbac")
def judge(matrix: AccessMatrix) -> Iterator[Finding]:
    """Judge every cell, each refusal beside somebody who was answered."""

    def case(got: str) -> Case:
        return Case(
            claim="rbac",
            got=got,
            want=f"every role is answered and refused as {matrix.file or 'the matrix'} says",
            seen=[AccessMatrix.at("/cells")],
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $ROLE_TOKEN" '
            '--json \'{"query": "…"}\'',
        )

    opened = [one for one in matrix.cells if not one.declared and _done(one)]
    if opened:
        yield case(f"done although it is refused: {_names(opened)}").fails()
        return
    if not matrix.operations or set(matrix.roles) <= {ANONYMOUS}:
        yield case("the matrix has no role or no operation").fails()
        return
    unclear = _unclear_cells(matrix)
    if unclear:
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
        return
    unproven = _unproven_cells(matrix)
    if unproven:
        yield case(unproven).not_seen(Cause.UNPROVEN)
        return
    yield _as_declared(matrix, case)


def _as_declared(matrix: AccessMatrix, case: Callable[[str], Case]) -> Finding:
    closed = [one for one in matrix.cells if one.declared and not _done(one)]
    if closed:
        this = case(f"refused although it is allowed: {_names(closed)}")
        return this.holds("let each role do what the matrix promises, or correct the matrix")
    refused = sum(not one.declared for one in matrix.cells)
    this = case(f"{len(matrix.cells)} cells as declared, {refused} of them refused")
    left = [one for one in matrix.cells if one.undone == "no"]
    advice = [f"remove by hand what was left behind: {_names(left)}"] if left else []
    if matrix.uncovered:
        advice.append(f"say who may use {', '.join(matrix.uncovered)}, too (OWASP API5:2023)")
    return this.holds_and_advises(*advice)


def _done(cell: Cell) -> bool:
    return cell.answer is not None and bool(cell.answer.filled)


def _names(cells: Iterable[Cell]) -> str:
    return ", ".join(dict.fromkeys(f"{one.operation} as {one.role}" for one in cells))


def _unclear_cells(matrix: AccessMatrix) -> str:
    """Return which cells were not tried, or answered neither yes nor no."""
    tried = {(one.operation, one.role) for one in matrix.cells}
    wanted = {(operation, role) for operation in matrix.operations for role in matrix.roles}
    missing = [f"{operation} as {role}" for operation, role in sorted(wanted - tried)]
    if missing:
        return f"not tried: {', '.join(missing)}"
    unclear = [
        f"{_names([one])}: {one.reason or heard(one.answer)}"
        for one in matrix.cells
        if one.answer is None or not (one.answer.filled or one.answer.refused)
    ]
    if unclear:
        return f"neither done nor refused: {'; '.join(unclear)}"
    odd = [
        f"{_names([one])}: {heard(one.answer)}"
        for one in matrix.cells
        if one.answer and not one.declared and not denied(one.answer)
    ]
    return f"an error, but not for want of rights, it seems: {'; '.join(odd)}" if odd else ""


def _unproven_cells(matrix: AccessMatrix) -> str:
    """Return which refusals have no control: the operation works, and the token is good."""
    if all(one.declared for one in matrix.cells):
        return "the matrix refuses nobody anything"
    good_roles = {one.role for one in matrix.cells if _done(one)} | {ANONYMOUS}
    dead = sorted({one.role for one in matrix.cells} - good_roles)
    if dead:
        return f"nothing at all is answered to {', '.join(dead)}: is the token good?"
    works = {one.operation for one in matrix.cells if _done(one)}
    for_somebody = {one.operation for one in matrix.cells if one.declared}
    broken = sorted(for_somebody - works)
    return f"answered to nobody: {', '.join(broken)}" if broken else ""


def _cell(operation: str, role: str, answer: GraphqlAnswer) -> Cell:
    return Cell(operation=operation, role=role, declared=answer is OK, answer=answer)


MATRIX = AccessMatrix(
    observed_at=WHEN,
    file="authz.yaml",
    roles=("reader", "editor", ANONYMOUS),
    operations=("list posts", "create a post"),
    cells=(
        _cell("list posts", "reader", OK),
        _cell("list posts", "editor", OK),
        _cell("list posts", ANONYMOUS, STRANGER),
        _cell("create a post", "reader", NO),
        _cell("create a post", "editor", OK),
        _cell("create a post", ANONYMOUS, STRANGER),
    ),
)


def open_everything(fact: AccessMatrix) -> AccessMatrix:
    """Everybody may do everything."""
    return fact.replace(cells=tuple(replace(one, answer=OK) for one in fact.cells))


def refuse_everybody(fact: AccessMatrix) -> AccessMatrix:
    """Nobody may do anything."""
    return fact.replace(cells=tuple(replace(one, answer=NO) for one in fact.cells))


def forget_cells(fact: AccessMatrix) -> AccessMatrix:
    """Nothing was tried."""
    return fact.replace(cells=())


def fail_otherwise(fact: AccessMatrix) -> AccessMatrix:
    """What is refused fails for another reason."""
    taken = replace(NO, errors=("duplicate key value violates unique constraint",))
    return fact.replace(
        cells=tuple(replace(one, answer=taken) if not _done(one) else one for one in fact.cells)
    )


WORSEN: tuple[Move, ...] = (open_everything, refuse_everybody, forget_cells, fail_otherwise)
