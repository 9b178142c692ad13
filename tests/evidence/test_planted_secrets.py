"""Secrets that a target gives back, in every carrier and encoding, are nowhere in a run's folder."""

import base64
import dataclasses
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from tlsserver import listen
from webserver import Asked, Reply, serve

from readiness_kit import assessment as rooms
from readiness_kit.assessment import Assessment, all_sources
from readiness_kit.batch import execute
from readiness_kit.commands.report import command as report_command
from readiness_kit.evidence import manifest
from readiness_kit.notebook_files import packaged_notebooks
from readiness_kit.sources import Source, Visit

DEADLINE_S = 3.0
FORMATS = ("json", "junit", "sarif", "markdown", "html", "csv")

PLANTED = {
    "DSN": 'dsn-p@ss/w"rd\\+%&=1',
    "cache": 'cache-p@ss/w"rd\\+%&=2',
    "token": 'token-s3cret/v"lue\\+%&=3',
    "identity": 'admin-s3cret/v"lue\\+%&=4',
    "environment": 'environ-s3cret/v"lue\\+%&=5',
}
VARIABLE = "READINESS_PLANTED_SECRET"

TARGET = """
schema: 1
name: shop
environment: staging
release: {{version: "1"}}
api:
  url: {url}
  http_url: {url}
  instances: ["{url}"]
  metrics_urls: ["{url}/metrics"]
  version: /version
auth: {{token: "file:token", protected: "{{ me {{ id }} }}", jwks: /jwks}}
identities: {{admin: "file:identity", reader: "env:READINESS_PLANTED_SECRET"}}
database: {{dsn: "file:DSN", application_dsn: "file:DSN"}}
cache: {{url: "file:cache"}}
prometheus: {{url: "{url}"}}
smoke: [{{name: me, query: "{{ me {{ id }} }}"}}]
"""


def encodings(word: str) -> dict[str, str]:
    """Return the four forms in which a secret may lie about."""
    return {
        "raw": word,
        "URL": quote(word, safe=""),
        "base64": base64.b64encode(word.encode()).decode(),
        "JSON": json.dumps(word)[1:-1],
    }


FORMS = {
    (name, how): form for name, word in PLANTED.items() for how, form in encodings(word).items()
}
LEAK = " ".join(FORMS.values())


def as_json(asked: Asked) -> Reply:
    """Answer a question, and give everything away beside the answer."""
    headers = {"x-debug": LEAK, "set-cookie": f"session={quote(LEAK)}; Path=/", "server": LEAK}
    body = {"data": {"me": {"id": LEAK}}, "errors": [{"message": f"Traceback: {LEAK}"}]}
    return Reply(200, body, {**headers, "content-type": "application/json"})


def as_page(asked: Asked) -> Reply:
    """Answer with a page that shows a traceback and the environment."""
    body = f"<pre>Traceback (most recent call last)\nos.environ = {LEAK}\n{asked.headers}</pre>"
    return Reply(500, body, {"content-type": "text/html", "www-authenticate": f'X realm="{LEAK}"'})


def as_metrics(asked: Asked) -> Reply:
    """Answer as Prometheus is answered, with a secret for a label."""
    label = LEAK.replace("\\", "\\\\").replace('"', '\\"')
    return Reply(200, f'# TYPE up gauge\nup{{dsn="{label}"}} 1\n', {"location": f"/{quote(LEAK)}"})


def refuse(wire: socket.socket) -> None:
    """Refuse as PostgreSQL and as a cache do, quoting what they were given."""
    asked = wire.recv(65536)
    if asked.startswith(b"*"):
        wire.sendall(f"-WRONGPASS {LEAK}\r\n".encode())
        return
    fields = b"".join(b"%s\0" % one for one in (b"SFATAL", b"C28P01", b"M" + LEAK.encode())) + b"\0"
    wire.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


def crash(source: Source) -> Source:
    """Return *source* with a probe that dies with every secret in its message."""

    def gather(visit: Visit) -> None:
        token = LEAK
        raise RuntimeError(f"cannot parse {token}")

    return dataclasses.replace(source, gather=gather)


