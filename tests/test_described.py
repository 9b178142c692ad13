"""Every key of the files that people write is documented, and the page is made of those words."""

from pathlib import Path

import pytest

from readiness_kit.described import schema, structs, words
from readiness_kit.signoff.policy import Policy
from readiness_kit.target import Lender, Target
from readiness_kit.target.reference import markdown
from readiness_kit.target_file import json_schema

KEYS = [
    (part, name)
    for kind in (Target, Policy)
    for part in structs(kind)
    for name in part.__struct_encode_fields__
]


@pytest.mark.parametrize(("part", "name"), KEYS, ids=[f"{p.__name__}.{n}" for p, n in KEYS])
def test_every_key_is_documented_where_it_is_declared(part, name):
    assert words(part)[name]


def test_a_key_is_described_by_the_name_it_has_in_the_file():
    assert words(Lender)["for"].startswith("Effects")
    assert "effects" not in words(Lender)


def test_the_schema_carries_the_words():
    parts = json_schema()["$defs"]
    assert parts["Api"]["properties"]["url"]["description"].startswith("Public base URL")
    source = parts["Source"]["properties"]["path"]["description"]
    assert source == "Root of the tree. (path, relative to this file)"
    assert schema(Policy)["$defs"]["Policy"]["properties"]["valid_days"]["description"]


def test_the_page_in_docs_is_the_one_that_is_made():
    page = Path(__file__).parent.parent / "docs" / "readiness_yaml.md"
    hint = "run `readiness schema target --markdown > docs/readiness_yaml.md`"
    assert page.read_text(encoding="utf-8") == markdown(), hint


@pytest.mark.parametrize(
    "line",
    [
        "| `url` | text | **needed** | Public base URL, scheme included, without a path. |",
        "| `token` | secret |  | A valid bearer token: the positive control of every refusal. |",
        "| `run` | path | **needed** | Its run folder: complete, sealed and signed by all four roles. |",
        "## `load.profiles.NAME.abort_on`",
        "## `authorization.owned[]`",
    ],
)
def test_the_page_shows(line):
    assert line in markdown().splitlines()


def test_a_part_that_stands_under_several_keys_is_shown_once():
    text = markdown()
    assert text.count("| `undo` | list: text | **needed** |") == 1
    assert "## `drills.cut_cache`, `drills.blackhole_cache`, " in text
