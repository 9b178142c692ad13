"""A sealed run as signers and verifiers see it: whole, untouched, and consistent with itself."""

from dataclasses import dataclass
from pathlib import Path

from readiness_kit.contents import ITEMS, claims
from readiness_kit.errors import IntegrityError, Unsignable
from readiness_kit.evidence import canonical, manifest
from readiness_kit.results import Results
from readiness_kit.signoff.policy import Policy
from readiness_kit.verdict import Verdict, verdict

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class SealedRun:
    """A run whose manifest holds."""

    folder: Path
    manifest: manifest.Manifest
    results: Results

    @classmethod
    def open(cls, folder: Path, *, partial: bool = False) -> "SealedRun":
        """Check the manifest of the run in *folder*, and read what it holds.

        Of a *partial* copy, facts and exhibits may be missing.

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
        asked = canonical.loads(checked.read("run.json", max_bytes=MAX_BYTES))
        if not isinstance(asked, dict) or asked.get("run_id") != results.run_id:
            raise IntegrityError("run.json and results.json are of different runs")
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
    if results.finished_at.tzinfo is None:
        raise IntegrityError("the time in results.json has no zone")
