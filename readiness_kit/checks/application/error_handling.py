"""Error handling: faulty requests get a client error, and no error tells of the inside.

>>> CHECK.shows()
{'client_faults_answered': 'PASS', 'internals_hidden': 'PASS', 'unhandled_errors_generic': 'PASS'}
>>> CHECK.shows(without_request_id(ERRORS))["client_faults_answered"]
'WARN'
>>> CHECK.shows(server_errors(ERRORS))["client_faults_answered"]
'FAIL'
>>> CHECK.shows(ERRORS.replace(controls=()))["internals_hidden"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.errors.seen import (
    CrashAnswer,
    CrashSeen,
    Internal,
    Provocation,
    ProvokedErrors,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

LONGEST_MS = 5000.0
"""Longest wait for the answer to a faulty request."""

TRACE_WITHIN_S = 10.0
"""Longest way of a trace into the log."""


@judges("client_faults_answered")
def judge_faults(seen: ProvokedErrors) -> Iterator[Finding]:
    """Every faulty request is answered as the caller's fault, in time."""
    wrong = [one for one in seen.faults if not _answered(one)]
    unnamed = [one for one in seen.faults if not one.request_id]
    case = Case(
        claim="client_faults_answered",
        got=f"{len(seen.faults) - len(wrong)} of {len(seen.faults)} faults answered as such"
        + "".join(f"; {_words(one)}" for one in wrong),
        want="4xx, or 200 with errors and no data, within 5 s, each with a request id",
        seen=[ProvokedErrors.at("/faults"), ProvokedErrors.at("/controls")],
        reproduce="curl -sS -i $URL/graphql -H 'content-type: application/json' -d '{\"query\": '",
    )
    if not _control(seen) or not seen.faults or any(one.status == 429 for one in seen.faults):
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif wrong:
        yield case.fails("validate before executing; answer what is the caller's fault with 4xx")
    elif seen.not_asked:
        yield case.not_seen(Cause.UNPROVEN, f"not asked here: {', '.join(seen.not_asked)}")
    elif unnamed:
        yield case.holds(f"no request id in {len(unnamed)} answers: support cannot find them")
    else:
        yield case.holds()


def _answered(one: Provocation) -> bool:
    if one.status is None or one.data or not 0 <= one.elapsed_ms <= LONGEST_MS:
        return False
    return 400 <= one.status < 500 or (one.status == 200 and one.errors)


def _is_error(one: Provocation) -> bool:
    return one.errors or (one.status is not None and one.status >= 400)


@judges("internals_hidden")
def judge_internals(seen: ProvokedErrors) -> Iterator[Finding]:
    """Neither body nor headers of any provoked error hold a stack, a path or SQL."""
    answers = (*seen.faults, *seen.oddities, *seen.debug_routes)
    shown = [one for one in answers if one.internals]
    unanswered = any(_unanswered(one) for one in answers)
    case = Case(
        claim="internals_hidden",
        got=f"{len(shown)} of {len(answers)} answers give internals away"
        + "".join(f"; {one.name}: {_signs(one)}" for one in shown)
        + f"; {sum(seen.planted.values())} of {len(seen.planted)} planted signs recognised",
        want="none in any answer, and every planted sign recognised",
        seen=[
            ProvokedErrors.at("/faults"),
            ProvokedErrors.at("/oddities"),
            ProvokedErrors.at("/planted"),
        ],
        reproduce="curl -sS -i $URL/graphql -H 'content-type: application/json' "
        '-d \'{"query":"{ noSuchField }"}\'',
    )
    if shown:
        yield case.fails("log the details, answer with a generic text and a request id")
    elif seen.not_asked:
        yield case.not_seen(Cause.UNPROVEN, f"not asked here: {', '.join(seen.not_asked)}")
    elif 2 * sum(_is_error(one) for one in seen.faults) < max(1, len(seen.faults)):
        yield case.not_seen(Cause.UNPROVEN, "few faults were answered as such: little was provoked")
    elif _control(seen) and _recognises(seen.planted) and not unanswered:
        yield case.holds()
    else:
        yield case.not_seen(Cause.COULD_NOT_ASK)


@judges("unhandled_errors_generic")
def judge_crash(seen: CrashSeen) -> Iterator[Finding]:
    """A crash on purpose tells the caller nothing, and the log everything."""
    answers = [one.answer for one in seen.crashes]
    untraced = [one for one in seen.crashes if not (_by_id(one) or _by_time(one))]
    case = Case(
        claim="unhandled_errors_generic",
        got="; ".join(_crash(one) for one in seen.crashes) or "nothing was made to crash",
        want=f"500 or errors with a generic text, its trace logged within {TRACE_WITHIN_S:g} s",
        seen=[CrashSeen.at(f"/crashes/{n}") for n in range(len(seen.crashes))],
        reproduce='curl -sS -i -H "authorization: Bearer $ADMIN_TOKEN" $INSTANCE$CRASH_PATH',
    )
    if any(one.internals for one in answers):
        yield case.fails("catch what is unexpected at the outermost layer and answer generically")
    elif not seen.crashes or not all(_crashed(one) for one in answers):
        yield case.not_seen(Cause.COULD_NOT_ASK, "api.crash_path did not answer with an error")
    elif seen.logs_read < 1 or not _recognises(seen.planted):
        yield case.not_seen(
            Cause.COULD_NOT_ASK, "add the logs of every process to logs.application"
        )
    elif untraced:
        yield case.fails("log unexpected errors with their trace and the request id")
    elif all(_by_id(one) for one in seen.crashes):
        yield case.holds()
    else:
        yield case.holds("put the request id of the answer into the log line of the trace")


