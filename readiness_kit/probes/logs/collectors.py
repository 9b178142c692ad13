"""How journald and Docker bound what they collect from the output of a service."""

import re

import msgspec

from readiness_kit.errors import NotSeen

UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
JOURNAL_SHARE, JOURNAL_MOST_BYTES = 0.1, 4 * 1024**3
"""journald.conf(5): a tenth of the file system, at most 4 GB, where nothing is set."""

LOCAL_DEFAULTS = ("20m", "5")
"""Size and number of files of Docker's driver ``local``; its ``json-file`` is unbounded."""


class _Daemon(msgspec.Struct, frozen=True, rename="kebab"):
    log_driver: str = "json-file"
    log_opts: dict[str, str] = msgspec.field(default_factory=dict)


def journal_bound(text: str, volume_bytes: int) -> tuple[str, int | None]:
    r"""Return the rule of ``journald.conf`` in words, and the bound of the journal in bytes.

    >>> journal_bound("[Journal]\nSystemMaxUse=500M", 10**12)
    ('SystemMaxUse=500M', 524288000)
    """
    found = dict(re.findall(r"^[ \t]*(\w+)[ \t]*=[ \t]*(\S*)", text, re.MULTILINE))
    key = "RuntimeMaxUse" if found.get("Storage") == "volatile" else "SystemMaxUse"
    if found.get(key):
        return f"{key}={found[key]}", size_bytes(found[key])
    default = min(int(JOURNAL_SHARE * volume_bytes), JOURNAL_MOST_BYTES)
    return f"{key} left at its default", default or None


def docker_bound(text: str) -> tuple[str, int | None]:
    """Return the rule of ``daemon.json`` in words, and the bound of one container's log in bytes.

    Raises:
        NotSeen: It is no such file, or another driver sends the logs elsewhere.

    >>> docker_bound('{"log-opts": {"max-size": "10m", "max-file": "3"}}')
    ('json-file 10m x 3', 31457280)
    """
    try:
        daemon = msgspec.json.decode(text or "{}", type=_Daemon)
    except msgspec.MsgspecError as error:
        raise NotSeen(f"logs.docker is no daemon.json: {error}"[:200]) from error
    if daemon.log_driver not in {"json-file", "local"}:
        raise NotSeen(
            f"Docker's log driver {daemon.log_driver} keeps no files of its own",
            hint="declare what it sends the logs to",
        )
    size, files = LOCAL_DEFAULTS if daemon.log_driver == "local" else ("-1", "1")
    size, files = daemon.log_opts.get("max-size", size), daemon.log_opts.get("max-file", files)
    each = size_bytes(size)
    most = each * int(files) if each is not None and files.isdecimal() else None
    return f"{daemon.log_driver} {size} x {files}", most


def size_bytes(text: str) -> int | None:
    """Return a size with a unit of 1024 in bytes; None where it is none."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b?", text.lower())
    return int(found[1]) * UNITS[found[2]] if found else None
