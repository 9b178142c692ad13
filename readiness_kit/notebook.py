"""What a notebook imports: a view on one run, from one section of the checklist.

A notebook holds no logic. It opens its section, shows each item, and records that it ran through::

    section = open_section("security", target_file, run_dir, allow, replay_from)
    section.show("security.tls")
    section.record()

Verdicts are computed from the facts in the run folder, by the same function as everywhere else.
Under ``readiness run`` the parent gathers those facts and the notebook waits for them; alone, the
notebook gathers them itself. A failing check is data and raises nothing.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from IPython.display import display

from readiness_kit.assessment import RUNS, Assessment, all_sources
from readiness_kit.checks import all_checks
from readiness_kit.contents import EFFECTS, ITEMS, Effect, Item
from readiness_kit.contents import item as item_called
from readiness_kit.errors import ReadinessError, UsageError
from readiness_kit.evidence import locks, manifest
from readiness_kit.evidence.folder import RunFolder
from readiness_kit.judgement import judge_item
from readiness_kit.notebook_files import NOTEBOOKS, gathered_mark, section_of
from readiness_kit.parameters import find_target, parse_effects
from readiness_kit.reports import charts, rows, sign_off
from readiness_kit.reports.display import Html, Picture, shown
from readiness_kit.reports.item import item_view
from readiness_kit.reports.material import stored_objectives
from readiness_kit.reports.records import fact_tables
from readiness_kit.reports.signatures import signatures_table
from readiness_kit.reports.tables import Table, badge
from readiness_kit.reports.text import escaped, plain
from readiness_kit.reports.waiting import looking
from readiness_kit.results import Results
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.standing import standing
from readiness_kit.target import Objectives
from readiness_kit.target_file import load_target

JOIN_WITHIN_S = 12 * 3600
"""An interactive run is joined by the next notebook for this long."""

NEW = "new"
"""Given as ``run_dir``, begins another interactive run."""

DOES: dict[Effect, str] = {
    "read": "looks",
    "canary": "sends one marked request, row or event, and cleans up",
    "load": "tests under load, sends bursts",
    "drill": "breaks or restores something, and mends it",
}
"""What gathering a fact may do to the target."""

TABLES = 3
"""Most tables that are shown of one fact."""


class Section:
    """One notebook's view on a run."""

    def __init__(self, name: str, assessment: Assessment) -> None:
        """Show the run in *assessment* to the notebook called *name*."""
        self.name = name
        self.assessment = assessment
        self._shown: set[str] = set()

    @property
    def items(self) -> tuple[Item, ...]:
        """The items this notebook is about."""
        return tuple(one for one in ITEMS if one.section == section_of(self.name))

    def show(self, item_id: str) -> None:
        """Show one item: its claims with their verdicts, then its facts as pictures or tables.

        Raises:
            UsageError: No such item.

        """
        item = item_called(item_id)
        if item in self.assessment.items:
            self._have_facts([item])
        _put(item_view(judge_item(item, self.assessment.folder)))
        for fact in self.assessment.facts_of(item_id):
            pictures = charts.pictures(fact, self._objectives)
            for chart in pictures:
                _put(Picture(chart))
            if not pictures:
                _put(_folded(f"Fact {fact.fact_id()}", fact_tables(fact)[:TABLES]))
        self._shown.add(item_id)

    def show_rest(self) -> None:
        """Show the items that a plug-in added to this section."""
        rest = [one for one in self.items if one.id not in self._shown]
        for one in rest:
            self.show(one.id)
        if not rest:
            _put(Html("<p>No further items in this section.</p>", "No further items."))

    def show_verdict(self) -> None:
        """Show how this section's items stand."""
        results = self.assessment.results()
        found = tuple(
            one for one in results.items if one.section in {i.section for i in self.items}
        )
        _put(Picture(charts.item_map(found)))
        _put(shown(rows.items_table(found)))

    def show_plan(self) -> None:
        """Show what a run asks of the target, and which of it is allowed."""
        found = sorted(all_sources().values(), key=lambda one: EFFECTS.index(one.effect))
        counts = Counter(one.effect for one in found)
        allowed = {one: "yes" if one in self.assessment.allow else "no" for one in EFFECTS}
        _put_table(
            Table(
                f"{len(found)} facts a run gathers",
                ("effect", "what it does", "facts", "allowed here"),
                tuple((one, DOES[one], str(counts[one]), allowed[one]) for one in EFFECTS),
            )
        )
        body = tuple(
            (one.fact.fact_id(), one.effect, allowed[one.effect], one.asks) for one in found
        )
        table = Table("Fact by fact", ("fact", "effect", "allowed", "asks"), body)
        _put(_folded("What is asked for each fact", (table,)))

    def show_overview(self) -> None:
        """Show the whole checklist: a map of all items, counts, and what stands in the way."""
        results = self._all_results()
        _put(_headline(results))
        _put(Picture(charts.item_map(results.items)))
        _put(shown(rows.sections_table(results)))
        origins = (rows.identity_table(results), rows.reused_table(results))
        for table in (*origins, sign_off.borrowed_table(results)):
            if table.rows:
                _put(shown(table))

    def show_sign_off(self) -> None:
        """Show what the four signers must have seen: waived and red claims before anything else."""
        results = self._all_results()
        _put(_headline(results))
        _put_table(rows.waived_table(results))
        _put_table(rows.red_table(results))
        _put(Picture(charts.item_map(results.items)))
        if results.needless_waivers:
            _say(f"Waivers no longer needed: {', '.join(results.needless_waivers)}")

    def show_borrowed(self) -> None:
        """Show the evidence that was not gathered in this run, and how staging differs."""
        results = self._all_results()
        _put_table(sign_off.borrowed_table(results))
        _put_table(rows.reused_table(results))

    def show_changes(self) -> None:
        """Show what stands otherwise than in the last run that all four roles have signed."""
        if run := self._sealed_run():
            _put_table(sign_off.changes_table(run))

    def show_lapse(self) -> None:
        """Show until when the run may be signed, and what would end the sign-off."""
        if run := self._sealed_run():
            _put(shown(sign_off.lapses_table(run, datetime.now(UTC))))

    def show_signatures(self) -> None:
        """Show who has signed, and how the run is signed and verified."""
        if not self._sealed_run():
            _say("`readiness run` makes one that is; its folder as replay_from shows it here.")
            return
        _put(shown(signatures_table(self.assessment.folder.path)))
        text = "\n".join(sign_off.commands(self.assessment.folder))
        _put(Html(f"<pre>{escaped(text, 4000)}</pre>", plain(text, 4000)))

    def _sealed_run(self) -> SealedRun | None:
        """Return the run once it is sealed, and say so where it is not."""
        if self.assessment.folder.sealed:
            return SealedRun.open(self.assessment.folder.path)
        _say("The run is not sealed: nobody can sign it.")
        return None

    def record(self) -> None:
        """Record that this notebook ran to its end and showed every item it is about.

        Raises:
            UsageError: An item was not shown: the notebook lost a cell.

        """
        missing = [one.id for one in self.items if one.id not in self._shown]
        if missing:
            raise UsageError(
                f"{self.name} did not show {', '.join(missing)}",
                hint="restore the notebook: `readiness init` writes the original",
            )
        folder = self.assessment.folder
        if self.assessment.target is not None and not folder.sealed:
            folder.record_notebook(self.name)
        _say(f"{self.name} ran to its end, run {folder.run_id}")

    def _have_facts(self, items: Iterable[Item]) -> None:
        """Wait for the facts of *items* where another process gathers them, else gather them.

        Waiting needs no probe to be imported, which is most of what a kernel would load.
        """
        folder, checks = self.assessment.folder, all_checks()
        if folder.sealed:
            return
        chosen = tuple(items)
        kinds = {kind for item in chosen if item.id in checks for kind in checks[item.id].needs}
        missing = {kind.fact_id() for kind in kinds}
        while missing := {fact_id for fact_id in missing if not folder.has_fact(fact_id)}:
            if gathered_mark(folder.path).exists():
                return
            if not locks.is_held(folder.lock("gatherer")):
                with looking() as progress:
                    self.assessment.gather(chosen, progress)
                return
            time.sleep(locks.POLL_S)

    def _all_results(self) -> Results:
        if self.assessment.target is None:
            return standing(self.assessment.folder)
        self._have_facts(self.assessment.items)
        return self.assessment.results()

    @property
    def _objectives(self) -> Objectives:
        target = self.assessment.target
        return (
            target.objectives if target is not None else stored_objectives(self.assessment.folder)
        )


