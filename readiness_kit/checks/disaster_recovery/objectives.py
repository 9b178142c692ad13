"""RTO and RPO defined: written down, met when they were measured, and kept all the time.

>>> CHECK.shows()
{'defined': 'PASS', 'rto': 'PASS', 'rpo': 'PASS', 'rpo_continuous': 'PASS'}
>>> CHECK.shows(half_an_hour(DOCUMENTS))["defined"]
'FAIL'
>>> CHECK.shows(queue_grows(ARCHIVING))["rpo_continuous"]
'FAIL'
>>> CHECK.shows(nothing_came_back(LOSS))["rpo"], CHECK.shows(stops(RESTORE))["rto"]
('FAIL', 'FAIL')
>>> CHECK.shows(ARCHIVING.replace(archive_timeout_s=0))["rpo_continuous"]
'WARN'
>>> CHECK.shows(ARCHIVING.replace(last_in_archive=None))["rpo_continuous"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf

from msgspec.structs import replace

from readiness_kit.checks.database import failover, replication
from readiness_kit.checks.database.backup_verification import DRILL as RESTORE
from readiness_kit.checks.database.backup_verification import stops
from readiness_kit.facts.database.replication import PostgresReplication, Replica, Standby
from readiness_kit.facts.drills.failover import FailoverDrill
from readiness_kit.facts.drills.readiness import Outage, Poll, ReadinessDrill
from readiness_kit.facts.drills.recovery import ArchiveRecovery, CopyRecovered
from readiness_kit.facts.drills.restore import RestoreDrill
from readiness_kit.facts.papers.documents import RecoveryObjectives, StatedObjective
from readiness_kit.facts.wal.archiver import PostgresArchiving
from readiness_kit.load_verdict.restores import expected, in_words
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

RTO_MINUTES, RPO_MINUTES = 60.0, 15.0
"""The checklist's: recovery in less than an hour, less than a quarter of an hour lost."""

FEWEST_ROWS = 10
"""Rows that must have been acknowledged before the loss."""

IDLE_BYTES = 16 * 1024
"""WAL an idle server writes between two switches: a checkpoint and a snapshot record or two."""


@judges("defined")
def defined(documents: RecoveryObjectives, objectives: Objectives) -> Iterator[Finding]:
    """Documents and target name the same figures, no looser than the checklist's."""
    stated = [f"{one.kind.upper()} {_figure(one)} ({_place(one)})" for one in documents.stated]
    want = {"rto": objectives.rto_minutes, "rpo": objectives.rpo_minutes}
    limits = {"rto": RTO_MINUTES, "rpo": RPO_MINUTES}
    this = Case(
        claim="defined",
        got=f"{'; '.join(stated) or 'no figure'}; readiness.yaml {want['rto']:g} and "
        f"{want['rpo']:g} min",
        want="RTO under 60 min and RPO under 15 min, the same in documents and readiness.yaml",
        seen=[documents.at("/stated")],
        reproduce="grep -niE 'RTO|RPO|recovery (time|point)' on the documents",
        grade=Grade.DOCUMENTED,
    )
    kinds = {one.kind for one in documents.stated}
    loose = [
        one
        for one in documents.stated
        if not (0 <= one.minutes < limits[one.kind])
        and not (one.below and one.minutes == limits[one.kind])
    ]
    differ = [one for one in documents.stated if one.minutes != want[one.kind]]
    if not documents.documents:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif kinds < {"rto", "rpo"}:
        yield this.fails("write down both, each with its figure and unit")
    elif loose:
        yield this.fails(f"{_place(loose[0])} is looser than the checklist: waive it or tighten it")
    elif differ:
        yield this.fails(f"{_place(differ[0])} says otherwise than objectives in readiness.yaml")
    else:
        yield this.holds()


