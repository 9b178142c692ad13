"""Draws a chart as plotly JSON: what JupyterLab shows live, and the HTML report too.

Written out by hand: importing plotly costs a kernel more than the rest of a notebook, and its
default template makes every figure five times as large. Long series are packed as 32-bit floats.
"""

import base64
import math
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line, Span, span
from readiness_kit.reports.look import FAINT, FONT, GREY, INK, ORANGE
from readiness_kit.reports.text import plain

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MIME = "application/vnd.plotly.v1+json"

PACK_FROM = 20
"""Shorter series are smaller as plain numbers."""

NARROW_PX = 520
"""Width of the drawing in a window of 800 pixels, where a legend takes the most lines."""

LEGEND_LINE_PX = 22
"""Height of one line of a legend."""


def figure(chart: Chart) -> dict[str, Json]:
    """Return *chart* as a plotly figure: data, layout, config."""
    data: list[Json] = [_boxes(one, chart) for one in chart.boxes]
    data += [_line(one, chart) for one in chart.lines]
    return {
        "data": data,
        "layout": _layout(chart),
        "config": {"displaylogo": False, "responsive": True},
    }


def _line(line: Line, chart: Chart) -> Json:
    return {
        "type": "scatter",
        "mode": "lines" if len(line.x) > 1 else "markers",
        "name": plain(line.name),
        "x": _values(line.x, chart.x),
        "y": _values(line.y, chart.y),
        "line": {"color": line.colour, "width": 2, "dash": "dash" if line.dash else "solid"},
    }


def _boxes(boxes: Boxes, chart: Chart) -> Json:
    """Draw rectangles as bars: across where y has names, upright otherwise."""
    middles_y = tuple((a + b) / 2 for a, b in zip(boxes.y0, boxes.y1, strict=True))
    middles_x = tuple((a + b) / 2 for a, b in zip(boxes.x0, boxes.x1, strict=True))
    heights = tuple(abs(b - a) for a, b in zip(boxes.y0, boxes.y1, strict=True))
    widths = tuple(abs(b - a) for a, b in zip(boxes.x0, boxes.x1, strict=True))
    shared: dict[str, Json] = {
        "type": "bar",
        "name": plain(f"{boxes.symbol} {boxes.name}".strip()),
        "marker": {"color": boxes.colour, "line": {"color": "#fff", "width": 0.6}},
        "hovertext": [_markless(one) for one in boxes.labels],
        "hoverinfo": "text",
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
    }
    if boxes.symbol:
        shared["text"] = [boxes.symbol] * len(boxes.x0)
    if chart.y.names:
        # A bar's length on a date axis is in milliseconds; its base is a date.
        scale = 1000.0 if chart.x.dates else 1.0
        return shared | {
            "orientation": "h",
            "y": list(middles_y),
            "width": list(heights),
            "x": [width * scale for width in widths],
            "base": _values(boxes.x0, chart.x, pack=False),
        }
    return shared | {
        "x": _values(middles_x, chart.x),
        "width": _values(widths, Axis("")),
        "y": _values(heights, chart.y),
        "base": _values(boxes.y0, chart.y),
    }


def _layout(chart: Chart) -> dict[str, Json]:
    shapes = [_shape(limit, chart) for limit in chart.limits]
    notes = [_annotation(limit, chart) for limit in chart.limits]
    above = LEGEND_LINE_PX * _legend_lines(chart)
    return {
        "title": {"text": _markless(chart.title), "x": 0.01, "xanchor": "left", "y": 0.97},
        "font": {"family": FONT, "size": 12, "color": INK},
        "height": chart.height_px + 18 + max(LEGEND_LINE_PX, above),
        "margin": {"l": 60, "r": 24, "t": 44 + above, "b": 48},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "barmode": "overlay",
        "bargap": 0,
        "hovermode": "closest" if chart.boxes else "x unified",
        "showlegend": above > 0,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "xaxis": _axis(chart.x, span(chart, upright=False)),
        "yaxis": _axis(chart.y, span(chart, upright=True), upright=True),
        "shapes": list(shapes),
        "annotations": list(notes),
    }


def _legend_lines(chart: Chart) -> int:
    """Return how many lines the legend takes at most; none where there is one name alone."""
    names = [*(one.name for one in chart.lines), *(one.name for one in chart.boxes)]
    if len(names) < 2:
        return 0
    entry_px = 52 + 7 * max(map(len, names))
    return math.ceil(len(names) / max(1, NARROW_PX // entry_px))


def _axis(axis: Axis, range_: Span, *, upright: bool = False) -> Json:
    made: dict[str, Json] = {
        "title": {"text": _markless(axis.title), "font": {"color": GREY}},
        "gridcolor": FAINT,
        "zeroline": False,
        "automargin": True,
        "range": [range_.low, range_.high],
    }
    if axis.names:
        ends = (range_.high, range_.low) if upright else range_
        made |= {
            "tickvals": list(range(len(axis.names))),
            "ticktext": [_markless(name) for name in axis.names],
            "range": list(ends),
            "showgrid": False,
        }
    elif axis.log:
        made |= {"type": "log", "range": [math.log10(range_.low), math.log10(range_.high)]}
        made |= {"dtick": "D2", "exponentformat": "none"}
    elif axis.dates:
        made |= {"type": "date", "range": [_date(range_.low), _date(range_.high)]}
    return made


def _shape(limit: Limit, chart: Chart) -> Json:
    place = _place(limit, chart)
    along: dict[str, Json] = (
        {"xref": "x", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1}
        if limit.upright
        else {"yref": "y", "y0": place, "y1": place, "xref": "paper", "x0": 0, "x1": 1}
    )
    return {"type": "line", "line": {"color": ORANGE, "width": 1.5, "dash": "dot"}, **along}


def _annotation(limit: Limit, chart: Chart) -> Json:
    place = _place(limit, chart)
    if limit.upright and chart.x.log and isinstance(place, float):
        place = math.log10(place)
    if not limit.upright and chart.y.log and isinstance(place, float):
        place = math.log10(place)
    text: dict[str, Json] = {"text": _markless(limit.name), "showarrow": False}
    text |= {"font": {"color": ORANGE}}
    if limit.upright:
        text |= {"xref": "x", "x": place, "yref": "paper", "y": 1}
        return {**text, "xanchor": "left", "yanchor": "top"}
    text |= {"yref": "y", "y": place, "xref": "paper", "x": 1}
    return {**text, "xanchor": "right", "yanchor": "bottom"}


def _place(limit: Limit, chart: Chart) -> str | float:
    return _date(limit.value) if limit.upright and chart.x.dates else float(limit.value)


def _values(values: Iterable[float | None], axis: Axis, *, pack: bool = True) -> Json:
    found = list(values)
    if axis.dates:
        return [None if one is None else _date(one) for one in found]
    if not pack or len(found) < PACK_FROM:
        return list(_finite(found))
    numbers = array("f", (math.nan if one is None else one for one in found))
    return {"dtype": "f4", "bdata": base64.b64encode(numbers.tobytes()).decode("ascii")}


def _finite(values: Iterable[float | None]) -> Iterator[float | None]:
    for one in values:
        yield one if one is not None and math.isfinite(one) else None


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _markless(text: str) -> str:
    """Return *text* such that plotly's small markup (b, i, a, br) stays text."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
