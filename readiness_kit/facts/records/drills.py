"""Drills of this target on record."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

DrillKind = Literal["restore", "point_in_time", "failover", "degradation"]
DrillOutcome = Literal["succeeded", "failed"]


class AgreedAction(Record, frozen=True, kw_only=True):
    """Something to be done because of a drill."""

    what: str
    """What."""

    owner: str
    """Who does it; empty when nobody was named."""

    due: datetime | None
    """Day until which, 00:00 UTC."""


class RecordedDrill(Record, frozen=True, kw_only=True):
    """One drill that somebody signed for."""

    file: str
    """File name of the record."""

    kind: DrillKind
    """What was drilled."""

    held_at: datetime
    """When it ended."""

    outcome: DrillOutcome
    """What came of it."""

    lessons: tuple[str, ...]
    """What was learnt."""

    actions: tuple[AgreedAction, ...]
    """What is to be done."""

    reviewed_at: datetime | None
    """When the procedures were looked through because of it."""

    measured: bool
    """Whether a run of the kit held it."""

    person: str
    """Who signed it."""


class DrillRecords(Fact, frozen=True, kw_only=True):
    """The records in the folder ``drills.records``, the newest first."""

    declared: bool
    """Whether there is such a folder in ``readiness.yaml``."""

    records: tuple[RecordedDrill, ...]
    """Those of this target whose signature holds."""

    rejected: tuple[str, ...]
    """File name and reason of each record that counts for nothing."""
