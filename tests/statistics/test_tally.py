"""The fast way to fill histograms agrees with the plain one, to the count."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.statistics.histogram import BINS, Recorder, bin_of
from readiness_kit.statistics.tally import Tally, histogram_of

durations = st.floats(0, 4000) | st.floats(0, 0.01) | st.just(math.inf)


@given(st.lists(st.tuples(st.integers(0, 2), durations)))
def test_rows_are_what_recorders_hold(given_durations):
    recorders, tally = [Recorder() for _ in range(3)], Tally(3)
    for row, seconds in given_durations:
        if math.isinf(seconds):
            recorders[row].lose()
        else:
            recorders[row].record(seconds)
    half = len(given_durations) // 2
    for part in (given_durations[:half], given_durations[half:]):
        rows = np.array([row for row, _ in part], np.int64)
        tally.add(rows, np.array([seconds for _, seconds in part], np.float64))
    for row, recorder in enumerate(recorders):
        assert tally.histogram(row) == recorder.histogram()


def test_the_longest_duration_has_the_last_bin():
    seen = histogram_of(np.array([9_000_000.0, -1.0]))
    assert seen.bins == (0, BINS - 1)
    assert bin_of(seen.max_us) == BINS - 1


def test_what_is_lost_is_counted_by_row():
    tally = Tally(2)
    tally.lose(1, 3)
    assert [tally.histogram(row).lost for row in range(2)] == [0, 3]


@given(st.lists(st.floats(0, 4000), min_size=1), st.data())
def test_what_is_spoiled_is_lost_instead(seconds, data):
    spoiled = data.draw(st.integers(0, len(seconds) - 1))
    tally, recorder = Tally(1), Recorder()
    tally.add(np.zeros(len(seconds), np.int64), np.array(seconds))
    tally.spoil(0, seconds[spoiled])
    for number, one in enumerate(seconds):
        if number != spoiled:
            recorder.record(one)
    recorder.lose()
    seen, plain = tally.histogram(0), recorder.histogram()
    assert (seen.bins, seen.counts, seen.lost) == (plain.bins, plain.counts, plain.lost)
