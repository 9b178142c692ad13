import socket
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from buckets import Shelf, serving, settle
from webserver import secret, visit

from readiness_kit.checks.database.backup_strategy import CHECK as STRATEGY
from readiness_kit.checks.database.backup_strategy import SERVER
from readiness_kit.checks.disaster_recovery.backup_schedule import CHECK as SCHEDULE
from readiness_kit.checks.infrastructure.storage import CHECK as STORAGE
from readiness_kit.errors import NotSeen
from readiness_kit.probes.aws import s3
from readiness_kit.probes.aws.s3 import S3
from readiness_kit.probes.backups import store_place
from readiness_kit.probes.backups.folder import backup_folder
from readiness_kit.target import Backups, Bucket, Database

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    settle(monkeypatch)


@pytest.fixture(scope="module")
def server():
    with serving() as url:
        yield url


@pytest.fixture
def shelf(server):
    return Shelf.new(server)


def a_week(shelf, **more):
    """Put a marked backup of each of the last eight days there."""
    for age in range(8):
        name, old = f"daily/shop-{age}.dump", age * DAY + 2 * HOUR
        shelf.put(name, b"PGDMP" + b"." * 1000, old, **more)
        shelf.put(f"{name}.ok", b"", old - HOUR)


def look(shelf, **more):
    return backup_folder.gather(shelf.look(**{"pattern": "*.dump", **more}))


def test_a_week_of_backups(shelf):
    a_week(shelf)
    shelf.put("daily/notes.txt")
    shelf.put("weekly/shop-9.dump")
    looking = shelf.look(pattern="*.dump")
    fact = backup_folder.gather(looking)
    assert [one.name for one in fact.backups] == [f"shop-{age}.dump" for age in range(8)]
    assert all(one.marked and one.full and one.size_bytes == 1005 for one in fact.backups)
    assert fact.directory == f"s3://{shelf.name}/daily"
    assert fact.reproduce().startswith(f"aws s3 ls --recursive 's3://{shelf.name}/daily/' --end")
    assert STRATEGY.shows(fact)["recent"] == "PASS"
    assert STRATEGY.shows(fact)["size_plausible"] == "FAIL", "1 kB of a database of many GB"
    small = SERVER.replace(database_bytes=20_000)
    assert STRATEGY.shows(fact, small)["size_plausible"] == "PASS"
    assert SCHEDULE.shows(fact)["daily_full"] == "PASS"
    assert looking.meter.counts() == {"aws_requests": 1.0}


def test_an_empty_bucket_passes_nothing(shelf):
    fact = look(shelf)
    assert fact.backups == ()
    assert STRATEGY.shows(fact) == {
        "recent": "FAIL",
        "size_plausible": "FAIL",
        "other_failure_domain": "UNKNOWN",
    }
    assert SCHEDULE.shows(fact)["daily_full"] == "FAIL"
    assert STORAGE.shows(fact)["backup_separate"] == "UNKNOWN"


def test_a_listing_that_is_cut_short_passes_nothing(shelf, monkeypatch):
    a_week(shelf)
    shelf.fill({f"daily/z{number:04}": b"" for number in range(1000)})
    monkeypatch.setattr(s3, "PAGES", 1)
    fact = look(shelf)
    assert fact.truncated
    assert {STRATEGY.shows(fact)[one] for one in ("recent", "size_plausible")} == {"UNKNOWN"}
    assert SCHEDULE.shows(fact)["daily_full"] == "UNKNOWN"


def test_without_its_mark_a_backup_is_no_success(shelf):
    shelf.put("daily/a.dump", age=HOUR)
    shelf.put("daily/b.dump", age=HOUR)
    shelf.put("daily/b.dump.ok", age=2 * HOUR)
    assert [one.marked for one in look(shelf).backups] == [False, False]


def test_what_lies_in_the_future_is_not_believed(shelf):
    shelf.put("daily/a.dump", age=-DAY)
    shelf.put("daily/a.dump.ok", age=-DAY)
    assert STRATEGY.shows(look(shelf))["recent"] == "UNKNOWN"


