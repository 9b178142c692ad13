"""Charts say the finding, and both drawings show the same data."""

import base64
import math
import struct
import xml.etree.ElementTree as ET

import pytest

from readiness_kit.facts import Fact
from readiness_kit.reports import charts
from readiness_kit.reports.display import Picture
from readiness_kit.reports.figure import Axis, Boxes, Chart, Limit, Line
from readiness_kit.reports.interactive import LEGEND_LINE_PX, MIME, figure
from readiness_kit.reports.look import MARKS, VERDICTS
from readiness_kit.reports.svg import svg, ticks
from readiness_kit.statistics.histogram import Histogram
from readiness_kit.target import Objectives

SVG = "{http://www.w3.org/2000/svg}"


def unpacked(values):
    if isinstance(values, list):
        return values
    data = base64.b64decode(values["bdata"])
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def all_charts(load, results):
    return [*charts.pictures(load, Objectives()), charts.item_map(results.items)]


def test_titles_say_the_finding(load):
    over_time, curve, histogram, rates = charts.pictures(load, Objectives())
    p95 = load.corrected.quantile_ms(0.95)
    assert over_time.title == f"P95 {p95:.3g} ms, limit 500 ms (801 requests)"
    assert curve.title.startswith("P99 ")
    assert histogram.title == "0.12% of 801 requests took longer than 500 ms"
    assert rates.title == "19.8 good answers a second of 20.0 offered, 1 failed"


def test_plotly_accepts_every_figure(load, results):
    go = pytest.importorskip("plotly.graph_objects")
    for chart in all_charts(load, results):
        made = figure(chart)
        drawn = go.Figure(data=made["data"], layout=made["layout"])
        assert len(drawn.data) == len(chart.lines) + len(chart.boxes)


@pytest.mark.parametrize(("names", "lines"), [(1, 0), (2, 1), (4, 1), (6, 2), (9, 3)])
def test_the_margin_has_room_for_every_line_of_the_legend(names, lines):
    found = tuple(Line("? UNKNOWN", (0.0, 1.0), (0.0, 1.0)) for _ in range(names))
    layout = figure(Chart("", Axis(""), Axis(""), lines=found))["layout"]
    assert layout["margin"]["t"] == 44 + LEGEND_LINE_PX * lines
    assert layout["showlegend"] == (names > 1)


def test_every_svg_is_well_formed_and_has_its_title(load, results):
    for chart in all_charts(load, results):
        root = ET.fromstring(svg(chart))
        assert root.find(f"{SVG}title").text == chart.title


def test_the_histogram_counts_every_answered_request(load):
    chart = charts.latency_histogram(load, Objectives())
    assert sum(chart.boxes[0].y1) == load.corrected.n - load.corrected.lost
    assert "1 failed or unanswered" in chart.note


def test_the_series_in_plotly_is_the_series_of_the_fact(load):
    p95 = figure(charts.latency_over_time(load, Objectives()))["data"][1]
    wanted = [second.p95_ms for second in load.series]
    for got, want in zip(unpacked(p95["y"]), wanted, strict=True):
        assert (want is None and math.isnan(got)) or got == pytest.approx(want, rel=1e-6)


def test_a_gap_splits_the_svg_line(load):
    root = ET.fromstring(svg(charts.latency_over_time(load, Objectives())))
    assert len(root.findall(f"{SVG}polyline")) == 6


def test_nothing_measured_is_drawn_as_such(load):
    empty = load.replace(blocks=(), service=Histogram(), series=(), scheduled=0, failed=0)
    for chart in charts.pictures(empty, Objectives()):
        ET.fromstring(svg(chart))
        figure(chart)
    assert charts.latency_over_time(empty, Objectives()).title.startswith("P95 not measured")


def test_a_percentile_among_the_lost_is_beyond_every_limit(load):
    lost = load.replace(blocks=(Histogram(lost=10),))
    assert "beyond every limit" in charts.latency_over_time(lost, Objectives()).title


def test_a_fact_without_a_picture_has_none(hostile_fact):
    assert charts.pictures(hostile_fact, Objectives()) == ()
    assert charts.pictures(Fact(observed_at=hostile_fact.observed_at), Objectives()) == ()


def test_the_item_map_shows_every_item_once(results):
    chart = charts.item_map(results.items)
    squares = [at for boxes in chart.boxes for at in zip(boxes.x0, boxes.y0, strict=True)]
    assert len(squares) == len(set(squares)) == 80


def test_ticks_are_round_and_inside():
    from readiness_kit.reports.figure import Span

    assert [word for _, word in ticks(Axis("ms"), Span(0, 108))] == [
        "0",
        "20",
        "40",
        "60",
        "80",
        "100",
    ]
    assert [word for _, word in ticks(Axis("ms", log=True), Span(0.9, 1200))] == [
        "1",
        "10",
        "100",
        "1000",
    ]
    assert ticks(Axis("", names=("a", "b")), Span(-0.5, 1.5)) == [(0, "a"), (1, "b")]
    assert ticks(Axis("", dates=True), Span(0, 86400 * 6))[1][1] == "1970-01-02"


def test_dates_are_dates_in_plotly_and_bars_are_milliseconds():
    day = 86400.0
    boxes = Boxes("valid", (0.0,), (2 * day,), (-0.4,), (0.4,), ("localhost",))
    chart = Chart(
        "2 days",
        Axis("", dates=True),
        Axis("", names=("localhost",)),
        boxes=(boxes,),
        limits=(Limit("now", day, upright=True),),
    )
    made = figure(chart)
    assert made["data"][0]["base"] == ["1970-01-01 00:00:00"]
    assert made["data"][0]["x"] == [2 * day * 1000]
    assert made["layout"]["shapes"][0]["x0"] == "1970-01-02 00:00:00"
    assert "1970-01-02" in svg(chart)


def test_a_lone_point_is_drawn():
    chart = Chart("one", Axis(""), Axis(""), lines=(Line("a", (1.0,), (2.0,)),))
    assert "polyline" in svg(chart)
    assert figure(chart)["data"][0]["mode"] == "markers"


def test_a_picture_is_live_still_and_text(load):
    bundle = Picture(charts.rates(load))._repr_mimebundle_()
    assert set(bundle) == {MIME, "image/svg+xml", "text/plain"}
    assert bundle["text/plain"].startswith("19.8 good answers a second")


def contrast_with_white(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)


def test_status_is_told_by_word_symbol_and_legible_colour():
    for marks in (MARKS, VERDICTS):
        assert len({mark.symbol for mark in marks.values()}) == len(marks)
        assert len({mark.word for mark in marks.values()}) == len(marks)
        assert all(contrast_with_white(mark.colour) >= 4.5 for mark in marks.values())
