"""What no other exporter of the sandbox tells: the database, the backups and the certificate.

Written as a file for the node exporter's textfile collector, by the supervisor, every few seconds.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import psycopg
from cryptography import x509

from readiness_kit.sandbox.layout import HOST, Layout, Ports

PERIOD_S = 10.0

DATABASE_FIGURES = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int,
       (SELECT failed_count FROM pg_stat_archiver),
       (SELECT max(pg_wal_lsn_diff(sent_lsn, replay_lsn)) FROM pg_stat_replication)
"""
NAMES = (
    "quill_database_connections",
    "quill_database_connections_max",
    "quill_archive_failures_total",
    "quill_replication_lag_bytes",
)
"""Metric of each column of DATABASE_FIGURES; a NULL is left out."""


LAST_FIGURE = "probe_ssl_earliest_cert_expiry"
"""The figure that is there last: when the certificate that nginx shows ends."""


def write_figures(file: Path, layout: Layout, ports: Ports, dsn: str) -> None:
    """Replace *file* with the figures of this moment; what cannot be asked is left out."""
    beside = file.with_suffix(".partial")
    lines = (*_database(dsn), *_backup(layout.backups), *_certificate(ports.https))
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.replace(file)


def _database(dsn: str) -> Iterator[str]:
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(DATABASE_FIGURES).fetchone()
    except psycopg.Error:
        return
    for name, value in zip(NAMES, row or (), strict=False):
        if value is not None:
            yield f"{name} {value}"


def _backup(folder: Path) -> Iterator[str]:
    marks = [mark.stat().st_mtime for mark in folder.glob("*.dump.ok")]
    if marks:
        yield f"quill_backup_last_success_timestamp_seconds {max(marks):.0f}"


def _certificate(port: int) -> Iterator[str]:
    try:
        served = ssl.get_server_certificate((HOST, port), timeout=2)
    except OSError:
        return
    end = x509.load_pem_x509_certificate(served.encode()).not_valid_after_utc.timestamp()
    yield f'{LAST_FIGURE}{{instance="https://{HOST}:{port}"}} {end:.0f}'
