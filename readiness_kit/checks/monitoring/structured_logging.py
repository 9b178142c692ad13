"""Structured logging: lines are JSON, requests carry the keys to search by, secrets stay out.

>>> CHECK.shows()
{'json_lines': 'PASS', 'required_keys': 'PASS', 'no_secrets_logged': 'PASS'}
>>> CHECK.shows(without_request_id(SAMPLE))["required_keys"]
'WARN'
>>> CHECK.shows(secret_logged(SAMPLE))["no_secrets_logged"]
'FAIL'
>>> CHECK.shows(SAMPLE.replace(files=()))["json_lines"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.logs.lines import LogFile, LoggedPersonal, LoggedSecret, LogSample
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

FEWEST_LINES = 50
"""Default of the kit: fewer lines say nothing about all."""

MACHINE_READABLE = 0.99
MOSTLY_READABLE = 0.95
"""Defaults of the kit."""

REQUIRED = ("user_id", "endpoint", "duration", "status", "time", "level")
"""The checklist's own keys, and those without which a line cannot be placed."""


@judges("json_lines")
def judge_form(seen: LogSample) -> Iterator[Finding]:
    """Practically every line of every process is a JSON object."""
    shares = [one.json_lines / one.lines for one in seen.files if one.lines > 0]
    worst = min(shares, default=0.0)
    rest_is_leading = all(one.lines - one.json_lines <= one.leading_plain for one in seen.files)
    case = Case(
        claim="json_lines",
        got="; ".join(_file(one) for one in seen.files) or "no log was read",
        want=f"{MACHINE_READABLE:.0%} JSON objects in each log, {FEWEST_LINES} lines or more",
        seen=[LogSample.at(f"/files/{n}") for n in range(len(seen.files))],
        reproduce="tail -n 500 APP_LOG | jq -R 'try (fromjson | type) catch 0' | sort | uniq -c",
        grade=Grade.OBSERVED,
    )
    if _too_few(seen):
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif worst >= MACHINE_READABLE:
        yield case.holds()
    elif worst >= MOSTLY_READABLE and rest_is_leading:
        yield case.holds("let the server's own start-up lines pass the JSON formatter too")
    else:
        yield case.fails("give every handler, the web server's too, one JSON formatter")


@judges("required_keys")
def judge_keys(seen: LogSample) -> Iterator[Finding]:
    """Request lines carry what one searches by."""
    n = seen.request_lines
    lacking = [key for key in REQUIRED if _share_missing(seen, key) > 1 - MACHINE_READABLE]
    case = Case(
        claim="required_keys",
        got=f"{n} request lines"
        + "".join(f"; {seen.missing.get(key, n)} lack {key}" for key in (*lacking, "request_id")),
        want=f"{', '.join(REQUIRED)} in {MACHINE_READABLE:.0%} of request lines, and a request id",
        seen=[LogSample.at("/missing"), LogSample.at("/request_lines")],
        reproduce="tail -n 500 APP_LOG | grep '\"endpoint\"'",
        grade=Grade.OBSERVED,
    )
    if _too_few(seen):
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif n < 1 and seen.sent < 1:
        yield case.not_seen(Cause.COULD_NOT_ASK, "no request of our own was answered")
    elif n < 1 or lacking:
        yield case.fails("without a JSON formatter, `extra=` of a log call is lost")
    elif _share_missing(seen, "request_id") > 1 - MACHINE_READABLE:
        yield case.holds("add a request or trace id: it ties the lines of a request together")
    else:
        yield case.holds()


def _share_missing(seen: LogSample, key: str) -> float:
    if seen.request_lines < 1:
        return 1.0
    return seen.missing.get(key, seen.request_lines) / seen.request_lines


