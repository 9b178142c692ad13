"""Figures of a plan in words, and the moment of the example."""

import math
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

GB = 10**9

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def positive(number: float | None) -> TypeGuard[float]:
    """Whether it is a number that one can reckon with."""
    return number is not None and 0 < number < math.inf


def rate_words(planned: float | None) -> str:
    """Return a planned rate in words."""
    return "no rate" if planned is None else f"{planned:g} requests/s"


def length_words(window: timedelta) -> str:
    """Return how long a window is, in words."""
    hours = window / timedelta(hours=1)
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"


def days_words(days: float) -> str:
    """Return a number of days in words; for ever is never."""
    return f"{days:.0f} days" if math.isfinite(days) else "never"


def size_words(size_bytes: float) -> str:
    """Return a size in words, with one decimal."""
    if not math.isfinite(size_bytes):
        return "unknown"
    unit, name = next(
        (one for one in ((1e12, "TB"), (1e9, "GB")) if abs(size_bytes) >= one[0]), (1e6, "MB")
    )
    return f"{size_bytes / unit:.1f} {name}"
