"""A real repository of pgBackRest: what is told of it, read of it and restored out of it."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from backupshop import DATABASE, PASSWORD, SUPERUSER, Shop, running
from folders import passable
from webserver import secret, visit

from readiness_kit.checks.database import backup_strategy, backup_verification, pitr
from readiness_kit.checks.disaster_recovery import backup_schedule, backup_testing, objectives
from readiness_kit.checks.security import encryption_at_rest as at_rest
from readiness_kit.drills.loss import archive_recovery
from readiness_kit.drills.pitr import point_in_time_recovery
from readiness_kit.drills.restore import restore_drill
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.folder import backup_folder
from readiness_kit.probes.backups.reading import backup_reading
from readiness_kit.probes.storage.encryption import encryption_at_rest
from readiness_kit.probes.wal.archive import wal_archive
from readiness_kit.probes.wal.archiver import postgres_archiving
from readiness_kit.servers.process import clean_environment
from readiness_kit.servers.programs import major, postgres_installations
from readiness_kit.target import Backups, Database, Drills, PgBackRest

pytestmark = pytest.mark.live


class Kept(NamedTuple):
    """A shop, and the repository that holds its backups."""

    shop: Shop
    config: Path
    repository: Path

    def pgbackrest(self, *arguments: str) -> None:
        account = self.shop.cluster.postgres.account
        environment = clean_environment(self.shop.folder) | {"PGPASSWORD": PASSWORD}
        done = subprocess.run(
            ["pgbackrest", f"--config={self.config}", "--stanza=shop", *arguments],
            env=environment,
            cwd=self.shop.folder,
            user=account.uid if account else None,
            group=account.gid if account else None,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def look(self, folder: Path, run: str = "restore", **more):
        scratch = passable(folder) / "scratch"
        scratch.mkdir(exist_ok=True)
        dsn = secret(folder, "dsn", self.shop.cluster.dsn(SUPERUSER, PASSWORD, DATABASE))
        declared = PgBackRest(**{"stanza": "shop", "config": self.config, **more})
        return visit(
            "http://localhost",
            deadline_s=180,
            database=Database(dsn=dsn, scratch=scratch),
            backups=Backups(pgbackrest=declared),
            drills=Drills(dsn=dsn, restores=1, run=(run,)),
        )


CONFIG = """
[global]
repo1-path={folder}/repository
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=never shown
log-path={folder}/log
lock-path={folder}/lock
start-fast=y
[global:restore]
delta=y
link-all=y
tablespace-map-all={folder}/elsewhere
recovery-option=archive_command=touch {folder}/archived-by-a-copy
[shop]
pg1-path={folder}/shop
pg1-socket-path={folder}
pg1-port={port}
pg1-user=postgres
"""


@pytest.fixture(scope="module")
def kept(need):
    need("pgbackrest")
    program = min(postgres_installations(), key=major)  # an old pgBackRest knows no new PostgreSQL
    with tempfile.TemporaryDirectory(prefix="readiness-test-") as place:
        folder = passable(Path(place))
        config = folder / "pgbackrest.conf"
        command = f"pgbackrest --config={config} --stanza=shop archive-push %p"
        with running(
            folder,
            program,
            archive_command=command,
            unix_socket_directories=str(folder / "home"),
        ) as shop:
            yield filled(shop, config)


def filled(shop, config):
    postgres = shop.cluster.postgres
    for name in ("log", "fast"):
        postgres.folder(name)
    config.write_text(CONFIG.format(folder=postgres.home, port=shop.cluster.port))
    found = Kept(shop, config, postgres.home / "repository")
    fast = postgres.home / "fast"
    with shop.cluster.connect() as administrator:
        administrator.execute(f"CREATE TABLESPACE fast LOCATION '{fast}'".encode())
    with shop.cluster.connect(DATABASE) as administrator:
        administrator.execute("ALTER TABLE customer SET TABLESPACE fast")
    found.pgbackrest("stanza-create")
    found.pgbackrest("--type=full", "backup")
    with shop.cluster.connect(DATABASE) as administrator:
        administrator.execute("CREATE TABLE later AS SELECT 1 AS n")
    found.pgbackrest("--type=incr", "backup")
    with shop.cluster.connect(DATABASE) as administrator:
        administrator.execute("CREATE TABLE after_the_backup AS SELECT 1 AS n")
        administrator.execute("SELECT pg_switch_wal()")
    found.pgbackrest("--archive-timeout=60", "check")  # returns when a segment has arrived
    return found


@pytest.fixture
def apart(kept):
    with tempfile.TemporaryDirectory(dir=kept.shop.folder) as place:
        yield passable(Path(place))


@pytest.fixture
def damaged(kept):
    """The repository, whole again afterwards."""
    copy = kept.repository.with_name("whole")
    shutil.copytree(kept.repository, copy)
    yield kept.repository
    account = kept.shop.cluster.postgres.account
    shutil.rmtree(kept.repository)
    shutil.copytree(copy, kept.repository)
    shutil.rmtree(copy)
    for path in (kept.repository, *kept.repository.rglob("*")):
        if account:
            account.own(path)


def test_what_is_told_of_backups(kept, apart):
    around = kept.look(apart)
    folder = backup_folder.gather(around)
    assert [(one.full, one.marked) for one in folder.backups] == [(False, True), (True, True)]
    assert folder.place == "same_machine"
    shown = backup_strategy.CHECK.shows(folder)
    assert (shown["recent"], shown["other_failure_domain"]) == ("PASS", "WARN")
    assert str(kept.config) in folder.reproduce()
    assert "never shown" not in str(folder)


def test_the_archive_has_no_gap_and_what_is_lost_is_seen(kept, apart, damaged):
    around = kept.look(apart)
    whole, archiving = wal_archive.gather(around), postgres_archiving.gather(around)
    assert (whole.missing, archiving.last_in_archive) == ((), True)
    assert whole.followed >= 1
    assert backup_schedule.CHECK.shows(whole, archiving)["transaction_log"] == "PASS"
    (segment,) = damaged.glob(f"archive/shop/*/*/{whole.base}-*")
    segment.unlink()
    lost = wal_archive.gather(around)
    assert lost.missing == (whole.base,)
    assert backup_schedule.CHECK.shows(lost, archiving)["transaction_log"] == "FAIL"


def test_a_cipher_of_the_repository_is_seen(kept, apart):
    fact = encryption_at_rest.gather(kept.look(apart))
    assert at_rest.CHECK.shows(fact)["backups"] == "PASS"
    assert {one.holds for one in fact.files if one.encrypted and not one.plain} == {
        "backups",
        "wal_archive",
    }


def test_verify_is_believed_by_its_words(kept, apart, damaged):
    """Version 2.45 ends with status 0 whatever it finds."""
    around = kept.look(apart)
    reading = backup_reading.gather(around)
    assert (reading.kind, reading.said, reading.whole) == ("pgbackrest", "", True)
    assert backup_verification.CHECK.shows(reading)["readable_end_to_end"] == "PASS"
    files = (damaged / "backup" / "shop").glob("*F/pg_data/base/**/*.gz")
    largest = max(files, key=lambda one: one.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    reading = backup_reading.gather(around)
    assert "checksum invalid: 1" in reading.said
    assert backup_verification.CHECK.shows(reading)["readable_end_to_end"] == "FAIL"
    assert backup_verification.CHECK.shows(restore_drill.gather(around))["restored"] == "FAIL"


def test_it_is_restored_into_the_scratch_folder_and_nowhere_else(kept, apart):
    """Whatever the configuration says of restores: that is for the target."""
    home = kept.shop.folder / "home"
    drill = restore_drill.gather(kept.look(apart))
    assert (drill.kind, drill.error, drill.unequal()) == ("pgbackrest", "", ())
    assert {"public.later", "public.after_the_backup"} <= {one.name for one in drill.tables}
    assert backup_verification.CHECK.shows(drill)["restored"] == "PASS"
    assert backup_testing.CHECK.shows(drill)["recovery_time"] == "PASS"
    assert not list((apart / "scratch").iterdir())
    assert not (home / "elsewhere").exists()
    assert not (home / "archived-by-a-copy").exists()
    assert kept.shop.cluster.answers()


def test_a_moment_is_recovered(kept, apart):
    drill = point_in_time_recovery.gather(kept.look(apart, "pitr"))
    assert (drill.recovered.error, drill.before_recovered, drill.after_recovered) == ("", 10, 0)
    assert pitr.CHECK.shows(drill)["recovered_to_a_marker"] == "PASS"


def test_what_the_archive_has_comes_back(kept, apart):
    drill = archive_recovery.gather(kept.look(apart, "loss"))
    assert drill.recovered.error == ""
    assert "rpo" in objectives.CHECK.shows(drill)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"stanza": "none"}, "missing stanza path"),
        ({"config": Path("/nowhere/pgbackrest.conf")}, "unable to open"),
        ({"repo": 7}, "pgbackrest"),
    ],
)
def test_what_cannot_be_asked_is_not_seen(kept, apart, more, words):
    around = kept.look(apart, **more)
    for source in (backup_folder, wal_archive, backup_reading, restore_drill):
        with pytest.raises(NotSeen) as caught:
            source.gather(around)
        assert words in caught.value.message


def test_without_the_program_nothing_is_seen(kept, apart, monkeypatch):
    monkeypatch.setenv("PATH", str(apart))
    with pytest.raises(NotSeen, match="pgbackrest is not installed"):
        backup_folder.gather(kept.look(apart))