@pytest.fixture
def target(tmp_path, monkeypatch) -> Iterator[Path]:
    with listen(refuse) as port:
        words = {
            **PLANTED,
            "DSN": f"postgresql://app:{quote(PLANTED['DSN'], safe='')}@127.0.0.1:{port}/shop"
            "?sslmode=disable",
            "cache": f"redis://:{quote(PLANTED['cache'], safe='')}@127.0.0.1:{port}/0",
        }
        (tmp_path / "secret").mkdir()
        for name, word in words.items():
            (tmp_path / "secret" / name).write_text(word)
        monkeypatch.setenv(VARIABLE, PLANTED["environment"])
        yield tmp_path / "secret" / "readiness.yaml"


@pytest.fixture
def quick(monkeypatch) -> dict[type, Source]:
    found = {
        kind: dataclasses.replace(one, deadline_s=DEADLINE_S)
        for kind, one in all_sources().items()
        if one.effect == "read"
    }
    monkeypatch.setattr(rooms, "all_sources", lambda: found)
    monkeypatch.setattr(rooms, "WORKERS", 40)
    return found


def assess(file: Path, url: str, run: Path) -> Assessment:
    file.write_text(TARGET.format(url=url))
    found = Assessment.open(file, run)
    with found.gathering():
        found.gather()
    return found


def demand_clean(folder: Path, *said: str) -> None:
    """Demand that no form of a secret is in any file, or in what was said."""
    texts = {str(one.relative_to(folder)): one.read_bytes() for one in files(folder)}
    texts |= {f"said {n}": text.encode() for n, text in enumerate(said)}
    hits = [
        (place, *which)
        for place, text in texts.items()
        for which, form in FORMS.items()
        if form.encode() in text or json.dumps(form)[1:-1].encode() in text
    ]
    assert hits == []


def files(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


@pytest.mark.parametrize("answer", [as_json, as_page, as_metrics])
def test_what_a_target_gives_away_is_kept_nowhere(  # noqa: PLR0917
    answer, target, quick, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG, logger="readiness_kit")
    run = tmp_path / "kept" / "run"
    with serve(answer) as url:
        found = assess(target, url, run)
    found.seal(found.results())
    manifest.check(run)
    runner = CliRunner()
    argv = [f"--output={one}:{tmp_path / 'kept' / one}" for one in FORMATS]
    done = runner.invoke(report_command, [str(run), *argv], standalone_mode=False)
    assert done.exception is None, done.exception
    assert {one.name for one in (tmp_path / "kept").iterdir()} == {"run", *FORMATS}
    demand_clean(tmp_path / "kept", caplog.text, *capfd.readouterr(), done.output)
    stored = b"".join(one.read_bytes() for one in files(run / "facts"))
    assert b"[redacted]" in stored, "the control: there was something to keep"


def test_a_probe_that_dies_takes_no_secret_along(target, quick, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    broken = {kind: crash(one) for kind, one in quick.items()}
    monkeypatch.setattr(rooms, "all_sources", lambda: broken)
    with serve(as_json) as url:
        found = assess(target, url, tmp_path / "kept" / "run")
    reasons = [one.unseen.reason for one in found.folder.facts().values()]
    assert reasons
    assert all("cannot parse [redacted]" in one for one in reasons)
    demand_clean(tmp_path / "kept", caplog.text)


@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_none(target, quick, tmp_path):
    with serve(as_json) as url:
        found = assess(target, url, tmp_path / "kept" / "run")
        with found.gathering():
            notebook = packaged_notebooks() / "02_security.ipynb"
            (done,) = execute(target, found.folder, [notebook])
    assert done.problem == ""
    demand_clean(tmp_path / "kept")


def test_it_would_be_found(tmp_path):
    """The control: each form of each secret is a hit."""
    for n, form in enumerate(FORMS.values()):
        (tmp_path / f"{n}").mkdir()
        (tmp_path / f"{n}" / "file").write_text(f"a {form} b")
        with pytest.raises(AssertionError):
            demand_clean(tmp_path / f"{n}")
    assert len(FORMS) == 4 * len(PLANTED)
