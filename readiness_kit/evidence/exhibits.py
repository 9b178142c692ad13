"""Executed notebooks as exhibits: their bytes are in the manifest, their content in ``run.json``.

Whoever opens an executed notebook and saves it changes its bytes. That breaks the manifest, as any
change does; the digest of what it says tells it from a notebook that says something else.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import atomic, canonical, manifest
from readiness_kit.evidence.folder import Run, RunFolder

NOTEBOOKS = "notebooks"
RUN = "run.json"
MAX_BYTES = 256 * 1024 * 1024

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def note(folder: RunFolder) -> None:
    """Write the digest of what each executed notebook says into ``run.json``.

    A notebook that is none, however it came there, gets no digest: the manifest has its bytes.
    """
    found = {}
    for path in sorted((folder.path / NOTEBOOKS).glob("*.ipynb")):
        said = _digest(path)
        if said:
            found[path.name] = said
    folder.note_notebooks(found)


def saved_again(folder: Path) -> Iterator[str]:
    """Yield what to say of each notebook of a sealed *folder* that changed in its bytes alone.

    Ask only where the manifest does not hold. It never makes a run hold that does not.
    """
    try:
        changed = set(manifest.changed(folder))
        noted = canonical.decode(atomic.read(folder / RUN, max_bytes=MAX_BYTES), Run).notebooks
    except IntegrityError:
        return
    for name, digest in noted.items():
        file = f"{NOTEBOOKS}/{name}"
        if file in changed and RUN not in changed and _digest(folder / file) == digest:
            yield f"{file} was saved again: it says the same, in other bytes"


def otherwise(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield each notebook among the files *names* of *folder* that ``run.json`` does not know so.

    A notebook may be sealed again after somebody wrote into it what no run has shown.
    """
    noted = canonical.decode(atomic.read(folder / RUN, max_bytes=MAX_BYTES), Run).notebooks
    for name in names:
        place, _, file = name.rpartition("/")
        executed = place == NOTEBOOKS and file.endswith(".ipynb")
        if executed and _digest(folder / name) != noted.get(file, ""):
            yield f"{name} does not show what it showed when it was executed"


def _digest(path: Path) -> str:
    try:
        notebook = json.loads(atomic.read(path, max_bytes=MAX_BYTES))
        said = [_cell(cell) for cell in notebook["cells"]]
        return hashlib.sha256(canonical.dumps(said)).hexdigest()
    except (IntegrityError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def _cell(cell: dict[str, Json]) -> list[Json]:
    """Return what a cell says: its kind, source and outputs, without ids, counts and metadata."""
    outputs = cell.get("outputs") or []
    assert isinstance(outputs, list)  # noqa: S101 - what is none raises above
    return [cell["cell_type"], _joined(cell["source"]), [_output(one) for one in outputs]]


def _output(output: Json) -> Json:
    if not isinstance(output, dict):
        return output
    said: dict[str, Json] = {
        name: _joined(output[name])
        for name in ("output_type", "name", "text", "ename", "evalue", "traceback")
        if name in output
    }
    data = output.get("data")
    if isinstance(data, dict):
        said["data"] = {kind: _joined(value) for kind, value in data.items()}
    return said


def _joined(value: Json) -> Json:
    """Return the text of a list of lines: notebooks are saved with either."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "".join(str(one) for one in value)
    return value
