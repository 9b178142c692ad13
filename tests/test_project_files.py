"""The files around the code agree with it and with each other."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from readiness_kit.cli import COMMANDS
from readiness_kit.harness import UNIMPORTABLE
from readiness_kit.sandbox.monitoring import PROGRAMS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements" / "dev.lock").read_text()
README = (ROOT / "README.md").read_text()
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())


def name(requirement: str) -> str:
    return re.split(r"[\s\[<>=!;~]", requirement, maxsplit=1)[0].lower().replace("_", "-")


LOCKED = {name(line) for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)}


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_everything_asked_for_is_locked(extra):
    asked = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    assert {name(one) for one in asked} <= LOCKED


def test_the_lock_holds_hashes_and_no_address():
    pins = re.findall(r"^[A-Za-z0-9][^\n]*?==[^\n]*(?:\n    [^\n]*)*", LOCK, re.MULTILINE)
    assert len(pins) == len([line for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)])
    assert all("--hash=sha256:" in pin for pin in pins)
    assert "://" not in LOCK


def test_conda_gives_what_the_sandbox_looks_for():
    packages = {name(one) for one in ENVIRONMENT["dependencies"] if isinstance(one, str)}
    assert {"python", "pip", "postgresql", "nginx", "openssh"} <= packages
    assert packages & {"valkey", "redis-server"}
    assert {"prometheus", "alertmanager"} <= packages & set(PROGRAMS)
    assert ENVIRONMENT["channels"][0] == "conda-forge"


def test_conda_installs_this_project_with_extras_that_exist():
    (pip,) = (one["pip"] for one in ENVIRONMENT["dependencies"] if isinstance(one, dict))
    (project,) = pip
    extras = set(re.findall(r"\[(.*)\]", project)[0].split(","))
    assert extras <= set(PROJECT["optional-dependencies"])
    assert {"jupyter", "sandbox"} <= extras


def test_conda_and_the_project_agree_on_python():
    (python,) = (one for one in ENVIRONMENT["dependencies"] if str(one).startswith("python "))
    assert python.removeprefix("python ") == PROJECT["requires-python"]


def test_the_readme_names_commands_and_verbs_that_exist():
    commands = set(re.findall(r"^readiness ([a-z]+)|`readiness ([a-z]+)", README, re.MULTILINE))
    assert {one or other for one, other in commands} <= set(COMMANDS)
    makefile = (ROOT / "Makefile").read_text()
    for verb in re.findall(r"^make ([a-z]+)|`make ([a-z]+)", README, re.MULTILINE):
        assert re.search(rf"^{''.join(verb)}:", makefile, re.MULTILINE), verb


def test_every_command_loads_and_explains_itself():
    from readiness_kit.cli import readiness

    for command in COMMANDS:
        found = readiness.get_command(None, command)
        assert found is not None
        assert found.help, command


def test_help_loads_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys; from readiness_kit.cli import readiness\n"
        "try: readiness.main(['--help'], standalone_mode=True)\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'plotly', 'locust', 'numpy', 'httpx', 'psycopg', 'papermill', 'IPython'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout


def test_importing_does_nothing():
    import subprocess
    import sys

    code = (
        "import pkgutil, importlib, threading, readiness_kit\n"
        "from readiness_kit.harness import UNIMPORTABLE\n"
        "skip = tuple(f'readiness_kit.harness.{name}' for name in UNIMPORTABLE)\n"
        "for m in pkgutil.walk_packages(readiness_kit.__path__, 'readiness_kit.'):\n"
        "    if not m.name.startswith(skip) and '.sandbox.app' not in m.name and '__main__' not in m.name:\n"
        "        importlib.import_module(m.name)\n"
        "print('THREADS', threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "THREADS 1"


def test_no_test_run_imports_what_gevent_would_patch():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    harness = "--ignore=readiness_kit/harness/"
    ignored = {one.removeprefix(harness) for one in options["addopts"] if one.startswith(harness)}
    rooms = {name for name in UNIMPORTABLE if (ROOT / "readiness_kit/harness" / name).is_dir()}
    assert ignored == rooms | {f"{module}.py" for module in UNIMPORTABLE - rooms}
