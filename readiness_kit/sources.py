"""What gives a fact: a function that visits the target, and the rules every visit obeys.

A probe, drill or load run is one function ``visit -> fact`` decorated with :func:`source`. The
visit is its only door to the target: requests go to the exact origins that ``readiness.yaml``
names, follow no redirect, ignore proxies and ``.netrc`` of the environment, carry the run's id, are
paced and counted, and end at the deadline.
"""

import contextlib
import hashlib
import importlib
import ipaddress
import pkgutil
import socket
import ssl
import threading
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import httpx

from readiness_kit.contents import Effect
from readiness_kit.errors import NotSeen
from readiness_kit.facts import Fact
from readiness_kit.target import Api, Cache, Database, DrillName, Target, origin

T = typing.TypeVar("T")

BODY_CAP_BYTES = 4 * 1024 * 1024
"""Largest answer that is read; what is longer is an error, not evidence."""

BURST = 15
"""Requests a pacer lets through at once, below the checklist's burst of 20."""


class Meter:
    """Counts what one visit asks of the target: http_requests, sql_statements, bytes."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, what: str, n: int = 1) -> None:
        """Add *n* of *what*."""
        with self._lock:
            self._counts[what] += n

    def counts(self) -> dict[str, float]:
        """Return the counts so far."""
        with self._lock:
            return {what: float(n) for what, n in sorted(self._counts.items())}


class Pacer:
    """A token bucket: *burst* requests at once, then *per_minute* a minute."""

    def __init__(self, per_minute: int, burst: int = BURST) -> None:
        """Start with a full bucket."""
        self._rate_s = per_minute / 60
        self._burst = float(burst)
        self._tokens = float(burst)
        self._then = time.monotonic()
        self._lock = threading.Lock()

    spent_at: float | None = None
    """When a visit last asked for more than the target's limit, monotonic seconds."""

    def delay_s(self) -> float:
        """Take a token and return how many seconds to wait before using it."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._then) * self._rate_s)
            self._then = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._rate_s)


class Address(typing.NamedTuple):
    """One address behind a name."""

    ip: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is on this host."""
        return ipaddress.ip_address(self.ip).is_loopback

    def __str__(self) -> str:
        """Show ``ip:port``, IPv6 in brackets."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass
class Visit:
    """One visit to the target, to gather one fact."""

    target: Target
    run_id: str
    fact_id: str
    deadline_s: float
    pacer: Pacer
    """Shared by all visits of a run, so that together they stay below the target's limit."""

    journal: Callable[..., None] = lambda _event, **_details: None
    """Writes one synced line, an event and its details, to the run's journal where there is one."""

    told: Callable[[str, str], None] = lambda _fact_id, _step: None
    """Hears what is done at this moment: the fact that is gathered, and the step."""

    meter: Meter = field(default_factory=Meter)
    started: float = field(default_factory=time.monotonic)
    _clients: int = 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            NotSeen: None are left.

        """
        left = self.started + self.deadline_s - time.monotonic()
        if left <= 0:
            raise NotSeen(
                f"{self.fact_id}: no complete answer within {self.deadline_s:g} s",
                hint="check that the target is up and not overloaded, then run again",
            )
        return left

    def step(self, words: str) -> None:
        """Say what is done from now on: in the run's journal, and to whoever waits."""
        self.journal("STEP", fact=self.fact_id, step=words)
        self.told(self.fact_id, words)

    def give_up(self) -> None:
        """Let the deadline be over: the visit ends at its next question."""
        self.deadline_s = 0.0

    @property
    def api(self) -> Api:
        """The public face, or NotSeen ``not_configured``."""
        return configured(self.target.api, "api")

    @property
    def database(self) -> Database:
        """PostgreSQL, or NotSeen ``not_configured``."""
        return configured(self.target.database, "database")

    @property
    def cache(self) -> Cache:
        """The cache, or NotSeen ``not_configured``."""
        return configured(self.target.cache, "cache")

    @property
    def token(self) -> str:
        """A valid bearer token, or NotSeen ``not_configured``."""
        secret = self.target.auth.token
        if secret is None:
            secret = next(iter(self.target.identities.values()), None)
        return configured(secret, "auth.token").reveal()

    def addresses(self, url: str) -> tuple[Address, ...]:
        """Return every address behind the host of *url*, in the families the target names.

        Raises:
            NotSeen: The name does not resolve, or to none of those families.

        """
        _, host, port = self.allowed(url)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotSeen(f"{host} does not resolve: {error}", hint="check api.url") from error
        families = self.api.address_families or ("ipv4", "ipv6")
        wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
        kinds = {wanted[family] for family in families}
        ips = dict.fromkeys(str(entry[4][0]) for entry in found if entry[0] in kinds)
        if not ips:
            raise NotSeen(f"{host} has no {' or '.join(families)} address")
        return tuple(Address(ip, port) for ip in ips)

    def allowed(self, url: str) -> tuple[str, str, int]:
        """Return the origin of *url*.

        Raises:
            NotSeen: The target does not name that origin.

        """
        where = origin(url)
        if where not in self.target.origins():
            raise NotSeen(
                f"{where[0]}://{where[1]}:{where[2]} is not named by readiness.yaml",
                hint="requests go to URLs that readiness.yaml names, and nowhere else",
            )
        return where

    def _of_service(self, url: str) -> bool:
        """Tell whether *url* is the service's, and not one of those that watch or run it."""
        cluster, tracking = self.target.kubernetes.api, self.target.error_tracking
        page = self.target.communication.status_page
        patroni = self.target.database.patroni if self.target.database else ()
        watching = (self.target.prometheus.url, tracking.events_url, page, *patroni)
        return url not in (*watching, cluster.url if cluster else None)

    def tls_context(self) -> ssl.SSLContext:
        """Return a verifying context that trusts the declared authority, or the system's."""
        ca = self.api.ca
        if ca is not None and not ca.is_file():
            raise NotSeen(f"api.ca: {ca} is no file", hint="correct api.ca in readiness.yaml")
        return ssl.create_default_context(cafile=str(ca) if ca else None)

    def connect(self, address: Address, timeout_s: float = 5.0) -> socket.socket:
        """Return a TCP connection to *address*, from an address of this visit's own on loopback."""
        self.meter.count("connections")
        local = (self.local_address(), 0) if _is_v4_loopback(address) else None
        timeout_s = min(timeout_s, self.remaining_s)
        return socket.create_connection((address.ip, address.port), timeout_s, local)

    def local_address(self) -> str:
        """Return a fresh loopback address to call from, as a client of its own would have."""
        self._clients += 1
        seed = f"{self.run_id} {self.fact_id} {self._clients}".encode()
        a, b, c = hashlib.sha256(seed).digest()[:3]
        return f"127.{64 + a % 64}.{b}.{1 + c % 254}"

    @contextlib.contextmanager
    def client(
        self,
        url: str,
        *,
        address: Address | None = None,
        verify: ssl.SSLContext | None = None,
        http2: bool = False,
        headers: Mapping[str, str] | None = None,
        paced: bool = True,
        local_address: str | None = None,
        timeout_s: float = 5.0,
    ) -> Iterator[httpx.Client]:
        """Yield an HTTP client bound to *url*, optionally to one *address* behind its name.

        On loopback every client calls from a fresh address, at a pace of its own; elsewhere all
        clients of a run share one pace.
        """
        scheme, host, port = self.allowed(url)
        there = address or self.addresses(url)[0]
        own = _is_v4_loopback(there)
        local = (local_address or self.local_address()) if own else None
        limit = self.target.limits.requests_per_minute
        pacer = (Pacer(limit) if own else self.pacer) if paced else None
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and loads no store
        context = verify or (self.tls_context() if scheme == "https" else plain)
        transport = httpx.HTTPTransport(
            verify=context,
            local_address=local,
            http2=http2,
            trust_env=False,
        )
        default = 443 if scheme == "https" else 80
        name = host if port == default else f"{host}:{port}"
        fixed = {
            "user-agent": f"readiness-kit ({self.run_id})",
            "host": name,
            **(self.api.headers if self._of_service(url) else {}),
            **(headers or {}),
        }
        with httpx.Client(
            transport=_Guard(
                transport,
                visit=self,
                pacer=pacer,
                host=host,
                there=there,
                scheme=scheme,
                carrier=self.target.auth.header if self._of_service(url) else None,
            ),
            base_url=f"{scheme}://{there}",
            headers=fixed,
            timeout=min(timeout_s, self.remaining_s),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield client


class _Guard(httpx.BaseTransport):
    """Sends to one address only, paced, counted, bounded in bytes and time."""

    def __init__(
        self,
        inner: httpx.HTTPTransport,
        *,
        visit: Visit,
        pacer: Pacer | None,
        host: str,
        there: Address,
        scheme: str,
        carrier: str | None,
    ) -> None:
        self._inner = inner
        self._visit = visit
        self._pacer = pacer
        self._host = host
        self._there = there
        self._scheme = scheme
        self._carrier = carrier

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        going = (request.url.scheme, request.url.host, port)
        if going != (self._scheme, self._there.ip, self._there.port):
            raise NotSeen(
                f"{request.url.scheme}://{request.url.host} is not named by readiness.yaml"
            )
        if self._pacer is not None:
            delay_s = self._pacer.delay_s()
            if delay_s > self._visit.remaining_s:
                raise NotSeen(
                    f"{self._visit.fact_id}: limits.requests_per_minute leaves too little time",
                    hint="raise limits.requests_per_minute, below the rate limit of the service",
                )
            time.sleep(delay_s)
        if self._carrier is not None:
            _carry(request.headers, self._carrier)
        request.extensions = {**request.extensions, "sni_hostname": self._host}
        self._visit.meter.count("http_requests")
        response = self._inner.handle_request(request)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response, self._visit),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._inner.close()


