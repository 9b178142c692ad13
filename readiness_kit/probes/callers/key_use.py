"""Call the service once with a canary key, and wait for the record in the audit log."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from readiness_kit.errors import NotSeen
from readiness_kit.facts.callers.api_keys import KeyUse
from readiness_kit.probes.api.graphql import Json, bearer, plain_query, read_body
from readiness_kit.probes.api.http import ERROR
from readiness_kit.probes.errors.provoked import request_id
from readiness_kit.probes.logs.lines import ALIASES, Tail, json_object
from readiness_kit.sources import Visit, source
from readiness_kit.target import ApiKeys, LogMeaning, Logs

POLL_S = 0.1
ACTIONS = ("action", "operation", "event", "method", "endpoint", "path", "message")
"""Keys that say what was done."""

MARKS = ("logger", "event", "message", "type", "kind", "category", "channel", "stream")
"""Keys by which a line says that it is of the audit."""


class Record(NamedTuple):
    """One line that names the key."""

    told_by: Literal["request_id", "time"]
    lacks: tuple[str, ...]


@source(
    effect="canary", asks="1 request with a canary key, then reads the audit log", deadline_s=75
)
def key_use(visit: Visit) -> KeyUse:
    """Ask once with the key, and look for its owner in what the log says from then on.

    Raises:
        NotSeen: No key or no log is declared, or the log cannot be read.

    """
    keys = visit.target.api_keys
    if keys.canary is None or not keys.canary_id:
        raise NotSeen(
            "readiness.yaml names no canary key",
            cause="not_configured",
            hint="add api_keys.canary, and api_keys.canary_id: what the audit log calls its owner",
        )
    files = keys.audit_log or visit.target.logs.application
    if not files:
        raise NotSeen(
            "readiness.yaml names no audit log",
            cause="not_configured",
            hint="add api_keys.audit_log, or logs.application",
        )
    tail = Tail(msgspec.structs.replace(visit.target.logs, application=files))
    if not tail.readable:
        raise NotSeen(f"no audit log can be read: {files[0]}", hint="give the kit's user access")
    status, answered, reference = _ask(visit, keys)
    began = time.monotonic()
    record = _await(visit, tail, keys, reference)
    after_s = round(time.monotonic() - began, 3)
    return KeyUse(
        key_id=keys.canary_id,
        status=status,
        answered=answered,
        logs=len(files),
        readable=tail.readable,
        record="none" if record is None else "partial" if record.lacks else "whole",
        told_by=record.told_by if record else "",
        lacks=record.lacks if record else (),
        after_s=after_s if record else None,
        waited_s=keys.audit_within_s,
        observed_at=datetime.now(UTC),
    )


def _ask(visit: Visit, keys: ApiKeys) -> tuple[int | None, bool, str]:
    """Return status, whether data came back, and the id that the answer carries."""
    assert keys.canary is not None  # noqa: S101 - seen to by the caller
    query = plain_query(visit)
    headers = {keys.header: keys.canary.reveal()}
    if keys.header.lower() == "authorization":
        headers = bearer(keys.canary)
    try:
        with visit.client(visit.api.url, headers=headers) as client:
            answer = client.post(visit.api.graphql, json={"query": query})
            data, errors, _ = read_body(answer.content)
    except ERROR:
        return None, False, ""
    whole = answer.is_success and not errors and any(one is not None for one in data.values())
    return answer.status_code, whole, request_id(answer)


def _await(visit: Visit, tail: Tail, keys: ApiKeys, reference: str) -> Record | None:
    until = time.monotonic() + keys.audit_within_s
    own_files = bool(keys.audit_log)
    while True:
        lines = [one for record in tail.records() if (one := json_object(record)) is not None]
        logged = any(reference in _leaves(one) for one in lines)  # a proxy may give another id
        audit = [one for one in lines if own_files or is_audit(one)]
        record = find(audit, keys.canary_id, reference if logged else "", visit.target.logs)
        enough = record is not None and not record.lacks
        if enough or time.monotonic() >= until or visit.remaining_s < 1:
            return record
        time.sleep(POLL_S)


def is_audit(line: Mapping[str, Json]) -> bool:
    """Tell whether a line of a log that holds others, too, says that it is of the audit.

    >>> is_audit({"logger": "shop.audit", "actor": "7"}), is_audit({"logger": "shop.request"})
    (True, False)
    """
    return any("audit" in str(line.get(key, "")).lower() for key in MARKS)


def find(
    lines: Iterable[Mapping[str, Json]], key_id: str, reference: str, logs: Logs
) -> Record | None:
    """Return the best record of *key_id*; with a *reference*, only those of that request."""
    named = [one for one in lines if key_id in _leaves(dict(one))]
    if reference:
        named = [one for one in named if reference in _leaves(dict(one))]
    told_by: Literal["request_id", "time"] = "request_id" if reference else "time"
    found = [Record(told_by, tuple(_lacks(one, logs))) for one in named]
    return min(found, key=lambda one: len(one.lacks), default=None)


def _lacks(line: Mapping[str, Json], logs: Logs) -> list[str]:
    lacks = [] if _value(line, "time", logs) else ["time"]
    return lacks if any(line.get(key) for key in ACTIONS) else [*lacks, "action"]


def _value(line: Mapping[str, Json], meaning: LogMeaning, logs: Logs) -> Json:
    names = [logs.keys[meaning]] if meaning in logs.keys else ALIASES[meaning]
    return next((line[name] for name in names if line.get(name)), None)


def _leaves(node: Json, depth: int = 0) -> set[str]:
    if depth > 20:
        return set()
    if isinstance(node, dict):
        return set().union(*(_leaves(one, depth + 1) for one in node.values()))
    if isinstance(node, list):
        return set().union(*(_leaves(one, depth + 1) for one in node))
    return {str(node)}