def test_a_copy_of_an_old_backup_is_no_newer_than_its_name_says(shelf):
    shelf.put("daily/2020/01/02/shop.dump")
    (backup,) = look(shelf, pattern="*/*/*/*.dump").backups
    assert backup.name == "2020/01/02/shop.dump"
    assert backup.made_at == datetime(2020, 1, 3, 12, tzinfo=UTC)


def test_an_upload_that_was_not_completed_is_no_backup(shelf):
    upload = shelf.client.create_multipart_upload(Bucket=shelf.name, Key="daily/a.dump")
    shelf.client.upload_part(
        Bucket=shelf.name,
        Key="daily/a.dump",
        PartNumber=1,
        UploadId=upload["UploadId"],
        Body=b"PGDMP",
    )
    shelf.put("daily/a.dump.ok")
    assert look(shelf).backups == ()


def test_a_version_of_what_was_deleted_is_no_backup(shelf):
    shelf.client.put_bucket_versioning(
        Bucket=shelf.name, VersioningConfiguration={"Status": "Enabled"}
    )
    shelf.put("daily/a.dump")
    shelf.put("daily/a.dump.ok")
    shelf.client.delete_object(Bucket=shelf.name, Key="daily/a.dump")
    assert look(shelf).backups == ()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("STANDARD_IA", "PASS"),
        ("GLACIER_IR", "PASS"),
        ("GLACIER", "UNKNOWN"),
        ("DEEP_ARCHIVE", "UNKNOWN"),
    ],
)
def test_what_must_be_thawed_is_not_at_hand(shelf, kind, shown):
    a_week(shelf, StorageClass=kind)
    fact = look(shelf)
    assert fact.backups[0].frozen_in == ("" if shown == "PASS" else kind)
    assert STRATEGY.shows(fact)["recent"] == shown


def test_what_is_thawed_is_at_hand(shelf):
    a_week(shelf, StorageClass="GLACIER")
    shelf.client.restore_object(
        Bucket=shelf.name, Key="daily/shop-0.dump", RestoreRequest={"Days": 3}
    )
    fact = look(shelf)
    assert [one.frozen_in for one in fact.backups[:2]] == ["", "GLACIER"]


def test_a_folder_is_one_backup(shelf):
    for part, size in (("toc.dat", 3), ("1.dat.gz", 4), ("2.dat.gz", 5)):
        shelf.put(f"daily/shop/{part}", b"." * size, HOUR)
    shelf.put("daily/shop.ok", b"")
    (backup,) = look(shelf, pattern="shop").backups
    assert (backup.size_bytes, backup.marked, backup.full) == (12, True, True)
    shelf.put("daily/shop/3.dat.gz", age=-HOUR)
    assert not look(shelf, pattern="shop").backups[0].marked


@pytest.mark.parametrize(("file", "full"), [("base/5/1259", True), ("base/5/INCREMENTAL.1", False)])
def test_a_base_backup_is_full_by_its_manifest(shelf, file, full):
    shelf.put("daily/base-1/backup_manifest", f'{{"Files": [{{"Path": "{file}"}}]}}'.encode())
    (backup,) = look(shelf, pattern="base-*", tool="pg_basebackup").backups
    assert backup.full is full


def test_backups_of_wal_g(shelf):
    full, delta = f"base_{'0' * 24}", f"base_{'0' * 24}_D_{'0' * 24}"
    for name in (full, delta):
        shelf.put(f"daily/{name}/tar_partitions/part_1.tar.lz4", b"12", HOUR)
        shelf.put(f"daily/{name}_backup_stop_sentinel.json", b"{}")
    more = {"pattern": "base_*", "success_marker": "{name}_backup_stop_sentinel.json"}
    found = {one.name: one for one in look(shelf, **more).backups}
    assert {name: (one.marked, one.full) for name, one in found.items()} == {
        full: (True, True),
        delta: (True, False),
    }


