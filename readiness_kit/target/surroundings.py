"""What stands around the service: proxy, cluster, logs, monitoring, people."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from readiness_kit.target.parts import Part, Secret

LogMeaning = Literal["user_id", "endpoint", "duration", "status", "time", "level", "request_id"]
MetricMeaning = Literal["requests_total", "request_duration"]


class Proxy(Part, frozen=True):
    """The balancer's configuration."""

    nginx: Path | None = None
    """``nginx.conf`` as deployed."""

    behind: str = ""
    """What passes requests on to it, if callers do not connect to it themselves: the edge, a cloud
    load balancer, another proxy."""


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

    keys: dict[LogMeaning, str] = {}
    """Key of a line that holds each of these."""

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


class Dns(Part, frozen=True):
    """Whom to ask for names."""

    name_servers: tuple[str, ...] = ()
    """Resolvers, ``ADDRESS`` or ``ADDRESS:PORT``; when absent, those of this machine."""


class Prometheus(Part, frozen=True):
    """The server that scrapes the service, and what the service calls its metrics."""

    url: str | None = None
    """Base URL of the Prometheus HTTP API."""

    names: dict[MetricMeaning, str] = {}
    """Name of the metric for each of these; found by meaning when left out."""


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
