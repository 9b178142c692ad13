"""Draws a chart as SVG, without browser or script: fit for GitHub, print and mail."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line, Span, span
from readiness_kit.reports.look import FAINT, FONT, GREY, INK, ORANGE
from readiness_kit.reports.text import escaped

WIDTH = 760
TOP, RIGHT, BOTTOM = 62, 24, 46
DAY_S = 86400.0


class Frame(NamedTuple):
    """The drawing area and the two scales."""

    left: float
    bottom: float
    x: Callable[[float], float]
    y: Callable[[float], float]


def svg(chart: Chart) -> str:
    """Return *chart* as one SVG element."""
    frame = _frame(chart)
    parts = [
        *_grid(chart, frame),
        *(part for boxes in chart.boxes for part in _boxes(boxes, frame)),
        *(part for line in chart.lines for part in _line(line, frame)),
        *(part for limit in chart.limits for part in _limit(limit, frame)),
        *_legend(chart, frame),
    ]
    title = escaped(chart.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {chart.height_px}" '
        f'role="img" aria-label="{title}" font-family="{FONT}" font-size="12" '
        f'style="width:100%;max-width:{WIDTH}px;background:#fff"><title>{title}</title>'
        f'<text x="12" y="22" font-size="15" font-weight="600" fill="{INK}">{title}</text>'
        f"{''.join(parts)}</svg>"
    )


def ticks(axis: Axis, range_: Span, most: int = 6) -> list[tuple[float, str]]:
    """Return where the ticks of *axis* stand and what they say."""
    if axis.names:
        return list(enumerate(axis.names))
    if axis.log:
        return [(value, _number(value)) for value in _log_ticks(range_)]
    if axis.dates:
        step = max(DAY_S, _nice((range_.high - range_.low) / most / DAY_S) * DAY_S)
        return [(value, _day(value)) for value in _multiples(range_, step)]
    step = _nice((range_.high - range_.low) / most)
    return [(value, _number(value)) for value in _multiples(range_, step)]


def _frame(chart: Chart) -> Frame:
    names = max((len(name) for name in chart.y.names), default=0)
    left = 16 + names * 6.6 if names else 62.0
    across, up = span(chart, upright=False), span(chart, upright=True)
    bottom = chart.height_px - BOTTOM
    return Frame(
        left,
        bottom,
        _scale(across, left, WIDTH - RIGHT, log=chart.x.log),
        # Categories read from the top down.
        _scale(up, *((TOP, bottom) if chart.y.names else (bottom, TOP)), log=chart.y.log),
    )


def _scale(range_: Span, start: float, end: float, *, log: bool) -> Callable[[float], float]:
    low, high = (math.log10(range_.low), math.log10(range_.high)) if log else range_

    def place(value: float) -> float:
        if not math.isfinite(value):
            return end if value > 0 else start
        at = math.log10(max(value, range_.low)) if log else value
        return start + (end - start) * min(1.0, max(0.0, (at - low) / (high - low)))

    return place


def _grid(chart: Chart, frame: Frame) -> Iterator[str]:
    right = WIDTH - RIGHT
    for value, word in ticks(chart.y, span(chart, upright=True)):
        y = frame.y(value)
        if not chart.y.names:
            yield _stroke(frame.left, y, right, y, FAINT)
        yield _word(frame.left - 8, y + 4, word, anchor="end")
    for value, word in ticks(chart.x, span(chart, upright=False), 8):
        x = frame.x(value)
        yield _stroke(x, TOP, x, frame.bottom, FAINT)
        yield _word(x, frame.bottom + 17, word, anchor="middle")
    middle = (frame.left + right) / 2
    yield _word(middle, frame.bottom + 36, chart.x.title, anchor="middle", colour=GREY)
    if chart.y.title and not chart.y.names:
        yield (
            f'<text transform="translate(16 {(TOP + frame.bottom) / 2:.0f}) rotate(-90)" '
            f'text-anchor="middle" fill="{GREY}">{escaped(chart.y.title)}</text>'
        )


def _line(line: Line, frame: Frame) -> Iterator[str]:
    dash = ' stroke-dasharray="6 4"' if line.dash else ""
    for run in _runs(line):
        points = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in run)
        yield (
            f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.8" '
            f'stroke-linejoin="round" stroke-linecap="round"{dash}/>'
        )


def _runs(line: Line) -> Iterator[list[tuple[float, float]]]:
    """Yield the stretches of *line* without a gap; a lone point becomes a dot."""
    run: list[tuple[float, float]] = []
    for x, y in zip(line.x, line.y, strict=True):
        if y is None:
            if run:
                yield run if len(run) > 1 else run * 2
            run = []
        else:
            run.append((x, y))
    if run:
        yield run if len(run) > 1 else run * 2


def _boxes(boxes: Boxes, frame: Frame) -> Iterator[str]:
    for x0, x1, y0, y1, label in zip(*boxes[1:6], strict=True):
        left, right = sorted((frame.x(x0), frame.x(x1)))
        top, bottom = sorted((frame.y(y0), frame.y(y1)))
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(1.0, right - left):.1f}" '
            f'height="{max(0.5, bottom - top):.1f}" fill="{boxes.colour}" stroke="#fff" '
            f'stroke-width="0.6"><title>{escaped(label)}</title></rect>'
        )
        if boxes.symbol:
            middle = (left + right) / 2, (top + bottom) / 2 + 4
            yield _word(*middle, boxes.symbol, anchor="middle", colour="#fff")


def _limit(limit: Limit, frame: Frame) -> Iterator[str]:
    if limit.upright:
        x = frame.x(limit.value)
        yield _stroke(x, TOP, x, frame.bottom, ORANGE, dash=True)
        side, gap = ("end", -5) if x > WIDTH * 0.7 else ("start", 5)
        yield _word(x + gap, TOP + 11, limit.name, anchor=side, colour=ORANGE)
        return
    y = frame.y(limit.value)
    yield _stroke(frame.left, y, WIDTH - RIGHT, y, ORANGE, dash=True)
    yield _word(WIDTH - RIGHT - 4, y - 5, limit.name, anchor="end", colour=ORANGE)


def _legend(chart: Chart, frame: Frame) -> Iterator[str]:
    x = frame.left
    named: list[Boxes | Line] = [*chart.boxes, *chart.lines]
    for one in named if len(named) > 1 else []:
        symbol = f"{one.symbol} " if isinstance(one, Boxes) and one.symbol else ""
        yield f'<rect x="{x:.0f}" y="36" width="12" height="12" rx="2" fill="{one.colour}"/>'
        yield _word(x + 17, 46, symbol + one.name)
        x += 34 + 6.9 * len(symbol + one.name)


def _stroke(x0: float, y0: float, x1: float, y1: float, colour: str, *, dash: bool = False) -> str:
    dashes = ' stroke-dasharray="5 3"' if dash else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"{dashes}/>'
    )


def _word(x: float, y: float, word: str, *, anchor: str = "start", colour: str = INK) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {where}>{escaped(word, 90)}</text>"


def _nice(rough: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is not below *rough*."""
    if not math.isfinite(rough) or rough <= 0:
        return 1.0
    ten: float = 10.0 ** math.floor(math.log10(rough))
    return next(step * ten for step in (1, 2, 5, 10) if step * ten >= rough * 0.999)


def _multiples(range_: Span, step: float) -> list[float]:
    first = math.ceil(range_.low / step - 1e-9)
    return [n * step for n in range(first, math.floor(range_.high / step + 1e-9) + 1)]


def _log_ticks(range_: Span) -> list[float]:
    low, high = math.floor(math.log10(range_.low)), math.ceil(math.log10(range_.high))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    found = [step * 10.0**ten for ten in range(low, high + 1) for step in steps]
    return [one for one in found if range_.low <= one <= range_.high]


def _number(value: float) -> str:
    return f"{value:g}" if abs(value) < 10_000 else f"{value:,.0f}".replace(",", "\u2009")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
