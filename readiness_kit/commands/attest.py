"""``readiness attest``: vouch for what no probe can see, signed by the role that owns it."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import click

from readiness_kit.commands.options import target_option
from readiness_kit.commands.signing import (
    FILE,
    allowed_signers_of,
    folder_of,
    key_option,
    principal_option,
    until_option,
)


@click.command()
@click.argument("claims", nargs=-1, required=True, metavar="CLAIM...")
@target_option
@click.option("--statement", required=True, help="What you state.")
@click.option(
    "--document", type=FILE, help="The document it rests on, kept by digest; left out, none."
)
@until_option
@principal_option
@key_option
def command(
    claims: tuple[str, ...],
    target_file: Path,
    statement: str,
    document: Path | None,
    until: date,
    principal: str,
    key: Path,
) -> None:
    """Vouch for each CLAIM until a day, as a person of the role that owns it.

    Only claims that the catalogue marks so can be attested, for as long as it says at most. The
    record goes to the attestations and counts in every run of this target and environment that
    begins from now on.
    """
    from readiness_kit.records import attestations, signed
    from readiness_kit.target_file import read_target

    target = read_target(target_file)
    signers = allowed_signers_of(target, target_file)
    folder = folder_of(target, target_file, "attestations")
    now = datetime.now(UTC)
    digest = hashlib.sha256(document.read_bytes()).hexdigest() if document else ""
    records = [
        attestations.Attestation(
            target=target.name,
            environment=target.environment,
            claim=claim,
            statement=statement,
            person=principal,
            stated_at=now,
            document_sha256=digest,
            until=until,
        )
        for claim in dict.fromkeys(claims)
    ]
    for record in records:
        signed.demand_counts(record, now)
    for record in records:
        click.echo(attestations.write(folder, record, key, signers))
