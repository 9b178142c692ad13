"""The target: the deployment under review, as its ``readiness.yaml`` describes it.

Every part but ``name`` and ``environment`` is optional: what is absent is not measured, and says
so. Secrets come by reference only (``env:NAME`` or ``file:PATH``). Paths are relative to the file.
Reading the file from YAML is the business of :mod:`readiness_kit.target_file`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from readiness_kit.contents import Phase
from readiness_kit.errors import TargetError

Environment = Literal["development", "staging", "sandbox", "production"]


class Secret:
    """A secret by reference; it never shows its value unless asked by :meth:`reveal`."""

    __slots__ = ("_folder", "reference")

    def __init__(self, reference: str, folder: Path | None = None) -> None:
        """Refer to ``env:NAME`` or ``file:PATH``, the path relative to *folder*.

        Raises:
            TargetError: A literal instead of a reference.

        """
        if not reference.startswith(("env:", "file:")) or reference.endswith(":"):
            raise TargetError(
                "a secret must be given by reference, not by value",
                hint="write env:NAME or file:PATH, and keep the value there",
            )
        self.reference = reference
        self._folder = folder or Path()

    def reveal(self) -> str:
        """Return the value.

        Raises:
            TargetError: The variable is not set, or the file cannot be read, or it is empty.

        """
        kind, _, name = self.reference.partition(":")
        if kind == "env":
            value = os.environ.get(name, "")
            problem = f"the environment variable {name} is not set"
        else:
            try:
                value = (self._folder / name).read_text(encoding="utf-8").strip()
                problem = f"{self._folder / name} is empty"
            except (OSError, UnicodeDecodeError) as error:
                value, problem = "", f"{self._folder / name} cannot be read: {error}"
        if not value:
            raise TargetError(
                f"{self.reference}: {problem}", hint="supply the secret and try again"
            )
        return value

    def __repr__(self) -> str:
        """Show the reference, never the value."""
        return f"Secret({self.reference!r})"

    def __eq__(self, other: object) -> bool:
        """Two secrets are equal when they refer to the same place."""
        return isinstance(other, Secret) and self.reference == other.reference

    def __hash__(self) -> int:
        """Hash the reference."""
        return hash(self.reference)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the parts of ``readiness.yaml``: strict about keys and types."""


class Release(Part, frozen=True):
    """What is deployed."""

    version: str
    """Version of the service, as its team names it."""

    commit: str = ""
    """Commit the release was built from; borrowed evidence must match it."""


class Api(Part, frozen=True):
    """The public face of the service."""

    url: str
    """Public base URL, scheme included, without a path."""

    kind: Literal["graphql", "rest"] = "graphql"
    """How operations are called."""

    graphql: str = "/graphql"
    """Path of the GraphQL endpoint."""

    health: str = "/health"
    """Path of the liveness endpoint."""

    ready: str = "/ready"
    """Path of the readiness endpoint."""

    version: str = ""
    """Path that says which version answers; empty when there is none."""

    instances: tuple[str, ...] = ()
    """Base URL of each process behind the balancer, for what must be asked of every one."""

    metrics_urls: tuple[str, ...] = ()
    """Where the scraper reads the metrics of each process."""

    http_url: str | None = None
    """Plain-HTTP base URL; when absent, port 80 of the host of ``url``."""

    ca: Path | None = None
    """PEM file of the authority that signed the certificate; when absent, the system's store."""

    headers: dict[str, str] = {}
    """Headers sent with every request."""

    allowed_origins: tuple[str, ...] = ()
    """Origins that browsers may call from."""

    allowed_headers: tuple[str, ...] = ("content-type", "authorization")
    """Request headers that a preflight may allow."""

    address_families: tuple[Literal["ipv4", "ipv6"], ...] = ()
    """Families to ask; empty means those this host can route."""

    crash_path: str = ""
    """Path at which each instance raises an unexpected error, for ``identities.admin`` only."""

    edge: str = ""
    """Provider of the scrubbing edge in front of the service, e.g. ``cloudflare``."""

    origin: str | None = None
    """Base URL of the service behind the edge, which must not be reachable from outside."""


