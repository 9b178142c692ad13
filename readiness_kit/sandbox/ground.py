"""A running sandbox as its changes see it: files, databases, cache, and the signals to servers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import psutil
import psycopg
import redis
from psycopg.conninfo import make_conninfo
from redis.backoff import NoBackoff
from redis.retry import Retry

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.sandbox.layout import DATABASE
from readiness_kit.sandbox.orders import order, read_orders
from readiness_kit.sandbox.state import State, is_held, read_state
from readiness_kit.sandbox.templates import fill
from readiness_kit.servers.ports import LOOPBACK, free_ports, http_get
from readiness_kit.servers.postgres import SUPERUSER

Server = Literal["primary", "standby"]

RELOAD_DEADLINE_S = 10.0
POLL_S = 0.02
RELOADED_AT = b"prometheus_config_last_reload_success_timestamp_seconds"


class Ground:
    """The sandbox in one folder, which must be running."""

    def __init__(self, root: Path) -> None:
        """Look at the sandbox in *root*.

        Raises:
            UsageError: None runs there.

        """
        self.root = root.resolve()
        self.first = read_state(self.root)
        if self.first.phase != "ready" or not is_held(self.root):
            raise UsageError(
                f"no sandbox runs in {root}", hint="start one with `readiness sandbox up`"
            )

    @property
    def state(self) -> State:
        """What its supervisor wrote last."""
        return read_state(self.root)

    def path(self, relative: str) -> Path:
        """Return where a path below the sandbox's folder really is."""
        outside = self.first.outside
        moved = outside is not None and relative.startswith("servers/")
        return (Path(outside) if outside and moved else self.root) / relative

    def paths(self, pattern: str) -> list[Path]:
        """Return the files that match *pattern*, sorted; a plain path need not exist."""
        if not set(pattern) & set("*?["):
            return [self.path(pattern)]
        base = self.path("servers/").parent if pattern.startswith("servers/") else self.root
        return sorted(path for path in base.glob(pattern) if path.is_file())

    def fill(self, text: str) -> str:
        """Replace each port's name (``@HTTPS@``), ``@DIR@``, ``@FREE@`` (a free port), secrets.

        ``@CACHE_PASSWORD@``, and the variables of ``quill.env`` (``@JWT_SECRET@``).
        """
        values = {name.upper(): str(port) for name, port in self.first.ports.items()}
        lines = (self.root / "deploy" / "quill.env").read_text(encoding="utf-8").splitlines()
        values |= {name: value for name, _, value in (line.partition("=") for line in lines)}
        values["CACHE_PASSWORD"] = self._cache_password
        if "@FREE@" in text:
            values["FREE"] = str(free_ports(1)[0])
        return fill(text, {**values, "DIR": str(self.root)})

    def secret(self, name: str) -> str:
        """Return one of the sandbox's secrets."""
        return (self.root / "secrets" / name).read_text(encoding="utf-8")

    def connect(
        self, server: Server = "primary", database: str = DATABASE
    ) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser, each statement its own transaction.

        Raises:
            ServerError: It does not answer.

        """
        port = self.first.ports["database" if server == "primary" else "standby"]
        dsn = make_conninfo(
            host=LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=self.secret("superuser_password"),
            dbname=database,
            connect_timeout=5,
            sslmode="prefer",
        )
        try:
            return psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise ServerError(f"PostgreSQL {server} does not answer: {error}") from error

    def cache(self) -> redis.Redis:
        """Connect to the cache over its socket, whatever its port and its password are now."""
        client = self._cache(self._cache_password)
        try:
            client.ping()
        except redis.AuthenticationError:
            return self._cache(None)
        return client

    def _cache(self, password: str | None) -> redis.Redis:
        return redis.Redis(
            unix_socket_path=str(self.path("servers/valkey/valkey.sock")),
            password=password,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # by default it tries for seconds
        )

    @property
    def _cache_password(self) -> str:
        return self.secret("cache_url").partition("//:")[2].partition("@")[0]

    def reload(self, server: str) -> None:
        """Have *server* read its configuration again, and return when it has.

        Raises:
            ServerError: It did not within ten seconds: its log says why.

        """
        pid = self.state.processes[server]
        if server == "nginx":
            done = self._workers_are_new(pid)
        elif server == "prometheus":
            done = self._rules_loaded()
        else:
            done = self._loaded(server)
        os.kill(pid, signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_DEADLINE_S
        while not done():
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{server} did not take its new configuration",
                    hint=f"see its log below {self.path('servers/')}",
                )
            time.sleep(POLL_S)

    def restart(self, server: str) -> None:
        """Stop *server* and start it again.

        Raises:
            ServerError: It does not start.

        """
        given = read_orders(self.root)
        order(self.root, msgspec.structs.replace(given, stopped=(*given.stopped, server)))
        order(self.root, given)

    def _workers_are_new(self, pid: int) -> Callable[[], bool]:
        before = set(_workers(pid))
        return lambda: bool(serving := set(_workers(pid))) and not serving & before

    def _rules_loaded(self) -> Callable[[], bool]:
        def when() -> list[bytes]:
            _, page = http_get(self.first.ports["prometheus"], "/metrics")
            return [line for line in page.splitlines() if line.startswith(RELOADED_AT)]

        before = when()
        return lambda: when() != before

    def _loaded(self, server: str) -> Callable[[], bool]:
        which: Server = "primary" if server.endswith("primary") else "standby"

        def when() -> object:
            with self.connect(which) as connection:
                return connection.execute("SELECT pg_conf_load_time()").fetchone()

        before = when()
        return lambda: when() != before


def _workers(pid: int) -> Iterator[int]:
    """Yield the processes of nginx that accept connections."""
    for child in psutil.Process(pid).children():
        try:
            words = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "worker process" in words and "shutting down" not in words:
            yield child.pid
