"""Rows and digest of each table: what a restored database is compared with.

Best taken where the backup is made, in the backup's own snapshot, so that what was written since
does not matter::

    python -m readiness_kit.drills.sums -- pg_dump -Fc --file=shop.dump > shop.dump.sums

``READINESS_DB_DSN`` names the database; ``--snapshot=…`` and the database are added to the command.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString, NamedTuple

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from readiness_kit.errors import NotSeen

Connection = psycopg.Connection[tuple[object, ...]]

OWN_SCHEMA = "readiness_drill"
"""Where drills write; no part of the service."""

TABLES: LiteralString = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND relpersistence = 'p' AND relispopulated
      AND nspname NOT IN ('pg_catalog', 'information_schema', %s) AND nspname !~ '^pg_toast'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e'
                      AND classid = 'pg_class'::regclass)
    ORDER BY nspname, relname
"""

RENDERING: LiteralString = """
    SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = ''
"""
"""So that the same row reads the same on both sides."""

DIGESTS = sql.SQL(
    'COPY (SELECT md5(readiness_row::text) COLLATE pg_catalog."C" AS digest '
    "FROM ONLY {} AS readiness_row ORDER BY digest) TO STDOUT"
)


class Sum(msgspec.Struct, frozen=True):
    """One table."""

    rows: int
    sha256: str
    """Digest over the sorted MD5 digests of its rows, each on a line."""


Sums = dict[str, Sum]


class Counted(NamedTuple):
    """What was read, and what was not."""

    sums: Sums
    denied: tuple[str, ...]
    """Tables that the role may not read."""


def count(connection: Connection, snapshot: str = "") -> Counted:
    """Read every table of the database in one read-only snapshot, that called *snapshot* if given.

    Raises:
        NotSeen: The database did not answer to the end.

    """
    sums: Sums = {}
    denied = []
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if snapshot:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            connection.execute(RENDERING)
            for schema, table in connection.execute(TABLES, [OWN_SCHEMA]).fetchall():
                name = f"{schema}.{table}"
                try:
                    with connection.transaction():
                        sums[name] = _sum(connection, str(schema), str(table))
                except psycopg.errors.InsufficientPrivilege:
                    denied.append(name)
    except psycopg.Error as error:
        raise NotSeen(f"the tables were not read to the end: {_first_line(error)}") from error
    return Counted(sums, tuple(denied))


def _sum(connection: Connection, schema: str, table: str) -> Sum:
    digest, rows = hashlib.sha256(), 0
    query = DIGESTS.format(sql.Identifier(schema, table))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            digest.update(block)
            rows += bytes(block).count(b"\n")
    return Sum(rows, digest.hexdigest())


def read(path: Path) -> Sums | None:
    """Return what lies beside a backup at *path*; ``None`` where nothing does.

    Raises:
        NotSeen: It cannot be read.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sums)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise NotSeen(f"{path} holds no sums: {error}", hint="make it again") from error


def write(sums: Mapping[str, Sum]) -> bytes:
    """Return *sums* as they are kept beside a backup."""
    return msgspec.json.format(msgspec.json.encode(sums, order="sorted")) + b"\n"


def export(connection: Connection) -> str:
    """Begin a snapshot that others may see as well, and return its name.

    It lives until the connection's transaction ends.
    """
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None  # noqa: S101 - a function without FROM gives one row
    return str(row[0])


def main(arguments: list[str]) -> int:
    """Make a backup with the command given, and write the sums of its snapshot; return its status.

    The sums come last, so that they are missing where the backup failed.
    """
    parser = argparse.ArgumentParser(prog="readiness_kit.drills.sums")
    parser.add_argument("command", nargs="+", help="pg_dump and its options")
    command: list[str] = parser.parse_args(arguments).command
    dsn = os.environ.get("READINESS_DB_DSN", "")
    with psycopg.connect(dsn, autocommit=True) as holder, psycopg.connect(dsn) as reader:
        snapshot = export(holder)
        counted = count(reader, snapshot)
        parts = conninfo_to_dict(dsn)
        texts = {name: str(value) for name, value in parts.items() if value is not None}
        password = texts.pop("password", "")
        more = [f"--snapshot={snapshot}", f"--dbname={make_conninfo(**texts)}"]
        secret = {"PGPASSWORD": password} if password else {}
        status = subprocess.run([*command, *more], env=os.environ | secret, check=False).returncode
    if counted.denied:
        sys.stderr.write(f"not readable by this role: {', '.join(counted.denied)}\n")
        return status or 1
    if status == 0:
        sys.stdout.write(write(counted.sums).decode())
    return status


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
