"""``readiness sign``: one of the four roles answers for a run."""

from pathlib import Path

import click

from readiness_kit.contents import ROLES


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--role", required=True, type=click.Choice(ROLES), help="The role to sign for.")
@click.option(
    "--as", "principal", required=True, metavar="PRINCIPAL", help="Who signs: your mailbox."
)
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your OpenSSH private key; or its .pub where an agent holds the key.",
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The policy to sign under; left out, the strict built-in policy.",
)
@click.option(
    "--withdraw",
    metavar="REASON",
    help="Take the role's signature back, for this reason; left out, sign.",
)
def command(
    run: Path,
    role: str,
    principal: str,
    key: Path,
    policy_file: Path | None,
    withdraw: str | None,
) -> int:
    """Sign the run in the folder RUN for a role.

    NO-GO and incomplete runs are never signed, UNDECIDED only where the policy allows it.
    """
    from readiness_kit.signoff import policy, sign

    if withdraw is not None:
        path = sign.withdraw(run, role=role, principal=principal, key=key, reason=withdraw)
        click.echo(f"{principal} withdrew the signature of {role.replace('_', ' ')}", err=True)
        click.echo(str(path))
        return 0
    done = sign.sign(run, role=role, principal=principal, key=key, policy=policy.load(policy_file))
    seen = done.statement.predicate.readiness_kit
    click.echo(
        f"{principal} signed {seen.run_id} as {role.replace('_', ' ')}: {seen.verdict.value},"
        f" {len(seen.waived)} claims waived, {len(seen.unseen)} not seen",
        err=True,
    )
    click.echo(f"key {done.fingerprint}, signed by {done.tool}", err=True)
    for warning in done.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    for claim in seen.waived:
        click.echo(f"  waived: {claim}", err=True)
    for claim in seen.unseen:
        click.echo(f"  not seen: {claim}", err=True)
    click.echo(str(done.path))
    return 0
