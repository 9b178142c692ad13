"""What a role holder sees before he signs, as tables."""

from datetime import datetime
from pathlib import Path

import msgspec

from readiness_kit.comparison import changes
from readiness_kit.errors import ReadinessError
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.records.kept import SIGNERS
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.reports.tables import Table
from readiness_kit.results import Results
from readiness_kit.signoff import outlook, policy
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.target import Signoff

LONGEST = 12
"""Most moments that the table of ends shows: the earliest decides."""


class _Declared(msgspec.Struct, frozen=True):
    """The part of the stored target that says who may sign."""

    signoff: Signoff | None = None


def changes_table(run: SealedRun) -> Table:
    """Return what stands otherwise than in the last run that was signed off, worse things first."""
    head = ("claim", "change", "then", "now", "why, perhaps")
    last = outlook.last_sign_off(run)
    if last is None:
        return Table("No earlier run beside this one was signed by all four roles", head, ())
    found = changes(last.results, run.results)
    when = f"{last.results.run_id}, signed {last.signed_at:%Y-%m-%d %H:%MZ}"
    return Table(
        f"{len(found)} claims stand otherwise than in {when}",
        head,
        tuple((one.claim, one.kind, one.before, one.after, one.notes) for one in found),
    )


def borrowed_table(results: Results) -> Table:
    """Return how each deployment that lent evidence differs from the one under review."""
    lenders = results.borrowed
    facts = sum(len(one.facts) for one in lenders)
    whose = ", ".join(f"{one.run.run_id} ({one.run.verdict.value})" for one in lenders)
    return Table(
        f"{facts} facts are borrowed from staging, {whose}: how the deployments differ"
        if lenders
        else "Nothing is borrowed from another deployment",
        ("trait", "there", "here"),
        tuple((d.trait, d.lender, d.here) for one in lenders for d in one.differences),
    )


def lapses_table(run: SealedRun, now: datetime) -> Table:
    """Return what would end a sign-off made *now*, the earliest first.

    By the policy and the signers that the target names, which a verifier may replace by his own.
    """
    rules, signers = _rules(run.folder)
    last = f"{outlook.sign_until(run, rules):%Y-%m-%d %H:%MZ}"
    found = outlook.lapses(run, rules, signers, now)[:LONGEST]
    return Table(
        f"It may be signed until {last}; signed now, it would stand until the first of these",
        ("until", "what ends then"),
        tuple((f"{one.at:%Y-%m-%d %H:%MZ}", one.what) for one in found),
    )


def commands(folder: RunFolder) -> tuple[str, ...]:
    """Return the commands by which the run in *folder* is signed, collected and verified."""
    said = _signoff(folder.path)
    signers = str(said.allowed_signers) if said else "FILE"
    rules = f" --policy {said.policy}" if said and said.policy else ""
    run = folder.path
    return (
        f"readiness sign {run} --role ROLE --as YOU@EXAMPLE --key KEY{rules}",
        f"readiness bundle {run}    # one archive, for those who sign on another machine",
        f"readiness collect {run} STATEMENT.json... --allowed-signers {signers}{rules}",
        f"readiness verify {run} --allowed-signers {signers}{rules}",
    )


def _rules(folder: Path) -> tuple[Policy, AllowedSigners | None]:
    """Return the policy and the signers that the target names, as far as they can be read."""
    said = _signoff(folder)
    try:
        rules = policy.load(said.policy if said else None).policy
    except ReadinessError:
        rules = Policy()
    try:
        return rules, AllowedSigners.read(folder / SIGNERS)
    except ReadinessError:
        return rules, None


def _signoff(folder: Path) -> Signoff | None:
    try:
        data = (folder / "target.redacted.json").read_bytes()
        return msgspec.json.decode(data, type=_Declared, dec_hook=_path).signoff
    except (OSError, msgspec.MsgspecError):
        return None


def _path(kind: type, value: object) -> object:
    return kind(value)
