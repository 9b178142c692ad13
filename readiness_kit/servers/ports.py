"""Free TCP ports on loopback."""

import errno
import http.client
import random
import socket

from readiness_kit.errors import ServerError

LOOPBACK = "127.0.0.1"

BELOW_EPHEMERAL = range(15_000, 32_000)
"""Linux hands out 32768 to 60999 as source ports; a listener picked there may find it taken."""


def is_free(port: int) -> bool:
    """Tell whether nothing listens on, or holds, *port* of the loopback address."""
    with socket.socket() as probe:
        # As servers do, so that connections in TIME_WAIT do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """Return *count* different ports that are free at this moment.

    Raises:
        ServerError: Not enough free ports.

    """
    candidates = random.sample(BELOW_EPHEMERAL, k=min(len(BELOW_EPHEMERAL), 50 * count))
    found = tuple(port for port, _ in zip(filter(is_free, candidates), range(count), strict=False))
    if len(found) < count:
        raise ServerError(
            f"wanted {count} free ports on {LOOPBACK}, found {len(found)}",
            hint="stop servers that are no longer needed (`ss -ltnp` lists them)",
        )
    return found


def demand_free(port: int, purpose: str) -> int:
    """Return *port* if it is free.

    Raises:
        ServerError: It is taken.

    """
    if not is_free(port):
        raise ServerError(
            f"port {port} of {LOOPBACK}, wanted for {purpose}, is taken or not allowed",
            hint=f"choose another port, or stop its owner (`ss -ltnp 'sport = :{port}'`)",
        )
    return port


def answers(port: int, *, timeout_s: float = 0.5) -> bool:
    """Tell whether something accepts connections on *port*."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def http_get(port: int, path: str, *, timeout_s: float = 2.0) -> tuple[int, bytes]:
    """Ask *port* for *path* over plain HTTP; return status and body, (0, b"") without an answer."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
