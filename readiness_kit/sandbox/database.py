"""The sandbox's PostgreSQL: primary, standby, roles, schema, archive and backups."""

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from readiness_kit.drills import sums
from readiness_kit.sandbox.failover import Pair
from readiness_kit.sandbox.layout import DATABASE, Layout, Ports, Variant
from readiness_kit.sandbox.templates import fill, packaged_file
from readiness_kit.servers.certificates import Authority
from readiness_kit.servers.ports import LOOPBACK
from readiness_kit.servers.postgres import TOOL_DEADLINE_S, Cluster, Postgres, Setting
from readiness_kit.servers.process import Process, clean_environment

STANDBY = "standby_1"
DAYS_OF_BACKUPS = 8
BACKUP_HOUR_UTC = 2

CONNECTIONS = 200

TUNED: dict[str, Setting] = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "checkpoint_completion_target": 0.9,
    "wal_buffers": "16MB",
    "default_statistics_target": 100,
    "random_page_cost": 1.1,
    "effective_io_concurrency": 200,
    "max_wal_size": "1GB",
}
RECOVERABLE: dict[str, Setting] = {
    "wal_level": "replica",
    "archive_mode": True,
    "archive_timeout": 60,
    "max_wal_senders": 10,
    "max_slot_wal_keep_size": "1GB",
    "hot_standby": True,
}
AUDITED: dict[str, Setting] = {
    "log_connections": True,
    "log_disconnections": True,
    "log_statement": "ddl",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
}

ENCRYPTED_ONLY = (
    "hostssl   all          all         127.0.0.0/8  scram-sha-256",
    "hostssl   replication  replicator  127.0.0.0/8  scram-sha-256",
    "hostnossl all          all         all          reject",
)
PLAINTEXT_TOO = ("host all all 127.0.0.0/8 scram-sha-256",)