def test_pgbackrest_keeps_its_own_books(shelf):
    with pytest.raises(NotSeen) as error:
        look(shelf, tool="pgbackrest")
    assert error.value.cause == "not_implemented"


NAMES = {
    "127.0.0.1": "127.0.0.1",
    "localhost": "127.0.0.1",
    "db.example.com": "203.0.113.3",
    "alias.example.com": "203.0.113.3",
    "s3.example.com": "203.0.113.9",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    def find(endpoint, dsn, *, here):
        monkeypatch.setattr(
            store_place, "addresses", lambda one: frozenset({NAMES[one]} if one in NAMES else ())
        )
        monkeypatch.setattr(store_place, "_database_is_here", lambda _: here)
        database = Database(dsn=secret(tmp_path, "dsn", dsn))
        bucket = Bucket(url="s3://shop", endpoint_url=endpoint, region="eu-central-1")
        looking = visit("http://localhost", database=database, backups=Backups(bucket=bucket))
        return store_place.place_of_store(looking, S3(looking, bucket, bucket.url))

    return find


@pytest.mark.parametrize(
    ("endpoint", "dsn", "here", "found"),
    [
        (None, "host=localhost", True, "elsewhere"),
        ("http://127.0.0.1:9000", "host=localhost", True, "same_machine"),
        ("http://127.0.0.1:9000", "dbname=shop", True, "same_machine"),
        ("http://localhost:9000", "host=localhost", False, "not_known"),
        ("http://localhost:9000", "host=db.example.com", False, "not_known"),
        ("https://db.example.com:9000", "host=db.example.com", False, "same_machine"),
        ("https://alias.example.com", "host=db.example.com", False, "same_machine"),
        ("https://s3.example.com", "host=db.example.com", False, "elsewhere"),
        ("https://s3.example.com", "host=localhost", True, "elsewhere"),
        ("https://s3.example.com", "host=localhost", False, "not_known"),
        ("https://s3.example.com", "host=gone.example.com", False, "not_known"),
        ("https://gone.example.com", "host=db.example.com", False, "not_known"),
        ("http://minio:9000", "host=db.example.com", False, "not_known"),
        ("http://minio.storage.svc:9000", "host=db.example.com", False, "not_known"),
        ("http://minio.a.svc.cluster.local", "host=db.example.com", False, "not_known"),
        ("http://host.docker.internal:9000", "host=db.example.com", False, "not_known"),
    ],
)
def test_a_store_on_the_databases_host_is_not_elsewhere(place, endpoint, dsn, here, found):
    assert place(endpoint, dsn, here=here)[0] == found


def test_without_a_database_no_place_is_known(shelf):
    assert look(shelf).place == "not_known"


def test_addresses_of_containers_are_this_machines(monkeypatch):
    entry = type(next(iter(psutil.net_if_addrs().values()))[0])

    def addresses():
        return {
            "eth0": [entry(socket.AF_INET, "203.0.113.5", "255.255.255.0", None, None)],
            "docker0": [entry(socket.AF_INET, "172.17.0.1", "255.255.0.0", None, None)],
            "lo": [entry(socket.AF_INET6, "::1", None, None, None)],
        }

    monkeypatch.setattr(store_place.psutil, "net_if_addrs", addresses)
    ours = ("203.0.113.5", "203.0.113.6", "172.17.0.9", "::1", "2001:db8::1")
    assert [store_place._ours(one) for one in ours] == [True, False, True, True, False]


def test_names_that_do_not_resolve_have_no_address():
    assert store_place.addresses("no.such.name.invalid") == frozenset()
    assert store_place.addresses("127.0.0.1") == {"127.0.0.1"}


def test_one_place_is_named():
    with pytest.raises(ValueError, match="name "):
        Backups()
    with pytest.raises(ValueError, match="name "):
        Backups(directory="/backup", bucket=Bucket(url="s3://shop"))
