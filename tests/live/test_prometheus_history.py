"""What Prometheus remembers, asked of a real one whose memory was written down beforehand."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from webserver import Reply, secret, serve, visit

from readiness_kit.probes.metrics.traffic import answer_sizes, database_growth, request_peak
from readiness_kit.probes.storage.volumes import service_volumes
from readiness_kit.servers.ports import LOOPBACK, answers, free_ports, http_get
from readiness_kit.servers.process import Command, Process
from readiness_kit.target import Auth, Backups, Database, Prometheus, SmokeOperation

pytestmark = pytest.mark.live

DAY_S = 86_400
DAYS = 10
STEP_S = 60
GROWTH_BYTES = 1e9
"""Of the database, a day."""


def samples(folder: Path) -> str:
    """Return ten days of history in the OpenMetrics format, up to now."""
    room = os.statvfs(folder)
    size = room.f_blocks * room.f_frsize
    mount = json.dumps(mount_point(folder))
    now = int(time.time())
    whens = range(now - DAYS * DAY_S, now + 1, STEP_S)
    counted, lines = 0.0, ["# TYPE shop_requests counter"]
    for t in whens:  # 2 requests a second, and 9 in one hour two days ago
        counted += STEP_S * (9 if now - 2 * DAY_S < t <= now - 2 * DAY_S + 3600 else 2)
        lines.append(f'shop_requests_total{{instance="a:1"}} {counted} {t}')
    gauges = {
        'pg_database_size_bytes{datname="shop"}': lambda t: 50e9 + GROWTH_BYTES * (t - now) / DAY_S,
        f'node_filesystem_avail_bytes{{instance="127.0.0.1:2",mountpoint={mount}}}': lambda t: (
            5e9 - 3e9 * (t - now) / DAY_S
        ),
        f'node_filesystem_size_bytes{{instance="127.0.0.1:2",mountpoint={mount}}}': lambda _: size,
    }
    for series, value in gauges.items():
        lines.append(f"# TYPE {series.partition('{')[0]} gauge")
        lines += [f"{series} {value(t)} {t}" for t in whens]
    lines.append("# TYPE node_network_transmit_bytes counter")
    for device, each in (("eth0", 1000), ("lo", 99_000)):
        labels = f'instance="127.0.0.1:2",device="{device}"'
        lines += [
            f"node_network_transmit_bytes_total{{{labels}}} {each * (t - whens[0])} {t}"
            for t in whens
        ]
    return "\n".join([*lines, "# EOF\n"])


def mount_point(folder: Path) -> str:
    here = folder.resolve()
    while not here.is_mount():
        here = here.parent
    return str(here)


@pytest.fixture(scope="module")
def history(tmp_path_factory, need):
    prometheus, promtool = need("prometheus"), need("promtool")
    home = tmp_path_factory.mktemp("prometheus")
    (home / "past.om").write_text(samples(home))
    (home / "prometheus.yml").write_text("scrape_configs: []\n")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", home / "past.om", home / "series"],
        check=True,
        capture_output=True,
    )
    (port,) = free_ports(1)
    argv = [
        prometheus,
        f"--config.file={home}/prometheus.yml",
        f"--storage.tsdb.path={home}/series",
    ]
    argv += [f"--web.listen-address={LOOPBACK}:{port}", "--storage.tsdb.retention.time=60d"]
    command = Command(name="prometheus", argv=argv, log=home / "log", directory=home)
    with Process(command) as server:
        server.wait_until(lambda: answers(port) and http_get(port, "/-/ready")[0] == 200)
        yield Prometheus(url=f"http://{LOOPBACK}:{port}")
    shutil.rmtree(home)


def test_the_highest_rate_is_remembered(history):
    page = "# TYPE shop_requests_total counter\nshop_requests_total 1\n"
    with serve(lambda _: Reply(body=page)) as url:
        api = {"metrics_urls": (f"{url}/metrics",)}
        fact = request_peak.gather(visit(url, api=api, prometheus=history))
    assert fact.origin == "prometheus"
    assert fact.highest_rps == pytest.approx(9, rel=0.1)
    assert fact.window_s == pytest.approx(DAYS * DAY_S, rel=0.02)


def test_the_growth_of_the_database_is_remembered(history, tmp_path):
    dsn = secret(tmp_path, "dsn", "postgresql://a@127.0.0.1:1/shop")
    fact = database_growth.gather(
        visit("http://127.0.0.1:1", database=Database(dsn=dsn), prometheus=history)
    )
    first, last = fact.samples[0], fact.samples[-1]
    days = (last.at - first.at).total_seconds() / DAY_S
    assert days > DAYS - 1
    assert (last.size_bytes - first.size_bytes) / days == pytest.approx(GROWTH_BYTES, rel=0.02)
    assert len(fact.samples) >= 4 * (DAYS - 1)


def test_the_pace_at_which_this_volume_fills_is_remembered(history, tmp_path):
    fact = service_volumes.gather(
        visit("http://127.0.0.1:1", backups=Backups(directory=tmp_path), prometheus=history)
    )
    assert fact.volumes[0].shrinking_bytes_per_day == pytest.approx(3e9, rel=0.01)


def test_what_left_the_machine_is_remembered_without_what_stayed(history, tmp_path):
    smoke = (SmokeOperation(name="a", query="{ a }"),)
    auth = Auth(token=secret(tmp_path, "token", "t0ken"))
    with serve(lambda _: Reply(body={"data": {"a": 1}})) as url:
        fact = answer_sizes.gather(visit(url, auth=auth, smoke=smoke, prometheus=history))
    assert fact.highest_sent_bytes_per_s == pytest.approx(1000, rel=0.01)
