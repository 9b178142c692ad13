"""The table of contents and the catalogue agree, both ways."""

import pytest

from readiness_kit import contents
from readiness_kit.errors import UsageError
from readiness_kit.verdict import Grade


def test_eighty_items_and_their_claims():
    assert len(contents.ITEMS) == 80
    assert len({one.id for one in contents.ITEMS}) == 80
    assert {claim.item for claim in contents.claims().values()} == {
        one.id for one in contents.ITEMS
    }
    assert all(one.claims for one in contents.ITEMS)


def test_sections_in_order():
    assert list(dict.fromkeys(one.section for one in contents.ITEMS)) == list(contents.SECTIONS)


def test_every_claim_is_well_formed():
    for claim in contents.claims().values():
        assert Grade(claim.min_grade)
        assert claim.owner in contents.ROLES
        assert claim.severity in {"low", "medium", "high", "critical"}
        assert claim.effect in contents.EFFECTS
        assert claim.attestable == (claim.min_grade == "attested")
        assert 0 < claim.half_life_days <= 90


def test_select_by_section_item_and_claim():
    assert len(contents.select(("documentation",))) == 6
    assert [one.id for one in contents.select(("security.tls", "database.rto.drills"))] == [
        "security.tls",
        "database.rto",
    ]


@pytest.mark.parametrize("word", ["security.tsl", "", "security.", "documentation.apis"])
def test_an_unknown_word_is_refused_with_a_suggestion(word):
    with pytest.raises(UsageError) as caught:
        contents.select((word,))
    assert "did you mean" in caught.value.hint or "readiness list" in caught.value.hint
