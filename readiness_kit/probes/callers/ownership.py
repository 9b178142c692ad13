"""Reaches for the objects of one caller as another."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.callers.authorization import ObjectOwnership, OwnedTry, Undone
from readiness_kit.probes.api.marked import Caller, alive, first_id, new_mark, remove
from readiness_kit.probes.api.schema import known_schema
from readiness_kit.sources import Address, Visit, source
from readiness_kit.target import OwnedObject


@source(
    effect="canary",
    asks="per declared object: 1 marked row and its undoing, 5 reads, each write twice at most; "
    "the schema",
    deadline_s=60,
    exclusive=("rows",),
)
def object_ownership(visit: Visit) -> ObjectOwnership:
    """Make an object as its owner, reach for it as somebody else, at every address.

    Raises:
        NotSeen: No owned object is declared.

    """
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    owned = visit.target.authorization.owned
    if not owned:
        raise NotSeen(
            "readiness.yaml declares nothing that belongs to one caller",
            cause="not_configured",
            hint="add authorization.owned with two identities, or declare it not applicable",
        )
    addresses = visit.addresses(visit.api.url)
    return ObjectOwnership(
        tries=tuple(one for address in addresses for one in _tries(visit, address, owned)),
        mutations=_mutations(visit),
        observed_at=datetime.now(UTC),
    )


def _mutations(visit: Visit) -> bool | None:
    try:
        return known_schema(visit).schema.mutation_type is not None
    except NotSeen:
        return None


def _tries(visit: Visit, address: Address, owned: tuple[OwnedObject, ...]) -> Iterator[OwnedTry]:
    for one in owned:
        none = OwnedTry(
            name=one.name,
            owner=one.owner,
            other=one.other,
            other_control=None,
            owner_read=None,
            other_read=None,
            other_writes=(),
            owner_read_after=None,
            changed=False,
            owner_write=None,
            undone="nothing",
        )
        try:
            owner, other = (Caller(visit, address, name) for name in (one.owner, one.other))
        except NotSeen as error:
            yield replace(none, reason=error.message)
            continue
        yield _try(visit, one, owner, other, none)


def _try(visit: Visit, one: OwnedObject, owner: Caller, other: Caller, none: OwnedTry) -> OwnedTry:
    """Return what *other* got of an object of *owner*; writes only touch what was made for it."""
    if one.setup and not one.undo:
        return replace(none, reason="a setup without undo is not used")
    made: str | int | None = one.id or None
    if one.setup:
        ready = owner.ask(one.setup, {"mark": new_mark(visit)})
        made = first_id(ready.data)
        none = replace(none, reason=ready.answer.words)
    if made is None:
        return replace(none, reason=none.reason or "there is neither setup nor id")
    undone: Undone = "nothing"
    try:
        seen = _reach(visit, one, owner, other, made)
    finally:
        if one.setup:
            undone = "yes" if remove((owner, other), one.undo, made) else "no"
    return replace(seen, undone=undone)


def _reach(
    visit: Visit, one: OwnedObject, owner: Caller, other: Caller, made: str | int
) -> OwnedTry:
    writes = one.writes if one.setup else ()
    before = owner.ask(one.read, {"id": made})
    other_read = other.ask(one.read, {"id": made}).answer
    other_writes = tuple(
        other.ask(write, {"id": made, "mark": new_mark(visit)}).answer for write in writes
    )
    after = owner.ask(one.read, {"id": made})
    control = owner.ask(writes[0], {"id": made, "mark": new_mark(visit)}).answer if writes else None
    return OwnedTry(
        name=one.name,
        owner=one.owner,
        other=one.other,
        other_control=alive(visit, other),
        owner_read=before.answer,
        other_read=other_read,
        other_writes=other_writes,
        owner_read_after=after.answer,
        changed=before.data != after.data,
        owner_write=control,
        undone="nothing",
    )
