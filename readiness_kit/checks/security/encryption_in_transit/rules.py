"""Rules of ``pg_hba.conf``, in their order: which of them let in plaintext from elsewhere."""

import ipaddress
from collections.abc import Iterator

from readiness_kit.facts.database.encryption import HbaRule

PLAIN_KINDS = frozenset({"host", "hostnossl", "hostnogssenc"})
"""Kinds of rules that match connections without TLS (PostgreSQL manual 21.1)."""

EVERY = frozenset({"all", "replication"})
"""Words for many databases; ``all`` does not match replication connections."""

LOOPBACK_BITS = {4: 8, 6: 128}
"""Bits of the mask from which on a network holds loopback addresses only."""


def plain_rules(rules: tuple[HbaRule, ...]) -> Iterator[HbaRule]:
    """Yield the rules that let in plaintext from elsewhere, up to one that rejects all of it."""
    closed: set[tuple[str, str]] = set()
    for rule in rules:
        databases = {(rule.server, _kind_of(name)) for name in rule.databases}
        shut = bool(databases) and databases <= closed
        if rule.kind not in PLAIN_KINDS or _near(rule.address) or shut:
            continue
        if rule.method != "reject":
            yield rule
        elif (rule.users, rule.address) == (("all",), "all"):
            closed |= {(rule.server, name) for name in rule.databases if name in EVERY}
            closed |= {(rule.server, "one")} if "all" in rule.databases else set()


def _kind_of(name: str) -> str:
    """Return what a database is as rules see it: ``all`` does not hold ``replication``."""
    return name if name in EVERY else "one"


def _near(address: str) -> bool:
    """Tell whether a rule's address and mask hold loopback addresses only."""
    ip, _, mask = address.partition("/")
    try:
        bits = int(ipaddress.ip_address(mask)).bit_count()
    except ValueError:
        return False
    return is_loopback(ip) and bits >= LOOPBACK_BITS[ipaddress.ip_address(ip).version]


def is_loopback(address: str) -> bool:
    """Tell whether *address* is one of this host's own; what is no address is none."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
