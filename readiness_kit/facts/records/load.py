"""Load tests of this target on record."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record


class RecordedLoad(Record, frozen=True):
    """One load test that somebody signed for."""

    file: str
    """File name of the record."""

    commit: str
    """Commit that was deployed."""

    profile: str
    """The profile that was played."""

    steady_s: float
    """Longest time at one rate, seconds."""

    rate_rps: float
    """That rate, requests per second."""

    valid: bool
    """Whether it says something about the target."""

    verdict: Literal["held", "not_held", "unknown"]
    """Whether the objectives held."""

    finished_at: datetime
    """When it ended."""

    person: str
    """Who signed it."""


class LoadRecords(Fact, frozen=True, kw_only=True):
    """The records in the folder ``load.records``."""

    declared: bool
    """Whether there is such a folder in ``readiness.yaml``."""

    commit: str
    """Commit that is deployed now, as declared; empty when it is not."""

    records: tuple[RecordedLoad, ...]
    """Those of this target whose signature holds."""

    rejected: tuple[str, ...]
    """File name and reason of each record that counts for nothing."""
