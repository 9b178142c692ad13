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

    keys: tuple[str, ...] = ()
    """What the key may stand for once ``map`` and ``geo`` are followed, the ordinary caller's
    first; an empty one exempts. None when that cannot be told.
    """

    decided_by: str = ""
    """Variable that decides among ``keys``."""

    dry_run: bool = False
    """Whether it is only logged what would be refused."""


class ConnectionLimit(Record, frozen=True):
    """A ``limit_conn`` in force."""

    zone: str

    key: str
    """What callers are told apart by."""

    most: int
    """Connections that are served at once."""

    dry_run: bool
    """Whether it is only logged what would be refused."""


class Route(Record, frozen=True):
    """A location that passes the API's path on."""

    where: str
    """Server and location."""

    upstream: str
    """Name of the upstream, or the address itself."""

    limits: tuple[RequestLimit, ...]

    of_api: bool = True
    """Whether its server is the one of the API's host, or no server is named so."""

    connection_limits: tuple[ConnectionLimit, ...] = ()

    header_timeout_s: float | None = None
    """``client_header_timeout``, seconds; ``None`` when it is not set."""

    max_body_bytes: int | None = None
    """``client_max_body_size``, 0 without a limit; ``None`` when it is not set."""

    trusted: tuple[str, ...] = ()
    """Senders that may say for whom they speak (``set_real_ip_from``)."""


class NginxConfig(Fact, frozen=True, kw_only=True):
    """``nginx.conf`` with its includes, read and not run."""

    file: str

    unresolved: tuple[str, ...]
    """Includes, variables and errors that leave the reading incomplete."""

    upstreams: tuple[Upstream, ...]
    routes: tuple[Route, ...]

    acme: bool
    """Whether nginx itself renews certificates (ngx_http_acme_module)."""

    worker_connections: int | None = None
    """Connections of one worker, those to backends included; ``None`` when it is not set."""

    behind: str = ""
    """What is declared to pass requests on to it; empty for nothing."""
