"""Backups in a bucket, fetched, read to their end and restored for real."""

import contextlib
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest
from backupshop import DATABASE, PASSWORD, SUPERUSER, running
from buckets import Shelf, serving, settle
from folders import passable
from psycopg.conninfo import make_conninfo
from webserver import secret, visit

from readiness_kit.checks.database import pitr
from readiness_kit.checks.database.backup_verification import CHECK
from readiness_kit.checks.disaster_recovery.backup_schedule import CHECK as SCHEDULE
from readiness_kit.checks.disaster_recovery.backup_testing import CHECK as TESTING
from readiness_kit.drills import sums
from readiness_kit.drills.archived import await_archived
from readiness_kit.drills.pitr import point_in_time_recovery
from readiness_kit.drills.restore import restore_drill
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups import fetch
from readiness_kit.probes.backups.fetch import FETCHED, local_backup
from readiness_kit.probes.backups.reading import backup_reading
from readiness_kit.probes.wal.archive import wal_archive
from readiness_kit.probes.wal.archiver import postgres_archiving
from readiness_kit.servers.programs import postgres_installations
from readiness_kit.target import Database, Drills

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    settle(monkeypatch)


@pytest.fixture(scope="module")
def server():
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def shop():
    newest = postgres_installations()[0]
    with (
        tempfile.TemporaryDirectory(prefix="readiness-test-") as place,
        running(passable(Path(place)), newest) as made,
    ):
        name = f"--dbname={make_conninfo(dbname=DATABASE)}"
        made.tool("pg_dump", "--format=custom", f"--file={made.folder / 'custom'}", name)
        made.tool("pg_dump", "--format=directory", f"--file={made.folder / 'directory'}", name)
        with made.cluster.connect(DATABASE) as connection:
            (made.folder / "sums").write_bytes(sums.write(sums.count(connection).sums))
        made.tool(
            "pg_basebackup",
            f"--pgdata={made.folder / 'base'}",
            "--checkpoint=fast",
            "--wal-method=none",
        )
        with made.cluster.connect() as administrator:
            administrator.execute("SELECT pg_logical_emit_message(false, '', 'so that it ends')")
            (segment,) = administrator.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        waiting = visit("http://localhost", deadline_s=60)
        assert await_archived(waiting, archive(made), segment, 60) is not None
        yield made


def archive(shop):
    return shop.cluster.postgres.home / "archive"


@pytest.fixture
def shelf(server):
    return Shelf.new(server)


@pytest.fixture
def look(shop, shelf):
    """Return what makes a visit to the shop, with its backups in the bucket."""
    with tempfile.TemporaryDirectory(dir=shop.folder) as place:
        scratch = passable(Path(place)) / "scratch"
        scratch.mkdir()

        def around(**more):
            dsn = secret(Path(place), "dsn", shop.cluster.dsn(SUPERUSER, PASSWORD, DATABASE))
            return visit(
                "http://localhost",
                deadline_s=120,
                database=Database(dsn=dsn, scratch=scratch),
                backups=shelf.declared(**more),
                drills=Drills(dsn=dsn, restores=2, run=("restore",)),
            )

        around.scratch = scratch
        yield around


def upload(shelf, path, prefix="daily"):
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    shelf.fill({f"{prefix}/{one.relative_to(path.parent)}": one.read_bytes() for one in files})
    shelf.put(f"{prefix}/{path.name}.ok", b"")


@pytest.mark.parametrize("kind", ["custom", "directory"])
def test_a_dump_is_fetched_read_and_restored(shop, shelf, look, kind):
    upload(shelf, shop.folder / kind)
    shelf.put(f"daily/{kind}.sums", (shop.folder / "sums").read_bytes())
    reading, drill = backup_reading.gather(look()), restore_drill.gather(look())
    assert (drill.error, reading.said, drill.unequal()) == ("", "", ())
    assert (reading.kind, drill.kind, drill.sums_from) == (kind, kind, "backup")
    shown = CHECK.shows(reading, drill)
    assert (shown["restored"], shown["readable_end_to_end"]) == ("PASS", "PASS")
    assert TESTING.shows(drill)["recovery_time"] == "PASS"
    assert not list(look.scratch.iterdir())


def test_a_base_backup_is_restored_with_wal_from_the_bucket(shop, shelf, look):
    upload(shelf, shop.folder / "base")
    shelf.fill({f"wal/{one.name}": one.read_bytes() for one in archive(shop).iterdir()})
    around = look(wal="wal", tool="pg_basebackup", pattern="base")
    drill = restore_drill.gather(around)
    assert (drill.error, drill.kind, drill.sums_from) == ("", "base", "live")
    assert CHECK.shows(drill)["restored"] == "PASS"
    wal, archiving = wal_archive.gather(around), postgres_archiving.gather(around)
    assert (wal.base_known_by, wal.missing_count) == ("a base backup among the backups", 0)
    assert archiving.last_in_archive is True
    assert SCHEDULE.shows(wal, archiving)["transaction_log"] == "PASS"
    assert not list(look.scratch.iterdir())


