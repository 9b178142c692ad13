"""Boundary pairs of authorization: facts in, statuses out."""

import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.authorization import CHECK
from readiness_kit.checks.security.authorization.answers import NO, NONE, OK, STRANGER
from readiness_kit.checks.security.authorization.database_role import ROLE
from readiness_kit.checks.security.authorization.depth import LIMITS, TOO_DEEP
from readiness_kit.checks.security.authorization.fields import FIELDS
from readiness_kit.checks.security.authorization.matrix import MATRIX
from readiness_kit.checks.security.authorization.ownership import OWNED
from readiness_kit.facts.callers.authorization import ANONYMOUS
from readiness_kit.facts.refusals.query_limits import DepthTry

BUSY = replace(OK, status=429, filled=())
LOST = replace(OK, status=None, filled=(), reason="ReadTimeout: ")
BROKEN = replace(OK, status=500, filled=(), errors=("boom",))
PARTLY = replace(OK, errors=("one field is hidden",))


def shown(fact, claim):
    return CHECK.shows(fact)[claim]


def cells(operation, role, **changes):
    """The good matrix with one cell changed."""
    wanted = (operation, role)
    return MATRIX.replace(
        cells=tuple(
            replace(one, **changes) if (one.operation, one.role) == wanted else one
            for one in MATRIX.cells
        )
    )


CREATE, LIST = "create a post", "list posts"


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (MATRIX, "PASS"),
        (cells(CREATE, "reader", answer=OK), "FAIL"),
        (cells(CREATE, "reader", answer=PARTLY), "FAIL"),
        (cells(LIST, ANONYMOUS, answer=OK), "FAIL"),
        (cells(CREATE, "reader", answer=NONE), "UNKNOWN"),
        (cells(CREATE, "reader", answer=BUSY), "UNKNOWN"),
        (cells(CREATE, "reader", answer=LOST), "UNKNOWN"),
        (cells(CREATE, "reader", answer=BROKEN), "UNKNOWN"),
        (cells(CREATE, "reader", answer=None, reason="no identity"), "UNKNOWN"),
        (cells(CREATE, "reader", answer=STRANGER), "PASS"),
        (cells(CREATE, "reader", answer=replace(NO, errors=("duplicate key",))), "UNKNOWN"),
        (cells(CREATE, "reader", answer=replace(NO, errors=("Post not found",))), "PASS"),
        (cells(LIST, "editor", answer=NO), "WARN"),
        (cells(LIST, "editor", answer=PARTLY), "PASS"),
        (cells(CREATE, "editor", answer=NO), "UNKNOWN"),
        (cells(LIST, "reader", answer=NO), "UNKNOWN"),
        (cells(CREATE, "editor", undone="no"), "PASS"),
        (MATRIX.replace(cells=MATRIX.cells[1:]), "UNKNOWN"),
        (MATRIX.replace(cells=()), "UNKNOWN"),
        (MATRIX.replace(operations=(), cells=()), "FAIL"),
        (MATRIX.replace(roles=(ANONYMOUS,), cells=()), "FAIL"),
        (MATRIX.replace(uncovered=("Mutation.deletePost",)), "PASS"),
    ],
)
def test_matrix(fact, status):
    assert shown(fact, "rbac") == status


def test_a_matrix_that_refuses_nobody_proves_nothing():
    everything = (replace(one, declared=True, answer=OK) for one in MATRIX.cells)
    assert shown(MATRIX.replace(cells=tuple(everything)), "rbac") == "UNKNOWN"


def owned(**changes):
    return OWNED.replace(tries=(replace(OWNED.tries[0], **changes),))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (OWNED, "PASS"),
        (owned(other_read=NO), "PASS"),
        (owned(other_read=OK), "FAIL"),
        (owned(other_read=BUSY), "UNKNOWN"),
        (owned(other_read=None), "UNKNOWN"),
        (owned(other_writes=(NONE,)), "PASS"),
        (owned(other_writes=(NO, OK)), "FAIL"),
        (owned(other_writes=(NO, BROKEN)), "UNKNOWN"),
        (owned(other_writes=(replace(NO, errors=("title: too long",)),)), "UNKNOWN"),
        (owned(other_writes=()), "UNKNOWN"),
        (owned(other_writes=()).replace(mutations=False), "PASS"),
        (owned(other_writes=()).replace(mutations=None), "UNKNOWN"),
        (owned(changed=True), "FAIL"),
        (owned(changed=True, owner_read_after=NONE), "FAIL"),
        (owned(changed=True, owner_read_after=LOST), "UNKNOWN"),
        (owned(owner_read=NO), "UNKNOWN"),
        (owned(owner_write=NO), "UNKNOWN"),
        (owned(other_control=STRANGER), "UNKNOWN"),
        (owned(other_control=None), "UNKNOWN"),
        (owned(other="editor"), "UNKNOWN"),
        (OWNED.replace(tries=()), "UNKNOWN"),
    ],
)
def test_objects_of_others(fact, status):
    assert shown(fact, "object_ownership") == status


