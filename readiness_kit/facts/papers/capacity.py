"""What the capacity plan says, and what of it can be seen: rates, growth, traffic."""

from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record


class PlannedDatabase(Record, frozen=True):
    """What the plan says of the database."""

    size_bytes: int | None
    """Size when the plan was made."""

    projected_bytes: int | None
    """Size it is going to have."""

    projected_for: datetime | None
    """When, 00:00 UTC."""


class PlannedStorage(Record, frozen=True):
    """What the plan says of storage."""

    data_bytes: int | None
    """Room for the data directory."""

    wal_per_day_bytes: int | None
    """WAL that is archived in a day."""

    wal_days_kept: float | None
    """Days it is kept."""

    backup_bytes: int | None
    """Size of one backup."""

    backups_kept: int | None
    """How many are kept."""


class CapacityPlan(Fact, frozen=True, kw_only=True):
    """The capacity plan, as its file has it; what it leaves out is ``None``."""

    file: str
    """File name."""

    exists: bool
    """Whether the file is there."""

    problems: tuple[str, ...]
    """What in it is not understood, in the order of the file."""

    made_on: datetime | None
    """Date of the plan, 00:00 UTC."""

    owner: str
    """Who answers for it; empty when nobody does."""

    requests_per_second: float | None
    """Planned peak rate."""

    database: PlannedDatabase
    """The database's part."""

    storage: PlannedStorage
    """Storage's part."""

    bytes_per_answer: int | None
    """Bytes of one answer."""

    link_bits_per_s: int | None
    """Speed of the link that carries the answers."""

    def missing(self) -> tuple[str, ...]:
        """Return the keys that the plan leaves out, by their names in the file."""
        asked = {
            "date": self.made_on,
            "owner": self.owner or None,
            "requests_per_second": self.requests_per_second,
            "database.size": self.database.size_bytes,
            "database.projected": self.database.projected_bytes,
            "storage.data": self.storage.data_bytes,
            "storage.wal_per_day": self.storage.wal_per_day_bytes,
            "storage.wal_days_kept": self.storage.wal_days_kept,
            "storage.backup": self.storage.backup_bytes,
            "storage.backups_kept": self.storage.backups_kept,
            "bandwidth.bytes_per_answer": self.bytes_per_answer,
            "bandwidth.link": self.link_bits_per_s,
        }
        return tuple(name for name, value in asked.items() if value is None)


class RequestPeak(Fact, frozen=True, kw_only=True):
    """The highest request rate that was seen, over five minutes at a time."""

    highest_rps: float
    """Requests a second."""

    window_s: float
    """How far back that looks."""

    origin: Literal["prometheus", "counters"]
    """Prometheus' history, or the counters of the processes since they started."""

    counter: str
    """Name of the counter."""


class SizeSample(Record, frozen=True):
    """The size of the database at one moment."""

    at: datetime
    """When."""

    size_bytes: float
    """Its size then."""


class DatabaseGrowth(Fact, frozen=True, kw_only=True):
    """The size of the database as Prometheus remembers it, oldest first."""

    database: str
    """Name of the database."""

    samples: tuple[SizeSample, ...]
    """At most one every six hours, over thirty days."""


class AnswerSizes(Fact, frozen=True, kw_only=True):
    """How large answers are, and how much leaves the service's machines."""

    answers: dict[str, int]
    """Bytes of the answer to each declared operation that changes nothing."""

    highest_sent_bytes_per_s: float | None
    """Most that one machine of the service sent, over five minutes at a time; ``None`` when
    Prometheus does not know.
    """

    @property
    def mean_bytes(self) -> float | None:
        """Bytes of an answer on average; ``None`` without one."""
        return sum(self.answers.values()) / len(self.answers) if self.answers else None
