"""Backups of every format, whole and damaged, of each PostgreSQL on this machine."""

import gzip
import shutil
import tempfile
from pathlib import Path

import pytest
from backupshop import DATABASE, Shop, running
from folders import passable
from psycopg.conninfo import make_conninfo

from readiness_kit.checks.database.backup_verification import CHECK
from readiness_kit.drills import sums
from readiness_kit.drills.restore import restore_drill
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.reading import backup_reading
from readiness_kit.servers.programs import major, postgres_installations

pytestmark = pytest.mark.live

DUMPS = ("custom", "directory", "tar", "plain", "gzip")


@pytest.fixture(scope="module", params=postgres_installations(), ids=lambda one: str(major(one)))
def shop(request):
    # Not below pytest's own folder: each run of pytest on this machine closes that to others.
    with (
        tempfile.TemporaryDirectory(prefix="readiness-test-") as place,
        running(passable(Path(place)), request.param) as made,
    ):
        back_up(made)
        yield made


def back_up(shop: Shop) -> None:
    folder = shop.folder
    for kind in ("custom", "directory", "tar", "plain"):
        name = f"--dbname={make_conninfo(dbname=DATABASE)}"
        shop.tool("pg_dump", f"--format={kind}", f"--file={folder / kind}", name)
    with gzip.open(folder / "gzip.gz", "wb") as packed:
        packed.write((folder / "plain").read_bytes())
    (folder / "gzip.gz").rename(folder / "gzip")
    shop.tool("pg_basebackup", f"--pgdata={folder / 'base'}", "--checkpoint=fast")
    with shop.cluster.connect(DATABASE) as connection:
        counted = sums.count(connection).sums
    for kind in DUMPS:
        (folder / f"{kind}.sums").write_bytes(sums.write(counted))
    if shop.version >= 17:
        with shop.cluster.connect(DATABASE) as connection:
            connection.execute("CREATE TABLE later AS SELECT 1 AS n")
        parent = folder / "base" / "backup_manifest"
        target = folder / "incremental"
        shop.tool("pg_basebackup", f"--pgdata={target}", f"--incremental={parent}", "-cfast")


@pytest.fixture
def apart(shop):
    with tempfile.TemporaryDirectory(dir=shop.folder) as place:
        yield passable(Path(place))


@pytest.mark.parametrize("kind", [*DUMPS, "base", "incremental"])
def test_a_whole_backup_is_read_and_restored(shop, kind, apart):
    if kind == "incremental" and shop.version < 17:
        return  # there are none
    around = shop.look(shop.folder / kind, apart)
    if kind == "incremental":
        shutil.copytree(shop.folder / "base", apart / "kept" / "base")
    reading, drill = backup_reading.gather(around), restore_drill.gather(around)
    assert (drill.error, reading.said) == ("", "")
    names = {one.name for one in drill.tables if one.equal}
    assert {"public.customer", "public.order", "public.empty"} <= names
    newer = ("public.later",) if kind == "base" and shop.version >= 17 else ()
    assert drill.unequal() == newer
    assert drill.sums_from == ("backup" if kind in DUMPS else "live")
    shown = CHECK.shows(reading, drill)
    assert shown["restored"] == ("UNKNOWN" if newer else "PASS")
    assert shown["readable_end_to_end"] == "PASS"
    assert [one.name for one in drill.recoveries[0].phases].count("restore") == 1
    assert not list((apart / "scratch").iterdir())
    assert shop.cluster.answers()


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [half, flipped])
@pytest.mark.parametrize("kind", ["custom", "tar", "plain", "gzip", "directory", "base"])
def test_a_damaged_backup_is_refused(shop, kind, damage, apart):
    if kind in ("plain", "tar") and damage is flipped:
        return  # without a checksum of its own nothing tells, but its rows: see below
    around = shop.look(shop.folder / kind, apart)
    copy = apart / "kept" / kind
    files = [one for one in copy.rglob("*") if one.is_file()] if copy.is_dir() else [copy]
    held = [one for one in files if one.parent.name != "pg_wal"]  # its segments are half empty
    largest = max(held, key=lambda one: (one.suffix == ".gz", size(one)))
    largest.write_bytes(damage(largest.read_bytes()))
    reading = backup_reading.gather(around)
    assert not reading.whole, reading
    assert CHECK.shows(reading)["readable_end_to_end"] == "FAIL"


def size(path: Path) -> int:
    return path.stat().st_size


def test_what_no_tool_notices_the_rows_show(shop, apart):
    around = shop.look(shop.folder / "plain", apart)
    copy = apart / "kept" / "plain"
    copy.write_bytes(copy.read_bytes().replace(b"customer 250\n", b"customer 251x\n"))
    assert backup_reading.gather(around).whole
    drill = restore_drill.gather(around)
    assert drill.unequal() == ("public.customer",)
    assert CHECK.shows(drill)["restored"] == "FAIL"


def test_a_dump_that_breaks_off_is_not_restored(shop, apart):
    around = shop.look(shop.folder / "custom", apart)
    copy = apart / "kept" / "custom"
    copy.write_bytes(half(copy.read_bytes()))
    drill = restore_drill.gather(around)
    assert "error" in drill.error
    assert CHECK.shows(drill)["restored"] == "FAIL"
    assert not list((apart / "scratch").iterdir())


def test_rows_written_since_are_not_taken_for_damage(shop, apart):
    around = shop.look(shop.folder / "custom", apart, sums="{name}.none")
    with shop.cluster.connect(DATABASE) as connection:
        connection.execute("INSERT INTO customer VALUES (0, 'new')")
    try:
        drill = restore_drill.gather(around)
    finally:
        with shop.cluster.connect(DATABASE) as connection:
            connection.execute("DELETE FROM customer WHERE id = 0")
    assert drill.sums_from == "live"
    assert "public.customer" in drill.unequal()
    lacks = "public.later" in drill.unequal()  # made since, or left out: nobody knows
    assert lacks == (shop.version >= 17)
    assert CHECK.shows(drill)["restored"] == ("UNKNOWN" if lacks else "PASS")


def test_scratch_that_is_not_empty_is_left_alone(shop, apart):
    around = shop.look(shop.folder / "custom", apart)
    (apart / "scratch" / "mine").touch()
    with pytest.raises(NotSeen, match="is not empty"):
        restore_drill.gather(around)
    assert [one.name for one in (apart / "scratch").iterdir()] == ["mine"]


def test_scratch_within_the_data_directory_is_refused(shop, apart):
    around = shop.look(shop.folder / "custom", apart)
    inside = shop.cluster.data / "base"
    (apart / "scratch").rmdir()
    (apart / "scratch").symlink_to(inside)
    with pytest.raises(NotSeen, match="lies with the data directory"):
        restore_drill.gather(around)
    assert shop.cluster.answers()
