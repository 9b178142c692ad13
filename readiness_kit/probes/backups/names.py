"""What the name of a backup, and what lies beside and in it, tells of it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

PARTIAL_FILE = b"INCREMENTAL."
"""How the name of a file begins that holds only the blocks that changed."""

CLOCK_S = 1.0
"""How much older than its backup a mark of success may be: time stamps are rounded."""

ELSEWHERE = timedelta(hours=36)
"""From the start of a day, UTC, to its end in the last time zone."""

_DAY = re.compile(r"(?<!\d)(20\d\d)([-_./]?)(0[1-9]|1[0-2])\2([0-3]\d)(?!\d)")
_DELTA = re.compile(r"base_[0-9A-F]{24}_D_[0-9A-F]{24}")


def named_day(name: str) -> Iterator[datetime]:
    """Yield the end of the day in *name*: a copied or touched file is no newer than its name says.

    >>> list(named_day("shop-2026-02-28.dump")) == list(named_day("2026/02/28/shop.dump"))
    True
    >>> list(named_day("shop-2026-02-28.dump"))
    [datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.timezone.utc)]
    """
    for found in _DAY.finditer(name):
        try:
            day = date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:
            continue
        yield datetime(day.year, day.month, day.day, tzinfo=UTC) + ELSEWHERE


def is_delta(name: str) -> bool:
    """Tell whether WAL-G calls a backup so that holds only what changed since another."""
    return _DELTA.search(name) is not None
