"""Locust users: :class:`OpenUser` and :class:`ClosedUser` for scenarios, :class:`Paced` inside.

A scenario derives from these and runs under stock ``locust -f`` too. The engine mixes
:class:`Paced` into every user class: each request waits for the next instant of the schedule,
goes to the declared origins only, follows no redirect, and comes from the user's own address.
"""

import json
import os
import re
import ssl
from collections.abc import Callable, Mapping

import gevent
import locust
from gevent.lock import BoundedSemaphore
from locust import FastHttpUser
from locust.env import Environment

from readiness_kit.harness.engine import Engine, Flight
from readiness_kit.harness.failures import GraphQLFailure
from readiness_kit.harness.guarded import BoundPool, GuardedAgent, PacedSession, address_of
from readiness_kit.harness.plan import Order, Origin, Plan

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

CONNECTING = 50
"""Users that connect at once."""

_NAME = re.compile(r"\b(?:query|mutation|subscription)\s+([A-Za-z_]\w*)")
_IDLE_S = 0.05


class OpenUser(FastHttpUser):
    """A Locust user that speaks GraphQL and counts a 200 with ``errors`` as a failure."""

    abstract = True

    graphql: str = "/graphql"
    """Path of the GraphQL endpoint."""

    token: str = os.environ.get("LOCUST_TOKEN", "")
    """Bearer token; the engine gives each user one from its pool."""

    def gql(
        self,
        document: str,
        variables: Mapping[str, Json] | None = None,
        *,
        accept: Callable[[dict[str, Json]], bool] = bool,
    ) -> dict[str, Json] | None:
        """Send one GraphQL operation and return its ``data``, or None when it failed.

        It succeeds with status 200, no ``errors``, and data that *accept* accepts. Requests are
        grouped under the operation's name, which the document must give.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        with self.client.post(
            self.graphql,
            name=operation_name(document),
            json={"query": document, "variables": dict(variables or {})},
            headers=headers,
            catch_response=True,
        ) as response:
            if response.status_code != 200:
                return None
            try:
                return data_of(response.content or b"", accept)
            except GraphQLFailure as failure:
                response.failure(failure)
        return None


class ClosedUser(OpenUser):
    """An :class:`OpenUser` that sends when it likes, after its own ``wait_time``.

    A stalled target is asked less often by such users, so that what they see proves nothing about
    percentiles: the run says so. For background load, and to look for a limit by hand.
    """

    abstract = True


def operation_name(document: str) -> str:
    """Return the name of a document's first operation.

    >>> operation_name("query Users($n: Int) { users(limit: $n) { id } }")
    'Users'
    """
    named = _NAME.search(document)
    return named[1] if named else "anonymous"


def data_of(body: bytes, accept: Callable[[dict[str, Json]], bool]) -> dict[str, Json]:
    """Return the ``data`` of a GraphQL answer.

    Raises:
        GraphQLFailure: It is no good answer; its text is the kind of failure.

    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise GraphQLFailure("not_json")
    if answer.get("errors"):
        raise GraphQLFailure(_error_kind(answer["errors"]))
    if not isinstance(answer.get("data"), dict):
        raise GraphQLFailure("graphql_no_data")
    if not accept(answer["data"]):
        raise GraphQLFailure("not_accepted")
    return dict(answer["data"])


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
        self.pacing = False
        self.asked = False
        self.closed = isinstance(self, ClosedUser)
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

    def on_start(self) -> None:
        """Log in and connect, unpaced and unrecorded."""
        # Locust sleeps after every task, if only for 0 s, which costs a switch to the hub and back
        setattr(self._taskset_instance, "_sleep", _sleep)  # noqa: B010
        with self.environment.connecting:
            super().on_start()
            self.client.get(self.environment.plan.path)
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


def _error_kind(errors: Json) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return "unauthenticated" if code in {"UNAUTHENTICATED", "UNAUTHORIZED"} else "graphql_error"
