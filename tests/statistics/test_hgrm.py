"""The export is what HdrHistogram's own readers take: rows that rise, comments with a hash."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.statistics.hgrm import hgrm
from readiness_kit.statistics.histogram import Histogram, Recorder

durations = st.lists(st.floats(0, 100), max_size=50)


def recorded(seconds, lost=0):
    recorder = Recorder()
    for one in seconds:
        recorder.record(one)
    for _ in range(lost):
        recorder.lose()
    return recorder.histogram()


def rows(text):
    lines = [line for line in text.splitlines()[1:] if line and not line.startswith("#")]
    return [[float(part) for part in line.split()] for line in lines]


@given(durations, st.integers(0, 3))
def test_rows_rise_to_the_share_that_was_not_lost(seconds, lost):
    seen = recorded(seconds, lost)
    found = rows(hgrm(seen))
    assert all(a[0] < b[0] and a[1] < b[1] and a[2] < b[2] for a, b in pairwise(found))
    if found:
        assert found[-1][2] == len(seconds)
        assert found[-1][0] == round(seen.max_us / 1000, 3)
        assert abs(found[-1][1] - len(seconds) / seen.n) < 1e-9
        assert len(found[-1]) == (4 if lost else 3)  # 1/(1-1) is left out, as HdrHistogram does


def test_each_row_is_the_quantile_it_names():
    seen = recorded([0.001 * n for n in range(1, 1001)])
    for value_ms, share, *_ in rows(hgrm(seen)):
        assert abs(seen.at_rank(round(share * seen.n))[1] - value_ms) < 1e-3


def test_nothing_is_an_empty_table():
    assert rows(hgrm(Histogram())) == []
    assert "Total count" in hgrm(Histogram())
