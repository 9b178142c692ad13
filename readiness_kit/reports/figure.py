"""A chart before it is drawn: what it says, its axes, its data. Nothing here knows SVG or plotly.

Both drawings come from the same :class:`Chart`, so the live one and the static one cannot disagree.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from readiness_kit.reports.look import BLUE

Number = float | None
"""A value, or a gap."""


class Axis(NamedTuple):
    """One axis."""

    title: str
    """What it measures, with its unit."""

    log: bool = False
    """Whether it is logarithmic, to base 10."""

    dates: bool = False
    """Whether its values are seconds since 1970, UTC."""

    names: tuple[str, ...] = ()
    """Categories; a value is then an index into them."""

    least: float | None = None
    """Where it begins at the latest, e.g. 0 for rates."""


class Line(NamedTuple):
    """A line through points; gaps where y is ``None``."""

    name: str
    x: tuple[float, ...]
    y: tuple[Number, ...]
    colour: str = BLUE
    dash: bool = False


class Boxes(NamedTuple):
    """Rectangles from (x0, y0) to (x1, y1), each with a word for the reader who points at it."""

    name: str
    x0: tuple[float, ...]
    x1: tuple[float, ...]
    y0: tuple[float, ...]
    y1: tuple[float, ...]
    labels: tuple[str, ...]
    colour: str = BLUE
    symbol: str = ""
    """One character in the middle of each, so that colour is not all that tells them apart."""


class Limit(NamedTuple):
    """A straight line at an objective or at now."""

    name: str
    value: float
    upright: bool = False
    """Whether it stands on the x axis."""


class Chart(NamedTuple):
    """One chart; its title is the finding, not the subject."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    boxes: tuple[Boxes, ...] = ()
    limits: tuple[Limit, ...] = ()
    note: str = ""
    height_px: int = 300


class Span(NamedTuple):
    """The range of an axis, in its own units."""

    low: float
    high: float


def span(chart: Chart, *, upright: bool) -> Span:
    """Return the range of the x axis, or of the y axis when *upright*, with room at the ends."""
    axis = chart.y if upright else chart.x
    if axis.names:
        return Span(-0.5, len(axis.names) - 0.5)
    values = [one for one in _values(chart, upright=upright) if math.isfinite(one)]
    if axis.log:
        values = [one for one in values if one > 0]
    if not values:
        return Span(1.0, 10.0) if axis.log else Span(0.0, 1.0)
    low, high = min(values), max(values)
    if axis.log:
        return Span(low / 1.3, high * 1.3)
    if axis.least is not None:
        low = min(low, axis.least)
    room = (high - low) * (0.08 if upright else 0.02) or abs(high) * 0.1 or 1.0
    bottom = low if low == axis.least else low - room
    return Span(bottom, high + room)


def _values(chart: Chart, *, upright: bool) -> Iterator[float]:
    for line in chart.lines:
        yield from (one for one in (line.y if upright else line.x) if one is not None)
    for box in chart.boxes:
        yield from (*box.y0, *box.y1) if upright else (*box.x0, *box.x1)
    yield from (limit.value for limit in chart.limits if limit.upright is not upright)
