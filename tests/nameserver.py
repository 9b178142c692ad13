"""A name server on loopback, by UDP and TCP, that answers from a table a test writes down."""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Table = Mapping[tuple[str, str], tuple[int, list[str]]]
"""Name and kind of a record to its time to live and its values."""


@dataclass
class NameServer:
    """What it knows, how it answers, and what it was asked."""

    table: Table
    authority: bool = True
    """Speaks for its zones: sets AA, follows no alias. Otherwise a resolver's cache."""

    left_s: int = 10**9
    """A cache's entries have at most this long to live."""

    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    claims_aa: bool = False
    port: int = 0
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    """Name, kind, and whether it was to recurse."""

    def answer(self, wire: bytes, longest: int) -> bytes:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(
            (question.name.to_text(), kind, bool(query.flags & dns.flags.RD)),
        )
        reply = dns.message.make_response(query, recursion_available=not self.authority)
        if self.authority or self.claims_aa:
            reply.flags |= dns.flags.AA
        reply.answer = list(self._records(question.name.to_text().lower(), kind))
        names = {name for name, _ in self.table}
        known = any(name.endswith(question.name.to_text().lower()) for name in names)
        reply.set_rcode(self.rcode if known else dns.rcode.NXDOMAIN)
        whole = reply.to_wire()
        if len(whole) <= longest:
            return whole
        reply.answer = []
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def _records(self, name: str, kind: str) -> Iterator[dns.rrset.RRset]:
        if (name, kind) in self.table:
            yield self._record(name, kind)
        elif (name, "CNAME") in self.table:
            yield self._record(name, "CNAME")
            if not self.authority:
                yield from self._records(self.table[name, "CNAME"][1][0], kind)

    def _record(self, name: str, kind: str) -> dns.rrset.RRset:
        ttl_s, values = self.table[name, kind]
        ttl_s = ttl_s if self.authority else min(ttl_s, self.left_s)
        return dns.rrset.from_text(name, ttl_s, "IN", kind, *values)


@contextlib.contextmanager
def serving(server: NameServer) -> Iterator[NameServer]:
    """Serve on a free port, which ``server.port`` then is."""

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, wire = self.request
            wire.sendto(server.answer(data, 512), self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2))
            whole = server.answer(self.request.recv(length), 65_535)
            self.request.sendall(struct.pack("!H", len(whole)) + whole)

    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp) as tcp,
        socketserver.ThreadingUDPServer(("127.0.0.1", tcp.server_address[1]), Udp) as udp,
    ):
        server.port = tcp.server_address[1]
        threads = [
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
            for one in (tcp, udp)
        ]
        for one in threads:
            one.start()
        try:
            yield server
        finally:
            tcp.shutdown()
            udp.shutdown()
            for one in threads:
                one.join()
