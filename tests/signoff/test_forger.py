"""What somebody may do who writes the run folder himself, before or after the four have signed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sealing import People, judged_run, people

from readiness_kit.errors import IntegrityError
from readiness_kit.evidence import canonical, manifest
from readiness_kit.records import sshsig
from readiness_kit.signoff import machine
from readiness_kit.signoff.sealed import SealedRun

Plain = dict[str, object]


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> People:
    return people(tmp_path_factory.mktemp("keys"))


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def forge(run: Path, name: str, change: Callable[[Plain], object]) -> None:
    """Change the JSON file *name* of a sealed *run*, and give it a manifest that agrees."""
    plain = json.loads((run / name).read_bytes())
    change(plain)
    (run / name).write_bytes(canonical.dumps(plain))
    reseal(run)


def reseal(run: Path) -> None:
    (run / manifest.NAME).unlink(missing_ok=True)
    manifest.write(run)
    (run / "signoff" / machine.NAME).unlink(missing_ok=True)


def put(key: str, value: object) -> Callable[[Plain], object]:
    return lambda plain: plain.update({key: value})


@pytest.mark.parametrize(
    ("names", "key", "value", "words"),
    [
        (("target.redacted.json",), "environment", "production", "different targets"),
        (("target.redacted.json",), "not_applicable", [{}], "different targets"),
        (("run.json",), "environment", "production", "different targets"),
        (("run.json",), "target_name", "bank", "different targets"),
        (("run.json",), "release", "2.0 ffff", "different targets"),
        (("run.json",), "phase", "post_launch", "different targets"),
        (("run.json",), "target_sha256", "0" * 64, "different targets"),
        (("run.json",), "kit_version", "0.0.1", "different runs: kit_version"),
        (("run.json",), "started_at", "2026-11-25T00:00:00Z", "different runs: started_at"),
        (("run.json",), "surprise", 1, "no Run"),
        (("results.json",), "kit_version", "0.0.1", "different runs: kit_version"),
        (("results.json",), "started_at", "2026-11-25T00:00:00Z", "different runs: started_at"),
        (("results.json",), "finished_at", "2026-01-01T00:00:00Z", "ended before it began"),
        (("run.json", "results.json"), "started_at", "2026-11-25T00:00:00", "has no zone"),
    ],
)
def test_a_run_under_another_label(tmp_path, team, names, key, value, words):  # noqa: PLR0917
    """Staging is not production because one file says so; nor is it another kit's run."""
    run = judged_run(tmp_path)
    for name in names:
        forge(run, name, put(key, value))
    with pytest.raises(IntegrityError, match=words):
        SealedRun.open(run)
    assert team.verify(run).exit_code == 4
