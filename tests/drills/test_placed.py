"""Copies of base backups: what links lead to, and what never leaves the scratch folder."""

import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from readiness_kit.drills.placed import demand_inside, place
from readiness_kit.errors import NotSeen, ServerError

LABEL = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n"


@pytest.fixture
def home(tmp_path):
    (path := tmp_path / "scratch").mkdir()
    return SimpleNamespace(home=path, account=None)


@pytest.fixture
def target(tmp_path):
    """Folders of the live server."""
    for name in ("live", "live-fast"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").write_text("live")
    return SimpleNamespace(places=(tmp_path / "live", tmp_path / "live-fast"))


@pytest.fixture
def backup(tmp_path):
    path = tmp_path / "backup"
    for folder in ("base/5", "pg_wal", "pg_tblspc"):
        (path / folder).mkdir(parents=True)
    (path / "PG_VERSION").write_text("17\n")
    (path / "backup_label").write_text(LABEL)
    (path / "base/5/112").write_text("page")
    return path


def space(backup: Path, at: Path) -> Path:
    at.mkdir(parents=True, exist_ok=True)
    (at / "PG_17").write_text("row")
    (backup / "pg_tblspc" / "16385").symlink_to(at)
    return at


def test_a_tablespace_is_copied_into_the_scratch_folder(home, target, backup, tmp_path):
    there = space(backup, tmp_path / "spaces" / "fast")
    (copy,) = place(home, target, backup, "b")
    link = copy / "pg_tblspc" / "16385"
    assert link.resolve().is_relative_to(home.home)
    (link / "PG_17").write_text("written")
    assert (there / "PG_17").read_text() == "row"
    demand_inside(home.home, copy)


@pytest.mark.parametrize("inside", ["live", "live-fast", "live-fast/PG_17_x", "."])
def test_a_link_to_the_targets_own_files_is_refused(home, target, backup, tmp_path, inside):
    space(backup, tmp_path / inside)
    with pytest.raises(NotSeen, match="which the target itself uses"):
        place(home, target, backup, "b")


def test_a_link_to_the_targets_wal_is_refused(home, target, backup, tmp_path):
    (backup / "pg_wal").rmdir()
    (backup / "pg_wal").symlink_to(tmp_path / "live")
    with pytest.raises(NotSeen, match="its pg_wal in the backup is a link"):
        place(home, target, backup, "b")


def test_wal_of_the_backup_elsewhere_is_copied(home, target, backup, tmp_path):
    (tmp_path / "wal").mkdir()
    (tmp_path / "wal" / "000000010000000000000002").write_text("wal")
    (backup / "pg_wal").rmdir()
    (backup / "pg_wal").symlink_to(tmp_path / "wal")
    (copy,) = place(home, target, backup, "b")
    assert not (copy / "pg_wal").is_symlink()
    assert (copy / "pg_wal" / "000000010000000000000002").read_text() == "wal"


def test_a_link_to_nothing_is_said(home, target, backup, tmp_path):
    (backup / "pg_tblspc" / "16385").symlink_to(tmp_path / "gone")
    with pytest.raises(NotSeen, match="no such folder here"):
        place(home, target, backup, "b")


def test_the_map_by_which_a_server_makes_links_is_removed(home, target, backup, tmp_path):
    (backup / "tablespace_map").write_text(f"16385 {tmp_path / 'live-fast'}\n")
    with pytest.raises(ServerError, match="lacks the tablespaces 16385"):
        place(home, target, backup, "b")
    home.home = home.home / "again"
    home.home.mkdir()
    space(backup, tmp_path / "spaces")
    (copy,) = place(home, target, backup, "b")
    assert not (copy / "tablespace_map").exists()


def test_a_tablespace_copied_through_its_link_becomes_one_again(home, target, backup):
    (backup / "pg_tblspc" / "16385").mkdir()
    (backup / "pg_tblspc" / "16385" / "PG_17").write_text("row")
    (copy,) = place(home, target, backup, "b")
    assert (copy / "pg_tblspc" / "16385").is_symlink()
    assert (copy / "pg_tblspc" / "16385" / "PG_17").read_text() == "row"
    demand_inside(home.home, copy)


@pytest.mark.parametrize("where", ["base/5/113", "pg_log", "global", "pg_tblspc/1/x"])
def test_any_other_link_out_of_the_folder_stops_the_server(home, target, backup, tmp_path, where):
    if where.startswith("pg_tblspc"):
        at = space(backup, tmp_path / "spaces")
        (at / "x").symlink_to(tmp_path / "live")
    else:
        (backup / where).symlink_to(tmp_path / "live")
    (copy,) = place(home, target, backup, "b")
    with pytest.raises(NotSeen, match="out of the scratch folder"):
        demand_inside(home.home, copy)


def test_a_map_that_appears_later_stops_the_server(home, target, backup):
    (copy,) = place(home, target, backup, "b")
    (copy / "tablespace_map").write_text("16385 /live\n")
    with pytest.raises(NotSeen, match="would have the server make links"):
        demand_inside(home.home, copy)


def test_a_pipe_stops_the_server(home, target, backup):
    (copy,) = place(home, target, backup, "b")
    os.mkfifo(copy / "base" / "pipe")
    with pytest.raises(NotSeen, match="is no file"):
        demand_inside(home.home, copy)


def tar(path: Path, *entries: tuple[str, str | None], links: tuple[tuple[str, str], ...] = ()):
    with tarfile.open(path, "w") as archive:
        for name, content in entries:
            one = tarfile.TarInfo(name)
            if content is None:
                one.type = tarfile.DIRTYPE
                archive.addfile(one)
            else:
                one.size = len(content)
                archive.addfile(one, io.BytesIO(content.encode()))
        for name, leads in links:
            one = tarfile.TarInfo(name)
            one.type, one.linkname = tarfile.SYMTYPE, leads
            archive.addfile(one)


BASE = (("backup_label", LABEL), ("PG_VERSION", "17\n"), ("pg_wal", None), ("base/5/112", "page"))


@pytest.fixture
def tarred(tmp_path):
    (path := tmp_path / "tarred").mkdir()
    tar(path / "base.tar", *BASE)
    return path


def test_tar_files_are_unpacked_where_they_belong(home, target, tarred, tmp_path):
    mapped = ("tablespace_map", f"16385 {tmp_path / 'live-fast'}\n")
    links = (("pg_tblspc/16385", str(tmp_path / "live-fast")),)
    tar(tarred / "base.tar", *BASE, mapped, links=links)
    tar(tarred / "16385.tar", ("PG_17/1/2", "row"))
    tar(tarred / "pg_wal.tar", ("000000010000000000000002", "wal"))
    (copy,) = place(home, target, tarred, "b")
    assert (copy / "base/5/112").read_text() == "page"
    assert (copy / "pg_wal/000000010000000000000002").read_text() == "wal"
    assert (copy / "pg_tblspc/16385").resolve().is_relative_to(home.home)
    assert (copy / "pg_tblspc/16385/PG_17/1/2").read_text() == "row"
    assert not (copy / "tablespace_map").exists()
    demand_inside(home.home, copy)


def test_a_tablespace_that_is_missing_is_said(home, target, tarred):
    tar(tarred / "base.tar", *BASE, ("tablespace_map", "16385 /fast\n16386 /slow\n"))
    tar(tarred / "16386.tar", ("PG_17", "row"))
    with pytest.raises(ServerError, match="lacks the tablespaces 16385"):
        place(home, target, tarred, "b")


@pytest.mark.parametrize("name", ["/etc/x", "../x", "base/../../x", "base/5/../../../x"])
def test_names_that_lead_out_are_refused(home, target, tarred, tmp_path, name):
    tar(tarred / "base.tar", *BASE, (name, "evil"))
    with pytest.raises(NotSeen, match="leads out of its folder"):
        place(home, target, tarred, "b")
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize("name", ["base/6", "pg_wal/archive_status", "pg_tblspc_x"])
def test_links_are_refused(home, target, tarred, tmp_path, name):
    tar(tarred / "base.tar", *BASE, links=((name, str(tmp_path / "live")),))
    with pytest.raises(NotSeen, match="no file: it is not unpacked"):
        place(home, target, tarred, "b")


def test_nothing_is_written_twice(home, target, tarred):
    tar(tarred / "base.tar", *BASE, ("base/5/112", "other"))
    with pytest.raises(NotSeen, match="cannot be copied"):
        place(home, target, tarred, "b")


def test_half_an_archive_is_damaged(home, target, tarred):
    content = (tarred / "base.tar").read_bytes()
    for size in (700, 1536, 2560):
        (tarred / "base.tar").write_bytes(content[:size])
        with pytest.raises(ServerError, match="damaged"):
            place(home, target, tarred, f"b{size}")
