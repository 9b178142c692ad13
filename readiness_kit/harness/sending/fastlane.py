"""A connection that sends prepared requests one after the other, as cheaply as Python can."""

import re
import ssl
from functools import cache
from time import perf_counter

import gevent
from gevent.hub import Hub

from readiness_kit.harness.http.answers import Answer, CutShort, reading, whole
from readiness_kit.harness.http.heads import Unsupported
from readiness_kit.harness.http.prepared import Prepared
from readiness_kit.harness.sending.connection import Connection, SecureConnection, dial

_SHORTEST_LOOK_S = 0.01
_LOOKS = 20  # in one time-out
_TIMED_OUT = re.compile(rb"HTTP/1\.[01] 408 ")  # some servers say so before they close


class Lane:
    """A keep-alive connection to one place, for one greenlet at a time.

    Requests are sent again, once and on a new connection, only where that cannot do a thing twice:
    the target had closed the old one, no byte of an answer came, and the request was not sent
    whole or is idempotent.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        source_address: str | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        *timeout_s* is the longest wait for an answer, connecting included; an answer may be up to
        a twentieth late. *tls* says whom to trust, and is set to notice cut answers; the
        certificate must be for *server_hostname*, or else for *host*.
        """
        if tls is not None:
            tls.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # some distributions set it for everyone
        self.reconnects = 0
        """How often the target had closed the connection, and another was opened."""
        self.timeout_s = timeout_s
        self.busy: gevent.Greenlet | None = None
        """The greenlet that is served."""
        self.due = 0.0
        """When its wait is over, on the clock of :func:`time.perf_counter`."""
        self._host = host
        self._port = port
        self._tls = tls
        self._name = server_hostname or host
        self._source = source_address
        self._connection: Connection | None = None
        self._reaper = _reaper(gevent.get_hub(), timeout_s)

    def connect(self) -> None:
        """Connect, unless that is done.

        Raises:
            OSError: The target cannot be reached in time, or its certificate is not good.

        """
        self._begin()
        try:
            if self._connection is None:
                self._open()
        except BaseException:
            self.close()
            raise
        finally:
            self.busy = None

    def ask(self, prepared: Prepared) -> Answer:
        """Send a request and return its answer, whatever its status; no redirect is followed.

        Raises:
            OSError: The connection failed, the answer was cut short, or its time is over.
            Unsupported: The answer is not one that can be read without guessing.

        """
        self._begin()
        try:
            data = self._first(prepared)
            answer = None if prepared.to_head else whole(data)
            if answer is None:
                answer = self._rest(data, prepared)
        except BaseException:  # what a time-out, a kill or a bad answer leaves is of no use
            self.close()
            raise
        finally:
            self.busy = None
        if not answer.head.keeps:
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._reaper.forget(self)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(self) -> None:
        if self.busy is not None:
            raise RuntimeError("this lane serves another greenlet; give each one its own")
        self.busy = gevent.getcurrent()
        self.due = perf_counter() + self.timeout_s

    def _open(self) -> Connection:
        self._reaper.watch(self)
        dialled = dial(self._host, self._port, self._source)
        if self._tls is None:
            self._connection = Connection(dialled)
        else:
            self._connection = secure = SecureConnection(dialled, self._tls, self._name)
            secure.shake_hands()
        return self._connection

    def _first(self, prepared: Prepared) -> bytes:
        """Send a request and return the first bytes of its answer."""
        known = self._connection
        if known is not None:
            data = self._again(known, prepared)
            if data:
                return data
            self.close()
            self.reconnects += 1
        fresh = self._open()
        fresh.send(prepared.raw)
        return fresh.receive()

    def _again(self, known: Connection, prepared: Prepared) -> bytes:
        """As :meth:`_first`, on a used connection; nothing where it may, and must, be replaced."""
        if known.stirred and _has_ended(known):
            return b""
        try:
            known.send(prepared.raw)
        except ConnectionError:
            return b""
        try:
            data = known.receive()
        except ConnectionError:
            if not prepared.idempotent:
                raise
            return b""
        if not data and not prepared.idempotent:
            raise CutShort("the target closed the connection instead of answering")
        return data

    def _rest(self, data: bytes, prepared: Prepared) -> Answer:
        """Return the answer that begins with *data*."""
        connection = self._connection
        assert connection is not None  # noqa: S101 - _first opened it
        reader = reading(to_head=prepared.to_head)
        next(reader)
        try:
            while True:
                reader.send(data)
                data = connection.receive()
        except StopIteration as end:
            answer: Answer = end.value
        if not data and connection.ragged:
            raise CutShort("TLS ended without close_notify, and so maybe before the answer did")
        return answer


class Reaper:
    """Ends the waits whose time is over: one timer for all lanes, not one for each request."""

    def __init__(self, hub: Hub, timeout_s: float) -> None:
        """Look at lanes with this time-out."""
        period = max(_SHORTEST_LOOK_S, timeout_s / _LOOKS)
        self._lanes: set[Lane] = set()
        self._timer = hub.loop.timer(period, period, ref=False)

    def watch(self, lane: Lane) -> None:
        """Look at a lane until it is forgotten."""
        self._lanes.add(lane)
        if not self._timer.active:
            self._timer.start(self._look)

    def forget(self, lane: Lane) -> None:
        """Look at it no more."""
        self._lanes.discard(lane)
        if not self._lanes:
            self._timer.stop()

    def _look(self) -> None:
        """Throw into the greenlets; nothing else runs meanwhile, as this runs in the hub itself."""
        now = perf_counter()
        for lane in tuple(self._lanes):
            if lane.busy is not None and lane.due <= now:
                lane.busy.throw(TimeoutError(f"no answer within {lane.timeout_s:g} s"))


_reaper = cache(Reaper)


def _has_ended(connection: Connection) -> bool:
    """Whether the target closed a connection that was not in use."""
    try:
        data = connection.take()
    except ConnectionError:
        return True
    if data is None:  # TLS had something to say to TLS
        return False
    if not data or _TIMED_OUT.match(data):
        return True
    raise Unsupported(
        f"{len(data)} bytes that nobody asked for",
        "none between two requests",
        hint="look for answers whose length is wrong; the answer before these may be, too",
    )
