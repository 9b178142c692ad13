"""Charts of drills: what was broken when, and how the service fared meanwhile."""

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from readiness_kit.facts.drills.degradation import Break, Call, DegradationDrill
from readiness_kit.facts.drills.readiness import Outage, Poll, ReadinessDrill
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line
from readiness_kit.reports.look import BLUE, FAINT, GREY, ORANGE, PURPLE

TIME = Axis("seconds since the drill began", least=0)

WORDS = {
    "cut_cache": "cache refused",
    "blackhole_cache": "cache silent",
    "cut_database": "database refused",
    "blackhole_database": "database silent",
}
"""What each fault is called in a picture."""

_SHORTEST_S = 0.15


class _Window(NamedTuple):
    name: str
    since_s: float
    mending_s: float
    until_s: float


def _window(one: Outage | Break) -> _Window:
    return _Window(WORDS[one.fault], one.since_s, one.mending_s, one.until_s)


def readiness_pictures(drill: ReadinessDrill) -> tuple[Chart, ...]:
    """Draw every answer of both endpoints, at every place, against what was cut."""
    rows = tuple(itertools.product(drill.places, ("ready", "health")))
    cuts = [_window(one) for one in drill.outages]
    first = cuts[0] if cuts else _Window("", 0.0, 0.0, 0.0)
    within = [one for one in drill.polls if first.since_s <= one.at_s < first.mending_s]
    off = sum(one.status == 503 for one in within if one.endpoint == "ready")
    asked = sum(one.endpoint == "ready" for one in within)
    well = sum(one.status == 200 for one in drill.polls if one.endpoint == "health")
    alive = sum(one.endpoint == "health" for one in drill.polls)
    return (
        Chart(
            title=f"Without the database readiness said 503 {off} of {asked} times; "
            f"liveness said 200 {well} of {alive} times",
            x=TIME,
            y=Axis("", names=("", *(f"{endpoint} {_host(place)}" for place, endpoint in rows))),
            boxes=tuple(_answers(drill.polls, rows)),
            limits=tuple(_marks(cuts)),
            height_px=140 + 26 * len(rows),
        ),
    )


def _answers(polls: Iterable[Poll], rows: tuple[tuple[str, str], ...]) -> Iterator[Boxes]:
    """Yield the answers that were 200, those that were 503, and the others."""
    kinds = (("200", BLUE, ""), ("503", ORANGE, "-"), ("other or none", PURPLE, "!"))
    known = [one for one in polls if (one.place, one.endpoint) in rows]
    for name, colour, symbol in kinds:
        found = [one for one in known if _kind(one) == name]
        if not found:
            continue
        y = [1 + rows.index((one.place, one.endpoint)) for one in found]  # 0 is for the marks
        yield Boxes(
            name=name,
            x0=tuple(one.at_s for one in found),
            x1=tuple(one.at_s + max(_SHORTEST_S, one.elapsed_ms / 1000) for one in found),
            y0=tuple(at - 0.35 for at in y),
            y1=tuple(at + 0.35 for at in y),
            labels=tuple(_told(one) for one in found),
            colour=colour,
            symbol=symbol,
        )


def _kind(one: Poll) -> str:
    return str(one.status) if one.status in (200, 503) else "other or none"


def _told(one: Poll) -> str:
    return f"{one.at_s:.1f} s: {one.status or one.reason} in {one.elapsed_ms:.0f} ms"


def degradation_pictures(drill: DegradationDrill) -> tuple[Chart, ...]:
    """Draw what became of the calls, and how long they took, second by second."""
    cuts = [_window(one) for one in drill.breaks]
    seconds = _by_second(drill.calls)
    x = tuple(map(float, seconds))
    counts = {
        outcome: tuple(
            float(sum(c.outcome == outcome for c in calls)) for calls in seconds.values()
        )
        for outcome in ("good", "refused", "empty", "lost")
    }
    slowest = tuple(max(one.elapsed_ms for one in calls) for calls in seconds.values())
    looks = {"good": (BLUE, False), "refused": (ORANGE, False), "empty": (PURPLE, False)}
    good = sum(one.outcome == "good" for one in drill.calls)
    top = max(map(sum, zip(*counts.values(), strict=True)), default=1.0)
    return (
        Chart(
            title=f"{good} of {len(drill.calls)} calls were answered while "
            f"{len(cuts)} things were broken one after the other",
            x=TIME,
            y=Axis("calls per second", least=0),
            lines=tuple(
                Line(name, x, y, *looks.get(name, (GREY, True)))
                for name, y in counts.items()
                if any(y)
            ),
            boxes=tuple(_shades(cuts, 0.0, top)),
            limits=tuple(_named(cuts)),
            height_px=260,
        ),
        Chart(
            title=f"The slowest call took {max(slowest, default=0.0) / 1000:.1f} s",
            x=TIME,
            y=Axis("slowest call of each second, ms", log=True),
            lines=(Line("slowest call", x, slowest, BLUE),),
            boxes=tuple(_shades(cuts, 1.0, max(slowest, default=10.0))),
            limits=(Limit("refused at once: 100 ms", 100.0), *_named(cuts)),
            height_px=260,
        ),
    )


def _count(calls: list[Call], outcome: str) -> int:
    return sum(one.outcome == outcome for one in calls)


def _by_second(calls: Iterable[Call]) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = {}
    for one in filter(lambda call: math.isfinite(call.at_s), calls):
        found.setdefault(int(one.at_s), []).append(one)
    return dict(sorted(found.items()))


def _shades(cuts: list[_Window], low: float, high: float) -> Iterator[Boxes]:
    if cuts:
        yield Boxes(
            name="broken",
            x0=tuple(one.since_s for one in cuts),
            x1=tuple(one.until_s for one in cuts),
            y0=(low,) * len(cuts),
            y1=(high,) * len(cuts),
            labels=tuple(one.name for one in cuts),
            colour=FAINT,
        )


def _named(cuts: list[_Window]) -> Iterator[Limit]:
    for one in cuts:  # close together: there is little room
        yield Limit(one.name.replace("database", "DB"), one.since_s, upright=True)


def _marks(cuts: list[_Window]) -> Iterator[Limit]:
    for one in cuts:
        yield Limit(one.name, one.since_s, upright=True)
        yield Limit("mended", one.until_s, upright=True)


def _host(place: str) -> str:
    return place.partition(" at ")[0].rpartition("://")[2]
