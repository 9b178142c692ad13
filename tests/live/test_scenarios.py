"""The scenarios of ``load/`` against Quill, by the engine and by stock Locust; both clean up."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("fraiseql", reason="not installed: readiness-kit[sandbox]")

from live.test_sandbox_app import World, process

from readiness_kit.harness.conducting.drive import drive
from readiness_kit.harness.plan import Plan
from readiness_kit.harness.schedule import steady
from readiness_kit.notebook_files import packaged_load
from readiness_kit.servers.ports import LOOPBACK

pytestmark = pytest.mark.live

READS = {"Users", "User", "Posts", "Post", "Me"}
WRITES = {"CreatePost", "UpdatePost", "DeletePost"}
SCENARIOS = {
    "read_heavy": (READS, READS),
    "mixed": (WRITES | {"Posts", "Post", "User"}, READS | WRITES),
    "journey": (WRITES | {"Posts", "Post", "User"}, READS | WRITES),
    "locustfile": ({"Posts", "CreatePost"}, READS | WRITES),
}
"""Operations that the engine must send, and those that may be sent, of each scenario."""

LEFT = "SELECT count(*) FROM tb_post WHERE title LIKE 'readiness-load%'"


@pytest.fixture(scope="module")
def world():
    with tempfile.TemporaryDirectory(prefix="quill-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        made = World(Path(folder))
        made.valkey.start().wait_until(made.valkey.listening)
        with made.cluster.start():
            made.fill()
            yield made
        made.valkey.stop()


@pytest.fixture(scope="module")
def quill(world):
    with process(world) as client:
        yield client


def left(world):
    with world.cluster.connect("quill") as connection:
        (n,) = connection.execute(LEFT).fetchone()
    return n


def played(quill, scenario, **changes):
    port = quill.http.base_url.port
    plan = {
        "profile": "benchmark",
        "url": f"http://{LOOPBACK}:{port}",
        "origins": (("http", LOOPBACK, port),),
        "stages": steady(40, 5),
        "block_s": 5 / 30,
        "users": 8,
        "scenario": str(packaged_load() / f"{scenario}.py"),
        "path": "/health",
        "loopback": True,
    }
    return drive(Plan(**(plan | changes)), (quill.tokens["editor"], quill.tokens["other"])).ended


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_engine_plays_it(world, quill, scenario):
    must, may = SCENARIOS[scenario]
    ended = played(quill, scenario)
    seen = {one.name for one in ended.operations}
    assert must <= seen <= may
    assert ended.errors == {}
    assert ended.sent == ended.answered == 200
    assert left(world) == 0


def test_tags_choose_among_tasks(world, quill):
    ended = played(quill, "locustfile", tags=("read",), stages=steady(40, 2), block_s=2 / 30)
    assert {one.name for one in ended.operations} <= READS
    assert ended.errors == {}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_stock_locust_plays_it(world, quill, scenario, tmp_path):
    seen = stock(quill, tmp_path, f"{scenario}.py", "-u", "12", "-r", "12", "-t", "6s")
    assert {"Posts"} <= set(seen) <= SCENARIOS[scenario][1]
    assert sum(seen.values()) > 12
    assert left(world) == 0


def test_stock_locust_plays_one_kind_of_user(quill, tmp_path):
    seen = stock(quill, tmp_path, "locustfile.py", "-u", "3", "-t", "3s", "Reader")
    assert set(seen) <= READS


def stock(quill, folder, scenario, *options):
    """Return how often each operation was asked; a failed request fails the test."""
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "locust", "-f", str(packaged_load() / scenario), "--headless", "--json"),
            *("--host", str(quill.http.base_url), *options),
        ],
        env={**os.environ, "LOCUST_TOKEN": quill.tokens["editor"]},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not any(one["num_failures"] for one in found), done.stderr
    return {one["name"]: one["num_requests"] for one in found}
