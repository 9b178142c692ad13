"""What the disks below the service are, how full, and how quickly they take a synced write."""

from typing import Literal

from readiness_kit.facts import Fact, Record

Holds = Literal["data", "wal", "logs", "backups", "wal_archive"]
"""What lies on a volume: the data directory, its WAL, logs, backups, archived WAL."""


class Disk(Record, frozen=True):
    """One disk, as the kernel shows it."""

    name: str
    """Its name, e.g. ``nvme0n1``."""

    rotational: bool | None
    """What ``queue/rotational`` says; ``None`` when it says nothing."""

    virtual: bool
    """Whether a hypervisor made it up, so that it may say anything."""


class Volume(Record, frozen=True):
    """One mounted file system."""

    holds: tuple[Holds, ...]
    """What of the service lies on it."""

    mount: str
    """Where it is mounted."""

    filesystem: str
    """Its type; empty for a volume of another machine."""

    size_bytes: int
    """Its size."""

    available_bytes: int
    """What an ordinary account may still write."""

    used_bytes: int
    """What is in use; what is kept back for root is neither in use nor available."""

    inodes: int
    """Files it can hold; 0 when there is no fixed number."""

    inodes_free: int
    """Files it can still hold."""

    disks: tuple[Disk, ...]
    """Every disk below it; none when they are hidden from this machine."""

    shrinking_bytes_per_day: float | None
    """How fast the free space went down over the last six hours; ``None`` without that history."""

    @property
    def used_share(self) -> float:
        """Share in use as ``df`` prints it, of space or of inodes, whichever is fuller."""
        room = self.used_bytes + self.available_bytes
        space = self.used_bytes / room if room > 0 else 1.0
        files = 1 - self.inodes_free / self.inodes if self.inodes > 0 else 0.0
        return max(space, files)

    @property
    def days_until_full(self) -> float | None:
        """Days until no space is left at that pace; ``None`` without history or growth."""
        pace = self.shrinking_bytes_per_day
        return self.available_bytes / pace if pace is not None and pace > 0 else None


class WalArchive(Record, frozen=True):
    """The folder of archived WAL."""

    size_bytes: int
    """Size of everything in it."""

    last_day_bytes: int | None
    """What came in the last 24 hours; ``None`` when all of it is younger than that."""


class ServiceVolumes(Fact, frozen=True, kw_only=True):
    """The volumes that data, WAL, logs and backups lie on.

    Those of this machine by its own word, the database's on another by that of Prometheus.
    """

    volumes: tuple[Volume, ...]
    """Each volume once."""

    unseen: dict[str, str]
    """What could not be looked at, by what lies there, and why."""

    wal_archive: WalArchive | None
    """The archived WAL; ``None`` when no archive is declared or readable."""

    def holding(self, what: Holds) -> Volume | None:
        """Return the volume that *what* lies on."""
        return next((one for one in self.volumes if what in one.holds), None)


class SyncMethod(Record, frozen=True):
    """One way of writing 8 kB so that it survives a power cut."""

    name: str
    """As ``wal_sync_method`` calls it."""

    mean_ms: float
    """Mean time of one write."""


class SyncSpeed(Fact, frozen=True, kw_only=True):
    """What ``pg_test_fsync`` measured."""

    in_use: str
    """``wal_sync_method`` of the server."""

    methods: tuple[SyncMethod, ...]
    """Every method this machine has."""

    same_volume: bool
    """Whether the scratch file lay on the volume of the data directory."""

    seconds_each: int
    """How long each method was tried."""

    def mean_ms(self) -> float | None:
        """Return the mean of the method in use; ``None`` when it was not measured."""
        return next((one.mean_ms for one in self.methods if one.name == self.in_use), None)
