"""What no longer stands of a signed run, now that the deployment was looked at again. Pure.

A claim stands while it counts for GO as it did. What takes more than reading is not asked again: it
stands while the deployment is the one that was signed, and falls with it, since another release,
key, database or schema voids what was measured before.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from readiness_kit.comparison import words
from readiness_kit.contents import ROLES
from readiness_kit.results import ClaimResult, Results
from readiness_kit.verdict import Cause, Status

RED = (Status.FAIL, Status.UNKNOWN)
NOT_ASKED = (Cause.NOT_ALLOWED, Cause.STALE, Cause.NOT_SELECTED, Cause.NOT_IMPLEMENTED)
"""Why a claim is UNKNOWN now for no other reason than that nobody asked."""

Standing = Literal["fallen", "unseen"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the target's identity that is not what was signed."""

    part: str
    signed: str
    now: str
    """Empty where it cannot be seen now."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """One claim that no longer stands, or of which nobody can tell."""

    claim: str
    item: str
    owner: str
    standing: Standing
    """``unseen``: it was asked again and could not be seen, which is no proof that it fell."""
    signed: str
    now: str
    why: str


class RoleStands(msgspec.Struct, frozen=True, kw_only=True):
    """One role's signature."""

    role: str
    stands: bool
    why: str
    """Why it does not, or when nobody can tell; empty where it stands."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a signed run."""

    run_id: str
    identity: tuple[Part, ...]
    """Parts by which it is another deployment now, or which cannot be seen."""
    gone: tuple[Gone, ...]
    asked: int
    """Claims that were judged again."""
    not_asked: int
    """Claims that take more than reading, and stand on what was signed."""
    roles: tuple[RoleStands, ...]
    notes: tuple[str, ...] = ()
    """What else is not as it was, and makes nothing fall."""
    broken: tuple[str, ...] = ()
    """Signatures that are there and do not hold, whatever the deployment does."""
    unsigned: tuple[str, ...] = ()
    """Roles without a signature that holds: no sign-off, so nothing of it can stand."""

    @property
    def exit_code(self) -> int:
        """Return 0 for all stands, 1 for something fell, 3 for something unseen, 4 for unsigned."""
        if self.broken or self.unsigned:
            return 4
        if any(one.now for one in self.identity) or self._any("fallen"):
            return 1
        return 3 if self.identity or self._any("unseen") else 0

    def _any(self, standing: Standing) -> bool:
        return any(one.standing == standing for one in self.gone)


def drift(
    signed: Results, now: Results, unsigned: dict[str, str], broken: tuple[str, ...] = ()
) -> Drift:
    """Return what no longer stands of *signed*, given the results *now*.

    *unsigned* holds, for each role whose signature is missing or does not hold, why; *broken* what
    is wrong with those that are there.
    """
    identity = tuple(_identity(signed, now))
    other = any(one.now for one in identity)
    pairs = list(_pairs(signed, now))
    gone = tuple(one for was, is_ in pairs for one in _gone(was, is_, other=other))
    skipped = sum(is_ is not None and is_.cause in NOT_ASKED for _, is_ in pairs)
    return Drift(
        run_id=signed.run_id,
        identity=identity,
        gone=gone,
        asked=len(pairs) - skipped,
        not_asked=skipped,
        roles=tuple(_role(role, unsigned.get(role, ""), gone, other=other) for role in ROLES),
        notes=tuple(_notes(signed, now)),
        broken=broken,
        unsigned=tuple(unsigned),
    )


def _identity(signed: Results, now: Results) -> Iterator[Part]:
    for part, value in signed.identity.items():
        there = now.identity.get(part, "")
        if there != value:
            yield Part(part=part, signed=value, now=there)


def _pairs(signed: Results, now: Results) -> Iterator[tuple[ClaimResult, ClaimResult | None]]:
    """Yield every claim that was due when it was signed, with what it is now."""
    found = {one.id: one for one in now.claims()}
    yield from ((was, found.get(was.id)) for was in signed.claims() if was.due)


def _gone(was: ClaimResult, now: ClaimResult | None, *, other: bool) -> Iterator[Gone]:
    stood = _counts(was)
    if now is None:
        verdict: Standing | None = "fallen" if stood else None
        why = "this version of the kit does not ask it"
    elif now.cause in NOT_ASKED:
        verdict = "fallen" if stood and other else None
        why = "it was seen on another deployment than the one that answers now"
    elif now.status is Status.FAIL and not now.waived:
        verdict = None if was.status is Status.FAIL and not was.waived else "fallen"
        why = now.got
    else:
        verdict = "unseen" if stood and not _counts(now) else None
        why = now.got
    if verdict is not None:
        yield Gone(
            claim=was.id,
            item=was.id.rpartition(".")[0],
            owner=was.owner,
            standing=verdict,
            signed=words(was),
            now=words(now),
            why=why,
        )


def _counts(claim: ClaimResult) -> bool:
    """Tell whether *claim* stands in nobody's way to GO."""
    return claim.status not in RED or claim.waived


def _role(role: str, unsigned: str, gone: tuple[Gone, ...], *, other: bool) -> RoleStands:
    own = [one for one in gone if one.owner == role]
    fallen = sum(one.standing == "fallen" for one in own)
    if unsigned:
        why = unsigned
    elif other:
        why = "another deployment answers than the one that was signed"
    elif fallen:
        why = f"{fallen} claims of this role fell"
    elif own:
        return RoleStands(role=role, stands=True, why=f"{len(own)} claims could not be seen again")
    else:
        why = ""
    return RoleStands(role=role, stands=not why, why=why)


def _notes(signed: Results, now: Results) -> Iterator[str]:
    if signed.target.digest != now.target.digest:
        yield "readiness.yaml is not the one that the run was made with"
    if signed.kit_version != now.kit_version:
        yield f"judged by version {signed.kit_version} then, by {now.kit_version} now"
    found = {one.id: one for one in now.claims()}
    for was in signed.claims():
        is_ = found.get(was.id)
        if is_ is not None and is_.status is Status.WARN and was.status is Status.PASS:
            yield f"{was.id} is WARN now: {is_.got}"
