"""Student's quantiles are those of the printed tables."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness_kit.statistics import student


@pytest.mark.parametrize(
    ("confidence", "freedom", "t"),
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 30, 2.042),
        (0.99, 7, 3.499),
        (0.9, 120, 1.658),
    ],
)
def test_the_table(confidence, freedom, t):
    assert student.quantile(confidence, freedom) == pytest.approx(t, abs=6e-4)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(1, 60))
def test_more_confidence_reaches_further_and_more_freedom_less_far(one, other, freedom):
    low, high = sorted((one, other))
    assert student.quantile(low, freedom) <= student.quantile(high, freedom)
    assert student.quantile(high, freedom + 1) <= student.quantile(high, freedom) + 1e-9


def test_the_example():
    assert doctest.testmod(student).failed == 0


@pytest.mark.parametrize(("confidence", "freedom"), [(0.95, 0), (0, 3), (1, 3)])
def test_nonsense_is_refused(confidence, freedom):
    with pytest.raises(ValueError, match="no quantile"):
        student.quantile(confidence, freedom)
