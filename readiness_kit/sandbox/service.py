"""The two processes of the service, and the environment they are started with."""

import dataclasses
import signal
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from readiness_kit.sandbox import tracker
from readiness_kit.sandbox.layout import DATABASE, Layout, Ports, Variant
from readiness_kit.servers.ports import LOOPBACK, http_get
from readiness_kit.servers.process import Command, Process

POOL_SIZE = 10
VERSION = "1.4.0"
ISSUER = "https://login.quill.invalid"
AUDIENCE = "quill-api"
FACTORY = "readiness_kit.sandbox.app:create_app"


class Instance(Process):
    """One process of the service."""

    def __init__(self, layout: Layout, name: str, port: int, environment: dict[str, str]) -> None:
        """Describe the process *name* on *port*."""
        self.name = name
        self.port = port
        self.log_lines = layout.logs / f"{name}.jsonl"
        self.log_lines.touch(mode=0o600)
        self.pid_file = layout.logs / f"{name}.pid"
        own = {"APP_INSTANCE": name, "APP_LOG_FILE": str(self.log_lines)}
        self._own_environment = environment | own
        super().__init__(
            Command(
                name=f"service process {name}",
                argv=[
                    *(sys.executable, "-m", "uvicorn", "--factory", FACTORY),
                    *("--host", LOOPBACK, "--port", str(port)),
                    *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "3"),
                ],
                log=layout.logs / f"{name}.out",
                directory=layout.root,
                environment=self._own_environment,
                death_signal=signal.SIGKILL,
            )
        )

    def configure(self, more: Mapping[str, str]) -> bool:
        """Have *more* on top of its variables when it starts next; tell whether that is new."""
        wanted = {**self._own_environment, **more}
        changed = wanted != self.command.environment
        self.command = dataclasses.replace(self.command, environment=wanted)
        return changed

    def note_pid(self) -> None:
        """Write its process id where the target's description says."""
        self.pid_file.write_text(f"{self.pid}\n")

    def ready(self) -> bool:
        """Tell whether it and all it depends on answer; stock has no such endpoint."""
        return http_get(self.port, "/ready")[0] == HTTPStatus.OK

    def alive(self) -> bool:
        """Tell whether it answers at all."""
        return http_get(self.port, "/health")[0] == HTTPStatus.OK


def service_environment(
    layout: Layout, ports: Ports, variant: Variant, passwords: dict[str, str]
) -> dict[str, str]:
    """Return what the service is configured with, as ``deploy/quill.env`` has it."""
    dsn = application_dsn(layout, ports, variant, passwords)
    tracked = {"SENTRY_DSN": tracker.address(ports, passwords)} if variant == "hardened" else {}
    return {
        "APP_VARIANT": variant,
        "APP_RELEASE": f"quill@{VERSION}",
        "APP_POOL_SIZE": str(POOL_SIZE),
        "FRAISEQL_ENVIRONMENT": "production",
        "APP_CRASH_ROUTE": "true",
        "FRAISEQL_DATABASE_URL": dsn,
        "DATABASE_URL": dsn,
        "REDIS_URL": cache_url(ports.cache_way, variant, passwords),
        "REDIS_CA": str(layout.ca),
        "SECRET_KEY": passwords["session"],
        "JWT_SECRET": passwords["jwt"],
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        **tracked,
    }


def cache_url(port: int, variant: Variant, passwords: dict[str, str]) -> str:
    """Return the URL of the cache behind *port*."""
    if variant == "stock":
        return f"redis://{LOOPBACK}:{port}/0"
    return f"rediss://:{passwords['cache']}@{LOOPBACK}:{port}/0"


def application_dsn(
    layout: Layout, ports: Ports, variant: Variant, passwords: dict[str, str]
) -> str:
    """Return the service's connection string: both servers, whichever accepts writes."""
    if variant == "stock":
        return f"postgresql://postgres:{passwords['superuser']}@{LOOPBACK}:{ports.database_way}/{DATABASE}"
    hosts = f"{LOOPBACK}:{ports.database_way},{LOOPBACK}:{ports.standby_way}"
    options = {
        "sslmode": "verify-full",
        "sslrootcert": str(layout.ca),
        "target_session_attrs": "read-write",
        "connect_timeout": "3",
    }
    login = f"quill_app:{passwords['application']}"
    return f"postgresql://{login}@{hosts}/{DATABASE}?{urlencode(options, safe='/')}"


def write_environment_file(path: Path, environment: dict[str, str]) -> Path:
    """Write *environment* as ``NAME=value`` lines that only the owner may read."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    return path
