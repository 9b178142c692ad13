"""What went wrong with a request, and the kind under which it is counted."""

import socket
import ssl

from geventhttpclient.useragent import ConnectionError as HttpError

from readiness_kit.harness.http.heads import Unsupported

NOT_UNDERSTOOD = "not_understood"
"""Kind of what the fast lane refused to read."""


class GraphQLFailure(Exception):
    """An answer that arrived and is wrong; its text is the kind under which it is counted."""


class BadStatus(Exception):
    """An answer whose status is not good."""


class OriginRefused(HttpError):
    """A request to a place that ``readiness.yaml`` does not name; it was not sent."""


def kind_of(exception: BaseException, status: int) -> str:
    """Return the kind under which a failure is counted.

    *status* is the answer's, or 0 where there was none.
    """
    if isinstance(exception, GraphQLFailure):
        return str(exception)
    if isinstance(exception, OriginRefused):
        return "origin_refused"
    if isinstance(exception, Unsupported):
        return NOT_UNDERSTOOD
    if status == 401:
        return "unauthenticated"
    if 300 <= status < 400:
        return "redirect"
    if status >= 400:
        return f"http_{status}"
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (ConnectionRefusedError, "connection_refused"),
        (TimeoutError, "timeout"),
        (ssl.SSLError, "tls"),
        (socket.gaierror, "name_not_resolved"),
    )
    known = next((kind for one, kind in kinds if isinstance(exception, one)), "connection")
    return "not_accepted" if status else known
