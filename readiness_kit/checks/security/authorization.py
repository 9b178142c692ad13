"""Authorization: roles, owners and restricted fields hold, and little is granted or executed.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(open_everything(MATRIX))["rbac"]
'FAIL'
>>> CHECK.shows(refuse_everybody(MATRIX))["rbac"]
'UNKNOWN'
>>> CHECK.shows(own_tables(ROLE))["database_role"]
'WARN'
>>> CHECK.shows(answer_any_depth(LIMITS))["depth"]
'FAIL'
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.authorization import (
    ANONYMOUS,
    AccessMatrix,
    Cell,
    FieldRead,
    ObjectOwnership,
    OwnedTry,
    RestrictedFields,
)
from readiness_kit.facts.graphql import GraphqlAnswer
from readiness_kit.facts.postgres_role import ApplicationRole, RoleRights
from readiness_kit.facts.query_limits import DepthTry, QueryLimits
from readiness_kit.verdict import (
    Case,
    Cause,
    Check,
    Finding,
    Grade,
    holds,
    inapplicable,
    judges,
)

MAX_DEPTH = 15
"""FraiseQL's own standard profile."""

HIGHEST_DEPTH = 50
"""A limit beyond that is none."""

SPEAKS_OF_DEPTH = re.compile(r"deep|depth|nest|complex|cost|too (large|long)", re.IGNORECASE)
"""Words by which an error says that a query asks for too much."""

_PASSING = (502, 503, 504)


def _got(answer: GraphqlAnswer | None) -> str:
    if answer is None:
        return "not asked"
    words = answer.reason or "; ".join(answer.errors) or "no error"
    return f"status {answer.status}, {words}"


@judges("rbac")
def judge_matrix(matrix: AccessMatrix) -> Iterator[Finding]:
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
    return _passed(this, advice)


def _passed(this: Case, advice: list[str]) -> Finding:
    """Return that it holds, with advice that weakens nothing."""
    return holds(
        this.claim,
        got=this.got,
        want=this.want,
        seen=this.seen,
        advice=advice,
        reproduce=this.reproduce,
    )


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
        f"{_names([one])}: {one.reason or _got(one.answer)}"
        for one in matrix.cells
        if one.answer is None or not (one.answer.filled or one.answer.refused)
    ]
    return f"neither done nor refused: {'; '.join(unclear)}" if unclear else ""


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


@judges("object_ownership")
def judge_ownership(ownership: ObjectOwnership) -> Iterator[Finding]:
    """Judge what another caller got of each object."""

    def case(got: str) -> Case:
        return Case(
            claim="object_ownership",
            got=got,
            want="another caller's object is null, not found or refused; its owner gets it",
            seen=[ObjectOwnership.at("/tries")],
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $OTHER_TOKEN" '
            '--json \'{"query": "…", "variables": {"id": "$ID"}}\'',
        )

    reached = [one for one in ownership.tries if _reached(one)]
    if reached:
        said = ", ".join(f"{one.name} of {one.owner} by {one.other}" for one in reached)
        yield case(f"read or changed: {said}").fails()
        return
    unclear = [f"{one.name}: {said}" for one in ownership.tries if (said := _unclear_try(one))]
    if unclear or not ownership.tries:
        yield case("; ".join(unclear) or "no object was tried").not_seen(Cause.COULD_NOT_ASK)
        return
    if ownership.mutations is not False and not any(one.other_writes for one in ownership.tries):
        yield case("reading is refused; writing was not tried").not_seen(
            Cause.NOT_CONFIGURED, "add setup, undo and writes under authorization.owned"
        )
        return
    writes = sum(len(one.other_writes) for one in ownership.tries)
    left = [one.name for one in ownership.tries if one.undone == "no"]
    advice = [f"remove by hand what was left behind: {', '.join(left)}"] if left else []
    got = f"by others: reads {len(ownership.tries)}, writes {writes}; all came to nothing"
    yield _passed(case(got), advice)


def _reached(one: OwnedTry) -> bool:
    others = [*one.other_writes, *([one.other_read] if one.other_read else [])]
    after = one.owner_read_after
    changed = one.changed and after is not None and after.executed
    return changed or any(answer.filled for answer in others)


