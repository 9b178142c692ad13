"""Every schema is one that stock validators take, and takes what the kit itself writes."""

import json

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from readiness_kit.commands.schema import command
from readiness_kit.signoff.policy import Policy

NAMES = ("target", "results", "load", "policy")


def schema(name: str) -> dict[str, object]:
    done = CliRunner().invoke(command, [name], standalone_mode=False)
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_schema(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("schema: 1\nname: shop\nenvironment: staging\n", True),
        ("schema: 1\nname: shop\nenvironment: staging\nload: {kill_file: stop}\n", True),
        ("schema: 1\nname: shop\nenvironment: staging\nauth: {token: env:TOKEN}\n", True),
        ("schema: 1\nname: shop\nenvironment: staging\nauth: {token: hunter2}\n", False),
        ("schema: 1\nname: shop\nenvironment: somewhere\n", False),
        ("schema: 1\nname: shop\nenvironment: staging\nnaem: x\n", False),
    ],
)
def test_a_target_is_held_against_it(text, valid):
    validator = jsonschema.Draft202012Validator(schema("target"))
    assert validator.is_valid(yaml.safe_load(text)) == valid


def test_the_built_in_policy_follows_its_schema():
    from msgspec import to_builtins

    plain = json.loads(json.dumps(to_builtins(Policy())))
    jsonschema.validate(plain, schema("policy"))