class _Bounded(httpx.SyncByteStream):
    """An answer's body, no longer than the cap and no later than the deadline."""

    def __init__(self, response: httpx.Response, visit: Visit) -> None:
        self._response = response
        self._visit = visit

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for chunk in typing.cast("httpx.SyncByteStream", self._response.stream):
            seen += len(chunk)
            self._visit.meter.count("bytes", len(chunk))
            if seen > BODY_CAP_BYTES:
                raise NotSeen(f"the answer is longer than {BODY_CAP_BYTES} bytes")
            _ = self._visit.remaining_s
            yield chunk

    def close(self) -> None:
        self._response.close()


def _carry(headers: httpx.Headers, carrier: str) -> None:
    """Move a bearer token to the header in which the service wants its callers' tokens."""
    token = headers.get("authorization", "")
    if carrier.lower() != "authorization" and token.startswith("Bearer "):
        del headers["authorization"]
        headers[carrier] = token.removeprefix("Bearer ")


def _is_v4_loopback(address: Address) -> bool:
    return address.loopback and ":" not in address.ip


def configured(part: T | None, key: str) -> T:
    """Return *part*, which readiness.yaml must hold at *key*.

    Raises:
        NotSeen: It does not.

    """
    if part is None:
        raise NotSeen(
            f"readiness.yaml has no {key}",
            cause="not_configured",
            hint=f"add {key} to readiness.yaml",
        )
    return part


