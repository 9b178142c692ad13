"""Tokens: minted, checked, and forged."""

import base64
import json
import time

import jwt
import msgspec
import pytest

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.app.auth import BadToken, Tokens
from readiness_kit.sandbox.app.faults import inject
from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.token import BAD, PEOPLE, main, mint, user_id

SETTINGS = Settings(jwt_secret="5e" * 32)
TOKENS = Tokens(SETTINGS)


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    good = {"sub": user_id(1), "roles": ["reader"], "iss": "quill", "aud": "quill-api"}
    whole = {**good, "iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in whole.items() if value is not None}


def signed(key: str = SETTINGS.jwt_secret, algorithm: str = "HS256", **changed: object) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm)


@pytest.mark.parametrize("person", PEOPLE)
def test_people_are_known(person):
    number, role = PEOPLE[person]
    viewer = TOKENS.viewer(mint(person, SETTINGS))
    assert (viewer.id, viewer.roles) == (user_id(number), {role})


@pytest.mark.parametrize("case", BAD)
def test_bad_cases_are_refused(case):
    with pytest.raises(BadToken):
        TOKENS.viewer(mint(case, SETTINGS))


NOW = int(time.time())
FORGED = {
    "nothing": "",
    "words": "not a token",
    "other key": signed("0f" * 32),
    "other algorithm": signed("5e" * 32, "HS512"),
    "alg none": jwt.encode(claims(), None, algorithm="none"),
    "cut signature": signed()[:-4],
    "no signature": signed().rpartition(".")[0] + ".",
    "no expiry": signed(exp=None),
    "no subject": signed(sub=None),
    "no issuer": signed(iss=None),
    "no audience": signed(aud=None),
    "no issue time": signed(iat=None),
    "a day long": signed(exp=NOW + 86_400),
    "roles no list": signed(roles="admin"),
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_forgeries_are_refused(token):
    with pytest.raises(BadToken):
        TOKENS.viewer(token)


def test_changed_payload_is_refused():
    head, payload, signature = mint("reader", SETTINGS).split(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed["roles"] = ["admin"]
    payload = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    with pytest.raises(BadToken):
        TOKENS.viewer(f"{head}.{payload}.{signature}")


def test_unknown_roles_are_dropped():
    assert TOKENS.viewer(signed(roles=["root", "editor"])).roles == {"editor"}


@pytest.mark.parametrize(
    ("fault", "token"),
    [
        ("alg_none_accepted", FORGED["alg none"]),
        ("forged_accepted", FORGED["other key"]),
        ("expired_accepted", mint("expired", SETTINGS)),
        ("premature_accepted", mint("not_yet_valid", SETTINGS)),
        ("audience_ignored", mint("wrong_audience", SETTINGS)),
        ("issuer_ignored", mint("wrong_issuer", SETTINGS)),
    ],
)
def test_faults_let_in_what_they_say_and_nothing_else(fault, token):
    broken = Tokens(inject(SETTINGS, fault))
    assert broken.viewer(token).id == user_id(1)
    if fault != "forged_accepted":
        with pytest.raises(BadToken):
            broken.viewer(FORGED["other key"])


def test_command_line():
    environment = {"JWT_SECRET": "5e" * 32, "APP_VARIANT": "stock"}
    assert TOKENS.viewer(main(["editor"], environment)).roles == {"editor"}
    for arguments in ([], ["nobody"], ["reader", "editor"]):
        with pytest.raises(UsageError):
            main(arguments, environment)


def test_secret_does_not_show_in_errors():
    broken = msgspec.structs.replace(SETTINGS, jwt_secret="fe" * 32)
    with pytest.raises(BadToken) as caught:
        Tokens(broken).viewer(mint("reader", SETTINGS))
    assert "fe" * 32 not in repr(caught.value)