def _unclear_try(one: OwnedTry) -> str:
    """Return why nothing can be said of *one*, or nothing."""
    if one.owner == one.other:
        return "owner and other are the same"
    if one.other_read is None or one.owner_read is None or one.owner_read_after is None:
        return one.reason or "not asked"
    if not (one.owner_read.filled and one.owner_read_after.filled):
        return f"its owner does not get it: {_got(one.owner_read)}"
    if one.other_writes and not (one.owner_write and one.owner_write.filled):
        return f"its owner cannot change it: {_got(one.owner_write)}"
    if not (one.other_control and one.other_control.filled):
        return f"{one.other} is not answered at all: {_got(one.other_control)}"
    unclear = [
        answer
        for answer in (one.other_read, *one.other_writes)
        if not (answer.refused or answer.executed)
    ]
    return _got(unclear[0]) if unclear else ""


@judges("database_role")
def judge_role(role: ApplicationRole) -> Iterator[Finding]:
    """Judge the rights of every role that the application uses."""
    rights = [said for one in role.roles for said in _too_much(one)]
    owned = [one for one in role.roles if one.owned_tables]
    names = ", ".join(one.role for one in role.roles) or "no role"
    case = Case(
        claim="database_role",
        got="; ".join(rights) or f"{names}: none of the four rights, {_owned(owned)}",
        want="no superuser, no CREATEROLE, CREATEDB or BYPASSRLS, itself or by membership; "
        "owns no table",
        seen=[ApplicationRole.at("/roles")],
        grade=Grade.OBSERVED,
        reproduce='psql $DSN -c "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, '
        "rolbypassrls FROM pg_roles WHERE rolname = '$ROLE'\"",
    )
    if rights:
        yield case.fails()
    elif not role.roles:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif owned:
        yield case.holds(
            "let another role own the tables: an owner may drop them, and passes row-level "
            "security (PostgreSQL 5.9)"
        )
    else:
        yield case.holds()


def _too_much(one: RoleRights) -> Iterator[str]:
    for right, holders in (
        ("is superuser", one.superuser),
        ("may create roles", one.create_role),
        ("may create databases", one.create_database),
        ("bypasses row-level security", one.bypass_rls),
    ):
        for holder in holders:
            yield f"{one.role} {right}" + ("" if holder == one.role else f" as {holder}")


def _owned(owners: list[RoleRights]) -> str:
    if not owners:
        return "owns no table"
    examples = ", ".join(name for one in owners for name in one.owned_examples)
    return f"owns {sum(one.owned_tables for one in owners)} tables ({examples})"


@judges("field")
def judge_fields(restricted: RestrictedFields) -> Iterator[Finding]:
    """Judge that values come back to the privileged, and to nobody else."""

    def case(got: str) -> Case:
        return Case(
            claim="field",
            got=got,
            want="null with an error, or refused, for everybody but the privileged",
            seen=[RestrictedFields.at("/reads")],
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $READER_TOKEN" '
            '--json \'{"query": "{ users { email } }"}\'',
        )

    lower = [one for one in restricted.reads if not one.privileged]
    shown = [one for one in lower if one.values > one.made_up]
    if shown:
        said = ", ".join(dict.fromkeys(f"{one.field} to {one.identity}" for one in shown))
        yield case(f"values returned: {said}").fails()
        return
    unclear = _unclear_fields(restricted, lower)
    if unclear:
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
        return
    names = ", ".join(restricted.fields)
    yield case(f"{names}: hidden in {len(lower)} answers, shown to the privileged").holds()


