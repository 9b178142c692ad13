"""``readiness collect``: take back what was signed elsewhere, each checked as it comes."""

from datetime import UTC, datetime
from pathlib import Path

import click

from readiness_kit.commands.lines import one_line, say
from readiness_kit.commands.signing import FILE, FOLDER, policy_option, signers_option


@click.command()
@click.argument("run", type=FOLDER)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@signers_option
@policy_option
def command(
    run: Path, files: tuple[Path, ...], allowed_signers: Path, policy_file: Path | None
) -> int:
    """Take the statements FILE (or their .sig) into the run folder RUN.

    A record counts only if it holds by itself, is newer than the one that is there, and is by a
    person and a key that signed for no other role. Exit code 4 if one was refused.
    """
    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.signoff import policy
    from readiness_kit.signoff.collect import collect

    signers = AllowedSigners.read(allowed_signers)
    found = collect(run, files, signers, policy.load(policy_file), datetime.now(UTC))
    for one in found:
        if one.problem:
            refused = one_line(f"REFUSED {one.file}: {one.problem}")
            click.secho(refused, fg="red", err=True)
        else:
            say(f"{one.role.replace('_', ' ')}: {one.file}", err=True)
    return 4 if any(one.problem for one in found) else 0