@judges("rto")
def measured_rto(
    restore: RestoreDrill, readiness: ReadinessDrill, objectives: Objectives
) -> Iterator[Finding]:
    """A failure is noticed, a backup restored at today's size, and the service ready, in time."""
    limit_s = objectives.rto_minutes * 60
    noticed_s = readiness.changed_s("cut_database", ready=False)
    ready_s = readiness.changed_s("cut_database", ready=True)
    found = expected(restore)
    parts = (noticed_s, ready_s)
    around_s = sum(one for one in parts if one is not None)
    this = Case(
        claim="rto",
        got=f"noticed after {_s(noticed_s)}, {restore.error or in_words(restore)}, "
        f"service ready {_s(ready_s)} after its database",
        want=f"upper 90 % end of the sum under {limit_s / 60:g} min",
        seen=[restore.at("/recoveries"), readiness.at("/polls"), readiness.at("/outages")],
        reproduce="time a restore of the newest backup and the start of the service upon it",
    )
    if restore.error:
        yield this.fails("a backup that cannot be restored is never restored in time")
    elif found is None or not all(one is not None and 0 <= one < inf for one in parts):
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "a part of the recovery was not timed")
    elif found.low_s + around_s >= limit_s:
        yield this.fails()
    elif found.high_s + around_s < limit_s:
        yield this.holds()
    else:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "the interval straddles the limit: repeat")


@judges("rpo")
def measured_rpo(
    loss: ArchiveRecovery, failover: FailoverDrill | None, objectives: Objectives
) -> Iterator[Finding]:
    """What was acknowledged and did not come back is younger than the objective.

    The drill's own base backup ends a segment sooner than the server would have: then as much as
    archive_timeout allows is added to what was lost.
    """
    limit_s = objectives.rpo_minutes * 60
    added_s = float(loss.archive_timeout_s) if loss.switched_by_drill else 0.0
    worst_s = None if loss.lost_s is None else loss.lost_s + added_s
    lost_over_s = failover.lost_s if failover is not None else 0.0
    this = Case(
        claim="rpo",
        got=f"{loss.came_back} of {loss.acknowledged} acknowledged rows came back from the "
        f"archive, lost {_s(loss.lost_s)}, with archive_timeout at most {_s(worst_s)}"
        + (f"; in the failover {failover.lost_s:.1f} s" if failover is not None else "")
        + (f"; {loss.recovered.error}" if loss.recovered.error else ""),
        want=f"less than {limit_s:g} s",
        seen=[loss.at("/lost_s"), loss.at("/archive_timeout_s")]
        + ([failover.at("/lost_s")] if failover is not None else []),
        reproduce="insert rows, copy the archive, recover a base backup with it, SELECT max(id)",
    )
    if loss.recovered.error or not loss.recovered.promoted:
        yield this.fails("nothing could be recovered from the archive")
    elif loss.acknowledged < FEWEST_ROWS:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "hardly a row was acknowledged")
    elif worst_s is None or not 0 <= worst_s < limit_s or not 0 <= lost_over_s < limit_s:
        yield this.fails()
    elif loss.switched_by_drill and loss.archive_timeout_s <= 0:
        yield this.not_seen(
            Cause.UNPROVEN, "archive_timeout is 0: without the drill's own switch more is lost"
        )
    else:
        yield this.holds()


def _s(value: float | None) -> str:
    return "not seen" if value is None else f"{value:.1f} s"


