"""``readiness drift``: what no longer stands of a signed run."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.lines import say
from readiness_kit.commands.options import target_option
from readiness_kit.commands.signing import RUN

if TYPE_CHECKING:
    from readiness_kit.results import Results
    from readiness_kit.signoff.drift import Drift
    from readiness_kit.signoff.sealed import SealedRun
    from readiness_kit.target import Target

UNSIGNED = ("has not signed", "readiness.yaml does not say who may sign")
"""Why a role has no signature that could fall."""


@click.command()
@click.argument("run", type=RUN)
@target_option
@click.option("--json", "as_json", is_flag=True, help="Print the drift as JSON on stdout.")
def command(run: Path, target_file: Path, as_json: bool) -> int:
    """Look again at what identifies the deployment and at all that takes only reading.

    RUN is a signed run folder or a bundle; nothing is written to it. Exit codes: 0 what was signed
    stands, 1 something fell or another deployment answers, 3 something could not be seen again,
    4 the run does not hold, or not four roles have signed it.
    """
    import msgspec

    from readiness_kit.signoff import bundle
    from readiness_kit.signoff.drift import drift
    from readiness_kit.signoff.sealed import SealedRun
    from readiness_kit.target_file import load_target

    target = load_target(target_file)
    with bundle.opened(run) as folder:
        signed = SealedRun.open(folder)
        _demand_same(signed, target)
        unsigned, broken = _signatures(signed, target)
        found = drift(signed.results, _look(target_file), unsigned, broken)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _show(found)
    return found.exit_code


def _demand_same(signed: "SealedRun", target: "Target") -> None:
    from readiness_kit.errors import UsageError

    was = signed.results.target
    if (was.name, was.environment) != (target.name, target.environment):
        raise UsageError(
            f"the run is of {was.name} ({was.environment}), the target is {target.name}"
            f" ({target.environment})",
            hint="-c FILE names the readiness.yaml that the run was made with",
        )


def _look(target_file: Path) -> "Results":
    """Read what may be read, into a run of its own that nobody keeps."""
    from readiness_kit.assessment import Assessment
    from readiness_kit.commands import terminal

    with tempfile.TemporaryDirectory(prefix="readiness-drift-") as place:
        assessment = Assessment.open(target_file, Path(place) / "run")
        with terminal.progress("looking") as progress, assessment.gathering():
            assessment.gather(progress=progress)
        return assessment.results()


def _signatures(signed: "SealedRun", target: "Target") -> tuple[dict[str, str], tuple[str, ...]]:
    """Return why a role has no signature that holds, and what is wrong with those there are."""
    from readiness_kit.contents import ROLES
    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.signoff import policy, quorum, record
    from readiness_kit.signoff.record import Terms

    if target.signoff is None:
        return dict.fromkeys(ROLES, UNSIGNED[1]), ()
    signers = AllowedSigners.read(target.signoff.allowed_signers)
    rules = policy.load(target.signoff.policy)
    terms = Terms(run=signed, signers=signers, policy=rules, at=datetime.now(UTC))
    held, problems = quorum.signatures(terms)
    missing = {role for role in ROLES if not record.there(signed.folder, role)}
    broken = tuple(one for one in problems if one.partition(":")[0] not in missing)
    unsigned = dict.fromkeys(missing, UNSIGNED[0])
    lost = set(ROLES) - missing - {one.role for one in held}
    return {**unsigned, **dict.fromkeys(lost, "its signature does not hold")}, broken


def _show(found: "Drift") -> None:
    for part in found.identity:
        now = part.now or "cannot be seen"
        say(f"identity  {part.part}: signed {part.signed}, now {now}")
    for one in found.gone:
        say(f"{one.standing:<8}  {one.claim}  {one.signed} -> {one.now}: {one.why}")
    for role in found.roles:
        absent = "unsigned" if role.why in UNSIGNED else "FALLS"
        word = "stands" if role.stands else absent
        say(f"{word:<8}  {role.role.replace('_', ' ')} {f'({role.why})' if role.why else ''}")
    for note in found.notes:
        say(f"note      {note}")
    for problem in found.broken:
        say(f"BROKEN    {problem}")
    fallen = {one.item for one in found.gone if one.standing == "fallen"}
    unseen = {one.item for one in found.gone if one.standing == "unseen"} - fallen
    say(
        f"{found.run_id}: {found.asked} claims looked at again, {found.not_asked} not asked;"
        f" {len(fallen)} items fell, {len(unseen)} could not be seen"
    )
