"""Reads the last lines of every process's log, and searches them for what should not be there."""

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from readiness_kit.errors import NotSeen, TargetError
from readiness_kit.facts.logs.lines import LogFile, LoggedPersonal, LoggedSecret, LogSample
from readiness_kit.probes.api.graphql import Json, ask, bearer, plain_query
from readiness_kit.sources import Visit, source
from readiness_kit.target import LogMeaning, Logs

LINES = 500
"""Lines that are read of each log."""

WANTED_LINES = 60
"""Where the logs hold fewer, requests of our own make up for it, on loopback."""

MOST_SENT = 15
"""Requests that are sent to a service elsewhere."""

ALIASES: dict[LogMeaning, tuple[str, ...]] = {
    "user_id": ("user_id", "user"),
    "endpoint": ("endpoint", "path"),
    "duration": ("duration", "duration_ms", "duration_s"),
    "status": ("status", "status_code"),
    "time": ("time", "timestamp", "ts", "@timestamp"),
    "level": ("level", "severity", "levelname"),
    "request_id": ("request_id", "trace_id", "requestId", "traceId"),
}
"""Names under which each meaning is looked for, unless ``logs.keys`` gives one."""

PATTERNS = {
    "json web token": re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
    "bearer header": re.compile(
        r"[Bb]earer [\w.~+/=-]{12,}|(?i:authorization)\W{1,6}[Bb]asic [\w+/=-]{8,}"
    ),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "password in a URL": re.compile(r"\w+://[^\s/:@\"']*:[^\s/@\"'*]{3,}@"),
    "cloud key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "password": re.compile(
        r"(?i)(?:password|passwd|pwd|secret|api_?key|access_token|refresh_token|authorization)"
        r"\\?[\"']?\s*[=:]\s*\\?[\"']?(?!\*|\[redacted|null|none|true|false|bearer|basic)[^\s\"',;*}]{6,}"
    ),
}
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PERSONAL_KEYS = frozenset(
    {"email", "phone", "ssn", "iban", "date_of_birth", "birth_date", "first_name", "last_name"}
)
PLANTED = {
    "json web token": "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bearer header": '{"authorization": "Bearer abcdefghijklmnop"}',
    "private key": "-----BEGIN PRIVATE KEY-----",
    "password in a URL": "postgresql://app:hunter22@db/shop",
    "cloud key": "AKIAIOSFODNN7EXAMPLE",
    "password": '{"password": "hunter22"}',
}
ARRIVES_S = 10.0
"""How long a line may take to reach the log."""

RECENT = 200
"""Lines whose level and form are looked at."""

_SHORTEST_SECRET = 8
_POLL_S = 0.05
_LEVEL = re.compile(r"[A-Z0-9]{1,12}")
_PLAIN_LEVEL = re.compile(r"\b(DEBUG|TRACE|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b")
_READ_BYTES = 2_000_000


class Tail:
    """Reads what is appended to log files from now on."""

    def __init__(self, logs: Logs) -> None:
        """Remember where each file ends."""
        self._logs = logs
        self._marks: dict[Path, tuple[int, int]] = {}
        for file in logs.application:
            try:
                state = file.stat()
            except OSError:
                continue
            self._marks[file] = (state.st_ino, state.st_size)

    @property
    def readable(self) -> int:
        """How many files there are to read."""
        return len(self._marks)

    @property
    def complete(self) -> bool:
        """Whether every declared file is read, and none was rotated meanwhile."""
        return (
            bool(self._marks)
            and len(self._marks) == len(self._logs.application)
            and all(
                file.stat().st_ino == inode and file.stat().st_size >= size
                for file, (inode, size) in self._marks.items()
                if file.exists()
            )
        )

    def records(self) -> list[str]:
        """Return what was appended; lines of a plain-text trace stay with their first."""
        return [record for file, mark in self._marks.items() for record in _appended(file, mark)]

    def arrived(self) -> dict[Path, int]:
        """Return for each file how many records tell of a request; of plain text, any record."""
        return {
            file: sum(_tells(self._logs, record) for record in _appended(file, mark))
            for file, mark in self._marks.items()
        }

    def requests(self, path: str) -> int | None:
        """Return how many requests to *path* were logged, ``None`` when that cannot be told."""
        lines = [json_object(record) for record in self.records()]
        told = [line for line in lines if line and is_request(line, names(self._logs, line))]
        if not told or not self.complete:
            return None
        endpoints = [str(line.get(names(self._logs, line)["endpoint"], "")) for line in told]
        named = any("/" in one for one in endpoints)
        return sum(one == path for one in endpoints) if named else len(told)


