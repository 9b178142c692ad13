"""Storage provisioned: room for weeks, solid state, quick synced writes, backups on other disks.

>>> CHECK.shows()
{'space': 'PASS', 'ssd': 'PASS', 'fsync_fast': 'PASS', 'backup_separate': 'PASS'}
>>> CHECK.shows(nearly_full(VOLUMES))["space"], CHECK.shows(slow(SPEED))["fsync_fast"]
('FAIL', 'FAIL')
>>> CHECK.shows(one_disk_for_all(VOLUMES), SAME_MACHINE)["backup_separate"]
'FAIL'
>>> CHECK.shows(disks_hidden(VOLUMES))["ssd"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.database.backup_strategy import FOLDER
from readiness_kit.facts.backups.folder import BackupFolder
from readiness_kit.facts.storage.volumes import Disk, ServiceVolumes, SyncMethod, SyncSpeed, Volume
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

USED, FULL = 0.70, 0.85
"""Share in use up to which there is room, and from which there is none (default)."""

WEEKS, DAYS = 30.0, 4.0
"""Days until full beyond which there is time, and within which there is none (default)."""

QUICK_MS, SLOW_MS = 5.0, 10.0
"""Mean time of a synced write (default); pg_test_fsync prints no percentile."""

GB = 10**9


@judges("space")
def space(fact: ServiceVolumes) -> Iterator[Finding]:
    """The worst volume counts, in space and in inodes, now and as it goes on."""
    this = Case(
        claim="space",
        got="; ".join([_words(one) for one in fact.volumes] or ["no volume was seen"]),
        want=f"at most {USED:.0%} of space and inodes used, and not full within {WEEKS:g} days",
        seen=[fact.at("/volumes"), fact.at("/unseen")],
        reproduce="df -h; df -i",
        grade=Grade.OBSERVED,
    )
    shares = [one.used_share for one in fact.volumes]
    days = [one.days_until_full for one in fact.volumes]
    known = [one for one in days if one is not None]
    if any(share >= FULL for share in shares) or any(one <= DAYS for one in known):
        yield this.fails()
    elif fact.unseen or not shares:
        yield this.not_seen(Cause.COULD_NOT_ASK, *fact.unseen.values())
    elif fact.holding("data") is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "the database's own volume was not seen")
    elif all(share <= USED for share in shares) and all(one > WEEKS for one in known):
        yield this.holds()
    elif all(share < FULL for share in shares) and all(one > DAYS for one in known):
        yield this.holds(f"free or add space before more than {FULL:.0%} is in use")
    else:
        yield this.fails()


def _words(one: Volume) -> str:
    days = one.days_until_full
    trend = "no history" if one.shrinking_bytes_per_day is None else "not filling"
    if days is not None:
        trend = f"full in {days:.0f} days"
    return f"{one.mount} ({', '.join(one.holds)}): {one.used_share:.1%} used, {trend}"


@judges("ssd")
def ssd(fact: ServiceVolumes, speed: SyncSpeed | None) -> Iterator[Finding]:
    """What the kernel says of the disks; of a virtual one that says it rotates, the stopwatch."""
    volume = fact.holding("data")
    below = volume.disks if volume else ()
    rotating = [one for one in below if one.rotational]
    quick = speed is not None and _is_quick(speed)
    this = Case(
        claim="ssd",
        got=", ".join(map(_kind, below)) or "the disks below the data directory were not seen",
        want="no rotating disk below the data directory",
        seen=[fact.at("/volumes")],
        reproduce="cat /sys/block/*/queue/rotational; lsblk -s -o NAME,ROTA,MODEL",
        grade=Grade.OBSERVED,
    )
    if any(not one.virtual for one in rotating):
        yield this.fails()
    elif not below or any(one.rotational is None for one in below):
        yield this.not_seen(Cause.COULD_NOT_ASK, "run the kit where the data lies")
    elif not rotating:
        yield this.holds()
    elif quick and speed is not None:
        timed = f"{this.got}, yet a synced write takes {speed.mean_ms():.2f} ms"
        yield _case_again(this, timed, fact, speed).holds()
    else:
        yield this.not_seen(
            Cause.UNPROVEN, "a virtual disk may say so of any storage: fsync_fast would tell"
        )


def _case_again(this: Case, got: str, fact: ServiceVolumes, speed: SyncSpeed) -> Case:
    return Case(
        claim=this.claim,
        got=got,
        want=this.want,
        seen=[fact.at("/volumes"), speed.at("/methods")],
        reproduce=this.reproduce,
        grade=Grade.MEASURED,
    )


def _kind(disk: Disk) -> str:
    says = {True: "rotating", False: "not rotating", None: "does not say"}[disk.rotational]
    return f"{disk.name}{' (virtual)' if disk.virtual else ''}: {says}"


def _is_quick(speed: SyncSpeed) -> bool:
    mean_ms = speed.mean_ms()
    return speed.same_volume and mean_ms is not None and 0 < mean_ms <= QUICK_MS


@judges("fsync_fast")
def fsync_fast(speed: SyncSpeed) -> Iterator[Finding]:
    """The mean of the method that the server uses."""
    mean_ms = speed.mean_ms()
    this = Case(
        claim="fsync_fast",
        got=f"{speed.in_use}: "
        + ("not measured" if mean_ms is None else f"{mean_ms:.2f} ms on average"),
        want=f"at most {QUICK_MS:g} ms on average for 8 kB",
        seen=[speed.at("/methods"), speed.at("/in_use"), speed.at("/same_volume")],
        reproduce=f"pg_test_fsync -s {speed.seconds_each} -f SCRATCH_FILE_BESIDE_THE_DATA",
    )
    if not speed.same_volume:
        yield this.not_seen(Cause.UNPROVEN, "database.scratch lies on another volume than the data")
    elif mean_ms is None or not mean_ms > 0:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif mean_ms <= QUICK_MS:
        yield this.holds()
    elif mean_ms <= SLOW_MS:
        yield this.holds("every commit waits for it: use quicker storage, or batch the writes")
    else:
        yield this.fails()


@judges("backup_separate")
def backup_separate(folder: BackupFolder, fact: ServiceVolumes | None) -> Iterator[Finding]:
    """What breaks the data's disk leaves the backups whole."""
    data = fact.holding("data") if fact else None
    backups = fact.holding("backups") if fact else None
    both = data is not None and backups is not None and bool(data.disks and backups.disks)
    ours = {disk.name for disk in data.disks} if data else set()
    theirs = {disk.name for disk in backups.disks} if backups else set()
    on = f"; data on {', '.join(sorted(ours))}; backups on {', '.join(sorted(theirs))}"
    this = Case(
        claim="backup_separate",
        got=f"{folder.directory}: {folder.place.replace('_', ' ')}{on if both else ''}",
        want="another host, account or region; another disk at least",
        seen=[folder.at("/place"), *([fact.at("/volumes")] if fact else [])],
        reproduce=folder.listed_by or f"findmnt -T '{folder.directory}'; lsblk -s",
        grade=Grade.OBSERVED,
    )
    shared = data is not None and data is backups
    if folder.place == "inside_data_directory":
        yield this.fails()
    elif folder.place == "not_known" or not folder.backups:
        yield this.not_seen(Cause.COULD_NOT_ASK, folder.place_detail or "no backup is there")
    elif folder.place == "elsewhere":
        yield this.holds()
    elif shared or ours & theirs:
        yield this.fails("one disk that breaks takes data and backups")
    elif both:
        yield this.holds("one machine that burns takes both: keep a copy on another host or region")
    else:
        yield this.not_seen(Cause.COULD_NOT_ASK, "the disks of data and backups were not seen")


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VOLUMES = ServiceVolumes(
    observed_at=_NOON,
    volumes=(
        Volume(
            holds=("data", "wal"),
            mount="/var/lib/postgresql",
            filesystem="ext4",
            size_bytes=500 * GB,
            available_bytes=375 * GB,
            used_bytes=100 * GB,
            inodes=30_000_000,
            inodes_free=29_000_000,
            disks=(Disk(name="nvme0n1", rotational=False, virtual=False),),
            shrinking_bytes_per_day=0.5 * GB,
        ),
        Volume(
            holds=("backups", "wal_archive", "logs"),
            mount="/backup",
            filesystem="xfs",
            size_bytes=4000 * GB,
            available_bytes=3000 * GB,
            used_bytes=1000 * GB,
            inodes=0,
            inodes_free=0,
            disks=(Disk(name="sdb", rotational=True, virtual=False),),
            shrinking_bytes_per_day=None,
        ),
    ),
    unseen={},
    wal_archive=None,
)
SPEED = SyncSpeed(
    observed_at=_NOON,
    in_use="fdatasync",
    methods=(
        SyncMethod(name="open_datasync", mean_ms=0.9),
        SyncMethod(name="fdatasync", mean_ms=0.8),
    ),
    same_volume=True,
    seconds_each=2,
)
SAME_MACHINE = FOLDER
ELSEWHERE = FOLDER.replace(
    place="elsewhere", place_detail="nfs4 share", filesystem="nfs4", mounted_from="nas:/backup"
)


