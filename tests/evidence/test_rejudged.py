"""A stored run is judged again: whatever the facts do not amount to is told."""

import json

import msgspec
import pytest

from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.evidence import canonical
from readiness_kit.evidence.folder import judges_digest
from readiness_kit.results import Results
from readiness_kit.verdict import Status, Verdict

TARGET = "schema: 1\nname: shop\nenvironment: staging\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a target of which nothing is known, sealed."""
    place = tmp_path_factory.mktemp("run")
    (place / "readiness.yaml").write_text(TARGET)
    made = Assessment.open(place / "readiness.yaml", place / "run", only=("security.tls",))
    made.gather()
    made.seal(made.results())
    return made.folder.path


@pytest.fixture(scope="module")
def stored(run):
    return canonical.decode((run / "results.json").read_bytes(), Results)


def test_an_untouched_run_is_judged_the_same(run, stored):
    assert judgement.other_judge(run) == ""
    assert judgement.rejudged(run, stored) == []


def test_a_forged_status_is_told(run, stored):
    item = stored.item("security.tls")
    claim = msgspec.structs.replace(item.claims[0], status=Status.PASS, cause=None)
    forged = msgspec.structs.replace(item, claims=(claim, *item.claims[1:]))
    items = tuple(forged if one.id == item.id else one for one in stored.items)
    told = judgement.rejudged(run, msgspec.structs.replace(stored, items=items))
    assert told == [f"{claim.id}: results.json says PASS, the facts UNKNOWN"]


def test_forged_words_under_the_right_status_are_told(run, stored):
    item = stored.item("security.tls")
    claim = msgspec.structs.replace(item.claims[0], got="all is well")
    forged = msgspec.structs.replace(item, claims=(claim, *item.claims[1:]))
    items = tuple(forged if one.id == item.id else one for one in stored.items)
    told = judgement.rejudged(run, msgspec.structs.replace(stored, items=items))
    assert told == [f"{claim.id}: results.json does not say what the facts say"]


def test_a_forged_verdict_or_cost_is_told(run, stored):
    for changes in ({"verdict": Verdict.GO}, {"cost": {"seconds": 99.0}}):
        (name,) = changes
        told = judgement.rejudged(run, msgspec.structs.replace(stored, **changes))
        assert told == [f"results.json: {name} is not what the facts amount to"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kit_version": "0.0.1"}, "version 0.0.1"),
        ({"catalogue_sha256": "0" * 64}, "another catalogue"),
        ({"judges_sha256": "0" * 64}, "another state"),
    ],
)
def test_what_another_kit_judged_is_not_judged_again(run, tmp_path, changes, word):
    asked = json.loads((run / "run.json").read_bytes()) | changes
    (tmp_path / "run.json").write_bytes(canonical.dumps(asked))
    assert word in judgement.other_judge(tmp_path)


def test_what_is_no_run_is_not_judged_again(tmp_path):
    assert "no run folder" in judgement.other_judge(tmp_path)


def test_the_digest_of_the_judges_is_stable():
    assert judges_digest() == judges_digest()
    assert len(judges_digest()) == 64
