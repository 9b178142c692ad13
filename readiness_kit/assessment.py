"""One assessment: facts gathered once, under locks, each with its own deadline; then judged.

Results are always computed from the stored facts, by :func:`judge_run`, whoever asks: the command
line, a batch, a kernel, or somebody who replays a sealed run years later.
"""

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from traceback import format_tb

from readiness_kit import drills, harness, probes
from readiness_kit.checks import all_checks
from readiness_kit.contents import EFFECTS, ITEMS, Effect, Item, select
from readiness_kit.drills import undo
from readiness_kit.errors import NotSeen, ReadinessError, RunFolderError, UsageError
from readiness_kit.evidence import (
    borrowed,
    canonical,
    chain,
    exhibits,
    locks,
    manifest,
    resume,
    reuse,
)
from readiness_kit.evidence.folder import Run, RunFolder, Unseen
from readiness_kit.facts import Fact
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.judgement import half_lives, judge_item, judge_run
from readiness_kit.records.kept import keep_records
from readiness_kit.results import ItemResult, Results
from readiness_kit.signoff import lending, machine
from readiness_kit.sources import Pacer, Source, Visit, found_in
from readiness_kit.target import Target, origin
from readiness_kit.target_file import load_target

log = logging.getLogger(__name__)

RUNS = Path(".readiness") / "runs"
"""Where run folders lie, relative to the working directory."""

ALWAYS: tuple[type[Fact], ...] = (Identity,)
"""Facts that every run gathers, whatever was selected."""

GRACE_S = 1.0
"""How long after its deadline a visit may still hand in what it has."""

MEND_S = 120.0
"""How long a drill that was given up may take to mend what it broke, and see that it is."""

WORKERS = 8
"""Visits at once."""

WAKE_S = 0.25
"""How often the main thread wakes while it waits."""

Progress = Callable[[str, int, int], None]
"""Called with a fact's id, how many are done, and how many there are."""


@cache
def all_sources() -> dict[type[Fact], Source]:
    """Return what gives each kind of fact, found by walking probes, harness and drills."""
    found = (one for package in (probes, harness, drills) for one in found_in(package))
    return {one.fact: one for one in found}


