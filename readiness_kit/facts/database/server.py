"""What was seen of PostgreSQL: versions, settings, encryption, replication, archiving, pools."""

import math
from datetime import datetime
from typing import Literal

from readiness_kit.facts import Fact, Record

Answer = Literal["accepted", "refused", "could_not_ask"]
"""How a server met one way of connecting."""


class Release(Record, frozen=True):
    """What the shipped table says of one major version (postgresql.org/support/versioning)."""

    major: int
    """Major version, e.g. 17."""

    latest_minor: int
    """Newest minor release when the table was made."""

    end_of_life: datetime
    """Day of the last minor release, 00:00 UTC."""

    table_as_of: datetime
    """Day the table was made, 00:00 UTC."""


class PostgresServer(Fact, frozen=True, kw_only=True):
    """Who answers at the DSN, and where it runs."""

    version_num: int
    """``server_version_num``, e.g. 170010 for 17.10."""

    release: Release | None
    """Row of the shipped table for this major version; ``None`` when the table has none."""

    role: str
    """Role the probe connected as."""

    superuser: bool
    """Whether that role is a superuser, which is more than the probe needs."""

    in_recovery: bool
    """Whether the server is a standby."""

    database_bytes: int | None
    """``pg_database_size`` of the database; ``None`` when the role may not ask."""

    data_directory: str | None
    """Path of the data directory on the server's machine; ``None`` when the role may not ask."""

    hosts: tuple[str, ...]
    """Hosts named by the DSN."""

    same_machine: bool
    """Whether our own backend was found among the processes of this machine."""

    memory_bytes: int | None
    """Memory of the server's machine or its cgroup limit, the smaller; ``None`` when not seen."""


class Setting(Record, frozen=True):
    """One row of ``pg_settings``."""

    value: str
    """``setting``, in *unit*."""

    unit: str | None
    """Unit of *value*: ``8kB``, ``kB``, ``MB``, ``ms``, ``s`` …"""

    source: str
    """Where the value comes from: ``default``, ``configuration file``, ``override`` …"""

    pending_restart: bool
    """Whether the files say something else, which a restart would apply."""


_UNIT_BYTES = {"B": 1, "kB": 1024, "8kB": 8192, "16kB": 16384, "MB": 1024**2, "GB": 1024**3}


class PostgresSettings(Fact, frozen=True, kw_only=True):
    """Settings in force on the primary, and how the server has fared with them."""

    version_num: int
    """``server_version_num``."""

    settings: dict[str, Setting]
    """The settings asked for, by name; one the server does not know is absent."""

    pending_restart: tuple[str, ...]
    """Names of all settings that wait for a restart."""

    client_backends: tuple[int, ...]
    """Client connections in use, one count per sample; none when the role may not see them."""

    checkpoints_timed: int | None
    """Checkpoints begun because it was time, since the statistics were reset."""

    checkpoints_requested: int | None
    """Checkpoints begun early, mostly because ``max_wal_size`` was reached."""

    def number(self, name: str) -> float | None:
        """Return the setting as a number in its own unit; ``None`` when absent or no number."""
        row = self.settings.get(name)
        try:
            number = float(row.value) if row else math.nan
        except ValueError:
            number = math.nan
        return number if math.isfinite(number) else None

    def size_bytes(self, name: str) -> int | None:
        """Return the setting in bytes; ``None`` when absent or without a unit of memory."""
        row, number = self.settings.get(name), self.number(name)
        factor = _UNIT_BYTES.get(row.unit or "") if row else None
        if number is None or factor is None or not abs(number) < 1e15:
            return None
        return int(number * factor)


class WireAnswers(Record, frozen=True):
    """How one address of the server met three ways of connecting."""

    address: str
    """``ip:port``."""

    plaintext: Answer
    """A start-up packet without TLS: was it led on to authentication?"""

    plaintext_detail: str
    """What came back."""

    encrypted: Answer
    """The positive control: ``sslmode=require`` with the probe's login."""

    encrypted_detail: str
    """What came back."""

    verified: Answer
    """``sslmode=verify-full`` with the DSN's root certificate, else the system's."""

    verified_detail: str
    """What came back."""


