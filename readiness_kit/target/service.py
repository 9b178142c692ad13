"""The service: its face, who may do what, what it takes, and how it is started."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.target.parts import Part, Secret
from readiness_kit.target.stores import CacheCanary

BadToken = Literal["expired", "not_yet_valid", "wrong_audience", "wrong_issuer"]


class Release(Part, frozen=True):
    """What is deployed."""

    version: str
    """Version of the service, as its team names it."""

    commit: str = ""
    """Commit the release was built from; borrowed evidence must match it."""

    @property
    def words(self) -> str:
        """Version and commit on one line."""
        return f"{self.version} {self.commit}".strip()


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

    test_tokens: dict[BadToken, Secret] = {}
    """Genuinely signed bad tokens."""


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
