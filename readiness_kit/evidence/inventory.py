"""Which run folders there are, how they stand, and which of them may go."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit.contents import ROLES
from readiness_kit.evidence import canonical, chain, locks, manifest
from readiness_kit.evidence.folder import Run, RunFolder
from readiness_kit.results import Results

State = Literal["sealed", "unfinished", "under_way", "changed"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One run folder."""

    path: str
    run_id: str
    target: str
    environment: str
    release: str
    started_at: datetime
    state: State
    """``changed``: its results are not those of its manifest; ``readiness verify`` says more."""
    verdict: str
    """Verdict of a sealed run; empty otherwise."""
    signatures: tuple[str, ...]
    """Roles whose statement and signature lie there; nothing is verified here."""
    bytes: int
    files: int


def inventory(parent: Path) -> tuple[Entry, ...]:
    """Return the run folders directly under *parent*, newest first."""
    found = (_entry(path, run) for path, run in chain.runs_in(parent))
    return tuple(sorted(found, key=lambda one: one.started_at, reverse=True))


def prunable(
    entries: Iterable[Entry],
    now: datetime,
    *,
    older_than_days: float | None,
    keep: int | None,
    signed: bool,
) -> tuple[Entry, ...]:
    """Return what may go: all that is old enough, but for the newest *keep* of each target.

    What is under way stays, and what has a signature unless *signed*. Pure.
    """
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for one in sorted(entries, key=lambda one: one.started_at, reverse=True):
        target = (one.target, one.environment)
        seen[target] += 1
        spared = keep is not None and seen[target] <= keep
        young = older_than_days is not None and now - one.started_at <= timedelta(
            days=older_than_days
        )
        if not (spared or young or one.state == "under_way" or (one.signatures and not signed)):
            found.append(one)
    return tuple(found)


def remove(entry: Entry) -> None:
    """Remove one run folder; cut short, it is no sealed run any more."""
    path = Path(entry.path)
    (path / manifest.NAME).unlink(missing_ok=True)
    shutil.rmtree(path)


def _entry(path: Path, run: Run) -> Entry:
    state, verdict = _state(path)
    sizes = list(_sizes(path))
    return Entry(
        path=str(path),
        run_id=run.run_id,
        target=run.target_name,
        environment=run.environment,
        release=run.release,
        started_at=run.started_at,
        state=state,
        verdict=verdict,
        signatures=tuple(_signatures(path / manifest.SIGNOFF)),
        bytes=sum(sizes),
        files=len(sizes),
    )


def _state(path: Path) -> tuple[State, str]:
    sums = path / manifest.NAME
    if not sums.exists():
        # Asking must leave nothing behind: a lock that is not there is held by nobody.
        lock = RunFolder.join(path).lock("gatherer")
        return ("under_way" if lock.exists() and locks.is_held(lock) else "unfinished"), ""
    try:
        data = (path / "results.json").read_bytes()
        line = f"{hashlib.sha256(data).hexdigest()}  results.json\n".encode()
        results = canonical.decode(data, Results)
        held = line in sums.read_bytes()
    except (OSError, canonical.BadJson):
        return "changed", ""
    return ("sealed", results.verdict.value) if held else ("changed", "")


def _sizes(path: Path) -> Iterator[int]:
    for inside in path.rglob("*"):
        if inside.is_file() and not inside.is_symlink():
            yield inside.stat().st_size


def _signatures(place: Path) -> Iterator[str]:
    for role in ROLES:
        if (place / f"{role}.json").is_file() and (place / f"{role}.json.sig").is_file():
            yield role
