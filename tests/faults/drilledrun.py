"""A run that breaks something on purpose, to be cut short before, while and after it is broken."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.drills import undo
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.facts import Fact
from readiness_kit.results import Results
from readiness_kit.sources import Visit, source
from readiness_kit.verdict import Check, Finding, Status, holds, judges

TARGET = """\
schema: 1
name: shop
environment: staging
drills:
  cut_database: {{do: [touch, "{place}/broken"], undo: [rm, -f, "{place}/broken"]}}
"""

POINTS = 30
BEGUN = 10
SEALED = 27
HARMLESS = (24,)


class Drilled(Fact, frozen=True, kw_only=True):
    """What was seen while something was broken."""

    was_broken: bool


@judges("old_versions_refused")
def rule(drilled: Drilled) -> Iterator[Finding]:
    assert drilled.was_broken
    yield holds("old_versions_refused", got="x", want="y", seen=[drilled.at("/was_broken")])


@source(effect="drill", asks="nothing", deadline_s=60, exclusive=("load", "target"))
def drill(visit: Visit) -> Drilled:
    mark = Path(visit.target.drills.fault("cut_database").do[1])
    with undo.broken(visit, "cut_database"):
        was_broken = mark.exists()
    return Drilled(was_broken=was_broken, observed_at=datetime.now(UTC))


def enter(put: Callable[[object, str, object], None]) -> None:
    """Put one drill and one check in place of the real ones."""
    check = Check((rule,), remedy="", references=(), good=())
    for room in (rooms, judgement):
        put(room, "all_checks", lambda: {"security.tls": check})
    put(rooms, "all_sources", lambda: {Drilled: drill})


def prepare(parent: Path) -> None:
    """Nothing is needed beside the run."""


def begin(place: Path) -> Results:
    """Run from start to seal in *place*."""
    place.mkdir(exist_ok=True)
    (place / "readiness.yaml").write_text(TARGET.format(place=place))
    return _finish(Assessment.open(place / "readiness.yaml", place / "run", allow=("drill",)))


def go_on(place: Path) -> Results:
    """Resume the run in *place*, which must mend before it asks, and seal it.

    The guard mends at once; what it mended is broken again, as if it had been killed as well.
    """
    demand_mended(place)
    if (place / "run" / "run.json").exists() and pending(place):
        (place / "broken").touch()
    run = Assessment.open(place / "readiness.yaml", resume_from=place / "run")
    with run.gathering():
        assert not (place / "broken").exists()
        assert pending(place) == ()
    return _finish(Assessment.open(place / "readiness.yaml", resume_from=place / "run"))


def pending(place: Path) -> tuple[str, ...]:
    return undo.pending(RunFolder.join(place / "run").events())


def demand_mended(place: Path) -> None:
    """Demand that the guard mends what a killed run left broken."""
    deadline = time.monotonic() + 30
    while (place / "broken").exists():
        assert time.monotonic() < deadline, "nobody mended it"
        time.sleep(0.01)


def demand(place: Path, results: Results) -> None:
    """Demand the results of a drill that was held, and that nothing is broken any more."""
    assert not (place / "broken").exists()
    assert pending(place) == ()
    assert results.item("security.tls").claims[0].status is Status.PASS


def _finish(run: Assessment) -> Results:
    with run.gathering():
        run.gather()
    results = run.results()
    run.seal(results)
    return results
