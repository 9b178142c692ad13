"""The record of a generator agrees with plain recorders, to the count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_kit.harness.sending.recording import OPERATIONS, OTHER, Record
from readiness_kit.statistics.histogram import Histogram, Recorder, merge

BLOCKS, BLOCK_S = 4, 0.5
requests = st.lists(
    st.tuples(
        st.sampled_from(["Users", "Post", OTHER]),
        st.floats(0, BLOCKS * BLOCK_S, exclude_max=True),
        st.floats(0, 5) | st.none(),
    )
)


def kept(record, given_requests, *, folds=1):
    """Record *given_requests* and return what the folds gave."""
    folded = []
    for part in range(folds):
        for name, due, seconds in given_requests[part::folds]:
            if seconds is None:
                record.bad(name, due, "timeout")
            else:
                record.good(name, due, seconds, seconds / 3)
        folded.append(record.fold(BLOCKS * BLOCK_S))
    return folded


def plain(durations):
    recorder = Recorder()
    for seconds in durations:
        if seconds is None:
            recorder.lose()
        else:
            recorder.record(seconds)
    return recorder.histogram()


@settings(max_examples=40)
@given(requests, st.integers(1, 3))
def test_it_holds_what_plain_recorders_hold(given_requests, folds):
    record = Record(BLOCKS, BLOCK_S)
    folded = kept(record, given_requests, folds=folds)
    corrected = plain(seconds for _, _, seconds in given_requests)
    service = plain(None if s is None else s / 3 for _, _, s in given_requests)
    assert merge(one.corrected for one in folded) == merge(record.blocks()) == corrected
    assert merge(one.service for one in folded) == record.service() == service
    assert record.blocks() == tuple(
        plain(s for _, due, s in given_requests if int(due / BLOCK_S) == block)
        for block in range(BLOCKS)
    )
    names = {name for name, _, _ in given_requests}
    assert {one.name for one in record.operations()} == names
    for one in record.operations():
        assert one.corrected == plain(s for name, _, s in given_requests if name == one.name)


@settings(max_examples=40)
@given(requests)
def test_it_counts_failures_and_what_came_in_time(given_requests):
    record = Record(BLOCKS, BLOCK_S)
    kept(record, given_requests)
    lost = sum(seconds is None for _, _, seconds in given_requests)
    assert record.failed == sum(record.errors.values()) == lost
    assert record.in_time == sum(
        seconds is not None and due + seconds <= BLOCKS * BLOCK_S
        for _, due, seconds in given_requests
    )


@settings(max_examples=40)
@given(
    requests.filter(lambda some: any(seconds is not None for *_, seconds in some)), st.booleans()
)
def test_a_spoiled_answer_is_a_failure_from_the_start(given_requests, folded_before):
    record, other = Record(BLOCKS, BLOCK_S), Record(BLOCKS, BLOCK_S)
    name, due, seconds = spoiled = next(one for one in given_requests if one[2] is not None)
    rest = list(given_requests)
    rest[rest.index(spoiled)] = (name, due, None)
    kept(other, rest)
    if folded_before:
        kept(record, given_requests)
        record.spoil(name, due, seconds, seconds / 3, kind="task_error")
        kept(record, [])
    else:
        record.spoil(name, due, seconds, seconds / 3, kind="task_error")
        kept(record, given_requests)
    assert counts(record) == counts(other)
    assert record.errors["task_error"] == 1


def counts(record):
    """Everything but the longest duration, which a spoiled answer leaves behind."""
    histograms = [*record.blocks(), record.service()]
    for kind in record.operations():
        histograms += [kind.corrected, kind.service]
    seen = [(one.bins, one.counts, one.lost) for one in histograms]
    return seen, record.failed, record.in_time


def test_kinds_beyond_the_table_are_counted_together():
    record = Record(1, 1.0)
    kept(record, [(f"kind {k}", 0.0, 0.001) for k in range(OPERATIONS + 3)])
    found = {one.name: one.corrected.n for one in record.operations()}
    assert len(found) == OPERATIONS + 1
    assert found[OTHER] == 3
    assert found["kind 0"] == 1
    assert record.service().n == OPERATIONS + 3


def test_after_a_cut_later_requests_belong_to_the_last_block():
    record = Record(BLOCKS, BLOCK_S)
    record.cut(2)
    kept(record, [("Post", 0.1, 0.1), ("Post", 0.9, 0.1), ("Post", 1.0, 0.1)])
    assert [block.n for block in record.blocks()] == [1, 2]


def test_lateness_is_kept_apart():
    record = Record(1, 1.0)
    for seconds in (0.001, 0.002):
        record.late(seconds)
    first = record.fold(1.0)
    record.late(0.1)
    second = record.fold(1.0)
    assert (first.lateness.n, second.lateness.n, record.lateness().n) == (2, 1, 3)
    assert record.lateness().quantile_ms(1.0) == pytest.approx(100, rel=0.01)
    assert first.corrected == Histogram()
