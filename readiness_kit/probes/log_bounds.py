"""Puts every log file beside the rule that bounds it, and the room it has."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from readiness_kit.errors import NotSeen
from readiness_kit.facts.log_bounds import LogBound, LogBounds
from readiness_kit.probes.logrotate import Rule, rules
from readiness_kit.sources import Visit, source
from readiness_kit.target import HandlerRotation

How = Literal["", "handler", "logrotate"]


@source(effect="read", asks="no request: reads sizes of logs and the rules of logrotate")
def log_bounds(visit: Visit) -> LogBounds:
    """Return what bounds each declared log file.

    Raises:
        NotSeen: No log is declared, or a rule cannot be read.

    """
    logs = visit.target.logs
    if not logs.application:
        raise NotSeen(
            "readiness.yaml names no application log",
            cause="not_configured",
            hint="add logs.application, and logs.rotation or logs.logrotate",
        )
    read = [rule for file in logs.logrotate for rule in rules(file)]
    return LogBounds(
        declared=logs.rotation is not None or bool(logs.logrotate),
        rules_read=len(read),
        bounds=tuple(_bound(file, logs.rotation, read) for file in logs.application),
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
