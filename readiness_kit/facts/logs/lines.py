"""What the service writes into its logs: form, keys, and what should not be there."""

import msgspec

from readiness_kit.facts import Fact, Record


class LogFile(Record, frozen=True, kw_only=True):
    """The last lines of one process's log."""

    name: str
    """Name of the file."""

    lines: int
    """Lines that were read, 500 at most."""

    json_lines: int
    """How many of them are JSON objects."""

    leading_plain: int
    """How many of the others stand before the first JSON object: start-up lines."""

    reason: str = ""
    """Why the file could not be read."""

    arrived: int = 0
    """Lines that came after requests of our own and tell of a request; of plain text, any line."""

    recent: int = 0
    """The very last lines, 200 at most."""

    recent_json: int = 0
    """How many of those are JSON objects."""

    levels: dict[str, int] = msgspec.field(default_factory=dict)
    """Level to number of those, in capitals; ``(none)`` where a line has none."""


class LoggedSecret(Record, frozen=True, kw_only=True):
    """One secret in the log; only its fingerprint is kept."""

    kind: str
    """What it is, or which kind of pattern matched."""

    file: str
    """Name of the log file."""

    fingerprint: str
    """First 12 digits of its SHA-256."""


class LoggedPersonal(Record, frozen=True, kw_only=True):
    """Personal data under one key of the log."""

    field: str
    """Key it stands under; ``(text)`` in lines that are not JSON."""

    kind: str
    """``email``, or ``named`` where the key itself says that it is personal."""

    lines: int
    """Lines that hold it."""

    allowed: bool
    """Whether the target declares the key as one that may."""


class LogSample(Fact, frozen=True, kw_only=True):
    """The last 500 lines of every process, after requests of our own."""

    files: tuple[LogFile, ...]
    """One per process."""

    request_lines: int
    """JSON lines that tell of a request: two of endpoint, duration and status."""

    keys: dict[str, str]
    """Name that was looked for, for each meaning."""

    missing: dict[str, int]
    """For each meaning, how many request lines lack it or leave it empty."""

    sent: int
    """Requests of our own that carried the token and were answered just before."""

    secrets_searched: int
    """Known secrets that were searched by value, the token among them."""

    secrets: tuple[LoggedSecret, ...]
    """Secrets that were found."""

    personal: tuple[LoggedPersonal, ...]
    """Personal data that was found."""

    planted: dict[str, bool]
    """Positive control: for each kind, whether a planted one is recognised."""

    instances_answered: int = 0
    """Instances that answered a request of our own; 0 where only the balancer could be asked."""

    waited_s: float = 0.0
    """How long the logs were watched for a line from each process."""
