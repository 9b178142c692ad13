"""Facts of an earlier run of the same deployment, taken over while they are fresh."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from readiness_kit import __version__
from readiness_kit.errors import NotSeen, RunFolderError, UsageError
from readiness_kit.evidence import chain
from readiness_kit.evidence.folder import Origin, RunFolder, Unseen, release_words
from readiness_kit.facts import Fact
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.results import Link
from readiness_kit.target import Target
from readiness_kit.target_file import digest


@dataclass(frozen=True)
class Donor:
    """A sealed run whose facts may be taken over."""

    folder: RunFolder
    link: Link


def donor(path: Path, target: Target) -> Donor:
    """Return the run in *path*, whose facts may stand for *target* where they are fresh.

    Raises:
        UsageError: Not sealed, of another target or release, of none, or made by another kit.
        IntegrityError: Its manifest does not hold.

    """
    try:
        folder = RunFolder.join(path)
    except RunFolderError as error:
        raise UsageError(f"nothing to reuse in {path}: {error.message}") from error
    reason = _refusal(folder, target)
    if reason:
        raise UsageError(f"{path} cannot be reused: {reason}", hint="leave out --reuse")
    return Donor(folder, chain.link(path))


def _refusal(folder: RunFolder, target: Target) -> str:
    run, release = folder.run, release_words(target)
    if not folder.sealed:
        return "it is not finished; --resume goes on with it"
    if run.target_name != target.name or run.environment != target.environment:
        return f"it is of {run.target_name} ({run.environment})"
    if not release:
        return "readiness.yaml declares no release, so nothing says that the same one is deployed"
    if run.release != release:
        return f"it saw release {run.release or 'unknown'}, this is {release}"
    if run.target_sha256 != digest(target):
        return "readiness.yaml has changed since"
    if run.kit_version != __version__:
        return f"it was made by version {run.kit_version}, this is {__version__}"
    return ""


def other_deployment(donor: Donor, into: RunFolder) -> str:
    """Return why the deployment that *into* asks is not seen to be that of *donor*, or nothing.

    Every part by which it was known then must be seen again now, and be the same.
    """
    try:
        then, now = (one.read_fact(Identity).parts for one in (donor.folder, into))
    except NotSeen as error:
        return error.message
    if then.keys() <= {"release"}:
        return "nothing but its declaration identified the deployment"
    for part, value in then.items():
        if now.get(part) != value:
            return f"its {part} {'differs' if part in now else 'cannot be seen now'}"
    return ""


def take_over(
    donor: Donor, into: RunFolder, half_lives: Mapping[type[Fact], int]
) -> dict[str, Unseen]:
    """Store every fresh fact of *donor* in *into*; return what to say of those that are stale.

    *half_lives* holds, for each kind of fact, for how many days it counts.
    """
    stale = {}
    for kind, days in half_lives.items():
        fact_id = kind.fact_id()
        found = donor.folder.read_stored(fact_id)
        if kind is Identity or found is None or into.has_fact(fact_id):
            continue
        stored, sha256 = found
        try:
            fact = donor.folder.read_fact(kind)
        except NotSeen:
            continue
        age = into.run.started_at - fact.observed_at
        if age < timedelta():
            continue
        if age > timedelta(days=days):
            stale[fact_id] = _stale(donor, age, days)
            continue
        origin = stored.origin or Origin(run_id=donor.folder.run_id, sha256=sha256)
        into.write_fact(fact_id, fact, seconds=0, cost={}, origin=origin)
        into.journal("REUSED", fact=fact_id, run=origin.run_id)
    return stale


def _stale(donor: Donor, age: timedelta, days: int) -> Unseen:
    return Unseen(
        cause="stale",
        reason=f"last seen {age.days} days ago, in {donor.folder.run_id}; it counts for {days}",
        hint="allow the effect that gathers it",
    )
