"""``readiness plan`` says what a run would ask, and what it would miss, and asks nothing."""

import pytest
from click.testing import CliRunner

from readiness_kit.commands.plan import command

TEXT = """schema: 1
name: shop
environment: staging
api: {url: https://127.0.0.1:1, ca: gone.pem}
auth: {token: "env:READINESS_NOT_SET"}
objectives: {peak_rps: 20}
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    monkeypatch.delenv("READINESS_NOT_SET", raising=False)
    (tmp_path / "readiness.yaml").write_text(TEXT)

    def run(*arguments: str) -> str:
        argv = ["-c", str(tmp_path / "readiness.yaml"), *arguments]
        done = CliRunner().invoke(command, argv, standalone_mode=False)
        assert done.exception is None, done.exception
        return done.output

    return run


def test_it_needs_no_secret_and_says_what_is_missing(planned, tmp_path):
    said = planned()
    assert "missing: env:READINESS_NOT_SET: the environment variable" in said
    assert f"missing: api.ca: {tmp_path / 'gone.pem'} is not there" in said
    assert said.endswith("nothing was asked now\n")


def test_it_sums_up_by_effect(planned):
    said = planned("security.rate_limiting")
    assert "facts: " in said
    assert "2 by load (--allow load)\n" in said
    assert "one after another" not in said
    said = planned("security.rate_limiting", "--allow", "load")
    assert "2 by load\nat most" in said
