"""How long an answer for a DNS name may be kept: by the servers of its zone, not by a cache.

A cache counts the time to live down, so that what it says is the least that it may be. The address
of the server comes at the end of a chain of aliases (CNAME); each link has a time of its own.
"""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from readiness_kit.facts.failover.names import Link, NameKept
from readiness_kit.sources import Visit

HOSTS = Path("/etc/hosts")
PORT = 53
TIMEOUT_S = 2.0
"""Longest wait for one answer."""

LONGEST_CHAIN = 8
"""Links of a chain that are followed; resolvers follow about as many."""

SERVERS = 3
"""So many servers of a zone are asked."""

ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)


def name_kept(visit: Visit, host: str) -> NameKept:
    """Ask how long *host* may be kept; an answer that could not be had says why."""
    if in_hosts_file(host):
        return NameKept(
            name=host, addresses=0, links=(), told_by="hosts_file", why=f"{HOSTS} holds {host}"
        )
    try:
        return _Asker(visit).kept(host)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return NameKept(name=host, addresses=0, links=(), told_by="nobody", why=why)


def in_hosts_file(host: str) -> bool:
    """Tell whether this machine's file of hosts names *host*, which then has no time to live."""
    try:
        lines = HOSTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    wanted = host.lower().rstrip(".")
    return any(
        wanted in (name.lower().rstrip(".") for name in line.partition("#")[0].split()[1:])
        for line in lines
    )


class _Asker:
    """Asks a resolver where a name leads, and the servers of each zone how long that is kept."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._known: dict[dns.name.Name, tuple[str, ...]] = {}
        declared = visit.target.dns.name_servers
        self._resolver = dns.resolver.Resolver(configure=not declared)
        self._resolver.timeout = TIMEOUT_S
        if declared:
            self._resolver.nameservers = [_nameserver(one) for one in declared]

    def kept(self, host: str) -> NameKept:
        """Return what the resolver says of *host*, and the zones' servers of how long it is kept.

        The flag AA of a resolver is no proof: CoreDNS sets it on what comes from its cache.
        """
        answers = [one for kind in ADDRESSES if (one := self._answer(host, kind)) is not None]
        if not answers:
            raise ValueError(f"{host} has no address")
        links = {(one.name, one.kind): one for each in answers for one in _links(each)}
        told = [self._at_authority(link) for link in links.values()]
        exact = [link for link in told if link is not None]
        known = len(exact) == len(links)
        return NameKept(
            name=host,
            addresses=max(map(len, answers)),
            links=tuple(exact if known else links.values()),
            told_by="authority" if known else "cache",
            why="" if known else "no server of the zone told how long the name is kept",
        )

    def _answer(
        self, name: str | dns.name.Name, kind: dns.rdatatype.RdataType, *, search: bool = True
    ) -> dns.resolver.Answer | None:
        """Return the resolver's answer; ``None`` when the name has no record of that *kind*."""
        self._visit.meter.count("dns_queries")
        lifetime = min(2 * TIMEOUT_S, self._visit.remaining_s)
        try:
            return self._resolver.resolve(name, kind, search=search, lifetime=lifetime)
        except dns.resolver.NoAnswer:
            return None

    def _at_authority(self, link: Link) -> Link | None:
        """Return *link* as the servers of its zone tell it: the longest, where they differ."""
        name = dns.name.from_text(link.name)
        try:
            if name not in self._known:
                self._known[name] = tuple(self._servers(name))
        except dns.exception.DNSException:
            self._known[name] = ()
        found = [self._asked(one, name, link) for one in self._known[name]]
        times = [one for one in found if one is not None]
        return Link(name=link.name, kind=link.kind, ttl_s=max(times)) if times else None

    def _servers(self, name: dns.name.Name) -> Iterator[str]:
        """Yield the addresses of the servers of the zone that holds *name*, a few of them."""
        for record in sorted(map(str, self._zone_servers(name)))[:SERVERS]:
            for kind in ADDRESSES:
                with contextlib.suppress(dns.exception.DNSException):
                    yield from map(str, list(self._answer(record, kind, search=False) or ())[:1])

    def _zone_servers(self, name: dns.name.Name) -> list[dns.name.Name]:
        """Return the names of the servers of the innermost zone that holds *name*."""
        zone = name
        while True:
            with contextlib.suppress(dns.resolver.NXDOMAIN, dns.resolver.NoNameservers):
                told = self._answer(zone, dns.rdatatype.NS, search=False)
                if told is not None and told.canonical_name == zone:  # an alias has no servers
                    return [record.target for record in told]
            if zone == dns.name.root:
                return []
            zone = zone.parent()

    def _asked(self, server: str, name: dns.name.Name, link: Link) -> int | None:
        """Return how long *server* lets *link* be kept, if it speaks for the zone."""
        kind = dns.rdatatype.from_text(link.kind)
        asked = dns.message.make_query(name, kind)
        asked.flags &= ~dns.flags.RD
        self._visit.meter.count("dns_queries")
        try:
            answer, _ = dns.query.udp_with_fallback(
                asked, server, timeout=min(TIMEOUT_S, self._visit.remaining_s), port=PORT
            )
        except (dns.exception.DNSException, OSError):
            return None
        if answer.rcode() != dns.rcode.NOERROR or not answer.flags & dns.flags.AA:
            return None
        return next(
            (int(one.ttl) for one in answer.answer if one.name == name and one.rdtype == kind), None
        )


def _nameserver(declared: str) -> dns.nameserver.Nameserver:
    """Return the name server at ``ADDRESS`` or ``ADDRESS:PORT``, an IPv6 address in brackets.

    >>> str(_nameserver("192.0.2.1:5353")), str(_nameserver("2001:db8::1"))
    ('Do53:192.0.2.1@5353', 'Do53:2001:db8::1@53')
    """
    address, _, port = declared.rpartition(":")
    if not address or (":" in address and not address.endswith("]")):
        address, port = declared, str(PORT)
    address = address.strip("[]")
    socket.getaddrinfo(address, int(port), flags=socket.AI_NUMERICHOST)
    return dns.nameserver.Do53Nameserver(address, int(port))


def _links(answer: dns.resolver.Answer) -> Iterator[Link]:
    """Yield each alias of the chain, and the addresses at its end."""
    chain = answer.chaining_result
    if len(chain.cnames) > LONGEST_CHAIN:
        raise ValueError(f"a chain of {len(chain.cnames)} aliases")
    for one in (*chain.cnames, *([chain.answer] if chain.answer is not None else [])):
        yield Link(
            name=one.name.to_text(omit_final_dot=True),
            kind=dns.rdatatype.to_text(one.rdtype),
            ttl_s=int(one.ttl),
        )
