"""Wrong passwords, wrong authorities, a target that is down: said clearly, and nothing turns green."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from readiness_kit.results import Results, decode
from readiness_kit.sandbox.lifecycle import running
from readiness_kit.verdict import Status

pytestmark = pytest.mark.live

GREEN = {Status.PASS, Status.WARN}


@pytest.fixture(scope="module")
def sandbox():
    with running() as one:
        yield one


class Project:
    """A readiness.yaml like the sandbox's, with something wrong in it."""

    def __init__(self, sandbox, folder: Path) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.description = yaml.safe_load(sandbox.target_file.read_text())
        for name in ("secrets", "deploy"):
            (folder / name).symlink_to(sandbox.directory / name)

    def check(self, *words: str) -> subprocess.CompletedProcess[str]:
        file = self.folder / "readiness.yaml"
        file.write_text(yaml.safe_dump(self.description))
        command = [sys.executable, "-m", "readiness_kit", "check", *words, "-c", str(file)]
        command += ["--run-dir", str(self.folder / "run")]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, cwd=self.folder, check=False
        )

    def results(self) -> Results:
        return decode((self.folder / "run" / "results.json").read_bytes())

    def green(self, item: str) -> list[str]:
        return [one.id for one in self.results().item(item).claims if one.status in GREEN]


@pytest.fixture
def project(sandbox, tmp_path):
    return Project(sandbox, tmp_path)


def test_a_target_that_is_down_turns_nothing_green(project, free_port):
    api = project.description["api"]
    api["url"] = f"https://localhost:{free_port}"
    api["http_url"] = f"http://localhost:{free_port}"
    api["instances"] = [f"http://127.0.0.1:{free_port}"]
    api["metrics_urls"] = [f"http://127.0.0.1:{free_port}/metrics"]
    (project.folder / "dsn").write_text(f"host=127.0.0.1 port={free_port} user=a password=abcdefgh")
    (project.folder / "url").write_text(f"rediss://:abcdefgh@127.0.0.1:{free_port}/0")
    project.description["database"]["dsn"] = "file:dsn"
    project.description["cache"]["url"] = "file:url"
    project.description.pop("prometheus", None)  # it scrapes the real processes, and is up
    done = project.check("--allow", "canary")
    assert done.returncode == 3, done.stderr
    looked_at = {"security", "infrastructure", "monitoring", "performance", "final_verification"}
    apart = {
        # Read from files on this host, which are there whether or not the service is up.
        "security.api_keys.rotation",
        "security.api_keys.store",
        "security.authentication.secret_from_environment",
        "security.ddos_protection.lb_limit",
        "security.encryption_in_transit.services",
        "security.secrets.manager_used",
        "security.rate_limiting.per_hour",
        "infrastructure.autoscaling.configured",
        "infrastructure.load_balancer.health",
        "infrastructure.certificates.renewal",
    }
    found = [one for one in project.results().claims() if one.id not in apart]
    assert [one.id for one in found if one.status is Status.FAIL] == []
    looked_at = [one for one in found if one.id.partition(".")[0] in looked_at]
    assert [one.id for one in looked_at if one.status in GREEN] == []


def test_a_wrong_password_is_said_and_is_not_the_databases_fault(project):
    dsn = (project.sandbox.directory / "secrets" / "probe_dsn").read_text()
    words = [word for word in dsn.split() if not word.startswith("password=")]
    (project.folder / "dsn").write_text(" ".join([*words, "password=wrong-wrong-wrong"]))
    project.description["database"]["dsn"] = "file:dsn"
    done = project.check("database.parameters")
    assert done.returncode == 3
    assert "password" in done.stderr
    assert "wrong-wrong-wrong" not in done.stderr
    assert project.green("database.parameters") == []


def test_a_wrong_authority_is_said(project, tmp_path):
    from readiness_kit.servers.certificates import Authority

    (tmp_path / "other.pem").write_bytes(Authority.create("Other").pem)
    project.description["api"]["ca"] = "other.pem"
    done = project.check("security.headers", "infrastructure.certificates")
    assert done.returncode == 1
    assert project.green("security.headers") == []
    chain = project.results().item("infrastructure.certificates").claims[0]
    assert (chain.id.rpartition(".")[2], chain.status) == ("chain_and_name", Status.FAIL)


def test_an_unknown_item_is_refused_before_anything_is_asked(project):
    done = project.check("security.tsl")
    assert done.returncode == 2
    assert "security.tls" in done.stderr
    assert not (project.folder / "run").exists()


def test_an_unreadable_secret_is_refused_before_anything_is_asked(project):
    project.description["database"]["dsn"] = "file:absent"
    done = project.check("database")
    assert done.returncode == 2
    assert "absent" in done.stderr
    assert not (project.folder / "run").exists()


def test_a_run_folder_that_is_taken_is_left_alone(project):
    (project.folder / "run").mkdir()
    (project.folder / "run" / "mine").write_text("mine")
    done = project.check("security.tls")
    assert done.returncode == 3
    assert "not empty" in done.stderr
    assert [one.name for one in (project.folder / "run").iterdir()] == ["mine"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to make a small disk")
def test_a_full_disk_leaves_nothing_half_written(project, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    file = project.folder / "readiness.yaml"
    file.write_text(yaml.safe_dump(project.description))
    inner = (
        f"mount -t tmpfs -o size=64k,nr_inodes=200 none {small} && "
        f"{sys.executable} -m readiness_kit check security.tls security.headers database "
        f"-c {file} --run-dir {small}/run; code=$?; "
        f"ls -A {small}/run/facts; exit $code"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", inner],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "cannot be written" in done.stderr
    assert all(name.endswith(".json") for name in done.stdout.split()), "no leftovers"