class Auth(Part, frozen=True):
    """How callers prove who they are."""

    token: Secret | None = None
    """A valid bearer token: the positive control of every refusal."""

    header: str = "authorization"
    """Header that carries the token; in ``authorization`` it follows ``Bearer``."""

    token_command: tuple[str, ...] = ()
    """Command that prints a fresh token on stdout; its last argument is the case or identity."""

    issuer: str | None = None
    """Expected ``iss``."""

    audience: str | None = None
    """Expected ``aud``."""

    protected: str = ""
    """GraphQL query (a path for REST) that must not answer without a token."""

    jwks: str = ""
    """Path on ``api.url`` that serves the public keys (JWKS); empty when none are published."""

    signing_key_file: Path | None = None
    """File or manifest by which the service gets its signing key."""

    test_tokens: dict[str, Secret] = {}
    """Genuinely signed bad tokens: ``expired``, ``not_yet_valid``, ``wrong_audience``,
    ``wrong_issuer``.
    """


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

    voters: Annotated[int, Meta(ge=1)] | None = None
    """Members that vote on who is the primary: of etcd, Consul or ZooKeeper."""

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


class OwnedObject(Part, frozen=True):
    """A kind of object that belongs to one caller, and how another one would reach for it."""

    name: str
    """What it is, in reports."""

    owner: str
    """Which of ``identities`` it belongs to."""

    other: str
    """Which of ``identities`` must not reach it; best one with the same role."""

    read: str
    """GraphQL query with the variable ``$id``: answers its owner."""

    setup: str = ""
    """GraphQL mutation with the variable ``$mark``: makes one for the occasion; the first ``id`` in
    its answer is the object's."""

    undo: str = ""
    """GraphQL mutation with the variable ``$id``: removes what ``setup`` made."""

    id: str = ""
    """Identifier of one that is there already: it is read only, never written."""

    writes: tuple[str, ...] = ()
    """GraphQL mutations with the variable ``$id`` (and ``$mark``, if wanted) that the owner may use
    on it, the harmless first; they are tried on what ``setup`` made."""


class Authorization(Part, frozen=True):
    """Who may do what."""

    matrix: Path | None = None
    """YAML file of operations and the roles that may use each; ``readiness explain
    security.authorization`` shows one."""

    restricted_fields: tuple[str, ...] | dict[str, str] = ()
    """Fields (``Type.field``) that only ``privileged`` may read; as a mapping, each with the
    GraphQL query that asks for it, of an object that belongs to none of ``identities``."""

    privileged: tuple[str, ...] = ("admin",)
    """Which of ``identities`` may read the restricted fields."""

    owned: tuple[OwnedObject, ...] = ()
    """What belongs to one caller alone."""


class Bounds(Part, frozen=True):
    """What a value may be: a number itself, or else the length of a text or list."""

    least: int | None = None
    """Smallest value or length accepted."""

    most: int | None = None
    """Largest value or length accepted."""


class Input(Part, frozen=True):
    """What the service accepts."""

    bounds: dict[str, Bounds] = {}
    """Bounds by argument or input field: ``Query.posts.limit``, ``CreatePostInput.title``."""

    max_body_bytes: Annotated[int, Meta(gt=0)] = 1_000_000
    """Longest body that is accepted."""

    canary: CacheCanary | None = None
    """A write of one text, the read that shows it, and its undoing; when absent,
    ``cache.canary``."""


class Proxy(Part, frozen=True):
    """The balancer's configuration."""

    nginx: Path | None = None
    """``nginx.conf`` as deployed."""

    behind: str = ""
    """What passes requests on to it, if callers do not connect to it themselves: the edge, a cloud
    load balancer, another proxy."""


class Application(Part, frozen=True):
    """How the service is started."""

    environment_file: Path | None = None
    """Environment of the service, ``NAME=value`` a line; values are never kept."""

    process_ids: tuple[Path, ...] = ()
    """Files that hold the process id of each process on this host."""

    units: tuple[Path, ...] = ()
    """systemd units that start it."""

    images: tuple[Path, ...] = ()
    """Configuration of each image it runs from: what ``docker image inspect`` prints, or the
    configuration file of an OCI image.
    """

    required_variables: tuple[str, ...] = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SECRET")
    """Variables without which the service is not set up; leave out what no part of it uses."""

    tracker_variable: str = "SENTRY_DSN"
    """Variable that holds the address of the error tracker."""

    mode_names: tuple[str, ...] = ("FRAISEQL_ENVIRONMENT", "FRAISEQL_MODE")
    """Variables that say in which mode the service runs; one of them must be ``production``."""


