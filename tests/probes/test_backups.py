import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.folder import Mount, _place_of_share, backup_folder
from readiness_kit.target import Backups

NOW = datetime.now(UTC)


def put(folder, name, content="dump", age=timedelta()):
    file = folder / name
    file.write_text(content)
    moment = (NOW - age).timestamp()
    os.utime(file, (moment, moment))
    return file


def look(folder, **options):
    declared = Backups(directory=folder, **options)
    return backup_folder.gather(visit("http://localhost", backups=declared))


def test_backups_come_newest_first_and_marks_are_none(tmp_path):
    put(tmp_path, "a.dump", "abc", timedelta(days=1))
    put(tmp_path, "a.dump.ok", "", timedelta(days=1))
    put(tmp_path, "b.dump", "abcd")
    fact = look(tmp_path)
    assert [(one.name, one.size_bytes, one.marked) for one in fact.backups] == [
        ("b.dump", 4, False),
        ("a.dump", 3, True),
    ]
    assert fact.place == "not_known"


def test_a_mark_older_than_its_backup_does_not_count(tmp_path):
    put(tmp_path, "a.dump")
    put(tmp_path, "a.dump.ok", age=timedelta(minutes=1))
    assert not look(tmp_path, pattern="*.dump").backups[0].marked


def test_a_touched_backup_is_no_newer_than_its_name_says(tmp_path):
    put(tmp_path, "shop-20200102.dump")
    assert look(tmp_path).backups[0].made_at == datetime(2020, 1, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "name", ["shop-20201399.dump", "shop-1202001021.dump", "shop-20200231.dump"]
)
def test_what_is_no_day_says_nothing(tmp_path, name):
    put(tmp_path, name)
    assert look(tmp_path).backups[0].made_at > NOW - timedelta(minutes=1)


def test_a_base_backup_is_a_folder(tmp_path):
    base = tmp_path / "base"
    (base / "pg_wal").mkdir(parents=True)
    put(base, "backup_manifest", "12345")
    put(base / "pg_wal", "1", "123")
    put(tmp_path, "base.ok")
    (backup,) = look(tmp_path, tool="pg_basebackup", pattern="base").backups
    assert (backup.size_bytes, backup.marked) == (8, True)


def test_pgbackrest_keeps_books(tmp_path):
    stanza = tmp_path / "backup" / "main"
    record = {
        "backup-timestamp-stop": 1767225600,
        "backup-info-size": 31457280,
        "backup-error": False,
    }
    failed = {**record, "backup-error": True}
    (stanza / "20260101-000000F").mkdir(parents=True)
    (stanza / "20260101-000000F" / "backup.manifest").write_text("")
    (stanza / "backup.info").write_text(
        "[backrest]\nbackrest-format=5\n\n[backup:current]\n"
        f"20260101-000000F={json.dumps(record)}\n20251231-000000F={json.dumps(failed)}\n\n[db]\n"
    )
    found = look(tmp_path, tool="pgbackrest").backups
    assert {one.name: one.marked for one in found} == {
        "20260101-000000F": True,
        "20251231-000000F": False,
    }
    assert found[0].size_bytes == 31457280
    (stanza / "backup.info").write_text("[backup:current]\n20260101-000000F={}\n")
    with pytest.raises(NotSeen):
        look(tmp_path, tool="pgbackrest")


def test_a_folder_that_is_not_there_is_not_seen(tmp_path):
    with pytest.raises(NotSeen):
        look(tmp_path / "none")
    with pytest.raises(NotSeen) as error:
        backup_folder.gather(visit("http://localhost"))
    assert error.value.cause == "not_configured"


@pytest.mark.parametrize(
    ("device", "place"),
    [
        ("nas.example.com:/backup", "elsewhere"),
        ("db.example.com:/backup", "same_machine"),
        ("//nas.example.com/backup", "elsewhere"),
        ("backup@db.example.com:/srv", "same_machine"),
        ("localhost:/srv", "same_machine"),
    ],
)
def test_a_share_from_the_databases_host_is_not_elsewhere(device, place):
    assert _place_of_share(Mount("nfs4", device), {"db.example.com"})[0] == place
