"""Drills: held every quarter, with lessons that somebody acts on, and better procedures after.

>>> CHECK.shows()
{'quarterly': 'PASS', 'lessons': 'PASS', 'updated': 'PASS'}
>>> CHECK.shows(half_a_year_on(RECORDS))["quarterly"], CHECK.shows(nothing_learnt(RECORDS))
('FAIL', {'quarterly': 'PASS', 'lessons': 'FAIL', 'updated': 'PASS'})
>>> CHECK.shows(RECORDS.replace(declared=False, records=()))["quarterly"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from readiness_kit.checks.disaster_recovery.runbooks import PAPERS
from readiness_kit.facts.papers.parts import PaperDates, RecoveryPapers
from readiness_kit.facts.records.drills import AgreedAction, DrillRecords, RecordedDrill
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

QUARTER = timedelta(days=92)
TO_WRITE = timedelta(days=14)
"""Time in which what was learnt is written down (default)."""

NONE_NEEDED = "none needed"
"""How a lesson begins that is none, and says why."""


def case(records: DrillRecords, claim: str, got: str, want: str) -> Case:
    """Return the case of *claim*, seen in the records."""
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[records.at("/records"), records.at("/rejected")],
        reproduce="cat the newest file in drills.records; ssh-keygen -Y verify checks it",
        grade=Grade.DOCUMENTED,
    )


def newest(records: DrillRecords) -> RecordedDrill | None:
    """Return the drill held last; one dated in the future is none."""
    held = (one for one in records.records if one.held_at <= records.observed_at)
    return max(held, key=lambda one: one.held_at, default=None)


def in_words(records: DrillRecords, last: RecordedDrill | None) -> str:
    """Return what is on record, in words."""
    rejected = f", {len(records.rejected)} rejected" if records.rejected else ""
    if last is None:
        return f"no drill on record{rejected}"
    age = (records.observed_at - last.held_at).days
    what = f"{last.kind.replace('_', ' ')} {last.outcome} {age} days ago, signed by {last.person}"
    return f"{len(records.records)} on record{rejected}, the last: {what}"


def missing(this: Case, records: DrillRecords) -> Finding:
    """Return the finding that there is no drill on record."""
    if not records.declared:
        return this.not_seen(Cause.NOT_CONFIGURED, "declare drills.records: `readiness drilled`")
    return this.fails("hold a drill, and sign for it: `readiness drilled --help`")


@judges("quarterly")
def quarterly(records: DrillRecords) -> Iterator[Finding]:
    """The last drill was held within the quarter, whatever came of it."""
    last = newest(records)
    want = f"one within {QUARTER.days} days, with its outcome"
    this = case(records, "quarterly", in_words(records, last), want)
    if last is None:
        yield missing(this, records)
    elif records.observed_at - last.held_at <= QUARTER:
        yield this.holds()
    else:
        yield this.fails()


@judges("lessons")
def lessons(records: DrillRecords) -> Iterator[Finding]:
    """Somebody wrote down what the last drill taught, and who does what about it until when."""
    last = newest(records)
    learnt = [one for one in last.lessons if one.strip()] if last else []
    open_ = [one.what for one in last.actions if not one.owner or one.due is None] if last else []
    this = case(
        records,
        "lessons",
        f"{len(learnt)} lessons, {len(last.actions) if last else 0} actions, {len(open_)} of them "
        "without owner or date",
        "a lesson at least, and for each action an owner and a date",
    )
    if last is None:
        yield missing(this, records)
    elif not learnt:
        yield this.fails(f"write down what was learnt, or '{NONE_NEEDED}' and why")
    elif open_:
        yield this.holds(f"no owner or no date: {open_[0]}")
    elif not last.actions and not all(one.lower().startswith(NONE_NEEDED) for one in learnt):
        yield this.holds("nobody is to do anything about the lessons")
    else:
        yield this.holds()


@judges("updated")
def updated(records: DrillRecords, papers: RecoveryPapers) -> Iterator[Finding]:
    """The procedures were changed, or looked through, after the drill."""
    last = newest(records)
    touched = [one.file for one in papers.papers if last and _after(one.dates, last.held_at)]
    reviewed = last.reviewed_at if last else None
    this = Case(
        claim="updated",
        got=f"{in_words(records, last)}; since then: {', '.join(touched) or 'no document changed'}",
        want="a change of the procedures after the drill, or a recorded review",
        seen=[records.at("/records"), papers.at("/papers")],
        reproduce="git log -1 -w -- the procedures; grep -i reviewed in them",
        grade=Grade.DOCUMENTED,
    )
    if last is None:
        yield missing(this, records)
    elif touched or (reviewed is not None and last.held_at <= reviewed <= records.observed_at):
        yield this.holds()
    elif records.observed_at - last.held_at <= TO_WRITE:
        yield this.not_seen(
            Cause.TOO_FEW_SAMPLES, f"there is time until {TO_WRITE.days} days after"
        )
    else:
        yield this.fails()


def _after(dates: PaperDates, moment: datetime) -> bool:
    """Tell whether a commit is younger than *moment*, or a review's day than its day."""
    changed, day = dates.changed_at, dates.reviewed_on
    return bool((changed and changed > moment) or (day and day > moment))


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = DrillRecords(
    observed_at=_NOON,
    declared=True,
    records=(
        RecordedDrill(
            file="20260205T093000Z-restore.json",
            kind="restore",
            held_at=_NOON - timedelta(days=24),
            outcome="succeeded",
            lessons=("The role that restores may not create extensions",),
            actions=(AgreedAction(what="Grant it", owner="A. Ito", due=_NOON + timedelta(days=4)),),
            reviewed_at=None,
            measured=True,
            person="operations-lead@example.com",
        ),
    ),
    rejected=(),
)
AFTERWARDS = PaperDates(reviewed_on=None, changed_at=_NOON - timedelta(days=20), ignored_commits=0)
CHANGED = PAPERS.replace(papers=tuple(replace(one, dates=AFTERWARDS) for one in PAPERS.papers))


