"""Locust users that scenarios derive from; they run under stock ``locust -f``, too.

- :class:`OpenUser` speaks GraphQL over Locust's own client;
- :class:`ClosedUser` sends when it likes, and proves nothing about percentiles;
- :class:`FastLaneUser` sends prepared requests at a fraction of the cost.
"""

import json
import os
import re
import ssl
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from locust import FastHttpUser

from readiness_kit.harness.http.answers import Answer
from readiness_kit.harness.http.heads import Unsupported
from readiness_kit.harness.http.prepared import Prepared, prepare
from readiness_kit.harness.sending.engine import Flight
from readiness_kit.harness.sending.failures import BadStatus, GraphQLFailure
from readiness_kit.harness.sending.fastlane import Lane

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

PREPARED = 200
"""Requests that a user keeps prepared; beyond, they are prepared anew."""

TIMEOUT_S = 60.0
"""Longest wait for an answer under stock Locust; the engine has its own."""

FIXED_HEADERS = {"User-Agent": "readiness-kit load", "Accept-Encoding": "gzip, deflate"}
"""What every request of the fast lane carries."""

_NAME = re.compile(r"\b(?:query|mutation|subscription)\s+([A-Za-z_]\w*)")


class OpenUser(FastHttpUser):
    """A Locust user that speaks GraphQL and counts a 200 with ``errors`` as a failure."""

    abstract = True

    graphql: str = "/graphql"
    """Path of the GraphQL endpoint."""

    token: str = os.environ.get("LOCUST_TOKEN", "")
    """Token of the user; the engine gives each user one from its pool."""

    auth_header: str = "authorization"
    """Header that carries it; in ``authorization`` it follows ``Bearer``."""

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
        with self.client.post(
            self.graphql,
            name=operation_name(document),
            json={"query": document, "variables": dict(variables or {})},
            headers=credentials(self.auth_header, self.token),
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


class FastLaneUser(OpenUser):
    """An :class:`OpenUser` whose requests are prepared bytes on one kept connection.

    For plain HTTP/1.1 over TCP or TLS: keep-alive, chunks, gzip and deflate. An answer that it
    cannot read without guessing makes the run invalid, instead of the target guilty; use
    :class:`OpenUser` then. ``client`` is there as well, for what is rare.
    """

    abstract = True

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as Locust's
        """Prepare; nothing is sent yet."""
        super().__init__(*args, **options)
        self._prepared: dict[tuple[object, ...], Prepared] = {}
        self._lane: Lane | None = None

    @property
    def lane(self) -> Lane:
        """The connection."""
        if self._lane is None:
            self._lane = self.open_lane()
        return self._lane

    def open_lane(self) -> Lane:
        """Return a connection to ``host``."""
        where = urlsplit(self.host or "")
        secure = where.scheme == "https"
        port = where.port or (443 if secure else 80)
        tls = ssl.create_default_context() if secure else None
        return Lane(where.hostname or "", port, timeout_s=TIMEOUT_S, tls=tls)

    def fast(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        check: Callable[[Answer], object] | None = None,
    ) -> Answer | None:
        """Send one request and return its answer, or None when it failed.

        It succeeds with a status of 200 to 299, if *check* raises nothing. It is counted under
        *name*, or else the path without its query.

        Raises:
            ValueError: A part of it would break the request.

        """
        key = (method, path, body, *(headers or {}).items())
        prepared = self._prepared.get(key) or self._prepare(key, method, path, headers, body)
        flight = self.next_flight()
        began = perf_counter()
        answer: Answer | None = None
        failure: Exception | None = None
        try:
            answer = self.lane.ask(prepared)
        except (OSError, Unsupported) as error:
            failure = error
        service_s = perf_counter() - began
        if answer is not None:
            failure = _wrong(answer, check)
        self.landed(
            flight,
            method=method,
            name=name or path.partition("?")[0],
            service_s=service_s,
            answer=answer,
            failure=failure,
        )
        return answer if failure is None else None

    def gql(
        self,
        document: str,
        variables: Mapping[str, Json] | None = None,
        *,
        accept: Callable[[dict[str, Json]], bool] = bool,
    ) -> dict[str, Json] | None:
        """Send one GraphQL operation on the fast lane; as :meth:`OpenUser.gql`."""
        body = json.dumps({"query": document, "variables": dict(variables or {})}).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **credentials(self.auth_header, self.token),
        }
        found: dict[str, Json] = {}
        answer = self.fast(
            "POST",
            self.graphql,
            body,
            name=operation_name(document),
            headers=headers,
            check=lambda answer: found.update(data_of(answer.body, accept)),
        )
        return found if answer is not None else None

    def next_flight(self) -> Flight | None:
        """Return at once: stock Locust does not pace."""
        return None

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
        """Report to stock Locust."""
        del flight
        self.environment.events.request.fire(
            request_type=method,
            name=name,
            response_time=service_s * 1000,
            response_length=len(answer.encoded) if answer is not None else 0,
            response=answer,
            context={},
            exception=failure,
        )

    def fixed_headers(self) -> dict[str, str]:
        """Return what every request carries."""
        return dict(FIXED_HEADERS)

    def _prepare(
        self,
        key: tuple[object, ...],
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        body: bytes,
    ) -> Prepared:
        if len(self._prepared) >= PREPARED:
            self._prepared.clear()
        host = urlsplit(self.host or "").netloc.rpartition("@")[2]
        made = prepare(method, host, path, {**self.fixed_headers(), **(headers or {})}, body)
        self._prepared[key] = made
        return made


def _wrong(answer: Answer, check: Callable[[Answer], object] | None) -> Exception | None:
    """Return what is wrong with an answer."""
    if not 200 <= answer.status < 300:
        return BadStatus(f"status {answer.status}")
    try:
        if check is not None:
            check(answer)
    except Exception as error:  # noqa: BLE001 - a check is the scenario's code
        return error
    return None


def operation_name(document: str) -> str:
    """Return the name of a document's first operation.

    >>> operation_name("query Users($n: Int) { users(limit: $n) { id } }")
    'Users'
    """
    named = _NAME.search(document)
    return named[1] if named else "anonymous"


def credentials(header: str, token: str) -> dict[str, str]:
    """Return the header that carries *token*, none for nobody."""
    bearer = header.lower() == "authorization"
    return {header: f"Bearer {token}" if bearer else token} if token else {}


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


def _error_kind(errors: Json) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    extensions = first.get("extensions") if isinstance(first, dict) else None
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return "unauthenticated" if code in {"UNAUTHENTICATED", "UNAUTHORIZED"} else "graphql_error"
