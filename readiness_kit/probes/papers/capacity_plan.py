"""Read the capacity plan: strict YAML, sizes and speeds with their units."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.facts.papers.capacity import CapacityPlan, PlannedDatabase, PlannedStorage
from readiness_kit.probes.papers.documents import SIZE_CAP_BYTES
from readiness_kit.sources import Visit, source

T = TypeVar("T")

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "pib": 2**50}
_SPEEDS = {"bit/s": 1, "kbit/s": 10**3, "mbit/s": 10**6, "gbit/s": 10**9, "tbit/s": 10**12}
_SPEEDS |= {"bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9, "tbps": 10**12}
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z/]*)")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything is text here: what it means is read afterwards, one problem at a time."""


class _Database(_Part, frozen=True):
    size: str = ""
    projected: str = ""
    projected_for: str = ""


class _Storage(_Part, frozen=True):
    data: str = ""
    wal_per_day: str = ""
    wal_days_kept: str = ""
    backup: str = ""
    backups_kept: str = ""


class _Bandwidth(_Part, frozen=True):
    bytes_per_answer: str = ""
    link: str = ""


class _Plan(_Part, frozen=True):
    date: str = ""
    owner: str = ""
    requests_per_second: str = ""
    database: _Database = _Database()
    storage: _Storage = _Storage()
    bandwidth: _Bandwidth = _Bandwidth()


class _Loader(yaml.BaseLoader):
    """Reads every scalar as text, and refuses what a reader might overlook."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002 - PyYAML's own signature
        keys = [str(key.value) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                problem=f"the key {twice!r} stands twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


@source(effect="read", asks="no request: reads the capacity plan", deadline_s=5)
def capacity_plan(visit: Visit) -> CapacityPlan:
    """Read the declared plan; a file that is not there, or is none, is a plan without figures.

    Raises:
        NotSeen: None is declared, or it cannot be read.

    """
    file = visit.target.capacity
    if file is None:
        raise NotSeen(
            "readiness.yaml names no capacity plan",
            cause="not_configured",
            hint="write one and name it as capacity",
        )
    problems: list[str] = []
    plan = _Plan()
    text = _read(file)
    if text is not None:
        try:
            plan = parse(text)
        except ValueError as error:
            problems.append(str(error))
    return _fact(plan, problems, file.name, exists=text is not None)


def _read(file: Path) -> str | None:
    """Return the text of *file*, None when there is no such file."""
    try:
        with file.open("rb") as stream:
            data = stream.read(SIZE_CAP_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct capacity"
        ) from error
    return data.decode("utf-8", "replace")


def parse(text: str) -> _Plan:
    """Return what *text* says, as text.

    Raises:
        ValueError: It is no YAML, or has keys that no plan has.

    """
    try:
        if "*" in text and any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text)):
            raise ValueError("aliases (*name) are not accepted")
        return msgspec.convert(yaml.load(text, Loader=_Loader), _Plan)  # noqa: S506 - text only
    except yaml.YAMLError as error:
        said = getattr(error, "problem", None) or str(error)
        raise ValueError(f"not valid YAML: {said}"[:200]) from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not as a plan is built: {error}"[:200]) from error


def _fact(plan: _Plan, problems: list[str], name: str, *, exists: bool) -> CapacityPlan:
    def understood(key: str, text: str, read: Callable[[str], T]) -> T | None:
        """Return what *text* means; None when it is empty, or when it is a problem."""
        try:
            return read(text.strip()) if text.strip() else None
        except (ValueError, OverflowError) as error:
            problems.append(f"{key}: {error}")
            return None

    base, room, network = plan.database, plan.storage, plan.bandwidth
    return CapacityPlan(
        observed_at=dt.datetime.now(dt.UTC),
        file=name,
        exists=exists,
        made_on=understood("date", plan.date, day),
        owner=plan.owner.strip(),
        requests_per_second=understood("requests_per_second", plan.requests_per_second, number),
        database=PlannedDatabase(
            size_bytes=understood("database.size", base.size, size),
            projected_bytes=understood("database.projected", base.projected, size),
            projected_for=understood("database.projected_for", base.projected_for, day),
        ),
        storage=PlannedStorage(
            data_bytes=understood("storage.data", room.data, size),
            wal_per_day_bytes=understood("storage.wal_per_day", room.wal_per_day, size),
            wal_days_kept=understood("storage.wal_days_kept", room.wal_days_kept, number),
            backup_bytes=understood("storage.backup", room.backup, size),
            backups_kept=understood("storage.backups_kept", room.backups_kept, count),
        ),
        bytes_per_answer=understood("bandwidth.bytes_per_answer", network.bytes_per_answer, size),
        link_bits_per_s=understood("bandwidth.link", network.link, speed),
        problems=tuple(problems),  # last: the arguments above find them
    )


def day(text: str) -> dt.datetime:
    """Return the day that *text* names, 00:00 UTC.

    Raises:
        ValueError: It names none.

    """
    return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)


def number(text: str) -> float:
    """Return *text* as a number of 0 or more.

    Raises:
        ValueError: It is none.

    """
    return _measured(text, {"": 1}, "number")


def count(text: str) -> int:
    """Return *text* as a whole number of 0 or more.

    Raises:
        ValueError: It is none.

    """
    if not re.fullmatch("[0-9]+", text):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def size(text: str) -> int:
    """Return a size in bytes.

    >>> size("1.5 GB"), size("64 MiB"), size("20000")
    (1500000000, 67108864, 20000)

    Raises:
        ValueError: It is none.

    """
    return int(_measured(text, _UNITS, "size"))


def speed(text: str) -> int:
    """Return the speed of a link, bits per second.

    >>> speed("1 Gbit/s")
    1000000000

    Raises:
        ValueError: It is none.

    """
    return int(_measured(text, _SPEEDS, "speed"))


def _measured(text: str, units: dict[str, int], what: str) -> float:
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in units:
        raise ValueError(f"{text!r} is no {what} (units: {', '.join(_shown(units)) or 'none'})")
    return float(found[1]) * units[found[2].lower()]


def _shown(units: dict[str, int]) -> Iterator[str]:
    return (unit for unit in units if unit)
