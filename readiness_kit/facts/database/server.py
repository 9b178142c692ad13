"""PostgreSQL itself: version, role and size, and its settings."""

import math
from datetime import datetime

from readiness_kit.facts import Fact, Record


class Release(Record, frozen=True):
    """What the shipped table says of one major version (postgresql.org/support/versioning)."""

    major: int
    """Major version, e.g. 17."""

    latest_minor: int
    """Newest minor release when the table was made."""

    end_of_life: datetime
    """Day of the last minor release, 00:00 UTC."""

    table_as_of: datetime
    """Day the table was made, 00:00 UTC."""


class PostgresServer(Fact, frozen=True, kw_only=True):
    """Who answers at the DSN, and where it runs."""

    version_num: int
    """``server_version_num``, e.g. 170010 for 17.10."""

    release: Release | None
    """Row of the shipped table for this major version; ``None`` when the table has none."""

    role: str
    """Role the probe connected as."""

    superuser: bool
    """Whether that role is a superuser, which is more than the probe needs."""

    in_recovery: bool
    """Whether the server is a standby."""

    database_bytes: int | None
    """``pg_database_size`` of the database; ``None`` when the role may not ask."""

    data_directory: str | None
    """Path of the data directory on the server's machine; ``None`` when the role may not ask."""

    hosts: tuple[str, ...]
    """Hosts named by the DSN."""

    same_machine: bool
    """Whether our own backend was found among the processes of this machine."""

    memory_bytes: int | None
    """Memory of the server's machine or its cgroup limit, the smaller; ``None`` when not seen."""


class Setting(Record, frozen=True):
    """One row of ``pg_settings``."""

    value: str
    """``setting``, in *unit*."""

    unit: str | None
    """Unit of *value*: ``8kB``, ``kB``, ``MB``, ``ms``, ``s`` …"""

    source: str
    """Where the value comes from: ``default``, ``configuration file``, ``override`` …"""

    pending_restart: bool
    """Whether the files say something else, which a restart would apply."""


_UNIT_BYTES = {"B": 1, "kB": 1024, "8kB": 8192, "16kB": 16384, "MB": 1024**2, "GB": 1024**3}


class PostgresSettings(Fact, frozen=True, kw_only=True):
    """Settings in force on the primary, and how the server has fared with them."""

    version_num: int
    """``server_version_num``."""

    settings: dict[str, Setting]
    """The settings asked for, by name; one the server does not know is absent."""

    pending_restart: tuple[str, ...]
    """Names of all settings that wait for a restart."""

    client_backends: tuple[int, ...]
    """Client connections in use, one count per sample; none when the role may not see them."""

    checkpoints_timed: int | None
    """Checkpoints begun because it was time, since the statistics were reset."""

    checkpoints_requested: int | None
    """Checkpoints begun early, mostly because ``max_wal_size`` was reached."""

    def number(self, name: str) -> float | None:
        """Return the setting as a number in its own unit; ``None`` when absent or no number."""
        row = self.settings.get(name)
        try:
            number = float(row.value) if row else math.nan
        except ValueError:
            number = math.nan
        return number if math.isfinite(number) else None

    def size_bytes(self, name: str) -> int | None:
        """Return the setting in bytes; ``None`` when absent or without a unit of memory."""
        row, number = self.settings.get(name), self.number(name)
        factor = _UNIT_BYTES.get(row.unit or "") if row else None
        if number is None or factor is None or not abs(number) < 1e15:
            return None
        return int(number * factor)