@judges("no_secrets_logged")
def judge_secrets(seen: LogSample) -> Iterator[Finding]:
    """Neither the token that was just used nor anything like a secret stands in the logs."""
    undeclared = [one for one in seen.personal if not one.allowed]
    lines = sum(one.lines for one in seen.files)
    case = Case(
        claim="no_secrets_logged",
        got=f"{lines} lines searched for {seen.secrets_searched} known secrets and "
        f"{len(seen.planted)} patterns: {len(seen.secrets)} found"
        + "".join(f"; {one.kind} #{one.fingerprint} in {one.file}" for one in seen.secrets)
        + "".join(f"; {one.kind} under {one.field} in {one.lines} lines" for one in seen.personal),
        want=f"nothing found in {FEWEST_LINES} lines or more, after requests that carry the token",
        seen=[LogSample.at("/secrets"), LogSample.at("/personal"), LogSample.at("/planted")],
        reproduce='tail -n 500 APP_LOG | grep -cF "$TOKEN"',
        grade=Grade.OBSERVED,
    )
    recognised = bool(seen.planted) and all(seen.planted.values())
    if seen.secrets or undeclared:
        yield case.fails("drop headers and credentials before logging; rotate what was logged")
    elif _too_few(seen):
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif not recognised or seen.sent < 1 or seen.secrets_searched < 1:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif seen.personal:
        yield case.holds("personal data is logged where declared: mind how long it is kept")
    else:
        yield case.holds()


def _too_few(seen: LogSample) -> bool:
    """Tell whether the logs hold too little, or one of them nothing."""
    counts = [one.lines for one in seen.files]
    return min(counts, default=0) < 1 or sum(counts) < FEWEST_LINES


def _file(one: LogFile) -> str:
    return f"{one.name}: {one.reason or f'{one.json_lines} of {one.lines} lines are JSON objects'}"


SAMPLE = LogSample(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    files=(
        LogFile(name="shop-1.jsonl", lines=500, json_lines=500, leading_plain=0),
        LogFile(name="shop-2.jsonl", lines=100, json_lines=99, leading_plain=1),
    ),
    request_lines=420,
    keys={key: key for key in (*REQUIRED, "request_id")},
    missing=dict.fromkeys((*REQUIRED, "request_id"), 0),
    sent=1,
    secrets_searched=12,
    secrets=(),
    personal=(),
    planted={"json web token": True, "password": True},
)


def not_json(seen: LogSample) -> LogSample:
    """Write plain text."""
    return seen.replace(files=tuple(replace(one, json_lines=0) for one in seen.files))


def too_few_lines(seen: LogSample) -> LogSample:
    """Write a single line."""
    short = (replace(one, lines=1, json_lines=1) for one in seen.files[:1])
    return seen.replace(files=tuple(short))


def without_request_id(seen: LogSample) -> LogSample:
    """Leave the request id out."""
    return seen.replace(missing={**seen.missing, "request_id": seen.request_lines})


def without_user(seen: LogSample) -> LogSample:
    """Leave the user out."""
    return seen.replace(missing={**seen.missing, "user_id": seen.request_lines})


def secret_logged(seen: LogSample) -> LogSample:
    """Log the token."""
    token = LoggedSecret(kind="json web token", file="shop-1.jsonl", fingerprint="0123456789ab")
    return seen.replace(secrets=(token,))


def email_logged(seen: LogSample) -> LogSample:
    """Log an address under an undeclared key."""
    found = LoggedPersonal(field="message", kind="email", lines=3, allowed=False)
    return seen.replace(personal=(*seen.personal, found))


def search_is_blind(seen: LogSample) -> LogSample:
    """Recognise nothing that was planted."""
    return seen.replace(planted={})


CHECK = Check(
    (judge_form, judge_keys, judge_secrets),
    remedy="Configure one JSON formatter for every logger of the process, log each request with "
    "user_id, endpoint, duration, status and a request id, and filter credentials out.",
    references=("OWASP Logging Cheat Sheet", "OWASP ASVS 5.0 §16.2"),
    good=(SAMPLE,),
    worsen=(
        not_json,
        too_few_lines,
        without_request_id,
        without_user,
        secret_logged,
        email_logged,
        search_is_blind,
    ),
    thresholds={
        "json_lines": "99 % JSON objects; 95 % with a warning (defaults of the kit)",
        "required_keys": "every key in 99 % of request lines (default of the kit)",
        "no_secrets_logged": "nothing found in 50 lines or more (default of the kit)",
    },
)
