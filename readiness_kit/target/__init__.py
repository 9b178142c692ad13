"""The target: the deployment under review, as its ``readiness.yaml`` describes it.

Every part but ``name`` and ``environment`` is optional: what is absent is not measured, and says
so. Secrets come by reference only (``env:NAME`` or ``file:PATH``). Paths are relative to the file.
One module for each kind of part; reading YAML is the business of :mod:`readiness_kit.target_file`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from readiness_kit.contents import Phase
from readiness_kit.target.drills import DrillName, Drills, Fault, FaultName, FreshRead
from readiness_kit.target.failover import CloudNativePg, Rds
from readiness_kit.target.load import AbortOn, Distributed, GaugeQuery, Load, LoadProfile, Profile
from readiness_kit.target.parts import Environment, Part, Secret, origin, secrets_in
from readiness_kit.target.promises import Limits, Objectives, ProductionLimits, RateLimits
from readiness_kit.target.service import (
    Api,
    ApiKeys,
    Application,
    Auth,
    Authorization,
    Bounds,
    Credentials,
    Input,
    OwnedObject,
    Release,
    SmokeOperation,
    Source,
)
from readiness_kit.target.signing import Lender, NotApplicable, Signoff
from readiness_kit.target.stores import (
    ApplicationPool,
    Backups,
    Bucket,
    Cache,
    CacheCanary,
    Database,
    PgBackRest,
)
from readiness_kit.target.surroundings import (
    Communication,
    Dns,
    ErrorTracking,
    HandlerRotation,
    Kubernetes,
    KubernetesApi,
    LogMeaning,
    Logs,
    Prometheus,
    Proxy,
)

__all__ = [
    "AbortOn",
    "Api",
    "ApiKeys",
    "Application",
    "ApplicationPool",
    "Auth",
    "Authorization",
    "Backups",
    "Bounds",
    "Bucket",
    "Cache",
    "CacheCanary",
    "CloudNativePg",
    "Communication",
    "Credentials",
    "Database",
    "Distributed",
    "Dns",
    "DrillName",
    "Drills",
    "Environment",
    "ErrorTracking",
    "Fault",
    "FaultName",
    "FreshRead",
    "GaugeQuery",
    "HandlerRotation",
    "Input",
    "Kubernetes",
    "KubernetesApi",
    "Lender",
    "Limits",
    "Load",
    "LoadProfile",
    "LogMeaning",
    "Logs",
    "NotApplicable",
    "Objectives",
    "OwnedObject",
    "Part",
    "PgBackRest",
    "ProductionLimits",
    "Profile",
    "Prometheus",
    "Proxy",
    "RateLimits",
    "Rds",
    "Release",
    "Secret",
    "Signoff",
    "SmokeOperation",
    "Source",
    "Target",
    "origin",
]


DocumentKind = Literal[
    "api",
    "api_keys",
    "architecture",
    "certificates",
    "communication",
    "deployment",
    "disaster_recovery",
    "failover",
    "objectives",
    "recovery",
    "renewal",
    "rotation",
    "runbooks",
    "secrets",
    "security",
    "sla",
    "troubleshooting",
]


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

    dns: Dns = Dns()
    """Whom to ask for names."""

    kubernetes: Kubernetes = Kubernetes()
    """The cluster that runs the service."""

    source: Source | None = None
    """The source tree of the service."""

    documents: dict[DocumentKind, Path] = {}
    """Documents, by kind."""

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
        yield from secrets_in(self)

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