class Credentials(Part, frozen=True):
    """The secrets that the service itself is given, by the name of their variable or file."""

    database: tuple[str, ...] = ("DATABASE_URL",)
    """What opens the database."""

    token: tuple[str, ...] = ("JWT_SECRET",)
    """What signs tokens."""

    api: tuple[str, ...] = ("API_KEYS",)
    """Keys of APIs, its own and those it calls; empty when there are none."""

    false_alarms: Path | None = None
    """What a person has looked at and found to be no secret: YAML with ``reviewed_by``,
    ``reviewed_on`` and ``fingerprints``, each with the reason.
    """


class ApiKeys(Part, frozen=True):
    """What proves that the use of an API key is recorded."""

    canary: Secret | None = None
    """A key, or a token, that may call the service for this purpose."""

    canary_id: str = ""
    """What the audit log calls its owner; never the key itself."""

    header: str = "authorization"
    """Header that carries it; in ``authorization`` it follows ``Bearer``."""

    audit_log: tuple[Path, ...] = ()
    """Files of the audit log; when empty, ``logs.application``."""

    audit_within_s: Annotated[float, Meta(gt=0, le=60)] = 60.0
    """Longest time until the record is written."""

    rotated: dict[str, str] = {}
    """Day of the latest rotation of each key, ``"2026-11-01"``, where no annotation tells it."""


class HandlerRotation(Part, frozen=True):
    """How the service's own handler rotates each file of ``logs.application``."""

    max_bytes: Annotated[int, Meta(ge=0)]
    """Size at which it starts a new file, bytes; 0 means never."""

    backups: Annotated[int, Meta(ge=0)]
    """Rotated files it keeps."""


class Logs(Part, frozen=True):
    """Where the service writes its logs."""

    application: tuple[Path, ...] = ()
    """Log file of each process."""

    rotation: HandlerRotation | None = None
    """Rotation by the service itself, as its logging is configured."""

    logrotate: tuple[Path, ...] = ()
    """Configuration files of logrotate, as deployed."""

    journald: Path | None = None
    """``journald.conf`` as deployed, where the service logs to the journal."""

    docker: Path | None = None
    """Docker's ``daemon.json`` as deployed, where the service logs to stdout of a container."""

    stored: Path | None = None
    """Folder in which the journal, or the logs of containers, lie; its volume must have room."""

    keys: dict[str, str] = {}
    """Log key of each of user_id, endpoint, duration, status, time, level and request_id."""

    allowed_personal_fields: tuple[str, ...] = ()
    """Fields that may hold personal data."""


class ErrorTracking(Part, frozen=True):
    """Where events of the error tracker are read back."""

    events_url: str | None = None
    """URL that lists the project's events as Sentry's API does:
    ``https://sentry.example.com/api/0/projects/ORGANISATION/PROJECT/events/``."""

    token: Secret | None = None
    """Bearer token that may read them."""

    environment: str = "production"
    """Environment that events must be labelled with."""


class Prometheus(Part, frozen=True):
    """The server that scrapes the service, and what the service calls its metrics."""

    url: str | None = None
    """Base URL of the Prometheus HTTP API."""

    names: dict[str, str] = {}
    """Name of the metric for each of ``requests_total`` and ``request_duration``; found by meaning
    when left out."""


class Backups(Part, frozen=True):
    """Where backups lie."""

    directory: Path
    """Folder of dated backups."""

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


class Communication(Part, frozen=True):
    """How callers learn how the service is."""

    status_page: str = ""
    """URL of the status page; empty when there is none."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate; when absent, the system's store."""


class KubernetesApi(Part, frozen=True):
    """The API server of the cluster, asked with get and list only."""

    url: str
    """Base URL, e.g. ``https://10.0.0.1:6443``."""

    token: Secret
    """Token of a service account that may list what it is asked for."""

    ca: Path | None = None
    """PEM file of the authority behind its certificate; when absent, the system's store."""

    namespace: str = "default"
    """Namespace of the service."""


class Kubernetes(Part, frozen=True):
    """The cluster that runs the service."""

    manifests: tuple[Path, ...] = ()
    """Files and folders of manifests as they are applied; templates must be rendered before."""

    api: KubernetesApi | None = None
    """Where the cluster itself is asked."""


class Source(Part, frozen=True):
    """The source tree of the service."""

    path: Path
    """Root of the tree."""

    schema: Path | None = None
    """The documented GraphQL schema (SDL), relative to the file."""

    history: bool = True
    """False says that the tree is written by a program and has no history; otherwise a tree without
    one is taken for an export, whose history somebody else has.
    """


class SmokeOperation(Part, frozen=True):
    """One operation that must work from outside."""

    name: str
    """Its name in reports."""

    query: str
    """GraphQL document."""

    variables: dict[str, str | int | float | bool | None] = {}
    """Its variables."""


