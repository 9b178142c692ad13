"""Read the load tests on record."""

from datetime import UTC, datetime

from readiness_kit.facts.records.load import LoadRecords, RecordedLoad
from readiness_kit.probes.records.deeds import on_record
from readiness_kit.records.load_records import LoadRecord
from readiness_kit.sources import Visit, source


@source(effect="read", asks="no request: reads the declared folder of load records", deadline_s=60)
def load_records(visit: Visit) -> LoadRecords:
    """Verify and read the records of this target; without a declared folder there are none.

    Raises:
        NotSeen: The folder cannot be read, or nobody says who may sign.

    """
    target, now = visit.target, datetime.now(UTC)
    folder, release = target.load.records, target.release
    fact = LoadRecords(
        observed_at=now,
        declared=folder is not None,
        commit=release.commit if release else "",
        records=(),
        rejected=(),
    )
    if folder is None:
        return fact
    found, rejected = on_record(folder, LoadRecord, "load.records", target, now)
    return fact.replace(
        records=tuple(_recorded(name, one) for name, one in found.items()),
        rejected=rejected,
    )


def _recorded(name: str, record: LoadRecord) -> RecordedLoad:
    return RecordedLoad(
        file=name,
        commit=record.commit,
        profile=record.profile,
        steady_s=record.steady_s,
        rate_rps=record.rate_rps,
        valid=record.valid,
        verdict=record.verdict,
        finished_at=record.finished_at,
        person=record.person,
    )
