"""Executes notebooks headless with papermill, and believes none of what papermill says about them.

A notebook ran to its end when its last cell left a done-record, every code cell has an execution
count, no cell holds an error, and none starts another program, whose failure nobody would see.
What a cell printed is redacted before the run is sealed. Everything else is named in the reasons
for which the run is incomplete. No notebook changes a verdict: those are computed from the facts,
by the parent.

Each notebook has a fresh kernel, reached through sockets in a folder of its own rather than through
TCP ports that anybody on the host could speak to.
"""

import contextlib
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from readiness_kit.checks import all_checks
from readiness_kit.contents import ITEMS
from readiness_kit.evidence import atomic, locks, manifest
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.evidence.redaction import Redactor
from readiness_kit.notebook_files import section_of
from readiness_kit.sources import Source

JOBS = 2
"""Kernels at once."""

CELL_TIMEOUT_S = 1800
"""Longest a cell may wait: for facts, mostly."""

OUTPUT_CAP_BYTES = 200_000
"""Most text that is kept of one cell."""

QUIET_RESOURCE = "resource-load"
"""Lock held while load is put on the target: no kernel is started meanwhile."""

OTHER_PROGRAMS = ("system", "getoutput", "run_cell_magic")
"""What IPython makes of ``!command``, of ``x = !command`` and of ``%%magic``."""

IMPORTED_FOR_NOTHING = ("rfc3987_syntax", "isoduration")
"""Optional parts of jsonschema that JupyterLab installs, and that build grammars for seconds."""


class Executed(NamedTuple):
    """How the execution of one notebook ended."""

    name: str
    seconds: float
    problem: str
    """Why it does not count; empty when it ran to its end."""


def execute(
    target_file: Path,
    folder: RunFolder,
    notebooks: Sequence[Path],
    *,
    allow: Sequence[str] = (),
    sources: Mapping[type, Source] | None = None,
    jobs: int = JOBS,
    cell_timeout_s: int = CELL_TIMEOUT_S,
    on_done: Callable[[Executed], None] | None = None,
) -> tuple[Executed, ...]:
    """Execute *notebooks* into the run *folder*, those first whose facts are there first.

    Never raises for what a notebook does.
    """
    parameters = {
        "target_file": str(target_file.resolve()),
        "run_dir": str(folder.path),
        "allow": ",".join(allow),
        "replay_from": "",
    }

    def one(path: Path) -> Executed:
        while locks.is_held(folder.lock(QUIET_RESOURCE)):
            time.sleep(0.2)
        output = folder.path / "notebooks" / path.name
        done = _execute_one(path, output, parameters, cell_timeout_s, folder.redactor)
        if not done.problem and path.stem not in folder.done_notebooks():
            done = done._replace(problem="left no done-record: it did not run to its last cell")
        if on_done is not None:
            on_done(done)
        return done

    _load_papermill()
    ordered = sorted(notebooks, key=lambda path: _patience(path.stem, sources or {}))
    with ThreadPoolExecutor(jobs, thread_name_prefix="notebook") as pool:
        try:
            return tuple(pool.map(one, ordered))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end_kernels()
            raise


def incomplete_reasons(executed: Sequence[Executed]) -> tuple[str, ...]:
    """Return why the run is incomplete, by notebook; empty when every one ran to its end."""
    return tuple(f"{one.name}: {one.problem}" for one in sorted(executed) if one.problem)


def execute_sign_off(folder: Path, notebook: Path) -> Executed:
    """Execute the sign-off *notebook* on the sealed run in *folder*, into its ``signoff/``.

    It is no part of what is signed, so it may say what only the sealed run can: its digest's
    signatures, and until when they would stand. Never raises for what the notebook does.
    """
    _load_papermill()
    parameters = {"target_file": "", "run_dir": "", "allow": "", "replay_from": str(folder)}
    place = folder / manifest.SIGNOFF
    place.mkdir(mode=0o700, exist_ok=True)
    unfinished = place / f"{atomic.LEFTOVER}{notebook.name}"
    try:
        done = _execute_one(notebook, unfinished, parameters, CELL_TIMEOUT_S, Redactor())
        if not done.problem:
            unfinished.replace(place / notebook.name)
        return done
    finally:
        unfinished.unlink(missing_ok=True)


def _execute_one(
    path: Path,
    output: Path,
    parameters: Mapping[str, str],
    cell_timeout_s: int,
    redactor: Redactor,
) -> Executed:
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="readiness-kernel-") as place:
            _run_papermill(path, output, parameters, Path(place), cell_timeout_s)
        problem = ""
    except Exception as error:  # noqa: BLE001 - whatever a notebook does is data
        problem = _said(error)
    shown = _unfinished(output, redactor)
    problem = redactor.text(problem or shown)
    return Executed(path.stem, round(time.monotonic() - began, 2), problem)


