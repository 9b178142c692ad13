"""When a job is started, and what it runs: by systemd, cron, Kubernetes or a CI workflow."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

from readiness_kit.errors import NotSeen
from readiness_kit.probes.papers.documents import read

WEEK_DAYS = 7.0
MONTH_DAYS = 31.0

_NAMED = {"hourly": 1 / 24, "daily": 1.0, "weekly": 7.0, "monthly": 31.0, "yearly": 366.0}
_UNITS = {"s": 86_400.0, "min": 1440.0, "m": 1440.0, "h": 24.0, "d": 1.0, "w": 1 / 7}

Means = Literal["timer", "cron", "cron_job", "pipeline"]


class Job(NamedTuple):
    """When something runs, and what."""

    means: Means
    schedule: str
    every_days: float | None
    command: str


def jobs(file: Path) -> tuple[Job, ...]:
    """Return the jobs that *file* starts, at least one: of a crontab every one.

    Raises:
        NotSeen: It cannot be read, or it is of no kind that is known.

    """
    text = read(file)
    if file.suffix == ".timer":
        return (_timer(file, text),)
    if file.suffix in {".yaml", ".yml"}:
        return (_manifest(file, text),)
    found = tuple(job for line in text.splitlines() if (job := _cron_line(line)))
    if found:
        return found
    raise NotSeen(
        f"{file.name} is no systemd timer, crontab, CronJob or CI workflow",
        hint="name in backups.verification what starts the verification",
    )


def _timer(file: Path, text: str) -> Job:
    """Read a systemd timer and the service that it starts."""
    calendar = re.findall(r"^\s*OnCalendar\s*=\s*(\S.*?)\s*$", text, re.MULTILINE)
    repeated = re.findall(r"^\s*OnUnit\w*Sec\s*=\s*(\S.*?)\s*$", text, re.MULTILINE)
    unit = re.search(r"^\s*Unit\s*=\s*([\w@.-]+)\s*$", text, re.MULTILINE)
    service = read(file.with_name(unit[1] if unit else f"{file.stem}.service"))
    commands = re.findall(r"^\s*ExecStart\s*=\s*(\S.*)$", service, re.MULTILINE)
    known = [*map(_calendar_days, calendar), *map(_span_days, repeated)]
    told = [one for one in known if one is not None]
    schedule = ", ".join([*calendar, *repeated])
    return Job("timer", schedule, min(told, default=None), "; ".join(commands))


def _calendar_days(text: str) -> float | None:
    """Return the longest time between two moments of systemd's OnCalendar, in days.

    >>> _calendar_days("*-*-* 05:30:00"), _calendar_days("Sun 04:00"), _calendar_days("*-*-01")
    (1.0, 7.0, 31.0)
    """
    if text.lower() in _NAMED:
        return _NAMED[text.lower()]
    if days := re.match(r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*[,.\s]*)+", text, re.IGNORECASE):
        rest = _calendar_days(text[days.end() :]) if text[days.end() :].strip() else 1.0
        return WEEK_DAYS if rest == 1.0 else None  # the first Sunday of a month, and the like
    date = re.match(r"(?:\*-)?(?P<month>[*\d,/]+)-(?P<day>[*\d,/.]+)", text)
    if date is None:
        return 1.0 if re.match(r"[*\d,/]+:[*\d,/]+", text) else None
    if date["month"] != "*":
        return None
    return 1.0 if date["day"] == "*" else MONTH_DAYS


def _span_days(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\w*", text)
    return float(found[1]) / _UNITS[found[2]] if found else None


def _cron_line(line: str) -> Job | None:
    """Return the job of a line of a crontab, a user's or the system's."""
    if named := re.match(r"\s*@(\w+)\s+(\S.*)", line):
        return Job("cron", f"@{named[1]}", _NAMED.get(named[1]), named[2])
    found = re.match(r"\s*((?:[\d*,/-]+\s+){3}(?:[\w*,/-]+\s+){2})(\S.*)", line)
    if found is None:
        return None
    schedule = " ".join(found[1].split())
    return Job("cron", schedule, cron_days(schedule), found[2])


def cron_days(schedule: str) -> float | None:
    """Return the longest time between two runs of a cron schedule, in days.

    >>> cron_days("30 5 * * *"), cron_days("0 4 * * 0"), cron_days("0 4 1 * *")
    (1.0, 7.0, 31.0)
    """
    fields = schedule.split()
    if len(fields) != len(("minute", "hour", "day", "month", "weekday")) or fields[3] != "*":
        return None
    if fields[4] != "*":
        return WEEK_DAYS
    return 1.0 if fields[2] == "*" else MONTH_DAYS


def _manifest(file: Path, text: str) -> Job:
    """Read a CronJob of Kubernetes, or a workflow with a schedule.

    Raises:
        NotSeen: It is neither.

    """
    try:
        documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise NotSeen(f"{file} is no valid YAML", hint="correct backups.verification") from error
    for one in documents:
        commands = "; ".join(_words(one))
        if one.get("kind") == "CronJob":
            schedule = next(_values(one, "schedule"), "")
            asleep = any(value == "True" for value in _values(one, "suspend"))
            return Job("cron_job", schedule, None if asleep else cron_days(schedule), commands)
        crons = list(_values(one, "cron"))
        if "jobs" in one or crons:
            days = [found for cron in crons if (found := cron_days(cron))]
            return Job("pipeline", ", ".join(crons), min(days, default=None), commands)
    raise NotSeen(f"{file.name} is no CronJob and no workflow", hint="see backups.verification")


def _values(part: object, key: str) -> Iterator[str]:
    """Yield what *key* holds, however deep."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == key and not isinstance(value, (dict, list)):
                yield str(value)
            yield from _values(value, key)
    elif isinstance(part, list):
        for value in part:
            yield from _values(value, key)


def _words(part: object) -> Iterator[str]:
    """Yield the commands of a manifest: argument lists as one line each, and scripts."""
    if isinstance(part, dict):
        argv = [*_list(part.get("command")), *_list(part.get("args"))]
        if argv:
            yield " ".join(argv)
        if isinstance(part.get("run"), str):
            yield part["run"]
        for value in part.values():
            yield from _words(value)
    elif isinstance(part, list):
        for value in part:
            yield from _words(value)


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
