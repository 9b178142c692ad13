"""``readiness waive``: accept a red claim until a date, signed by the role that owns it."""

from datetime import UTC, date, datetime
from pathlib import Path

import click

from readiness_kit.commands.options import target_option
from readiness_kit.commands.signing import (
    allowed_signers_of,
    folder_of,
    key_option,
    principal_option,
    until_option,
)


@click.command()
@click.argument("claims", nargs=-1, required=True, metavar="CLAIM...")
@target_option
@click.option("--reason", required=True, help="Why the service may launch all the same.")
@click.option("--ticket", required=True, help="Where the work on it is tracked.")
@until_option
@click.option(
    "--requester", required=True, metavar="PRINCIPAL", help="Who asks for it: somebody else."
)
@principal_option
@key_option
def command(
    claims: tuple[str, ...],
    target_file: Path,
    reason: str,
    ticket: str,
    until: date,
    requester: str,
    principal: str,
    key: Path,
) -> None:
    """Waive each CLAIM until a day, as a person of the role that owns it.

    The record goes to the target's waivers and counts in every run of it, in this environment, that
    begins from now on. The
    claim is looked at and shown all the same. At most 7 days for a critical claim, 14 for high,
    30 for medium, 90 for low.
    """
    from readiness_kit.records import signed, waivers
    from readiness_kit.target_file import read_target

    target = read_target(target_file)
    signers = allowed_signers_of(target, target_file)
    folder = folder_of(target, target_file, "waivers")
    now = datetime.now(UTC)
    records = [
        waivers.Waiver(
            target=target.name,
            environment=target.environment,
            claim=claim,
            reason=reason,
            ticket=ticket,
            requester=requester,
            approver=principal,
            granted_at=now,
            until=until,
            renewed=waivers.renewals(folder, claim),
        )
        for claim in dict.fromkeys(claims)
    ]
    for record in records:
        signed.demand_counts(record, now)
    for record in records:
        click.echo(waivers.write(folder, record, key, signers))
        if record.renewed:
            click.echo(f"{record.claim}: renewal number {record.renewed}", err=True)
