"""A kernel that dies under a notebook, or takes the whole run with it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from faults.fault import Fault, Stage

from readiness_kit.assessment import Assessment
from readiness_kit.batch import execute, execute_sign_off, incomplete_reasons
from readiness_kit.errors import Unsignable
from readiness_kit.evidence import atomic, manifest
from readiness_kit.notebook_files import packaged_notebooks
from readiness_kit.signoff import bundle, machine, policy, sign
from readiness_kit.signoff.sealed import SealedRun

NAME = "09_documentation"
SIGN_OFF = "11_sign_off"
TARGET = "schema: 1\nname: quill\nenvironment: staging\n"
KILLS = {
    "by SIGKILL": "import os; os.kill(os.getpid(), 9)",
    "by os._exit(0)": "import os; os._exit(0)",
    "by a broken pointer": "import ctypes; ctypes.string_at(0)",
}

PARENT = """\
import sys
from pathlib import Path
from readiness_kit.batch import execute_sign_off
execute_sign_off(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def with_cell(folder: Path, name: str, source: str) -> Path:
    """Return a copy of the notebook *name* with one more cell of *source* in its middle."""
    saved = json.loads((packaged_notebooks() / f"{name}.ipynb").read_text(encoding="utf-8"))
    cell = {"cell_type": "code", "id": "added", "metadata": {}, "outputs": []}
    saved["cells"].insert(4, cell | {"source": source, "execution_count": None})
    (folder / f"{name}.ipynb").write_text(json.dumps(saved), encoding="utf-8")
    return folder / f"{name}.ipynb"


def opened(stage: Stage) -> Assessment:
    (stage.place / "readiness.yaml").write_text(TARGET)
    return Assessment.open(
        stage.place / "readiness.yaml", stage.place / "run", only=("documentation",)
    )


def dies(stage: Stage, *, source: str) -> None:
    """The run says so, and nobody can sign it; no status is another one for it."""
    run = opened(stage)
    run.gather()
    before = [claim.status for claim in run.results().claims()]
    with run.gathering():
        path = with_cell(stage.place, NAME, source)
        (done,) = execute(stage.place / "readiness.yaml", run.folder, [path])
    (reason,) = incomplete_reasons([done])
    assert "its kernel died" in reason
    results = run.results(complete=False, incomplete_reasons=(reason,))
    assert [claim.status for claim in results.claims()] == before
    run.seal(results)
    manifest.check(run.folder.path)
    with pytest.raises(Unsignable, match="its kernel died"):
        sign.sign(
            run.folder.path,
            role="security_lead",
            principal="ann@example.invalid",
            key=stage.place / "none",
            policy=policy.load(None),
        )


def sealed(stage: Stage) -> Path:
    run = opened(stage)
    run.gather()
    run.seal(run.results())
    return run.folder.path


def dies_after_sealing(stage: Stage, *, source: str) -> None:
    """The sign-off notebook comes to nothing; the run stays whole without it."""
    run = sealed(stage)
    done = execute_sign_off(run, with_cell(stage.place, SIGN_OFF, source))
    assert "its kernel died" in done.problem
    demand_only_the_statement(run)
    assert [one.name for one in (run / "signoff").iterdir()] == [machine.NAME]


def takes_the_run_with_it(stage: Stage) -> None:
    """``kill -9`` of whoever executes the sign-off notebook leaves no half of it that counts."""
    run = sealed(stage)
    path = with_cell(stage.place, SIGN_OFF, "import os; os.kill(os.getppid(), 9)")
    done = subprocess.run(
        [sys.executable, "-c", PARENT, run, path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    demand_only_the_statement(run)


def demand_only_the_statement(run: Path) -> None:
    """Demand that the run holds, and that a bundle takes nothing unfinished along."""
    assert machine.problem(SealedRun.open(run)) == ""
    archive = bundle.write(run, run.parent / "run.tar")
    with bundle.opened(archive) as folder:
        beside = [one.name for one in (folder / "signoff").iterdir()]
    assert beside == [machine.NAME]
    assert not list(run.parent.glob(f"{atomic.LEFTOVER}*"))


FAULTS = (
    *(Fault("kernel killed", words, partial(dies, source=one)) for words, one in KILLS.items()),
    *(
        Fault("kernel killed", f"after sealing, {words}", partial(dies_after_sealing, source=one))
        for words, one in KILLS.items()
    ),
    Fault("kernel killed", "and the run with it", takes_the_run_with_it),
)
