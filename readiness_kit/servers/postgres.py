"""PostgreSQL clusters: create, start, clone as a standby, promote, dump, stop.

As root everything runs as an unprivileged account, with the programs copied when that account
cannot reach them. No Unix sockets, TLS where a certificate is given, SCRAM always.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from readiness_kit.errors import ServerError
from readiness_kit.servers import programs
from readiness_kit.servers.account import Account
from readiness_kit.servers.ports import LOOPBACK
from readiness_kit.servers.process import Command, Process, clean_environment, die_with_parent

Setting = str | int | float | bool
SUPERUSER = "postgres"
TOOL_DEADLINE_S = 600.0


class Postgres:
    """An installation of PostgreSQL, the account it runs as, and a folder for its clusters."""

    def __init__(
        self,
        home: Path,
        account: Account | None = None,
        program: programs.Program | None = None,
    ) -> None:
        """Use *program*, else what this machine has, for clusters below *home*, which must exist.

        Raises:
            ServerError: No suitable PostgreSQL, or *home* cannot be reached by *account*.

        """
        self.home = home
        self.account = account
        if account and not account.may_enter(home.parent):
            raise ServerError(
                f"{home} cannot be reached by {account.name}, who must run PostgreSQL for root",
                hint="choose a folder below one that others may pass through, as /tmp or /var/tmp",
            )
        self._adopt(home)
        program = program or programs.postgres()
        self.version = program.version
        self.directory = self._reachable(program.path.parent)

    def run(
        self,
        tool: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = TOOL_DEADLINE_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run *tool* (initdb, pg_dump …) to its end and return its output.

        Raises:
            ServerError: It failed or took too long; shows what it said last.

        """
        account = self.account
        try:
            done = subprocess.run(
                [self.directory / tool, *arguments],
                cwd=self.home,
                env={**clean_environment(self.home), **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
                umask=0o077,
                preexec_fn=die_with_parent(signal.SIGKILL),  # see spawn()
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerError(f"{tool} could not be run to its end: {error}") from error
        if done.returncode:
            said = "\n".join(f"    {line}" for line in done.stderr.splitlines()[-8:])
            raise ServerError(
                f"{tool} failed (status {done.returncode})\n{said}".rstrip(),
                hint=_remedy(done.stderr),
            )
        return done

    def write(self, path: Path, content: str | bytes) -> Path:
        """Write *path* so that only the servers' account may read it."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if self.account:
            self.account.own(path)
        return path

    def folder(self, name: str) -> Path:
        """Create and return a folder below the home for the servers' account alone."""
        path = self.home / name
        path.mkdir(mode=0o700, exist_ok=True)
        self._adopt(path)
        return path

    def _adopt(self, path: Path) -> None:
        if self.account:
            self.account.own(path)

    def _reachable(self, directory: Path) -> Path:
        if self.account is None or self.account.may_enter(directory):
            return directory
        copy = self.home / "programs"
        shutil.copytree(directory.parent, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))
        return copy / directory.name


class Cluster:
    """One PostgreSQL cluster in a folder, listening on one loopback port."""

    def __init__(self, postgres: Postgres, name: str, *, port: int, password: str) -> None:
        """Describe the cluster *name*; :meth:`create` or :meth:`clone` makes it."""
        self.postgres = postgres
        self.name = name
        self.port = port
        self.password = password
        self.data = postgres.home / name
        self.root_certificate: Path | None = None
        self.process = Process(
            Command(
                name=f"PostgreSQL {name}",
                argv=[postgres.directory / "postgres", "-D", self.data],
                log=postgres.write(postgres.home / f"{name}.log", ""),
                directory=postgres.home,
                account=postgres.account,
                stop_signal=signal.SIGINT,  # "fast": ends sessions, then a clean checkpoint
                death_signal=signal.SIGQUIT,  # "immediate": frees shared memory, recovers later
            )
        )

    def create(self) -> Self:
        """Run initdb: checksums, UTF-8, SCRAM for all.

        Raises:
            ServerError: initdb failed.

        """
        password = self.postgres.write(self.postgres.home / f"{self.name}.password", self.password)
        self.postgres.run(
            "initdb",
            f"--pgdata={self.data}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-sync",
            "--no-instructions",
        )
        password.unlink()
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write("include 'readiness.conf'\n")
        return self

    def clone(self, standby: str, *, port: int, user: str, password: str) -> "Cluster":
        """Copy this running cluster as a streaming standby with a slot of the same name.

        Raises:
            ServerError: The copy failed.

        """
        copy = Cluster(self.postgres, standby, port=port, password=self.password)
        copy.root_certificate = self.root_certificate
        self.postgres.run(
            "pg_basebackup",
            f"--pgdata={copy.data}",
            "--write-recovery-conf",
            "--create-slot",
            f"--slot={standby}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
            environment=self.client(user, password) | {"PGAPPNAME": standby},
        )
        return copy

    def configure(self, settings: Mapping[str, Setting], hba: Iterable[str] | None = None) -> Self:
        """Write *settings* over the defaults, and the lines of pg_hba.conf when given."""
        addressed = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            **settings,
        }
        lines = (f"{name} = {_quoted(value)}\n" for name, value in addressed.items())
        self.postgres.write(self.data / "readiness.conf", "".join(lines))
        if hba is not None:
            self.postgres.write(self.data / "pg_hba.conf", "\n".join([*hba, ""]))
        return self

    def start(self, *, timeout_s: float = 60.0) -> Self:
        """Start it and return when it answers queries.

        Raises:
            ServerError: It ended, or did not answer in time; shows the end of its log.

        """
        self.process.start().wait_until(self.answers, timeout_s=timeout_s)
        return self

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it: cleanly, or at once as in a crash."""
        self.process.stop(signal.SIGQUIT if immediate else None, timeout_s=30)

    def promote(self) -> None:
        """Make a standby the primary and wait until it is.

        Raises:
            ServerError: It is no standby, or did not finish.

        """
        self.postgres.run("pg_ctl", "promote", f"--pgdata={self.data}", "--wait")

    def in_recovery(self) -> bool:
        """Tell whether it is a standby at this moment."""
        with self.connect() as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return row is not None and bool(row[0])

    def dump(self, database: str, target: Path, *, snapshot: str) -> Path:
        """Write a dump of *database* in the custom format, as the caller's own account.

        It shows the database as the exported *snapshot* does.

        Raises:
            ServerError: pg_dump failed.

        """
        done = subprocess.run(
            [
                self.postgres.directory / "pg_dump",
                "-Fc",
                f"--snapshot={snapshot}",
                f"--file={target}",
                database,
            ],
            env=clean_environment(self.postgres.home) | self.client(SUPERUSER, self.password),
            capture_output=True,
            text=True,
            timeout=TOOL_DEADLINE_S,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"pg_dump failed: {done.stderr.strip()}", hint=_remedy(done.stderr))
        return target

    def dsn(self, user: str, password: str, database: str = "postgres", **more: str) -> str:
        """Return a connection string, verifying the server where it speaks TLS."""
        return make_conninfo(
            host=LOOPBACK,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            connect_timeout=5,
            **self._tls(),
            **more,
        )

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser, each statement its own transaction."""
        return psycopg.connect(self.dsn(SUPERUSER, self.password, database), autocommit=True)

    def client(self, user: str, password: str) -> dict[str, str]:
        """Return the environment by which libpq's own tools connect, nothing in their arguments."""
        names = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
        return {
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGPASSWORD": password,
            **{names[key]: value for key, value in self._tls().items()},
        }

    def _tls(self) -> dict[str, str]:
        if self.root_certificate is None:
            return {"sslmode": "disable"}
        return {"sslmode": "verify-full", "sslrootcert": str(self.root_certificate)}

    def answers(self) -> bool:
        """Tell whether it answers queries."""
        try:
            with self.connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        """Return it as it is."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def _quoted(value: Setting) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _remedy(stderr: str) -> str:
    if "No space left" in stderr:
        return "free some space (the sandbox takes about 400 MB), or choose a folder elsewhere"
    return ""
