"""When the kit may say PASS: statuses, grades, findings, checks, and the one function to a status.

Pure: nothing here touches the world, and judges see no clock but ``observed_at`` of the facts.

>>> from readiness_kit.contents import claims
>>> claim = claims()["security.tls.old_versions_refused"]
>>> seen = [Pointer("tls_offer", "/endpoints/0")]
>>> settle(holds("old_versions_refused", got="refused", want="refused", seen=seen), claim).status
<Status.PASS: 'PASS'>
>>> settle(holds("old_versions_refused", got="refused", want="refused", seen=[]), claim).cause
<Cause.UNPROVEN: 'unproven'>
"""

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import msgspec

from readiness_kit.contents import Claim, Phase, claims
from readiness_kit.facts import Fact, Pointer
from readiness_kit.target import Objectives


class Status(StrEnum):
    """How a claim, an item or a run's part stands."""

    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    WARN = "WARN"
    ATTESTED = "ATTESTED"
    PASS = "PASS"  # noqa: S105 - a status, not a password
    NOT_APPLICABLE = "NOT_APPLICABLE"

    @property
    def rank(self) -> int:
        """Return 0 for the worst status and more for better ones."""
        return list(Status).index(self)


class Verdict(StrEnum):
    """How a whole run stands."""

    NO_GO = "NO-GO"
    UNDECIDED = "UNDECIDED"
    GO = "GO"


class Grade(StrEnum):
    """How strong the evidence is, strongest first."""

    MEASURED = "measured"
    OBSERVED = "observed"
    DECLARED = "declared"
    DOCUMENTED = "documented"
    ATTESTED = "attested"

    def proves(self, least: "Grade") -> bool:
        """Whether evidence of this grade suffices where *least* is asked."""
        order = list(Grade)
        return order.index(self) <= order.index(least)


class Cause(StrEnum):
    """Why a claim is UNKNOWN."""

    NOT_CONFIGURED = "not_configured"
    NOT_ALLOWED = "not_allowed"
    NOT_SELECTED = "not_selected"
    NOT_IMPLEMENTED = "not_implemented"
    COULD_NOT_ASK = "could_not_ask"
    TOO_FEW_SAMPLES = "too_few_samples"
    GENERATOR_INVALID = "generator_invalid"
    UNPROVEN = "unproven"
    STALE = "stale"
    CRASHED = "crashed"
    BLOCKED = "blocked"
    NOT_DUE = "not_due"


class Outcome(StrEnum):
    """What a judge says of one claim, before grade and policy are weighed."""

    HOLDS = "holds"
    HOLDS_WEAKLY = "holds_weakly"
    FAILS = "fails"
    NOT_SEEN = "not_seen"
    INAPPLICABLE = "inapplicable"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of an item, compared with the facts."""

    claim: str
    """Last part of the claim's id, e.g. ``old_versions_refused``."""

    outcome: Outcome
    """Whether it holds."""

    grade: Grade = Grade.MEASURED
    """How strong the evidence is."""

    got: str = ""
    """What was seen, with its n."""

    want: str = ""
    """What was wanted, with the threshold."""

    seen: tuple[Pointer, ...] = ()
    """Where in the facts it was seen; without this nothing passes."""

    cause: Cause | None = None
    """Why it was not seen."""

    advice: tuple[str, ...] = ()
    """Modern practice, each with its authority; the reason of a WARN."""

    reproduce: str = ""
    """Command that shows the same by hand; secrets as ``$NAME``."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One claim under judgement: what its finding says, whichever way it goes."""

    claim: str
    got: str
    want: str
    seen: Sequence[Pointer]
    reproduce: str
    grade: Grade = Grade.MEASURED

    def holds(self, *advice: str) -> Finding:
        """Return the finding that it holds; any *advice* names the weakness that makes it WARN."""
        return self.found(Outcome.HOLDS_WEAKLY if advice else Outcome.HOLDS, advice)

    def holds_and_advises(self, *advice: str) -> Finding:
        """Return the finding that it holds, with any *advice* that weakens nothing."""
        return self.found(Outcome.HOLDS, advice)

    def fails(self, *advice: str) -> Finding:
        """Return the finding that it does not hold."""
        return self.found(Outcome.FAILS, advice)

    def not_seen(self, cause: Cause, *advice: str) -> Finding:
        """Return the finding that it was not seen, or not well enough."""
        return self.found(Outcome.NOT_SEEN, advice, cause)

    def found(self, outcome: Outcome, advice: Sequence[str], cause: Cause | None = None) -> Finding:
        """Return the finding of that *outcome*."""
        return Finding(
            claim=self.claim,
            outcome=outcome,
            grade=self.grade,
            got=self.got,
            want=self.want,
            seen=tuple(self.seen),
            cause=cause,
            advice=tuple(advice),
            reproduce=self.reproduce,
        )


