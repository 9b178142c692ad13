"""Restores out of a repository of pgBackRest, by its own program, into the scratch folder alone.

What the configuration says of restores is meant for the target, so every option that says where
something goes is given anew. The scratch server never sees the configuration, and with it the keys
of the repository: what it restores is foreign, and may run code. Its WAL is fetched beforehand, by
the ``archive-get`` that would be its ``restore_command``.
"""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from readiness_kit.drills.archived import NAME, TIMELINE
from readiness_kit.drills.copies import Copy
from readiness_kit.drills.scratch import own_all
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.probes.backups.pgbackrest import Answer, Kept, Stored, Tool
from readiness_kit.probes.database.wal_names import is_called
from readiness_kit.servers.postgres import Postgres
from readiness_kit.sources import Visit

JOBS = 4
"""Programs at once, and processes of each restore."""

DAMAGE = {26: "checksum", 28: "file", 29: "format", 55: "missing file", 95: "cipher"}
"""Errors of pgBackRest that tell of what it read (src/build/error/error.yaml); all others tell of
options, access, locks or versions."""

POLL_S = 1.0

_CODE = re.compile(r"ERROR: \[0*(\d+)\]")


def restore(postgres: Postgres, tool: Tool, label: str, cluster: Copy) -> None:
    """Restore the backup *label* as the data directory of *cluster*.

    Raises:
        NotSeen: pgBackRest would not do it.
        ServerError: The backup is damaged.

    """
    data, spaces = postgres.folder(cluster.name), postgres.folder(f"{cluster.name}-tablespaces")
    answer = tool.run(
        "restore",
        *_apart(postgres, data),
        f"--spool-path={postgres.folder('spool')}",  # read by it, and else of its own account
        f"--set={label}",
        "--type=default",
        "--target-timeline=latest",
        "--archive-mode=off",
        "--no-delta",
        "--no-link-all",
        "--reset-link-map",
        "--reset-tablespace-map",
        f"--tablespace-map-all={spaces}",
        "--reset-db-include",
        "--reset-recovery-option",
        f"--process-max={JOBS}",
    )
    _demand("restore", answer)
    for folder in (data, spaces):
        own_all(postgres.account, folder)


def fetch(visit: Visit, postgres: Postgres, tool: Tool, cluster: Copy, since: str) -> Path:
    """Bring the archived WAL from the segment *since* on; return the folder.

    Raises:
        NotSeen: It cannot be had.
        ServerError: A segment is damaged.

    """
    folder = postgres.folder("wal")
    more = (*_apart(postgres, cluster.data), "--no-archive-async")

    def get(name: str) -> None:
        _ = visit.remaining_s
        _demand(f"archive-get {name}", tool.run("archive-get", *more, name, folder / name))

    with ThreadPoolExecutor(JOBS) as pool:
        for _ in pool.map(get, needed(tool.archived(), since)):
            pass
    own_all(postgres.account, folder)
    return folder


def needed(files: tuple[Stored, ...], since: str) -> tuple[str, ...]:
    """Return the names of the segments from *since* on, of any timeline, and of all histories."""
    names = (found[1] for one in files if (found := NAME.fullmatch(one.name)))
    wanted = (one for one in names if ".history" in one or one[TIMELINE:] >= since[TIMELINE:])
    return tuple(dict.fromkeys(wanted))


def first_segment(kept: Kept) -> str:
    """Return the name of the segment that the recovery of *kept* begins with.

    Raises:
        NotSeen: It is not told.

    """
    if kept.archive.start is None:
        raise NotSeen(f"pgBackRest does not say which WAL {kept.label} needs")
    return kept.archive.start


def await_archived(visit: Visit, tool: Tool, segment: str, timeout_s: float) -> float | None:
    """Wait until the repository holds *segment*; return the seconds it took, or ``None``."""
    began = time.monotonic()
    while time.monotonic() - began < min(timeout_s, visit.remaining_s):
        if any(is_called(one.name, segment) for one in tool.archived()):
            return round(time.monotonic() - began, 3)
        time.sleep(POLL_S)
    return None


def _apart(postgres: Postgres, data: Path) -> Iterator[str]:
    """Yield the options that keep a command away from the target."""
    yield f"--pg1-path={data}"
    yield "--reset-pg1-host"
    yield f"--lock-path={postgres.folder('lock')}"


def _demand(what: str, answer: Answer) -> None:
    if not answer.status:
        return
    code = _CODE.search(answer.said)
    said = f"pgbackrest {what}: {answer.said or f'exit status {answer.status}'}"
    if code and int(code[1]) in DAMAGE:
        raise ServerError(said)
    raise NotSeen(said, hint="check backups.pgbackrest, its version, and its access")
