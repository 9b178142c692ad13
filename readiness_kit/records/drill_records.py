"""Drill records: somebody signs that a drill was held, what came of it, and what was learnt.

``<held>-<kind>.json`` in canonical form, ``….json.sig`` beside it, signed in the namespace
``operations-lead@drill-records.readiness-kit``: the role that owns the claims about drills. What
the kit measured itself is held by the digest of its fact; a drill held by other means has none.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.errors import UsageError
from readiness_kit.facts.records.drills import DrillKind, DrillOutcome
from readiness_kit.records import deeds, signed
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.records.waivers import Words

NAMESPACE = signed.namespace("operations_lead", "drill-records")

Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


class Action(signed.Record, frozen=True, kw_only=True):
    """Something to be done because of the drill."""

    what: Words
    """What."""

    owner: str = ""
    """Who does it; empty when nobody was named."""

    due: date | None = None
    """Until when."""


class DrillRecord(signed.Record, frozen=True, kw_only=True):
    """One drill of one target."""

    schema: Literal["readiness-kit/drill-record/1"] = "readiness-kit/drill-record/1"

    target: Words
    """Name of the target."""

    environment: Words
    """Where it runs."""

    kind: DrillKind
    """What was drilled."""

    held_at: datetime
    """When it ended."""

    outcome: DrillOutcome
    """What came of it."""

    lessons: tuple[Words, ...] = ()
    """What was learnt; ``none needed: …`` with the reason is a lesson."""

    actions: tuple[Action, ...] = ()
    """What is to be done."""

    reviewed_at: datetime | None = None
    """When the procedures were looked through because of it."""

    fact_sha256: Digest = ""
    """Digest of the fact that a run of the kit holds; empty where it was held by other means."""

    person: Words
    """Mailbox of the person who signs it."""

    @property
    def name(self) -> str:
        """File name of the record."""
        return f"{self.held_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.kind}.json"

    @classmethod
    def namespace(cls) -> str:
        """Return the namespace it must be signed in."""
        return NAMESPACE

    def fault(self, target: str, now: datetime) -> str:
        """Return why it counts for nothing at *now*, or nothing. Pure."""
        times = [self.held_at, *filter(None, [self.reviewed_at])]
        if any(one.tzinfo is None for one in times):
            return "its time has no zone"
        return signed.first(
            (
                (self.target != target, f"it is about {self.target}, not {target}"),
                (max(times) > now + signed.FUTURE, "it is dated in the future"),
            )
        )


def write(folder: Path, record: DrillRecord, key: Path, signers: AllowedSigners) -> Path:
    """Sign *record* with its person's *key* and write it with its signature to *folder*.

    Raises:
        IntegrityError: *signers* do not name this person with this key for drill records.
        UsageError: The key cannot be used, or the record would not count.

    """
    now = datetime.now(UTC)
    if fault := record.fault(record.target, now):
        raise UsageError(f"the record would not count: {fault}")
    return deeds.write(folder, record, key, signers, now)
