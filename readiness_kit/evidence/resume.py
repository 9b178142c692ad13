"""Taking up a run that was cut short: what is stored stays, what was under way is repeated."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from readiness_kit import __version__
from readiness_kit.errors import RunFolderError, UsageError
from readiness_kit.evidence import atomic, canonical
from readiness_kit.evidence.folder import WITHIN, RunFolder, StoredFact, catalogue_digest
from readiness_kit.target import Target
from readiness_kit.target_file import digest

BEGUN = "BEGUN"
"""Journal event: everything that a run needs before it asks the target is in its folder."""


def take_up(path: Path, target: Target, now: datetime | None = None) -> RunFolder:
    """Return the unfinished run in *path*, as it was left.

    Raises:
        UsageError: Finished, too old, or begun with another target, catalogue or kit.

    """
    try:
        folder = RunFolder.join(path)
    except RunFolderError as error:
        raise UsageError(
            f"nothing to resume in {path}: {error.message}", hint="begin a new run"
        ) from error
    reason = _refusal(folder, target, now or datetime.now(UTC))
    if reason:
        raise UsageError(
            f"{path} cannot be resumed: {reason}",
            hint="begin a new run; --reuse takes over fresh facts of a sealed one",
        )
    # Sealing removes the locks before it writes the manifest.
    atomic.make_folder(path / "locks")
    return RunFolder.join(path, target)


def tidy(folder: RunFolder) -> None:
    """Remove what the interrupted process left half done; its facts stay.

    Call it as the run's gatherer: nobody else may be writing. Notebooks are executed again, since a
    done-record is written before the notebook around it is saved.
    """
    atomic.remove_leftovers(folder.path)
    _drop_torn_line(folder)
    # Jupyter keeps folders of its own there
    shutil.rmtree(folder.path / "notebooks", ignore_errors=True)
    atomic.make_folder(folder.path / "notebooks")
    folder.lock("gathered").unlink(missing_ok=True)
    for file in (folder.path / "facts").iterdir():
        if not _whole(file):
            file.unlink()
    folder.journal("RESUMED", repeats=unfinished(folder))


def unfinished(folder: RunFolder) -> list[str]:
    """Return the facts that were being gathered when the run was cut short."""
    started = {str(event["fact"]) for event in folder.events() if event["event"] == "STARTED"}
    return sorted(fact_id for fact_id in started if not folder.has_fact(fact_id))


def begun(folder: RunFolder) -> bool:
    """Whether the run in *folder* got as far as having all it needs."""
    return any(event["event"] == BEGUN for event in folder.events())


def _refusal(folder: RunFolder, target: Target, now: datetime) -> str:
    run, age = folder.run, now - folder.run.started_at
    if folder.sealed:
        return "it is finished and sealed"
    if run.target_sha256 != digest(target):
        return "it was begun for another target or another readiness.yaml"
    if run.kit_version != __version__:
        return f"it was begun by version {run.kit_version}, this is {__version__}"
    if run.catalogue_sha256 != catalogue_digest():
        return "it was begun with another catalogue of claims"
    if not timedelta() <= age <= WITHIN:
        return f"it began at {run.started_at:%Y-%m-%dT%H:%M:%SZ}, more than a day from now"
    return ""


def _whole(file: Path) -> bool:
    try:
        stored = canonical.decode(file.read_bytes(), StoredFact)
    except (OSError, canonical.BadJson):
        return False
    return stored.fact == file.stem


def _drop_torn_line(folder: RunFolder) -> None:
    journal = folder.path / "journal.jsonl"
    data = journal.read_bytes() if journal.exists() else b""
    if data and not data.endswith(b"\n"):
        folder.write(journal.name, data[: data.rfind(b"\n") + 1])
