"""The account that root's servers run as."""

import os

import pytest
from folders import passable

from readiness_kit.errors import ServerError
from readiness_kit.servers import account
from readiness_kit.servers.account import Account


def test_an_ordinary_user_needs_no_other_account(monkeypatch):
    monkeypatch.setattr(account.os, "geteuid", lambda: 1000)
    assert account.unprivileged() is None


def test_root_needs_one_that_exists(monkeypatch):
    monkeypatch.setattr(account.os, "geteuid", lambda: 0)
    assert account.unprivileged().uid != 0
    with pytest.raises(ServerError, match="no account called 'nonesuch'"):
        account.unprivileged("nonesuch")


@pytest.mark.parametrize(("mode", "enters"), [(0o700, False), (0o711, True), (0o755, True)])
def test_a_folder_is_entered_by_others_only_with_their_search_bit(tmp_path, mode, enters):
    stranger = Account("stranger", os.getuid() + 4711, os.getgid() + 4711)
    (passable(tmp_path) / "inside").mkdir()
    (tmp_path / "inside").chmod(mode)
    assert stranger.may_enter(tmp_path / "inside") is enters
