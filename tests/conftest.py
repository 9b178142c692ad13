"""What many tests share."""

import os
import shutil
import socket

import pytest
from hypothesis import settings

# Two cores may be shared with real servers: a law is not broken by a slow moment.
settings.register_profile("kit", deadline=None)
settings.load_profile("kit")


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def need():
    """Skip where a program is missing, or fail where READINESS_REQUIRE=all says it must be there."""

    def find(program: str) -> str:
        found = shutil.which(program)
        if found:
            return found
        if os.environ.get("READINESS_REQUIRE") == "all":
            pytest.fail(f"{program} is required here and not installed")
        pytest.skip(f"not installed: {program}")

    return find
