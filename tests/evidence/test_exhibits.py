"""An executed notebook that was saved again is told from one that says something else."""

import json
from pathlib import Path

import pytest
from sealing import people

from readiness_kit.assessment import Assessment
from readiness_kit.evidence import exhibits, manifest

NAME = "02_security.ipynb"
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# One\n", "two"]},
        {
            "cell_type": "code",
            "id": "b",
            "execution_count": 1,
            "metadata": {"execution": {"shell.execute_reply": "2026"}},
            "source": "show()",
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["FAIL\n", "more"]},
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {
                        "text/html": ["<b>", "FAIL</b>"],
                        "application/json": {"b": 1, "a": 2},
                    },
                },
                {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["1", "2"]},
            ],
        },
    ],
    "metadata": {"papermill": {"duration": 3.1}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def run(tmp_path) -> Path:
    (tmp_path / "readiness.yaml").write_text("schema: 1\nname: shop\nenvironment: staging\n")
    found = Assessment.open(tmp_path / "readiness.yaml", tmp_path / "run")
    (tmp_path / "run" / "notebooks" / NAME).write_text(json.dumps(NOTEBOOK))
    (tmp_path / "run" / "notebooks" / "broken.ipynb").write_text("no notebook")
    found.seal(found.results())
    assert manifest.check(tmp_path / "run")
    assert set(found.folder.run.notebooks) == {NAME}
    return tmp_path / "run"


def edited(change) -> str:
    notebook = json.loads(json.dumps(NOTEBOOK))
    change(notebook)
    return json.dumps(notebook, indent=1)


def nothing(notebook) -> None:
    pass


def metadata(notebook) -> None:
    notebook["metadata"] = {"kernelspec": {}}
    for cell in notebook["cells"]:
        cell |= {"metadata": {}, "id": "z"}


def as_one_text(notebook) -> None:
    notebook["cells"][0]["source"] = "# One\ntwo"
    notebook["cells"][1]["outputs"][0]["text"] = "FAIL\nmore"


def other_source(notebook) -> None:
    notebook["cells"][1]["source"] = "hide()"


def other_text(notebook) -> None:
    notebook["cells"][1]["outputs"][0]["text"] = ["PASS\n", "more"]


def other_picture(notebook) -> None:
    notebook["cells"][1]["outputs"][1]["data"]["text/html"] = "<b>PASS</b>"


def no_error(notebook) -> None:
    notebook["cells"][1]["outputs"].pop()


def no_cell(notebook) -> None:
    notebook["cells"].pop()


@pytest.mark.parametrize("change", [nothing, metadata, as_one_text])
def test_what_was_saved_again_is_refused_and_said_to_say_the_same(run, tmp_path, change):
    (run / "notebooks" / NAME).write_text(edited(change))
    found = people(tmp_path).verify(run)
    assert found.exit_code == 4
    assert found.problems[1:] == (
        f"notebooks/{NAME} was saved again: it says the same, in other bytes",
    )


@pytest.mark.parametrize("change", [other_source, other_text, other_picture, no_error, no_cell])
def test_what_says_something_else_has_changed(run, tmp_path, change):
    (run / "notebooks" / NAME).write_text(edited(change))
    (problem,) = people(tmp_path).verify(run).problems
    assert "has changed" in problem


def test_a_notebook_that_did_not_change_was_not_saved_again(run):
    (run / "target.redacted.json").write_bytes(b"{}")
    assert list(exhibits.saved_again(run)) == []


def test_another_kind_of_cell_or_error_says_something_else(run):
    """Each part that counts, on its own."""
    said = exhibits._digest(run / "notebooks" / NAME)

    def digest_of(change) -> str:
        (run / "notebooks" / NAME).write_text(edited(change))
        return exhibits._digest(run / "notebooks" / NAME)

    def markdown(notebook) -> None:
        notebook["cells"][1]["cell_type"] = "raw"

    def to_stderr(notebook) -> None:
        notebook["cells"][1]["outputs"][0]["name"] = "stderr"

    def other_error(notebook) -> None:
        notebook["cells"][1]["outputs"][2]["evalue"] = "y"

    def other_trace(notebook) -> None:
        notebook["cells"][1]["outputs"][2]["traceback"] = ["1"]

    assert digest_of(nothing) == said
    for change in (markdown, to_stderr, other_error, other_trace):
        assert digest_of(change) != said, change.__name__


def test_a_note_that_was_changed_with_it_proves_nothing(run):
    (run / "notebooks" / NAME).write_text(edited(metadata))
    text = (run / "run.json").read_bytes()
    (run / "run.json").write_bytes(text + b" ")
    assert list(exhibits.saved_again(run)) == []