@dataclass
class Assessment:
    """A target, a run folder, and what may be done to the target."""

    folder: RunFolder
    target: Target | None
    """``None`` when a stored run is replayed: nothing can be gathered."""

    allow: frozenset[Effect] = frozenset({"read"})
    confirm: str | None = None
    """Host that the operator typed to confirm load on production."""

    _pacer: Pacer = field(default_factory=lambda: Pacer(80))
    _file: Path | None = None
    """The target's file, locked while this process gathers."""
    _resumed: bool = False
    _donor: reuse.Donor | None = None
    _stale: dict[str, Unseen] = field(default_factory=dict)
    _gathering: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event)
    _under_way: dict[str, tuple[Visit, threading.Event]] = field(default_factory=dict)
    """Fact to the visit under way, and what is set when it ended or the run was interrupted."""
    _drills: list[threading.Thread] = field(default_factory=list)
    """The drills so far: one that was given up still mends what it broke."""

    told: Callable[[str, str], None] = lambda _fact_id, _step: None
    """Hears what a drill does at this moment: its fact, and the step."""

    @classmethod
    def open(
        cls,
        target_file: Path | None,
        run_dir: Path | None = None,
        *,
        allow: tuple[Effect, ...] = (),
        only: tuple[str, ...] = (),
        confirm: str | None = None,
        replay_from: Path | None = None,
        resume_from: Path | None = None,
        reuse_from: Path | None = None,
    ) -> "Assessment":
        """Begin a run, join the one at *run_dir*, resume the one at *resume_from*, or replay one.

        A resumed run has the selection and the effects that it was begun with. A new one takes over
        what is fresh in the sealed run at *reuse_from*.

        Raises:
            UsageError: Unknown effect or item, or neither target nor run.
            TargetError: The target file is wrong.
            RunFolderError: The folder cannot be made, read, or belongs to another target.

        """
        if replay_from is not None:
            return cls(RunFolder.join(replay_from), None)
        if target_file is None:
            raise UsageError("no target given", hint="-c FILE names the readiness.yaml")
        for effect in allow:
            if effect not in EFFECTS:
                raise UsageError(f"unknown effect {effect!r}", hint=f"one of {', '.join(EFFECTS)}")
        selected = tuple(one.id for one in select(only)) if only else ()
        target = load_target(target_file)
        pacer = Pacer(target.limits.requests_per_minute)
        if resume_from is not None:
            folder = resume.take_up(resume_from, target)
            _demand_as_begun(folder.run, allow, selected)
            begun_with = frozenset(one for one in EFFECTS if one in ("read", *folder.run.allow))
            return cls(folder, target, begun_with, confirm, pacer, target_file, _resumed=True)
        given = reuse.donor(reuse_from, target) if reuse_from is not None else None
        if run_dir is not None and (run_dir / "run.json").exists():
            folder = RunFolder.join(run_dir, target)
        else:
            beside = run_dir.parent if run_dir is not None else RUNS
            folder = RunFolder.create(
                RUNS,
                target,
                allow=allow,
                selected=selected,
                path=run_dir,
                previous=chain.previous(beside, target),
                reuses=given.link if given is not None else None,
            )
            _complete(target, folder)
        effects = frozenset({"read", *allow})
        return cls(folder, target, effects, confirm, pacer, target_file, _donor=given)

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of this run."""
        return select(self.folder.run.selected) if self.folder.run.selected else ITEMS

    def gather(self, items: Iterable[Item] | None = None, progress: Progress | None = None) -> None:
        """Gather every fact that *items* need and that is not stored yet.

        Where another process gathers for this run, wait for its facts instead.
        """
        if self.target is None or self.folder.sealed:
            return
        if items is None and self._donor is not None:
            self._take_over(self._donor)
        if not self._gathering:  # in a notebook, whose reader may interrupt a cell and run it again
            self._stopped.clear()
        chosen = self.items if items is None else tuple(items)
        wanted = _needed(chosen, always=() if items is not None else ALWAYS)
        sources = [one for one in wanted if not self.folder.has_fact(one.fact.fact_id())]
        done = _Counter(len(sources), progress)
        for wave in _waves(sources):
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="gather") as pool, self._stopping():
                _finish({pool.submit(done.after, self._gather_one, one) for one in wave})
        if self._gathering and items is None:
            self.folder.finish_gathering()

    def _take_over(self, donor: reuse.Donor) -> None:
        """Take over what is fresh, once the deployment was seen to be the same."""
        self._gather_one(all_sources()[Identity])
        reason = reuse.other_deployment(donor, self.folder)
        if reason:
            self.folder.journal("NOT_REUSED", run=donor.folder.run_id, reason=reason)
            log.warning("nothing of %s is reused: %s", donor.folder.run_id, reason)
            return
        self._stale = reuse.take_over(donor, self.folder, half_lives())

    def _gather_one(self, source: Source) -> None:
        fact_id = source.fact.fact_id()
        if not self._gatherer and (self.folder.wait_for(fact_id) or not self._gatherer):
            return
        with locks.locked(self.folder.lock(fact_id)):
            if self.folder.has_fact(fact_id):
                return
            refusal = self._refusal(source)
            if refusal is not None:
                self._borrow(source, refusal)
                return
            with contextlib.ExitStack() as held:
                # the target before the load: who waits for it keeps nobody off this host
                for resource in sorted(source.exclusive, reverse=True):
                    held.enter_context(locks.locked(self.folder.lock(f"resource-{resource}")))
                self._visit(source)

    def _borrow(self, source: Source, refusal: Unseen) -> None:
        """Store what a run on staging lends in place of what may not be done here, or why not."""
        assert self.target is not None  # noqa: S101 - gather() returned already
        if self.target.evidence_from and source.effect in ("load", "drill"):
            said = borrowed.borrow(self.folder, source.fact, half_lives().get(source.fact, 0))
            if said is None:
                return
            refusal = said if said.cause == "stale" else refusal
        self.folder.write_fact(source.fact.fact_id(), refusal, seconds=0, cost={})

    @property
    def _gatherer(self) -> bool:
        """Whether this process may gather: it holds the run's gatherer lock, or nobody does."""
        return self._gathering or not locks.is_held(self.folder.lock("gatherer"))

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Be the one process that gathers for this run, and the one run that asks this target.

        A resumed run is tidied first.

        Raises:
            RunFolderError: Another process is at it.

        """
        with self.folder.gathering(), self._alone(), self._stopping():
            if self._resumed and self.target is not None:
                resume.tidy(self.folder)
                undo.complete(self.folder, self.target)
                if not resume.begun(self.folder):
                    _complete(self.target, self.folder)
            self._gathering = True
            try:
                yield
            finally:
                self._gathering = False

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the target: two runs at once would spoil each other's measurements."""
        if self._file is None:
            yield
            return
        file = self._file / "readiness.yaml" if self._file.is_dir() else self._file
        held = locks.take_file(file)
        if held is None:
            raise RunFolderError(
                f"another run of {file} is under way", hint="wait until it has ended"
            )
        try:
            yield
        finally:
            held.release()

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Give up the visits under way, which leave no fact, when this ends by an exception."""
        try:
            yield
        except BaseException:
            self._stopped.set()
            for visit, over in tuple(self._under_way.values()):
                visit.give_up()
                over.set()
            for drill in [one for one in tuple(self._drills) if one.is_alive()]:
                drill.join(MEND_S)
            raise

    def _refusal(self, source: Source) -> Unseen | None:
        """Return why *source* may not be used on this target, if so."""
        assert self.target is not None  # noqa: S101 - gather() returned already
        effect = source.effect
        if effect not in self.allow:
            return self._stale.get(source.fact.fact_id()) or Unseen(
                cause="not_allowed",
                reason=f"this needs the effect {effect}, which was not allowed",
                hint=f"run again with --allow {effect}: it sends {source.asks}",
            )
        if source.drill is not None and source.drill not in self.target.drills.run:
            return Unseen(
                cause="not_selected",
                reason=f"the drill {source.drill} is not among drills.run of readiness.yaml",
                hint=f"add {source.drill} to drills.run",
            )
        if self.target.environment != "production" or effect in ("read", "canary"):
            return None
        if effect == "drill" and not source.spares_target:
            return Unseen(cause="not_allowed", reason="drills are refused on production")
        host = origin(self.target.api.url)[1] if self.target.api else self.target.name
        if self.confirm == host:
            return None
        return Unseen(
            cause="not_allowed",
            reason=f"{effect} on production was not confirmed",
            hint=f"--confirm {host} confirms it",
        )

    def _visit(self, source: Source) -> None:
        """Visit the target in a thread of its own, and give up on it after the deadline."""
        assert self.target is not None  # noqa: S101 - gather() returned already
        fact_id = source.fact.fact_id()
        visit = Visit(
            target=self.target,
            run_id=self.folder.run_id,
            fact_id=fact_id,
            deadline_s=source.deadline_s,
            pacer=self._pacer,
            journal=self.folder.journal,
            told=self.told,
        )
        over = threading.Event()
        if self._stopped.is_set():
            return
        self._under_way[fact_id] = visit, over
        self.folder.journal("STARTED", fact=fact_id)
        outcome: list[Fact | Unseen] = []

        def go() -> None:
            outcome.append(look(source, visit))
            over.set()

        began = time.monotonic()
        looking = threading.Thread(target=go, name=fact_id, daemon=True)
        if source.effect == "drill":
            self._drills.append(looking)
        looking.start()
        over.wait(source.deadline_s + GRACE_S)
        if source.effect == "drill":
            looking.join(MEND_S)
        del self._under_way[fact_id]
        if self._stopped.is_set():
            return
        late = Unseen(
            cause="could_not_ask",
            reason=f"no end within {source.deadline_s:g} s",
            hint="check that the target is up and not overloaded, then run again",
        )
        found = outcome[0] if outcome else late
        seconds, cost = time.monotonic() - began, visit.meter.counts()
        try:
            self.folder.write_fact(fact_id, found, seconds=seconds, cost=cost)
        except (ValueError, TypeError) as error:
            broken = Unseen(cause="crashed", reason=f"the fact cannot be stored: {error}")
            self.folder.write_fact(fact_id, broken, seconds=seconds, cost=cost)
        self.folder.journal("DONE", fact=fact_id)

    def item(self, item_id: str) -> ItemResult:
        """Return one item, gathering what it needs first."""
        (chosen,) = select((item_id,))
        if chosen in self.items:
            self.gather((chosen,))
        return judge_item(chosen, self.folder)

    def facts_of(self, item_id: str) -> tuple[Fact, ...]:
        """Return the facts seen for one item, in the order its judges name them."""
        check = all_checks().get(item_id)
        found: list[Fact] = []
        for kind in check.needs if check else ():
            with contextlib.suppress(NotSeen):
                found.append(self.folder.read_fact(kind))
        return tuple(found)

    def results(
        self, *, complete: bool = True, incomplete_reasons: tuple[str, ...] = ()
    ) -> Results:
        """Judge the whole run from its stored facts, as it stands now."""
        return judge_run(
            self.folder,
            finished_at=datetime.now(UTC),
            complete=complete,
            incomplete_reasons=tuple(map(self.folder.redactor.text, incomplete_reasons)),
        )

    def seal(self, results: Results) -> None:
        """Write ``results.json`` and then the manifest: from here on nothing changes.

        What the machine found is stated beside it, for readers that know nothing of us.
        """
        exhibits.note(self.folder)
        self.folder.write("results.json", canonical.dumps(results))
        shutil.rmtree(self.folder.path / "locks", ignore_errors=True)
        manifest.write(self.folder.path)
        machine.write(self.folder.path)


def _complete(target: Target, folder: RunFolder) -> None:
    """Put into *folder* what a run needs before it asks the target anything."""
    keep_records(target, folder)
    if target.evidence_from:
        effects = {kind.fact_id(): source.effect for kind, source in all_sources().items()}
        lending.keep(target, folder, effects)
    folder.journal(resume.BEGUN)


def _demand_as_begun(run: Run, allow: tuple[Effect, ...], selected: tuple[str, ...]) -> None:
    """Demand that what is said again on the command line is what the run was begun with."""
    if allow and {"read", *allow} != {"read", *run.allow}:
        raise UsageError(
            f"the run was begun with --allow {' '.join(run.allow) or 'nothing'}",
            hint="leave out --allow, or begin a new run",
        )
    if selected and selected != run.selected:
        raise UsageError(
            "the run was begun with other items", hint="leave them out, or begin a new run"
        )


def look(source: Source, visit: Visit) -> Fact | Unseen:
    """Visit once; whatever goes wrong is a value with its reason, never a guess."""
    try:
        return source.gather(visit)
    except NotSeen as error:
        return Unseen(cause=error.cause, reason=error.message, hint=error.hint)
    except ReadinessError as error:
        return Unseen(cause="could_not_ask", reason=error.message, hint=error.hint)
    except OSError as error:
        return Unseen(
            cause="could_not_ask",
            reason=f"{type(error).__name__}: {error}",
            hint="check that the address in readiness.yaml can be reached from here",
        )
    except Exception as error:  # noqa: BLE001 - whatever a probe raises is a value
        # where, and not what it says: that may quote a secret
        log.debug("%s crashed\n%s", visit.fact_id, "".join(format_tb(error.__traceback__)))
        return Unseen(
            cause="crashed",
            reason=f"{type(error).__name__}: {error}",
            hint="this is a defect of the kit or of a plug-in: please report it",
        )


class _Counter:
    """Counts what is done and tells whoever wants to know."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress
        self._lock = threading.Lock()

    def after(self, do: Callable[[Source], None], source: Source) -> None:
        do(source)
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(source.fact.fact_id(), self._done, self._total)


