"""``readiness demo``: the whole job on the embedded deployment."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from readiness_kit.sandbox.lifecycle import Sandbox


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where run, signers and policy go; left out, a new folder under readiness-demo.",
)
@click.option(
    "--variant",
    type=click.Choice(["hardened", "stock"]),
    default="hardened",
    show_default=True,
    help="Which deployment; stock fails the checklist for real and is not signed.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Also play step, stress and soak, and break cache and database. About 16 minutes.",
)
def command(out: Path | None, variant: str, full: bool) -> int:
    """Start the sandbox, assess it with everything allowed, sign for four roles, verify, stop.

    Exit code 0 when the job was done and every judged claim shows what the catalogue expects.
    """
    from readiness_kit.assessment import Assessment
    from readiness_kit.commands import terminal
    from readiness_kit.commands.run import assess
    from readiness_kit.sandbox.description import play_all
    from readiness_kit.sandbox.expectation import differences
    from readiness_kit.sandbox.lifecycle import running

    say = Teller()
    place = out or Path("readiness-demo") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    # A folder that cannot be made is told now rather than when all was measured.
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as life:
        say(f"starting the {variant} sandbox (PostgreSQL with standby, Valkey, nginx, FraiseQL)")
        sandbox = life.enter_context(running(variant="stock" if variant == "stock" else "hardened"))
        say(f"up: {sandbox.target_file}")
        if full:
            play_all(sandbox.target_file)
        assessment = Assessment.open(
            sandbox.target_file, place / "run", allow=("canary", "load", "drill")
        )
        results = assess(assessment, sandbox.target_file, None, jobs=2)
        say(f"assessed: {results.verdict.value}")
        terminal.print_results(results, quiet_causes=frozenset({"not_implemented"}))
        if variant == "hardened":
            _sign_and_verify(place, sandbox, say)
    say("sandbox stopped")
    monitored = assessment.target is not None and assessment.target.prometheus is not None
    differing = (
        tuple(differences(results, full=full, prometheus=monitored))
        if variant == "hardened"
        else ()
    )
    for line in differing:
        click.secho(f"differs: {line}", fg="red", err=True)
    if variant == "hardened" and not differing:
        click.echo("every judged claim shows what the catalogue expects", err=True)
    _say_next(place, signed=variant == "hardened")
    click.echo(place / "run")
    return 1 if differing or not results.complete else 0


def _sign_and_verify(place: Path, sandbox: "Sandbox", say: "Teller") -> None:
    """Sign the run with the sandbox's four keys, and verify it as a stranger would."""
    from readiness_kit.contents import ROLES
    from readiness_kit.errors import IntegrityError
    from readiness_kit.records.signers import AllowedSigners
    from readiness_kit.sandbox.signatures import mailbox
    from readiness_kit.signoff import policy
    from readiness_kit.signoff.sign import sign
    from readiness_kit.signoff.verify import verify

    run, given = place / "run", sandbox.directory / "deploy" / "signoff"
    for name in ("allowed_signers", "policy.json"):
        (place / name).write_bytes((given / name).read_bytes())
    rules = policy.load(place / "policy.json")
    for role in ROLES:
        key = sandbox.directory / "keys" / role
        sign(run, role=role, principal=mailbox(role), key=key, policy=rules)
    signers = AllowedSigners.read(place / "allowed_signers")
    found = verify(run, signers, rules, datetime.now(UTC))
    if found.problems:
        raise IntegrityError(f"the signed run does not verify: {'; '.join(found.problems)}")
    until = f"{found.valid_until:%Y-%m-%d} ({found.valid_until_because})"
    say(f"signed and verified: {len(found.signatures)} roles, valid until {until}")


def _say_next(place: Path, *, signed: bool) -> None:
    """Say where the report is, and how anybody can verify what was signed."""
    click.echo(f"report: {(place / 'run' / 'report.html').resolve()}", err=True)
    if signed:
        trusted = f"--allowed-signers {place}/allowed_signers --policy {place}/policy.json"
        click.echo(f"verify: readiness verify {place}/run {trusted}", err=True)


class Teller:
    """Tells on stderr what is done, with the seconds since the beginning."""

    def __init__(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def __call__(self, words: str) -> None:
        """Print one line."""
        click.echo(f"[{time.monotonic() - self._began:6.1f} s] {words}", err=True)