@dataclass(frozen=True)
class Source:
    """What gives one kind of fact, and what it asks of the target."""

    fact: type[Fact]
    """The kind of fact."""

    gather: Callable[[Visit], Fact]
    """Visits the target once."""

    effect: Effect
    """What that does to the target."""

    asks: str
    """What it asks, in words, for ``readiness plan``."""

    deadline_s: float
    """Total time: name, connect, TLS, read."""

    exclusive: frozenset[str]
    """Resources nobody else may use meanwhile: ``load`` needs a quiet target, ``rows`` that no
    other marked row comes and goes.
    """

    spares_target: bool = False
    """Whether a drill breaks and changes nothing of the target: it may be held in production."""

    drill: DrillName | None = None
    """The drill's name in ``drills.run`` of ``readiness.yaml``, without which it is not held."""

    @property
    def turn(self) -> int:
        """When it is due: looking and canaries 0, load 1, drills 2, and 3 for the rest.

        The rest leaves either the host or the target in peace, so that others run beside it, and
        notebooks too.
        """
        if self.effect in ("read", "canary"):
            return 0
        if not {"load", "target"} <= self.exclusive:
            return 3
        return 1 if self.effect == "load" else 2


def source(
    *,
    effect: Effect,
    asks: str,
    deadline_s: float = 20.0,
    exclusive: tuple[str, ...] = (),
    spares_target: bool = False,
    drill: DrillName | None = None,
) -> Callable[[Callable[[Visit], Fact]], Source]:
    """Declare that the decorated function gives the fact its return annotation names."""

    def declare(gather: Callable[[Visit], Fact]) -> Source:
        kind = typing.get_type_hints(gather)["return"]
        alone = frozenset(exclusive)
        return Source(kind, gather, effect, asks, deadline_s, alone, spares_target, drill)

    return declare


def found_in(package: ModuleType) -> Iterator[Source]:
    """Yield every source in *package* and its rooms, but for what it lists as ``UNIMPORTABLE``."""
    apart: frozenset[str] = getattr(package, "UNIMPORTABLE", frozenset())
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name.rpartition(".")[2] in apart:
            continue
        inside = importlib.import_module(module.name)
        yield from (one for one in vars(inside).values() if isinstance(one, Source))
        if module.ispkg:
            yield from found_in(inside)
