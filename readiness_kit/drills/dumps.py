"""Dumps put into a fresh cluster: archives by pg_restore, scripts by psql.

What a dump does runs as a superuser of the scratch server, since nobody else may make what it
holds: so it may do what that server's account may. As root that is an account without rights, and
nothing of it is run as the kit's user.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from readiness_kit.drills.scratch import own_all
from readiness_kit.drills.scripts import Script, cut
from readiness_kit.errors import NotSeen, ServerError
from readiness_kit.facts.drills.restore import BackupKind
from readiness_kit.probes.backups.packed import Damaged, unpacked
from readiness_kit.probes.backups.reading import read_script, tar_end
from readiness_kit.servers.postgres import SUPERUSER, Cluster, Postgres, Setting
from readiness_kit.sources import Visit

JOBS = min(4, os.cpu_count() or 1)

HEAD_BYTES = 20_000

SETTINGS: Mapping[str, Setting] = {"max_logical_replication_workers": 0}
"""A restored subscriber must not take from the publisher what is the real one's."""

OWN_SUPERUSER, BOOTSTRAP = "readiness_scratch", "readiness_bootstrap"
"""Names in a cluster that is to have all the roles of another one."""

_DATABASE = re.compile(r"^;\s+dbname: (.+)$", re.MULTILINE)


class Fresh(Cluster):
    """A cluster whose superuser may give up the name, for a role of a dump that has it too."""

    superuser = SUPERUSER

    def dsn(self, user: str, password: str, database: str = "postgres", **more: str) -> str:
        """Return a connection string."""
        return super().dsn(self._called(user), password, database, **more)

    def client(self, user: str, password: str) -> dict[str, str]:
        """Return the environment by which libpq's own tools connect."""
        return super().client(self._called(user), password)

    def make_way(self) -> None:
        """Rename the superuser: a script of pg_dumpall makes one called so itself."""
        with self.connect() as connection:
            role, word = sql.Identifier(OWN_SUPERUSER), sql.Literal(self.password)
            create = "CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}"
            connection.execute(sql.SQL(create).format(role, word))
        self.superuser = OWN_SUPERUSER
        with self.connect() as connection:
            names = sql.Identifier(SUPERUSER), sql.Identifier(BOOTSTRAP)
            connection.execute(sql.SQL("ALTER ROLE {} RENAME TO {}").format(*names))

    def _called(self, user: str) -> str:
        return self.superuser if user == SUPERUSER else user


def fetch(path: Path, postgres: Postgres) -> Path:
    """Copy a dump into the scratch folder, where the server's account may read it."""
    copy = postgres.home / "dump"
    try:
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            with unpacked(path) as packed, copy.open("wb") as file:
                shutil.copyfileobj(packed, file)
    except Damaged as error:
        raise ServerError(f"{path} cannot be unpacked: {error.message}") from error
    except OSError as error:
        raise ServerError(f"{path} cannot be read to its end: {error}") from error
    own_all(postgres.account, copy)
    return copy


def make_roles(cluster: Cluster, roles: tuple[str, ...]) -> None:
    """Make the roles that a dump names and does not hold; none may log in."""
    with cluster.connect() as connection:
        for role in roles:
            if role != SUPERUSER:
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def unpack(visit: Visit, cluster: Cluster, dump: Path, kind: BackupKind) -> str:
    """Restore an archive of pg_dump; return the name of its database."""
    if kind == "tar" and (end := tar_end(dump)).status:
        raise ServerError(end.said)
    run, client = cluster.postgres.run, cluster.client(SUPERUSER, cluster.password)
    listed = run("pg_restore", "--list", "--", dump, timeout_s=visit.remaining_s).stdout
    found = _DATABASE.search(listed[:HEAD_BYTES])
    if found is None:
        raise ServerError(f"{dump.name} does not say which database it holds")
    run(
        "pg_restore",
        "--create",
        "--exit-on-error",
        f"--jobs={1 if kind == 'tar' else JOBS}",
        f"--dbname={SUPERUSER}",
        "--",
        dump,
        environment=client,
        timeout_s=visit.remaining_s,
    )
    return found.group(1)


def script(visit: Visit, postgres: Postgres, dump: Path) -> Script:
    """Return the script *dump*, made fit to be played.

    Raises:
        NotSeen: It holds what no dump holds.
        ServerError: It breaks off.

    """
    end = read_script(visit, dump)
    if end.status:  # psql takes the end of a cut script for the end of its data
        raise ServerError(end.said)
    folder, spaces = postgres.folder("script"), postgres.folder("tablespaces")
    found = cut(dump, folder, spaces)
    dump.unlink()
    for one in (folder, spaces):
        own_all(postgres.account, one)
    return found


def play(visit: Visit, cluster: Cluster, script: Script, name: str) -> str:
    """Run a script of pg_dump; return the name of its database, *name* where it does not say."""
    if not script.databases:
        with cluster.connect() as connection:
            create = "CREATE DATABASE {} TEMPLATE template0"
            connection.execute(sql.SQL(create).format(sql.Identifier(name)))
    _play(visit, cluster, script, SUPERUSER if script.databases else name)
    return (*script.databases, name)[0]


def play_cluster(
    visit: Visit, cluster: Fresh, script: Script, name: str
) -> tuple[str, tuple[str, ...]]:
    """Run a script of pg_dumpall; return the database called *name*, and which else it made.

    Raises:
        NotSeen: It holds no such database.

    """
    if name not in script.databases:
        raise NotSeen(
            f"the script of pg_dumpall holds no database {name}",
            hint="dump the databases, too, and not --globals-only",
        )
    cluster.make_way()
    _play(visit, cluster, script, SUPERUSER)
    return name, tuple(one for one in script.databases if one != name)


def _play(visit: Visit, cluster: Cluster, script: Script, first: str) -> None:
    for part in script.parts:
        cluster.postgres.run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            # A name with `=` in it would be read as a connection string.
            f"--dbname={make_conninfo(dbname=part.database or first)}",
            f"--file={part.file}",
            environment=cluster.client(SUPERUSER, cluster.password),
            timeout_s=visit.remaining_s,
        )
