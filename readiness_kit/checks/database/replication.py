"""Replication: every declared standby streams, stays close, and no slot can fill the disk.

>>> CHECK.shows()
{'streaming': 'PASS', 'lag': 'PASS', 'slots_healthy': 'PASS'}
>>> CHECK.shows(minute_behind(GOOD))["lag"], CHECK.shows(slot_lost(GOOD))["slots_healthy"]
('FAIL', 'FAIL')
>>> CHECK.shows(GOOD.replace(max_slot_wal_keep_bytes=None))["slots_healthy"]
'WARN'
>>> CHECK.shows(GOOD.replace(replicas=()))["streaming"]
'UNKNOWN'
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.database.replication import PostgresReplication, Replica, Slot, Standby
from readiness_kit.facts.wal.archiver import PostgresArchiving
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

CLOSE_S, FAR_S = 10.0, 60.0
CLOSE_BYTES = 16 * 1024**2
"""Limits of lag: good in both, and never beyond (default; the checklist names none)."""

SAMPLES = 3
"""Fewest samples of lag."""

SILENT_S = 60.0
"""Age of the last message from which a receiver is no longer believed (wal_receiver_timeout)."""


def case(claim: str, got: str, want: str, path: str, query: str) -> Case:
    """Return the case of *claim*, seen at *path* and shown by *query*."""
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[PostgresReplication.at(path)],
        reproduce=f'psql "$READINESS_DB_DSN" -c "{query}"',
        grade=Grade.OBSERVED,
    )


@judges("streaming")
def streaming(pg: PostgresReplication, objectives: Objectives) -> Iterator[Finding]:
    """Each declared standby is asked itself, for pg_receivewal streams too."""
    newest = pg.samples[-1] if pg.samples else ()
    sent = [one for one in newest if one.state == "streaming"]
    fed = [one for one in pg.replicas if _streams(one)]
    got = "; ".join([f"{len(sent)} streams from the primary", *map(_words, pg.replicas)])
    want = "every declared standby in recovery and streaming"
    this = case("streaming", got, want, "/replicas", "SELECT * FROM pg_stat_replication")
    if pg.primary_in_recovery:
        yield this.not_seen(Cause.COULD_NOT_ASK, "database.dsn must name the primary")
    elif not sent or any(not one.unseen and not one.in_recovery for one in pg.replicas):
        yield this.fails()
    elif not pg.replicas:
        yield this.not_seen(Cause.NOT_CONFIGURED, "name each standby in database.replicas")
    elif any(one.unseen for one in pg.replicas):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif not fed:
        yield this.fails()
    else:
        advice = []
        if len(fed) < len(pg.replicas):
            advice.append("a declared standby is in recovery but does not stream")
        if objectives.rpo_minutes == 0 and all(one.sync_state == "async" for one in sent):
            advice.append("no loss is promised, and all standbys are asynchronous (manual 26.2.8)")
        yield this.holds(*advice)


@judges("lag")
def lag(pg: PostgresReplication) -> Iterator[Finding]:
    """Standbys are close behind in every sample; a paused one is not."""
    want = f"at most {CLOSE_S:g} s and 16 MiB in each of {SAMPLES} samples"
    samples = [[one for one in sample if one.state != "backup"] for sample in pg.samples]
    every = [one for sample in samples for one in sample]
    seconds = [one.replay_lag_s for one in every if one.replay_lag_s is not None]
    sizes = [one.lag_bytes for one in every if one.lag_bytes is not None]
    got = (
        f"at most {max(seconds, default=0):.1f} s and {max(sizes, default=0)} bytes in "
        f"{len(samples)} samples over {pg.sampled_s:.1f} s"
    )
    query = "SELECT replay_lag, pg_wal_lsn_diff(sent_lsn, replay_lsn) FROM pg_stat_replication"
    this = case("lag", got, want, "/samples", query)
    if any(one.replay_paused for one in pg.replicas):
        yield this.fails("replay is paused on a standby: pg_wal_replay_resume()")
    elif any(one > FAR_S for one in seconds):
        yield this.fails()
    elif len(samples) < SAMPLES or not all(samples):
        yield this.not_seen(Cause.TOO_FEW_SAMPLES)
    elif any(not _streams(one) for one in pg.replicas):
        yield this.not_seen(Cause.COULD_NOT_ASK, "how far a standby is behind that does not stream")
    elif len(sizes) < len(every) or not all(math.isfinite(one) for one in seconds):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif all(one <= CLOSE_S for one in seconds) and all(one <= CLOSE_BYTES for one in sizes):
        yield this.holds()
    elif len(seconds) < len(every):
        yield this.not_seen(Cause.COULD_NOT_ASK, "far behind in bytes, for how long is not known")
    else:
        yield this.holds("a failover now would lose what is not replayed yet")


@judges("slots_healthy")
def slots(pg: PostgresReplication, archiving: PostgresArchiving | None) -> Iterator[Finding]:
    """A slot keeps WAL for its reader; unread or unbounded it fills the disk."""
    want = "every slot active and reserved, and max_slot_wal_keep_size set"
    states = [f"{one.name} {_activity(one)} {one.wal_status}" for one in pg.slots]
    bound = pg.max_slot_wal_keep_bytes
    got = f"{len(states)} slots: {', '.join(states)}" if states else "no slots"
    got += "; no bound" if bound is None else f"; bound {bound} bytes"
    this = case("slots_healthy", got, want, "/slots", "SELECT * FROM pg_replication_slots")
    statuses = {one.wal_status for one in pg.slots}
    if not all(one.active for one in pg.slots) or statuses & {"lost", "unreserved"}:
        yield this.fails("drop the slot if nobody needs it: it holds back WAL (manual 26.2.6)")
    elif not pg.slots:
        yield _without_slots(this, archiving)
    elif not statuses <= {"reserved", "extended"}:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    else:
        unbounded = ["set max_slot_wal_keep_size (manual 20.6)"] if bound is None else []
        extended = ["a slot holds more than max_wal_size"] if "extended" in statuses else []
        yield this.holds(*unbounded, *extended)


def _without_slots(this: Case, archiving: PostgresArchiving | None) -> Finding:
    """Without slots a standby that falls behind catches up from the archive."""
    if archiving is None:
        return this.not_seen(Cause.COULD_NOT_ASK, "no slot, and the archive was not seen")
    on = archiving.archive_mode in {"on", "always"} and archiving.archived_count > 0
    return this.holds() if on and not archiving.failing else this.fails("no slot and no archive")


def _streams(one: Replica) -> bool:
    recent = one.message_age_s is not None and one.message_age_s <= SILENT_S
    return not one.unseen and one.receiver_status == "streaming" and recent


def _words(one: Replica) -> str:
    state = "in recovery" if one.in_recovery else "not in recovery"
    return f"{one.address}: {one.unseen or f'{state}, receiver {one.receiver_status}'}"


def _activity(one: Slot) -> str:
    return "active" if one.active else "inactive"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_STANDBY = Standby(
    name="standby_1", state="streaming", sync_state="async", lag_bytes=0, replay_lag_s=0.01
)
GOOD = PostgresReplication(
    observed_at=_NOON,
    primary_in_recovery=False,
    samples=((_STANDBY,),) * SAMPLES,
    sampled_s=4.0,
    replicas=(
        Replica(
            address="db2.example.com:5432",
            unseen="",
            in_recovery=True,
            receiver_status="streaming",
            message_age_s=0.5,
            same_machine=False,
        ),
    ),
    slots=(
        Slot(
            name="standby_1", kind="physical", active=True, wal_status="reserved", retained_bytes=0
        ),
    ),
    max_slot_wal_keep_bytes=1024**3,
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
    unarchived_bytes=4096,
    last_in_archive=True,
)


def nothing_streams(pg: PostgresReplication) -> PostgresReplication:
    """Cut every standby off."""
    return pg.replace(samples=tuple(() for _ in pg.samples))


def standby_promoted(pg: PostgresReplication) -> PostgresReplication:
    """Let a declared standby be a primary of its own."""
    first, *rest = pg.replicas
    return pg.replace(replicas=(replace(first, unseen="", in_recovery=False), *rest))


def standby_paused(pg: PostgresReplication) -> PostgresReplication:
    """Pause the replay of a standby."""
    first, *rest = pg.replicas
    return pg.replace(replicas=(replace(first, replay_paused=True), *rest))


def minute_behind(pg: PostgresReplication) -> PostgresReplication:
    """Let every standby be more than a minute behind."""
    late = (tuple(replace(one, replay_lag_s=60.1) for one in sample) for sample in pg.samples)
    return pg.replace(samples=tuple(late))


def one_cut_off(pg: PostgresReplication) -> PostgresReplication:
    """Cut one standby off: the primary does not know how far it is behind."""
    first, *rest = pg.replicas
    return pg.replace(replicas=(replace(first, receiver_status=None), *rest))


def slot_lost(pg: PostgresReplication) -> PostgresReplication:
    """Lose every slot's WAL."""
    return pg.replace(slots=tuple(replace(one, wal_status="lost") for one in pg.slots))


def unbounded(pg: PostgresReplication) -> PostgresReplication:
    """Let slots hold back any amount of WAL."""
    return pg.replace(max_slot_wal_keep_bytes=None)


CHECK = Check(
    (streaming, lag, slots),
    remedy="Start or rebuild the standby that is named, from its own slot; set "
    "max_slot_wal_keep_size, and drop slots that nobody reads.",
    references=("PostgreSQL manual 26.2, Log-Shipping Standby Servers", "manual 20.6, Replication"),
    good=(GOOD, ARCHIVING),
    worsen=(
        nothing_streams,
        standby_promoted,
        standby_paused,
        minute_behind,
        one_cut_off,
        slot_lost,
        unbounded,
    ),
    thresholds={
        "streaming": "every declared standby in recovery and streaming",
        "lag": "10 s and 16 MiB, never beyond 60 s (defaults of the kit)",
        "slots_healthy": "active, reserved, bounded",
    },
)
