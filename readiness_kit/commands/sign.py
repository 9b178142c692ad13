"""``readiness sign``: one of the four roles answers for a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from readiness_kit.commands.lines import one_line, say
from readiness_kit.commands.signing import RUN, key_option, policy_option, principal_option
from readiness_kit.contents import ROLES

if TYPE_CHECKING:
    from readiness_kit.results import Results
    from readiness_kit.signoff.sign import SignedOff
    from readiness_kit.signoff.statement import Statement


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
    "--unjudged",
    is_flag=True,
    help="Sign although this kit is not the one that made the run, and cannot judge its facts"
    " again: you take its results at their word. Left out, such a run is refused.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Sign although somebody else has signed for this role: that signature is lost. Left out,"
    " only your own earlier signature is replaced.",
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
    unjudged: bool,
    replace: bool,
    out: Path,
) -> None:
    """Sign the run in RUN, a folder or a bundle, for a role.

    NO-GO and incomplete runs are never signed, UNDECIDED only where the policy allows it. The facts
    are judged again first, and what is about to be signed is shown before the key is used. What is
    signed of a bundle goes back to whoever made it, who takes it with `readiness collect`.
    """
    from readiness_kit.reports.stored import faults
    from readiness_kit.signoff import bundle, policy, sign

    with bundle.opened(run) as folder:
        if withdraw is not None:
            path = sign.withdraw(folder, role=role, principal=principal, key=key, reason=withdraw)
            say(f"{principal} withdrew the signature of {role.replace('_', ' ')}", err=True)
        else:
            rules = policy.load(policy_file)
            done = sign.sign(
                folder,
                role=role,
                principal=principal,
                key=key,
                policy=rules,
                unjudged=unjudged,
                replace=replace,
                show=_show,
                shown=faults,
            )
            _show_done(done)
            path = done.path
        click.echo(path if run.is_dir() else sign.carry(path, out))


def _show(results: "Results", statement: "Statement") -> None:
    """Show what is about to be signed."""
    seen = statement.predicate.readiness_kit
    say(f"{seen.principal} signs {seen.run_id} as {seen.role.replace('_', ' ')}", err=True)
    say(f"target   {results.target.words}", err=True)
    say(f"ended    {results.finished_at:%Y-%m-%d %H:%MZ}", err=True)
    waivers = {claim.id: claim.waiver for claim in results.claims() if claim.waived}
    said = {claim.id: claim.got for claim in results.claims()}
    for words, ids, why in (
        ("waived  ", seen.waived, waivers),
        ("not seen", seen.unseen, said),
        ("attested", seen.attested, said),
        ("not applicable", seen.not_applicable, said),
    ):
        for claim in ids:
            say(f"{words} {claim}: {why[claim]}", err=True)
    for lender in results.borrowed:
        differ = ", ".join(one.trait for one in lender.differences) or "nothing that is known"
        facts = ", ".join(lender.facts)
        say(f"borrowed from {lender.run.run_id}: {facts}; differs: {differ}", err=True)
    say(
        f"{seen.verdict.value}: {len(seen.waived)} claims waived, {len(seen.unseen)} not seen,"
        f" {len(seen.attested)} attested, {len(seen.not_applicable)} not applicable",
        err=True,
    )


def _show_done(done: "SignedOff") -> None:
    say(f"signed by {done.tool}, key {done.fingerprint}", err=True)
    for warning in done.warnings:
        click.secho(one_line(f"warning: {warning}"), fg="yellow", err=True)
