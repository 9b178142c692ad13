"""SQL injection: values reach SQL as parameters, in the source, in functions, and when tried.

>>> set(CHECK.shows().values())
{'PASS'}
>>> CHECK.shows(paste_a_value(CODE))["code_parameterized"]
'FAIL'
>>> CHECK.shows(blur_a_statement(CODE))["code_parameterized"]
'WARN'
>>> CHECK.shows(close_the_door(TRIES))["payloads_harmless"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.database.stored_functions import DynamicSql, StoredFunctions
from readiness_kit.facts.refusals.injection import Injection, InjectionAttempts, Shape
from readiness_kit.facts.sql_in_code import SqlInCode, Statement
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

SHOWN = 8
"""How many places a finding names; the fact holds all."""

DELAYED = 0.5
"""Share of its sleep by which a payload must be slower than its control to have been executed."""

REFUSED = frozenset({401, 403, 429})
TELLING = frozenset({"sql", "stack", "exception"})
"""Internals that tell of a statement that failed."""


@judges("code_parameterized")
def judge_code(code: SqlInCode) -> Iterator[Finding]:
    """No statement in the source holds a value from outside; what is undecided is listed."""
    pasted = [one for one in code.statements if one.text == "from_outside"]
    blurred = [one for one in code.statements if one.text == "undecided"]
    missed = [name for name, found in code.planted.items() if not found]
    case = Case(
        claim="code_parameterized",
        got=f"{len(pasted)} of {len(code.statements)} statements in {code.files} files hold values "
        f"from outside, {len(blurred)} are undecided"
        + "".join(f"; {one.where}: {one.reason}" for one in (*pasted, *blurred)[:SHOWN])
        + f"; not read: {', '.join(code.unread[:SHOWN])}" * bool(code.unread)
        + f"; planted but misjudged: {', '.join(missed)}" * bool(missed),
        want="only constant text in every statement, values as parameters",
        seen=[SqlInCode.at("/statements")],
        reproduce="bandit -r SOURCE -t B608; grep -rnE 'execute[a-z_]*\\(' SOURCE",
        grade=Grade.DECLARED,
    )
    if pasted:
        yield case.fails("pass values as parameters, names by psycopg.sql.Identifier")
    elif missed or not code.planted or not code.statements:
        yield case.not_seen(Cause.UNPROVEN)
    elif code.unread:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif blurred:
        yield case.holds("look at the undecided statements by hand (OWASP ASVS 5.0 §1.2.4)")
    else:
        yield case.holds()


@judges("functions_safe")
def judge_functions(seen: StoredFunctions) -> Iterator[Finding]:
    """No function executes a text with anything in it that is not quoted."""
    unquoted = [one for one in seen.dynamic if one.quoted == "no"]
    blurred = [one for one in seen.dynamic if one.quoted == "undecided"]
    missed = [name for name, found in seen.planted.items() if not found]
    case = Case(
        claim="functions_safe",
        got=f"{len(unquoted)} of {len(seen.dynamic)} dynamic statements in {seen.functions} "
        f"functions are not quoted, {len(blurred)} are undecided"
        + "".join(f"; {one.function}: {one.reason}" for one in (*unquoted, *blurred)[:SHOWN])
        + f"; hidden: {', '.join(seen.hidden[:SHOWN])}" * bool(seen.hidden)
        + f"; planted but misjudged: {', '.join(missed)}" * bool(missed),
        want="format with %I and %L, quote_ident, quote_literal or USING wherever SQL is made",
        seen=[StoredFunctions.at("/dynamic"), StoredFunctions.at("/functions")],
        reproduce='psql $DATABASE_URL -c "SELECT oid::regprocedure, prosrc FROM pg_proc '
        "WHERE prosrc ~* 'execute' AND pronamespace > 16383\"",
        grade=Grade.OBSERVED,
    )
    if unquoted:
        yield case.fails("EXECUTE format('… %I … $1', name) USING value")
    elif seen.hidden:
        yield case.not_seen(Cause.COULD_NOT_ASK, "let the probe's role read pg_proc")
    elif blurred or missed or not seen.planted:
        yield case.not_seen(Cause.UNPROVEN)
    else:
        yield case.holds()


@judges("payloads_harmless")
def judge_payloads(seen: InjectionAttempts) -> Iterator[Finding]:
    """Each payload is answered as a plain value is: same shape, no delay, no word of SQL."""
    struck = [
        f"{one.payload} in {one.place} {why}" for one in seen.attempts if (why := _struck(one))
    ]
    silent = [
        one for one in seen.attempts if not _answered(one.control) or not _answered(one.answer)
    ]
    places = {one.place for one in seen.attempts}
    deaf = sorted(places - {one.place for one in seen.attempts if one.control.clean})
    complete = all(
        {one.payload for one in seen.attempts if one.place == place} >= set(seen.payloads)
        for place in places
    )
    case = Case(
        claim="payloads_harmless",
        got=f"{len(struck)} of {len(seen.attempts)} payloads in {len(places)} arguments strike"
        + "".join(f"; {one}" for one in struck[:SHOWN])
        + f"; {len(silent)} without an answer" * bool(silent)
        + f"; {seen.arguments_left_out} texts not tried" * (seen.arguments_left_out > 0)
        + f"; plain values too are refused by {', '.join(deaf[:SHOWN])}" * bool(deaf)
        + "; no write is declared to try mutations by" * seen.writes_untried
        + f"; {seen.rows_left} marked rows left behind" * (seen.rows_left > 0),
        want="each answered as a plain value is: same shape, no delay, no SQL in it",
        seen=[InjectionAttempts.at("/attempts"), InjectionAttempts.at("/controls")],
        reproduce='curl -sS $URL/graphql -H "authorization: Bearer $TOKEN" -H \'content-type: '
        'application/json\' -d \'{"query":"{user(id:\\"\\u0027 OR 1=1\\"){id}}"}\'',
    )
    if struck:
        yield case.fails("pass values as parameters; answer faults with a text of your own")
    elif not seen.attempts or not seen.payloads or not complete:
        yield case.not_seen(Cause.UNPROVEN)
    elif silent or not seen.controls or not all(seen.controls):
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif not seen.planted or not all(seen.planted.values()):
        yield case.not_seen(Cause.UNPROVEN)
    elif len(deaf) == len(places):
        yield case.not_seen(Cause.UNPROVEN, "no plain value is answered: is the token good for it?")
    elif seen.arguments_left_out > 0:
        yield case.not_seen(
            Cause.TOO_FEW_SAMPLES, "raise limits.injection_arguments, or ask for them under smoke"
        )
    elif seen.writes_untried:
        yield case.not_seen(Cause.NOT_CONFIGURED, "declare cache.canary with write and undo")
    else:
        yield case.holds()


def _struck(one: Injection) -> str:
    """Say how a payload did something, or return nothing."""
    if TELLING & set(one.answer.signs):
        return f"shows {', '.join(one.answer.signs)}"
    later_ms = one.answer.elapsed_ms - one.control.elapsed_ms
    if one.sleeps_s > 0 and later_ms >= one.sleeps_s * 1000 * DELAYED:
        return f"delays the answer by {later_ms:.0f} ms"
    if not _answered(one.control) or not _answered(one.answer):
        return ""
    if one.answer.form != one.control.form:
        return f"is answered {one.answer.form}, a plain value {one.control.form}"
    return ""


def _answered(shape: Shape) -> bool:
    """Tell whether the service itself answered: refusals and overload say nothing of SQL."""
    return shape.status is not None and shape.status not in REFUSED and bool(shape.form)


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PLAIN = Shape(status=200, form="{user: null}, 0 errors", signs=(), elapsed_ms=8.0)
_PAYLOADS = {"always true": "' OR '1'='1", "sleep after": "'; SELECT pg_sleep(2); --"}
CODE = SqlInCode(
    observed_at=_NOW,
    files=40,
    unread=(),
    statements=(
        Statement(where="shop/db.py:31", call="execute", text="constant", reason=""),
        Statement(where="shop/db.py:52", call="SQL", text="constant", reason=""),
    ),
    planted={"f-string": True, "parameter": True},
)
FUNCTIONS = StoredFunctions(
    observed_at=_NOW,
    functions=14,
    hidden=(),
    dynamic=(DynamicSql(function="public.purge", language="plpgsql", quoted="yes", reason=""),),
    planted={"concatenation": True, "quote_ident": True},
)
TRIES = InjectionAttempts(
    observed_at=_NOW,
    payloads=_PAYLOADS,
    attempts=(
        Injection(
            place="Query.user.id",
            payload="always true",
            sleeps_s=0.0,
            control=_PLAIN,
            answer=_PLAIN,
        ),
        Injection(
            place="Query.user.id",
            payload="sleep after",
            sleeps_s=2.0,
            control=_PLAIN,
            answer=_PLAIN,
        ),
    ),
    arguments_left_out=0,
    writes_untried=False,
    rows_left=0,
    controls=(True, True),
    planted={"sql": True, "stack": True},
)


def paste_a_value(code: SqlInCode) -> SqlInCode:
    """One more statement holds what callers choose."""
    pasted = Statement(
        where="shop/find.py:7",
        call="execute",
        text="from_outside",
        reason="parameter name of find()",
    )
    return code.replace(statements=(*code.statements, pasted))


def blur_a_statement(code: SqlInCode) -> SqlInCode:
    """No constant statement can be followed."""
    blurred = (
        replace(one, text="undecided") if one.text == "constant" else one for one in code.statements
    )
    return code.replace(statements=tuple(blurred))


def leave_out_a_file(code: SqlInCode) -> SqlInCode:
    """One file cannot be read."""
    return code.replace(unread=(*code.unread, "shop/report.js"))


def find_no_statement(code: SqlInCode) -> SqlInCode:
    """No statement is found."""
    return code.replace(statements=())


def misjudge_code(code: SqlInCode) -> SqlInCode:
    """The pass does not see what is planted."""
    return code.replace(planted=dict.fromkeys(code.planted, False))


def concatenate(seen: StoredFunctions) -> StoredFunctions:
    """No dynamic statement is quoted."""
    return seen.replace(dynamic=tuple(replace(one, quoted="no") for one in seen.dynamic))


def hide_a_function(seen: StoredFunctions) -> StoredFunctions:
    """The source of one function is not told."""
    return seen.replace(hidden=(*seen.hidden, "shop.secret"))


def misjudge_functions(seen: StoredFunctions) -> StoredFunctions:
    """The reading does not see what is planted."""
    return seen.replace(planted=dict.fromkeys(seen.planted, False))


def _answers(seen: InjectionAttempts, **changes: object) -> InjectionAttempts:
    answers = (replace(one, answer=replace(one.answer, **changes)) for one in seen.attempts)
    return seen.replace(attempts=tuple(answers))


def show_sql(seen: InjectionAttempts) -> InjectionAttempts:
    """Answers to payloads quote the statement."""
    return _answers(seen, signs=("sql",))


def answer_otherwise(seen: InjectionAttempts) -> InjectionAttempts:
    """Payloads bring back rows."""
    return _answers(seen, form="{user: {id: str}}, 0 errors of another answer")


def sleep(seen: InjectionAttempts) -> InjectionAttempts:
    """Payloads make the database sleep."""
    attempts = (
        replace(
            one, answer=replace(one.answer, elapsed_ms=one.control.elapsed_ms + 1000 * one.sleeps_s)
        )
        for one in seen.attempts
    )
    return seen.replace(attempts=tuple(attempts))


def close_the_door(seen: InjectionAttempts) -> InjectionAttempts:
    """Nothing is answered, the controls neither."""
    attempts = (
        replace(
            one, control=replace(one.control, status=None), answer=replace(one.answer, status=None)
        )
        for one in seen.attempts
    )
    return seen.replace(attempts=tuple(attempts), controls=(False, False))


def leave_out_arguments(seen: InjectionAttempts) -> InjectionAttempts:
    """There are more arguments than were tried."""
    return seen.replace(arguments_left_out=1)


def refuse_plain_values(seen: InjectionAttempts) -> InjectionAttempts:
    """Whatever the value, nothing but an error comes back."""
    refused = replace(_PLAIN, form="{user: null}, 1 errors")
    attempts = (
        replace(one, control=replace(one.control, form=refused.form), answer=refused)
        for one in seen.attempts
    )
    return seen.replace(attempts=tuple(attempts))


def try_nothing(seen: InjectionAttempts) -> InjectionAttempts:
    """No payload was sent."""
    return seen.replace(attempts=())


CHECK = Check(
    (judge_code, judge_functions, judge_payloads),
    remedy="Pass every value as a parameter, names by psycopg.sql.Identifier or format('%I'), and "
    "never build SQL by f-string, %, format() or concatenation.",
    references=(
        "OWASP SQL Injection Prevention Cheat Sheet",
        "PostgreSQL: executing dynamic commands",
        "CWE-89",
    ),
    good=(CODE, FUNCTIONS, TRIES),
    worsen=(
        paste_a_value,
        blur_a_statement,
        leave_out_a_file,
        find_no_statement,
        misjudge_code,
        concatenate,
        hide_a_function,
        misjudge_functions,
        show_sql,
        answer_otherwise,
        sleep,
        close_the_door,
        leave_out_arguments,
        refuse_plain_values,
        try_nothing,
    ),
    thresholds={
        "code_parameterized": "no value from outside in any statement; undecided ones: WARN",
        "functions_safe": "everything quoted in every EXECUTE",
        "payloads_harmless": f"same shape as a plain value, not later by {DELAYED:g} of the sleep",
    },
)
