"""``readiness sign``: one of the four roles answers for a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.signing import RUN, key_option, policy_option, principal_option
from readiness_kit.contents import ROLES

if TYPE_CHECKING:
    from readiness_kit.signoff.sign import SignedOff


@click.command()
@click.argument("run", type=RUN)
@click.option("--role", required=True, type=click.Choice(ROLES), help="The role to sign for.")
@principal_option
@key_option
@policy_option
@click.option(
    "--withdraw",
    metavar="REASON",
    help="Take the role's signature back, for this reason; left out, sign.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Where statement and signature of a bundle go; left out, this folder. In a run folder"
    " they lie in signoff/.",
)
def command(
    run: Path,
    role: str,
    principal: str,
    key: Path,
    policy_file: Path | None,
    withdraw: str | None,
    out: Path,
) -> None:
    """Sign the run in RUN, a folder or a bundle, for a role.

    NO-GO and incomplete runs are never signed, UNDECIDED only where the policy allows it. What is
    signed of a bundle goes back to whoever made it, who takes it with `readiness collect`.
    """
    from readiness_kit.signoff import bundle, policy, sign

    with bundle.opened(run) as folder:
        if withdraw is not None:
            path = sign.withdraw(folder, role=role, principal=principal, key=key, reason=withdraw)
            click.echo(f"{principal} withdrew the signature of {role.replace('_', ' ')}", err=True)
        else:
            rules = policy.load(policy_file)
            done = sign.sign(folder, role=role, principal=principal, key=key, policy=rules)
            _show(done)
            path = done.path
        click.echo(path if run.is_dir() else sign.carry(path, out))


def _show(done: "SignedOff") -> None:
    seen = done.statement.predicate.readiness_kit
    click.echo(
        f"{seen.principal} signed {seen.run_id} as {seen.role.replace('_', ' ')}:"
        f" {seen.verdict.value}, {len(seen.waived)} claims waived, {len(seen.unseen)} not seen",
        err=True,
    )
    click.echo(f"key {done.fingerprint}, signed by {done.tool}", err=True)
    for warning in done.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    for claim in seen.waived:
        click.echo(f"  waived: {claim}", err=True)
    for claim in seen.unseen:
        click.echo(f"  not seen: {claim}", err=True)
