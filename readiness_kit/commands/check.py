"""``readiness check``: judge in the terminal, into a run folder of its own."""

from pathlib import Path

import click

from readiness_kit.commands.options import (
    allow_option,
    confirm_option,
    demand_one_origin,
    resume_option,
    reuse_option,
    run_dir_option,
    target_option,
)
from readiness_kit.contents import Effect


@click.command()
@click.argument("ids", nargs=-1)
@target_option
@allow_option
@confirm_option
@run_dir_option
@resume_option
@reuse_option
@click.option("--json", "as_json", is_flag=True, help="Print results.json on stdout.")
@click.option("--report-only", is_flag=True, help="Exit 0 whatever the verdict.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="Exit 1 on a WARN as well.")
def command(
    ids: tuple[str, ...],
    target_file: Path,
    allow: tuple[Effect, ...],
    confirm: str | None,
    run_dir: Path | None,
    resume_from: Path | None,
    reuse_from: Path | None,
    as_json: bool,
    report_only: bool,
    fail_on: str | None,
) -> int:
    """Judge the items, sections or claims named by IDS; left out, everything."""
    from readiness_kit.assessment import Assessment
    from readiness_kit.commands import terminal

    demand_one_origin(run_dir, resume_from, reuse_from)
    assessment = Assessment.open(
        target_file,
        run_dir,
        allow=allow,
        only=ids,
        confirm=confirm,
        resume_from=resume_from,
        reuse_from=reuse_from,
    )
    assessment.told = terminal.tell
    with terminal.progress("looking") as progress, assessment.gathering():
        assessment.gather(progress=progress)
    results = assessment.results()
    assessment.seal(results)
    terminal.print_results(
        results,
        quiet_causes=frozenset({"not_implemented"}),
        only=assessment.folder.run.selected,
    )
    click.echo(f"run folder: {assessment.folder.path}", err=True)
    if as_json:
        click.echo((assessment.folder.path / "results.json").read_text(encoding="utf-8"))
    return terminal.exit_code(results, fail_on_warn=fail_on == "warn", report_only=report_only)
