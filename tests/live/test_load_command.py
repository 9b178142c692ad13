"""``readiness load``: exit codes, and JSON alone on stdout."""

import json

import pytest
from click.testing import CliRunner
from live.load_target import LoadTarget

from readiness_kit.cli import readiness
from readiness_kit.errors import NotSeen, UsageError

pytestmark = pytest.mark.live


def run(folder, url, *arguments, environment="sandbox", path="/"):
    file = folder / "readiness.yaml"
    text = f"schema: 1\nname: shop\nenvironment: {environment}\napi: {{url: '{url}'}}\n"
    file.write_text(text + "objectives: {peak_rps: 20}\n")
    given = ["load", "benchmark", "-c", str(file), "--url", url + path, *arguments]
    return CliRunner().invoke(readiness, given, standalone_mode=False)


SHORT = ("--rate", "200", "--duration", "2", "--users", "20", "--json")


def patiently(tmp_path, *given):
    """Play again, a few times, where the host was too busy to generate load, and said so."""
    for _ in range(3):
        with LoadTarget() as target:
            done = run(tmp_path, target.url, *given)
        if json.loads(done.stdout)["invalid_reason"] != "generator_late":
            break
    return done


def test_objectives_held(tmp_path):
    done = patiently(tmp_path, *SHORT)
    said = json.loads(done.stdout)
    assert said["schema"] == "readiness-kit/load/1"
    assert (said["valid"], said["verdict"], done.return_value) == (True, "held", 0), done.stderr
    assert said["scheduled"] == said["sent"] == said["answered"] == said["corrected"]["n"] == 400
    assert said["corrected"]["p99_interval_ms"][1] <= 1000
    assert set(said["operations"]) == {"/"}
    assert said["generator"]["noise_floor_ms"] > 0


def test_objectives_not_held(tmp_path):
    with LoadTarget() as target:
        done = run(tmp_path, target.url, *SHORT, path="/broken")
    said = json.loads(done.stdout)
    assert said["corrected"]["p50_ms"] is None
    assert said["errors"] == {"http_503": 400}
    late = said["invalid_reason"] == "generator_late"
    assert (said["verdict"], done.return_value) == (("unknown", 3) if late else ("not_held", 1))


def test_too_few_samples_are_never_held(tmp_path):
    done = patiently(tmp_path, "--rate", "20", "--duration", "1", "--users", "5", "--json")
    assert (json.loads(done.stdout)["verdict"], done.return_value) == ("unknown", 3)
    assert "too_few_samples" in done.stderr


def test_zero_requests_are_never_held(tmp_path):
    done = patiently(tmp_path, "--rate", "0.1", "--duration", "1", "--users", "1", "--json")
    said = json.loads(done.stdout)
    assert said["scheduled"] == said["sent"] == 0
    assert (said["verdict"], done.return_value) == ("unknown", 3)
    assert "too_few_samples" in done.stderr


def test_production_needs_confirmation_and_is_not_touched(tmp_path):
    with LoadTarget() as target:
        done = run(tmp_path, target.url, *SHORT, environment="production")
        assert isinstance(done.exception, UsageError)
        assert "--confirm 127.0.0.1" in str(done.exception)
        assert not target.clients


def test_a_target_that_is_down_is_unknown(tmp_path, free_port):
    done = run(tmp_path, f"http://127.0.0.1:{free_port}", *SHORT)
    assert isinstance(done.exception, NotSeen)
    assert done.exception.exit_code == 3
    assert not done.stdout
