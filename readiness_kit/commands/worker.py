"""``readiness worker``: generate load on this host for a test that runs on another."""

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import click


@click.command()
@click.option("--master", required=True, metavar="HOST:PORT", help="Where the test runs.")
@click.option(
    "--secret",
    required=True,
    metavar="REF",
    help="Reference (env:NAME or file:PATH) to the secret of load.distributed.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
    help="The Locust file, the same as the test's; left out, only its health path is fetched.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
    help="Authority behind the target's certificate; left out, the system's.",
)
@click.option(
    "--token",
    "tokens",
    multiple=True,
    metavar="REF",
    help="Reference to a bearer token that users draw from. May be given several times.",
)
def command(
    master: str, secret: str, scenario: Path | None, ca: Path | None, tokens: tuple[str, ...]
) -> NoReturn:
    """Join the load test at HOST:PORT, generate its share of the load, and leave.

    Waits until there is a test to join. The plan comes from the test; scenario, authority and
    tokens are this host's own and never travel. Exit codes: 0 when the share was played, 2 usage,
    3 when the target did not answer, 129 when the test fell silent for five seconds.
    """
    from readiness_kit.errors import UsageError
    from readiness_kit.target import Secret

    host, colon, port = master.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise UsageError(f"{master!r} is no HOST:PORT", hint="for example --master 10.0.0.5:5557")
    joining = {
        "host": host,
        "port": int(port),
        "secret": Secret(secret).reveal(),
        "scenario": str(scenario) if scenario else None,
        "ca": str(ca) if ca else None,
        "tokens": [Secret(one).reveal() for one in tokens],
    }
    _become_worker(json.dumps(joining).encode())


def _become_worker(order: bytes) -> NoReturn:
    """Replace this process by the generator; its input stays open for as long as it lives."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # noqa: FBT003 - as in the standard library
    os.write(writing, order + b"\n")
    os.dup2(reading, 0)
    program = [sys.executable, "-m", "readiness_kit.harness", "worker", str(os.getppid())]
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted
