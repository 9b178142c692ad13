"""What a deployment is like where a measurement may depend on it, and how two deployments differ.

A load test on staging says something of production as far as the two are alike. Nothing here is a
verdict: the differences are shown to those who sign.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.evidence import canonical
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.facts import Fact
from readiness_kit.facts.cache.server import CacheServer
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.facts.database.pool import DeclaredPools
from readiness_kit.facts.database.server import PostgresServer, PostgresSettings
from readiness_kit.facts.host import HostCapacity
from readiness_kit.results import Difference
from readiness_kit.target import Objectives

F = TypeVar("F", bound=Fact)
Value = str | int
"""A text, or a number of bytes."""

Traits = dict[str, Value]

NOT_SEEN = "not seen"
ALIKE = 1.1
"""Two sizes are alike up to this ratio: databases grow while one looks."""

UNITS = ("B", "kB", "MB", "GB", "TB")


class _Declared(msgspec.Struct, frozen=True):
    """The part of the stored target that a measurement depends on."""

    objectives: Objectives


def _identity(fact: Identity) -> Traits:
    return {
        "version": " ".join(fact.versions),
        "GraphQL schema, sha256": (fact.schema_sha256 or "")[:16],
    }


def _host(fact: HostCapacity) -> Traits:
    cores = fact.cores()
    return {
        "processes of the service": str(len(fact.processes)),
        "cores": f"{fact.cpus if cores is None else cores:g}",
        "memory": fact.usable_bytes() or fact.memory_bytes,
    }


def _postgres(fact: PostgresServer) -> Traits:
    found: dict[str, Value | None] = {
        "PostgreSQL": str(fact.version_num),
        "PostgreSQL memory": fact.memory_bytes,
        "database size": fact.database_bytes,
    }
    return {name: value for name, value in found.items() if value is not None}


def _settings(fact: PostgresSettings) -> Traits:
    return {
        f"PostgreSQL {name}": f"{row.value} {row.unit or ''}".strip()
        for name, row in fact.settings.items()
    }


def _pools(fact: DeclaredPools) -> Traits:
    return {
        f"pool {one.name}": f"{one.size} x {one.processes} processes x {one.replicas} replicas"
        for one in fact.pools
    }


def _cache(fact: CacheServer) -> Traits:
    found: dict[str, Value | None] = {
        "cache": f"{fact.product} {fact.version}".strip(),
        "cache memory": fact.max_memory_bytes,
    }
    return {name: value for name, value in found.items() if value is not None}


def _reader(kind: type[F], read: Callable[[F], Traits]) -> tuple[type[Fact], Callable[..., Traits]]:
    return kind, read


READERS = (
    _reader(Identity, _identity),
    _reader(HostCapacity, _host),
    _reader(PostgresServer, _postgres),
    _reader(PostgresSettings, _settings),
    _reader(DeclaredPools, _pools),
    _reader(CacheServer, _cache),
)
"""Facts that tell what a deployment is like."""

KINDS: tuple[type[Fact], ...] = tuple(kind for kind, _ in READERS)


def differences(lender: RunFolder, here: RunFolder) -> tuple[Difference, ...]:
    """Return every trait in which the deployments of the two runs are not alike.

    What was seen of one alone is a difference: nobody knows that it is alike.
    """
    then, now = _traits(lender), _traits(here)
    return tuple(
        Difference(trait=name, lender=_words(then.get(name, "")), here=_words(now.get(name, "")))
        for name in dict.fromkeys((*then, *now))
        if not _alike(then.get(name, ""), now.get(name, ""))
    )


def _traits(folder: RunFolder) -> Traits:
    found: Traits = dict(_promised(folder.path / "target.redacted.json"))
    for kind, read in READERS:
        try:
            found |= read(folder.read_fact(kind))
        except NotSeen:
            continue
    return {name: value for name, value in found.items() if value != ""}


def _promised(file: Path) -> Iterator[tuple[str, Value]]:
    """Yield the objectives: a load test is played at the rate that its own target promises."""
    objectives = canonical.decode(file.read_bytes(), _Declared).objectives
    for name in objectives.__struct_fields__:
        value = getattr(objectives, name)
        if value is not None:
            yield f"objectives.{name}", str(value)


def _alike(one: Value, other: Value) -> bool:
    """Tell whether two values of one trait are alike.

    >>> _alike(1_000_000, 1_050_000), _alike(1_000_000, 2_000_000), _alike("17", "16")
    (True, False, False)
    """
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other) <= ALIKE * min(one, other)
    return one == other


def _words(value: Value) -> str:
    """Say a value in words.

    >>> _words(8_000_000_000), _words("17.10"), _words("")
    ('8 GB', '17.10', 'not seen')
    """
    if isinstance(value, str):
        return value or NOT_SEEN
    number, power = float(value), 0
    while number >= 1000 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {UNITS[power]}"
