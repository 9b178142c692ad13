"""What needs no PostgreSQL; backups of real servers are in tests/live/test_backups.py."""

import gzip

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.reading import backup_reading, chain, kind_of, tar_end
from readiness_kit.target import Backups

SCRIPT = b"--\n-- PostgreSQL database dump\n--\nCOPY t FROM stdin;\n1\n\\.\n"
END = b"\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict Xy\n\n"


def read(folder, **more):
    declared = Backups(directory=folder, pattern="*.sql*", **more)
    return backup_reading.gather(visit("http://localhost", backups=declared))


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (SCRIPT + END, True),
        (SCRIPT, False),
        (b"", False),
        (END + SCRIPT * 100, False),  # the mark of another dump, before this one
        (gzip.compress(SCRIPT + END, mtime=0), True),
        (gzip.compress(SCRIPT + END, mtime=0)[:-12], False),
        (gzip.compress(SCRIPT, mtime=0), False),
    ],
)
def test_scripts(tmp_path, content, whole):
    (tmp_path / "shop.sql").write_bytes(content)
    fact = read(tmp_path)
    assert (fact.kind, fact.whole, bool(fact.said)) == ("plain", whole, not whole)


def test_the_newest_marked_one_is_read(tmp_path):
    (tmp_path / "a.sql").write_bytes(SCRIPT + END)
    (tmp_path / "a.sql.ok").touch()
    (tmp_path / "b.sql").write_bytes(SCRIPT)  # still being written
    assert read(tmp_path).backup == "a.sql"


def test_sums_beside_a_backup_are_no_backup(tmp_path):
    (tmp_path / "a.sql").write_bytes(SCRIPT + END)
    (tmp_path / "a.sql.sums").write_text("{}")
    assert read(tmp_path).backup == "a.sql"


def test_nothing_there_is_not_seen(tmp_path):
    with pytest.raises(NotSeen, match="nothing matches"):
        read(tmp_path)


def test_kinds(tmp_path):
    custom, other = tmp_path / "custom", tmp_path / "other"
    custom.write_bytes(b"PGDMP\x01\x0f")
    other.mkdir()
    (directory := tmp_path / "directory").mkdir()
    (directory / "toc.dat").touch()
    assert (kind_of(custom), kind_of(directory)) == ("custom", "directory")
    with pytest.raises(NotSeen, match="no backup of a known format"):
        kind_of(other)


def base(folder, name, start, parent=""):
    (folder / name).mkdir()
    (folder / name / "PG_VERSION").write_text("17\n")
    label = f"START WAL LOCATION: {start} (file 000000010000000000000002)\n"
    more = f"INCREMENTAL FROM LSN: {parent}\n" if parent else ""
    (folder / name / "backup_label").write_text(label + more)
    return folder / name


def test_an_incremental_backup_rests_on_others(tmp_path):
    full = base(tmp_path, "sunday", "0/2000028")
    monday = base(tmp_path, "monday", "0/4000028", "0/2000028")
    tuesday = base(tmp_path, "tuesday", "0/6000028", "0/4000028")
    assert chain(tuesday) == (full, monday, tuesday)
    assert (kind_of(full), kind_of(tuesday)) == ("base", "incremental")
    lost = base(tmp_path, "friday", "0/9000028", "0/8000028")
    with pytest.raises(NotSeen, match="rests on a backup from 0/8000028"):
        chain(lost)


@pytest.mark.parametrize(("tail", "status"), [(1024, 0), (1023, 1), (512, 1), (10240, 0)])
def test_the_end_of_a_tar_archive(tmp_path, tail, status):
    (tmp_path / "a.tar").write_bytes(b"x" * 512 + bytes(tail))
    assert tar_end(tmp_path / "a.tar").status == status