def open_section(
    name: str, target_file: str, run_dir: str = "", allow: str = "", replay_from: str = ""
) -> Section:
    """Open the run that the parameters name, and say which it is.

    With *replay_from*, a finished run is shown and nothing is asked of anybody. With a blank
    *run_dir*, the newest interactive run of this target is joined, or one begun beside its file;
    with ``new``, one is begun, which notebooks with a blank one then join.

    Raises:
        UsageError: No such section, target file or effect.
        IntegrityError: A sealed run that was changed since.
        RunFolderError: No such run, or one of another target.

    """
    notebook = next((one for one in NOTEBOOKS if name == section_of(one)), None)
    if notebook is None:
        raise UsageError(f"{name!r} is no notebook", hint=f"one of {', '.join(NOTEBOOKS)}")
    if replay_from:
        assessment = Assessment.open(None, replay_from=Path(replay_from))
        if assessment.folder.sealed:
            manifest.check(assessment.folder.path)
        how = "replayed from"
    else:
        effects = parse_effects(allow)
        file = find_target(target_file)
        if run_dir in ("", NEW):
            folder = _interactive_run(file, effects, new=run_dir == NEW)
        else:
            folder = Path(run_dir)
        how = "joined" if (folder / "run.json").exists() else "began"
        assessment = Assessment.open(file, folder, allow=effects)
    _say(f"{how} the run {assessment.folder.run_id} in {assessment.folder.path}")
    return Section(notebook, assessment)


