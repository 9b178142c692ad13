"""Histograms lose nothing but 0.8 % of precision."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_kit.statistics.histogram import Histogram, Recorder, bin_of, edges_us, merge

durations = st.lists(st.integers(0, 10**10), max_size=60)


def recorded(microseconds, lost=0):
    recorder = Recorder()
    for us in microseconds:
        recorder.record(us / 1e6)
    for _ in range(lost):
        recorder.lose()
    return recorder.histogram()


@given(st.integers(0, 10**12))
def test_a_bin_holds_what_it_is_for_and_is_narrow(us):
    low, high = edges_us(bin_of(us))
    assert low <= us <= high
    assert high - low <= us / 128
    assert bin_of(high + 1) == bin_of(us) + 1


@settings(deadline=None)
@given(durations, durations, st.integers(0, 3))
def test_merging_is_exact(some, others, lost):
    both = recorded(some, lost) + recorded(others)
    assert both == recorded([*some, *others], lost)
    assert both == merge([recorded(others), recorded(some, lost)])
    assert both.n == len(some) + len(others) + lost


@settings(deadline=None)
@given(durations.filter(bool), st.floats(0.001, 1.0))
def test_a_quantile_is_the_ranked_duration_within_its_bin(microseconds, p):
    exact_ms = sorted(microseconds)[max(1, math.ceil(p * len(microseconds))) - 1] / 1000
    assert recorded(microseconds).quantile_ms(p) == pytest.approx(exact_ms, rel=0.004, abs=1e-9)


@settings(deadline=None)
@given(durations, st.integers(0, 3))
def test_json_keeps_everything(microseconds, lost):
    seen = recorded(microseconds, lost)
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Histogram) == seen


def test_what_is_lost_is_worse_than_anything():
    seen = recorded([1000] * 98, lost=2)
    assert seen.quantile_ms(0.98) == 1
    assert seen.quantile_ms(0.99) == math.inf
    assert seen.share_over(10_000) == 0.02


def test_nothing_has_no_quantile():
    assert Histogram().quantile_ms(0.5) is None
    assert Histogram().share_over(1) == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"bins":[1],"counts":[]}',
        '{"bins":[2,1],"counts":[1,1]}',
        '{"bins":[1],"counts":[0]}',
        '{"lost":-1}',
        '{"bins":[-1],"counts":[1]}',
        '{"version":2}',
    ],
)
def test_a_histogram_that_contradicts_itself_is_refused(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Histogram)
