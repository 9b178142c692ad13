"""How runs refer to each other: by id, verdict, and the digest that signatures name."""

from collections.abc import Iterator
from pathlib import Path

from readiness_kit.errors import IntegrityError, ReadinessError
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import Run, RunFolder
from readiness_kit.results import Link, Results
from readiness_kit.target import Target

MAX_BYTES = 64 * 1024 * 1024
"""Largest ``results.json`` that is read."""


def link(folder: Path) -> Link:
    """Return the link to the sealed run in *folder*, whose manifest must hold.

    Raises:
        IntegrityError: Not sealed, changed since, or without readable results.

    """
    return _link(*_sealed(folder))


def copied_link(folder: Path) -> Link:
    """Return the link to the run of which *folder* holds a partial copy.

    Raises:
        IntegrityError: What is there is not what its manifest says.

    """
    return _link(*_sealed(folder, partial=True))


def sealed_results(folder: Path) -> Results:
    """Return the results of the sealed run in *folder*, whose manifest must hold.

    Raises:
        IntegrityError: Not sealed, changed since, or without readable results.

    """
    return _sealed(folder)[1]


def _link(checked: manifest.Manifest, results: Results) -> Link:
    return Link(run_id=results.run_id, manifest_sha256=checked.sha256, verdict=results.verdict)


def _sealed(folder: Path, *, partial: bool = False) -> tuple[manifest.Manifest, Results]:
    checked = manifest.check(folder, partial=partial)
    data = checked.read("results.json", max_bytes=MAX_BYTES)
    return checked, canonical.decode(data, Results, max_bytes=MAX_BYTES)


def previous(parent: Path, target: Target) -> Link | None:
    """Return the newest sealed and intact run of *target* under *parent*, if there is one."""
    same = [(path, run) for path, run in runs_in(parent) if _is_of(run, target)]
    for path, _ in sorted(same, key=lambda one: one[1].started_at, reverse=True):
        if (path / manifest.NAME).exists():
            try:
                return link(path)
            except IntegrityError:
                continue
    return None


def runs_in(parent: Path) -> Iterator[tuple[Path, Run]]:
    """Yield every run folder directly under *parent* that can be read, by name."""
    for path in sorted(parent.iterdir()) if parent.is_dir() else ():
        if path.is_symlink() or not path.is_dir():
            continue
        try:
            yield path, RunFolder.join(path).run
        except ReadinessError:
            continue


def _is_of(run: Run, target: Target) -> bool:
    return (run.target_name, run.environment) == (target.name, target.environment)
