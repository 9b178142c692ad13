"""The stored notebooks are the written ones, thin, without outputs, and complete both ways."""

import json

import nbformat
import pytest

from readiness_kit.contents import ITEMS
from readiness_kit.notebook_files import NOTEBOOKS, notebook, packaged_notebooks, section_of, write
from readiness_kit.parameters import PARAMETERS
from readiness_kit.prose import SECTION_PROSE, WHY


@pytest.fixture(params=NOTEBOOKS)
def stored(request):
    text = (packaged_notebooks() / f"{request.param}.ipynb").read_text(encoding="utf-8")
    return request.param, text


def code_cells(text):
    return [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def test_the_folder_holds_these_twelve_and_no_other():
    found = sorted(file.stem for file in packaged_notebooks().glob("*.ipynb"))
    assert found == list(NOTEBOOKS)
    assert len(found) == 12


def test_stored_is_what_is_written(stored):
    name, text = stored
    assert text == notebook(name), "run: python -m readiness_kit.notebook_files"


def test_is_valid_and_has_no_outputs(stored):
    _, text = stored
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert "papermill" not in json.loads(text)["metadata"]
    for cell in code_cells(text):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_cells_are_thin(stored):
    _, text = stored
    for cell in code_cells(text):
        source = "".join(cell["source"])
        assert 1 <= len([line for line in source.splitlines() if line.strip()]) <= 4
        assert not source.lstrip().startswith(("!", "%"))
        compile(source, "cell", "exec")


def test_one_cell_of_text_parameters(stored):
    _, text = stored
    (cell,) = [one for one in code_cells(text) if "parameters" in one["metadata"].get("tags", [])]
    found = {}
    exec("".join(cell["source"]), found)
    assert {name: found[name] for name in PARAMETERS} == PARAMETERS
    assert all(isinstance(value, str) for value in PARAMETERS.values())


def test_every_item_is_shown_once_in_its_section_in_order():
    shown = [
        (section_of(name), "".join(cell["source"]))
        for name in NOTEBOOKS
        for cell in code_cells(notebook(name))
        if "section.show(" in "".join(cell["source"])
    ]
    assert shown == [(item.section, f'section.show("{item.id}")') for item in ITEMS]


def test_every_item_has_its_claims_and_prose():
    assert list(WHY) == [item.id for item in ITEMS]
    assert set(SECTION_PROSE) == {item.section for item in ITEMS}
    for name in NOTEBOOKS:
        text = "\n".join("".join(cell["source"]) for cell in json.loads(notebook(name))["cells"])
        for item in (one for one in ITEMS if one.section == section_of(name)):
            assert WHY[item.id] in text
            assert all(claim.title in text for claim in item.claims)


def test_the_last_cell_records(stored):
    assert "".join(code_cells(stored[1])[-1]["source"]) == "section.record()"


def test_write_makes_the_folder(tmp_path):
    write(tmp_path / "new")
    assert len(list((tmp_path / "new").iterdir())) == 12
