"""What the key of an nginx limit stands for: `map` and `geo` are followed as far as they are read.

ngx_http_map_module, ngx_http_geo_module; a request with an empty key is not counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from readiness_kit.probes.nginx.tree import Directive

DEPTH_CAP = 5
"""Maps of maps that are followed."""

_SETTINGS = frozenset(
    {"default", "include", "hostnames", "volatile", "delete", "proxy", "ranges", "proxy_recursive"}
)
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")


class Table(NamedTuple):
    """A ``map`` or ``geo``."""

    source: str
    """What it looks up; the caller's address for ``geo``."""

    default: str
    entries: Mapping[str, str]

    open: bool
    """Whether patterns or a file that was not read may decide otherwise."""


class Meaning(NamedTuple):
    """What a key may stand for."""

    keys: tuple[str, ...]
    """The ordinary caller's key first; empty when it cannot be told."""

    decided_by: str = ""
    """Variable that decides among them."""


class Keys:
    """The variables of one configuration."""

    def __init__(self, http: Sequence[Directive]) -> None:
        """Remember what ``map``, ``geo`` and ``set`` define in *http*."""
        self._tables = dict(_tables(http))
        self._set = frozenset(_assigned(http))

    def meaning(self, key: str) -> Meaning:
        """Return what *key* may stand for."""
        names = _names(key)
        if any(name in self._set for name in names):
            return Meaning(())
        if not any(name in self._tables for name in names):
            return Meaning((key,))
        if len(names) > 1 or not _VARIABLE.fullmatch(key):
            return Meaning(())  # a map's value in the middle of a longer key
        table = self._tables[names[0]]
        ordinary = self._ordinary(names[0], DEPTH_CAP)
        if ordinary is None:
            return Meaning(())
        others = {one for one in (table.default, *table.entries.values()) if one != ordinary}
        return Meaning((ordinary, *sorted(others)), self._root(names[0], DEPTH_CAP))

    def _ordinary(self, name: str, depth: int) -> str | None:
        """Return the value of *name* for a caller of whom the tables say nothing in particular."""
        table = self._tables[name]
        source = _names(table.source)
        value = table.default
        if depth and source and source[0] in self._tables:
            found = self._ordinary(source[0], depth - 1)
            if found is None or (table.open and found not in table.entries):
                return None
            value = table.entries.get(found, table.default)
        known = not any(one in self._tables or one in self._set for one in _names(value))
        return value if known and depth else None

    def _root(self, name: str, depth: int) -> str:
        """Return the variable at the bottom of the maps behind *name*."""
        source = self._tables[name].source
        inner = [one for one in _names(source) if one in self._tables]
        return self._root(inner[0], depth - 1) if inner and depth else source


def _names(text: str) -> list[str]:
    return [plain or braced for plain, braced in _VARIABLE.findall(text)]


def _tables(http: Sequence[Directive]) -> Iterator[tuple[str, Table]]:
    for one in http:
        if one["directive"] not in {"map", "geo"} or not one["args"]:
            continue
        source, name = ["$remote_addr", *one["args"]][-2:]
        lines = [(row["directive"], (row.get("args") or [""])[0]) for row in one.get("block") or ()]
        entries = {key: value for key, value in lines if key not in _SETTINGS}
        patterns = any(key.startswith(("~", "*", ".")) or key.endswith("*") for key in entries)
        yield (
            name.lstrip("$"),
            Table(
                source=source,
                default=next((value for key, value in lines if key == "default"), ""),
                entries=entries,
                open=patterns or any(key == "include" for key, _ in lines),
            ),
        )


def _assigned(block: Sequence[Directive]) -> Iterator[str]:
    for one in block:
        if one["directive"] == "set" and one["args"]:
            yield one["args"][0].lstrip("$")
        yield from _assigned(one.get("block") or ())