def holds(
    claim: str,
    *,
    got: str,
    want: str,
    seen: Sequence[Pointer],
    grade: Grade = Grade.MEASURED,
    advice: Sequence[str] = (),
    reproduce: str = "",
) -> Finding:
    """Return the finding that *claim* was seen to hold."""
    case = Case(claim=claim, got=got, want=want, seen=seen, grade=grade, reproduce=reproduce)
    return case.found(Outcome.HOLDS, advice)


def holds_weakly(
    claim: str,
    *,
    got: str,
    want: str,
    seen: Sequence[Pointer],
    advice: Sequence[str],
    grade: Grade = Grade.MEASURED,
    reproduce: str = "",
) -> Finding:
    """Return the finding that the letter of *claim* holds, with a weakness named in *advice*."""
    case = Case(claim=claim, got=got, want=want, seen=seen, grade=grade, reproduce=reproduce)
    return case.found(Outcome.HOLDS_WEAKLY, advice)


def fails(
    claim: str,
    *,
    got: str,
    want: str,
    seen: Sequence[Pointer],
    grade: Grade = Grade.MEASURED,
    advice: Sequence[str] = (),
    reproduce: str = "",
) -> Finding:
    """Return the finding that *claim* was seen not to hold."""
    case = Case(claim=claim, got=got, want=want, seen=seen, grade=grade, reproduce=reproduce)
    return case.found(Outcome.FAILS, advice)


def not_seen(
    claim: str,
    cause: Cause,
    *,
    got: str,
    want: str = "",
    seen: Sequence[Pointer] = (),
    advice: Sequence[str] = (),
    reproduce: str = "",
) -> Finding:
    """Return the finding that *claim* was not seen, or not well enough, because of *cause*."""
    case = Case(claim=claim, got=got, want=want, seen=seen, reproduce=reproduce)
    return case.found(Outcome.NOT_SEEN, advice, cause)


def inapplicable(claim: str, *, got: str, seen: Sequence[Pointer]) -> Finding:
    """Return the finding that *claim* cannot apply, because of the named facts."""
    return Finding(claim=claim, outcome=Outcome.INAPPLICABLE, got=got, seen=tuple(seen))


class Settled(typing.NamedTuple):
    """A status with the cause when it is UNKNOWN."""

    status: Status
    cause: Cause | None = None


