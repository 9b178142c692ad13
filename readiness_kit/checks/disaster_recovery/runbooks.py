"""Runbooks of recovery: steps with commands, people to call, and which way to go.

>>> CHECK.shows()
{'steps': 'PASS', 'contacts': 'PASS', 'tree': 'PASS'}
>>> CHECK.shows(without_commands(PAPERS))["steps"], CHECK.shows(nobody_to_call(PAPERS))["contacts"]
('FAIL', 'FAIL')
>>> CHECK.shows(PAPERS.replace(papers=()))["steps"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from readiness_kit.facts.papers.parts import (
    Contact,
    Decision,
    Paper,
    PaperDates,
    Procedure,
    RecoveryPapers,
    ShellProblem,
    Step,
    Way,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

STEPS = 2
"""Numbered steps that a procedure has at least (default)."""

PEOPLE = 2
FRESH_DAYS, OLD_DAYS = 90, 365
"""People to call, and how old their list may be, at best and at most (default)."""

DECISIONS = 2
"""Decisions with different outcomes that make a tree (default)."""


def case(papers: RecoveryPapers, claim: str, got: str, want: str) -> Case:
    """Return the case of *claim*."""
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[papers.at("/papers")],
        reproduce=f"less {' '.join(one.file for one in papers.papers) or 'the runbooks'}",
        grade=Grade.DOCUMENTED,
    )


@judges("steps")
def steps(papers: RecoveryPapers) -> Iterator[Finding]:
    """Each way to recover has numbered steps with commands that are valid shell."""
    missing = [way for way in get_args(Way) if not any(_takes(papers, way))]
    found = [
        f"{way.replace('_', ' ')}: {next(_takes(papers, way)).heading!r}"
        for way in get_args(Way)
        if way not in missing
    ]
    problems = [one for paper in papers.papers for one in paper.shell_problems or ()]
    grave = [one for one in problems if one.grave]
    this = case(
        papers,
        "steps",
        f"{'; '.join(found) or 'no procedure'}; {len(problems)} problems of shell by "
        f"{papers.shell_checker or 'no checker'}",
        f"{STEPS} steps or more with commands for restore, point in time and failover",
    )
    if not papers.papers:
        yield this.not_seen(Cause.NOT_CONFIGURED)
    elif missing:
        yield this.fails(f"write down step by step, with commands: {_names(missing)}")
    elif grave:
        yield this.fails(f"line {grave[0].line} is no valid shell: {grave[0].said}")
    elif any(paper.shell_problems is None for paper in papers.papers):
        yield this.not_seen(Cause.COULD_NOT_ASK, "install shellcheck or bash where the kit runs")
    else:
        yield this.holds(*(f"line {one.line}: {one.said}" for one in problems[:3]))


@judges("contacts")
def contacts(papers: RecoveryPapers) -> Iterator[Finding]:
    """A table says whom to call, as what, and how, and somebody keeps it."""
    counted = [(len(_people(paper)), paper) for paper in papers.papers]
    most, paper = max(counted, key=lambda one: one[0], default=(0, None))
    listed = [paper for people, paper in counted if people >= PEOPLE]
    ages = [age for one in listed if (age := age_days(papers, one)) is not None]
    this = case(
        papers,
        "contacts",
        f"{most} people in {paper.file if paper else 'no document'}, looked through "
        f"{min(ages) if ages else '?'} days ago",
        f"{PEOPLE} people with role and way or more, looked through in {FRESH_DAYS} days",
    )
    if not papers.papers:
        yield this.not_seen(Cause.NOT_CONFIGURED)
    elif most < PEOPLE:
        yield this.fails("add a table with the columns role, name and how")
    elif not ages:
        yield this.not_seen(Cause.COULD_NOT_ASK, "add a line: Reviewed: YYYY-MM-DD")
    elif min(ages) <= FRESH_DAYS:
        yield this.holds()
    elif min(ages) <= OLD_DAYS:
        yield this.holds(f"nobody has looked through the list for {min(ages)} days")
    else:
        yield this.fails()


@judges("tree")
def tree(papers: RecoveryPapers) -> Iterator[Finding]:
    """Questions lead whoever is on call to the right procedure."""
    made = [one for paper in papers.papers for one in paper.decisions if one.outcomes >= DECISIONS]
    unlinked = [title for one in made for title in one.unlinked]
    this = case(
        papers,
        "tree",
        f"{len(made)} decisions{': ' if made else ''}"
        f"{'; '.join(one.question for one in made[:4])}; {len(unlinked)} outcomes without a link",
        f"{DECISIONS} decisions or more, each outcome linked to its steps",
    )
    if not papers.papers:
        yield this.not_seen(Cause.NOT_CONFIGURED)
    elif len(made) < DECISIONS:
        yield this.fails("draw it: a Mermaid flowchart with questions and linked outcomes")
    elif unlinked:
        yield this.holds(f"no link leads from {unlinked[0]!r} to its steps")
    else:
        yield this.holds()


def age_days(papers: RecoveryPapers, paper: Paper) -> int | None:
    """Return how many days ago *paper* was changed or reviewed; ``None`` when that is not known."""
    latest = paper.dates.latest
    return None if latest is None else (papers.observed_at - latest).days


def takes(paper: Paper, way: Way) -> Iterator[Procedure]:
    """Yield the procedures of *paper* that go *way*, step by step and with commands."""
    for one in paper.procedures:
        if way in one.ways and len(one.steps) >= STEPS and any(s.commands > 0 for s in one.steps):
            yield one


def _takes(papers: RecoveryPapers, way: Way) -> Iterator[Procedure]:
    return (one for paper in papers.papers for one in takes(paper, way))


def _people(paper: Paper) -> set[str]:
    return {one.name.casefold() for one in paper.contacts if one.complete and one.name}


def _names(ways: list[Way]) -> str:
    return ", ".join(way.replace("_", " ") for way in ways)


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _procedure(heading: str, way: Way) -> Procedure:
    done = Step(line=20, commands=2, acts=())
    return Procedure(heading=heading, line=18, ways=(way,), steps=(done, done, done))


PAPERS = RecoveryPapers(
    observed_at=_NOON,
    papers=(
        Paper(
            kind="recovery",
            file="recovery.md",
            words=420,
            dates=PaperDates(
                reviewed_on=_NOON - timedelta(days=20), changed_at=None, ignored_commits=0
            ),
            procedures=(
                _procedure("Restore a dump", "restore"),
                _procedure("Recover to a point in time", "point_in_time"),
                _procedure("Failover", "failover"),
            ),
            contacts=(
                Contact(line=80, name="A. Ito", complete=True),
                Contact(line=81, name="B. Sy", complete=True),
            ),
            decisions=(
                Decision(question="Does the primary answer?", outcomes=2, unlinked=()),
                Decision(question="Does the standby stream?", outcomes=2, unlinked=()),
            ),
            dead_links=(),
            shell_problems=(),
        ),
    ),
    shell_checker="shellcheck 0.9.0",
)


def _each(papers: RecoveryPapers, **changes: object) -> RecoveryPapers:
    return papers.replace(papers=tuple(replace(one, **changes) for one in papers.papers))


def without_commands(papers: RecoveryPapers) -> RecoveryPapers:
    """Leave the words and take the commands away."""
    return _each(papers, procedures=())


def invalid_shell(papers: RecoveryPapers) -> RecoveryPapers:
    """Leave a quotation mark open in a command."""
    problem = ShellProblem(line=22, grave=True, said="SC1073: Couldn't parse this")
    return _each(papers, shell_problems=(problem,))


def nobody_to_call(papers: RecoveryPapers) -> RecoveryPapers:
    """Empty the list of contacts."""
    return _each(papers, contacts=())


def two_years_old(papers: RecoveryPapers) -> RecoveryPapers:
    """Let everything have been looked through two years ago."""
    then = papers.observed_at - timedelta(days=730)
    return _each(papers, dates=PaperDates(reviewed_on=then, changed_at=None, ignored_commits=0))


def no_questions(papers: RecoveryPapers) -> RecoveryPapers:
    """Take the decision tree away."""
    return _each(papers, decisions=())


CHECK = Check(
    (steps, contacts, tree),
    remedy="Write one document with numbered steps and commands for restore, recovery to a point "
    "in time and failover, a table of contacts, and a flowchart that leads to the right one.",
    references=(
        "Google SRE book, chapter 14, Managing Incidents",
        "NIST SP 800-34 rev. 1, 4.3: recovery procedures",
        "ShellCheck wiki",
    ),
    good=(PAPERS,),
    worsen=(without_commands, invalid_shell, nobody_to_call, two_years_old, no_questions),
    thresholds={
        "steps": "2 steps with commands for each of three ways (default)",
        "contacts": "2 people, looked through in 90 days, 365 at most (default)",
        "tree": "2 decisions with linked outcomes (default)",
    },
)
