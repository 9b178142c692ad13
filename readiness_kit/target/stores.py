"""Where the service keeps its data, and what is kept of that."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.target.failover import CloudNativePg, Rds
from readiness_kit.target.parts import Part, Secret


class ApplicationPool(Part, frozen=True):
    """One pool of database connections in the application."""

    name: str
    """``application_name`` of its connections."""

    size: int
    """Most connections one process holds, overflow included."""

    processes: int = 1
    """Processes per replica."""

    replicas: int = 1
    """Most replicas."""

    timeout_s: float | None = None
    """Longest wait for a connection, when set explicitly."""

    max_lifetime_s: float | None = None
    """Age at which a connection is replaced, when set explicitly."""

    library: Literal["", "psycopg_pool", "sqlalchemy"] = ""
    """Library whose defaults apply to what is not set explicitly."""


class Database(Part, frozen=True):
    """PostgreSQL."""

    dsn: Secret
    """Connection string of the probe's role, which needs no more than ``pg_monitor``."""

    replicas: tuple[Secret, ...] = ()
    """Connection string of each standby."""

    patroni: tuple[str, ...] = ()
    """Base URL of Patroni's API on each server, where Patroni fails over by itself."""

    repmgr: tuple[Path, ...] = ()
    """``repmgr.conf`` of each server, or a copy, where repmgrd fails over by itself; the servers
    are asked by ``dsn`` and ``replicas``."""

    pg_auto_failover: Secret | None = None
    """Connection string of the monitor, where pg_auto_failover fails over by itself."""

    cloudnative_pg: CloudNativePg | None = None
    """Where the operator of CloudNativePG fails over by itself."""

    rds: Rds | None = None
    """Where RDS fails over by itself."""

    voters: Annotated[int, Meta(ge=1)] | None = None
    """Members that vote on who is the primary: of etcd, Consul or ZooKeeper; with CloudNativePG
    those of the etcd behind the API server. The other managers tell it themselves."""

    follows_primary: Literal["", "service", "pooler", "virtual_address"] = ""
    """What leads the application to the primary, where its connection string does not."""

    application_dsn: Secret | None = None
    """The application's own connection string, read for its settings and never dialled."""

    application_pools: tuple[ApplicationPool, ...] = ()
    """Pools as the application configures them."""

    plan_dsn: Secret | None = None
    """Connection string of a role that may read the tables, for plain EXPLAIN of the costliest
    statements; when absent, the probe's own role, which may plan few.
    ``readiness_kit/sql/readiness_planner_role.sql`` makes it."""

    scratch: Path | None = None
    """Folder on the volume of the data directory in which a scratch file of 16 MB may be written
    and synced for ten seconds.
    """

    def __post_init__(self) -> None:
        """Demand at most one manager of failovers.

        Raises:
            ValueError: Several are named.

        """
        managers = (
            self.patroni,
            self.repmgr,
            self.pg_auto_failover,
            self.cloudnative_pg,
            self.rds,
        )
        if sum(bool(one) for one in managers) > 1:
            raise ValueError(
                "name one of database.patroni, repmgr, pg_auto_failover, cloudnative_pg, rds"
            )


class CacheCanary(Part, frozen=True):
    """One read that the service caches, and one write that must be seen in it."""

    read: str
    """GraphQL query whose answer is cached and shows what ``write`` wrote."""

    write: str = ""
    """GraphQL mutation with the variable ``$mark``, a text that ``read`` then shows."""

    undo: str = ""
    """GraphQL mutation with the variable ``$id``: removes what the answer to ``write`` named."""

    identity: str = ""
    """Which of ``identities`` writes; empty means ``auth.token``."""

    accepted_delay_s: Annotated[float, Meta(ge=0)] = 0.0
    """How long an old answer may be given after a write."""


class Cache(Part, frozen=True):
    """Redis or Valkey."""

    url: Secret
    """``rediss://`` URL with login."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate."""

    prefix: str = ""
    """Prefix of the application's keys."""

    max_ttl_s: int = 300
    """Longest life an entry may have."""

    hard_dependency: bool = False
    """Whether the service is meant to be down without it."""

    canary: CacheCanary | None = None
    """What proves that answers are cached and forgotten."""

    stale_header: str = ""
    """Header of answers that come from the cache, where it is neither Age nor X-Cache."""


