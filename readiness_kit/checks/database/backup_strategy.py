"""Backup strategy: last night's backup is there, marked, of a plausible size, and not alone.

>>> CHECK.shows()
{'recent': 'PASS', 'size_plausible': 'PASS', 'other_failure_domain': 'WARN'}
>>> CHECK.shows(two_days_old(FOLDER))["recent"], CHECK.shows(half_a_dump(FOLDER))["size_plausible"]
('FAIL', 'FAIL')
>>> CHECK.shows(FOLDER.replace(place="elsewhere"))["other_failure_domain"]
'PASS'
>>> CHECK.shows(FOLDER.replace(place="not_known"))["other_failure_domain"]
'UNKNOWN'
>>> CHECK.shows(frozen(FOLDER))["recent"], CHECK.shows(not_listed_to_the_end(FOLDER))["recent"]
('UNKNOWN', 'UNKNOWN')
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from msgspec.structs import replace

from readiness_kit.facts.backups.folder import Backup, BackupFolder
from readiness_kit.facts.database.server import PostgresServer
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

NEWEST = timedelta(hours=26)
"""A day, and two hours of grace (default)."""

AHEAD = timedelta(minutes=5)
"""How far a clock may be ahead before its times are not believed (default)."""

PREDECESSORS, FEWEST = 7, 3
"""Backups that make the usual size, and how many there must be."""

USUAL_SHARE = (0.5, 2.0)
DATABASE_SHARE = (0.05, 2.0)
"""Of the median of the predecessors, else of the database's size (default)."""

LEAST_SHARE, EMPTY_BYTES = 0.005, 64 * 1024**2
"""Share of a database beyond its catalogues that is left by the best compression (default)."""

TOO_MANY = "more lies there than was listed: give the backups a prefix of their own"


def case(folder: BackupFolder, claim: str, got: str, want: str, *paths: str) -> Case:
    """Return the case of *claim*, seen at *paths*."""
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[folder.at(path) for path in paths],
        reproduce=folder.reproduce(),
        grade=Grade.OBSERVED,
    )


@judges("recent")
def recent(folder: BackupFolder) -> Iterator[Finding]:
    """A backup that says it succeeded is about a day old at most."""
    newest = max(folder.backups, key=lambda one: one.made_at, default=None)
    marked = [one for one in folder.backups if one.marked]
    last = max(marked, key=lambda one: one.made_at, default=None)
    got = f"{len(marked)} of {len(folder.backups)} backups marked successful"
    if last is not None:
        got += f", the newest {last.name} {_age(folder, last):.1f} h old"
    want = f"one at most {NEWEST / timedelta(hours=1):g} h old and marked successful"
    this = case(folder, "recent", got, want, "/backups", "/observed_at")
    if folder.truncated:
        yield this.not_seen(Cause.COULD_NOT_ASK, TOO_MANY)
    elif newest is None:
        yield this.fails(f"nothing matches {folder.pattern!r} in {folder.directory}")
    elif last is None:
        yield this.fails("no backup is marked successful: write backups.success_marker at its end")
    elif last.made_at > folder.observed_at + AHEAD:
        yield this.not_seen(Cause.UNPROVEN, f"{last.name} is dated in the future: set the clocks")
    elif folder.observed_at - last.made_at > NEWEST:
        yield this.fails()
    elif last.frozen_in:
        yield this.not_seen(Cause.UNPROVEN, f"in {last.frozen_in} it cannot be read for hours")
    else:
        yield this.holds()


@judges("size_plausible")
def size_plausible(folder: BackupFolder, server: PostgresServer | None) -> Iterator[Finding]:
    """The newest is about as large as those before it; more than that only a restore shows."""
    backups = sorted(folder.backups, key=lambda one: one.made_at, reverse=True)
    before = [one.size_bytes for one in backups[1 : PREDECESSORS + 1]]
    if len(before) >= FEWEST:
        base, (low, high), of = median(before), USUAL_SHARE, f"the median of {len(before)} before"
    else:
        base = float(server.database_bytes or 0) if server else 0.0
        (low, high), of = DATABASE_SHARE, "the database"
    name, size = next(((one.name, one.size_bytes) for one in backups), ("no backup", 0))
    this = case(
        folder,
        "size_plausible",
        f"{name}: {size} bytes, {of} {base:.0f} bytes",
        f"{low:.0%} to {high:.0%} of {of}",
        "/backups",
    )
    if folder.truncated:
        yield this.not_seen(Cause.COULD_NOT_ASK, TOO_MANY)
    elif size <= 0:
        yield this.fails()
    elif _hollow(backups[0], server):
        yield this.fails("beside the database all of them are hardly anything: an empty pipe?")
    elif base <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "too few backups, and the database not measured")
    elif low * base <= size <= high * base:
        yield this.holds()
    else:
        yield this.fails()


