import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.environment.error_tracker import error_tracker_configuration
from readiness_kit.target import Application, Kubernetes, Source

ADDRESS = f"https://{'0123456789abcdef' * 2}@o7.tracker.example/42"
GOOD = """
import os
import sentry_sdk

RATE = 0.1

def start():
    sentry_sdk.init(dsn=os.environ.get("SENTRY_DSN"), traces_sample_rate=RATE)
"""


@pytest.fixture
def look(tmp_path):
    def gather(code=GOOD, env="SENTRY_DSN=https://x\n", manifest=None):
        tree = tmp_path / "src"
        tree.mkdir()
        (tree / "app.py").write_text(code)
        file = tmp_path / "app.env"
        file.write_text(env)
        parts = {}
        if manifest:
            (tmp_path / "deploy.yaml").write_text(manifest)
            parts["kubernetes"] = Kubernetes(manifests=(tmp_path / "deploy.yaml",))
        application = Application(environment_file=file)
        there = visit("http://x", source=Source(path=tree), application=application, **parts)
        return error_tracker_configuration.gather(there)

    return gather


def test_by_reference(look):
    fact = look()
    assert fact.set_in == ("app.env",)
    assert fact.written_in == ()
    assert fact.read_in == ("app.py:8",)
    assert fact.started_in == ("app.py:8",)
    assert [(one.where, one.rate) for one in fact.sample_rates] == [("app.py:8", 0.1)]
    assert (fact.source_files, fact.source_complete, fact.planted) == (1, True, True)


def test_a_written_address_is_found_where_it_stands(look):
    fact = look(f'\n\nfrom sentry_sdk import init as go\ngo("{ADDRESS}")\n')
    assert fact.written_in == ("app.py:4",)
    assert fact.started_in == ("app.py:4",)
    assert fact.sample_rates == ()


@pytest.mark.parametrize(
    ("given", "rate"),
    [("0", 0.0), ("1", 1.0), ("1.5", 1.5), ("float(os.environ['R'])", None), ("UNKNOWN", None)],
)
def test_rates(look, given, rate):
    fact = look(f"import sentry_sdk\nsentry_sdk.init(traces_sample_rate={given})\n")
    assert [one.rate for one in fact.sample_rates] == [rate]


@pytest.mark.parametrize(
    ("entry", "set_in", "written_in"),
    [
        ("valueFrom: {secretKeyRef: {name: s, key: k}}", 1, 0),
        (f"value: {ADDRESS}", 1, 1),
        ("value: ''", 0, 0),
    ],
)
def test_manifests(look, entry, set_in, written_in):
    manifest = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec: {{template: {{spec: {{containers: [{{name: a, env: [{{name: SENTRY_DSN, {entry}}}]}}]}}}}}}
"""
    fact = look(env="SENTRY_DSN=\n", manifest=manifest)
    named = ("deploy.yaml: Deployment/shop",)
    assert (fact.set_in, fact.written_in) == (named * set_in, named * written_in)


def test_no_source_is_not_configured():
    with pytest.raises(NotSeen) as caught:
        error_tracker_configuration.gather(visit("http://x"))
    assert caught.value.cause == "not_configured"