def _unclear_fields(restricted: RestrictedFields, lower: list[FieldRead]) -> str:
    """Return why nothing can be said, or nothing."""
    if restricted.unasked or not restricted.fields:
        said = "; ".join(f"{field}: {why}" for field, why in restricted.unasked.items())
        return said or "no field is restricted"
    for field in restricted.fields:
        reads = [one for one in restricted.reads if one.field == field]
        if not any(one.privileged and one.values > 0 for one in reads):
            return f"{field} is not shown to anybody, so nothing is known to be hidden"
        if not any(not one.privileged and one.identity != ANONYMOUS for one in reads):
            return f"{field} was asked for by no identity that may not read it"
    own = sorted({f"{one.field} to {one.identity}" for one in lower if one.values})
    if own:
        hint = "name the query under authorization.restricted_fields"
        return f"one value, perhaps the caller's own: {', '.join(own)}; {hint}"
    dead = [one for one in lower if one.identity != ANONYMOUS and not _alive(one)]
    unclear = [one for one in lower if not (_said_no(one.answer) or one.answer.executed)]
    words = [f"{one.identity}: {_got(one.control)}" for one in dead]
    words += [f"{one.field} as {one.identity}: {_got(one.answer)}" for one in unclear]
    return f"no clear answer: {'; '.join(words)}" if words else ""


def _alive(read: FieldRead) -> bool:
    return bool(read.answer.filled or (read.control and read.control.filled))


def _said_no(answer: GraphqlAnswer) -> bool:
    partly = answer.status == 200 and bool(answer.errors)
    return answer.refused or partly


@judges("depth")
def judge_depth(limits: QueryLimits) -> Iterator[Finding]:
    """Judge the deepest query that was answered, the next one, and a fragment in itself."""
    claim, seen = "depth", [QueryLimits.at("/tries")]
    if not limits.cycle and limits.origin == "introspection":
        got = "the schema has no cycle: no query can be deeper than its types"
        yield inapplicable(claim, got=got, seen=[QueryLimits.at("/cycle")])
        return
    limit = max((one.depth for one in limits.tries if one.answer.executed), default=0)
    refused = min((one.depth for one in limits.tries if one.answer.refused), default=None)

    def case(got: str) -> Case:
        return Case(
            claim=claim,
            got=got,
            want=f"limit <= {MAX_DEPTH}; one deeper refused before it runs; fragment cycle refused",
            seen=seen,
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $TOKEN" '
            '--json \'{"query": "' + _example(limits.cycle) + "\"}'",
        )

    fragment = limits.fragment_cycle
    if fragment and (fragment.filled or fragment.executed or _broken(fragment)):
        yield case(f"a fragment that contains itself is not refused: {_got(fragment)}").fails()
    elif lasting := _lasting_harm(limits):
        yield case(
            f"{limits.aliases} aliases in one query end more than that query: {lasting}"
        ).fails()
    elif refused is None and limit >= HIGHEST_DEPTH:
        yield case(f"a query {limit} fields deep is answered").fails()
    elif unclear := _unclear_depth(limits, limit, refused):
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
    elif limit > MAX_DEPTH:
        advice = f"answer no query deeper than {MAX_DEPTH} (FraiseQL's standard profile)"
        yield case(f"{limit} deep answered, {refused} refused").holds(advice)
    else:
        this = case(f"{limit} deep answered, {refused} and a fragment cycle refused{_cost(limits)}")
        yield _passed(this, list(_more_limits(limits)))


def _broken(answer: GraphqlAnswer) -> bool:
    return answer.status is not None and answer.status >= 500 and answer.status not in _PASSING


def _lasting_harm(limits: QueryLimits) -> str:
    """Return what the service says, after many aliases, to what it answered before them."""
    sound = limits.before_aliases and all(one.executed for one in limits.before_aliases)
    broken = [one for one in limits.after_aliases if one.refused or _broken(one)]
    return f"the cheapest one is then answered by {_got(broken[0])}" if sound and broken else ""


def _unclear_depth(limits: QueryLimits, limit: int, refused: int | None) -> str:
    """Return why nothing can be said of the limit, or nothing."""
    if limits.stopped or not limits.cycle:
        return limits.stopped or "the declared schema has no cycle; the service tells none"
    if not limits.controls or not all(one.executed for one in limits.controls):
        return "a shallow query is not answered afterwards"
    if refused is None or limit != refused - 1:
        return f"no clear limit: {limit} deep answered, refused from {refused}"
    words = "; ".join(
        word for one in limits.tries if one.depth == refused for word in one.answer.errors
    )
    if limit <= len(limits.cycle) and not SPEAKS_OF_DEPTH.search(words):
        return f"{refused} deep is refused, but not for its depth, it seems: {words or 'no error'}"
    if limits.fragment_cycle is None or not limits.fragment_cycle.refused:
        return f"fragment cycle: {_got(limits.fragment_cycle)}"
    more = (limits.statements_refused or 0) - (limits.statements_invalid or 0)
    if more > 0:
        return f"{more} SQL statements ran meanwhile, those of the refused query or of others"
    return ""


