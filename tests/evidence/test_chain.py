"""A run names the sealed run of the same target before it."""

import hashlib

import pytest

from readiness_kit.assessment import Assessment
from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import chain
from readiness_kit.verdict import Verdict

TARGET = "schema: 1\nname: {name}\nenvironment: {environment}\n"


@pytest.fixture
def begin(tmp_path):
    def open_run(name, *, target="shop", environment="staging", seal=True) -> Assessment:
        file = tmp_path / f"{target}.yaml"
        file.write_text(TARGET.format(name=target, environment=environment))
        run = Assessment.open(file, tmp_path / "runs" / name)
        if seal:
            run.seal(run.results())
        return run

    return open_run


def test_the_first_run_has_none_before_it(begin):
    assert begin("a").folder.run.previous is None


def test_a_run_names_the_newest_sealed_run_before_it(begin, tmp_path):
    begin("b")
    before = begin("a").folder.run_id
    begin("cut", seal=False)
    found = begin("c").folder.run.previous
    manifest = (tmp_path / "runs" / "a" / "SHA256SUMS").read_bytes()
    assert found is not None
    assert found.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert found.verdict is Verdict.UNDECIDED
    assert found.run_id == before


def test_the_results_show_it(begin):
    begin("a")
    run = begin("b")
    assert run.results().previous is not None
    assert run.results().previous == run.folder.run.previous


@pytest.mark.parametrize("other", [{"target": "cart"}, {"environment": "production"}])
def test_runs_of_other_targets_are_no_part_of_it(begin, other):
    begin("a", **other)
    assert begin("b").folder.run.previous is None


def test_a_changed_run_is_passed_over(begin, tmp_path):
    older = begin("a").folder.run_id
    begin("b")
    results = tmp_path / "runs" / "b" / "results.json"
    results.write_bytes(results.read_bytes().replace(b"UNDECIDED", b"GO"))
    found = begin("c").folder.run.previous
    assert found is not None
    assert found.run_id == older
    with pytest.raises(IntegrityError, match="has changed"):
        chain.link(results.parent)


def test_what_is_no_run_is_passed_over(begin, tmp_path):
    begin("a")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "file").touch()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "runs" / "a")
    assert len(list(chain.runs_in(tmp_path / "runs"))) == 1
    assert list(chain.runs_in(tmp_path / "absent")) == []