@judges("rpo_continuous")
def continuous(
    archiving: PostgresArchiving,
    objectives: Objectives,
    replication: PostgresReplication | None,
) -> Iterator[Finding]:
    """WAL leaves the machine in time, whatever the last drill measured."""
    limit_s = min(objectives.rpo_minutes, RPO_MINUTES) * 60
    late_s, waiting = lag_s(archiving), archiving.waiting
    late = "not seen" if late_s is None else f"{late_s:.0f} s"
    this = Case(
        claim="rpo_continuous",
        got=f"archive_mode {archiving.archive_mode}, archive_timeout {archiving.archive_timeout_s}"
        f" s, lag {late}, {waiting} segments waiting",
        want=f"archive_timeout 1 to {limit_s:g} s and lag under {limit_s:g} s, or a standby "
        "elsewhere that streams within it",
        seen=[archiving.at(path) for path in ("/archive_timeout_s", "/oldest_waiting_age_s")],
        reproduce='psql "$READINESS_DB_DSN" -c "SELECT * FROM pg_stat_archiver"',
        grade=Grade.OBSERVED,
    )
    if replication is not None and _streams_elsewhere(replication, limit_s):
        yield this.holds()
    elif archiving.archive_mode not in {"on", "always"}:
        yield this.fails("nothing is archived, and no standby elsewhere streams (manual 25.3)")
    elif archiving.failing or archiving.last_in_archive is False:
        yield this.fails("archive_command fails, or says it archived what is not in the archive")
    elif late_s is not None and not late_s < limit_s:
        yield this.fails()
    elif late_s is None or archiving.archived_count <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "nothing was archived yet: pg_switch_wal()")
    elif archiving.last_in_archive is None:
        yield this.not_seen(Cause.UNPROVEN, "name the archive in backups.wal_archive")
    elif archiving.archive_timeout_s == 0:
        yield this.holds("archive_timeout is 0: a quiet hour stays on this machine (manual 20.5.3)")
    elif 0 < archiving.archive_timeout_s <= limit_s:
        yield this.holds()
    else:
        yield this.fails()


def lag_s(archiving: PostgresArchiving) -> float | None:
    """Return how old the oldest WAL is that is not archived, at most; ``None`` when not seen.

    A waiting segment tells its age. Otherwise what is in use is no older than archive_timeout lets
    it be, or than the newest archived segment where there is no such bound.
    """
    if archiving.waiting > 0:
        return archiving.oldest_waiting_age_s
    if archiving.unarchived_bytes is None or archiving.last_archived_age_s is None:
        return None
    if archiving.unarchived_bytes <= IDLE_BYTES:
        return 0.0
    bound = archiving.archive_timeout_s or archiving.last_archived_age_s
    return min(float(bound), archiving.last_archived_age_s)


def _streams_elsewhere(replication: PostgresReplication, limit_s: float) -> bool:
    """Tell whether a standby on another machine streamed, within the limit, in every sample."""
    far = [
        one
        for one in replication.replicas
        if not one.unseen
        and not one.same_machine
        and one.in_recovery
        and one.receiver_status == "streaming"
        and not one.replay_paused
    ]
    close = [
        any(_within(one, limit_s) for one in sample)
        and all(_within(one, limit_s) for one in sample)
        for sample in replication.samples
    ]
    return bool(far) and bool(close) and all(close) and limit_s > 0


def _within(one: Standby, limit_s: float) -> bool:
    lag_s = one.replay_lag_s
    return (
        one.state == "streaming"
        and one.lag_bytes is not None
        and (lag_s < limit_s if lag_s is not None else one.lag_bytes <= IDLE_BYTES)
    )


def _figure(one: StatedObjective) -> str:
    return f"{'< ' if one.below else ''}{one.minutes:g} min"


