"""PgBouncer before a PostgreSQL on loopback, as an account of its own where root may not run it."""

import contextlib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from readiness_kit.servers.account import Account
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.process import Command, Process


@contextlib.contextmanager
def pooled(
    program: str,
    folder: Path,
    *,
    account: Account | None,
    server: int,
    database: str,
    logins: Mapping[str, str],
    tls: bool = False,
) -> Iterator[int]:
    """Yield the port by which *logins* reach *database* of port *server*, between transactions."""
    (port,) = free_ports(1)
    users = "".join(f'"{name}" "{word}"\n' for name, word in logins.items())
    ini = folder / "pgbouncer.ini"
    written = {
        folder / "users": users,
        folder / "pgbouncer.log": "",
        ini: f"[databases]\n{database} = host=127.0.0.1 port={server}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {folder / 'users'}\npool_mode = transaction\n"
        f"server_tls_sslmode = {'require' if tls else 'disable'}\n",
    }
    for path, text in written.items():
        path.write_text(text)
        if account:
            account.own(path)
    command = Command(
        name="pgbouncer",
        argv=[program, str(ini)],
        log=folder / "pgbouncer.log",
        directory=folder,
        account=account,
    )
    running = Process(command).start()
    try:
        running.wait_until(lambda: _connects(port), timeout_s=20)
        yield port
    finally:
        running.stop()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
