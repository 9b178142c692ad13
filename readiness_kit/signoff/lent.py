"""What a run borrowed from staging: checked by every verifier, against the lender's signatures.

A copy of a part of the lender's folder lies in the borrower's, with the lender's manifest and its
four signatures, so that a verifier who has never seen the lender still checks every byte.
"""

from collections.abc import Iterator

import msgspec

from readiness_kit.errors import IntegrityError, ReadinessError
from readiness_kit.evidence import borrowed, canonical, manifest
from readiness_kit.evidence.folder import StoredFact
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.signoff import policy
from readiness_kit.signoff.policy import Pinned
from readiness_kit.signoff.quorum import signatures
from readiness_kit.signoff.record import Terms
from readiness_kit.signoff.sealed import SealedRun, unsignable
from readiness_kit.target import Release

POLICY = "policy.json"
"""The policy that the lender was signed under, beside its signatures."""

MAX_BYTES = 64 * 1024 * 1024


class _Declared(msgspec.Struct, frozen=True):
    """The part of a stored target that says what was deployed."""

    release: Release | None = None


def problems(run: SealedRun, signers: AllowedSigners) -> Iterator[str]:
    """Yield what does not hold of the evidence that *run* borrows."""
    place = run.folder / borrowed.FOLDER
    held: dict[str, SealedRun] = {}
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        try:
            held[path.name] = copy = SealedRun.open(path, partial=True)
            pinned = policy.load(path / manifest.SIGNOFF / POLICY)
            _demand_lent(copy, run, signers, pinned)
        except ReadinessError as error:
            yield f"{borrowed.FOLDER}/{path.name}: {error.message}"
    taken_over = {one.fact: one.run_id for one in run.results.reused}
    for one in run.results.borrowed:
        for fact in one.facts:
            if one.run.run_id not in held or taken_over.get(fact) != one.run.run_id:
                yield f"{fact} is said to be borrowed from {one.run.run_id}, which is not kept"
            elif not _same(run.manifest, held[one.run.run_id].manifest, fact):
                yield f"{fact} is not what {one.run.run_id} lent"


def unfit(run: SealedRun, name: str, commit: str, version: str) -> str:
    """Return why *run* cannot lend to a run of the service *name* and the release *commit*.

    Nothing: it can. The borrower is a run of *version* of the kit.
    """
    theirs = commit_of(run)
    if run.results.target.name != name:
        return f"it assessed {run.results.target.name}, this is {name}"
    if run.results.target.environment != "staging":
        return f"it assessed {run.results.target.environment}, not staging"
    if not commit:
        return "readiness.yaml declares no release.commit, so nothing says that it is the same"
    if theirs != commit:
        return f"it saw the commit {theirs or 'of nobody knows what'}, this is {commit}"
    if run.results.kit_version != version:
        return f"it was made by version {run.results.kit_version}, this is {version}"
    return ""


def commit_of(run: SealedRun) -> str:
    """Return the commit that *run* says was deployed, or nothing."""
    data = run.manifest.read("target.redacted.json", max_bytes=MAX_BYTES)
    release = canonical.decode(data, _Declared, max_bytes=MAX_BYTES).release
    return release.commit if release else ""


def _demand_lent(copy: SealedRun, run: SealedRun, signers: AllowedSigners, pinned: Pinned) -> None:
    """Demand that *copy* was signed when *run* began, and may lend to it."""
    here = run.results
    faults = [unfit(copy, here.target.name, commit_of(run), here.kit_version)]
    faults += [unsignable(copy.results, pinned.policy)]
    terms = Terms(run=copy, signers=signers, policy=pinned, at=run.results.started_at)
    faults += signatures(terms)[1]
    found = [fault for fault in faults if fault]
    if found:
        raise IntegrityError("; ".join(found))


def _same(here: manifest.Manifest, there: manifest.Manifest, fact: str) -> bool:
    """Tell whether the fact in this run is the one that the copy of the lender holds."""
    name = f"facts/{fact}.json"
    try:
        one, other = (
            canonical.decode(one.read(name, max_bytes=MAX_BYTES), StoredFact, max_bytes=MAX_BYTES)
            for one in (here, there)
        )
    except IntegrityError:
        return False
    return (
        one.value == other.value
        and one.origin is not None
        and one.origin.sha256 == there.digests[name]
    )
