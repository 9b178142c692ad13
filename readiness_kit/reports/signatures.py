"""What lies in a run's ``signoff/``, as it says of itself: whether it holds, ``verify`` says."""

from pathlib import Path

from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError
from readiness_kit.reports.tables import Table
from readiness_kit.signoff import record
from readiness_kit.signoff.statement import Withdrawal

CAPTION = "Records of the four roles, as they say of themselves: `readiness verify` checks them"


def signatures_table(folder: Path) -> Table:
    """Return one row per role: who signed or withdrew, and when."""
    found = tuple((role.replace("_", " "), *_row(folder, role)) for role in ROLES)
    return Table(CAPTION, ("role", "record", "by", "at"), found)


def _row(folder: Path, role: str) -> tuple[str, str, str]:
    if not record.there(folder, role):
        return ("not signed", "", "")
    try:
        said = record.read(record.place(folder, role)).record
    except IntegrityError as error:
        return (f"unreadable: {error.message}", "", "")
    if isinstance(said, Withdrawal):
        gone = said.predicate
        return (f"withdrawn: {gone.reason}", gone.principal, f"{gone.time_created:%Y-%m-%d %H:%MZ}")
    whole = said.predicate
    seen = whole.readiness_kit
    words = f"signed {seen.verdict.value}, {len(seen.waived)} waived, {len(seen.unseen)} not seen"
    return (words, seen.principal, f"{whole.time_created:%Y-%m-%d %H:%MZ}")
