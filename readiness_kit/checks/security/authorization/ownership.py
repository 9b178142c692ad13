"""Owners: what another caller gets of an object, beside what its owner gets."""

from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authorization.answers import (
    NO,
    NONE,
    OK,
    STRANGER,
    WHEN,
    denied,
    heard,
)
from readiness_kit.facts.callers.authorization import ObjectOwnership, OwnedTry
from readiness_kit.verdict import Case, Cause, Finding, Move, judges


@judges("object_ownership")
def judge(ownership: ObjectOwnership) -> Iterator[Finding]:
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
    yield case(got).holds_and_advises(*advice)


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
        return f"its owner does not get it: {heard(one.owner_read)}"
    if one.other_writes and not (one.owner_write and one.owner_write.filled):
        return f"its owner cannot change it: {heard(one.owner_write)}"
    if not (one.other_control and one.other_control.filled):
        return f"{one.other} is not answered at all: {heard(one.other_control)}"
    unclear = [
        answer
        for answer in (one.other_read, *one.other_writes)
        if not (denied(answer) or answer.executed)
    ]
    return heard(unclear[0]) if unclear else ""


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


def share_objects(fact: ObjectOwnership) -> ObjectOwnership:
    """Whoever knows the id gets the object."""
    return fact.replace(tries=tuple(replace(one, other_read=OK) for one in fact.tries))


def lose_object(fact: ObjectOwnership) -> ObjectOwnership:
    """Its owner does not get it, either."""
    return fact.replace(tries=tuple(replace(one, owner_read=NO) for one in fact.tries))


def expire_other(fact: ObjectOwnership) -> ObjectOwnership:
    """The other caller's token is not accepted."""
    return fact.replace(tries=tuple(replace(one, other_control=STRANGER) for one in fact.tries))


WORSEN: tuple[Move, ...] = (share_objects, lose_object, expire_other)