def _interactive_run(file: Path, allow: tuple[Effect, ...], *, new: bool) -> Path:
    """Return the newest interactive run that may be joined, or the name of a *new* one."""
    target = load_target(file)
    runs = file.resolve().parent / RUNS
    for folder in () if new else sorted(runs.glob("*-interactive-*"), reverse=True):
        try:
            found = RunFolder.join(folder, target)
        except ReadinessError:
            continue
        age_s = time.time() - found.run.started_at.timestamp()
        if not found.sealed and age_s < JOIN_WITHIN_S and set(found.run.allow) == set(allow):
            return folder
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return runs / f"{now}-{target.name}-interactive-{secrets.token_hex(3)}"


def _put_table(table: Table) -> None:
    """Show *table*, or what its caption says where it has no rows."""
    if table.rows:
        _put(shown(table))
    else:
        _say(table.caption)


def _say(text: str) -> None:
    _put(Html(f"<p>{escaped(text)}</p>", text))


def _headline(results: Results) -> Html:
    mark = rows.verdict_mark(results)
    line = rows.verdict_line(results)
    return Html(f"<p>{badge(mark)} {escaped(line.partition(': ')[2])}</p>", line)


def _folded(title: str, tables: tuple[Table, ...]) -> Html:
    inside = "".join(table.html() for table in tables)
    return Html(
        f"<details><summary>{escaped(title)}</summary>{inside}</details>",
        "\n\n".join(table.text() for table in tables),
    )


def _put(*things: Html | Picture) -> None:
    display(*things)  # type: ignore[no-untyped-call]