def nearly_full(fact: ServiceVolumes) -> ServiceVolumes:
    """Fill every volume to nine tenths."""
    return fact.replace(
        volumes=tuple(
            replace(
                one,
                available_bytes=min(one.available_bytes, max(one.used_bytes, 0) // 9),
            )
            for one in fact.volumes
        )
    )


def out_of_inodes(fact: ServiceVolumes) -> ServiceVolumes:
    """Leave no file to be made on the volume of the data."""
    return fact.replace(
        volumes=tuple(replace(one, inodes=10_000, inodes_free=0) for one in fact.volumes)
    )


def filling(fact: ServiceVolumes) -> ServiceVolumes:
    """Let every volume be full within two days."""
    return fact.replace(
        volumes=tuple(
            replace(one, shrinking_bytes_per_day=max(one.available_bytes, 1) / 2)
            for one in fact.volumes
        )
    )


def disks_hidden(fact: ServiceVolumes) -> ServiceVolumes:
    """Hide the disks from this machine."""
    return fact.replace(volumes=tuple(replace(one, disks=()) for one in fact.volumes))


def spinning(fact: ServiceVolumes) -> ServiceVolumes:
    """Put everything on one rotating disk of a physical machine."""
    disk = Disk(name="sda", rotational=True, virtual=False)
    return fact.replace(volumes=tuple(replace(one, disks=(disk,)) for one in fact.volumes))


def one_disk_for_all(fact: ServiceVolumes) -> ServiceVolumes:
    """Put everything on one disk."""
    disk = Disk(name="vda", rotational=True, virtual=True)
    return fact.replace(volumes=tuple(replace(one, disks=(disk,)) for one in fact.volumes))


def slow(speed: SyncSpeed) -> SyncSpeed:
    """Let every synced write take ten times as long, 12 ms at least."""
    return speed.replace(
        methods=tuple(replace(one, mean_ms=max(one.mean_ms * 10, 12.0)) for one in speed.methods)
    )


def measured_elsewhere(speed: SyncSpeed) -> SyncSpeed:
    """Write the scratch file to another volume."""
    return speed.replace(same_volume=False)


def inside_the_data(folder: BackupFolder) -> BackupFolder:
    """Keep the backups inside the data directory."""
    return folder.replace(place="inside_data_directory")


CHECK = Check(
    (space, ssd, fsync_fast, backup_separate),
    remedy="Give each volume room for the next month, keep PostgreSQL on solid state storage whose "
    "synced write takes under 5 ms, and write backups to another host, account or region.",
    references=(
        "PostgreSQL manual, 28.1, Reliability; pg_test_fsync",
        "Linux kernel, Block queue sysfs files: rotational",
        "NIST SP 800-34 rev. 1, 3.4.1: backups offsite",
    ),
    good=(VOLUMES, SPEED, ELSEWHERE),
    worsen=(
        nearly_full,
        out_of_inodes,
        filling,
        disks_hidden,
        spinning,
        slow,
        measured_elsewhere,
        inside_the_data,
    ),
    thresholds={
        "space": "70 % and 85 % of space and inodes, full in 30 and 4 days (default)",
        "ssd": "queue/rotational 0; a virtual disk that says 1 needs fsync_fast to hold",
        "fsync_fast": "mean 5 ms, 10 ms at most (default); pg_test_fsync prints no percentile",
        "backup_separate": "another host, account or region; another disk at least",
    },
)
