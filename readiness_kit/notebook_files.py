"""Writes the twelve notebooks from the table of contents.

``python -m readiness_kit.notebook_files [DIR]``. They are stored without outputs. A test compares
the stored files with what is written here, so the notebooks cannot drift from the checklist.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from readiness_kit.contents import ITEMS, SECTIONS, Item
from readiness_kit.parameters import PARAMETERS
from readiness_kit.prose import (
    BORROWED,
    CHANGED,
    HOW_TO_READ,
    LAPSE,
    SECTION_PROSE,
    SIGN_OFF_PROSE,
    SIGNING,
    START,
    WHY,
)

SIGN_OFF = "11_sign_off"
"""Executed last, on the sealed run."""

NOTEBOOKS = (
    "00_start_here",
    *(f"{number:02}_{section}" for number, section in enumerate(SECTIONS, 1)),
    SIGN_OFF,
)
"""Every notebook, in reading order."""

Cell = dict[str, object]


def gathered_mark(folder: Path) -> Path:
    """Return the file that says that the run in *folder* has every fact it will get."""
    return folder / "locks" / "gathered.lock"


def section_of(name: str) -> str:
    """Return the part of a notebook's name that says what it is about.

    >>> section_of("02_security")
    'security'
    """
    return name.partition("_")[2]


def packaged_notebooks() -> Path:
    """Return the folder of the notebooks that came with this installation."""
    here = Path(__file__).resolve().parent
    installed = here / "notebooks"
    return installed if installed.is_dir() else here.parent / "notebooks"


def packaged_load() -> Path:
    """Return the folder of the load scenarios that came with this installation."""
    here = Path(__file__).resolve().parent
    installed = here / "load"
    return installed if installed.is_dir() else here.parent / "load"


def notebook(name: str) -> str:
    """Return the notebook called *name* as JSON, format 4.5."""
    section = section_of(name)
    first, *rest = _cells(section)
    cells = [first, _parameters(), _code(_opening(section)), *rest, _code("section.record()")]
    for number, cell in enumerate(cells):
        cell["id"] = f"{section}-{number:02}".replace("_", "-")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write(folder: Path) -> None:
    """Write all twelve notebooks into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        (folder / f"{name}.ipynb").write_text(notebook(name), encoding="utf-8")


def _cells(section: str) -> Iterator[Cell]:
    if section == "start_here":
        yield _prose(START)
        yield _prose("## What a run asks of the target")
        yield _code("section.show_plan()")
        yield _prose("## How the run stands")
        yield _code("section.show_overview()")
    elif section == "sign_off":
        yield _prose(SIGN_OFF_PROSE)
        yield _code("section.show_sign_off()")
        yield _prose(BORROWED)
        yield _code("section.show_borrowed()")
        yield _prose(CHANGED)
        yield _code("section.show_changes()")
        yield _prose(LAPSE)
        yield _code("section.show_lapse()")
        yield _prose(SIGNING)
        yield _code("section.show_signatures()")
    else:
        yield from _section_cells(section)


def _section_cells(section: str) -> Iterator[Cell]:
    yield _prose(f"# {SECTIONS[section]}\n\n{SECTION_PROSE[section]}\n\n{HOW_TO_READ}")
    for item in (one for one in ITEMS if one.section == section):
        yield _prose(_item_prose(item))
        yield _code(f'section.show("{item.id}")')
    yield _prose("## Added checks\n\nItems that plug-ins or this project add to the section.")
    yield _code("section.show_rest()")
    yield _prose("## The section at a glance")
    yield _code("section.show_verdict()")


def _item_prose(item: Item) -> str:
    claims = "\n".join(f"- {claim.title}." for claim in item.claims)
    return f"## {item.title}\n\n{WHY[item.id]}\n\nAsserted:\n\n{claims}"


def _parameters() -> Cell:
    lines = [f"{name} = {json.dumps(value)}" for name, value in PARAMETERS.items()]
    return _code("\n".join(lines)) | {"metadata": {"tags": ["parameters"]}}


def _opening(section: str) -> str:
    return (
        "from readiness_kit.notebook import open_section\n\n"
        f'section = open_section("{section}", {", ".join(PARAMETERS)})'
    )


def _prose(text: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> Cell:
    source = text.splitlines(keepends=True)
    empty: Cell = {"execution_count": None, "outputs": []}
    return {"cell_type": "code", "metadata": {}, "source": source, **empty}


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else packaged_notebooks())