def role(**changes):
    return ROLE.replace(roles=(*ROLE.roles, replace(ROLE.roles[0], role="shop_job", **changes)))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (role(), "PASS"),
        (role(owned_tables=1), "WARN"),
        (role(superuser=("shop_job",)), "FAIL"),
        (role(superuser=("root",)), "FAIL"),
        (role(create_role=("shop_job",)), "FAIL"),
        (role(create_database=("shop_job",)), "FAIL"),
        (role(bypass_rls=("shop_job",)), "FAIL"),
        (role(bypass_rls=("shop_job",), owned_tables=9), "FAIL"),
        (ROLE.replace(roles=()), "UNKNOWN"),
    ],
)
def test_the_application_s_role(fact, status):
    assert shown(fact, "database_role") == status


def reads(who, **changes):
    changed = (replace(one, **changes) if one.identity == who else one for one in FIELDS.reads)
    return FIELDS.replace(reads=tuple(changed))


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (FIELDS, "PASS"),
        (reads("reader", answer=PARTLY, control=None), "PASS"),
        (reads("reader", answer=NONE), "UNKNOWN"),
        (reads("reader", answer=NONE, nulls=1), "PASS"),
        (reads("reader", values=1, answer=OK), "FAIL"),
        (reads("reader", values=1, answer=OK, made_up=True), "UNKNOWN"),
        (reads("reader", values=2, answer=OK, made_up=True), "FAIL"),
        (reads(ANONYMOUS, values=1, answer=OK), "FAIL"),
        (reads("reader", answer=STRANGER, control=STRANGER), "UNKNOWN"),
        (reads("reader", answer=NO, control=None), "UNKNOWN"),
        (reads("reader", answer=BUSY), "UNKNOWN"),
        (reads(ANONYMOUS, answer=LOST), "UNKNOWN"),
        (reads("admin", values=0), "UNKNOWN"),
        (reads("reader", identity=ANONYMOUS), "UNKNOWN"),
        (FIELDS.replace(fields=("User.email", "User.iban")), "UNKNOWN"),
        (FIELDS.replace(unasked={"User.iban": "no way"}), "UNKNOWN"),
        (FIELDS.replace(fields=(), reads=()), "UNKNOWN"),
    ],
)
def test_restricted_fields(fact, status):
    assert shown(fact, "field") == status


def limit(depth, refusal=TOO_DEEP):
    tries = (DepthTry(depth=depth, answer=OK), DepthTry(depth=depth + 1, answer=refusal))
    return LIMITS.replace(tries=tries)


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (limit(15), "PASS"),
        (limit(16), "WARN"),
        (limit(49), "WARN"),
        (LIMITS.replace(tries=(DepthTry(depth=50, answer=OK),)), "FAIL"),
        (LIMITS.replace(tries=(DepthTry(depth=50, answer=NONE),)), "FAIL"),
        (LIMITS.replace(tries=(DepthTry(depth=49, answer=OK),)), "UNKNOWN"),
        (limit(15, BUSY), "UNKNOWN"),
        (limit(15, BROKEN), "UNKNOWN"),
        (LIMITS.replace(tries=LIMITS.tries[:4] + LIMITS.tries[-1:]), "UNKNOWN"),
        (limit(3, replace(NO, errors=("no such field",))), "UNKNOWN"),
        (limit(3), "PASS"),
        (limit(4, replace(NO, errors=("no",))), "PASS"),
        (LIMITS.replace(fragment_cycle=OK), "FAIL"),
        (LIMITS.replace(fragment_cycle=NONE), "FAIL"),
        (LIMITS.replace(fragment_cycle=BROKEN), "FAIL"),
        (LIMITS.replace(fragment_cycle=LOST), "UNKNOWN"),
        (LIMITS.replace(fragment_cycle=None), "UNKNOWN"),
        (LIMITS.replace(controls=(LOST,)), "UNKNOWN"),
        (LIMITS.replace(controls=()), "UNKNOWN"),
        (LIMITS.replace(stopped="depth 8 took 2000 ms"), "UNKNOWN"),
        (LIMITS.replace(statements_refused=1), "UNKNOWN"),
        (LIMITS.replace(statements_refused=1, statements_invalid=1), "PASS"),
        (LIMITS.replace(statements_refused=None, statements_invalid=None), "PASS"),
        (LIMITS.replace(aliases_answered=True, batch_answered=True), "PASS"),
        (LIMITS.replace(after_aliases=(OK, NO)), "FAIL"),
        (LIMITS.replace(after_aliases=(OK, BROKEN)), "FAIL"),
        (LIMITS.replace(after_aliases=(OK, LOST)), "PASS"),
        (LIMITS.replace(before_aliases=(NO, OK), after_aliases=(NO, OK)), "PASS"),
        (LIMITS.replace(cycle=(), tries=(), controls=()), "NOT_APPLICABLE"),
        (LIMITS.replace(cycle=(), tries=(), origin="declared"), "UNKNOWN"),
        (LIMITS.replace(tries=()), "UNKNOWN"),
    ],
)
def test_depth(fact, status):
    assert shown(fact, "depth") == status
