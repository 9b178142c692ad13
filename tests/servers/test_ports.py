"""Free ports on loopback."""

import socket

import pytest

from readiness_kit.errors import ServerError
from readiness_kit.servers import ports


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(listener):
    assert not ports.is_free(listener)
    assert ports.answers(listener)
    with pytest.raises(ServerError, match=f"port {listener}.* wanted for tests, is taken"):
        ports.demand_free(listener, "tests")


def test_free_ports_differ_and_lie_below_the_ephemeral_range():
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(port in ports.BELOW_EPHEMERAL for port in found)
    assert not any(ports.answers(port) for port in found)


def test_too_few_ports_is_an_error(monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with pytest.raises(ServerError, match="wanted 3 free ports"):
        ports.free_ports(3)
