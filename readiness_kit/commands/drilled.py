"""``readiness drilled``: sign for a drill: when it was, what came of it, what was learnt."""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from readiness_kit.commands.options import target_option
from readiness_kit.commands.signing import (
    FOLDER,
    Day,
    allowed_signers_of,
    key_option,
    principal_option,
)
from readiness_kit.errors import UsageError

if TYPE_CHECKING:
    from readiness_kit.facts.records.drills import DrillOutcome
    from readiness_kit.records.drill_records import Action
    from readiness_kit.target import Target

KINDS = ("restore", "point_in_time", "failover", "degradation")
MEASURED = {
    "restore": ("restore_drill", "database.backup_verification.restored"),
    "point_in_time": ("point_in_time_recovery", "database.pitr.recovered_to_a_marker"),
    "failover": ("failover_drill", "database.failover.writer_survives"),
}
"""Which fact of a run holds a drill of that kind, and the claim that says what came of it."""


class Held(NamedTuple):
    """When a drill was held, what came of it, and where that is held."""

    at: datetime
    outcome: "DrillOutcome"
    fact_sha256: str


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@target_option
@click.option("--run", type=FOLDER, help="Run in which the kit held it: it tells when and how.")
@click.option("--held-on", type=Day(), help="Day on which it was held by other means.")
@click.option("--outcome", type=click.Choice(["succeeded", "failed"]), help="What came of it then.")
@click.option("--lesson", "lessons", multiple=True, help="What was learnt; may be repeated.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="WHAT;OWNER;DAY",
    help="What is to be done, by whom, until when; may be repeated.",
)
@click.option("--reviewed", is_flag=True, help="The procedures were looked through because of it.")
@principal_option
@key_option
def command(
    kind: str,
    target_file: Path,
    run: Path | None,
    held_on: date | None,
    outcome: str | None,
    lessons: tuple[str, ...],
    actions: tuple[str, ...],
    principal: str,
    key: Path,
    *,
    reviewed: bool,
) -> None:
    """Sign for a drill of KIND; the record goes to drills.records of the target.

    Either the kit held it, then --run says in which run; or give --held-on and --outcome.
    """
    import msgspec

    from readiness_kit.facts.records.drills import DrillKind
    from readiness_kit.records import drill_records
    from readiness_kit.target_file import read_target

    target = read_target(target_file)
    if target.drills.records is None:
        raise UsageError(
            f"{target_file} names no folder of drill records",
            hint="add drills: {records: drill-records/}",
        )
    held = _measured(kind, run, target) if run else _told(held_on, outcome)
    record = drill_records.DrillRecord(
        target=target.name,
        environment=target.environment,
        kind=msgspec.convert(kind, DrillKind),
        held_at=held.at,
        outcome=held.outcome,
        lessons=lessons,
        actions=tuple(map(_action, actions)),
        reviewed_at=datetime.now(UTC) if reviewed else None,
        fact_sha256=held.fact_sha256,
        person=principal,
    )
    signers = allowed_signers_of(target, target_file)
    click.echo(drill_records.write(target.drills.records, record, key, signers))


def _told(held_on: date | None, outcome: str | None) -> Held:
    if held_on is None or outcome is None:
        raise UsageError(
            "it is not known when the drill was held, or what came of it",
            hint="give --run RUN, or --held-on DAY and --outcome",
        )
    at = datetime.combine(held_on, time(12), UTC)
    return Held(min(at, datetime.now(UTC)), "failed" if outcome == "failed" else "succeeded", "")


def _measured(kind: str, run: Path, target: "Target") -> Held:
    """Return what the *run* holds of a drill of that *kind*, and how it was judged.

    Raises:
        UsageError: It holds none of this target and environment.
        IntegrityError: It is not sealed, or was changed since.

    """
    from readiness_kit.contents import item
    from readiness_kit.evidence.folder import RunFolder
    from readiness_kit.judgement import judge_item
    from readiness_kit.signoff.sealed import SealedRun
    from readiness_kit.signoff.standing import demand_judged

    fact, claim = MEASURED.get(kind, ("", ""))
    folder = RunFolder.join(run)
    demand_judged(SealedRun.open(run, older=True))
    there = (folder.run.target_name, folder.run.environment)
    stored = folder.read_stored(fact) if fact else None
    here = (target.name, target.environment)
    if there != here or stored is None or stored[0].value is None:
        raise UsageError(f"{run} holds no drill of this kind of {' in '.join(here)}")
    judged = judge_item(item(claim.rpartition(".")[0]), folder).claims
    status = next(one.status for one in judged if one.id == claim)
    if status not in {"PASS", "WARN", "FAIL"}:
        raise UsageError(f"{run} does not tell what came of it: {claim} is {status}")
    at = datetime.fromisoformat(str(stored[0].value["observed_at"]))
    return Held(at, "failed" if status == "FAIL" else "succeeded", stored[1])


def _action(text: str) -> "Action":
    from readiness_kit.records.drill_records import Action

    what, _, rest = text.partition(";")
    owner, _, day = rest.partition(";")
    try:
        due = date.fromisoformat(day.strip()) if day.strip() else None
    except ValueError as error:
        raise UsageError(f"{day!r} is no day", hint="write WHAT;OWNER;YYYY-MM-DD") from error
    return Action(what=what.strip(), owner=owner.strip(), due=due)