class Database:
    """The clusters of a sandbox."""

    def __init__(
        self, layout: Layout, ports: Ports, variant: Variant, passwords: dict[str, str]
    ) -> None:
        """Describe them; :meth:`start` makes them.

        Raises:
            ServerError: No suitable PostgreSQL on this machine.

        """
        self.variant = variant
        self.layout = layout
        self.ports = ports
        self.passwords = passwords
        self.postgres = Postgres(layout.server("postgres"), layout.account)
        self.archive = self.postgres.folder("archive")
        self.primary = Cluster(
            self.postgres, "primary", port=ports.database, password=passwords["superuser"]
        )
        self.standby: Cluster | None = None
        self.pair: Pair | None = None

    def start(self, authority: Authority) -> None:
        """Create and start the primary with its data and, when hardened, the standby.

        Raises:
            ServerError: Something did not start.

        """
        hardened = self.variant == "hardened"
        self.primary.create()
        settings = self._settings(authority) if hardened else self._stock_settings(authority)
        self.primary.configure(settings, ENCRYPTED_ONLY if hardened else PLAINTEXT_TOO)
        if hardened:  # a copy, since the standby's account may not reach the one in deploy/tls
            copy = self.postgres.write(self.postgres.home / "ca.pem", authority.pem)
            self.primary.root_certificate = copy
        self.primary.start()
        self._create_roles()
        self._create_schema()
        if hardened:
            self._start_standby(settings)

    def back_up(self) -> None:
        """Dump the database as last night's job would, and leave the dumps of the days before.

        Beside the newest lie the sums of its tables, taken in its own snapshot.

        Raises:
            ServerError: The dump failed.

        """
        folder = self.layout.backups
        with self.primary.connect(DATABASE) as holder, self.primary.connect(DATABASE) as reader:
            snapshot = sums.export(holder)
            counted = sums.count(reader, snapshot).sums
            newest = self.primary.dump(DATABASE, folder / "in-progress", snapshot=snapshot)
        for age, day in enumerate(_last_days()):
            dump = folder / f"{DATABASE}-{day:%Y-%m-%d}.dump"
            if age:
                shutil.copyfile(newest, dump)
                moment = dt.datetime.combine(day, dt.time(BACKUP_HOUR_UTC), dt.UTC).timestamp()
                os.utime(dump, (moment, moment))
            else:
                dump = newest.rename(dump)
                moment = dump.stat().st_mtime
                newest = dump
                dump.with_name(f"{dump.name}.sums").write_bytes(sums.write(counted))
            marker = folder / f"{dump.name}.ok"
            marker.touch()
            os.utime(marker, (moment, moment))
        self._verify(newest, folder / "verification.result")

    def _verify(self, dump: Path, result: Path) -> None:
        """Read the newest dump to its end, as backup-verification.service does, and say how."""
        done = subprocess.run(
            [self.postgres.directory / "pg_restore", "--file=/dev/null", dump],
            env=clean_environment(self.postgres.home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TOOL_DEADLINE_S,
            check=False,
        )
        result.write_text(f"{done.returncode}\n")

    def forget_statements(self) -> None:
        """Empty pg_stat_statements, so that it shows the service and not the making of it."""
        with self.primary.connect(DATABASE) as administrator:
            administrator.execute("SELECT pg_stat_statements_reset()")

    def dsn(self, user: str, secret: str) -> str:
        """Return the connection string of *user*, whose password is *secret*, to the primary."""
        return self.primary.dsn(user, self.passwords[secret], DATABASE)

    def drill_dsn(self) -> str:
        """Return the connection string of the drills' role, to whichever server is the primary."""
        ports = [one.port for one in (self.primary, self.standby) if one]
        return make_conninfo(
            self.dsn("readiness_drill", "drill"),
            host=",".join([LOOPBACK] * len(ports)),
            port=",".join(map(str, ports)),
            target_session_attrs="read-write",
        )

    def base_backup_dsn(self) -> str:
        """Return the connection string by which a base backup is taken."""
        return self.primary.dsn("replicator", self.passwords["replicator"])

    @property
    def processes(self) -> tuple[Process, ...]:
        """The servers, the primary first."""
        return tuple(one.process for one in (self.primary, self.standby) if one)

    def answers(self, process: Process) -> bool:
        """Tell whether the cluster that *process* runs answers queries."""
        return any(
            one.answers() for one in (self.primary, self.standby) if one and one.process is process
        )

    def stop(self) -> None:
        """Stop both, the standby first."""
        if self.standby:
            self.standby.stop()
        self.primary.stop()

    def _settings(self, authority: Authority) -> dict[str, Setting]:
        return {
            **_common(),
            **TUNED,
            **RECOVERABLE,
            **AUDITED,
            **self._tls(authority),
            "ssl_min_protocol_version": "TLSv1.2",
            "archive_command": f"{self._archive_script()} %p %f",
            "restore_command": f"cp {self.archive}/%f %p",
        }

    def _stock_settings(self, authority: Authority) -> dict[str, Setting]:
        return {**_common(), **self._tls(authority)}

    def _tls(self, authority: Authority) -> dict[str, Setting]:
        leaf = authority.issue("localhost", "127.0.0.1")
        home = self.postgres.home
        return {
            "ssl": True,
            "ssl_cert_file": str(self.postgres.write(home / "server.pem", leaf.certificate)),
            "ssl_key_file": str(self.postgres.write(home / "server.key", leaf.key)),
        }

    def _archive_script(self) -> Path:
        text = fill(packaged_file("archive_wal.sh"), {"ARCHIVE": str(self.archive)})
        script = self.postgres.write(self.postgres.home / "archive_wal.sh", text)
        script.chmod(0o755)
        return script

    def _create_roles(self) -> None:
        with self.primary.connect() as administrator:
            for role, secret, options in _ROLES:
                _create_role(administrator, role, self.passwords[secret], options)
            administrator.execute("CREATE DATABASE quill OWNER quill_owner CONNECTION LIMIT 150")
            administrator.execute("REVOKE ALL ON DATABASE quill FROM PUBLIC")
            administrator.execute(
                "GRANT CONNECT ON DATABASE quill TO quill_app, readiness_probe, quill_exporter"
            )
            administrator.execute("GRANT CONNECT ON DATABASE quill TO readiness_planner")
            administrator.execute("GRANT pg_read_all_data TO readiness_planner")
            administrator.execute(
                "ALTER ROLE readiness_planner SET default_transaction_read_only = on"
            )
            administrator.execute("GRANT CONNECT, CREATE ON DATABASE quill TO readiness_drill")
            administrator.execute("GRANT pg_read_all_data, pg_signal_backend TO readiness_drill")

    def _create_schema(self) -> None:
        with self.primary.connect(DATABASE) as administrator:
            administrator.execute("GRANT pg_monitor TO readiness_probe, quill_exporter")
            administrator.execute("GRANT SELECT ON pg_hba_file_rules TO readiness_probe")
            administrator.execute(
                "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO readiness_probe"
            )
            administrator.execute("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO readiness_drill")
            administrator.execute("ALTER SCHEMA public OWNER TO quill_owner")
            administrator.execute("SET SESSION AUTHORIZATION quill_owner")
            administrator.execute(schema_sql().encode())
            administrator.execute("RESET SESSION AUTHORIZATION")
            # Afterwards: the schema takes EXECUTE from PUBLIC, which its owner may do to its own.
            administrator.execute("CREATE EXTENSION pg_stat_statements")
            administrator.execute("ANALYZE")

    def _start_standby(self, settings: dict[str, Setting]) -> None:
        self.standby = self.primary.clone(
            STANDBY,
            port=self.ports.standby,
            user="replicator",
            password=self.passwords["replicator"],
        )
        self.standby.configure(settings).start()
        replicator = ("replicator", self.passwords["replicator"])
        self.pair = Pair(self.primary, self.standby, replicator)


def schema_sql() -> str:
    """Return the statements that make the service's schema and its first data."""
    return packaged_file("schema.sql", package="readiness_kit.sandbox.app")


_ROLES: tuple[tuple[str, str, LiteralString], ...] = (
    ("quill_owner", "owner", "LOGIN"),
    ("quill_app", "application", "LOGIN CONNECTION LIMIT 60"),
    ("replicator", "replicator", "LOGIN REPLICATION CONNECTION LIMIT 8"),
    ("readiness_probe", "probe", "LOGIN CONNECTION LIMIT 10"),
    ("quill_exporter", "exporter", "LOGIN CONNECTION LIMIT 3"),
    ("readiness_drill", "drill", "LOGIN CONNECTION LIMIT 10"),
    ("readiness_planner", "planner", "LOGIN CONNECTION LIMIT 3"),
)
"""Role, name of its secret, options."""


def _create_role(
    administrator: Connection[tuple[object, ...]], role: str, password: str, options: LiteralString
) -> None:
    # A verifier instead of the password: the statement is logged (log_statement = ddl).
    verifier = administrator.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    administrator.execute(
        sql.SQL("CREATE ROLE {} " + options + " PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(verifier.decode())
        )
    )


def _common() -> dict[str, Setting]:
    return {
        "shared_preload_libraries": "pg_stat_statements",
        "password_encryption": "scram-sha-256",
        "max_connections": CONNECTIONS,
        "timezone": "UTC",
        "log_timezone": "UTC",
    }


def _last_days() -> Iterator[dt.date]:
    today = dt.datetime.now(dt.UTC).date()
    return (today - dt.timedelta(days=age) for age in range(DAYS_OF_BACKUPS))
