"""A sealed run as signers and verifiers see it: whole, untouched, and consistent with itself."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from readiness_kit.contents import ITEMS, claims
from readiness_kit.errors import IntegrityError, Unsignable
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import Run
from readiness_kit.results import Results
from readiness_kit.signoff.policy import Policy
from readiness_kit.target import Release
from readiness_kit.verdict import Verdict, verdict

MAX_BYTES = 64 * 1024 * 1024
TARGET = "target.redacted.json"


class _Declared(msgspec.Struct, frozen=True):
    """The part of the stored target that says what was assessed."""

    name: str
    environment: str
    phase: str
    release: Release | None = None


@dataclass(frozen=True)
class SealedRun:
    """A run whose manifest holds."""

    folder: Path
    manifest: manifest.Manifest
    results: Results

    @classmethod
    def open(cls, folder: Path, *, partial: bool = False, older: bool = False) -> "SealedRun":
        """Check the manifest of the run in *folder*, and read what it holds.

        Of a *partial* copy, facts and exhibits may be missing; of an *older* run that is only
        shown, items that did not exist then.

        Raises:
            Unsignable: There is no manifest: the run was cut short.
            IntegrityError: The manifest does not hold, or the run contradicts itself.

        """
        if not (folder / manifest.NAME).exists():
            raise Unsignable(
                f"{folder} holds no {manifest.NAME}: no run, or one that was cut short",
                hint="`readiness run` makes one; an interrupted run is resumed, then sealed",
            )
        checked = manifest.check(folder, partial=partial)
        data = checked.read("results.json", max_bytes=MAX_BYTES)
        results = canonical.decode(data, Results, max_bytes=MAX_BYTES)
        asked = canonical.decode(checked.read("run.json", max_bytes=MAX_BYTES), Run)
        _demand_declared(asked, checked)
        _demand_asked(results, asked)
        if not older:
            _demand_consistent(results)
        return cls(folder, checked, results)


def unsignable(results: Results, policy: Policy) -> str:
    """Return why a run with these *results* must not be signed, or nothing. Pure."""
    if not results.complete:
        return f"the run is incomplete: {'; '.join(results.incomplete_reasons) or 'cut short'}"
    if results.verdict is Verdict.NO_GO:
        return "the verdict is NO-GO"
    if results.verdict is Verdict.UNDECIDED and not policy.allow_undecided:
        return "the verdict is UNDECIDED, and the policy does not allow to sign that"
    return ""


def _demand_declared(run: Run, checked: manifest.Manifest) -> None:
    """Demand that the target in the folder is the one that ``run.json`` says it asked."""
    declared = canonical.decode(checked.read(TARGET, max_bytes=MAX_BYTES), _Declared)
    release = declared.release.words if declared.release else ""
    _demand_alike(
        f"run.json and {TARGET} are of different targets",
        digest=(run.target_sha256, checked.digests[TARGET]),
        name=(run.target_name, declared.name),
        environment=(run.environment, declared.environment),
        release=(run.release, release),
        phase=(run.phase, declared.phase),
    )


def _demand_asked(results: Results, run: Run) -> None:
    """Demand that the results are of the run that ``run.json`` is of."""
    target = results.target
    _demand_alike(
        "run.json and results.json are of different runs",
        run_id=(run.run_id, results.run_id),
        kit_version=(run.kit_version, results.kit_version),
        name=(run.target_name, target.name),
        environment=(run.environment, target.environment),
        release=(run.release, target.release),
        digest=(run.target_sha256, target.digest),
        started_at=(run.started_at, results.started_at),
        previous=(run.previous, results.previous),
    )


def _demand_alike(words: str, **pairs: tuple[object, object]) -> None:
    for name, (one, other) in pairs.items():
        if one != other:
            raise IntegrityError(f"{words}: {name} is {one} in the one, {other} in the other")


def _demand_consistent(results: Results) -> None:
    """Demand that nothing is left out, and that the verdict follows from the claims."""
    items = [item.id for item in results.items]
    found = [claim.id for claim in results.claims()]
    missing = {item.id for item in ITEMS} - set(items) | claims().keys() - set(found)
    if missing or len(set(items)) != len(items) or len(set(found)) != len(found):
        named = ", ".join(sorted(missing)[:3]) or "an item or claim stands twice"
        raise IntegrityError(
            f"results.json does not hold every item and claim once: {named}",
            hint="verify with the version of the kit that made the run",
        )
    due = verdict((claim.status, claim.waived) for claim in results.claims() if claim.due)
    if due is not results.verdict:
        raise IntegrityError(
            f"results.json says {results.verdict.value}, but its claims amount to {due.value}"
        )
    times = [results.started_at, results.finished_at, *(one.observed_at for one in results.reused)]
    if any(one.tzinfo is None for one in times):
        raise IntegrityError("a time in results.json has no zone")
    if results.finished_at < results.started_at:
        raise IntegrityError("results.json says that the run ended before it began")