def test_half_a_dump_is_refused(shop, shelf, look):
    whole = (shop.folder / "custom").read_bytes()
    shelf.put("daily/custom", whole[: len(whole) // 2])
    reading, drill = backup_reading.gather(look()), restore_drill.gather(look())
    shown = CHECK.shows(reading, drill)
    assert (shown["restored"], shown["readable_end_to_end"]) == ("FAIL", "FAIL")


def test_the_download_counts_in_the_time_of_recovery(shop, shelf, look, monkeypatch):
    upload(shelf, shop.folder / "custom")

    def slowly(*given):
        backup, path = fetched(*given)
        clock.append(100.0)
        return backup, path

    clock, real, fetched = [], fetch.monotonic, fetch._fetched
    monkeypatch.setattr(fetch, "_fetched", slowly)
    monkeypatch.setattr(fetch, "monotonic", lambda: real() + sum(clock))
    for one in restore_drill.gather(look()).recoveries:
        assert one.phases[0].name == "fetch"
        assert (one.phases[0].since_s, one.phases[0].until_s > 100) == (0.0, True)
        assert one.wall_s > 100


SEGMENT_BYTES = 16 * 2**20


@contextlib.contextmanager
def mirrored(folder, shelf):
    """Have whatever is archived in *folder* come into the bucket, too."""
    ended, there = threading.Event(), set()

    def mirror():
        while not ended.wait(0.05):
            for one in folder.iterdir():
                if one.name not in there and one.stat().st_size == SEGMENT_BYTES:
                    there.add(one.name)
                    shelf.fill({f"wal/{one.name}": one.read_bytes()})

    mirroring = threading.Thread(target=mirror)
    mirroring.start()
    try:
        yield
    finally:
        ended.set()
        mirroring.join()


def test_a_moment_is_recovered_with_wal_from_the_bucket(shop, shelf, look):
    around = look(wal="wal")
    dsn = around.target.drills.dsn
    drills = Drills(dsn=dsn, base_backup_dsn=dsn, run=("pitr",))
    around.target = msgspec.structs.replace(around.target, drills=drills)
    with mirrored(archive(shop), shelf):
        drill = point_in_time_recovery.gather(around)
    assert (drill.recovered.error, drill.before_recovered, drill.after_recovered) == ("", 10, 0)
    assert pitr.CHECK.shows(drill)["recovered_to_a_marker"] == "PASS"
    assert not list(look.scratch.iterdir())


def unfetched(visited):
    with pytest.raises(NotSeen) as error, local_backup(visited):
        pass
    return error.value


def test_what_may_not_be_fetched_is_not(shop, shelf, look, monkeypatch):
    assert "nothing matches" in unfetched(look()).message
    upload(shelf, shop.folder / "custom")
    assert unfetched(look(max_download_bytes=10)).cause == "not_allowed"
    monkeypatch.setattr(fetch, "SPARE_BYTES", 10**18)
    assert "MB left" in unfetched(look()).message
    assert not list(look.scratch.iterdir())


def test_what_is_frozen_is_not_fetched(shop, shelf, look):
    shelf.put("daily/custom", StorageClass="DEEP_ARCHIVE")
    assert "thawed" in unfetched(look()).message


@pytest.mark.parametrize("key", ["a/../../b", "a//b", "a/./b"])
def test_keys_that_lead_elsewhere_are_no_files(shelf, look, key):
    shelf.put(f"daily/{key}")
    shelf.put("daily/a.ok")
    assert "no name of a file" in unfetched(look(pattern="a")).message
    assert not list(look.scratch.iterdir())


def test_what_a_killed_run_left_is_removed(shop, shelf, look):
    left = look.scratch / f"{FETCHED}left"
    left.mkdir()
    upload(shelf, shop.folder / "custom")
    with local_backup(look()) as local:
        assert not left.exists()
        with local_backup(look()) as another:
            assert local.path.exists()
            assert another.path != local.path
    assert not list(look.scratch.iterdir())


def test_nothing_is_fetched_into_a_data_directory(shop, shelf, look):
    upload(shelf, shop.folder / "custom")
    look.scratch.rmdir()
    look.scratch.symlink_to(shop.cluster.data / "base")
    with contextlib.suppress(NotSeen):
        restore_drill.gather(look())
    assert "data directory" in unfetched(look()).message
    assert not list((shop.cluster.data / "base").glob(f"{FETCHED}*"))