def _hollow(newest: Backup, server: PostgresServer | None) -> bool:
    """Tell whether a full backup is too small for the database, whatever those before it were.

    What ends in ``| gzip`` goes on writing 20 bytes a night, and the median with it.
    """
    rows = (server.database_bytes or 0) - EMPTY_BYTES if server else 0
    return newest.full and newest.size_bytes < LEAST_SHARE * rows


@judges("other_failure_domain")
def other_failure_domain(folder: BackupFolder) -> Iterator[Finding]:
    """A fire in the machine does not take database and backups together."""
    this = case(
        folder,
        "other_failure_domain",
        f"{folder.directory}: {folder.place.replace('_', ' ')} ({folder.place_detail})",
        "another host, account or region than the database's",
        "/place",
    )
    if folder.place == "inside_data_directory":
        yield this.fails()
    elif not folder.backups or folder.place == "not_known":
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif folder.place == "elsewhere":
        yield this.holds()
    else:
        yield this.holds("as the checklist's own command: copy them to another host or region")


def _age(folder: BackupFolder, one: Backup) -> float:
    return (folder.observed_at - one.made_at) / timedelta(hours=1)


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOLDER = BackupFolder(
    observed_at=_NOON,
    directory="/backup/shop",
    pattern="*.dump",
    backups=tuple(
        Backup(
            name=f"shop-{_NOON - timedelta(days=age):%Y-%m-%d}.dump",
            size_bytes=40_000_000 - 100_000 * age,
            made_at=_NOON - timedelta(days=age, hours=10),
            marked=True,
        )
        for age in range(8)
    ),
    filesystem="ext4",
    mounted_from="/dev/sdb1",
    place="same_machine",
    place_detail="ext4 /dev/sdb1 of the database's machine",
)
SERVER = PostgresServer(
    observed_at=_NOON,
    version_num=170010,
    release=None,
    role="readiness_probe",
    superuser=False,
    in_recovery=False,
    database_bytes=500_000_000,
    data_directory="/var/lib/postgresql/17/main",
    hosts=("localhost",),
    same_machine=True,
    memory_bytes=None,
)


def two_days_old(folder: BackupFolder) -> BackupFolder:
    """Look again two days later."""
    return folder.replace(observed_at=folder.observed_at + timedelta(days=2))


def never_marked(folder: BackupFolder) -> BackupFolder:
    """Take the marks of success away."""
    return folder.replace(backups=tuple(replace(one, marked=False) for one in folder.backups))


def nothing_for_weeks(folder: BackupFolder) -> BackupFolder:
    """Write twenty bytes each night, as an archiver does that is given nothing."""
    empty = (replace(one, size_bytes=min(one.size_bytes, 20)) for one in folder.backups)
    return folder.replace(backups=tuple(empty))


def half_a_dump(folder: BackupFolder) -> BackupFolder:
    """Cut the newest backup to nothing."""
    newest = max(folder.backups, key=lambda one: one.made_at)
    cut = replace(newest, size_bytes=0)
    return folder.replace(backups=tuple(cut if one is newest else one for one in folder.backups))


def beside_the_data(folder: BackupFolder) -> BackupFolder:
    """Keep the backups inside the data directory."""
    return folder.replace(place="inside_data_directory")


def not_listed_to_the_end(folder: BackupFolder) -> BackupFolder:
    """Stop listing before the end."""
    return folder.replace(truncated=True)


def frozen(folder: BackupFolder) -> BackupFolder:
    """Keep the backups where none can be read before tomorrow."""
    moved = (replace(one, frozen_in="DEEP_ARCHIVE") for one in folder.backups)
    return folder.replace(backups=tuple(moved))


def nothing_there(folder: BackupFolder) -> BackupFolder:
    """Empty the folder."""
    return folder.replace(backups=())


CHECK = Check(
    (recent, size_plausible, other_failure_domain),
    remedy="Run the backup daily, write its mark only after the tool has exited with 0, alert when "
    "the mark is late, and copy every backup to another host or region.",
    references=(
        "PostgreSQL manual, chapter 25, Backup and Restore",
        "NIST SP 800-34 rev. 1, 3.4.1: backups offsite",
    ),
    good=(FOLDER, SERVER),
    worsen=(
        two_days_old,
        never_marked,
        half_a_dump,
        nothing_for_weeks,
        beside_the_data,
        not_listed_to_the_end,
        frozen,
        nothing_there,
    ),
    thresholds={
        "recent": "26 h and a mark of success (default)",
        "size_plausible": "50 to 200 % of the median of seven (default)",
        "other_failure_domain": "another host, account or region",
    },
)
