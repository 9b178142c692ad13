"""RTO and RPO defined: written down, agreed with what is measured against, and kept all the time.

>>> CHECK.shows()
{'defined': 'PASS', 'rpo_continuous': 'PASS'}
>>> CHECK.shows(half_an_hour(DOCUMENTS))["defined"], CHECK.shows(queue_grows(ARCHIVING))
('FAIL', {'defined': 'PASS', 'rpo_continuous': 'FAIL'})
>>> CHECK.shows(ARCHIVING.replace(archive_timeout_s=0))["rpo_continuous"]
'WARN'
>>> CHECK.shows(ARCHIVING.replace(last_in_archive=None))["rpo_continuous"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.documents import RecoveryObjectives, StatedObjective
from readiness_kit.facts.postgres import PostgresArchiving, PostgresReplication, Replica, Standby
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

RTO_MINUTES, RPO_MINUTES = 60.0, 15.0
"""The checklist's: recovery in less than an hour, less than a quarter of an hour lost."""

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


@judges("rpo_continuous")
def continuous(
    archiving: PostgresArchiving,
    objectives: Objectives,
    replication: PostgresReplication | None,
) -> Iterator[Finding]:
    """WAL leaves the machine in time, whatever the last drill measured."""
    limit_s = min(objectives.rpo_minutes, RPO_MINUTES) * 60
    late_s, waiting = _lag_s(archiving), archiving.waiting
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


def _lag_s(archiving: PostgresArchiving) -> float | None:
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
ARCHIVING = PostgresArchiving(
    observed_at=_NOON,
    archive_mode="on",
    archive_timeout_s=60,
    archived_count=120,
    last_archived_wal="000000010000000000000078",
    last_archived_age_s=42.0,
    failing=False,
    waiting=0,
    oldest_waiting_age_s=None,
    unarchived_bytes=3_000_000,
    last_in_archive=True,
)
REPLICATION = PostgresReplication(
    observed_at=_NOON,
    primary_in_recovery=False,
    samples=(),
    sampled_s=4.0,
    replicas=(Replica(address="127.0.0.1:5433", unseen=""),),
    slots=(),
    max_slot_wal_keep_bytes=None,
)


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


CHECK = Check(
    (defined, continuous),
    remedy="Write both objectives with figures into the recovery document and into "
    "readiness.yaml; set archive_timeout to 60 s and mend archive_command until nothing waits.",
    references=(
        "PostgreSQL manual 25.3, Continuous Archiving",
        "PostgreSQL manual 20.5.3, archive_timeout",
        "NIST SP 800-34 rev. 1: recovery time and recovery point objectives",
    ),
    good=(DOCUMENTS, ARCHIVING, REPLICATION),
    worsen=(half_an_hour, one_missing, queue_grows, command_fails, says_so_only),
    thresholds={
        "defined": "RTO under 60 min, RPO under 15 min (checklist)",
        "rpo_continuous": "the loss objective, 15 min at most",
    },
)
