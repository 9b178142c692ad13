"""A report of a hostile target in a real Chromium: no dialog, no request, no script of the target's."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tlsserver import listen
from webserver import Reply, serve

from readiness_kit import assessment as rooms
from readiness_kit.assessment import Assessment, all_sources
from readiness_kit.commands.report import command as report_command
from readiness_kit.reports.html import html
from readiness_kit.reports.item import item_view
from readiness_kit.target import Objectives
from tests.live.test_jupyterlab import FLAGS
from tests.reports.conftest import AT, HOSTILE, Hit, Hostile, load_run, results_with

pytestmark = pytest.mark.live

BEACONS = (
    "<img src={url}/img onerror=alert(1)>",
    "<script src={url}/script></script><script>alert(2)</script>",
    "<link rel=stylesheet href={url}/css><style>@import '{url}/import';</style>",
    "<style>body{{background:url({url}/url)}}</style>",
    "<iframe src={url}/frame srcdoc='<script>parent.alert(3)</script>'></iframe>",
    "<svg><image href={url}/svg /><script>alert(4)</script></svg>",
    "<meta http-equiv=refresh content='0;url={url}/refresh'><base href={url}/>",
    "<form action={url}/form><input autofocus onfocus=alert(5)><button>x</button></form>",
    '"><video src={url}/video onerror=alert(6)></video><!--',
    "</script></style></title></textarea><body onload=alert(7)>",
    "<details open ontoggle=alert(8)><summary>x</summary></details>",
    "<a href=javascript:alert(9) id=trap>x</a>",
)
"""What a browser would act upon, were it markup."""

TARGET = """
schema: 1
name: shop
environment: staging
release: {{version: "1"}}
api: {{url: "{tls}", http_url: "{url}", instances: ["{url}"], metrics_urls: ["{url}/metrics"],
      version: /version}}
auth: {{token: "file:token", protected: "{{ me {{ id }} }}", jwks: /jwks}}
prometheus: {{url: "{url}"}}
smoke: [{{name: me, query: "{{ me {{ id }} }}"}}]
"""

PROVOKE = """() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  for (const one of document.querySelectorAll('*'))
    for (const kind of ['mouseover', 'focus', 'click', 'toggle', 'pointerenter'])
      if (!(one instanceof HTMLAnchorElement) && !one.closest('.js-plotly-plot')) one.dispatchEvent(new Event(kind, {bubbles: true}));
  return document.querySelectorAll('iframe, form, img, video, link, base, object, embed').length;
}"""


class Seen(NamedTuple):
    """What a page did."""

    dialogs: list[str]
    requests: list[str]
    problems: list[str]
    elements: int
    """Elements that no report of ours has."""


@pytest.fixture(scope="module")
def browser(need):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def look(browser, tmp_path) -> Callable[[Path], Seen]:
    def at(file: Path) -> Seen:
        page = browser.new_page()
        dialogs, requests, problems = [], [], []

        def dismiss(dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismiss)
        page.on("request", lambda one: requests.append(one.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(file.as_uri(), wait_until="load")
        elements = page.evaluate(PROVOKE)
        page.wait_for_function("() => document.readyState === 'complete'")
        page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))"
        )
        page.close()
        outside = [one for one in requests if one != file.as_uri()]
        return Seen(dialogs, outside, problems, elements)

    return at


@pytest.fixture
def beacon() -> Iterator[tuple[str, list[str]]]:
    """A server that must never hear of whoever reads a report."""
    heard: list[str] = []

    def answer(asked):
        heard.append(asked.path)
        return Reply(200, "alert(10)")

    with serve(answer) as url:
        yield url, heard


def test_hostile_text_everywhere_in_a_report(look, tmp_path):
    fact = Hostile(
        observed_at=AT,
        said=HOSTILE[0],
        numbers=(1.0,),
        by_name=dict(zip(HOSTILE, reversed(HOSTILE), strict=True)),
        hits=tuple(Hit(name=one, said=one) for one in HOSTILE),
    )
    file = tmp_path / "report.html"
    text = html(results_with(HOSTILE), lambda _: (fact, load_run()), Objectives())
    file.write_text(text, encoding="utf-8", errors="replace")
    assert look(file) == Seen([], [], [], 0)


def test_beacons_in_a_report_and_in_a_notebooks_view(look, beacon, tmp_path):
    url, heard = beacon
    texts = tuple(one.format(url=url) for one in BEACONS)
    found = results_with(texts)
    (tmp_path / "report.html").write_text(html(found, lambda _: (), Objectives()))
    shown = "".join(item_view(item).html for item in found.items)
    (tmp_path / "cells.html").write_text(f"<!doctype html><title>cells</title>{shown}")
    for name in ("report.html", "cells.html"):
        assert look(tmp_path / name) == Seen([], [], [], 0)
    assert heard == []


def test_it_would_be_noticed(look, beacon, tmp_path):
    """The control: as markup, the same texts open dialogs and ask elsewhere."""
    url, heard = beacon
    (tmp_path / "page.html").write_text(
        "<!doctype html>" + "".join(one.format(url=url) for one in BEACONS[:6])
    )
    found = look(tmp_path / "page.html")
    assert found.dialogs
    assert found.elements
    assert {"/img", "/script"} <= set(heard)


def hostile_certificate(place: Path, said: str) -> tuple[Path, Path]:
    """Write a certificate whose every name says *said*, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name(
        [
            x509.NameAttribute(oid, said[:60])
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=60))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(said)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (place / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return place / "cert.pem", place / "key.pem"


def test_a_run_on_a_hostile_target(look, beacon, tmp_path, monkeypatch):
    """Payloads as headers, bodies, error messages and names in a certificate."""
    url, heard = beacon
    said = " ".join(one.format(url=url) for one in BEACONS)
    cert, key = hostile_certificate(tmp_path, BEACONS[0].format(url=url))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    (tmp_path / "token").write_text("a-token-for-this-test")

    def answer(asked):
        headers = {"x-frame-options": said, "server": said, "content-security-policy": said}
        body = {"data": {"me": {"id": said}}, "errors": [{"message": said}], "version": said}
        return Reply(200, body, headers)

    def secured(wire: socket.socket) -> None:
        with tls.wrap_socket(wire, server_side=True) as inner:
            inner.recv(65536)
            head = f"HTTP/1.1 500 {said}\r\nserver: {said}\r\ncontent-length: {len(said)}\r\n\r\n"
            inner.sendall(head.encode() + said.encode())

    quick = {kind: one for kind, one in all_sources().items() if one.effect == "read"}
    monkeypatch.setattr(rooms, "all_sources", lambda: quick)
    with serve(answer) as plain, listen(secured) as port:
        text = TARGET.format(tls=f"https://127.0.0.1:{port}", url=plain)
        (tmp_path / "readiness.yaml").write_text(text)
        run = Assessment.open(tmp_path / "readiness.yaml", tmp_path / "run")
        with run.gathering():
            run.gather()
    run.seal(run.results())
    report = tmp_path / "report.html"
    argv = [str(run.folder.path), f"--output=html:{report}"]
    assert CliRunner().invoke(report_command, argv, standalone_mode=False).exception is None
    shown = report.read_text()
    assert "&lt;img src=" in shown, "the control: it is in the report, as text"
    assert look(report) == Seen([], [], [], 0)
    assert heard == []
