"""Notebooks that break in ways papermill does not notice are named, and change no verdict."""

import json
import shutil

import pytest

from readiness_kit.assessment import Assessment
from readiness_kit.batch import OUTPUT_CAP_BYTES, execute, incomplete_reasons
from readiness_kit.notebook_files import packaged_notebooks

NAME = "09_documentation"

pytestmark = pytest.mark.filterwarnings("default")


def broken(folder, change):
    """Return a copy of a notebook after *change* of its list of cells."""
    saved = json.loads((packaged_notebooks() / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    change(saved["cells"])
    folder.mkdir()
    (folder / f"{NAME}.ipynb").write_text(json.dumps(saved), encoding="utf-8")
    return folder / f"{NAME}.ipynb"


def cell(source):
    return {
        "cell_type": "code",
        "id": "added",
        "metadata": {},
        "source": source,
        "execution_count": None,
        "outputs": [],
    }


def run(assessment, target_file, path, **options):
    assessment.gather()
    before = assessment.results()
    with assessment.gathering():
        (done,) = execute(target_file, assessment.folder, [path], **options)
    after = assessment.results()
    assert [c.status for c in after.claims()] == [c.status for c in before.claims()]
    return done


def test_an_unbroken_notebook_counts(assessment, target_file):
    done = run(assessment, target_file, packaged_notebooks() / f"{NAME}.ipynb")
    assert incomplete_reasons([done]) == ()
    assert assessment.folder.done_notebooks() == (NAME,)
    saved = json.loads((assessment.folder.path / "notebooks" / f"{NAME}.ipynb").read_text())
    code = [one for one in saved["cells"] if one["cell_type"] == "code"]
    assert all(one["execution_count"] for one in code)


BREAKS = {
    "exit": ("import sys; sys.exit(0)", "raised SystemExit"),
    "quiet_exit": ("raise SystemExit", "raised SystemExit"),
    "exception": ("1 / 0", "raised ZeroDivisionError: division by zero"),
    "kernel_killed": ("import os; os.kill(os.getpid(), 9)", "its kernel died"),
    "kernel_exits": ("import os; os._exit(0)", "its kernel died"),
    "endless": ("import time; time.sleep(60)", "ran out of time"),
    "syntax": ("def broken(:", "raised SyntaxError"),
    "monkey": ("section.record = None", "raised TypeError"),
}


NEVER_SHOWN = {
    "swallowed": "try: section.show('no.such')\nexcept Exception: pass",
    "un_awaited": "import asyncio\n"
    "async def later(): section.show('documentation.api')\n"
    "task = asyncio.get_event_loop().create_task(asyncio.sleep(99))",
    "thread": "import threading\n"
    "def later(): threading.Event().wait(); section.show('documentation.api')\n"
    "threading.Thread(target=later, daemon=True).start()",
    "callback": "import asyncio\n"
    "_ = asyncio.get_event_loop().call_later(99, section.show, 'documentation.api')",
    "replaced": "section.show = lambda item: None",
}
"""What stands where an item should be shown, and shows it never."""

PROGRAMS = {
    "shell": "!false",
    "captured": "x = !false",
    "cell_magic": "%%bash\nfalse",
    "script": "%%script --no-raise-error sh\nfalse",
    "indented": "if True:\n    !false",
}


def test_there_are_sixteen_kinds():
    """With the three below that are missing something."""
    assert len(BREAKS) + len(NEVER_SHOWN) + len(PROGRAMS) + 3 >= 16


def shows(cell) -> bool:
    return any(word in "".join(cell["source"]) for word in ("section.show(", "show_rest"))


@pytest.mark.parametrize("name", NEVER_SHOWN)
def test_what_was_never_shown_is_named(name, assessment, target_file, tmp_path):
    def hide(cells):
        at = next(n for n, one in enumerate(cells) if shows(one))
        cells[:] = [one for one in cells if not shows(one)]
        cells.insert(at, cell(NEVER_SHOWN[name]))

    done = run(assessment, target_file, broken(tmp_path / "broken", hide))
    assert "did not show documentation.api" in done.problem
    assert assessment.folder.done_notebooks() == ()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_fails_unseen_is_named(name, assessment, target_file, tmp_path):
    path = broken(tmp_path / "broken", lambda cells: cells.insert(4, cell(PROGRAMS[name])))
    done = run(assessment, target_file, path)
    assert incomplete_reasons([done])
    assert "starts a program" in done.problem or "raised CalledProcessError" in done.problem


def test_a_swallowed_end_leaves_no_record(assessment, target_file, tmp_path):
    def swallow(cells):
        cells[:] = [one for one in cells if not shows(one)]
        cells[-1]["source"] = "try: section.record()\nexcept Exception: pass"

    done = run(assessment, target_file, broken(tmp_path / "broken", swallow))
    assert "no done-record" in done.problem


def test_a_secret_that_a_notebook_prints_is_redacted(target_file, tmp_path):
    """By a cell of the user's own, in its output, its traceback and the reason of its failure."""
    secret = 'hunter2-"hunter2"/hunter2'
    (tmp_path / "token").write_text(secret)
    with target_file.open("a") as file:
        file.write("auth: {token: 'file:token'}\n")
    opened = Assessment.open(target_file, tmp_path / "run", only=("documentation",))
    leak = cell(f"print({secret!r})\nraise ValueError({secret!r})")
    done = run(
        opened, target_file, broken(tmp_path / "broken", lambda cells: cells.insert(4, leak))
    )
    assert "raised ValueError: [redacted]" in done.problem
    opened.seal(opened.results(complete=False, incomplete_reasons=(f"gathering: {secret}",)))
    stored = [one.read_bytes() for one in (tmp_path / "run").rglob("*") if one.is_file()]
    assert not any(b"hunter2" in one for one in stored)


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_notebook_is_named(name, assessment, target_file, tmp_path):
    source, said = BREAKS[name]
    path = broken(tmp_path / "broken", lambda cells: cells.insert(4, cell(source)))
    done = run(assessment, target_file, path, cell_timeout_s=3 if name == "endless" else 60)
    (reason,) = incomplete_reasons([done])
    assert reason.startswith(f"{NAME}: ")
    assert said in reason
    assert assessment.folder.done_notebooks() == ()


def test_a_notebook_that_lost_an_item_is_named(assessment, target_file, tmp_path):
    def lose(cells):
        at = next(n for n, one in enumerate(cells) if "section.show(" in "".join(one["source"]))
        del cells[at]
        cells[:] = [one for one in cells if "show_rest" not in "".join(one["source"])]

    done = run(assessment, target_file, broken(tmp_path / "broken", lose))
    assert "did not show documentation.api" in done.problem


def test_a_notebook_that_lost_its_last_cell_is_named(assessment, target_file, tmp_path):
    done = run(assessment, target_file, broken(tmp_path / "broken", lambda cells: cells.pop()))
    assert "no done-record" in done.problem


def test_a_missing_notebook_is_named(assessment, target_file, tmp_path):
    done = run(assessment, target_file, tmp_path / f"{NAME}.ipynb")
    assert done.problem


def test_a_flood_is_cut(assessment, target_file, tmp_path):
    flood = cell("for _ in range(20_000): print('x' * 60)")
    path = broken(tmp_path / "broken", lambda cells: cells.insert(4, flood))
    done = run(assessment, target_file, path)
    assert done.problem == ""
    saved = assessment.folder.path / "notebooks" / f"{NAME}.ipynb"
    assert saved.stat().st_size < OUTPUT_CAP_BYTES + 300_000
    assert "more characters were cut" in saved.read_text(encoding="utf-8")


def test_plain_papermill_works(target_file, tmp_path):
    import papermill

    shutil.copytree(packaged_notebooks(), tmp_path / "notebooks")
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        tmp_path / "notebooks" / f"{NAME}.ipynb",
        out,
        parameters={"target_file": str(target_file)},
        progress_bar=False,
    )
    (folder,) = (tmp_path / ".readiness" / "runs").iterdir()
    assert "-interactive-" in folder.name
    assert (folder / "notebooks" / f"{NAME}.done.json").exists()
    assert "UNKNOWN" in out.read_text(encoding="utf-8")