def _crashed(one: Provocation) -> bool:
    return not one.data and (one.status == 500 or (one.status == 200 and one.errors))


def _by_id(one: CrashAnswer) -> bool:
    return one.traced_by_id and bool(one.reference) and 0 <= one.waited_s <= TRACE_WITHIN_S


def _by_time(one: CrashAnswer) -> bool:
    return one.traced_by_time


def _control(seen: ProvokedErrors) -> bool:
    return bool(seen.controls) and all(
        one.status == 200 and one.data and not one.errors for one in seen.controls
    )


def _unanswered(one: Provocation) -> bool:
    return one.status is None or one.status == 429


def _recognises(planted: dict[str, bool]) -> bool:
    return bool(planted) and all(planted.values())


def _words(one: Provocation) -> str:
    state = one.reason or f"{one.status}{' with data' * one.data}{' with errors' * one.errors}"
    return f"{one.name}: {state} in {one.elapsed_ms:.0f} ms"


def _signs(one: Provocation) -> str:
    return ", ".join(f"{sign.kind} {sign.excerpt!r}" for sign in one.internals)


def _crash(one: CrashAnswer) -> str:
    by_id = "by request id" if one.traced_by_id else "by time" if one.traced_by_time else "nowhere"
    return f"{one.answer.address}: {one.answer.status}, trace found {by_id} in {one.waited_s:.1f} s"


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ANSWER = Provocation(
    name="correct request",
    address="192.0.2.1:443",
    status=200,
    errors=False,
    data=True,
    request_id=True,
    internals=(),
    elapsed_ms=5.0,
)
_FAULT = replace(_ANSWER, name="malformed JSON", status=400, errors=True, data=False)
ERRORS = ProvokedErrors(
    observed_at=_NOW,
    controls=(_ANSWER,),
    faults=(
        _FAULT,
        replace(_FAULT, name="unknown field", status=200),
        replace(_FAULT, name="oversize body", status=413, errors=False),
    ),
    oddities=(),
    debug_routes=(replace(_FAULT, name="GET /debug", status=404, errors=False),),
    planted={"stack": True, "path": True, "sql": True},
    processes_seen=0,
    reloaders=0,
)
CRASH = CrashSeen(
    observed_at=_NOW,
    crashes=(
        CrashAnswer(
            answer=replace(_FAULT, name="crash", status=500),
            reference="5f0c",
            traced_by_id=True,
            traced_by_time=True,
            waited_s=0.1,
        ),
    ),
    logs_read=2,
    planted={"stack": True, "path": True, "sql": True},
)


def without_request_id(seen: ProvokedErrors) -> ProvokedErrors:
    """Leave the request id out of every answer."""
    return seen.replace(faults=tuple(replace(one, request_id=False) for one in seen.faults))


def server_errors(seen: ProvokedErrors) -> ProvokedErrors:
    """Answer every fault with 500."""
    faults = (one if _unanswered(one) else replace(one, status=500) for one in seen.faults)
    return seen.replace(faults=tuple(faults))


def sql_shown(seen: ProvokedErrors) -> ProvokedErrors:
    """Show SQL in every answer to a fault."""
    sql = (Internal("sql", "SELECT data FROM tb_user"),)
    return seen.replace(faults=tuple(replace(one, internals=sql) for one in seen.faults))


def leave_a_fault_out(seen: ProvokedErrors) -> ProvokedErrors:
    """Do not dare to send one of the faults."""
    return seen.replace(not_asked=("malformed JSON",))


def search_is_blind(seen: ProvokedErrors) -> ProvokedErrors:
    """Recognise none of the planted signs."""
    return seen.replace(planted=dict.fromkeys(seen.planted, False))


def nothing_logged(seen: CrashSeen) -> CrashSeen:
    """Log no trace."""
    silent = (replace(one, traced_by_id=False, traced_by_time=False) for one in seen.crashes)
    return seen.replace(crashes=tuple(silent))


def no_reference(seen: CrashSeen) -> CrashSeen:
    """Log the trace without the request id."""
    return seen.replace(crashes=tuple(replace(one, traced_by_id=False) for one in seen.crashes))


CHECK = Check(
    (judge_faults, judge_internals, judge_crash),
    remedy="Handle errors in the outermost layer: log them with trace and request id, answer a "
    "generic text with the id, and refuse what is the caller's fault with 4xx before executing it.",
    references=("OWASP Error Handling Cheat Sheet", "RFC 9110 §15.5", "GraphQL over HTTP draft"),
    good=(ERRORS, CRASH),
    worsen=(
        without_request_id,
        server_errors,
        sql_shown,
        leave_a_fault_out,
        search_is_blind,
        nothing_logged,
        no_reference,
    ),
    thresholds={
        "client_faults_answered": "4xx or 200 with errors, within 5 s; request id is a default",
        "internals_hidden": "no stack, path or SQL in any answer",
        "unhandled_errors_generic": "generic answer, trace in the log within 10 s",
    },
)
