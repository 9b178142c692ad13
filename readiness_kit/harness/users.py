"""Locust users: :class:`OpenUser` for scenarios, :class:`Paced` for the engine.

A scenario derives from :class:`OpenUser` and runs under stock ``locust -f`` too. The engine mixes
:class:`Paced` into every user class: each request waits for the next instant of the schedule,
goes to the declared origins only, follows no redirect, and comes from the user's own address.
"""

import json
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from gevent.socket import socket as gevent_socket
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from geventhttpclient.useragent import CompatRequest, CompatResponse
from geventhttpclient.useragent import ConnectionError as HttpError
from locust import FastHttpUser
from locust.contrib.fasthttp import FastHttpSession, LocustUserAgent, ResponseContextManager
from locust.env import Environment

from readiness_kit.harness.plan import Origin, Plan

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_NAME = re.compile(r"\b(?:query|mutation|subscription)\s+([A-Za-z_]\w*)")
_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the port is chosen at connect, so ports do not run out


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
        named = _NAME.search(document)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        with self.client.post(
            self.graphql,
            name=named[1] if named else "anonymous",
            json={"query": document, "variables": dict(variables or {})},
            headers=headers,
            catch_response=True,
        ) as response:
            if response.status_code != 200:
                return None
            try:
                body = json.loads(response.content or b"")
            except ValueError:
                body = None
            if not isinstance(body, dict):
                response.failure(GraphQLFailure("not_json"))
            elif body.get("errors"):
                response.failure(GraphQLFailure(_error_kind(body["errors"])))
            elif not isinstance(body.get("data"), dict):
                response.failure(GraphQLFailure("graphql_no_data"))
            elif not accept(body["data"]):
                response.failure(GraphQLFailure("not_accepted"))
            else:
                return dict(body["data"])
        return None


class GraphQLFailure(Exception):
    """An answer that arrived and is wrong; its text is the kind under which it is counted."""


class OriginRefused(HttpError):
    """A request to a place that ``readiness.yaml`` does not name; it was not sent."""


class Pacemaker(Protocol):
    """What a paced user needs of the engine."""

    def take(self) -> object:
        """Wait for the next instant of the schedule and return what identifies the request."""

    def warmed(self) -> None:
        """Report that one more user is connected, and wait for the start."""


class PacedEnvironment(Environment):
    """A Locust environment with the engine and the limits its users obey."""

    engine: Pacemaker
    plan: Plan
    tokens: tuple[str, ...]
    origins: frozenset[Origin]
    tls_context: Callable[..., ssl.SSLContext]
    born: int = 0


class Paced(FastHttpUser):
    """Mixed in before a scenario's own class."""

    abstract = True
    environment: PacedEnvironment

    def __init__(self, environment: PacedEnvironment) -> None:
        """Take a number, a token and an address."""
        self.number = environment.born
        environment.born += 1
        if environment.tokens:
            self.token = environment.tokens[self.number % len(environment.tokens)]
        super().__init__(environment)
        self.graphql = environment.plan.graphql
        self.pacing = False
        self.sent = 0
        self.client = PacedSession(self, environment)

    def on_start(self) -> None:
        """Log in and connect, unpaced and unrecorded."""
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
        sent, self.sent = self.sent, 0
        return 0.0 if sent else 0.05


class PacedSession(FastHttpSession):
    """Waits for the schedule before each request."""

    def __init__(self, user: Paced, environment: PacedEnvironment) -> None:
        super().__init__(user.host, environment.events.request, user)
        address = f"127.200.{user.number // 250}.{1 + user.number % 250}"
        plan = environment.plan
        self.paced_user = user
        self.client = GuardedAgent(
            environment.origins,
            cookiejar=self.cookiejar,
            client_pool=BoundPool(
                address if plan.loopback else None,
                ssl_context_factory=environment.tls_context,
                connection_timeout=plan.timeout_s,
                network_timeout=plan.timeout_s,
                concurrency=10,
            ),
            headers={"User-Agent": "readiness-kit load", **plan.headers},
            max_retries=0,
            max_redirects=0,
        )

    def request(  # type: ignore[override] # the rest of Locust's many options passes through
        self,
        method: str,
        url: str,
        name: str | None = None,
        context: Mapping[str, object] | None = None,
        **options: Any,  # noqa: ANN401 - as Locust's
    ) -> ResponseContextManager:
        """Send when the schedule says so; the rest is Locust's."""
        user = self.paced_user
        told = dict(context or {})
        if user.pacing:
            told["readiness"] = user.environment.engine.take()
            user.sent += 1
        if not (name or self.request_name):
            name = urlsplit(url).path or "/"  # a query string may hold secrets, and never repeats
        return super().request(method, url, name=name, context=told, **options)


class GuardedAgent(LocustUserAgent):
    """Goes to the declared origins only and follows no redirect, whatever a task asks for."""

    redirect_response_codes = frozenset()
    valid_response_codes = LocustUserAgent.valid_response_codes - {301, 302, 303, 307, 308}

    def __init__(self, origins: frozenset[Origin], **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._origins = origins

    def _urlopen(self, request: CompatRequest) -> CompatResponse:
        where = request.url_split
        port = where.port or (443 if where.scheme == "https" else 80)
        if (where.scheme, where.host.lower(), port) not in self._origins:
            raise OriginRefused(
                f"{where.scheme}://{where.host}:{port}", "not named by readiness.yaml"
            )
        answer: CompatResponse = super()._urlopen(request)  # type: ignore[no-untyped-call]
        return answer


class BoundPool(HTTPClientPool):
    """Connects from one address of this host."""

    def __init__(self, address: str | None, **options: object) -> None:
        super().__init__(**options)
        self._address = address

    def get_client(self, url: str | URL) -> HTTPClient:
        """Return the client for the host of *url*."""
        known = len(self.clients)
        client = super().get_client(url)
        if self._address is not None and len(self.clients) > known:
            # the pool's own hook for this; HTTPClient leaves no way to pass another pool class
            setattr(client._connection_pool, "_create_tcp_socket", self._socket)  # noqa: B010, SLF001
        return client

    def _socket(self, family: int, kind: int, protocol: int) -> gevent_socket:
        made = gevent_socket(family, kind, protocol)
        if family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            made.bind((self._address, 0))
        return made


def _error_kind(errors: Json) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return "unauthenticated" if code in {"UNAUTHENTICATED", "UNAUTHORIZED"} else "graphql_error"
