"""A run of three facts, small enough to be cut short at every step it makes on the disk."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.facts import Fact
from readiness_kit.results import Results
from readiness_kit.sources import Source, Visit, source
from readiness_kit.verdict import Check, Finding, Status, Verdict, fails, holds, judges

TARGET = "schema: 1\nname: shop\nenvironment: staging\n"

POINTS = 31
"""Steps that a run takes; a test holds it to that."""

BEGUN = 10
"""Steps after which ``run.json`` is there: before, nothing was asked and nothing is to resume."""

SEALED = 28
"""Steps after which the manifest is there: what follows is the machine's own statement."""

HARMLESS = (25,)
"""Steps whose failure does no harm: locks that stay are sealed with the rest."""


class First(Fact, frozen=True, kw_only=True):
    """A fact."""


class Second(Fact, frozen=True, kw_only=True):
    """Another one, which shows a failure."""


class Third(Fact, frozen=True, kw_only=True):
    """The last one."""


@judges("old_versions_refused")
def rule_first(first: First) -> Iterator[Finding]:
    yield holds("old_versions_refused", got="x", want="y", seen=[first.at()])


@judges("suites_strong")
def rule_second(second: Second) -> Iterator[Finding]:
    yield fails("suites_strong", got="x", want="y", seen=[second.at()])


@judges("modern_version_spoken")
def rule_third(third: Third) -> Iterator[Finding]:
    yield holds("modern_version_spoken", got="x", want="y", seen=[third.at()])


def enter(put: Callable[[object, str, object], None]) -> None:
    """Put three sources and one check in place of the real ones."""
    check = Check((rule_first, rule_second, rule_third), remedy="", references=(), good=())
    found = {kind: _source(kind) for kind in (First, Second, Third)}
    for room in (rooms, judgement):
        put(room, "all_checks", lambda: {"security.tls": check})
    put(rooms, "all_sources", lambda: found)
    put(rooms, "WORKERS", 1)


def _source(kind: type[Fact]) -> Source:
    def look(visit: Visit) -> Fact:
        return kind(observed_at=datetime.now(UTC))

    look.__annotations__ = {"visit": Visit, "return": kind}
    return source(effect="read", asks="nothing")(look)


def prepare(parent: Path) -> None:
    """Nothing is needed beside the run."""


def begin(place: Path) -> Results:
    """Run from start to seal in *place*."""
    place.mkdir(exist_ok=True)
    (place / "readiness.yaml").write_text(TARGET)
    return _finish(Assessment.open(place / "readiness.yaml", place / "run"))


def go_on(place: Path) -> Results:
    """Resume the run in *place* and seal it."""
    return _finish(Assessment.open(place / "readiness.yaml", resume_from=place / "run"))


def demand(place: Path, results: Results) -> None:
    """Demand the results that a run has which nothing befell."""
    assert results.verdict is Verdict.NO_GO
    assert {one.id for one in results.claims() if one.status is Status.PASS} == {
        "security.tls.old_versions_refused",
        "security.tls.modern_version_spoken",
    }


def _finish(run: Assessment) -> Results:
    with run.gathering():
        run.gather()
    results = run.results()
    run.seal(results)
    return results
