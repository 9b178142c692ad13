"""Whether a store of objects would burn together with the database."""

import ipaddress
import re
import socket
from collections.abc import Iterator
from typing import Protocol

import psutil

from readiness_kit.errors import NotSeen
from readiness_kit.facts.backups.folder import Place
from readiness_kit.probes.database.session import parameters, servers, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.probes.host.machine import is_our_backend
from readiness_kit.sources import Visit

OWN_NETWORK = re.compile(r"(docker|br-|virbr|podman|cni|lxc|lxd|flannel|cali|vboxnet|vmnet)")
"""Names of interfaces whose network does not leave this machine: containers and guests."""

INSIDE = re.compile(r"[^.:]+|.*\.svc(\..*)?|host\.(docker|containers)\.internal", re.IGNORECASE)
"""Names inside a cluster or a network of containers: of the machine behind them they tell nothing.
"""


class Store(Protocol):
    """Who is asked for objects."""

    @property
    def of_amazon(self) -> bool:
        """Whether it is Amazon's."""

    @property
    def host(self) -> str:
        """The host that is asked."""

    @property
    def words(self) -> str:
        """What is asked, in words."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def place_of_store(visit: Visit, store: Store) -> tuple[Place, str]:
    """Return where *store* lies as seen from the database, and how that is known."""
    if visit.target.database is None:
        return "not_known", "readiness.yaml has no database to compare with"
    if store.of_amazon:
        return "elsewhere", f"{store.words}, which is no machine of the database's"
    if INSIDE.fullmatch(store.host) and store.host != "localhost":
        return "not_known", f"{store.host} may run on the database's own machine"
    theirs = addresses(store.host)
    hosts = {one.host for one in servers(parameters(visit.database.dsn))}
    data = {one for host in hosts for one in addresses(host)}
    if not theirs or (hosts and not data):
        return "not_known", f"{store.host} or {', '.join(sorted(hosts))} does not resolve"
    if theirs & data and not any(_loops(one) for one in theirs & data):
        return "same_machine", f"{store.host} is the database's own host"
    local = all(_loops(one) or _ours(one) for one in data)
    return _beside(visit, store, local=local, near=any(_loops(one) or _ours(one) for one in theirs))


def _beside(visit: Visit, store: Store, *, local: bool, near: bool) -> tuple[Place, str]:
    """Return the place of *store*; *near* and *local*: it and the database are dialled here."""
    if not local and not near:
        return "elsewhere", f"{store.host} is another host than the database's"
    if local and not near and _database_is_here(visit):
        return "elsewhere", f"{store.host} is another machine than this one, the database's"
    if local and near and _database_is_here(visit):
        return "same_machine", f"{store.host} is on the database's machine"
    return "not_known", f"whether {store.host} and the database are on one machine was not seen"


def _database_is_here(visit: Visit) -> bool:
    """Tell whether the server that answers runs on this machine: a tunnel ends here, too."""
    try:
        with session(visit, parameters(visit.database.dsn)) as database:
            row = database.row(Sql.SERVER)
            return is_our_backend(row["pid"], row["client_port"])  # while the backend lives
    except NotSeen:
        return False


def addresses(host: str) -> frozenset[str]:
    """Return the addresses behind *host*; none when it does not resolve."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]).partition("%")[0] for entry in found)


def _loops(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_loopback


def _ours(ip: str) -> bool:
    """Tell whether *ip* is this machine's, or of a container or guest on it."""
    there = ipaddress.ip_address(ip)
    return any(there in network for network in _networks())


def _networks() -> Iterator[Network]:
    """Yield each address of this machine, and the networks that do not leave it."""
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            ip = entry.address.partition("%")[0]
            mask = entry.netmask if OWN_NETWORK.match(name) and entry.netmask else ""
            yield ipaddress.ip_network(ip)
            if mask and ":" not in ip:
                yield ipaddress.ip_network(f"{ip}/{mask}", strict=False)
