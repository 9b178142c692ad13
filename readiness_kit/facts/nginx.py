"""What nginx is configured to do: backends, how they are watched, limits, certificates."""

from typing import Literal

from readiness_kit.facts import Fact, Record


class Backend(Record, frozen=True):
    """One ``server`` of an upstream."""

    address: str
    """As written: host and port, or a socket."""

    max_fails: int
    """Failures within ``fail_timeout`` that take it out; 0 means never."""

    fail_timeout_s: float
    """How long failures are counted, and how long it stays out, seconds."""

    spare: bool
    """Whether it is marked ``backup`` or ``down``."""


class Upstream(Record, frozen=True):
    """A group of backends."""

    name: str
    backends: tuple[Backend, ...]

    active_check: bool
    """Whether nginx asks the backends by itself (``health_check``, nginx Plus)."""

    affinity: Literal["", "ip_hash", "hash", "sticky"]
    """How callers are bound to a backend, if they are."""


class RequestLimit(Record, frozen=True):
    """A ``limit_req`` in force."""

    zone: str

    key: str
    """What callers are told apart by."""

    per_minute: float
    """Sustained rate, requests per minute."""

    burst: int


class Route(Record, frozen=True):
    """A location that passes the API's path on."""

    where: str
    """Server and location."""

    upstream: str
    """Name of the upstream, or the address itself."""

    limits: tuple[RequestLimit, ...]


class NginxConfig(Fact, frozen=True, kw_only=True):
    """``nginx.conf`` with its includes, read and not run."""

    file: str

    unresolved: tuple[str, ...]
    """Includes, variables and errors that leave the reading incomplete."""

    upstreams: tuple[Upstream, ...]
    routes: tuple[Route, ...]

    acme: bool
    """Whether nginx itself renews certificates (ngx_http_acme_module)."""
