"""The standbys, as the primary sees them and as they see themselves."""

from readiness_kit.facts import Fact, Record


class Standby(Record, frozen=True):
    """One row of ``pg_stat_replication`` at one moment."""

    name: str
    """``application_name``."""

    state: str
    """``streaming``, ``catchup`` …"""

    sync_state: str
    """``async``, ``sync``, ``quorum``, ``potential``."""

    lag_bytes: int | None
    """WAL the primary has written and the standby has not replayed."""

    replay_lag_s: float | None
    """Time to replay recent WAL; ``None`` when idle."""


class Replica(Record, frozen=True):
    """One declared standby, asked itself."""

    address: str
    """Host and port of its DSN."""

    unseen: str
    """Why it could not be asked; empty when it answered."""

    in_recovery: bool = False
    """Whether it is a standby at all."""

    receiver_status: str | None = None
    """``pg_stat_wal_receiver.status``; ``None`` when no receiver runs."""

    message_age_s: float | None = None
    """Age of the last message from the primary."""

    replay_paused: bool = False
    """Whether somebody has paused the replay."""

    same_machine: bool = True
    """Whether it runs on the machine of the primary, or may do so."""


class Slot(Record, frozen=True):
    """One row of ``pg_replication_slots``."""

    name: str
    """``slot_name``."""

    kind: str
    """``physical`` or ``logical``."""

    active: bool
    """Whether somebody reads from it."""

    wal_status: str | None
    """``reserved``, ``extended``, ``unreserved``, ``lost``; ``None`` when it reserves nothing."""

    retained_bytes: int | None
    """WAL it holds back."""


class PostgresReplication(Fact, frozen=True, kw_only=True):
    """Streaming replication, seen from the primary and from each declared standby."""

    primary_in_recovery: bool
    """Whether the server at the DSN is itself a standby."""

    samples: tuple[tuple[Standby, ...], ...]
    """``pg_stat_replication``, some seconds apart."""

    sampled_s: float
    """Time from the first sample to the last."""

    replicas: tuple[Replica, ...]
    """Each standby that ``database.replicas`` names."""

    slots: tuple[Slot, ...]
    """Replication slots on the primary."""

    max_slot_wal_keep_bytes: int | None
    """Most WAL a slot may hold back; ``None`` means no bound."""
