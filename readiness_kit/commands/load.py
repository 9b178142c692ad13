"""``readiness load``: one load profile, live on the terminal, one JSON object on stdout."""

import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from readiness_kit.commands.options import confirm_option, target_option
from readiness_kit.commands.signing import FILE

if TYPE_CHECKING:
    from readiness_kit.harness.plan import Plan
    from readiness_kit.sources import Visit
    from readiness_kit.target import Target

CODES = {"held": 0, "not_held": 1, "unknown": 3}
"""Exit code by verdict."""


@click.command()
@click.argument("profile")
@target_option
@confirm_option
@click.option("--url", help="Fetch this URL of the target; left out, the scenario is played.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Highest rate, a second.")
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds of schedule.")
@click.option("--users", type=click.IntRange(1), help="Concurrent users.")
@click.option("--workers", type=click.IntRange(1, 64), help="Generator processes on this host.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option(
    "--hgrm",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write the corrected percentiles to this file, as HdrHistogram's plotter reads them.",
)
@click.option("--record", is_flag=True, help="Sign for it: a record goes to load.records.")
@click.option("--as", "person", metavar="PRINCIPAL", help="Who signs the record: your mailbox.")
@click.option("--key", type=FILE, help="With which OpenSSH private key, or .pub of an agent's.")
def command(
    profile: str,
    target_file: Path,
    confirm: str | None,
    url: str | None,
    rate: float | None,
    duration: float | None,
    users: int | None,
    workers: int | None,
    as_json: bool,
    hgrm: Path | None,
    record: bool,
    person: str | None,
    key: Path | None,
) -> int:
    """Play the load PROFILE against the target.

    Profiles: smoke, benchmark, peak, step, stress, spike, soak. What is left out comes from
    readiness.yaml, else from the profile. Ctrl-C or the file STOP-LOAD ends it. Exit codes: 0
    objectives held, 1 not held, 2 usage, 3 invalid, too few samples or target down.
    """
    import msgspec
    from msgspec.structs import replace

    from readiness_kit.commands.load_display import display, print_judgement
    from readiness_kit.commands.load_recording import Recorder
    from readiness_kit.commands.load_report import judged, report
    from readiness_kit.errors import UsageError
    from readiness_kit.harness.conducting.planning import plan_for
    from readiness_kit.harness.conducting.profiles import profile as profile_of
    from readiness_kit.harness.runs import play
    from readiness_kit.statistics.hgrm import hgrm as percentiles
    from readiness_kit.target import LoadProfile
    from readiness_kit.target_file import load_target

    target = load_target(target_file)
    if workers is not None:
        target = replace(target, load=replace(target.load, workers=workers))
    built_in = profile_of(profile)
    _confirmed(target, url, confirm)
    plan = plan_for(
        target, profile, LoadProfile(rate_rps=rate, seconds=duration, users=users), url=url
    )
    if record and url:
        raise UsageError("one URL is no load test of the release", hint="leave --url out")
    recorder = Recorder.of(target, target_file, person, key) if record else None
    signal.signal(signal.SIGTERM, _terminated)
    with display(plan) as show:
        run = play(_visit(target, plan), built_in.fact, plan, on_second=show, anonymous=bool(url))
    # what was asked for on the command line is the peak that must hold
    peak_rps = plan.top_rps / built_in.peaks if rate else target.objectives.peak_rps
    verdict, findings = judged(run, replace(target.objectives, peak_rps=peak_rps))
    said = msgspec.json.encode(report(run, verdict, target.objectives))
    if as_json:
        click.echo(said)
    if hgrm is not None:
        hgrm.write_text(percentiles(run.corrected), "utf-8")
    if recorder is not None:
        click.echo(recorder.keep(run, verdict, said + b"\n"), err=True)
    print_judgement(run, verdict, findings)
    return CODES[verdict]


def _visit(target: "Target", plan: "Plan") -> "Visit":
    from readiness_kit.harness.runs import DEADLINE_S
    from readiness_kit.sources import Pacer, Visit

    return Visit(
        target=target,
        run_id=f"load-{secrets.token_hex(4)}",
        fact_id=f"{plan.profile}_load",
        deadline_s=DEADLINE_S + plan.seconds,
        pacer=Pacer(target.limits.requests_per_minute),
    )


def _confirmed(target: "Target", url: str | None, confirm: str | None) -> None:
    from urllib.parse import urlsplit

    from readiness_kit.errors import UsageError

    host = urlsplit(url or (target.api.url if target.api else "")).hostname
    if target.environment == "production" and confirm != host:
        raise UsageError(
            f"{target.name} is in production: load was not confirmed",
            hint=f"add --confirm {host} if you mean it",
        )


def _terminated(number: int, frame: object) -> NoReturn:
    """Leave as after Ctrl-C, so that no generator stays behind."""
    del frame
    click.echo("terminated", err=True)
    sys.exit(128 + number)
