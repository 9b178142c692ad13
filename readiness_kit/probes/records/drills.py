"""Read the drills on record."""

from datetime import UTC, datetime, time

from readiness_kit.facts.records.drills import AgreedAction, DrillRecords, RecordedDrill
from readiness_kit.probes.records.deeds import on_record
from readiness_kit.records.drill_records import DrillRecord
from readiness_kit.sources import Visit, source


@source(effect="read", asks="no request: reads the declared folder of drill records", deadline_s=60)
def drill_records(visit: Visit) -> DrillRecords:
    """Verify and read the records of this target; without a declared folder there are none.

    Raises:
        NotSeen: The folder cannot be read, or nobody says who may sign.

    """
    target, now = visit.target, datetime.now(UTC)
    folder = target.drills.records
    if folder is None:
        return DrillRecords(observed_at=now, declared=False, records=(), rejected=())
    found, rejected = on_record(folder, DrillRecord, "drills.records", target, now)
    recorded = [_recorded(name, one) for name, one in found.items()]
    return DrillRecords(
        observed_at=now,
        declared=True,
        records=tuple(sorted(recorded, key=lambda one: one.held_at, reverse=True)),
        rejected=rejected,
    )


def _recorded(name: str, record: DrillRecord) -> RecordedDrill:
    return RecordedDrill(
        file=name,
        kind=record.kind,
        held_at=record.held_at,
        outcome=record.outcome,
        lessons=record.lessons,
        actions=tuple(
            AgreedAction(
                what=one.what,
                owner=one.owner.strip(),
                due=datetime.combine(one.due, time.min, UTC) if one.due else None,
            )
            for one in record.actions
        ),
        reviewed_at=record.reviewed_at,
        measured=bool(record.fact_sha256),
        person=record.person,
    )
