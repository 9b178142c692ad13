"""Base backups with tablespaces, in tar format, packed: restored, and never into the target."""

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from backupshop import DATABASE, PASSWORD, SUPERUSER, running
from folders import passable
from webserver import secret

from readiness_kit.checks.database import backup_verification, pitr
from readiness_kit.drills.pitr import point_in_time_recovery
from readiness_kit.drills.restore import restore_drill
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.reading import backup_reading
from readiness_kit.servers.programs import major, postgres_installations
from readiness_kit.target import Drills

pytestmark = pytest.mark.live

TARS = {"tar": "", "gzip": "gz", "zstd": "zst", "lz4": "lz4"}


@pytest.fixture(scope="module", params=postgres_installations(), ids=lambda one: str(major(one)))
def shop(request):
    with tempfile.TemporaryDirectory(prefix="readiness-test-") as place:
        command = "zstd -q %p -o {archive}/%f.zst"
        with running(passable(Path(place)), request.param, archive_command=command) as made:
            fast = made.cluster.postgres.folder("fast")
            with made.cluster.connect() as administrator:
                administrator.execute(f"CREATE TABLESPACE fast LOCATION '{fast}'".encode())
            with made.cluster.connect(DATABASE) as administrator:
                administrator.execute("ALTER TABLE customer SET TABLESPACE fast")
            back_up(made)
            yield made


def back_up(shop):
    shop.tool(
        "pg_basebackup",
        f"--pgdata={shop.folder / 'plain'}",
        f"--tablespace-mapping={fast(shop)}={shop.folder / 'spaces'}",
        "--checkpoint=fast",
    )
    shop.tool("pg_basebackup", "-Ft", f"--pgdata={shop.folder / 'tar'}", "--checkpoint=fast")
    for name, end in TARS.items():
        if end:
            shutil.copytree(shop.folder / "tar", shop.folder / name)
            for one in (shop.folder / name).glob("*.tar"):
                with one.with_name(f"{one.name}.{end}").open("wb") as file:
                    subprocess.run([name, "-c", one], stdout=file, check=True)
                one.unlink()


def fast(shop) -> Path:
    return shop.folder / "home" / "fast"


@pytest.fixture
def apart(shop):
    with tempfile.TemporaryDirectory(dir=shop.folder) as place:
        yield passable(Path(place))


@pytest.fixture
def untouched(shop):
    """The target's own tablespace, which must be what it was afterwards."""
    with shop.cluster.connect() as connection:
        connection.execute("CHECKPOINT")
    before = pictured(fast(shop))
    yield
    assert pictured(fast(shop)) == before
    with shop.cluster.connect(DATABASE) as connection:
        assert connection.execute("SELECT count(*) FROM customer").fetchone() == (500,)


