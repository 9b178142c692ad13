"""nginx, unprivileged, with its configuration, logs and temporary files in one folder."""

from pathlib import Path

from readiness_kit.servers import programs
from readiness_kit.servers.account import Account
from readiness_kit.servers.process import Command, Process

MAIN = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
{user}events {{ worker_connections 1024; }}
"""

TEMPORARY = """\
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;
"""


class Nginx(Process):
    """A running nginx."""

    def __init__(self, home: Path, configuration: str, *, account: Account | None = None) -> None:
        """Write *configuration* into *home*, a folder of its own that must exist.

        ``$MAIN`` and ``$TEMPORARY`` in it stand for what every unprivileged nginx needs.

        Raises:
            ServerError: No nginx with TLS for HTTP and streams on this machine.

        """
        self.configuration = home / "nginx.conf"
        (home / "tmp").mkdir(exist_ok=True)
        if account:
            account.own(home / "tmp")
        user = f"user {account.name} {account.group};\n" if account else ""
        self.configuration.write_text(
            configuration.replace("$MAIN\n", MAIN.format(user=user)).replace(
                "$TEMPORARY\n", TEMPORARY
            )
        )
        super().__init__(
            Command(
                name="nginx",
                argv=[programs.nginx().path, "-p", f"{home}/", "-c", self.configuration],
                log=home / "error.log",
                directory=home,
            )
        )
