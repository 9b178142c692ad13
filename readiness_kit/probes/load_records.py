"""Read the load tests on record."""

from datetime import UTC, datetime

from readiness_kit.errors import IntegrityError, NotSeen
from readiness_kit.facts.load_records import LoadRecords, RecordedLoad
from readiness_kit.records import deeds
from readiness_kit.records.load_records import LoadRecord
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.sources import Visit, source
from readiness_kit.target import Target


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
    try:
        signers = allowed_signers(target, "load")
        found, rejected = deeds.read(folder, LoadRecord, target.name, signers, now)
    except OSError as error:
        raise NotSeen(
            f"{folder} cannot be read: {error.strerror}", hint="correct load.records"
        ) from error
    return fact.replace(
        records=tuple(_recorded(name, one) for name, one in found.items()),
        rejected=tuple(map(str, rejected)),
    )


def allowed_signers(target: Target, kind: str) -> AllowedSigners:
    """Return who may sign records of that *kind*.

    Raises:
        NotSeen: Nobody says, or it cannot be read.

    """
    if target.signoff is None:
        raise NotSeen(
            f"readiness.yaml does not say who may sign {kind} records",
            cause="not_configured",
            hint="add signoff: {allowed_signers: signoff/allowed_signers}",
        )
    try:
        return AllowedSigners.read(target.signoff.allowed_signers)
    except IntegrityError as error:
        raise NotSeen(error.message, hint=error.hint) from error


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
