"""What the engine mixes into every user class of a scenario.

Each request waits for the next instant of the schedule, goes to the declared origins only, follows
no redirect, and comes from the user's own address.
"""

import ssl
from urllib.parse import urlsplit

import gevent
import locust
from gevent.lock import BoundedSemaphore
from locust import FastHttpUser
from locust.env import Environment

from readiness_kit.harness.generator.guarded import (
    BoundPool,
    GuardedAgent,
    PacedSession,
    address_of,
    allow,
)
from readiness_kit.harness.http.answers import Answer
from readiness_kit.harness.plan import Order, Origin, Plan
from readiness_kit.harness.sending.engine import Engine, Flight
from readiness_kit.harness.sending.fastlane import Lane
from readiness_kit.harness.users import FIXED_HEADERS, ClosedUser, FastLaneUser

CONNECTING = 50
"""Users that connect at once."""

_IDLE_S = 0.05


class PacedEnvironment(Environment):
    """A Locust environment with the engine and the limits its users obey."""

    engine: Engine
    plan: Plan
    tokens: tuple[str, ...]
    origins: frozenset[Origin]
    tls_context: ssl.SSLContext
    numbers: range
    connecting: BoundedSemaphore
    born: int = 0


def paced_environment(order: Order, engine: Engine) -> PacedEnvironment:
    """Return the environment in which *engine* plays its share of an order."""
    plan = order.plan
    environment = PacedEnvironment(host=plan.url, events=locust.events)
    environment.engine = engine
    environment.plan = plan
    environment.tokens = order.tokens
    environment.origins = frozenset(plan.origins)
    environment.tls_context = ssl.create_default_context(cafile=plan.ca)
    environment.numbers = plan.users_of(order.worker)
    environment.connecting = BoundedSemaphore(CONNECTING)
    locust.events.request.add_listener(engine.on_request)
    locust.events.user_error.add_listener(engine.on_user_error)
    return environment


class Paced(FastHttpUser):
    """Mixed in before a scenario's own class."""

    abstract = True
    environment: PacedEnvironment

    def __init__(self, environment: PacedEnvironment) -> None:
        """Take a number, a token and an address."""
        self.number = environment.numbers[environment.born % len(environment.numbers)]
        environment.born += 1
        super().__init__(environment)
        self._own_token: str | None = None
        self.graphql = environment.plan.graphql
        self.auth_header = environment.plan.auth_header
        self.pacing = False
        self.asked = False
        self.closed = isinstance(self, ClosedUser)
        environment.engine.closed_loop |= self.closed
        self.client = _session(self, environment)

    @property
    def token(self) -> str:
        """The user's own token, or the one it draws from the pool, which is renewed meanwhile."""
        tokens = self.environment.tokens
        if self._own_token is None and tokens:
            return tokens[self.number % len(tokens)]
        return self._own_token or ""

    @token.setter
    def token(self, own: str) -> None:
        self._own_token = own

    def next_flight(self) -> Flight | None:
        """Wait until a request may be sent; None while connecting and cleaning up."""
        if not self.pacing:
            return None
        self.asked = True
        engine = self.environment.engine
        return engine.take_now() if self.closed else engine.take()

    def connect(self) -> None:
        """Fetch one answer, so that the connection is there when the schedule starts."""
        self.client.get(self.environment.plan.path)

    def on_start(self) -> None:
        """Log in and connect, unpaced and unrecorded."""
        # Locust sleeps after every task, if only for 0 s, which costs a switch to the hub and back
        setattr(self._taskset_instance, "_sleep", _sleep)  # noqa: B010
        with self.environment.connecting:
            super().on_start()
            self.connect()
        self.environment.engine.warmed()
        self.pacing = True

    def on_stop(self) -> None:
        """Clean up, unpaced and unrecorded."""
        self.pacing = False
        super().on_stop()  # type: ignore[no-untyped-call]

    def wait_time(self) -> float:
        """Return at once: the schedule paces requests, not tasks."""
        if self.closed:
            own: float = super().wait_time()
            return own
        asked, self.asked = self.asked, False
        return 0.0 if asked else _IDLE_S


class PacedFastLane(Paced):
    """As :class:`Paced`, for a :class:`FastLaneUser`."""

    abstract = True

    def connect(self) -> None:
        """Fetch one answer on the fast lane."""
        assert isinstance(self, FastLaneUser)  # noqa: S101 - it is mixed into nothing else
        self.fast("GET", self.environment.plan.path)

    def open_lane(self) -> Lane:
        """Return a connection to the target, from the user's own address."""
        environment, plan = self.environment, self.environment.plan
        where = urlsplit(plan.url)
        host, secure = where.hostname or "", where.scheme == "https"
        allow((where.scheme, host, where.port), environment.origins)
        return Lane(
            host,
            where.port or (443 if secure else 80),
            timeout_s=plan.timeout_s,
            tls=environment.tls_context if secure else None,
            source_address=address_of(self.number) if plan.loopback else None,
        )

    def fixed_headers(self) -> dict[str, str]:
        """Return what every request carries."""
        return {**FIXED_HEADERS, **self.environment.plan.headers}

    def landed(
        self,
        flight: Flight | None,
        *,
        method: str,
        name: str,
        service_s: float,
        answer: Answer | None,
        failure: Exception | None,
    ) -> None:
        """Record the fate of a request."""
        del method
        if flight is not None:
            status = answer.status if answer is not None else 0
            self.environment.engine.landed(
                flight, name, service_s, status=status, exception=failure
            )


def _sleep(seconds: float) -> None:
    if seconds > 0:
        gevent.sleep(seconds)


def _session(user: Paced, environment: PacedEnvironment) -> PacedSession:
    plan, context = environment.plan, environment.tls_context
    session = PacedSession(user.host, environment.events.request, user)
    session.pace = user
    session.client = GuardedAgent(
        environment.origins,
        cookiejar=session.cookiejar,
        client_pool=BoundPool(
            address_of(user.number) if plan.loopback else None,
            ssl_context_factory=lambda **_: context,
            connection_timeout=plan.timeout_s,
            network_timeout=plan.timeout_s,
            concurrency=10,
        ),
        headers={"User-Agent": "readiness-kit load", **plan.headers},
        max_retries=0,
        max_redirects=0,
    )
    return session