class Objectives(Part, frozen=True):
    """What the service promises; the defaults are the checklist's own figures."""

    peak_rps: Annotated[float, Meta(gt=0)] | None = None
    """Highest expected request rate, requests per second."""

    p50_ms: Annotated[float, Meta(gt=0)] = 100.0
    """Median latency, milliseconds."""

    p95_ms: Annotated[float, Meta(gt=0)] = 500.0
    """95th percentile latency, milliseconds."""

    p99_ms: Annotated[float, Meta(gt=0)] = 1000.0
    """99th percentile latency, milliseconds."""

    error_rate: Annotated[float, Meta(ge=0, lt=1)] = 0.001
    """Share of failed requests that is accepted."""

    rto_minutes: Annotated[float, Meta(gt=0)] = 60.0
    """Recovery time objective, minutes."""

    rpo_minutes: Annotated[float, Meta(ge=0)] = 15.0
    """Recovery point objective, minutes."""


class RateLimits(Part, frozen=True):
    """The rate limit the service declares for one caller; defaults are the checklist's."""

    per_minute: int = 100
    """Requests per minute."""

    per_hour: int = 1000
    """Requests per hour."""

    burst: int = 20
    """Requests above the steady rate that are accepted at once."""


class AbortOn(Part, frozen=True):
    """Limits whose certain breach ends a load test before its time. What is absent ends none."""

    error_rate: Annotated[float, Meta(gt=0, lt=1)] | None = None
    """Share of requests that may fail."""

    p50_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the median."""

    p95_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the 95th percentile."""

    p99_ms: Annotated[float, Meta(gt=0)] | None = None
    """Limit of the 99th percentile."""


class LoadProfile(Part, frozen=True):
    """The shape of one load test."""

    rate_rps: Annotated[float, Meta(gt=0)] | None = None
    """Highest rate, arrivals per second; when absent, a multiple of ``objectives.peak_rps``."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """How long."""

    users: Annotated[int, Meta(gt=0)] | None = None
    """Concurrent users that serve the arrivals."""

    arrivals: Literal["constant", "poisson"] | None = None
    """Evenly spaced, or at random like independent callers; when absent, evenly."""

    replay: Path | None = None
    """File with the instant of each arrival, seconds, one a line; stands for rate and length."""

    scenario: Path | None = None
    """Locust file of this profile; when absent, ``load.scenario``."""

    tags: tuple[str, ...] = ()
    """Only tasks with one of these Locust tags; when empty, all."""

    abort_on: AbortOn | None = None
    """When to end early; when absent, on the objectives where the profile is meant to hold them."""


class Distributed(Part, frozen=True):
    """Generators on other hosts, as workers of a Locust master on this one."""

    workers: Annotated[int, Meta(gt=0)]
    """How many must join; the test does not start with fewer."""

    secret: Secret
    """Shared with the workers: what is said is sealed with it, though not hidden."""

    bind: str = "127.0.0.1"
    """Address of this host that the workers reach."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 5557
    """Port of the master."""

    join_s: Annotated[float, Meta(gt=0)] = 60.0
    """Longest wait for the workers."""


class GaugeQuery(Part, frozen=True):
    """A series of the target's own that Prometheus knows, sampled during load tests."""

    name: str
    """What it is, with its unit: ``replicas``, ``queue_length``, …"""

    query: str
    """PromQL; each series of the answer is kept apart."""


Profile = Literal["benchmark", "peak", "step", "stress", "soak"]


class Load(Part, frozen=True):
    """Load tests."""

    scenario: Path | None = None
    """Locust file with the users."""

    profiles: dict[str, LoadProfile] = {}
    """Overrides of the built-in profiles."""

    run: tuple[Profile, ...] = ("benchmark", "peak", "step", "stress", "soak")
    """Profiles that ``readiness run --allow load`` plays; any other is played by name only."""

    workers: Annotated[int, Meta(gt=0, le=64)] = 1
    """Generator processes on this host."""

    distributed: Distributed | None = None
    """Generators on other hosts, instead of those on this one."""

    identities: tuple[Secret, ...] = ()
    """Tokens the users draw from; when empty, ``auth.token``, renewed by ``auth.token_command``."""

    gauges: tuple[GaugeQuery, ...] = ()
    """What to ask Prometheus for during a load test."""

    records: Path | None = None
    """Folder of signed records of earlier load tests."""

    kill_file: Path = Path("STOP-LOAD")
    """A file that ends every load test of this target while it exists."""

    max_rps: Annotated[float, Meta(gt=0)] = 1000.0
    """Ceiling on any rate."""

    max_users: Annotated[int, Meta(gt=0)] = 5000
    """Ceiling on any number of users."""

    max_seconds: Annotated[float, Meta(gt=0)] = 3600.0
    """Ceiling on any duration."""


