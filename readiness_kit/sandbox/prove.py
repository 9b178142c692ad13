"""Proves the checks: one fault at a time, exactly the right claims must turn, and turn back.

Faults that share no item may be in force together, which saves time; when anything is not as
declared, each of them is tried again on its own. One break's mend is the next one's baseline.
"""

import fnmatch
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from readiness_kit import __version__
from readiness_kit.assessment import Assessment
from readiness_kit.checks import all_checks
from readiness_kit.contents import EFFECTS, Claim, Effect, claims
from readiness_kit.errors import ReadinessError, UsageError
from readiness_kit.results import ClaimResult, Results
from readiness_kit.sandbox.breaking import apply, broken, mend
from readiness_kit.sandbox.breaks import Break
from readiness_kit.sandbox.ground import Ground
from readiness_kit.verdict import Status

SCHEMA: Literal["readiness-kit/prove/1"] = "readiness-kit/prove/1"

TOGETHER = 6
"""Most faults in force at once."""

PATIENCE_S = (0.0, 2.0, 5.0)
"""Pauses before each look at what must have turned back: scrapes and connections take a moment."""

PROVABLE = ("pass", "warn", "needs_full", "needs_prometheus")
"""Words of the column ``sandbox`` that mean green, in the full demo with Prometheus at least."""

GREEN = (Status.PASS, Status.WARN, Status.ATTESTED)

Seen = dict[str, ClaimResult]
"""Claims of the items that were judged, by id."""

Judge = Callable[[frozenset[str], frozenset[Effect]], Seen]
"""Judges items of the sandbox as it is now, with these effects allowed."""

Tell = Callable[[str, int, int], None]
"""Called with what is tried, how many faults are done, and how many there are."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One claim under one fault."""

    claim: str
    was: str
    wanted: str
    seen: str
    got: str
    """What the check saw."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault did."""

    name: str
    title: str
    problems: tuple[str, ...]
    """What was not as declared; empty means proven."""

    turns: tuple[Turn, ...]
    seconds: float
    """From breaking to green again, shared by those that were in force together."""

    @property
    def proven(self) -> bool:
        """Whether exactly the declared claims turned, and turned back."""
        return not self.problems


class Proofs(msgspec.Struct, frozen=True, kw_only=True):
    """What ``readiness prove --json`` prints, schema ``readiness-kit/prove/1``."""

    schema: Literal["readiness-kit/prove/1"] = SCHEMA
    kit_version: str = __version__
    proven: int
    missed: int
    left_out: dict[str, str]
    """Breaks that were not tried, each with the reason."""

    collateral: int
    """Claims that turn although the fault is not about them, as declared."""

    unproven_claims: tuple[str, ...]
    """Claims that are judged and that the sandbox can break, and that no break is about."""

    seconds: float
    breaks: tuple[Proof, ...]


def prove(
    ground: Ground,
    breaks: Sequence[Break],
    *,
    together: int = TOGETHER,
    tell: Tell = lambda *_: None,
    judge: Judge | None = None,
) -> Iterator[Proof]:
    """Yield what each of *breaks* does to the sandbox, mildest effects first.

    Raises:
        UsageError: The sandbox is broken already.
        ServerError: A break could not be made, or not be mended.

    """
    if found := broken(ground):
        raise UsageError(
            f"the sandbox is broken already: {', '.join(found)}",
            hint=f"`readiness sandbox mend all {ground.root}` mends it",
        )
    look = judge or _judge_in(ground)
    done = 0
    for effects, those in _by_effects(breaks):
        tell("the sandbox as it is", done, len(breaks))
        baseline = look(frozenset().union(*(one.items for one in those)), effects)
        for batch in batches(those, together):
            tell(", ".join(one.name for one in batch), done, len(breaks))
            yield from _proofs(ground, batch, baseline, look)
            done += len(batch)
    tell("done", done, len(breaks))


