"""The stage on which a fault strikes."""

import functools

import pytest

pytest.register_assert_rewrite(
    "faults.cut_short",
    "faults.drilledrun",
    "faults.interrupted",
    "faults.kernels",
    "faults.lentrun",
    "faults.on_target",
    "faults.smallrun",
    "faults.stepping",
)

from faults.fault import Stage  # noqa: E402 - after what it imports is registered
from faults.stepping import Steps, kill_everywhere, world  # noqa: E402


@pytest.fixture(scope="session")
def steps():
    """Audit hooks stay for good, so there is one, which mostly ignores what it hears."""
    return Steps()


@pytest.fixture(scope="session")
def killed(tmp_path_factory):
    @functools.cache
    def runs(name, second):
        parent = tmp_path_factory.mktemp(f"{name}-{second}-")
        return kill_everywhere(name, parent, world(name).POINTS + 1, second)

    return runs


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    @functools.cache
    def folder(name):
        parent = tmp_path_factory.mktemp(name)
        world(name).prepare(parent)
        return parent

    return folder


@pytest.fixture
def stage(tmp_path, monkeypatch, steps, killed, prepared, free_port):  # noqa: PLR0917
    return Stage(tmp_path, monkeypatch, steps, killed, prepared, free_port)
