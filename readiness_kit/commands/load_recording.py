"""``readiness load --record``: somebody signs for what was played."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from readiness_kit.commands.signing import allowed_signers_of
from readiness_kit.errors import UsageError
from readiness_kit.facts.load import LoadRun
from readiness_kit.records import load_records
from readiness_kit.records.load_records import LoadVerdict
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.target import Target


@dataclass(frozen=True)
class Recorder:
    """Who signs, with what, and where it goes: known before anything is played."""

    target: Target
    folder: Path
    person: str
    key: Path
    signers: AllowedSigners

    @classmethod
    def of(cls, target: Target, file: Path, person: str | None, key: Path | None) -> Self:
        """Demand all that a record needs, so that no long test is played in vain.

        Raises:
            UsageError: Something is not given or not declared.
            IntegrityError: This person may not sign load records with this key.

        """
        if person is None or key is None:
            raise UsageError(
                "a record must be signed", hint="add --as MAILBOX --key KEY, or leave --record out"
            )
        if target.load.records is None:
            raise UsageError(
                f"{file} names no folder of load records",
                hint="add load: {records: load-records/}",
            )
        load_records.commit_of(target)
        signers = allowed_signers_of(target, file)
        load_records.demand_may_sign(person, key, signers, datetime.now(UTC))
        return cls(target, target.load.records, person, key, signers)

    def keep(self, run: LoadRun, verdict: LoadVerdict, report: bytes) -> Path:
        """Sign for *run* and keep the record, with its *report*; return where."""
        record = load_records.record_of(
            run, self.target, verdict=verdict, report=report, person=self.person
        )
        return load_records.write(self.folder, record, report, self.key, self.signers)
