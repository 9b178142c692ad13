"""Where a sandbox lies, and what it needs to lie there."""

import stat

import pytest

from readiness_kit.errors import ServerError
from readiness_kit.sandbox import layout
from readiness_kit.sandbox.layout import SECRETS, Layout, Ports, make_passwords
from readiness_kit.servers.account import Account


def test_too_little_space_is_told_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "SPACE_BYTES", 10**18)
    with pytest.raises(ServerError, match=r"a sandbox takes up to .* MB left"):
        Layout(tmp_path).create()
    assert list(tmp_path.iterdir()) == []


def test_servers_move_where_their_account_may_enter(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    root = tmp_path / "closed" / "box"
    root.mkdir()
    made = Layout(root, Account("stranger", 4711, 4711))
    made.create()
    try:
        assert made.outside
        assert not made.servers.is_relative_to(root)
        assert made.pages.is_dir()
    finally:
        made.remove_outside()
    assert not made.outside.exists()


def test_servers_move_where_a_unix_socket_fits(tmp_path):
    root = tmp_path / ("x" * 90)
    root.mkdir()
    made = Layout(root)
    made.create()
    assert made.outside
    made.remove_outside()


def test_a_secret_is_replaced_whole_and_for_its_owner_alone(tmp_path):
    made = Layout(tmp_path)
    made.create()
    for value in ("first", "second"):
        path = made.keep_secret("token", value)
        assert path.read_text() == value
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(made.secrets.iterdir()) == [path]


def test_ports_differ_and_the_public_one_can_be_chosen(free_port):
    ports = Ports.choose(free_port)
    assert ports.https == free_port
    assert len(set(ports)) == len(ports)


def test_every_secret_is_its_own_and_strong():
    passwords = make_passwords()
    assert set(passwords) == set(SECRETS)
    assert len(set(passwords.values())) == len(SECRETS)
    assert all(len(bytes.fromhex(value)) == 32 for value in passwords.values())
