"""Valkey (or Redis): in memory only, bounded, behind a password, on a port or a Unix socket."""

import shutil
import socket
from pathlib import Path

from readiness_kit.servers import programs
from readiness_kit.servers.account import Account
from readiness_kit.servers.ports import LOOPBACK, answers
from readiness_kit.servers.process import Command, Process


class Valkey(Process):
    """A cache server. Without a port it listens on ``home/valkey.sock`` alone."""

    def __init__(
        self,
        home: Path,
        *,
        account: Account | None = None,
        port: int = 0,
        password: str = "",
        memory: str = "64mb",
        policy: str = "allkeys-lru",
    ) -> None:
        """Describe a cache in *home*, a folder of its own that must exist.

        Raises:
            ServerError: No Valkey or Redis on this machine.

        """
        self.port = port
        self.socket = home / "valkey.sock"
        if account:
            account.own(home)
        settings: dict[str, str | int | Path] = {
            "bind": LOOPBACK,
            "port": port,
            "dir": home,
            "save": '""',
            "appendonly": "no",
            "maxmemory": memory,
            "maxmemory-policy": policy,
        }
        if not port:
            settings |= {"unixsocket": self.socket, "unixsocketperm": 700}
        if password:
            settings["requirepass"] = password
        configuration = home / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        if account:
            account.own(configuration)
        super().__init__(
            Command(
                name="Valkey",
                argv=[_program(home, account), configuration],
                log=home / "valkey.log",
                directory=home,
                account=account,
            )
        )

    def listening(self) -> bool:
        """Tell whether it accepts connections."""
        if self.port:
            return answers(self.port)
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0


def _program(home: Path, account: Account | None) -> Path:
    """Return the server's program, as a copy in *home* if *account* cannot reach it."""
    found = programs.valkey().path
    if account is None or account.may_enter(found.parent):
        return found
    copy = home / found.name
    shutil.copyfile(found, copy)
    copy.chmod(0o755)
    return copy
