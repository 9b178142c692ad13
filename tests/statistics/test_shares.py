"""Shares against limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.statistics.shares import against, at_most


@pytest.mark.parametrize(
    ("count", "n", "limit", "where"),
    [
        (0, 0, 0.01, "straddles"),
        (0, 367, 0.01, "straddles"),  # 0.99 ** 367 = 0.0250, just above
        (0, 368, 0.01, "under"),
        (368, 368, 0.01, "over"),
        (6, 260, 0.05, "under"),
        (7, 260, 0.05, "straddles"),
        (13, 260, 0.05, "straddles"),
        (21, 260, 0.05, "over"),
    ],
)
def test_tables(count, n, limit, where):
    assert against(count, n, limit) == where


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.001, 0.999))
def test_more_failures_never_look_better(count, n, limit):
    order = ["under", "straddles", "over"]
    count = min(count, n)
    here = order.index(against(count, n, limit))
    assert count == n or order.index(against(count + 1, n, limit)) >= here


@given(st.integers(1, 100), st.floats(0.001, 0.999))
def test_probabilities_sum_to_one(n, p):
    assert at_most(n, n, p) == pytest.approx(1)
    assert at_most(-1, n, p) == 0


@pytest.mark.parametrize(
    ("count", "n", "limit"), [(-1, 3, 0.1), (4, 3, 0.1), (1, 3, 0.0), (1, 3, 1.0)]
)
def test_nonsense_is_refused(count, n, limit):
    with pytest.raises(ValueError, match="no share"):
        against(count, n, limit)