def _appended(file: Path, mark: tuple[int, int]) -> list[str]:
    try:
        with file.open("rb") as stream:
            start = mark[1] if file.stat().st_size >= mark[1] else 0  # else it was rotated
            stream.seek(start)
            text = stream.read(_READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return re.split(r"\n(?=\S)", text.strip("\n")) if text.strip() else []


def _tells(logs: Logs, record: str) -> bool:
    line = json_object(record)
    return line is None or is_request(line, names(logs, line))


def names(logs: Logs, line: Mapping[str, Json]) -> dict[str, str]:
    """Return the key of each meaning: as declared, else the first alias that *line* has."""
    return {
        meaning: logs.keys.get(meaning) or next((one for one in known if one in line), known[0])
        for meaning, known in ALIASES.items()
    }


def is_request(line: Mapping[str, Json], keys: Mapping[str, str]) -> bool:
    """Tell whether *line* speaks of a request: by two of endpoint, duration and status."""
    return sum(keys[meaning] in line for meaning in ("endpoint", "duration", "status")) >= 2


@source(effect="read", asks="up to 60 queries, then reads log files", deadline_s=20)
def log_sample(visit: Visit) -> LogSample:
    """Ask with the token, then read the last lines of every log.

    Raises:
        NotSeen: No log is declared, or none can be read. An empty one is no reason.

    """
    logs = visit.target.logs
    if not logs.application:
        raise NotSeen(
            "readiness.yaml names no application log",
            cause="not_configured",
            hint="add logs.application, the log file of each process",
        )
    have = sum(len(_last_lines(file)[0]) for file in logs.application)
    tail = Tail(logs)
    sent = _send(visit, max(1, len(visit.api.instances), WANTED_LINES - have))
    waited_s = _wait(visit, tail) if sent else 0.0
    arrived = tail.arrived()
    read = {file: _last_lines(file) for file in logs.application}
    if all(reason for _, reason in read.values()):
        reason = next(reason for _, reason in read.values())
        raise NotSeen(f"no application log can be read: {reason}", hint="check logs.application")
    secrets = _known_secrets(visit)
    found = {
        (one.kind, one.fingerprint): one
        for file, (lines, _) in read.items()
        for line in lines
        for one in _secrets(line, file.name, secrets)
    }
    objects = [(json_object(line), line) for lines, _ in read.values() for line in lines]
    requests = [
        line for line, _ in objects if line is not None and is_request(line, names(logs, line))
    ]
    return LogSample(
        files=tuple(_file(logs, file, *one, arrived.get(file, 0)) for file, one in read.items()),
        request_lines=len(requests),
        keys=names(logs, requests[0] if requests else {}),
        missing=_missing(logs, requests),
        sent=sent.total(),
        instances_answered=len(sent) if visit.api.instances else 0,
        waited_s=waited_s,
        secrets_searched=len(secrets),
        secrets=tuple(found.values()),
        personal=_personal(objects, logs.allowed_personal_fields),
        planted={kind: kind in _kinds(text) for kind, text in PLANTED.items()},
        observed_at=datetime.now(UTC),
    )


def _wait(visit: Visit, tail: Tail) -> float:
    """Wait until every log has a line that tells of a request; return how long that took."""
    began = time.monotonic()
    longest_s = min(ARRIVES_S, visit.remaining_s - 1)
    while True:
        waited_s = time.monotonic() - began
        if all(tail.arrived().values()) or waited_s >= longest_s:
            return round(waited_s, 2)
        time.sleep(_POLL_S)


def _send(visit: Visit, wanted: int) -> Counter[str]:
    """Ask with the token *wanted* times, in turn at every instance; count those that answered."""
    urls = visit.api.instances or (visit.api.url,)
    local = all(address.loopback for url in urls for address in visit.addresses(url))
    left = wanted if local else min(wanted, max(MOST_SENT, len(urls)))
    query, headers, answered = plain_query(visit), bearer(visit.token), Counter[str]()
    while left > 0:
        share = min(10, -(-left // len(urls)))
        for url in urls:
            with visit.client(url, headers=headers) as client:
                turn = [ask(client, visit.api.graphql, query) for _ in range(min(left, share))]
            answered[url] += sum(one.answer.answered for one in turn)
            left -= len(turn)
    return +answered


def _last_lines(file: Path) -> tuple[list[str], str]:
    """Return the last lines of *file*, or why it cannot be read."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _READ_BYTES))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return [], f"{file}: {error.strerror}"
    whole = lines[1:] if size > _READ_BYTES else lines
    return [line for line in whole if line.strip()][-LINES:], ""


def json_object(line: str) -> dict[str, Json] | None:
    """Return the JSON object that *line* is, if it is one."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _file(logs: Logs, file: Path, lines: list[str], reason: str, arrived: int) -> LogFile:
    objects = [json_object(line) is not None for line in lines]
    leading = objects.index(True) if True in objects else len(objects)
    recent = lines[-RECENT:]
    return LogFile(
        name=file.name,
        lines=len(lines),
        json_lines=sum(objects),
        leading_plain=leading,
        reason=reason,
        arrived=arrived,
        recent=len(recent),
        recent_json=sum(objects[-RECENT:]),
        levels=dict(Counter(_level(logs, line) for line in recent)),
    )


def _level(logs: Logs, text: str) -> str:
    """Return the level of one line in capitals."""
    line = json_object(text)
    if line is None:
        found = _PLAIN_LEVEL.search(text)
        return found[1] if found else "(none)"
    level = str(line.get(names(logs, line)["level"], "")).upper()
    return level if _LEVEL.fullmatch(level) else "(none)"


def _missing(logs: Logs, requests: list[dict[str, Json]]) -> dict[str, int]:
    missing: Counter[str] = Counter(dict.fromkeys(ALIASES, 0))
    for line in requests:
        for meaning, key in names(logs, line).items():
            missing[meaning] += line.get(key) in (None, "")
    return dict(missing)


def _known_secrets(visit: Visit) -> dict[str, str]:
    """Return secret value to what it is: everything that ``readiness.yaml`` refers to."""
    known: dict[str, str] = {}
    for secret in visit.target.secrets():
        try:
            value = secret.reveal()
        except TargetError:
            continue
        inside = re.findall(r"://[^\s/:@]*:([^\s/@]+)@|password=(\S+)", value)
        for word in (value, *(part for found in inside for part in found)):
            if len(word) >= _SHORTEST_SECRET:
                known[word] = f"secret {secret.reference}"
    return known


def _secrets(line: str, file: str, known: Mapping[str, str]) -> Iterator[LoggedSecret]:
    for value, what in known.items():
        if value in line:
            yield LoggedSecret(kind=what, file=file, fingerprint=_fingerprint(value))
    for kind, match in _matches(line):
        if not any(value in match for value in known):
            yield LoggedSecret(kind=kind, file=file, fingerprint=_fingerprint(match))


def _matches(line: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in PATTERNS.items():
        found = pattern.search(line)
        if found:
            yield kind, found[0]


def _kinds(line: str) -> set[str]:
    return {kind for kind, _ in _matches(line)}


def _fingerprint(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def _personal(
    objects: list[tuple[dict[str, Json] | None, str]], allowed: tuple[str, ...]
) -> tuple[LoggedPersonal, ...]:
    seen: Counter[tuple[str, str]] = Counter()
    for line, text in objects:
        fields = _fields(line) if line is not None else [("(text)", text)]
        seen.update({(key, kind) for key, value in fields if (kind := _is_personal(key, value))})
    return tuple(
        LoggedPersonal(field=key, kind=kind, lines=lines, allowed=key in allowed)
        for (key, kind), lines in sorted(seen.items())
    )


def _is_personal(key: str, value: str) -> str:
    """Return in which way *value* is personal, or nothing."""
    if EMAIL.search(value):
        return "email"
    return "named" if key in PERSONAL_KEYS and value else ""


def _fields(value: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield key and text of every leaf."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _fields(inner, str(name)[:60])
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, key)
    elif isinstance(value, str):
        yield key, value
