"""API keys: when they are rotated, and whether their use is recorded."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class StatedRotation(Record, frozen=True):
    """One sentence, or row of a table, that says how often keys are rotated."""

    days: float
    """Period, days; a month counts 30, a quarter 90, a year 365."""

    names_api_keys: bool
    """Whether it speaks of API keys, or else of keys and secrets in general."""

    document: str
    """File name."""

    line: int
    """Line, from 1."""

    words: str
    """What it was read from."""


class RotatedKey(Record, frozen=True):
    """When one key was rotated last."""

    name: str
    """Its name."""

    on: str
    """The day as it is written, e.g. ``2026-11-01``; empty when nothing tells it."""

    age_days: float | None
    """Days since then; ``None`` when no day is told, or none that can be."""

    origin: str
    """Manifest and annotation, or ``readiness.yaml``."""


class KeyRotation(Fact, frozen=True, kw_only=True):
    """What documents say of the rotation of keys, and how old the keys are."""

    documents: tuple[str, ...]
    """Documents that were read."""

    stated: tuple[StatedRotation, ...]
    """Every period, in reading order."""

    keys: tuple[RotatedKey, ...]
    """Every API key that the target names."""


class KeyUse(Fact, frozen=True, kw_only=True):
    """One request with a canary key, and its record in the audit log."""

    key_id: str
    """What the audit log calls the owner of the key."""

    status: int | None
    """HTTP status of the request; ``None`` without an answer."""

    answered: bool
    """Positive control: whether the request was answered with data."""

    logs: int
    """Files of the audit log."""

    readable: int
    """How many of them can be read."""

    record: Literal["whole", "partial", "none"]
    """Whether a record names key, time and action; ``partial``: one names the key only."""

    told_by: Literal["request_id", "time", ""]
    """How the record is known to be of this request."""

    lacks: tuple[str, ...]
    """What a partial record lacks: ``time`` or ``action``."""

    after_s: float | None
    """Seconds from the answer to the record; ``None`` without one."""

    waited_s: float
    """How long it was waited for at the most."""