class Fault(Part, frozen=True):
    """How something is broken on purpose, and mended: commands, started without a shell.

    Both return when it is done. ``undo`` may be run twice, or when nothing is broken.
    """

    do: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Command that breaks it."""

    undo: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Command that mends it."""


class FreshRead(Part, frozen=True):
    """A read that no cache can answer, to see how the loss of the database is answered."""

    query: str
    """GraphQL query with the variable ``$n``, an integer."""

    values: Annotated[int, Meta(gt=0)] = 1_000_000
    """``$n`` counts from 0 up to here and begins again: by then no answer may be kept."""


FaultName = Literal[
    "cut_cache", "blackhole_cache", "cut_database", "blackhole_database", "stop_primary"
]
DrillName = Literal[
    "readiness", "degradation", "connections", "restore", "loss", "pitr", "failover"
]


class Drills(Part, frozen=True):
    """What may be broken, and which drills are to be held; never in production."""

    cut_cache: Fault | None = None
    """The service's connections to the cache are refused."""

    blackhole_cache: Fault | None = None
    """The service's connections to the cache hear nothing."""

    cut_database: Fault | None = None
    """The service's connections to the database are refused."""

    blackhole_database: Fault | None = None
    """The service's connections to the database hear nothing."""

    fresh_read: FreshRead | None = None
    """Asked besides the operations under ``smoke``, which a cache may answer."""

    stop_primary: Fault | None = None
    """The primary is stopped at once, as in a crash. ``undo`` makes it the primary again, with its
    standbys as before, whatever of ``promote`` and ``rejoin`` was done meanwhile."""

    promote: tuple[str, ...] = ()
    """Command that makes a standby the primary after ``stop_primary``; empty where that happens by
    itself."""

    rejoin: tuple[str, ...] = ()
    """Command that makes the former primary a standby of the new one."""

    dsn: Secret | None = None
    """Connection string of the role that drills use: ``readiness_kit/sql/readiness_drill_role.sql``
    makes it. What they write goes to ``readiness_drill.canary``, and is dropped afterwards. For the
    failover drill it names every server, and ``target_session_attrs=read-write``."""

    base_backup_dsn: Secret | None = None
    """Connection string of a role with REPLICATION, for a base backup of the drill's own where
    ``backups.directory`` holds none."""

    records: Path | None = None
    """Folder of signed records of drills, which ``readiness drilled`` writes."""

    restores: Annotated[int, Meta(ge=1, le=20)] = 3
    """How often the backup is restored; of less than two times no interval can be told."""

    run: tuple[DrillName, ...] = (
        "readiness",
        "degradation",
        "connections",
        "restore",
        "loss",
        "pitr",
        "failover",
    )
    """Drills that ``readiness run --allow drill`` holds."""

    def fault(self, name: str) -> Fault | None:
        """Return the fault called *name*, where it is declared."""
        found = getattr(self, name, None)
        return found if isinstance(found, Fault) else None


class ProductionLimits(Part, frozen=True):
    """What may be asked of a target in production, whatever a profile says."""

    max_rps: Annotated[float, Meta(gt=0)] = 10.0
    """Ceiling on the rate of a load test."""


class Limits(Part, frozen=True):
    """What the kit may ask of the target."""

    requests_per_minute: Annotated[int, Meta(gt=0)] = 80
    """Pace of the probes, kept below the rate limit of the service."""

    rate: RateLimits = RateLimits()
    """The rate limit the service declares."""

    production: ProductionLimits = ProductionLimits()
    """What holds in production on top."""


class NotApplicable(Part, frozen=True):
    """A declaration that an item or claim does not apply here."""

    item: str
    """Id of an item or claim."""

    reason: str
    """Why it does not apply."""

    by: str
    """Mailbox of the person who declares it."""


class Signoff(Part, frozen=True):
    """Who may sign, and by which rules."""

    allowed_signers: Path
    """OpenSSH allowed_signers file."""

    policy: Path | None = None
    """Policy file; when absent, the strict built-in policy."""


