"""Archived WAL by its names: which segments there are, and which a recovery needs.

A segment's name is timeline, and high and low part of its number, eight hexadecimal digits each
(PostgreSQL, src/include/access/xlog_internal.h). Tools add a checksum, or what packed it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

LONGEST_CHAIN = 1_000_000

_TAIL = r"(-[0-9a-f]{40})?(\.(gz|bz2|xz|zst|lz4|lzo|br|gpg|pgp|enc|age|aes))*"
_SEGMENT = re.compile(rf"(?P<name>[0-9A-F]{{24}}){_TAIL}")
_HISTORY = re.compile(r"(?P<timeline>[0-9A-F]{8})\.history(-[0-9a-f]{40})?(\.\w+)*")
_RANGE = re.compile(r'"Timeline":\s*(\d+),\s*"Start-LSN":\s*"([0-9A-F]+)/([0-9A-F]+)"')
_BASE = re.compile(r"(?P<name>[0-9A-F]{24})\.[0-9A-F]{8}\.backup(-[0-9a-f]{40})?(\.\w+)*")


class Segment(NamedTuple):
    """Timeline and number of a segment."""

    timeline: int
    number: int

    @classmethod
    def of(cls, name: str, per_part: int) -> "Segment":
        """Return the segment called *name*, of which *per_part* make 4 GB."""
        number = int(name[8:16], 16) * per_part + int(name[16:24], 16)
        return cls(int(name[:8], 16), number)

    def name(self, per_part: int) -> str:
        """Return its name."""
        high, low = divmod(self.number, per_part)
        return f"{self.timeline:08X}{high:08X}{low:08X}"


class Switch(NamedTuple):
    """Where a timeline was left: at this segment, of which the next timeline has its own copy."""

    timeline: int
    number: int


class Found(NamedTuple):
    """What lies in the archive."""

    segments: frozenset[Segment]
    histories: dict[int, tuple[Switch, ...]]
    bases: tuple[Segment, ...]


class Entry(NamedTuple):
    """One file of an archive, or one object."""

    name: str
    size_bytes: int
    text: Callable[[], str]


class Archive(NamedTuple):
    """An archive that was looked at."""

    where: str
    found: Found
    bases: tuple[Segment, ...]
    """Where base backups begin that are kept apart from it."""

    frozen: Mapping[Segment, str] = {}
    """Segments that cannot be read before they are thawed, and their storage class."""

    listed_by: str = ""


class Chain(NamedTuple):
    """The segments that a recovery needs, and history files it lacks."""

    wanted: tuple[Segment, ...]
    histories_missing: tuple[str, ...]


def follow(found: Found, base: Segment, newest: Segment) -> Chain:
    """Return what a recovery from *base* to *newest* needs.

    >>> found = Found(frozenset(), {2: (Switch(1, 5),)}, ())
    >>> [tuple(one) for one in follow(found, Segment(1, 4), Segment(2, 6)).wanted]
    [(1, 4), (2, 5), (2, 6)]
    """
    if newest.timeline == base.timeline:
        switches: tuple[Switch, ...] = ()
    elif newest.timeline in found.histories:
        switches = found.histories[newest.timeline]
    else:
        return Chain((base, newest), (f"{newest.timeline:08X}.history",))
    numbers = range(base.number, min(newest.number, base.number + LONGEST_CHAIN) + 1)
    wanted = tuple(Segment(_timeline(number, switches, newest), number) for number in numbers)
    return Chain(wanted or (base, newest), ())


def _timeline(number: int, switches: tuple[Switch, ...], newest: Segment) -> int:
    """Return the timeline whose copy of segment *number* leads on to the newest one."""
    left = (one.timeline for one in switches if number < one.number)
    return next(left, newest.timeline)


def sorted_out(entries: Iterable[Entry], segment_bytes: int) -> Found:
    """Return what *entries* are; the history of a timeline is read."""
    per_part = 2**32 // segment_bytes
    segments, bases = set(), []
    histories: dict[int, tuple[Switch, ...]] = {}
    for one in entries:
        if segment := _SEGMENT.fullmatch(one.name):
            size = one.size_bytes
            if size == segment_bytes or (size and one.name != segment["name"]):
                segments.add(Segment.of(segment["name"], per_part))
        elif history := _HISTORY.fullmatch(one.name):
            histories[int(history["timeline"], 16)] = tuple(_switches(one.text(), segment_bytes))
        elif base := _BASE.fullmatch(one.name):
            bases.append(Segment.of(base["name"], per_part))
    return Found(frozenset(segments), histories, tuple(bases))


def _switches(text: str, segment_bytes: int) -> Iterator[Switch]:
    """Yield the timelines before; a packed file tells none, and so shows a gap."""
    for line in text.splitlines():
        if found := re.match(r"\s*(\d+)\s+([0-9A-F]+)/([0-9A-F]+)", line):
            position = (int(found[2], 16) << 32) + int(found[3], 16)
            yield Switch(int(found[1]), position // segment_bytes)


def segment_of(name: str, per_part: int) -> Segment | None:
    """Return the segment in the file called *name*; ``None`` when it is none."""
    found = _SEGMENT.fullmatch(name)
    return Segment.of(found["name"], per_part) if found else None


def is_called(file: str, name: str) -> bool:
    """Tell whether the file called *file* is *name*, packed or not.

    >>> is_called("000000010000000000000005.zst", "000000010000000000000005")
    True
    """
    return re.fullmatch(re.escape(name) + _TAIL, file) is not None


def first_of_base(manifest: str, per_part: int) -> Segment | None:
    """Return the segment that a base backup begins with, by the end of its *manifest*.

    >>> first_of_base('"WAL-Ranges": [{ "Timeline": 1, "Start-LSN": "0/500028", "End-LSN"', 4096)
    Segment(timeline=1, number=5)
    """
    ranges = _RANGE.findall(manifest.rpartition('"WAL-Ranges"')[2])
    if not ranges:
        return None
    timeline, high, low = min(ranges, key=lambda one: int(one[0]))
    return Segment(int(timeline), ((int(high, 16) << 32) + int(low, 16)) // (2**32 // per_part))
