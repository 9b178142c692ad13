"""The notebooks in a real JupyterLab in a real Chromium: asserted on what is drawn."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from readiness_kit.evidence.folder import RunFolder
from readiness_kit.notebook_files import write
from readiness_kit.target_file import load_target
from tests.reports.conftest import load_run

pytestmark = pytest.mark.live

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]

TOKEN = "a-token-for-this-test-only"

LINES = """() => [...document.querySelectorAll('.js-plotly-plot .scatterlayer .js-line')]
  .map((path) => (path.getAttribute('d') || '').length)"""


@pytest.fixture
def page(need):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1300, "height": 1500})
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: answer(page, dialog))
        yield page
        browser.close()


def answer(page, dialog):
    """Leave an unsaved notebook; any other dialog is a script of the target's."""
    if dialog.type != "beforeunload":
        page.problems.append(dialog.message)
    dialog.accept()


@pytest.fixture
def project(tmp_path):
    """Return a folder as ``readiness init`` makes it, with one finished run."""
    target = tmp_path / "readiness.yaml"
    target.write_text("schema: 1\nname: quill\nenvironment: staging\n", encoding="utf-8")
    write(tmp_path / "notebooks")
    folder = RunFolder.create(tmp_path, load_target(target), path=tmp_path / "stored")
    folder.write_fact("benchmark_load", load_run(), seconds=40.0, cost={})
    return tmp_path


@pytest.fixture
def lab(project, free_port, tmp_path):
    """Yield the address of a JupyterLab on loopback, and stop it afterwards."""
    pytest.importorskip("jupyterlab")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={free_port}", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.root_dir={project}", "--LabApp.expose_app_in_browser=True"]
    command += ["--LabApp.extension_manager=readonly", "--ServerApp.allow_root=True"]
    place = tmp_path / "home"
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(place), "JUPYTER_DATA_DIR": str(place)}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(place), "IPYTHONDIR": str(place)}
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_for(f"http://127.0.0.1:{free_port}/api?token={TOKEN}")
            yield f"http://127.0.0.1:{free_port}/lab/tree"
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(url, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def set_parameters(path: Path, **values):
    saved = json.loads(path.read_text(encoding="utf-8"))
    cell = next(one for one in saved["cells"] if one["metadata"].get("tags") == ["parameters"])
    source = "".join(cell["source"])
    for name, value in values.items():
        source = source.replace(f'{name} = ""', f"{name} = {json.dumps(value)}")
    cell["source"] = source
    path.write_text(json.dumps(saved), encoding="utf-8")


def add_markdown(path: Path, text):
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["cells"].append({"id": "a", "cell_type": "markdown", "metadata": {}, "source": text})
    path.write_text(json.dumps(saved), encoding="utf-8")


def open_notebook(page, lab, name):
    page.goto(f"{lab}/notebooks/{name}.ipynb?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    page.wait_for_selector(
        '.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=60_000, state="attached"
    )
    # The indicator turns idle before the notebook takes commands; nothing on the page says when.
    page.wait_for_timeout(2500)


def playwright_timeout():
    from playwright.sync_api import TimeoutError as Late

    return Late


def run_all(page):
    """Run every cell and wait for the last; cells out of view are not in the document."""
    ended = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
      .filter((one) => one.type === 'code').at(-1).executionCount !== null"""
    for _ in range(4):
        # What is queued before the kernel is connected is lost without a word.
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        with contextlib.suppress(playwright_timeout()):
            page.wait_for_function(ended, timeout=40_000)
            return
    keep_picture(page, "lab-stuck")
    pytest.fail("the notebook did not run to its last cell")


def scroll_to(page, text):
    """Bring the cell whose source holds *text* into view."""
    page.evaluate(
        """async (text) => {
          const content = window.jupyterapp.shell.currentWidget.content
          const at = [...content.model.cells].findIndex((one) =>
            one.sharedModel.getSource().includes(text))
          content.activeCellIndex = at
          await content.scrollToItem(at, 'start')
        }""",
        text,
    )


def outputs(page):
    """Return every output of the notebook as JSON text."""
    return page.evaluate(
        "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())"
    )


def keep_picture(page, name):
    """Save what is seen, where READINESS_PICTURES names a folder."""
    where = os.environ.get("READINESS_PICTURES")
    if where:
        page.screenshot(path=Path(where) / f"{name}.png")


def test_charts_and_tables_are_drawn(page, lab, project):
    stored = str(project / "stored")
    set_parameters(project / "notebooks" / "07_performance.ipynb", replay_from=stored)
    open_notebook(page, lab, "07_performance")
    run_all(page)
    assert "ran to its end" in outputs(page)
    scroll_to(page, 'show("performance.benchmarks")')
    keep_picture(page, "lab-first")
    page.wait_for_function(f"({LINES})().some((length) => length > 200)", timeout=60_000)
    keep_picture(page, "lab-chart")
    scroll_to(page, 'show("performance.queries")')
    page.locator("table.rk").first.wait_for(timeout=30_000)
    assert page.locator("table.rk caption").first.is_visible()
    assert page.locator("table.rk th[scope=row]").first.is_visible()
    keep_picture(page, "lab-table")
    assert page.locator(".jp-RenderedText[data-mime-type*=error]").count() == 0
    assert page.problems == []


def test_dollar_signs_of_a_command_are_no_formula(page, lab, project):
    notebook = project / "notebooks" / "02_security.ipynb"
    set_parameters(notebook, replay_from=str(project / "stored"))
    add_markdown(notebook, "The control: $x^2$")
    open_notebook(page, lab, "02_security")
    run_all(page)
    scroll_to(page, "The control")
    page.wait_for_selector(".jp-RenderedMarkdown mjx-container", timeout=90_000)
    scroll_to(page, 'show("security.tls")')
    remedy = page.locator("p", has_text="ssl_protocols").first
    remedy.wait_for(timeout=60_000)
    assert "https://$host$request_uri;" in remedy.inner_text()
    assert page.locator(".jp-OutputArea-output mjx-container").count() == 0
