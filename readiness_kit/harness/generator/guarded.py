"""Locust's HTTP client, held to the declared origins, the schedule and an address of its own."""

import socket
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from gevent.socket import socket as gevent_socket
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from geventhttpclient.useragent import CompatRequest, CompatResponse
from locust.contrib.fasthttp import FastHttpSession, LocustUserAgent, ResponseContextManager

from readiness_kit.harness.plan import Origin
from readiness_kit.harness.sending.engine import CONTEXT, Flight
from readiness_kit.harness.sending.failures import OriginRefused

_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the port is chosen at connect, so ports do not run out


class Pace(Protocol):
    """What lets a request go."""

    def next_flight(self) -> Flight | None:
        """Wait until a request may be sent; None where it is not measured."""


def address_of(user: int) -> str:
    """Return the loopback address from which a user calls, by its number."""
    return f"127.200.{user // 250 % 256}.{1 + user % 250}"


class PacedSession(FastHttpSession):
    """Waits for the schedule before each request."""

    pace: Pace

    def request(  # type: ignore[override] # the rest of Locust's many options passes through
        self,
        method: str,
        url: str,
        name: str | None = None,
        context: Mapping[str, object] | None = None,
        **options: Any,  # noqa: ANN401 - as Locust's
    ) -> ResponseContextManager:
        """Send when the schedule says so; the rest is Locust's."""
        flight = self.pace.next_flight()
        told = {**context} if context else {}
        if flight is not None:
            told[CONTEXT] = flight
        if not (name or self.request_name):
            # a query string may hold secrets, and never repeats
            name = url.partition("?")[0] if url[:1] == "/" else urlsplit(url).path or "/"
        return super().request(method, url, name=name, context=told, **options)


class GuardedAgent(LocustUserAgent):
    """Goes to the declared origins only and follows no redirect, whatever a task asks for."""

    redirect_response_codes = frozenset()
    valid_response_codes = LocustUserAgent.valid_response_codes - {301, 302, 303, 307, 308}

    def __init__(self, origins: frozenset[Origin], **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._origins = origins
        self._clients: dict[tuple[str, str, int | None], HTTPClient] = {}

    def _urlopen(self, request: CompatRequest) -> CompatResponse:
        """Send, as Locust's own does; the pool is asked once for each origin, not each request."""
        where = request.original_origin
        client = self._clients.get(where)
        if client is None:
            allow(where, self._origins)
            client = self._clients[where] = self.clientpool.get_client(request.url_split)
        answer = client.request(
            request.method,
            request.url_split.quoted_uri,
            body=request.payload,  # type: ignore[arg-type] # encoded when it was made
            headers=request.headers,
        )
        sent = answer._sent_request  # noqa: SLF001 - as Locust's own, which shows it in failures
        return self.response_type(answer, request=request, sent_request=sent)  # type: ignore[arg-type]


def allow(where: tuple[str, str, int | None], origins: frozenset[Origin]) -> None:
    """Raise :class:`OriginRefused` for a place that is not declared."""
    scheme, host, port = where
    port = port or (443 if scheme == "https" else 80)
    if (scheme, host.lower(), port) not in origins:
        raise OriginRefused(f"{scheme}://{host}:{port}", "not named by readiness.yaml")


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
