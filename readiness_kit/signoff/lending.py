"""Runs on staging that lend facts, verified before anything of them counts.

Production cannot be loaded or broken. A run on staging of the same release commit, signed by the
four roles, lends its load and drill facts; :mod:`readiness_kit.signoff.lent` checks them again.
"""

from collections.abc import Mapping
from pathlib import Path

from readiness_kit import traits
from readiness_kit.contents import ROLES, Effect
from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.evidence import atomic, borrowed, manifest
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.signoff import policy, record, verify
from readiness_kit.signoff.lent import MAX_BYTES, POLICY, unfit
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.target import Lender, Target

ALWAYS = ("run.json", "results.json", "target.redacted.json")


def keep(target: Target, into: RunFolder, effects: Mapping[str, Effect]) -> None:
    """Verify every run that *target* borrows from, and copy what it lends into *into*.

    *effects* holds the effect that gathering each kind of fact has.

    Raises:
        UsageError: It cannot lend: no staging run, of another release, or of another kit.
        IntegrityError: Its manifest or signatures do not hold.

    """
    for lender in target.evidence_from:
        run = _verified(target, lender, into)
        lent = {fact for fact, effect in effects.items() if effect in lender.effects}
        lent |= {kind.fact_id() for kind in traits.KINDS}
        _copy(run, _policy_file(target, lender), into, lent)


def _verified(target: Target, lender: Lender, into: RunFolder) -> SealedRun:
    """Return the run that *lender* names, all of which must hold when this run begins."""
    path = lender.run
    if target.signoff is None:
        raise UsageError(
            "evidence_from needs somebody whose signatures count",
            hint="add signoff: {allowed_signers: signoff/allowed_signers} to readiness.yaml",
        )
    signers = AllowedSigners.read(target.signoff.allowed_signers)
    pinned = policy.load(_policy_file(target, lender))
    if not path.is_dir():
        raise UsageError(
            f"evidence_from: {path} is no run folder", hint="name a signed run on staging"
        )
    found = verify.verify(path, signers, pinned, into.run.started_at)
    if found.problems:
        raise IntegrityError(
            f"evidence_from: {path} does not hold: {'; '.join(found.problems)}",
            hint="`readiness verify` says the same; have the run on staging signed again",
        )
    run = SealedRun.open(path)
    commit = target.release.commit if target.release else ""
    reason = unfit(run, target.name, commit, into.run.kit_version)
    if reason:
        raise UsageError(
            f"evidence_from: {path} cannot lend: {reason}",
            hint="run on staging with this release and this version of the kit, and have it signed",
        )
    return run


def _policy_file(target: Target, lender: Lender) -> Path | None:
    return lender.policy or (target.signoff.policy if target.signoff else None)


def _copy(run: SealedRun, policy_file: Path | None, into: RunFolder, lent: set[str]) -> None:
    """Copy what *run* lends, and what vouches for it; the manifest last."""
    top = into.path / borrowed.FOLDER / run.results.run_id
    names = [*ALWAYS, *(f"facts/{fact}.json" for fact in sorted(lent))]
    for folder in (top.parent, top, top / "facts", top / manifest.SIGNOFF):
        atomic.make_folder(folder)
    for name in names:
        if name in run.manifest.digests:
            atomic.write(top / name, run.manifest.read(name, max_bytes=MAX_BYTES))
    for role in ROLES:
        record.write(top, role, record.read(record.place(run.folder, role)))
    if policy_file is None:
        policy.write(top / manifest.SIGNOFF / POLICY, policy.Policy())
    else:
        data = atomic.read(policy_file, max_bytes=policy.MAX_BYTES)
        atomic.write(top / manifest.SIGNOFF / POLICY, data)
    data = atomic.read(run.folder / manifest.NAME, max_bytes=manifest.MAX_BYTES)
    atomic.write(top / manifest.NAME, data)
