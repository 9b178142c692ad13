"""Logging: what is asked shows up in the logs at once, in JSON, at INFO or above, within bounds.

>>> CHECK.shows()
{'lines_arrive': 'PASS', 'size_bounded': 'PASS'}
>>> CHECK.shows(debug(SAMPLE))["lines_arrive"]
'FAIL'
>>> CHECK.shows(little_room(BOUNDS))["size_bounded"]
'WARN'
>>> CHECK.shows(SAMPLE.replace(sent=0))["lines_arrive"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.monitoring.structured_logging import SAMPLE as STRUCTURED
from readiness_kit.facts.logs.bounds import LogBound, LogBounds
from readiness_kit.facts.logs.lines import LogFile, LogSample
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

ARRIVES_S = 10.0
"""Longest way of a line into the log."""

JSON_SHARE = 0.99
"""Share of lines that are JSON objects."""

FEWEST_LINES = 50
"""Default of the kit: fewer lines say little about form and level."""

FREE_SHARE = 0.1
"""Default of the kit: share of the free space that all logs on a volume may take."""

OVERSHOOT = 2.0
"""A live file this many times the size at which a new one starts shows that none does."""

DEBUG = frozenset({"DEBUG", "TRACE", "VERBOSE", "FINE", "FINER", "FINEST", "SILLY", "10"})
"""Levels below INFO; 10 is below it with Python's numbers, and with pino's."""

INFO = frozenset(
    {
        *("INFO", "INFORMATION", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "SEVERE"),
        *("CRITICAL", "CRIT", "FATAL", "ALERT", "EMERG", "EMERGENCY", "PANIC"),
        *("30", "40", "50", "60"),
    }
)
"""INFO and above; 20 is INFO in Python and below it in pino, and so tells nothing."""


@judges("lines_arrive")
def judge_lines(seen: LogSample) -> Iterator[Finding]:
    """Each process logs a request within seconds, as JSON and with a level of INFO or above."""
    unread = [one for one in seen.files if one.reason]
    silent = [one.name for one in seen.files if one.arrived < 1 and not one.reason]
    low = sum(count for one in seen.files for level, count in _levels(one) if level in DEBUG)
    unclear = sum(
        count for one in seen.files for level, count in _levels(one) if level not in DEBUG | INFO
    )
    recent = sum(one.recent for one in seen.files)
    case = Case(
        claim="lines_arrive",
        got="; ".join(map(_file, seen.files))
        + f"; {seen.sent} requests answered, watched for {seen.waited_s:.1f} s",
        want=f"a line from each process within {ARRIVES_S:g} s; of the last 200 none below INFO, "
        f"{JSON_SHARE:.0%} JSON",
        seen=[LogSample.at("/files"), LogSample.at("/sent")],
        reproduce="tail -q -n 200 APP_LOG | jq -r .level | sort | uniq -c",
        grade=Grade.OBSERVED,
    )
    waited = seen.waited_s >= ARRIVES_S - 1
    if low:
        yield case.fails(f"{low} lines below INFO: set the level in the environment")
    elif any(not one.recent_json >= JSON_SHARE * one.recent for one in seen.files):
        yield case.fails("give every logger of the process the same JSON formatter")
    elif unread or not seen.files or seen.sent < 1:
        yield case.not_seen(Cause.COULD_NOT_ASK, *(one.reason for one in unread))
    elif silent and waited and _every_process_asked(seen, silent):
        yield case.fails(f"nothing came in {', '.join(silent)}")
    elif silent or seen.waited_s > ARRIVES_S + 1 or not seen.waited_s >= 0:
        yield case.not_seen(Cause.COULD_NOT_ASK, "name every process in api.instances")
    elif recent < FEWEST_LINES:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES)
    elif unclear > (1 - JSON_SHARE) * recent:
        yield case.not_seen(Cause.UNPROVEN, f"{unclear} lines have no level that tells: logs.keys")
    else:
        yield case.holds()


def _levels(one: LogFile) -> list[tuple[str, int]]:
    return [(level, count) for level, count in one.levels.items() if count > 0]


def _every_process_asked(seen: LogSample, silent: list[str]) -> bool:
    """Tell whether a silent log belongs to a process that answered."""
    return len(silent) == len(seen.files) or seen.instances_answered >= len(seen.files)


def _file(one: LogFile) -> str:
    if one.reason:
        return f"{one.name}: {one.reason}"
    if not one.recent:
        return f"{one.name}: no line, neither new nor old"
    levels = ", ".join(f"{count} {level}" for level, count in sorted(one.levels.items()))
    return (
        f"{one.name}: {one.arrived} new lines, of the last {one.recent} {one.recent_json} JSON, "
        f"{levels or 'none'}"
    )


@judges("size_bounded")
def judge_bounds(seen: LogBounds) -> Iterator[Finding]:
    """Every log has a bound in bytes, and all on one volume fit into a tenth of its free space."""
    loose = [one for one in seen.bounds if one.bound_bytes is None or one.bound_bytes <= 0]
    grown = [one for one in seen.bounds if _grown(one)]
    unseen = [one for one in seen.bounds if one.reason or one.free_bytes <= 0]
    case = Case(
        claim="size_bounded",
        got="; ".join(map(_bound, seen.bounds)) or "no log is declared",
        want=f"a bound in bytes on each, together at most {FREE_SHARE:.0%} of the free space",
        seen=[LogBounds.at("/bounds")],
        reproduce="ls -l APP_LOG*; df -B1 APP_LOG; logrotate --debug /etc/logrotate.conf",
        grade=Grade.DECLARED,
    )
    if grown:
        yield case.fails(f"{grown[0].name} is longer than its handler lets it be: none is at work")
    elif loose and not seen.declared:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name logs.rotation or logs.logrotate")
    elif loose:
        yield case.fails("rotate by size: maxsize and rotate, or maxBytes and backupCount")
    elif unseen or not seen.bounds:
        yield case.not_seen(Cause.COULD_NOT_ASK, *(one.reason for one in unseen if one.reason))
    else:
        full = [volume for volume, (most, room) in _volumes(seen) if most > FREE_SHARE * room]
        yield case.holds(*(["more than a tenth of the free space: keep less"] if full else []))


def _grown(one: LogBound) -> bool:
    limit = one.starts_anew_bytes
    return limit is not None and limit > 0 and one.live_bytes > OVERSHOOT * limit


def _volumes(seen: LogBounds) -> list[tuple[str, tuple[int, int]]]:
    """Return for each volume the bound of all its logs, and the room for them."""
    found: dict[str, tuple[int, int]] = {}
    for one in seen.bounds:
        most, room = found.get(one.volume, (0, 0))
        room = max(room, 0, one.free_bytes)
        found[one.volume] = (most + (one.bound_bytes or 0), room)
    return list(found.items())


def _bound(one: LogBound) -> str:
    if one.reason:
        return one.reason
    most = "no bound" if one.bound_bytes is None else f"at most {one.bound_bytes / 1e6:.1f} MB"
    rule = f"{one.how}: {one.rule}" if one.how else one.rule
    return (
        f"{one.name}: {most} ({rule}), {one.taken_bytes / 1e6:.1f} MB taken, "
        f"{one.free_bytes / 1e6:.0f} MB free"
    )


SAMPLE = STRUCTURED.replace(
    files=tuple(
        LogFile(
            name=name,
            lines=300,
            json_lines=300,
            leading_plain=0,
            arrived=4,
            recent=200,
            recent_json=200,
            levels={"INFO": 197, "WARNING": 3},
        )
        for name in ("shop-1.jsonl", "shop-2.jsonl")
    ),
    sent=8,
    instances_answered=2,
    waited_s=0.05,
)
BOUNDS = LogBounds(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    declared=True,
    rules_read=0,
    bounds=(
        LogBound(
            name="shop-1.jsonl",
            how="handler",
            rule="10000000 bytes x (5 + 1)",
            bound_bytes=60_000_000,
            starts_anew_bytes=10_000_000,
            live_bytes=4_000_000,
            taken_bytes=24_000_000,
            volume="1",
            free_bytes=50_000_000_000,
        ),
    ),
)


def _files(seen: LogSample, **changes: object) -> LogSample:
    return seen.replace(files=tuple(replace(one, **changes) for one in seen.files))


def debug(seen: LogSample) -> LogSample:
    """Log at DEBUG."""
    return _files(seen, levels={"DEBUG": 200})


def plain(seen: LogSample) -> LogSample:
    """Write plain text."""
    return _files(seen, recent=200, recent_json=0)


def silence(seen: LogSample) -> LogSample:
    """Log nothing."""
    return _files(seen.replace(waited_s=ARRIVES_S), arrived=0)


def nobody_answers(seen: LogSample) -> LogSample:
    """No request was answered."""
    return seen.replace(sent=0)


def unbounded(seen: LogBounds) -> LogBounds:
    """Nothing rotates by size."""
    return seen.replace(bounds=tuple(replace(one, bound_bytes=None) for one in seen.bounds))


def little_room(seen: LogBounds) -> LogBounds:
    """The volume is almost full."""
    return seen.replace(
        bounds=tuple(replace(one, free_bytes=min(one.free_bytes, 1)) for one in seen.bounds)
    )


def handler_idle(seen: LogBounds) -> LogBounds:
    """The live file is ten times as long as the handler is said to let it be."""
    grown = (
        replace(one, starts_anew_bytes=1000, live_bytes=max(one.live_bytes, 10_000))
        for one in seen.bounds
    )
    return seen.replace(bounds=tuple(grown))


CHECK = Check(
    (judge_lines, judge_bounds),
    remedy="Send every logger of the process through one JSON formatter at INFO to a "
    "RotatingFileHandler with maxBytes 10 MB and backupCount 5, or to a file that logrotate "
    "rotates by maxsize.",
    references=(
        "Python: logging.handlers.RotatingFileHandler",
        "logrotate.conf(5): maxsize, rotate",
        "OWASP Logging Cheat Sheet",
    ),
    good=(SAMPLE, BOUNDS),
    worsen=(debug, plain, silence, nobody_answers, unbounded, little_room, handler_idle),
    thresholds={
        "lines_arrive": "a line within 10 s, nothing below INFO, 99 % JSON of the last 200 lines",
        "size_bounded": "a bound in bytes, at most 10 % of the free space (default of the kit)",
    },
)