def _cost(limits: QueryLimits) -> str:
    if limits.statements_refused is None or limits.statements_invalid is None:
        return "; SQL statements could not be counted"
    return "; no new SQL statement"


def _more_limits(limits: QueryLimits) -> Iterator[str]:
    if limits.aliases_answered:
        yield f"{limits.aliases} aliases in one query are answered: limit them, too (OWASP GraphQL)"
    if limits.batch_answered:
        yield f"a batch of {limits.batch} operations is answered: limit it (OWASP GraphQL)"


def _example(cycle: tuple[str, ...]) -> str:
    names = [name.rpartition(".")[2] for name in cycle]
    return "{ " + " { ".join([*names, "…"]) + " }" * (len(names) + 1)


WHEN = datetime(2026, 11, 1, tzinfo=UTC)
SERVED = "192.0.2.1:443"
OK = GraphqlAnswer(address=SERVED, status=200, filled=("post",))
NONE = GraphqlAnswer(address=SERVED, status=200, empty=("post",))
NO = GraphqlAnswer(address=SERVED, status=200, empty=("post",), errors=("forbidden",))
STRANGER = GraphqlAnswer(address=SERVED, status=401, errors=("a token is needed",))
TOO_DEEP = GraphqlAnswer(address=SERVED, status=400, errors=("deeper than 15",))


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
OWNED = ObjectOwnership(
    observed_at=WHEN,
    mutations=True,
    tries=(
        OwnedTry(
            name="draft",
            owner="editor",
            other="other",
            other_control=OK,
            owner_read=OK,
            other_read=NONE,
            other_writes=(NO,),
            owner_read_after=OK,
            changed=False,
            owner_write=OK,
            undone="yes",
        ),
    ),
)
ROLE = ApplicationRole(
    observed_at=WHEN,
    database="shop",
    roles=(
        RoleRights(
            role="shop_app",
            named_by=("connection_string", "sessions"),
            becomes=(),
            superuser=(),
            create_role=(),
            create_database=(),
            bypass_rls=(),
            owned_tables=0,
            owned_examples=(),
        ),
    ),
)


def _read(identity: str, values: int, answer: GraphqlAnswer) -> FieldRead:
    return FieldRead(
        field="User.email",
        identity=identity,
        privileged=identity == "admin",
        values=values,
        made_up=False,
        answer=answer,
        control=answer if identity == ANONYMOUS else OK,
    )


