"""A real server with a database, and visits that see one backup of it."""

import contextlib
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from folders import passable
from webserver import secret, visit

from readiness_kit.servers.account import unprivileged
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.postgres import SUPERUSER, Cluster, Postgres
from readiness_kit.servers.process import clean_environment
from readiness_kit.servers.programs import major
from readiness_kit.target import Backups, Database, Drills

PASSWORD = "it's secret"
SETTINGS = {
    "max_connections": 30,
    "archive_mode": True,
    "wal_level": "replica",
    "summarize_wal": True,
}
DATABASE = "shop=1"
"""A name that libpq would read as a connection string."""

SCHEMA = f"""
    CREATE ROLE "shop owner";
    CREATE DATABASE "{DATABASE}" OWNER "shop owner";
"""
TABLES = """
    CREATE TABLE customer (id int PRIMARY KEY, "odd ""name" text UNIQUE);
    CREATE TABLE "order" (id int PRIMARY KEY, customer int REFERENCES customer, t text);
    CREATE TABLE empty ();
    INSERT INTO customer SELECT n, 'customer ' || n FROM generate_series(1, 500) n;
    INSERT INTO "order" SELECT n, n % 500 + 1, md5(n::text) FROM generate_series(1, 3000) n;
    GRANT SELECT ON customer TO "shop owner";
"""


class Shop(NamedTuple):
    """A server with a database, and what was backed up of it."""

    cluster: Cluster
    folder: Path
    version: int

    def tool(self, name: str, *arguments: object) -> None:
        login = self.cluster.client(SUPERUSER, PASSWORD)
        program = self.cluster.postgres.directory / name
        done = subprocess.run(
            [program, *map(str, arguments)],
            env=clean_environment(self.folder) | login,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def look(self, backup: Path, folder: Path, drills: Drills | None = None, **more):
        """Return a visit to this server with *backup* as its only one."""
        kept = folder / "kept"
        kept.mkdir(exist_ok=True)
        for path in (backup, *backup.parent.glob(f"{backup.name}.*")):
            place = kept / path.name
            if not place.exists():
                copy = shutil.copytree if path.is_dir() else shutil.copyfile
                copy(path, place)
        scratch = passable(folder) / "scratch"
        scratch.mkdir(exist_ok=True)
        dsn = secret(folder, "dsn", self.cluster.dsn(SUPERUSER, PASSWORD, DATABASE))
        return visit(
            "http://localhost",
            deadline_s=120,
            database=Database(dsn=dsn, scratch=scratch),
            backups=Backups(directory=kept, **{"pattern": backup.name, **more}),
            drills=drills or Drills(dsn=dsn, restores=1, run=("restore",)),
        )


@contextlib.contextmanager
def running(folder: Path, program, *, archive_command: str = "cp %p {archive}/%f", **settings):
    """Yield a shop on *program*, which archives its WAL."""
    (folder / "home").mkdir()
    postgres = Postgres(folder / "home", unprivileged(), program)
    archive = postgres.folder("archive")
    (port,) = free_ports(1)
    cluster = Cluster(postgres, "shop", port=port, password=PASSWORD).create()
    version = major(program)
    command = archive_command.format(archive=archive)
    given = {**SETTINGS, "archive_command": command, **settings}
    if version < 17:
        del given["summarize_wal"]
    cluster.configure(given).start()
    try:
        with cluster.connect() as administrator:
            for statement in SCHEMA.strip().splitlines():
                administrator.execute(statement.encode())
        with cluster.connect(DATABASE) as administrator:
            administrator.execute(TABLES.encode())
        yield Shop(cluster, folder, version)
    finally:
        cluster.stop()
