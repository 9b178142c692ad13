"""Tokens are renewed before they expire, and nothing is sent with one that has."""

import time

import jwt
import pytest
from webserver import secret

from readiness_kit.errors import NotSeen
from readiness_kit.harness.conducting.identities import Identities
from readiness_kit.target import Auth, Load, Secret, Target

KEY = "a key of thirty-two bytes or more"


def token(left_s=None, **claims):
    life = {} if left_s is None else {"exp": int(time.time() + left_s)}
    return jwt.encode({**claims, **life}, KEY, "HS256")


def identities(auth=Auth(), load=Load()):  # noqa: B008 - both are frozen
    return Identities(Target(schema=1, name="shop", environment="staging", auth=auth, load=load))


def command(folder, *, prints):
    script = folder / "mint"
    (folder / "minted").write_text(prints)
    script.write_text(f"#!/bin/sh\ntest \"$1\" = reader && cat '{folder}/minted'\n")
    script.chmod(0o700)
    return (str(script), "reader")


def test_users_draw_from_identities_before_the_token_before_the_command(tmp_path):
    auth = Auth(
        token=secret(tmp_path, "token", "one"), token_command=command(tmp_path, prints="minted")
    )
    pool = (secret(tmp_path, "a", "first"), secret(tmp_path, "b", "second"))
    assert identities(auth, Load(identities=pool)).tokens() == ("first", "second")
    assert identities(auth).tokens() == ("one",)
    assert identities(Auth(token_command=auth.token_command)).tokens() == ("minted",)
    assert identities().tokens() == ()


@pytest.mark.parametrize(
    ("text", "within_s", "expires"),
    [
        (token(90_000), 50_000, False),
        (token(90_000), 100_000, True),
        (token(None), 1e9, False),
        (token(None, exp_=5), 1e9, False),
        ("opaque", 1e9, False),
        ("a.b.c", 1e9, False),
    ],
)
def test_only_what_a_token_says_itself_counts(tmp_path, text, within_s, expires):
    found = identities(Auth(token=secret(tmp_path, "token", text)))
    assert found.tokens() == (text,)
    assert found.expire_within(within_s) is expires


def test_one_of_many_is_enough(tmp_path):
    pool = (secret(tmp_path, "a", token(5000)), secret(tmp_path, "b", token(50)))
    found = identities(load=Load(identities=pool))
    assert len(found.tokens()) == 2
    assert found.expire_within(60)
    assert not found.expire_within(40)


def test_identities_are_read_again_and_the_command_is_left_alone(tmp_path):
    load = Load(identities=(secret(tmp_path, "a", "old"),))
    found = identities(Auth(token_command=("/nowhere",)), load)
    assert found.tokens() == ("old",)
    secret(tmp_path, "a", "new")
    assert found.tokens() == ("old",)
    assert found.refreshed() == found.tokens() == ("new",)


def test_the_command_renews_the_token(tmp_path):
    old, new = token(5), token(3600)
    auth = Auth(token=secret(tmp_path, "token", old), token_command=command(tmp_path, prints=new))
    found = identities(auth)
    assert found.tokens() == (old,)
    assert found.expire_within(60)
    assert found.refreshed() == (new,)
    assert not found.expire_within(60)


def test_an_expired_token_is_renewed_before_anything_is_sent(tmp_path):
    new = token(3600)
    auth = Auth(
        token=secret(tmp_path, "token", token(-5)), token_command=command(tmp_path, prints=new)
    )
    assert identities(auth).tokens() == (new,)


@pytest.mark.parametrize("prints", [None, "expired", ""])
def test_an_expired_token_that_cannot_be_renewed_is_not_used(tmp_path, prints):
    old = token(-30)
    commands = {
        None: (),
        "expired": command(tmp_path, prints=old) if prints else (),
        "": command(tmp_path, prints="") if prints == "" else (),
    }
    auth = Auth(token=secret(tmp_path, "token", old), token_command=commands[prints])
    with pytest.raises(NotSeen) as caught:
        identities(auth).tokens()
    assert caught.value.cause == "could_not_ask"
    assert caught.value.hint
    assert old not in str(caught.value)


@pytest.mark.parametrize(
    "auth", [Auth(token=Secret("file:/nowhere/token")), Auth(token_command=("/nowhere/mint", "a"))]
)
def test_what_cannot_be_read_or_run_says_so(auth):
    with pytest.raises(NotSeen) as caught:
        identities(auth).refreshed()
    assert caught.value.cause == "could_not_ask"
    assert caught.value.hint


def test_while_load_is_on_tokens_are_renewed_once_and_in_time(tmp_path):
    auth = Auth(token=secret(tmp_path, "token", token(3600)))
    found = identities(auth)
    assert found.tokens()
    assert found.renewed() is None  # an hour is left
    soon, fresh = token(30), token(3600)
    secret(tmp_path, "token", soon)
    assert found.refreshed() == (soon,)
    secret(tmp_path, "token", fresh)
    assert found.renewed() == (fresh,)
    assert found.renewed() is None


def test_a_token_that_cannot_be_renewed_does_not_break_the_run(tmp_path):
    auth = Auth(token=secret(tmp_path, "token", token(30)))
    found = identities(auth)
    assert found.tokens()
    (tmp_path / "token").unlink()
    assert found.renewed() is None
    assert found.tokens()
