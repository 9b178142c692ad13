"""What a sandbox is, so that an undone change can be shown to be undone.

Files of the deployment with their modes and times, PostgreSQL's settings and catalogue, the cache's
settings, and which servers run.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import redis

from readiness_kit.errors import ServerError
from readiness_kit.sandbox.ground import Ground, Server

FILES = (
    "readiness.yaml",
    "deploy/**/*",
    "source/**/*",
    "backups/*",
    "servers/nginx/nginx.conf",
    "servers/pages/*",
    "servers/monitoring/*.yml",
)
CONTENT_ONLY = ("servers/postgres/*/*.conf", "secrets/*_dsn")
"""PostgreSQL writes one of them itself."""

CATALOGUE: dict[str, LiteralString] = {
    "settings": "SELECT name, setting FROM pg_settings",
    "rules of pg_hba.conf": "SELECT rule_number, type, address, auth_method FROM pg_hba_file_rules",
    "roles": "SELECT * FROM pg_roles",
    "members of roles": "SELECT * FROM pg_auth_members",
    "settings of roles": "SELECT * FROM pg_db_role_setting",
    "databases": "SELECT datname, datallowconn, datconnlimit, datacl FROM pg_database",
    "relations": "SELECT relname, relkind, relowner, relacl, relrowsecurity, reloptions"
    " FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "columns": "SELECT attrelid::regclass, attname, attacl FROM pg_attribute JOIN pg_class c"
    " ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0",
    "functions": "SELECT proname, prosrc, proacl, proconfig, prosecdef FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace",
    "indexes": "SELECT indexrelid::regclass, indisvalid FROM pg_index JOIN pg_class c"
    " ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace",
    "policies": "SELECT * FROM pg_policies",
    "extensions": "SELECT extname, extversion FROM pg_extension",
    "slots": "SELECT slot_name, slot_type FROM pg_replication_slots",
}
REPLAY: LiteralString = "SELECT pg_is_in_recovery() AND pg_is_wal_replay_paused()"

Fingerprint = dict[str, str]


def fingerprint(ground: Ground) -> Fingerprint:
    """Return what the sandbox is, part by part; what does not answer says so."""
    return dict(
        [
            *_files(ground),
            *_database(ground, "primary"),
            *_database(ground, "standby"),
            *_cache(ground),
        ]
    )


def differing(before: Fingerprint, after: Fingerprint) -> list[str]:
    """Return the parts that differ.

    >>> differing({"a": "1", "b": "2"}, {"a": "1", "c": "2"})
    ['b', 'c']
    """
    return sorted(
        part for part in before.keys() | after.keys() if before.get(part) != after.get(part)
    )


def _files(ground: Ground) -> Iterator[tuple[str, str]]:
    for pattern in FILES:
        for path in filter(Path.is_file, ground.paths(pattern)):
            yield str(path), f"{path.stat().st_mode} {path.stat().st_mtime_ns} {_digest(path)}"
    for pattern in CONTENT_ONLY:
        for path in ground.paths(pattern):
            yield str(path), _digest(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _database(ground: Ground, server: Server) -> Iterator[tuple[str, str]]:
    questions = CATALOGUE if server == "primary" else {"settings": CATALOGUE["settings"]}
    try:
        with ground.connect(server) as connection:
            for what, statement in {**questions, "replay": REPLAY}.items():
                rows = sorted(map(repr, connection.execute(statement)))
                yield f"{server}: {what}", hashlib.sha256("\n".join(rows).encode()).hexdigest()
    except (ServerError, psycopg.Error):
        yield f"{server}", "no answer"


def _cache(ground: Ground) -> Iterator[tuple[str, str]]:
    try:
        with ground.cache() as cache:
            settings = sorted(cache.config_get("*").items())
    except redis.RedisError:
        settings = []
    yield "cache: settings", hashlib.sha256(repr(settings).encode()).hexdigest()