class HbaRule(Record, frozen=True):
    """One line of ``pg_hba.conf`` as the server read it."""

    line: int
    """Line number."""

    kind: str
    """``host``, ``hostssl``, ``hostnossl``, ``local`` …"""

    databases: tuple[str, ...]
    """Databases it is about."""

    users: tuple[str, ...]
    """Roles it is about."""

    address: str
    """Address, network or keyword it is about; empty for ``local``."""

    method: str
    """How it lets in, or ``reject``."""

    server: str = ""
    """Which server read it, ``host:port``: each has a file of its own."""


class ConnectionString(Record, frozen=True):
    """What a connection string says of encryption, and nothing else of it."""

    origin: str
    """Where it was read, e.g. ``database.application_dsn``."""

    sslmode: str | None
    """``sslmode`` as written; ``None`` means libpq's default, ``prefer``."""

    root_certificate: bool
    """Whether ``sslrootcert`` is set."""

    local_socket: bool
    """Whether it names a Unix socket instead of a host."""


class DatabaseEncryption(Fact, frozen=True, kw_only=True):
    """Encryption between the database and its clients."""

    answers: tuple[WireAnswers, ...]
    """Every address behind every declared server."""

    sessions_encrypted: int | None
    """TCP sessions with TLS now at every server, the probe's own left out; ``None`` when not
    allowed to see.
    """

    sessions_plain: tuple[str, ...]
    """Client addresses of TCP sessions without TLS, at every server."""

    rules: tuple[HbaRule, ...] | None
    """``pg_hba.conf`` of each server; ``None`` when not allowed to read one of them."""

    rules_unseen: str
    """Why the rules were not read, with the missing grant; empty when they were."""

    ssl_min_protocol_version: str
    """Oldest TLS version the server speaks."""

    password_encryption: str
    """How new passwords are hashed."""

    application: ConnectionString | None
    """The application's own connection string; ``None`` when not declared."""

    given: tuple[ConnectionString, ...] | None = ()
    """Connection strings in the application's environment file; ``None`` when unreadable."""


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


class PostgresArchiving(Fact, frozen=True, kw_only=True):
    """Continuous archiving, as the primary reports it and as the archive shows it."""

    archive_mode: str
    """``off``, ``on`` or ``always``."""

    archive_timeout_s: int
    """Longest time before a segment in use is archived; 0 means no bound."""

    archived_count: int
    """Segments archived since the statistics were reset."""

    last_archived_wal: str | None
    """Newest archived segment, by the server's word."""

    last_archived_age_s: float | None
    """Seconds since then."""

    failing: bool
    """Whether the newest attempt to archive failed."""

    waiting: int
    """Finished segments not archived yet."""

    oldest_waiting_age_s: float | None
    """Age of the oldest of them; ``None`` when none waits."""

    unarchived_bytes: int | None
    """WAL written beyond the newest archived segment; ``None`` when nothing was ever archived."""

    last_in_archive: bool | None
    """Whether that segment lies in ``backups.wal_archive``; ``None`` when none is declared."""


class DeclaredPool(Record, frozen=True):
    """One pool as ``readiness.yaml`` declares it."""

    name: str
    """``application_name`` of its connections."""

    size: int
    """Most connections one process holds."""

    processes: int
    """Processes per replica."""

    replicas: int
    """Most replicas."""

    timeout_s: float | None
    """Longest wait for a connection, when set explicitly."""

    max_lifetime_s: float | None
    """Age at which a connection is replaced, when set explicitly."""

    library: str
    """Library whose defaults apply to what is not set; empty when not declared."""

    @property
    def connections(self) -> int:
        """Most connections over all processes and replicas."""
        return self.size * self.processes * self.replicas


class DeclaredPools(Fact, frozen=True, kw_only=True):
    """Pools of the application as it configures them."""

    pools: tuple[DeclaredPool, ...]
    """Every pool declared."""


class PoolWatch(Record, frozen=True):
    """Connections of one pool while requests flowed."""

    pool: DeclaredPool
    """The pool as declared."""

    highest: int
    """Most connections seen at once."""

    kept: int
    """Connections there from the first sample to the last."""

    kept_and_used: int
    """Those of them that ran a statement meanwhile."""

    opened: int
    """Connections that appeared meanwhile."""


class PoolUse(Fact, frozen=True, kw_only=True):
    """``pg_stat_activity`` sampled while requests flowed."""

    requests_answered: int
    """Requests answered between the first sample and the last."""

    requests_failed: int
    """Requests that were not answered, or with an error."""

    samples: int
    """Number of samples."""

    sampled_s: float
    """Time from the first sample to the last."""

    pools: tuple[PoolWatch, ...]
    """Every declared pool."""
