"""Input validation: malformed and oversized values are refused, and leave nothing behind.

>>> CHECK.shows()
{'malformed_values_refused': 'PASS', 'oversized_input_refused': 'PASS'}
>>> CHECK.shows(swallow(MALFORMED))["malformed_values_refused"]
'FAIL'
>>> CHECK.shows(lose_controls(MALFORMED))["malformed_values_refused"]
'UNKNOWN'
>>> CHECK.shows(reset(OVERSIZED))["oversized_input_refused"]
'WARN'
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.input_validation import (
    MalformedInput,
    MalformedTry,
    OversizedInput,
    OversizedTry,
    Stored,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

PATIENCE_MS = 5000.0
"""Time within which an oversized request is to be answered (default)."""

TOO_LARGE = frozenset({400, 413, 414, 422, 431})
"""Statuses that refuse a request for what it holds (RFC 9110 15.5)."""

WANTED = ("wrong_type", "unknown_field", "out_of_range")
"""Faults that every schema with arguments lets us try; null only where something is required."""


def _accepted(answer: GraphqlAnswer) -> bool:
    """Whether data came back, or no error where one was due, or the service broke."""
    silent = answer.status is not None and 200 <= answer.status < 300 and not answer.errors
    return bool(answer.filled) or answer.broke or silent


def _refused(answer: GraphqlAnswer) -> bool:
    said_no = answer.status in TOO_LARGE or (answer.status == 200 and bool(answer.errors))
    return said_no and not answer.filled


@judges("malformed_values_refused")
def judge_malformed(malformed: MalformedInput) -> Iterator[Finding]:
    """Judge each fault beside the same operation without it."""
    stored = malformed.stored

    def case(got: str) -> Case:
        return Case(
            claim="malformed_values_refused",
            got=got,
            want="each fault answered by 4xx or errors, without data; nothing stored",
            seen=[MalformedInput.at("/tries")],
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $TOKEN" --json '
            '\'{"query": "query Q($limit: Int) { posts(limit: $limit) { id } }", '
            '"variables": {"limit": "text"}}\'',
        )

    accepted = [one for one in malformed.tries if _accepted(one.answer)]
    if accepted:
        yield case(f"not refused: {_places(accepted)}").fails()
    elif stored is not None and stored.found:
        yield case(f"{stored.found} faulty writes were stored").fails()
    elif unclear := _unclear(malformed):
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
    elif missing := sorted(set(WANTED) - {one.fault for one in malformed.tries}):
        advice = "name arguments and their bounds under input.bounds"
        yield case(f"not tried: {', '.join(missing)}").not_seen(Cause.NOT_CONFIGURED, advice)
    elif malformed.mutations and stored is None:
        advice = "add input.canary: a write, a read that shows it, and its undoing"
        yield case("no write was tried, though there are mutations").not_seen(
            Cause.NOT_CONFIGURED, advice
        )
    else:
        writes = sum(one.writes for one in malformed.tries)
        this = case(f"{len(malformed.tries)} faults refused, {writes} of them in writes")
        yield _passed(this, stored)


def _unclear(malformed: MalformedInput) -> str:
    """Return why nothing can be said, or nothing."""
    unclear = [
        f"{one.place} {one.fault}: {one.answer.said}"
        for one in malformed.tries
        if not _refused(one.answer)
    ]
    if unclear:
        return f"neither refused nor accepted: {'; '.join(unclear)}"
    return _lost_controls(malformed)


def _lost_controls(malformed: MalformedInput) -> str:
    """Return which faults have no control: the same operation, answered without them."""
    asked = {
        one.place.split(".")[1] for one in malformed.tries if not one.writes and "." in one.place
    }
    dead = sorted(
        name
        for name in asked
        if name not in malformed.controls or not malformed.controls[name].executed
    )
    if dead:
        return f"not answered without a fault, either: {', '.join(dead)}"
    return _lost_write(malformed.stored)


def _lost_write(stored: Stored | None) -> str:
    if stored is None:
        return ""
    if not stored.control_written:
        return "a correct write is not done, either"
    return "" if stored.control_seen else "the declared read does not show a correct write, either"


def _places(tries: Iterable[MalformedTry]) -> str:
    return "; ".join(f"{one.fault} at {one.place} ({one.answer.said})" for one in tries)


def _passed(this: Case, stored: Stored | None) -> Finding:
    left = stored.left if stored else 0
    advice = [f"remove {left} rows that are marked `readiness canary` by hand"] if left else []
    return this.holds_and_advises(*advice)


@judges("oversized_input_refused")
def judge_oversized(oversized: OversizedInput) -> Iterator[Finding]:
    """Judge a text, a list and a body that are too large."""

    def case(got: str) -> Case:
        return Case(
            claim="oversized_input_refused",
            got=got,
            want=f"413, 400 or errors within {PATIENCE_MS / 1000:g} s",
            seen=[OversizedInput.at("/tries")],
            reproduce="head -c 2000000 /dev/zero | tr '\\0' '#' | curl -si $URL/graphql "
            "-H 'content-type: application/json' --data-binary @-",
        )

    stored = oversized.stored
    bad = [one for one in oversized.tries if _accepted(one.answer) or _late(oversized, one)]
    if bad or (stored is not None and stored.found):
        said = "; ".join(f"{_size(one)}: {one.answer.said}" for one in bad)
        yield case(f"not refused: {said or 'stored all the same'}").fails()
        return
    unclear = _unclear_sizes(oversized)
    if unclear:
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
        return
    cut = [one for one in oversized.tries if one.reset]
    this = case(f"refused: {', '.join(map(_size, oversized.tries))}")
    if cut:
        advice = "answer 413 before closing: callers take a reset for a fault (RFC 9110 15.5.14)"
        yield this.holds(f"{', '.join(map(_size, cut))}: {advice}")
    else:
        yield _passed(this, stored)


def _late(oversized: OversizedInput, one: OversizedTry) -> bool:
    """Whether no answer came in time, though the service answers what is small."""
    answer = one.answer
    timed_out = answer.status is None and "Timeout" in answer.reason
    return oversized.control.executed and (timed_out or answer.elapsed_ms > PATIENCE_MS)


def _unclear_sizes(oversized: OversizedInput) -> str:
    """Return why nothing can be said, or nothing."""
    missing = [size for size in oversized.takes if size not in {o.size for o in oversized.tries}]
    if missing or not oversized.tries or "body" not in oversized.takes:
        return f"not tried: {', '.join(missing) or 'anything'}"
    if not oversized.control.executed:
        return f"something small is not answered, either: {oversized.control.said}"
    unclear = [
        f"{_size(one)}: {one.answer.said}"
        for one in oversized.tries
        if not (one.reset or _refused(one.answer))
    ]
    if unclear:
        return f"neither refused nor accepted: {'; '.join(unclear)}"
    return _lost_write(oversized.stored)


def _size(one: OversizedTry) -> str:
    unit = {"text": "characters", "list": "entries", "body": "bytes"}[one.size]
    return f"{one.size} of {one.n} {unit}" + (f" at {one.place}" if one.place else "")


WHEN = datetime(2026, 11, 1, tzinfo=UTC)
OK = GraphqlAnswer(address="192.0.2.1:443", status=200, filled=("posts",))
NO = GraphqlAnswer(address="192.0.2.1:443", status=400, errors=("does not fit",))
LARGE = GraphqlAnswer(address="192.0.2.1:443", status=413, reason="no JSON")
KEPT = Stored(control_written=True, control_seen=True, found=0, left=0)
MALFORMED = MalformedInput(
    observed_at=WHEN,
    origin="introspection",
    controls={"posts": OK},
    tries=(
        MalformedTry(fault="wrong_type", place="Query.posts.limit", writes=False, answer=NO),
        MalformedTry(fault="out_of_range", place="Query.posts.limit", writes=False, answer=NO),
        MalformedTry(fault="unknown_field", place="Query.posts", writes=False, answer=NO),
        MalformedTry(fault="null", place="PostInput.title", writes=True, answer=NO),
    ),
    mutations=True,
    stored=KEPT,
)
OVERSIZED = OversizedInput(
    observed_at=WHEN,
    origin="introspection",
    max_body_bytes=1_000_000,
    control=OK,
    tries=(
        OversizedTry(size="text", place="PostInput.title", n=1_000_000, answer=LARGE, reset=False),
        OversizedTry(size="list", place="Query.posts.ids", n=10_000, answer=NO, reset=False),
        OversizedTry(size="body", place="", n=1_000_001, answer=LARGE, reset=False),
    ),
    takes=("text", "list", "body"),
    stored=KEPT,
)


def swallow(fact: MalformedInput) -> MalformedInput:
    """Whatever is sent, it is answered with data."""
    return fact.replace(tries=tuple(replace(one, answer=OK) for one in fact.tries))


def store_one(fact: MalformedInput) -> MalformedInput:
    """A faulty write is stored, although it was answered by an error."""
    return fact.replace(stored=replace(KEPT, found=1))


def lose_controls(fact: MalformedInput) -> MalformedInput:
    """Nothing is answered without a fault, either."""
    return fact.replace(controls=dict.fromkeys(fact.controls, NO))


def write_nothing(fact: MalformedInput) -> MalformedInput:
    """No write is declared."""
    reads = tuple(one for one in fact.tries if not one.writes)
    return fact.replace(tries=reads, stored=None, mutations=True)


def take_anything(fact: OversizedInput) -> OversizedInput:
    """However large, it is answered."""
    return fact.replace(tries=tuple(replace(one, answer=OK) for one in fact.tries))


def answer_late(fact: OversizedInput) -> OversizedInput:
    """The answer takes more than five seconds."""
    slow = replace(LARGE, elapsed_ms=PATIENCE_MS + 1)
    return fact.replace(tries=tuple(replace(one, answer=slow) for one in fact.tries))


def reset(fact: OversizedInput) -> OversizedInput:
    """The connection is closed without an answer."""
    lost = GraphqlAnswer(address="192.0.2.1:443", status=None, reason="ReadError: reset")
    tries = (replace(one, answer=lost, reset=True) for one in fact.tries)
    return fact.replace(tries=tuple(tries))


def forget_sizes(fact: OversizedInput) -> OversizedInput:
    """Nothing was tried."""
    return fact.replace(tries=())


CHECK = Check(
    (judge_malformed, judge_oversized),
    remedy="Validate every request against the schema, variables included, before it runs; check "
    "bounds in the input types (pydantic 2: field_validator). Let the proxy refuse long bodies "
    "(nginx: client_max_body_size), and the types long texts and lists.",
    references=(
        "GraphQL specification 3.5, 5.6, 6.1.2: input coercion and validation",
        "OWASP Input Validation Cheat Sheet",
        "RFC 9110 15.5.14: 413 Content Too Large",
    ),
    good=(MALFORMED, OVERSIZED),
    worsen=(
        swallow,
        store_one,
        lose_controls,
        write_nothing,
        take_anything,
        answer_late,
        reset,
        forget_sizes,
    ),
    thresholds={
        "malformed_values_refused": "every fault refused; nothing stored; the faultless answered",
        "oversized_input_refused": f"refused within {PATIENCE_MS / 1000:g} s (default)",
    },
)