def settle(
    finding: Finding, claim: Claim, *, phase: Phase = "pre_launch", attested: bool = False
) -> Settled:
    """Return the status of *claim* given what its judge found: the only way to a status.

    A person's valid attestation counts only for attestable claims, and never against what was seen
    to fail. A claim that is due after launch stays UNKNOWN ``not_due`` until the phase says so.
    """
    if claim.phase == "post_launch" and phase == "pre_launch":
        return Settled(Status.UNKNOWN, Cause.NOT_DUE)
    if finding.outcome is Outcome.FAILS:
        return Settled(Status.FAIL)
    if finding.outcome is Outcome.NOT_SEEN:
        if attested and claim.attestable:
            return Settled(Status.ATTESTED)
        return Settled(Status.UNKNOWN, finding.cause or Cause.UNPROVEN)
    if not finding.seen:
        return Settled(Status.UNKNOWN, Cause.UNPROVEN)
    if finding.outcome is Outcome.INAPPLICABLE:
        return Settled(Status.NOT_APPLICABLE)
    if not finding.grade.proves(Grade(claim.min_grade)):
        return Settled(Status.UNKNOWN, Cause.UNPROVEN)
    weakly = finding.outcome is Outcome.HOLDS_WEAKLY
    return Settled(Status.WARN if weakly else Status.PASS)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of *statuses*; nothing to judge is UNKNOWN, not success."""
    return min(statuses, key=lambda status: status.rank, default=Status.UNKNOWN)


def verdict(due: Iterable[tuple[Status, bool]]) -> Verdict:
    """Return the verdict over (status, waived) of every claim that is due.

    >>> verdict([(Status.PASS, False), (Status.FAIL, True)])
    <Verdict.GO: 'GO'>
    >>> verdict([])
    <Verdict.UNDECIDED: 'UNDECIDED'>
    """
    seen = list(due)
    standing = {status for status, waived in seen if not waived}
    if Status.FAIL in standing:
        return Verdict.NO_GO
    if Status.UNKNOWN in standing or not seen:
        return Verdict.UNDECIDED
    return Verdict.GO


Rule = Callable[..., Iterator[Finding]]
"""A pure generator from facts to findings; its annotations name the facts it needs."""

Move = Callable[..., Fact]
"""One fact made worse; the annotation of its argument says which kind of fact."""


class Need(typing.NamedTuple):
    """One argument of a rule."""

    name: str
    kind: type[Fact | Objectives]
    optional: bool


@dataclass(frozen=True)
class Judge:
    """A rule and the claims it settles."""

    claims: tuple[str, ...]
    rule: Rule

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """What the rule asks for: fact types, or ``Objectives``; ``X | None`` may be missing."""
        hints = typing.get_type_hints(self.rule)
        return tuple(_need(name, hints[name]) for name in inspect.signature(self.rule).parameters)

    def __call__(self, *args: object) -> tuple[Finding, ...]:
        """Judge; whatever the rule leaves out is a finding of its own."""
        found = tuple(self.rule(*args))
        silent = [name for name in self.claims if name not in {one.claim for one in found}]
        return found + tuple(
            not_seen(name, Cause.CRASHED, got="the check gave no finding") for name in silent
        )


def _need(name: str, hint: object) -> Need:
    kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    kind = kinds[0] if kinds else hint
    if not isinstance(kind, type) or not issubclass(kind, (Fact, Objectives)):
        message = f"a rule takes facts or Objectives, not {hint!r}"
        raise TypeError(message)
    return Need(name, kind, bool(kinds))


def judges(*names: str) -> Callable[[Rule], Judge]:
    """Declare that the decorated rule settles the claims called *names*."""
    return lambda rule: Judge(names, rule)


@dataclass(frozen=True)
class Check:
    """What settles one item: a few judges, each over the claims that share its facts.

    Claims that no judge settles are UNKNOWN ``not_implemented``.
    """

    judges: tuple[Judge, ...]
    """The rules, in the order of the claims."""

    remedy: str
    """What to do when it is red, for whoever is on the keyboard."""

    references: tuple[str, ...]
    """RFCs, vendor pages and papers behind the thresholds."""

    good: tuple[Fact | Objectives, ...]
    """Facts on which every settled claim passes: the example of docs and property tests."""

    worsen: tuple[Move, ...] = field(default=())
    """Moves that make the facts worse; none may ever improve a status."""

    version: str = "1"
    """Raised when the judgement changes."""

    thresholds: Mapping[str, str] = field(default_factory=dict)
    """Claim name to the threshold in words, with its source."""

    @property
    def id(self) -> str:
        """Where the check lives, be it a file or a room, e.g. ``security.tls``."""
        section, item = self.judges[0].rule.__module__.partition(".checks.")[2].split(".")[:2]
        return f"{section}.{item}"

    @property
    def needs(self) -> tuple[type[Fact], ...]:
        """Every fact type that some judge asks for."""
        kinds = {n.kind: None for judge in self.judges for n in judge.needs}
        return tuple(kind for kind in kinds if issubclass(kind, Fact))

    def shows(self, *facts: Fact | Objectives) -> dict[str, str]:
        """Return claim name to status on *facts*, the example's standing in for those left out."""
        given = {type(fact): fact for fact in (*self.good, *facts)}
        given.setdefault(Objectives, Objectives())
        rows = {one.name: one for one in claims().values() if one.item == self.id}
        return {
            finding.claim: settle(finding, rows[finding.claim], phase="post_launch").status.value
            for judge in self.judges
            for finding in judge(*(given.get(need.kind) for need in judge.needs))
        }