def pictured(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for one in folder.rglob("*"):
        status = one.lstat()
        found[str(one)] = (status.st_size, status.st_mtime_ns)
    return found


@pytest.mark.parametrize("kind", ["plain", *TARS])
def test_tablespaces_are_restored_within_the_scratch_folder(shop, kind, apart, untouched, need):
    if kind in ("zstd", "lz4"):
        need(kind)
    around = shop.look(shop.folder / kind, apart)
    reading, drill = backup_reading.gather(around), restore_drill.gather(around)
    assert (drill.error, reading.said) == ("", "")
    assert "public.customer" in {one.name for one in drill.tables if one.equal}
    shown = backup_verification.CHECK.shows(reading, drill)
    assert (shown["restored"], shown["readable_end_to_end"]) == ("PASS", "PASS")
    assert not list((apart / "scratch").iterdir())


def test_an_incremental_backup_with_tablespaces(shop, apart, untouched):
    if shop.version < 17:
        return  # there are none
    with shop.cluster.connect(DATABASE) as connection:
        connection.execute("CREATE TABLE later AS SELECT 1 AS n")
    for parent, how in (("plain", "-Fp"), ("tar", "-Ft")):
        manifest = shop.folder / parent / "backup_manifest"
        target = apart / f"incremental-{parent}"
        mapping = f"--tablespace-mapping={fast(shop)}={apart / f'spaces-{parent}'}"
        more = (how, f"--incremental={manifest}", "-cfast", *([mapping] if how == "-Fp" else []))
        shop.tool("pg_basebackup", f"--pgdata={target}", *more)
        (folder := apart / parent).mkdir()
        around = shop.look(target, folder)
        shutil.copytree(shop.folder / parent, folder / "kept" / parent, symlinks=True)
        reading, drill = backup_reading.gather(around), restore_drill.gather(around)
        assert (drill.kind, drill.error, reading.said) == ("incremental", "", "")
        assert {"public.customer", "public.later"} <= {
            one.name for one in drill.tables if one.equal
        }


def test_a_link_to_the_targets_tablespace_is_refused(shop, apart, untouched):
    around = shop.look(shop.folder / "plain", apart)
    (link,) = (apart / "kept" / "plain" / "pg_tblspc").iterdir()
    shutil.rmtree(link)  # look() copied through it
    link.symlink_to(fast(shop))
    with pytest.raises(NotSeen, match="which the target itself uses"):
        restore_drill.gather(around)
    assert not list((apart / "scratch").iterdir())


def test_a_map_to_the_targets_tablespace_is_not_followed(shop, apart, untouched):
    """A server that starts with such a map replaces the links in the data directory by it."""
    around = shop.look(shop.folder / "plain", apart)
    (space,) = (apart / "kept" / "plain" / "pg_tblspc").iterdir()
    (apart / "kept" / "plain" / "tablespace_map").write_text(f"{space.name} {fast(shop)}\n")
    drill = restore_drill.gather(around)
    assert drill.error == ""
    assert "public.customer" in {one.name for one in drill.tables if one.equal}


@pytest.mark.parametrize("part", ["base.tar", "pg_wal.tar", "space"])
@pytest.mark.parametrize("damage", ["half", "flipped", "missing"])
def test_a_damaged_tar_file_is_noticed(shop, apart, part, damage):
    around = shop.look(shop.folder / "tar", apart)
    kept = apart / "kept" / "tar"
    spaces = [one for one in kept.glob("*.tar") if one.stem.isdigit()]
    path = spaces[0] if part == "space" else kept / part
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
        if part == "base.tar":
            with pytest.raises(NotSeen, match="no backup of a known format"):
                backup_reading.gather(around)
            return
    elif damage == "half":
        path.write_bytes(content[: len(content) // 2])
    elif part == "pg_wal.tar":
        return  # no manifest covers WAL, which has sums of its own
    else:
        content[first_page(path)] ^= 1
        path.write_bytes(content)
    reading = backup_reading.gather(around)
    if (part, damage) == ("pg_wal.tar", "missing"):
        assert "holds no WAL" in reading.said
    assert backup_verification.CHECK.shows(reading)["readable_end_to_end"] == "FAIL"


def first_page(path: Path) -> int:
    """Return where the content of a large file in an archive begins."""
    with tarfile.open(path) as archive:
        return max(archive.getmembers(), key=lambda one: one.size).offset_data


def test_what_is_added_to_a_tar_file_is_noticed(shop, apart):
    around = shop.look(shop.folder / "tar", apart)
    with tarfile.open(apart / "kept" / "tar" / "base.tar", "a") as archive:
        one = tarfile.TarInfo("base/5/evil")
        one.size = 4
        archive.addfile(one, io.BytesIO(b"evil"))
    assert "base/5/evil is not in the manifest" in backup_reading.gather(around).said


@pytest.mark.parametrize("kind", ["tar", "taken"])
def test_a_moment_is_recovered_with_packed_wal(shop, kind, apart, untouched, need):
    need("zstd")
    login = secret(apart, "drill", shop.cluster.dsn(SUPERUSER, PASSWORD, DATABASE))
    drills = Drills(dsn=login, base_backup_dsn=login, run=("pitr",))
    around = shop.look(
        shop.folder / "tar",
        apart,
        drills=drills,
        wal_archive=shop.folder / "home" / "archive",
        **({"pattern": "none"} if kind == "taken" else {}),
    )
    drill = point_in_time_recovery.gather(around)
    assert (drill.recovered.error, drill.before_recovered, drill.after_recovered) == ("", 10, 0)
    assert pitr.CHECK.shows(drill)["recovered_to_a_marker"] == "PASS"
