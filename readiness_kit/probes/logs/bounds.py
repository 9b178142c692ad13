"""Puts every log file beside the rule that bounds it, and the room it has."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from readiness_kit.errors import NotSeen
from readiness_kit.facts.logs.bounds import LogBound, LogBounds
from readiness_kit.probes.logs.collectors import docker_bound, journal_bound
from readiness_kit.probes.logs.logrotate import SIZE_CAP_BYTES, Rule, rules
from readiness_kit.sources import Visit, source
from readiness_kit.target import HandlerRotation, Logs

How = Literal["", "handler", "logrotate"]


class Volume(NamedTuple):
    """Where collected logs lie."""

    name: str
    size_bytes: int
    free_bytes: int
    reason: str
    """Why it was not seen."""


@source(effect="read", asks="no request: reads sizes of logs and the rules of logrotate")
def log_bounds(visit: Visit) -> LogBounds:
    """Return what bounds each declared log file.

    Raises:
        NotSeen: No log is declared, or a rule cannot be read.

    """
    logs = visit.target.logs
    collected = [*_journal(logs), *_containers(logs, len(visit.api.instances) or 1)]
    if not logs.application and not collected:
        raise NotSeen(
            "readiness.yaml names no application log",
            cause="not_configured",
            hint="add logs.application with logs.rotation or logs.logrotate; else logs.journald "
            "or logs.docker with logs.stored",
        )
    read = [rule for file in logs.logrotate for rule in rules(file)]
    return LogBounds(
        declared=bool(logs.rotation or logs.logrotate or collected),
        rules_read=len(read),
        bounds=(*(_bound(file, logs.rotation, read) for file in logs.application), *collected),
        observed_at=datetime.now(UTC),
    )


def _bound(file: Path, handler: HandlerRotation | None, read: Sequence[Rule]) -> LogBound:
    live = taken = free = 0
    volume, reason = "", ""
    try:
        state = file.stat()
        live, volume = state.st_size, str(state.st_dev)
        taken = sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*"))
        free = shutil.disk_usage(file.parent).free
    except OSError as error:
        reason = f"{file}: {error.strerror}"
    how, rule, most = _ruled(file, handler, read)
    return LogBound(
        name=file.name,
        how=how,
        rule=rule,
        bound_bytes=most,
        starts_anew_bytes=handler.max_bytes if handler and how == "handler" else None,
        live_bytes=live,
        taken_bytes=taken,
        volume=volume,
        free_bytes=free,
        reason=reason,
    )


def _journal(logs: Logs) -> Iterator[LogBound]:
    if logs.journald:
        volume = _volume(logs.stored)
        rule, most = journal_bound(_text(logs.journald), volume.size_bytes)
        yield _collected(logs.journald, "journald", rule, most, volume)


def _containers(logs: Logs, containers: int) -> Iterator[LogBound]:
    if logs.docker:
        rule, most = docker_bound(_text(logs.docker))
        most = None if most is None else most * containers
        words = f"{rule} x {containers} containers"
        yield _collected(logs.docker, "docker", words, most, _volume(logs.stored))


def _collected(
    file: Path, how: Literal["journald", "docker"], rule: str, most: int | None, volume: Volume
) -> LogBound:
    return LogBound(
        name=file.name,
        how=how,
        rule=rule,
        bound_bytes=most,
        starts_anew_bytes=None,
        live_bytes=0,
        taken_bytes=0,
        volume=volume.name,
        free_bytes=volume.free_bytes,
        reason=volume.reason,
    )


def _volume(folder: Path | None) -> Volume:
    if folder is None:
        return Volume("", 0, 0, "logs.stored does not say where they lie")
    try:
        usage = shutil.disk_usage(folder)
        return Volume(str(folder.stat().st_dev), usage.total, usage.free, "")
    except OSError as error:
        return Volume("", 0, 0, f"{folder}: {error.strerror}")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(SIZE_CAP_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise NotSeen(
            f"{file} cannot be read: {error.strerror}", hint="correct logs.journald, logs.docker"
        ) from error


def _ruled(
    file: Path, handler: HandlerRotation | None, read: Sequence[Rule]
) -> tuple[How, str, int | None]:
    """Return what rotates *file*, in words, and its bound: the handler's own before logrotate's."""
    if handler and handler.max_bytes > 0 and handler.backups > 0:
        words = f"{handler.max_bytes} bytes x ({handler.backups} + 1)"
        return "handler", words, handler.max_bytes * (handler.backups + 1)
    rule = next((one for one in read if one.covers(file)), None)
    if rule is not None:
        return "logrotate", str(rule), rule.bound_bytes
    return "", "a handler that never starts a new file" if handler else "no rule", None
