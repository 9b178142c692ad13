"""Restricted fields: their values come back to the privileged, and to nobody else."""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authorization.answers import NO, OK, STRANGER, WHEN, heard
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.callers.authorization import ANONYMOUS, FieldRead, RestrictedFields
from readiness_kit.verdict import Case, Cause, Finding, Move, judges


@judges("field")
def judge(restricted: RestrictedFields) -> Iterator[Finding]:
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
    absent = [one for one in lower if one.answer.executed and not one.nulls]
    words = [f"{one.identity}: {heard(one.control)}" for one in dead]
    words += [f"{one.field} as {one.identity}: {heard(one.answer)}" for one in unclear]
    words += [f"{one.field} as {one.identity}: no object to hide it in" for one in absent]
    return f"no clear answer: {'; '.join(words)}" if words else ""


def _alive(read: FieldRead) -> bool:
    return bool(read.answer.filled or (read.control and read.control.filled))


def _said_no(answer: GraphqlAnswer) -> bool:
    partly = answer.status == 200 and bool(answer.errors)
    return answer.refused or partly


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


def show_no_object(fact: RestrictedFields) -> RestrictedFields:
    """Whoever may not read the field gets an empty list: nothing is known to be hidden."""
    empty = (one if one.privileged else replace(one, answer=OK, nulls=0) for one in fact.reads)
    return fact.replace(reads=tuple(empty))


WORSEN: tuple[Move, ...] = (show_field, hide_from_all, expire_readers, show_no_object)
