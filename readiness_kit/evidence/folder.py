"""The run folder: one assessment of one target, as plain files.

::

    run.json              what was asked, of which target, by which kit
    target.redacted.json  the target, with references instead of secrets
    journal.jsonl         STARTED and DONE per fact, fsynced
    facts/<id>.json       canonical JSON (RFC 8785), redacted before it is hashed
    waivers/ attestations/  the signed records that counted
    borrowed/             what signed runs on staging lent, with their signatures
    notebooks/            executed notebooks and their done-records
    results.json report.html SHA256SUMS   written last

A sealed folder (one with ``SHA256SUMS``) is never written again.
"""

import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from readiness_kit import __version__
from readiness_kit.contents import EFFECTS, Effect
from readiness_kit.errors import NotSeen, RunFolderError
from readiness_kit.evidence import atomic, canonical, locks
from readiness_kit.evidence.redaction import Redactor, of_environment
from readiness_kit.facts import Fact
from readiness_kit.results import Link
from readiness_kit.target import Target
from readiness_kit.target_file import digest, redacted

MANIFEST = "SHA256SUMS"

WITHIN = timedelta(days=1)
"""How long after its beginning a run may be gone on with: its facts belong to one moment."""

JUDGES = (
    "checks/**/*.py",
    "facts/*.py",
    "records/*.py",
    "statistics/*.py",
    "contents.py",
    "judgement.py",
    "load_verdict/*.py",
    "results.py",
    "traits.py",
    "verdict.py",
)
"""The code on which it depends what a run's facts amount to."""

REPORTS = (*JUDGES, "reports/**/*.py", "reports/assets/*")
"""The code and data on which it depends how they are shown."""

