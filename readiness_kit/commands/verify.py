"""``readiness verify``: everything that the signatures of a run mean, offline."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.signing import RUN, policy_option, signers_option

if TYPE_CHECKING:
    from readiness_kit.signoff.verify import Verification


@click.command()
@click.argument("run", type=RUN)
@signers_option
@policy_option
@click.option(
    "--allowed-signers-sha256",
    metavar="HEX",
    default="",
    help="Digest that the allowed_signers file must have; left out, any.",
)
@click.option(
    "--policy-sha256",
    metavar="HEX",
    default="",
    help="Digest that the policy must have; left out, any.",
)
@click.option("--at", metavar="TIME", help="RFC 3339 time to verify for; left out, now.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def command(
    run: Path,
    allowed_signers: Path,
    policy_file: Path | None,
    allowed_signers_sha256: str,
    policy_sha256: str,
    at: str | None,
    as_json: bool,
) -> int:
    """Verify the signed run in RUN, a folder or a bundle, and judge its stored facts anew.

    Exit codes: 0 intact and GO, 3 intact and UNDECIDED, 4 something does not hold.
    """
    import msgspec

    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.signoff import bundle, policy, verify

    moment = _moment(at)
    signers, rules = AllowedSigners.read(allowed_signers), policy.load(policy_file)
    policy.demand_pin("allowed_signers", signers.sha256, allowed_signers_sha256)
    policy.demand_pin("the policy", rules.sha256, policy_sha256)
    with bundle.opened(run) as folder:
        found = verify.verify(folder, signers, rules, moment)
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
    click.echo(f"run      {found.run_id or found.run}")
    if found.manifest_sha256:
        click.echo(f"manifest intact, sha256 {found.manifest_sha256}")
    click.echo(f"policy   sha256 {found.policy_sha256}")
    click.echo(f"signers  sha256 {found.allowed_signers_sha256}")
    for one in found.signatures:
        click.echo(
            f"signed   {one.role.replace('_', ' ')}: {one.principal},"
            f" {one.signed_at:%Y-%m-%d %H:%MZ}, {one.fingerprint},"
            f" verified by {' and '.join(one.tools)}"
        )
    for claim in found.waived:
        click.echo(f"waived   {claim}")
    for run_id in found.borrowed_from:
        click.echo(f"borrowed from staging, {run_id}")
    for problem in found.problems:
        click.echo(f"REFUSED  {problem}")
    if found.run_id:
        again = f"not judged again: {found.not_rejudged}" if found.not_rejudged else "judged again"
        click.echo(f"facts    {again}")
    verdict = found.verdict.value if found.verdict else "nothing"
    if found.exit_code == 4 or found.valid_until is None:
        click.echo("This sign-off does NOT hold.")
    else:
        click.echo(
            f"{verdict}: the sign-off holds until {found.valid_until:%Y-%m-%d %H:%MZ},"
            f" when {found.valid_until_because} ends."
        )
