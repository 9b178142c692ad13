"""Facts of a signed staging run, kept beside those of the run that borrows them.

``borrowed/<run id>/`` holds a part of the lender's folder, byte for byte: its manifest, what it
asked, its results, its signatures, and the facts that it lends. Who signed it is the business of
:mod:`readiness_kit.signoff.lending`; here the facts are read.
"""

from collections.abc import Iterator
from datetime import timedelta

from readiness_kit.errors import NotSeen
from readiness_kit.evidence.folder import Origin, RunFolder, Unseen
from readiness_kit.facts import Fact

FOLDER = "borrowed"


def copies(folder: RunFolder) -> Iterator[RunFolder]:
    """Yield what *folder* keeps of each lender, by run id.

    Raises:
        RunFolderError: A copy is damaged.

    """
    place = folder.path / FOLDER
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        yield RunFolder.join(path)


def borrow(into: RunFolder, kind: type[Fact], days: int) -> Unseen | None:
    """Store the first fresh fact of *kind* that a lender has in *into*.

    Returns:
        ``None`` when there was one; else why there is none, in the words of the last lender.

    """
    fact_id = kind.fact_id()
    said = Unseen(cause="not_allowed", reason=f"no run on staging lends {fact_id}")
    for lender in copies(into):
        stored = lender.read_stored(fact_id)
        try:
            fact = lender.read_fact(kind)
        except NotSeen:
            continue
        age = into.run.started_at - fact.observed_at
        if stored is None or not timedelta() <= age <= timedelta(days=days):
            said = _stale(lender, age, days)
            continue
        origin = Origin(run_id=lender.run_id, sha256=stored[1])
        into.write_fact(fact_id, fact, seconds=0, cost={}, origin=origin)
        into.journal("BORROWED", fact=fact_id, run=lender.run_id)
        return None
    return said


def _stale(lender: RunFolder, age: timedelta, days: int) -> Unseen:
    return Unseen(
        cause="stale",
        reason=f"seen on staging {age.days} days ago, in {lender.run_id}; it counts for {days}",
        hint="run on staging again, have that run signed, and name it in evidence_from",
    )