def _needed(items: Iterable[Item], always: tuple[type[Fact], ...] = ALWAYS) -> Iterator[Source]:
    """Yield the sources of every fact that the checks of *items* need, each once."""
    sources = all_sources()
    checks = (all_checks().get(item.id) for item in items)
    needs = (kind for check in checks if check is not None for kind in check.needs)
    kinds = dict.fromkeys((*always, *needs))
    yield from (sources[kind] for kind in kinds if kind in sources)


def planned(ids: tuple[str, ...]) -> tuple[Source, ...]:
    """Return the sources that a run of *ids* (none: everything) would use, mildest effect first."""
    found = _needed(select(ids) if ids else ITEMS)
    return tuple(sorted(found, key=lambda one: EFFECTS.index(one.effect)))


def _finish(under_way: set[Future[None]]) -> None:
    """Wait for all, or for the first that raises.

    Never without end: a signal that arrives just before such a wait is noticed only after it.
    """
    while under_way:
        done, under_way = wait(under_way, WAKE_S, FIRST_EXCEPTION)
        for one in done:
            one.result()


def _waves(sources: list[Source]) -> Iterator[list[Source]]:
    """Yield what may run together, turn by turn."""
    for turn in sorted({one.turn for one in sources}):
        wave = [one for one in sources if one.turn == turn]
        yield sorted(wave, key=lambda one: -one.deadline_s)
