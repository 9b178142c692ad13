"""``readiness run``: execute the notebooks and write a run folder."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

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
from readiness_kit.contents import ITEMS, Effect, select
from readiness_kit.errors import UsageError

if TYPE_CHECKING:
    from readiness_kit.assessment import Assessment, Progress
    from readiness_kit.batch import Executed
    from readiness_kit.results import Results

REPORT = "report.html"
"""Every run folder holds this one."""


@click.command()
@target_option
@click.option("--section", "sections", multiple=True, help="A section; left out, all of them.")
@click.option("--only", multiple=True, help="An item, section or claim; left out, all of them.")
@click.option("--skip", multiple=True, help="An item, section or claim to leave out.")
@allow_option
@confirm_option
@run_dir_option
@resume_option
@reuse_option
@click.option("--jobs", type=click.IntRange(1, 8), default=2, show_default=True, help="Kernels.")
@click.option(
    "--notebooks",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the notebooks; left out, those that came with the kit.",
)
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[:FILE]")
@click.option("--report-only", is_flag=True, help="Exit 0 whatever the verdict.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="Exit 1 on a WARN as well.")
def command(
    target_file: Path,
    sections: tuple[str, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    allow: tuple[Effect, ...],
    confirm: str | None,
    run_dir: Path | None,
    resume_from: Path | None,
    reuse_from: Path | None,
    jobs: int,
    notebooks: Path | None,
    parameters: tuple[str, ...],
    outputs: tuple[str, ...],
    report_only: bool,
    fail_on: str | None,
) -> int:
    """Execute the notebooks headless and write a run folder; its path goes to stdout.

    What is left out of the run is UNKNOWN, so a part of the checklist is never a GO.
    """
    from readiness_kit.assessment import Assessment
    from readiness_kit.commands import terminal
    from readiness_kit.parameters import checked_parameters, parse_effects
    from readiness_kit.reports.material import material
    from readiness_kit.reports.outputs import parse_outputs, render, write

    wanted = parse_outputs(outputs)
    given = checked_parameters(parameters)
    if given.get("replay_from"):
        raise UsageError(
            "a run gathers, it does not replay", hint="`readiness report RUN` shows a stored run"
        )
    target_file = Path(given.get("target_file") or target_file)
    run_dir = Path(given["run_dir"]) if given.get("run_dir") else run_dir
    allow = tuple({*allow, *parse_effects(given.get("allow", ""))})
    chosen = chosen_items((*sections, *only), skip)
    signal.signal(signal.SIGTERM, _terminated)
    demand_one_origin(run_dir, resume_from, reuse_from)
    assessment = Assessment.open(
        target_file,
        run_dir,
        allow=allow,
        only=chosen,
        confirm=confirm,
        resume_from=resume_from,
        reuse_from=reuse_from,
    )
    results = assess(assessment, target_file, notebooks, jobs)
    made = material(assessment, results)
    terminal.print_results(results, quiet_causes=frozenset({"not_implemented", "not_selected"}))
    to_stdout = next((one for one in wanted if str(one.file) == "-"), None)
    click.echo(assessment.folder.path, err=to_stdout is not None)
    for one in wanted:
        if one is to_stdout:
            click.echo(render(one, made), nl=False)
        else:
            write(one, made)
    return terminal.exit_code(results, fail_on_warn=fail_on == "warn", report_only=report_only)


def chosen_items(words: tuple[str, ...], skip: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the items that are in the run; empty when that is all of them.

    Raises:
        UsageError: A word names nothing, or nothing is left.

    """
    found = select(words) if words else ITEMS
    skipped = select(skip) if skip else ()
    left = tuple(one.id for one in found if one not in skipped)
    if not left:
        raise UsageError("nothing is left to assess", hint="leave out --skip")
    return left if len(left) < len(ITEMS) else ()


def assess(
    assessment: "Assessment", target_file: Path, notebooks: Path | None, jobs: int
) -> "Results":
    """Gather in one thread, execute the notebooks meanwhile, judge, and seal the run."""
    from readiness_kit.assessment import all_sources
    from readiness_kit.batch import execute, execute_sign_off, incomplete_reasons
    from readiness_kit.commands import terminal
    from readiness_kit.evidence import canonical
    from readiness_kit.notebook_files import NOTEBOOKS, SIGN_OFF, packaged_notebooks, section_of
    from readiness_kit.reports.html import html
    from readiness_kit.reports.material import material
    from readiness_kit.results import Results

    within = {item.section for item in assessment.items} | {"start_here"}
    folder = notebooks or packaged_notebooks()
    files = [folder / f"{name}.ipynb" for name in NOTEBOOKS if section_of(name) in within]
    crashes: list[str] = []
    assessment.told = terminal.tell
    with assessment.gathering(), terminal.progress("looking") as progress:
        gatherer = threading.Thread(
            target=_gather, args=(assessment, progress, crashes), name="gather", daemon=True
        )
        gatherer.start()
        executed = execute(
            target_file,
            assessment.folder,
            files,
            allow=sorted(assessment.allow),
            sources=all_sources(),
            jobs=jobs,
            on_done=_say_done,
        )
        gatherer.join()
    reasons = (*crashes, *incomplete_reasons(executed))
    results = assessment.results(complete=not reasons, incomplete_reasons=reasons)
    # As it will be read back, so that whoever makes the report again gets the same bytes.
    stored = canonical.decode(canonical.dumps(results), Results)
    assessment.folder.write(REPORT, html(*material(assessment, stored)).encode())
    assessment.seal(results)
    _say_done(execute_sign_off(assessment.folder.path, folder / f"{SIGN_OFF}.ipynb"))
    return results


def _say_done(one: "Executed") -> None:
    click.echo(f"{one.name}  {one.seconds:.1f} s  {one.problem}".rstrip(), err=True)


def _gather(assessment: "Assessment", progress: "Progress", crashes: list[str]) -> None:
    """Gather, and tell the notebooks when there is no more to wait for."""
    from readiness_kit.notebook_files import gathered_mark

    try:
        assessment.gather(progress=progress)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is incomplete
        crashes.append(f"gathering: {type(error).__name__}: {error}")
    finally:
        gathered_mark(assessment.folder.path).touch()


def _terminated(number: int, frame: object) -> NoReturn:
    del frame
    sys.exit(128 + number)