def _each(records: DrillRecords, **changes: object) -> DrillRecords:
    return records.replace(records=tuple(replace(one, **changes) for one in records.records))


def half_a_year_on(records: DrillRecords) -> DrillRecords:
    """Look again half a year later, without another drill."""
    held = tuple(one for one in records.records if one.held_at <= records.observed_at)
    return records.replace(records=held, observed_at=records.observed_at + timedelta(days=183))


def nothing_learnt(records: DrillRecords) -> DrillRecords:
    """Write down no lesson."""
    return _each(records, lessons=())


def nobody_acts(records: DrillRecords) -> DrillRecords:
    """Name nobody who acts."""
    action = AgreedAction(what="Grant it", owner="", due=None)
    return _each(records, actions=(action,))


def none_held(records: DrillRecords) -> DrillRecords:
    """Hold no drill."""
    return records.replace(records=())


def procedures_forgotten(papers: RecoveryPapers) -> RecoveryPapers:
    """Let nobody have touched the procedures for years."""
    then = papers.observed_at - timedelta(days=1000)
    dates = PaperDates(reviewed_on=None, changed_at=then, ignored_commits=0)
    return papers.replace(papers=tuple(replace(one, dates=dates) for one in papers.papers))


CHECK = Check(
    (quarterly, lessons, updated),
    remedy="Hold a recovery drill every quarter, sign for it with `readiness drilled`: what was "
    "learnt, and who acts on it until when. Bring the procedures up to date within two weeks.",
    references=(
        "NIST SP 800-34 rev. 1, 3.5: plan testing, training, and exercises",
        "Google SRE workbook, chapter 10: postmortem culture",
    ),
    good=(RECORDS, CHANGED),
    worsen=(half_a_year_on, nothing_learnt, nobody_acts, none_held, procedures_forgotten),
    thresholds={
        "quarterly": "92 days (checklist: quarterly)",
        "lessons": "a lesson, each action with owner and date",
        "updated": "a change or review after the drill, within 14 days (default)",
    },
)