def batches(breaks: Iterable[Break], together: int) -> Iterator[list[Break]]:
    r"""Yield groups of at most *together* breaks that share no item.

    >>> from readiness_kit.sandbox.breaks import parse
    >>> def fault(name, claim):
    ...     change = '[[change]]\nkind = "stop"\nserver = "x"'
    ...     return parse(name, f'title = "t"\n{change}\n[turns]\n"{claim}" = "FAIL"')
    >>> three = [fault("a", "s.i.x"), fault("b", "s.i.y"), fault("c", "s.j.x")]
    >>> [[one.name for one in group] for group in batches(three, 6)]
    [['a', 'c'], ['b']]
    """
    groups: list[list[Break]] = []
    for one in breaks:
        open_to_it = (
            group
            for group in groups
            if not one.alone
            and len(group) < together
            and not any(other.alone or other.items & one.items for other in group)
        )
        group = next(open_to_it, None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    yield from groups


def unproven(breaks: Iterable[Break]) -> tuple[str, ...]:
    """Return the claims that are judged and that the sandbox shows green, and no break is about."""
    proven = {claim for one in breaks for claim in one.turns}
    return tuple(
        claim.id
        for claim in claims().values()
        if claim.id not in proven and claim.sandbox in PROVABLE and _is_judged(claim)
    )


def _is_judged(claim: Claim) -> bool:
    check = all_checks().get(claim.item)
    return any(claim.name in judge.claims for judge in check.judges) if check else False


def _judged(target_file: Path, items: frozenset[str], effects: frozenset[Effect]) -> Results:
    with tempfile.TemporaryDirectory(prefix="readiness-prove-") as place:
        assessment = Assessment.open(
            target_file,
            Path(place) / "run",
            allow=tuple(one for one in EFFECTS if one in effects),
            only=tuple(sorted(items)),
        )
        with assessment.gathering():
            assessment.gather()
        return assessment.results()


def _judge_in(ground: Ground) -> Judge:
    def judge(items: frozenset[str], effects: frozenset[Effect]) -> Seen:
        results = _judged(ground.root / "readiness.yaml", items, effects)
        return {one.id: one for item in results.items if item.id in items for one in item.claims}

    return judge


def _by_effects(breaks: Sequence[Break]) -> Iterator[tuple[frozenset[Effect], list[Break]]]:
    """Yield the breaks by the effects that judging them needs: what lasts longest comes last."""
    groups: dict[frozenset[Effect], list[Break]] = {}
    for one in breaks:
        groups.setdefault(one.effects, []).append(one)
    yield from sorted(groups.items(), key=lambda pair: max(map(EFFECTS.index, pair[0])))


def _proofs(ground: Ground, batch: Sequence[Break], baseline: Seen, look: Judge) -> Iterator[Proof]:
    """Yield the proofs of *batch*, made together if all goes as declared, else one by one."""
    found = _try(ground, batch, baseline, look)
    if len(batch) == 1 or all(one.proven for one in found):
        yield from found
        return
    for one in batch:
        yield from _try(ground, [one], baseline, look)


def _try(ground: Ground, batch: Sequence[Break], baseline: Seen, look: Judge) -> list[Proof]:
    items = frozenset().union(*(one.items for one in batch))
    effects = batch[0].effects
    began = time.monotonic()
    try:
        apply(ground, batch)
    except ReadinessError as error:
        problem = f"it could not be made: {error.message}"
        return [_proof(one, {}, {}, [problem], began) for one in batch]
    try:
        time.sleep(max(one.wait_s for one in batch))
        during = look(items, effects)
    finally:
        mend(ground)
    after = _mended(items, effects, baseline, look)
    return [
        _proof(one, baseline, during, [*_problems(one, baseline, during, after)], began)
        for one in batch
    ]


def _mended(items: frozenset[str], effects: frozenset[Effect], baseline: Seen, look: Judge) -> Seen:
    after: Seen = {}
    for pause_s in PATIENCE_S:
        time.sleep(pause_s)
        after = look(items, effects)
        if all(after[claim].status is baseline[claim].status for claim in after):
            break
    return after


def _proof(one: Break, before: Seen, during: Seen, problems: list[str], began: float) -> Proof:
    turns = tuple(
        Turn(
            claim=claim,
            was=before[claim].status.value,
            wanted=status.value,
            seen=during[claim].status.value,
            got=during[claim].got,
        )
        for claim, status in _expected(one, before).items()
        if claim in during
    )
    return Proof(
        name=one.name,
        title=one.title,
        problems=tuple(problems),
        turns=turns,
        seconds=round(time.monotonic() - began, 3),
    )


def _expected(one: Break, before: Seen) -> dict[str, Status]:
    """Return what each claim must show under the fault, patterns written out."""
    found: dict[str, Status] = {}
    for pattern, status in one.wanted.items():
        if pattern in before:
            found[pattern] = status
            continue
        for claim in fnmatch.filter(before, pattern):
            if before[claim].status in GREEN:
                found.setdefault(claim, status)
    return found


def _problems(one: Break, before: Seen, during: Seen, after: Seen) -> Iterator[str]:
    expected = _expected(one, before)
    if not expected:
        yield "it declares no claim that is judged and green"
    for claim, status in expected.items():
        yield from _unturned(before[claim], during[claim], status)
    for claim, was in before.items():
        if claim.rpartition(".")[0] not in one.items:
            continue
        seen, mended = during[claim], after[claim]
        if claim not in expected and seen.status is not was.status:
            yield f"{claim} turned, too: from {was.status.value} to {seen.words}: {seen.got}"
        if mended.status is not was.status:
            yield f"{claim} is {mended.words} after mending: {mended.got}"


def _unturned(was: ClaimResult, seen: ClaimResult, wanted: Status) -> Iterator[str]:
    if was.status not in GREEN:
        yield f"{was.id} was {was.words} before it was broken: {was.got}"
    elif was.status is wanted:
        yield f"{was.id} is {wanted.value} anyway"
    elif seen.status is not wanted:
        yield f"{was.id} must be {wanted.value} and is {seen.words}: {seen.got}"
