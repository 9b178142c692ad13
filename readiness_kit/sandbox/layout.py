"""Where everything of one sandbox lies, on disk and on loopback."""

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from readiness_kit.errors import ServerError
from readiness_kit.servers.account import Account
from readiness_kit.servers.ports import LOOPBACK, demand_free, free_ports
from readiness_kit.servers.relay import Way

Variant = Literal["hardened", "stock"]
VARIANTS: tuple[Variant, ...] = ("hardened", "stock")

DATABASE = "quill"
HOST = "localhost"
SPACE_BYTES = 600 * 10**6
"""Two clusters, their WAL and its archive, which grows by 16 MB a minute under writes."""

LONGEST_SOCKET_FOLDER = 80
"""A Unix socket's path holds 107 bytes; the rest is for file names below the folder."""

SECRETS = (
    "superuser",
    "owner",
    "application",
    "replicator",
    "probe",
    "exporter",
    "drill",
    "planner",
    "cache",
    "jwt",
    "session",
    "tracker",
    "tracker_reader",
)


class Ports(NamedTuple):
    """TCP ports on loopback, one a service."""

    https: int
    http: int
    pages: int
    app_1: int
    app_2: int
    database: int
    standby: int
    cache: int
    database_way: int
    standby_way: int
    cache_way: int
    prometheus: int
    alertmanager: int
    node: int
    tracker: int

    @classmethod
    def choose(cls, https: int | None = None) -> "Ports":
        """Choose free ports, with *https* for the public one if given.

        Raises:
            ServerError: *https* is taken, or there are not enough free ports.

        """
        ports = cls(*free_ports(len(cls._fields)))
        return ports._replace(https=demand_free(https, "the public address")) if https else ports

    @property
    def ways(self) -> tuple[Way, ...]:
        """Ways of the service to what it depends on, through the fault proxy."""
        return (
            Way("database", self.database_way, LOOPBACK, self.database),
            Way("database", self.standby_way, LOOPBACK, self.standby),
            Way("cache", self.cache_way, LOOPBACK, self.cache),
        )

    @property
    def apps(self) -> tuple[int, int]:
        """Ports of the two processes of the service."""
        return self.app_1, self.app_2


class Layout:
    """The folders of a sandbox.

    ::

        DIR/readiness.yaml      what the kit is pointed at
            state.json          who runs it, and how it is
            deploy/             configuration and documents, as a team would keep them
            source/             the source tree of the service
            secrets/            one secret a file, for the owner alone
            keys/               the four roles' signing keys
            logs/               of the two processes
            backups/            dated dumps
            servers/            PostgreSQL, Valkey, nginx, Prometheus, the fault proxy
    """

    def __init__(self, root: Path, account: Account | None = None) -> None:
        """Lay out a sandbox in *root*, whose servers run as *account*."""
        self.root = root
        self.account = account
        self.target_file = root / "readiness.yaml"
        self.deploy = root / "deploy"
        self.documents = self.deploy / "documents"
        self.manifests = self.deploy / "kubernetes"
        self.tls = self.deploy / "tls"
        self.source = root / "source"
        self.secrets = root / "secrets"
        self.keys = root / "keys"
        self.logs = root / "logs"
        self.backups = root / "backups"
        self.servers = root / "servers"
        self.environment_file = self.deploy / "quill.env"
        self.outside: Path | None = None

    @property
    def ca(self) -> Path:
        """Certificate of the sandbox's own authority."""
        return self.tls / "ca.pem"

    @property
    def pages(self) -> Path:
        """What nginx serves by itself."""
        return self.servers / "pages"

    @property
    def faults(self) -> Path:
        """Where the fault proxy takes orders."""
        return self.servers / "faults"

    @property
    def scratch(self) -> Path:
        """Where a scratch file beside the data may be written."""
        return self.servers / "scratch"

    def create(self) -> None:
        """Create every folder.

        ``servers`` is placed in the system's temporary folder when the servers' account could not
        pass through *root*, or when its path is too long for a Unix socket.

        Raises:
            ServerError: Too little space is left.

        """
        self.root.chmod(0o711 if self.account else 0o700)
        unreachable = self.account is not None and not self.account.may_enter(self.root)
        if unreachable or len(str(self.servers)) > LONGEST_SOCKET_FOLDER:
            self.outside = Path(tempfile.mkdtemp(prefix="readiness-servers-"))
            self.servers = self.outside / "servers"
            self.outside.chmod(0o711)
        demand_space(self.servers.parent)
        own = (self.documents, self.manifests, self.tls, self.source, self.logs, self.backups)
        for folder in own:
            folder.mkdir(parents=True)
        for folder in (self.secrets, self.keys):
            folder.mkdir(mode=0o700)
        self.servers.mkdir(mode=0o711)
        self.pages.mkdir()
        self.scratch.mkdir()
        self.faults.mkdir(mode=0o700)

    def remove_outside(self) -> None:
        """Remove what was placed outside the root."""
        if self.outside:
            shutil.rmtree(self.outside, ignore_errors=True)

    def server(self, name: str) -> Path:
        """Create and return the folder of one server."""
        folder = self.servers / name
        folder.mkdir(mode=0o755)
        return folder

    def keep_secret(self, name: str, value: str) -> Path:
        """Write a secret for the owner alone and return its file."""
        path = self.secrets / name
        beside = path.with_name(f".{name}")
        beside.touch(mode=0o600)
        beside.write_text(value)
        return beside.replace(path)


def demand_space(folder: Path) -> None:
    """Make sure that a sandbox fits on the volume of *folder*.

    Raises:
        ServerError: It does not.

    """
    free = shutil.disk_usage(folder).free
    if free < SPACE_BYTES:
        raise ServerError(
            f"a sandbox takes up to {SPACE_BYTES // 10**6} MB, and the volume of {folder} "
            f"has {free // 10**6} MB left",
            hint="free some space, or choose a folder on another volume with --dir",
        )


def make_passwords() -> dict[str, str]:
    """Return a fresh random password, 256 bits in hexadecimal digits, for each of SECRETS."""
    return {name: secrets.token_hex(32) for name in SECRETS}