S3_URL = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/].*)?/?$"


class Bucket(Part, frozen=True):
    """Backups in a bucket that is asked by S3's protocol: Amazon's, or another store's.

    Keys come from where AWS's own tools look for them (environment, ``~/.aws``, the machine's
    role), never from this file. They need ``s3:ListBucket`` and ``s3:GetObject``, and
    ``s3:GetEncryptionConfiguration`` for what is said of encryption. Needs the extra ``aws``.
    """

    url: Annotated[str, Meta(pattern=S3_URL)]
    """``s3://BUCKET/PREFIX``: ``backups.pattern`` matches the names below the prefix. A backup is
    one object, or all objects below one name."""

    wal_url: Annotated[str, Meta(pattern=S3_URL)] | None = None
    """``s3://BUCKET/PREFIX`` of archived WAL segments."""

    region: str = ""
    """Region of the bucket; empty means what AWS's own settings say."""

    endpoint_url: Annotated[str, Meta(pattern=r"^https?://[^/@]+/?$")] | None = None
    """URL of a store other than Amazon's."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate."""

    profile: str = ""
    """Profile of ``~/.aws/config``; empty means AWS's usual order."""

    max_download_bytes: Annotated[int, Meta(ge=0)] = 10_000_000_000
    """Largest backup that is fetched, into ``database.scratch``, to be read and restored."""


class PgBackRest(Part, frozen=True):
    """A stanza of pgBackRest, which is asked by pgBackRest itself, as the kit's user.

    By ``info``, ``repo-ls``, ``repo-get`` and ``verify``; a drill restores into
    ``database.scratch`` alone (``restore``, ``archive-get``).
    """

    stanza: str
    """Name of the stanza."""

    config: Path | None = None
    """Its configuration file; when absent, pgBackRest's own default. Keys stay there."""

    repo: Annotated[int, Meta(ge=1)] | None = None
    """Number of the repository; when absent, pgBackRest's own choice."""


class Backups(Part, frozen=True):
    """Where backups lie: in a folder, in a bucket, or in a repository of pgBackRest."""

    directory: Path | None = None
    """Folder of dated backups."""

    bucket: Bucket | None = None
    """Bucket of dated backups, instead of a folder."""

    pgbackrest: PgBackRest | None = None
    """Stanza of pgBackRest, instead of a folder; it tells of archived WAL, too."""

    pattern: str = "*"
    """Glob of the backups inside it."""

    tool: Literal["pg_dump", "pg_basebackup", "pgbackrest"] = "pg_dump"
    """What made them."""

    success_marker: str = "{name}.ok"
    """File beside a backup that says it succeeded; ``{name}`` is the backup's file name."""

    sums: str = "{name}.sums"
    """File beside a backup with the rows and the digest of each table, taken in the snapshot of the
    backup itself: ``python -m readiness_kit.drills.sums`` writes it."""

    wal_archive: Path | None = None
    """Folder of archived WAL segments."""

    verification: Path | None = None
    """What verifies backups by itself: a systemd timer with its service beside it, a crontab, a
    CronJob, or a workflow with a schedule."""

    verification_result: Path | None = None
    """File that this writes at its end: ``0`` or ``success`` first, or what went wrong."""

    def __post_init__(self) -> None:
        """Demand one place.

        Raises:
            ValueError: None is named, or two.

        """
        if sum(one is not None for one in (self.directory, self.bucket, self.pgbackrest)) != 1:
            raise ValueError("name one of backups.directory, backups.bucket, backups.pgbackrest")
        if self.pgbackrest is not None and self.wal_archive is not None:
            raise ValueError("name either backups.wal_archive or backups.pgbackrest")
        if self.wal_archive is not None and self.bucket is not None and self.bucket.wal_url:
            raise ValueError("name either backups.wal_archive or backups.bucket.wal_url")
