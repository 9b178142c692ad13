"""Everything on paper: secrets by file, documents, source tree, and ``readiness.yaml`` itself."""

import datetime as dt
import hashlib
import shutil
import sys
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from readiness_kit.sandbox.database import Database
from readiness_kit.sandbox.description import describe
from readiness_kit.sandbox.layout import DATABASE, Layout, Ports, Variant
from readiness_kit.sandbox.service import cache_url
from readiness_kit.sandbox.signatures import write_signatures
from readiness_kit.sandbox.templates import fill, packaged_file

FILES = "readiness_kit.sandbox.files"
APP = "readiness_kit.sandbox.app"
DEPLOYED = (
    "authz.yaml",
    "backup-verification.timer",
    "backup-verification.service",
    "capacity.yaml",
    "certificate-renewal.timer",
    "certificate-renewal.service",
    "image.json",
    "mint-token",
    "rules.yml",
)
REQUIREMENTS = (
    "fraiseql",
    "graphql-core",
    "prometheus-client",
    "psycopg",
    "psycopg-pool",
    "pyjwt",
    "redis",
    "uvicorn",
)
HALF_A_YEAR = dt.timedelta(days=180)


def write_papers(
    layout: Layout,
    ports: Ports,
    variant: Variant,
    *,
    database: Database,
    environment: dict[str, str],
    monitored: bool,
) -> None:
    """Write secrets by file, source tree and signed records; ``readiness.yaml`` last."""
    _write_connection_strings(layout, database, environment)
    if variant == "hardened":
        _write_external_secret(layout)
    commit = _write_source(layout.source)
    write_signatures(layout, monitored=monitored, drilled=variant == "hardened")
    description = describe(
        layout,
        ports,
        variant,
        wal_archive=database.archive,
        commit=commit,
        monitored=monitored,
    )
    layout.target_file.write_text(
        "# A sandbox on loopback: what `readiness sandbox up` made and started.\n"
        + yaml.safe_dump(description, sort_keys=False, width=100)
    )


def _write_connection_strings(
    layout: Layout, database: Database, environment: dict[str, str]
) -> None:
    password = database.passwords["probe"]
    layout.keep_secret("probe_dsn", database.dsn("readiness_probe", "probe"))
    if database.standby:
        standby = database.standby.dsn("readiness_probe", password, DATABASE)
        layout.keep_secret("standby_dsn", standby)
    layout.keep_secret("plan_dsn", database.dsn("readiness_planner", "planner"))
    layout.keep_secret("drill_dsn", database.drill_dsn())
    layout.keep_secret("base_backup_dsn", database.base_backup_dsn())
    layout.keep_secret("application_dsn", environment["DATABASE_URL"])
    url = cache_url(database.ports.cache, database.variant, database.passwords)
    layout.keep_secret("cache_url", url)
    for role in ("superuser", "owner", "replicator"):
        layout.keep_secret(f"{role}_password", database.passwords[role])


def write_documents(layout: Layout, ports: Ports) -> None:
    """Write configuration and documents with today's date: nothing in the package grows old."""
    today = dt.datetime.now(dt.UTC).date()
    values = {name.upper(): str(port) for name, port in ports._asdict().items()} | {
        "TODAY": today.isoformat(),
        "IN_HALF_A_YEAR": (today + HALF_A_YEAR).isoformat(),
        "TLS": str(layout.tls),
        "PYTHON": sys.executable,
        "RUNBOOKS": "documents/runbooks.md",
    }
    packaged = resources.files(FILES)
    filled = (
        *((file, layout.documents) for file in packaged.joinpath("documents").iterdir()),
        *((file, layout.pages) for file in packaged.joinpath("pages").iterdir()),
        *((file, layout.manifests) for file in packaged.joinpath("kubernetes").iterdir()),
        *((packaged.joinpath(name), layout.deploy) for name in DEPLOYED),
    )
    for file, folder in filled:
        (folder / file.name).write_text(fill(file.read_text("utf-8"), values))
    (layout.deploy / "mint-token").chmod(0o700)


def _write_external_secret(layout: Layout) -> None:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    text = fill(packaged_file("external_secret.yaml"), {"TODAY": today})
    (layout.manifests / "external_secret.yaml").write_text(text)


def _write_source(source: Path) -> str:
    """Write the service's source tree and return the digest that stands for its commit."""
    code = source / "quill"
    code.mkdir()
    for file in sorted(_source_files(), key=lambda file: file.name):
        (code / file.name).write_bytes(file.read_bytes())
    shutil.move(code / "schema.sql", source / "schema.sql")
    packaged = resources.files(FILES).joinpath("schema.graphql")
    (source / "schema.graphql").write_bytes(packaged.read_bytes())
    pins = (f"{name}=={metadata.version(name)}\n" for name in REQUIREMENTS)
    (source / "requirements.txt").write_text("".join(pins))
    digest = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:40]


def _source_files() -> list[Traversable]:
    files = resources.files(APP).iterdir()
    return [file for file in files if file.name.endswith((".py", ".sql"))]
