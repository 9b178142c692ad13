"""``readiness verify``: everything that the signatures of a run mean, offline."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.lines import say
from readiness_kit.commands.signing import FILE, RUN, Sha256, policy_option, signers_option

if TYPE_CHECKING:
    from readiness_kit.signoff.verify import Verification


@click.command()
@click.argument("run", type=RUN)
@signers_option
@policy_option
@click.option(
    "-c",
    "--target",
    "target_file",
    type=FILE,
    help="The readiness.yaml of the deployment that must have been assessed, in this release;"
    " left out, any.",
)
@click.option(
    "--allowed-signers-sha256",
    type=Sha256(),
    help="Digest that the allowed_signers file must have; left out, any.",
)
@click.option(
    "--policy-sha256",
    type=Sha256(),
    help="Digest that the policy must have; left out, any.",
)
@click.option("--at", metavar="TIME", help="RFC 3339 time to verify for; left out, now.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def command(
    run: Path,
    allowed_signers: Path,
    policy_file: Path | None,
    target_file: Path | None,
    allowed_signers_sha256: str | None,
    policy_sha256: str | None,
    at: str | None,
    as_json: bool,
) -> int:
    """Verify the signed run in RUN, a folder or a bundle, and judge its stored facts anew.

    Exit codes: 0 intact and GO, 3 intact and UNDECIDED, 4 something does not hold.
    """
    import msgspec

    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.reports.stored import faults
    from readiness_kit.signoff import bundle, policy, verify
    from readiness_kit.target_file import read_target

    moment = _moment(at)
    signers, rules = AllowedSigners.read(allowed_signers), policy.load(policy_file)
    policy.demand_pin("allowed_signers", signers.sha256, allowed_signers_sha256 or "")
    policy.demand_pin("the policy", rules.sha256, policy_sha256 or "")
    target = read_target(target_file) if target_file else None
    with bundle.opened(run) as folder:
        found = verify.verify(folder, signers, rules, moment, target=target, shown=faults)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _show(found)
    return found.exit_code


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time: {error}", param_hint="--at") from error
    if moment.tzinfo is None:
        raise click.BadParameter("the time needs a zone: write …Z", param_hint="--at")
    return moment.astimezone(UTC)


def _show(found: "Verification") -> None:
    say(f"run      {found.run_id or found.run}")
    if found.target is not None:
        say(f"target   {found.target.words}")
    if found.manifest_sha256:
        say(f"manifest intact, sha256 {found.manifest_sha256}")
    say(f"policy   sha256 {found.policy_sha256}")
    say(f"signers  sha256 {found.allowed_signers_sha256}")
    for one in found.signatures:
        say(
            f"signed   {one.role.replace('_', ' ')}: {one.principal},"
            f" {one.signed_at:%Y-%m-%d %H:%MZ}, {one.fingerprint},"
            f" verified by {' and '.join(one.tools)}"
        )
    for claim in found.waived:
        say(f"waived   {claim}")
    for run_id in found.borrowed_from:
        say(f"borrowed from staging, {run_id}")
    for problem in found.problems:
        say(f"REFUSED  {problem}")
    if found.run_id:
        again = f"not judged again: {found.not_rejudged}" if found.not_rejudged else "judged again"
        say(f"facts    {again}")
    if found.verdict is None or found.valid_until is None:
        say("This sign-off does NOT hold.")
    else:
        say(
            f"{found.verdict.value}: the sign-off holds until {found.valid_until:%Y-%m-%d %H:%MZ},"
            f" when {found.valid_until_because} ends."
        )