def _place(one: StatedObjective) -> str:
    return f"{one.document}:{one.line}"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_RTO = StatedObjective(
    kind="rto", minutes=60.0, below=True, document="recovery.md", line=7, words="RTO < 1 hour"
)
DOCUMENTS = RecoveryObjectives(
    observed_at=_NOON,
    documents=("recovery: recovery.md",),
    stated=(_RTO, replace(_RTO, kind="rpo", minutes=15.0, line=8, words="RPO < 15 minutes")),
)
ARCHIVING = replication.ARCHIVING.replace(unarchived_bytes=3_000_000)
REPLICATION = PostgresReplication(
    observed_at=_NOON,
    primary_in_recovery=False,
    samples=(),
    sampled_s=4.0,
    replicas=(Replica(address="127.0.0.1:5433", unseen=""),),
    slots=(),
    max_slot_wal_keep_bytes=None,
)
_PUBLIC = "https://api.example.com at 192.0.2.1:443"
READINESS = ReadinessDrill(
    observed_at=_NOON,
    places=(_PUBLIC,),
    health="/health",
    ready="/ready",
    outages=(Outage(fault="cut_database", since_s=3.0, mending_s=7.0, until_s=7.2),),
    polls=tuple(
        Poll(
            place=_PUBLIC,
            endpoint="ready",
            at_s=float(second),
            elapsed_ms=20.0,
            status=503 if 4 <= second < 8 else 200,
        )
        for second in range(12)
    ),
    cache_declared=False,
    cache_required=False,
    seconds=12.0,
)
LOSS = ArchiveRecovery(
    observed_at=_NOON,
    recovered=CopyRecovered(
        base="base-2026-03-01, the newest that is kept",
        base_seconds=None,
        server="postgres (PostgreSQL) 17.10",
        phases=(),
        wall_s=9.9,
        promoted=True,
        timeline_before=1,
        timeline_after=2,
        error="",
    ),
    acknowledged=60,
    came_back=40,
    lost_s=1.0,
    written_s=3.0,
    archive_timeout_s=60,
    switched_by_drill=True,
)
FAILOVER = failover.DRILL.replace(lost=2, lost_s=0.1)


def half_an_hour(documents: RecoveryObjectives) -> RecoveryObjectives:
    """Promise to lose no more than half an hour, and to be back in two."""
    return documents.replace(
        stated=tuple(replace(one, minutes=120.0, below=False) for one in documents.stated)
    )


def one_missing(documents: RecoveryObjectives) -> RecoveryObjectives:
    """Say nothing of the loss."""
    return documents.replace(stated=tuple(one for one in documents.stated if one.kind == "rto"))


def queue_grows(archiving: PostgresArchiving) -> PostgresArchiving:
    """Let a finished segment wait for an hour."""
    return archiving.replace(waiting=40, oldest_waiting_age_s=3600.0)


def command_fails(archiving: PostgresArchiving) -> PostgresArchiving:
    """Let archive_command fail."""
    return archiving.replace(failing=True)


def says_so_only(archiving: PostgresArchiving) -> PostgresArchiving:
    """Let archive_command succeed without archiving."""
    return archiving.replace(last_in_archive=False)


def nothing_came_back(loss: ArchiveRecovery) -> ArchiveRecovery:
    """Recover none of the rows."""
    return loss.replace(came_back=0, lost_s=None)


def segments_of_an_hour(loss: ArchiveRecovery) -> ArchiveRecovery:
    """End a segment once an hour."""
    return loss.replace(archive_timeout_s=max(3600, loss.archive_timeout_s))


def never_ready(readiness: ReadinessDrill) -> ReadinessDrill:
    """Never be ready again."""
    return readiness.replace(polls=tuple(replace(one, status=503) for one in readiness.polls))


CHECK = Check(
    (defined, measured_rto, measured_rpo, continuous),
    remedy="Write both objectives with figures into the recovery document and into "
    "readiness.yaml; set archive_timeout to 60 s and mend archive_command until nothing waits.",
    references=(
        "PostgreSQL manual 25.3, Continuous Archiving",
        "PostgreSQL manual 20.5.3, archive_timeout",
        "NIST SP 800-34 rev. 1: recovery time and recovery point objectives",
    ),
    good=(DOCUMENTS, RESTORE, READINESS, LOSS, FAILOVER, ARCHIVING, REPLICATION),
    worsen=(
        half_an_hour,
        one_missing,
        stops,
        never_ready,
        nothing_came_back,
        segments_of_an_hour,
        queue_grows,
        command_fails,
        says_so_only,
    ),
    thresholds={
        "defined": "RTO under 60 min, RPO under 15 min (checklist)",
        "rto": "objectives.rto_minutes: noticing, restoring and being ready, upper 90 % end",
        "rpo": "objectives.rpo_minutes, archive_timeout included",
        "rpo_continuous": "the loss objective, 15 min at most",
    },
)