def _run_papermill(
    path: Path, output: Path, parameters: Mapping[str, str], place: Path, cell_timeout_s: int
) -> None:
    import papermill
    from jupyter_core.utils import ensure_event_loop
    from traitlets.config import Config

    # nbclient makes a loop for this thread and leaves it open.
    loop = ensure_event_loop()
    manager = {
        "transport": "ipc",
        "ip": str(place / "socket"),
        "connection_file": str(place / "kernel.json"),
    }
    try:
        papermill.execute_notebook(
            path,
            output,
            parameters=dict(parameters),
            kernel_name="python3",
            progress_bar=False,
            execution_timeout=cell_timeout_s,
            shutdown_kernel="immediate",
            config=Config({"KernelManager": manager}),
            # The user's own profile and start-up files are no part of the evidence.
            extra_arguments=[f"--ipython-dir={place}", "--HistoryManager.enabled=False"],
        )
    finally:
        loop.close()


def _said(error: Exception) -> str:
    """Say in one line what papermill, nbclient or the kernel raised."""
    name = type(error).__name__
    if name == "PapermillExecutionError":
        cell = getattr(error, "exec_count", "?")
        ename, evalue = getattr(error, "ename", ""), getattr(error, "evalue", "")
        return f"cell {cell} raised {ename}: {evalue}".splitlines()[0][:300]
    words = {
        "DeadKernelError": "its kernel died",
        "CellTimeoutError": "a cell ran out of time",
    }
    detail = next(iter(str(error).splitlines()), "")
    return words.get(name, f"{name}: {detail}"[:300])


def _unfinished(output: Path, redactor: Redactor) -> str:
    """Return what the saved notebook shows to be wrong, whatever papermill said.

    Also cap what it printed, and take the secrets out of it.
    """
    try:
        saved = json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"was not saved: {error}"
    code = [cell for cell in saved["cells"] if cell["cell_type"] == "code"]
    capped = [_cap(cell) for cell in code]
    clean = redactor.data(saved)
    if any(capped) or clean != saved:
        atomic.write(output, json.dumps(clean, indent=1, ensure_ascii=False).encode())
    for number, cell in enumerate(code):
        for one in cell["outputs"]:
            if one["output_type"] == "error":
                return f"code cell {number} raised {one['ename']}: {one['evalue']}"[:300]
        if "".join(cell["source"]).strip() and cell["execution_count"] is None:
            return f"code cell {number} never ran"
        if _starts_programs("".join(cell["source"])):
            return f"code cell {number} starts a program (! or %%), whose failure nobody would see"
    return ""


def _starts_programs(source: str) -> bool:
    """Whether IPython hands a part of *source* to a shell or to a magic of the whole cell."""
    from IPython.core.inputtransformer2 import TransformerManager

    python = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    return any(f"get_ipython().{one}(" in python for one in OTHER_PROGRAMS)


def _cap(cell: dict[str, object]) -> bool:
    """Cut what *cell* printed to the cap; whether there was anything to cut."""
    outputs = cell["outputs"]
    assert isinstance(outputs, list)  # noqa: S101 - the notebook format says so
    left, cut = OUTPUT_CAP_BYTES, False
    for one in outputs:
        if one["output_type"] != "stream":
            continue
        text = "".join(one["text"])
        if len(text) > left:
            one["text"] = f"{text[:left]}\n… {len(text) - left} more characters were cut\n"
            cut = True
        left = max(0, left - len(text))
    return cut


def _end_kernels() -> None:
    """End the kernels this process started, so that an interrupted run ends now."""
    import psutil

    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any("ipykernel_launcher" in word for word in child.cmdline()):
                child.kill()


def _patience(name: str, sources: Mapping[type, Source]) -> int:
    """Return the last turn that a notebook waits for; an overview waits for all."""
    items = [item.id for item in ITEMS if item.section == section_of(name)]
    checks = [check for check in (all_checks().get(one) for one in items) if check]
    found = [sources[kind].turn for check in checks for kind in check.needs if kind in sources]
    return max(found, default=0) if items else 4


def _load_papermill() -> None:
    """Import papermill without the parts of jsonschema that cost seconds and check nothing here."""
    with _left_out(IMPORTED_FOR_NOTHING):
        import papermill  # noqa: F401

    logging.getLogger("papermill").setLevel(logging.ERROR)


@contextlib.contextmanager
def _left_out(names: Sequence[str]) -> Iterator[None]:
    """Make ``import`` fail for optional modules that are not imported yet, while this lasts."""
    absent = [name for name in names if name not in sys.modules]
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            modules.pop(name, None)