FactT = TypeVar("FactT", bound=Fact)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the records of a run folder."""


class Run(Part, frozen=True):
    """What ``run.json`` holds."""

    schema: str
    run_id: str
    kit_version: str
    catalogue_sha256: str
    """Digest of ``claims.tsv``: which claims were asked."""
    judges_sha256: str
    """Digest of the code that judges facts: what a replay must have to judge the same."""
    target_name: str
    environment: str
    release: str
    phase: str
    target_sha256: str
    """Digest of ``target.redacted.json``."""
    allow: tuple[str, ...]
    """Effects that were allowed."""
    selected: tuple[str, ...]
    """Items that were selected; empty means all."""
    started_at: datetime
    previous: Link | None = None
    """The chain: the sealed run of this target before this one, where one lay beside it."""
    reuses: Link | None = None
    """The run whose facts were reused where they were fresh."""
    notebooks: dict[str, str] = {}
    """Executed notebook to the SHA-256 of what it says, whatever bytes say it."""
    reports_sha256: str = ""
    """Digest of the code that shows results: what must be there to make the report again."""


class Unseen(Part, frozen=True):
    """A fact that could not be had: a value with a reason, not a log line."""

    cause: str
    reason: str
    hint: str = ""


class Origin(Part, frozen=True):
    """Where a fact that was not gathered in this run comes from."""

    run_id: str
    sha256: str
    """Digest of ``facts/<id>.json`` in that run."""


class StoredFact(Part, frozen=True):
    """What ``facts/<id>.json`` holds: the fact, or why there is none."""

    schema: str
    fact: str
    seconds: float
    cost: dict[str, float]
    value: dict[str, object] | None = None
    unseen: Unseen | None = None
    origin: Origin | None = None
    """The run it was reused from; ``None`` when it was gathered in this one."""


class RunFolder:
    """One run folder, shared by every process that works on the run."""

    def __init__(self, path: Path, run: Run, redactor: Redactor) -> None:
        """Use :meth:`create` or :meth:`join` instead."""
        self.path = path
        self.run = run
        self.redactor = redactor

    @classmethod
    def create(
        cls,
        parent: Path,
        target: Target,
        *,
        allow: tuple[Effect, ...] = (),
        selected: tuple[str, ...] = (),
        path: Path | None = None,
        previous: Link | None = None,
        reuses: Link | None = None,
    ) -> "RunFolder":
        """Make a new folder under *parent*, or exactly at *path*.

        Raises:
            RunFolderError: It cannot be made, or *path* holds something already.

        """
        started_at = datetime.now(UTC)
        run_id = f"{started_at:%Y%m%dT%H%M%SZ}-{target.name}-{secrets.token_hex(3)}"
        where = path or parent / run_id
        run = Run(
            schema="readiness-kit/run/1",
            run_id=run_id,
            kit_version=__version__,
            catalogue_sha256=catalogue_digest(),
            judges_sha256=judges_digest(),
            reports_sha256=reports_digest(),
            target_name=target.name,
            environment=target.environment,
            release=release_words(target),
            phase=target.phase,
            target_sha256=digest(target),
            allow=tuple(effect for effect in EFFECTS if effect in allow),
            selected=selected,
            started_at=started_at,
            previous=previous,
            reuses=reuses,
        )
        with _writing(where):
            where.parent.mkdir(parents=True, exist_ok=True)
            where.mkdir(mode=0o700, exist_ok=path is not None)
            if any(where.iterdir()):
                raise RunFolderError(
                    f"{where} is not empty", hint="name a new folder; a run never overwrites"
                )
            for name in ("facts", "locks", "notebooks", "waivers", "attestations"):
                (where / name).mkdir(mode=0o700)
        folder = cls(where.resolve(), run, _redactor(target))
        folder.write("target.redacted.json", canonical.dumps(redacted(target)))
        folder.write("run.json", canonical.dumps(run))
        return folder

    @classmethod
    def join(cls, path: Path, target: Target | None = None) -> "RunFolder":
        """Open an existing folder.

        With a *target*, to go on with the run: it must be the one it was made for, and have begun
        within a day, since the facts of a run belong to one moment.

        Raises:
            RunFolderError: No run folder, a damaged one, one of another target, or too old a one.

        """
        try:
            data = (path / "run.json").read_bytes()
            run = canonical.decode(data, Run)
        except (OSError, canonical.BadJson) as error:
            raise RunFolderError(
                f"{path} is no run folder: {error}", hint="`readiness runs` lists them"
            ) from error
        if target is not None and run.target_sha256 != digest(target):
            raise RunFolderError(
                f"{path} was made for another target or another readiness.yaml",
                hint="leave out the run folder to begin a new run",
            )
        folder = cls(path.resolve(), run, _redactor(target))
        age = datetime.now(UTC) - run.started_at
        if target is not None and not folder.sealed and not timedelta() <= age <= WITHIN:
            raise RunFolderError(
                f"{path} began at {run.started_at:%Y-%m-%dT%H:%M:%SZ}, more than a day from now",
                hint="begin a new run; --reuse takes over fresh facts of a sealed one",
            )
        return folder

    @property
    def run_id(self) -> str:
        """The run's id, which every request carries."""
        return self.run.run_id

    @property
    def sealed(self) -> bool:
        """Whether the manifest is written: nothing may change any more."""
        return (self.path / MANIFEST).exists()

    def write(self, name: str, data: bytes) -> None:
        """Write the file *name* whole or not at all.

        Raises:
            RunFolderError: Sealed, or the disk is full or broken.

        """
        if self.sealed and name != MANIFEST and not name.startswith("signoff/"):
            raise RunFolderError(
                f"{self.path} is sealed: {name} cannot be written",
                hint="begin a new run, or write the file elsewhere",
            )
        atomic.write(self.path / name, data)

    def journal(self, event: str, **details: object) -> None:
        """Append one line to the journal and sync it."""
        line = {"at": msgspec.to_builtins(datetime.now(UTC)), "event": event, **details}
        data = canonical.dumps(self.redactor.data(line)) + b"\n"
        atomic.append(self.path / "journal.jsonl", data)

    def events(self) -> Iterator[dict[str, object]]:
        """Yield what the journal says, oldest first, without a last line that was cut short."""
        try:
            lines = (self.path / "journal.jsonl").read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return
        for line in lines:
            if line.endswith(b"\n"):
                yield canonical.decode(line, dict[str, object])

    def lock(self, name: str) -> Path:
        """Return the path of the lock called *name*."""
        return self.path / "locks" / f"{name}.lock"

    def has_fact(self, fact_id: str) -> bool:
        """Whether the fact, or the reason for its absence, is stored."""
        return self._fact_file(fact_id).exists()

    def write_fact(
        self,
        fact_id: str,
        found: Fact | Unseen,
        *,
        seconds: float,
        cost: Mapping[str, float],
        origin: Origin | None = None,
    ) -> None:
        """Store a fact, or why there is none, redacted and in canonical form."""
        value = None if isinstance(found, Unseen) else msgspec.to_builtins(found)
        stored = StoredFact(
            schema="readiness-kit/fact/1",
            fact=fact_id,
            seconds=round(seconds, 3),
            cost=dict(cost),
            value=value,
            unseen=found if isinstance(found, Unseen) else None,
            origin=origin,
        )
        data = canonical.dumps(self.redactor.data(msgspec.to_builtins(stored)))
        self.write(f"facts/{fact_id}.json", data)

    def read_stored(self, fact_id: str) -> tuple[StoredFact, str] | None:
        """Return what is stored for *fact_id* and the file's SHA-256, or ``None``.

        Raises:
            RunFolderError: The file is damaged.

        """
        try:
            data = self._fact_file(fact_id).read_bytes()
        except FileNotFoundError:
            return None
        try:
            stored = canonical.decode(data, StoredFact)
        except canonical.BadJson as error:
            raise RunFolderError(f"facts/{fact_id}.json is damaged: {error}") from error
        if stored.fact != fact_id:
            raise RunFolderError(f"facts/{fact_id}.json is damaged: it holds {stored.fact[:60]!r}")
        return stored, hashlib.sha256(data).hexdigest()

    def read_fact(self, kind: type[FactT]) -> FactT:
        """Return the stored fact of *kind*.

        Raises:
            NotSeen: There is none; carries the stored cause and reason.

        """
        found = self.read_stored(kind.fact_id())
        if found is None:
            raise NotSeen(f"{kind.fact_id()} was not gathered", cause="not_selected")
        stored, _ = found
        if stored.unseen is not None:
            unseen = stored.unseen
            raise NotSeen(unseen.reason, cause=unseen.cause, hint=unseen.hint)
        try:
            return msgspec.convert(stored.value, kind)
        except msgspec.ValidationError as error:
            raise NotSeen(
                f"{kind.fact_id()} cannot be read back: {error}", cause="crashed"
            ) from error

    def facts(self) -> dict[str, StoredFact]:
        """Return every stored fact by id."""
        ids = sorted(file.stem for file in (self.path / "facts").glob("*.json"))
        found = ((fact_id, self.read_stored(fact_id)) for fact_id in ids)
        return {fact_id: one[0] for fact_id, one in found if one is not None}

    def record_notebook(self, name: str) -> None:
        """Record that the notebook *name* ran to its last cell."""
        at = msgspec.to_builtins(datetime.now(UTC))
        self.write(f"notebooks/{name}.done.json", canonical.dumps({"notebook": name, "at": at}))

    def note_notebooks(self, digests: dict[str, str]) -> None:
        """Write down what the executed notebooks say, by digest, once they are all there."""
        if digests:
            self.run = msgspec.structs.replace(self.run, notebooks=digests)
            self.write("run.json", canonical.dumps(self.run))

    def done_notebooks(self) -> tuple[str, ...]:
        """Return the notebooks that left a done-record."""
        files = (self.path / "notebooks").glob("*.done.json")
        return tuple(sorted(file.name.removesuffix(".done.json") for file in files))

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Be the one who gathers for this run: everybody else waits for the facts."""
        held = locks.take(self.lock("gatherer"))
        if held is None:
            raise RunFolderError(f"{self.path} is being gathered by another process")
        try:
            yield
        finally:
            held.release()

    def finish_gathering(self) -> None:
        """Say that every fact of this run is stored: nobody need wait for another one."""
        self.lock("gathered").touch()

    def wait_for(self, fact_id: str) -> bool:
        """Wait for *fact_id* while another process gathers; whether it came."""
        while not self.has_fact(fact_id):
            if self.lock("gathered").exists() or not locks.is_held(self.lock("gatherer")):
                return self.has_fact(fact_id)
            time.sleep(locks.POLL_S)
        return True

    def _fact_file(self, fact_id: str) -> Path:
        return self.path / "facts" / f"{fact_id}.json"


def release_words(target: Target) -> str:
    """Return version and commit of the declared release, or nothing."""
    return target.release.words if target.release else ""


def catalogue_digest() -> str:
    """Return the SHA-256 of ``claims.tsv``, in hexadecimal."""
    data = resources.files("readiness_kit").joinpath("claims.tsv").read_bytes()
    return hashlib.sha256(data).hexdigest()


@cache
def judges_digest() -> str:
    """Return the SHA-256 over the code that makes results from facts, in hexadecimal."""
    return _digest_of(JUDGES)


@cache
def reports_digest() -> str:
    """Return the SHA-256 over the code that makes a report of them, in hexadecimal."""
    return _digest_of(REPORTS)


def _digest_of(parts: tuple[str, ...]) -> str:
    kit = Path(__file__).parents[1]
    files = sorted(file for part in parts for file in kit.glob(part))
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file.relative_to(kit).as_posix()}\n".encode())
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _redactor(target: Target | None) -> Redactor:
    declared = (secret.reveal() for secret in target.secrets()) if target else ()
    return Redactor((*declared, *of_environment()))


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise RunFolderError(f"{path} exists already", hint="name a new folder") from error
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be written: {error.strerror}",
            hint="free some space or name another folder; nothing half-written was left",
        ) from error
