"""The embedded deployment, put together: what starts when, and how it ends."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from readiness_kit.errors import ServerError
from readiness_kit.sandbox.database import Database
from readiness_kit.sandbox.edge import issue_certificates, make_edge
from readiness_kit.sandbox.exporter import write_figures
from readiness_kit.sandbox.layout import Layout, Ports, Variant, make_passwords
from readiness_kit.sandbox.monitoring import Monitoring
from readiness_kit.sandbox.orders import Orders, Stage
from readiness_kit.sandbox.papers import write_documents, write_papers
from readiness_kit.sandbox.service import Instance, service_environment, write_environment_file
from readiness_kit.sandbox.tokens import RENEWAL_S, write_tokens
from readiness_kit.sandbox.tracker import make_tracker
from readiness_kit.sandbox.usage import be_used
from readiness_kit.servers.account import unprivileged
from readiness_kit.servers.certificates import Authority
from readiness_kit.servers.fault_proxy import FaultProxy
from readiness_kit.servers.ports import answers
from readiness_kit.servers.process import Process
from readiness_kit.servers.valkey import Valkey

Progress = Callable[[str], None]
P = TypeVar("P", bound=Process)

SERVICE_DEADLINE_S = 60.0


class Stack:
    """Every server of one sandbox, started in an order that costs the least time.

    The service's processes spend three seconds importing, and Prometheus five until it looks at its
    targets; meanwhile the database is made. nginx comes last, so that it never sees a backend down.
    """

    def __init__(
        self,
        root: Path,
        *,
        variant: Variant = "hardened",
        https_port: int | None = None,
        progress: Progress = lambda _: None,
    ) -> None:
        """Describe a sandbox in *root*, an empty folder; nothing is started.

        Raises:
            ServerError: A port is taken.

        """
        self.variant = variant
        self.ports = Ports.choose(https_port)
        self.layout = Layout(root, unprivileged())
        self.passwords = make_passwords()
        self.instances: tuple[Instance, ...] = ()
        self.progress = progress
        self._processes: list[Process] = []
        self._database: Database | None = None
        self._monitoring: Monitoring | None = None
        self._tokens_made = 0.0
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start everything and return when the service answers through nginx.

        Raises:
            ServerError: Something did not start; everything that did is stopped.

        """
        with ExitStack() as undo:
            self._start(undo)
            self._running = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, last started first; the service's processes may finish together."""
        for instance in self.instances:
            instance.send(instance.command.stop_signal)
        self._running.close()

    def every_server(self) -> dict[str, Process]:
        """Return the servers by name."""
        found = [
            *(self._database.processes if self._database else ()),
            *self._processes,
            *(self._monitoring.processes if self._monitoring else ()),
        ]
        return {process.command.name: process for process in found}

    def tend(self) -> None:
        """Do what a living deployment does: measure, and renew the tokens before they expire."""
        if self._monitoring and self._monitoring.figures and self._database:
            dsn = self._database.dsn("quill_exporter", "exporter")
            write_figures(self._monitoring.figures, self.layout, self.ports, dsn)
        if time.monotonic() - self._tokens_made > RENEWAL_S:
            self._renew_tokens()

    def obey(self, orders: Orders) -> None:
        """Make the running servers as *orders* say.

        Raises:
            ServerError: There is no such server, or one did not start again.

        """
        servers = self.every_server()
        for name in orders.stopped:
            if name not in servers:
                raise ServerError(f"no server {name!r}", hint=f"one of {', '.join(servers)}")
            servers[name].stop()
        away = self._change_places(orders.stage)
        fresh = [one for one in self.instances if one.configure(orders.environment)]
        for instance in fresh:
            instance.send(instance.command.stop_signal)  # both finish at once
        for instance in fresh:
            instance.stop()
        away |= set(orders.stopped)
        idle = {n: one for n, one in servers.items() if n not in away and not one.running}
        for server in idle.values():
            server.start()
        for server in idle.values():
            server.wait_until(partial(self._serves, server), timeout_s=SERVICE_DEADLINE_S)
        if self._monitoring and idle and not (orders.stopped or orders.environment):
            self._monitoring.look_again()

    def _change_places(self, stage: Stage) -> set[str]:
        """Bring primary and standby to *stage*; return the names of those that are down there."""
        pair = self._database.pair if self._database else None
        if pair is None:
            return set()
        pair.become(stage)
        return {pair.down.process.command.name} if pair.down else set()

    def _serves(self, server: Process) -> bool:
        """Tell whether *server* is there for its callers again."""
        if isinstance(server, Instance):
            server.note_pid()
            return server.alive()
        if isinstance(server, (Valkey, FaultProxy)):
            return server.listening()
        if self._database and server in self._database.processes:
            return self._database.answers(server)
        port = self.ports.https if server.command.name == "nginx" else None
        return answers(port or getattr(self.ports, server.command.name))

    def _renew_tokens(self) -> None:
        write_tokens(self.layout, self.passwords["jwt"])
        self._tokens_made = time.monotonic()

    def _start(self, undo: ExitStack) -> None:
        layout, ports, variant = self.layout, self.ports, self.variant
        undo.callback(layout.remove_outside)
        layout.create()
        authority = Authority.create("Quill sandbox authority")
        issue_certificates(layout, authority)
        environment = service_environment(layout, ports, variant, self.passwords)
        write_environment_file(layout.environment_file, environment)
        write_documents(layout, ports)

        self.progress("starting the service's processes and the cache")
        self._run(undo, FaultProxy(layout.faults, ports.ways))
        if variant == "hardened":
            self._run(undo, make_tracker(layout, ports, self.passwords))
            layout.keep_secret("tracker_token", self.passwords["tracker_reader"])
        self.instances = tuple(
            self._run(undo, Instance(layout, f"quill-{number}", port, environment))
            for number, port in enumerate(ports.apps, start=1)
        )
        for instance in self.instances:
            instance.note_pid()
        cache = self._run(undo, self._cache())
        self._monitoring = monitoring = Monitoring(layout, ports, variant)
        monitoring.start(undo)

        self.progress("creating PostgreSQL: primary, standby, roles, data")
        self._database = database = Database(layout, ports, variant, self.passwords)
        undo.callback(database.stop)
        database.start(authority)

        self.progress("writing backups, documents, keys and records")
        if variant == "hardened":
            database.back_up()
        self._renew_tokens()
        write_papers(
            layout,
            ports,
            variant,
            database=database,
            environment=environment,
            monitored=monitoring.available,
        )

        self.progress("waiting for the service")
        cache.wait_until(cache.listening)
        for instance in self.instances:
            ready = instance.ready if variant == "hardened" else instance.alive
            instance.wait_until(ready, timeout_s=SERVICE_DEADLINE_S)
        edge = self._run(undo, make_edge(layout, ports, variant, cache.socket))
        edge.wait_until(lambda: answers(ports.https))
        self.tend()
        database.forget_statements()
        be_used(self.instances, (layout.secrets / "token_reader").read_text())
        monitoring.wait()

    def _run(self, undo: ExitStack, process: P) -> P:
        undo.callback(process.stop)
        self._processes.append(process.start())
        return process

    def _cache(self) -> Valkey:
        home = self.layout.server("valkey")
        if self.variant == "stock":
            return Valkey(home, account=self.layout.account, port=self.ports.cache)
        return Valkey(home, account=self.layout.account, password=self.passwords["cache"])
