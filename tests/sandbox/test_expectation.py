"""The demo is green only where every claim shows what the catalogue says."""

import pytest

from readiness_kit.contents import claims
from readiness_kit.sandbox.expectation import expected


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("prometheus", [True, False])
def test_every_word_of_the_catalogue_is_understood(full, prometheus):
    for claim in claims().values():
        status = expected(claim.sandbox, full=full, prometheus=prometheus)
        assert (status is None) == (claim.sandbox == "host")


def test_what_is_not_run_is_unknown_and_nothing_better():
    assert expected("needs_full", full=False, prometheus=True) == "UNKNOWN"
    assert expected("needs_prometheus", full=True, prometheus=False) == "UNKNOWN"
    assert expected("unknown", full=True, prometheus=True) == "UNKNOWN"
