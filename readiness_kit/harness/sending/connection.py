"""One TCP or TLS connection of a generator, on sockets that gevent did not patch.

A greenlet waits in gevent's hub. One watcher stays active as long as the connection lives, which
costs less than one for each wait, and notices what the other side does between two requests.
"""

import errno
import os
import socket
import ssl
from contextlib import suppress
from typing import Protocol

import gevent
import gevent.socket
from gevent import monkey

ROOM = 64 * 1024
"""Most bytes taken at once."""

_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; the port is chosen at connect, so ports do not run out
_READABLE, _WRITABLE = 1, 2
_Socket: type[socket.socket] = monkey.get_original("socket", "socket")


class Waiting(Protocol):
    """A greenlet."""

    def switch(self) -> object:
        """Go on with it."""


class Connection:
    """TCP; sends everything, and returns what comes."""

    ragged = False
    """Whether the other side ended without saying so, which over TLS it must not."""

    def __init__(self, dialled: socket.socket) -> None:
        """Take over a connected socket."""
        self.stirred = False
        """Whether something came, or the other side closed, while nobody waited for it."""
        self._socket = dialled
        self._hub = gevent.get_hub()
        self._waiting: Waiting | None = None
        self._watcher = self._hub.loop.io(dialled.fileno(), _READABLE)
        self._watcher.start(self._on_readable)

    def send(self, data: bytes) -> None:
        """Send all of *data*; where this raises, part of it was not sent."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        while sent < len(data):
            _until_writable(self._socket)
            with suppress(BlockingIOError):
                sent += self._socket.send(memoryview(data)[sent:])

    def receive(self) -> bytes:
        """Wait for bytes and return them; none mean that the other side has ended."""
        while True:
            self._until_readable()
            data = self.take()
            if data is not None:
                return data

    def take(self) -> bytes | None:
        """Return what has come, without waiting; None when nothing has."""
        try:
            return self._socket.recv(ROOM)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Close at once."""
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()

    def _on_readable(self) -> None:
        if self._waiting is not None:
            self._waiting.switch()
        else:
            self._watcher.stop()
            self.stirred = True

    def _until_readable(self) -> None:
        if self.stirred:
            self.stirred = False
            self._watcher.start(self._on_readable)
        self._waiting = gevent.getcurrent()
        try:
            self._hub.switch()
        finally:
            self._waiting = None


class SecureConnection(Connection):
    """TLS, through memory: one read of the socket for each answer instead of two."""

    def __init__(self, dialled: socket.socket, context: ssl.SSLContext, name: str) -> None:
        """Take over a connected socket to a server whose certificate must be for *name*."""
        super().__init__(dialled)
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._coming, self._going, server_hostname=name)

    def shake_hands(self) -> None:
        """Agree on keys and check the certificate.

        Raises:
            OSError: That failed; as :class:`ssl.SSLError` where TLS is why.

        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                super().send(self._going.read())
                self._until_readable()
                self._feed()
            except ssl.SSLError:
                with suppress(OSError):
                    self._socket.send(self._going.read())  # the alert that says why
                raise
        super().send(self._going.read())
        self.stirred = self.stirred or bool(self._coming.pending)

    def send(self, data: bytes) -> None:
        """Send all of *data*; where this raises, part of it was not sent."""
        self._tls.write(data)
        super().send(self._going.read())

    def take(self) -> bytes | None:
        """Return what has come, without waiting; None when nothing has."""
        self._feed()
        taken = b""
        try:
            while part := self._tls.read(ROOM):
                taken = taken + part if taken else part
                if not self._coming.pending:
                    return taken
        except ssl.SSLWantReadError:
            return taken or None
        except ssl.SSLEOFError:
            self.ragged = True
        if taken:
            self._socket.shutdown(socket.SHUT_RD)  # wakes the next wait, which sees the end
        return taken

    def _feed(self) -> None:
        data = super().take()
        if data:
            self._coming.write(data)
        elif data is not None:
            self._coming.write_eof()


def dial(host: str, port: int, source: str | None) -> socket.socket:
    """Return a socket connected to the first address of *host* that answers.

    Raises:
        OSError: The name has no address, or none of them answers.

    """
    family = socket.AF_UNSPEC
    if source is not None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
    found = gevent.socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    *others, last = [(one[0], one[4]) for one in found]
    for family, address in others:
        try:
            return _dial(family, address, source)
        except TimeoutError:
            raise
        except OSError:  # no route by this family, or nobody there
            continue
    return _dial(*last, source)


def _dial(family: int, address: tuple[str | int, ...], source: str | None) -> socket.socket:
    made = _Socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(0)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            made.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            made.bind((source, 0))
        _connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


def _connect(made: socket.socket, address: tuple[str | int, ...]) -> None:
    failed = made.connect_ex(address)
    if failed == errno.EINPROGRESS:
        _until_writable(made)
        failed = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failed:
        raise OSError(failed, os.strerror(failed))


def _until_writable(of: socket.socket) -> None:
    hub = gevent.get_hub()
    watcher = hub.loop.io(of.fileno(), _WRITABLE)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()
