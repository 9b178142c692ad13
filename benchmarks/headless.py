"""Twelve notebooks headless: this kit's batch against plain papermill, in the same run.

Both execute the same notebooks on a target of which nothing can be asked, so what is measured is
the overhead of kernels, imports and papermill alone. Rounds alternate; medians and their ratio
count.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from readiness_kit.batch import execute
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.notebook_files import NOTEBOOKS, packaged_notebooks
from readiness_kit.target_file import load_target

ROUNDS = 3
TARGET = "schema: 1\nname: nothing\nenvironment: development\n"


def ours(target: Path, folder: RunFolder, notebooks: list[Path]) -> None:
    executed = execute(target, folder, notebooks)
    broken = [one for one in executed if one.problem]
    if broken:
        sys.exit(f"not a measurement: {broken}")


def papermill(target: Path, folder: RunFolder, notebooks: list[Path]) -> None:
    for notebook in notebooks:
        command = [sys.executable, "-m", "papermill", str(notebook)]
        command += [str(folder.path / "notebooks" / notebook.name), "--no-progress-bar"]
        command += ["-p", "target_file", str(target), "-p", "run_dir", str(folder.path)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    notebooks = [packaged_notebooks() / f"{name}.ipynb" for name in NOTEBOOKS]
    seconds: dict[str, list[float]] = {"readiness-kit": [], "papermill": []}
    for _ in range(ROUNDS):
        for name, run in (("readiness-kit", ours), ("papermill", papermill)):
            with tempfile.TemporaryDirectory() as place:
                target = Path(place) / "readiness.yaml"
                target.write_text(TARGET)
                folder = RunFolder.create(Path(place), load_target(target))
                began = time.perf_counter()
                run(target, folder, notebooks)
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    for name, found in seconds.items():
        rounds = ", ".join(f"{one:.1f}" for one in found)
        print(f"{name:<14} {medians[name]:6.1f} s median of {ROUNDS} ({rounds})")
    print(f"ratio          {medians['readiness-kit'] / medians['papermill']:6.2f}")


if __name__ == "__main__":
    main()