class Lender(Part, frozen=True):
    """A signed run on staging of the same release, which lends what may not be done here."""

    run: Path
    """Its run folder: complete, sealed and signed by all four roles."""

    effects: Annotated[tuple[Literal["load", "drill"], ...], Meta(min_length=1)] = msgspec.field(
        name="for"
    )
    """Effects whose facts are borrowed where this run may not have them itself."""

    policy: Path | None = None
    """The policy it was signed under; when absent, that of ``signoff``."""


class Target(Part, frozen=True):
    """The deployment under review."""

    schema: Literal[1]
    """Version of this file's format."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    """Name of the service."""

    environment: Environment
    """Where it runs; production refuses drills and demands confirmation for load."""

    phase: Phase = "pre_launch"
    """Whether claims that are due only after launch count."""

    release: Release | None = None
    """What is deployed."""

    api: Api | None = None
    """The public face of the service."""

    auth: Auth = Auth()
    """How callers prove who they are."""

    identities: dict[str, Secret] = {}
    """A token per role."""

    authorization: Authorization = Authorization()
    """Who may do what."""

    input: Input = Input()
    """What the service accepts."""

    database: Database | None = None
    """PostgreSQL."""

    cache: Cache | None = None
    """Redis or Valkey."""

    proxy: Proxy = Proxy()
    """The balancer's configuration."""

    application: Application = Application()
    """How the service is started."""

    credentials: Credentials = Credentials()
    """The secrets that the service itself is given."""

    api_keys: ApiKeys = ApiKeys()
    """What proves that the use of an API key is recorded."""

    logs: Logs = Logs()
    """Where the service writes its logs."""

    error_tracking: ErrorTracking = ErrorTracking()
    """Where events of the error tracker are read back."""

    prometheus: Prometheus = Prometheus()
    """The server that scrapes the service."""

    backups: Backups | None = None
    """Where backups lie."""

    communication: Communication = Communication()
    """How callers learn how the service is."""

    kubernetes: Kubernetes = Kubernetes()
    """The cluster that runs the service."""

    source: Source | None = None
    """The source tree of the service."""

    documents: dict[str, Path] = {}
    """Documents by kind: api, objectives, recovery, certificates, deployment, …"""

    capacity: Path | None = None
    """The capacity plan: YAML with date, owner, rate, sizes and bandwidth; ``readiness explain
    pre_deployment.capacity_plan`` shows one.
    """

    smoke: tuple[SmokeOperation, ...] = ()
    """Operations that must work from outside."""

    objectives: Objectives = Objectives()
    """What the service promises."""

    load: Load = Load()
    """Load tests."""

    drills: Drills = Drills()
    """Drills."""

    limits: Limits = Limits()
    """What the kit may ask of the target."""

    evidence_from: tuple[Lender, ...] = ()
    """Runs on staging that lend what may not be done here."""

    not_applicable: tuple[NotApplicable, ...] = ()
    """Declarations that items or claims do not apply."""

    attestations: Path | None = None
    """Folder of signed attestations."""

    waivers: Path | None = None
    """Folder of signed waivers."""

    signoff: Signoff | None = None
    """Who may sign, and by which rules."""

    def secrets(self) -> Iterator[Secret]:
        """Yield every secret the target refers to."""
        yield from _secrets(self)

    def origins(self) -> frozenset[tuple[str, str, int]]:
        """Return the exact (scheme, host, port) triples that requests may go to."""
        if self.api is None:
            return frozenset()
        urls = [self.api.url, *self.api.instances, *self.api.metrics_urls]
        urls += [url for url in (self.prometheus.url, self.communication.status_page) if url]
        urls += [self.kubernetes.api.url] if self.kubernetes.api else []
        urls += self.database.patroni if self.database else ()
        urls += [url for url in (self.api.origin, self.error_tracking.events_url) if url]
        urls.append(self.api.http_url or f"http://{urlsplit(self.api.url).hostname}:80")
        return frozenset(origin(url) for url in urls)


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of *url*.

    Raises:
        TargetError: Not an http or https URL with a host.

    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host, port = "", 0
    if not host:
        raise TargetError(f"{url!r} is no http:// or https:// URL with a host")
    return parts.scheme, host.lower(), port


def _secrets(part: object) -> Iterator[Secret]:
    if isinstance(part, Secret):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _secrets(getattr(part, name))
    elif isinstance(part, dict):
        for value in part.values():
            yield from _secrets(value)
    elif isinstance(part, tuple):
        for value in part:
            yield from _secrets(value)
