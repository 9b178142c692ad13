"""Shows any fact as tables: its plain values first, then a table per list of records."""

from collections.abc import Iterator

import msgspec

from readiness_kit.facts import Fact
from readiness_kit.reports.tables import Table

ROWS = 12
"""Most rows that are shown; the file in the run folder has them all."""

COLUMNS = 7
"""Most columns, likewise."""

WIDE = 120
"""Longest text in a cell."""


def fact_tables(fact: Fact) -> tuple[Table, ...]:
    """Return *fact* as tables."""
    name = fact.fact_id()
    data: dict[str, object] = msgspec.to_builtins(fact)
    flat = tuple(_flat(data))
    values = tuple((key, _say(value)) for key, value in flat if not _records(value))
    lists = [(key, value) for key, value in flat if _records(value)]
    first = _cut(f"{name}, seen {data['observed_at']}", ("field", "value"), values, name, 2 * ROWS)
    return (first, *(_list_table(name, key, value) for key, value in lists))


def _flat(data: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        if prefix or key != "observed_at":
            if isinstance(value, dict) and value and len(value) <= ROWS:
                yield from _flat(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value


def _records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _list_table(fact: str, key: str, value: object) -> Table:
    found: list[dict[str, object]] = value if isinstance(value, list) else []
    columns = tuple(dict.fromkeys(name for one in found for name in one))[:COLUMNS]
    rows = tuple(tuple(_say(one.get(name)) for name in columns) for one in found)
    return _cut(f"{fact}: {key}", columns, rows, fact, ROWS)


def _cut(
    caption: str, head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], fact: str, most: int
) -> Table:
    if len(rows) > most:
        caption = f"{caption} (first {most} of {len(rows)}; all in facts/{fact}.json)"
    return Table(caption, head, rows[:most])


def _say(value: object) -> str:
    """Say a value in few words; long ones are cut."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        shown = ", ".join(_say(one) for one in value[:ROWS]) or "none"
        text = f"{shown}, … ({len(value)})" if len(value) > ROWS else shown
    elif isinstance(value, dict):
        text = ", ".join(f"{key}: {_say(one)}" for key, one in list(value.items())[:ROWS])
        text = text or "none"
    else:
        text = str(value)
    return f"{text[: WIDE - 1]}…" if len(text) > WIDE else text