FIELDS = RestrictedFields(
    observed_at=WHEN,
    fields=("User.email",),
    reads=(_read("admin", 1, OK), _read("reader", 0, NO), _read(ANONYMOUS, 0, STRANGER)),
    unasked={},
)
LIMITS = QueryLimits(
    observed_at=WHEN,
    origin="introspection",
    cycle=("Query.posts", "Post.author", "Author.latestPost"),
    deepest=HIGHEST_DEPTH,
    tries=(
        *(DepthTry(depth=depth, answer=OK) for depth in (2, 4, 8, 12, 14, 15)),
        DepthTry(depth=16, answer=TOO_DEEP),
    ),
    fragment_cycle=replace(TOO_DEEP, errors=("cannot spread fragment within itself",)),
    controls=(OK,),
    statements_refused=0,
    statements_invalid=0,
    statements_executed=4,
    aliases=100,
    aliases_answered=False,
    before_aliases=(OK,),
    after_aliases=(OK,),
    batch=10,
    batch_answered=False,
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


def share_objects(fact: ObjectOwnership) -> ObjectOwnership:
    """Whoever knows the id gets the object."""
    return fact.replace(tries=tuple(replace(one, other_read=OK) for one in fact.tries))


def lose_object(fact: ObjectOwnership) -> ObjectOwnership:
    """Its owner does not get it, either."""
    return fact.replace(tries=tuple(replace(one, owner_read=NO) for one in fact.tries))


def expire_other(fact: ObjectOwnership) -> ObjectOwnership:
    """The other caller's token is not accepted."""
    return fact.replace(tries=tuple(replace(one, other_control=STRANGER) for one in fact.tries))


def own_tables(fact: ApplicationRole) -> ApplicationRole:
    """The application owns its tables."""
    return fact.replace(roles=tuple(replace(one, owned_tables=3) for one in fact.roles))


def become_superuser(fact: ApplicationRole) -> ApplicationRole:
    """The application is a member of a superuser."""
    return fact.replace(roles=tuple(replace(one, superuser=("postgres",)) for one in fact.roles))


def forget_roles(fact: ApplicationRole) -> ApplicationRole:
    """Nobody knows the application's role."""
    return fact.replace(roles=())


def show_field(fact: RestrictedFields) -> RestrictedFields:
    """The field is shown to everybody."""
    return fact.replace(reads=tuple(replace(one, values=9) for one in fact.reads))


def hide_from_all(fact: RestrictedFields) -> RestrictedFields:
    """The field is shown to nobody."""
    return fact.replace(reads=tuple(replace(one, values=0) for one in fact.reads))


def expire_readers(fact: RestrictedFields) -> RestrictedFields:
    """No token is accepted."""
    reads = (replace(one, answer=STRANGER, control=STRANGER) for one in fact.reads)
    return fact.replace(reads=tuple(reads))


def answer_any_depth(fact: QueryLimits) -> QueryLimits:
    """However deep, it is answered."""
    return fact.replace(tries=(*fact.tries[:1], DepthTry(depth=HIGHEST_DEPTH, answer=OK)))


def raise_limit(fact: QueryLimits) -> QueryLimits:
    """The limit is 16."""
    return fact.replace(
        tries=tuple(replace(one, depth=one.depth + (one.depth >= MAX_DEPTH)) for one in fact.tries)
    )


def harm_lastingly(fact: QueryLimits) -> QueryLimits:
    """After many aliases nothing is answered any more."""
    broken = tuple(replace(one, status=500) for one in fact.after_aliases)
    return fact.replace(after_aliases=broken)


def follow_fragments(fact: QueryLimits) -> QueryLimits:
    """A fragment may contain itself."""
    return fact.replace(fragment_cycle=OK)


def go_silent(fact: QueryLimits) -> QueryLimits:
    """The shallow query is not answered."""
    return fact.replace(controls=(replace(OK, status=None, filled=()),))


CHECK = Check(
    (judge_matrix, judge_ownership, judge_role, judge_fields, judge_depth),
    remedy="Give every root field a rule, check the owner where an object is loaded, and restrict "
    "fields in their resolvers. Let the application log in with a role that owns nothing: GRANT it "
    "what it needs. Limit depth in validation, before anything runs. The matrix is YAML: `roles`, "
    "and `operations` with name, query, allowed, and undo for what writes.",
    references=(
        "OWASP API Security Top 10 2023: API1, API3, API5",
        "OWASP GraphQL Cheat Sheet: query limiting",
        "PostgreSQL: role attributes, privileges",
        "GraphQL specification 5.5.2.2: fragment spreads must not form cycles",
    ),
    good=(MATRIX, OWNED, ROLE, FIELDS, LIMITS),
    worsen=(
        open_everything,
        refuse_everybody,
        forget_cells,
        share_objects,
        lose_object,
        expire_other,
        own_tables,
        become_superuser,
        forget_roles,
        show_field,
        hide_from_all,
        expire_readers,
        answer_any_depth,
        raise_limit,
        follow_fragments,
        harm_lastingly,
        go_silent,
    ),
    thresholds={
        "rbac": "every cell of the declared matrix as declared; each refusal has a control",
        "object_ownership": "nothing read, nothing changed; the owner gets and changes it",
        "database_role": "no superuser, CREATEROLE, CREATEDB, BYPASSRLS; owns no table",
        "field": "no value for lower roles; a value for the privileged",
        "depth": f"limit <= {MAX_DEPTH} (FraiseQL), WARN up to {HIGHEST_DEPTH}",
    },
)
