"""Parameters are checked here, since papermill lets unknown ones pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.errors import UsageError
from readiness_kit.parameters import PARAMETERS, checked_parameters, find_target, parse_effects


def test_known_parameters_are_text():
    assert checked_parameters(["allow=load", "run_dir=007"]) == {"allow": "load", "run_dir": "007"}


@pytest.mark.parametrize(
    ("pair", "said"),
    [("run_dirr=x", "did you mean run_dir"), ("allow", "NAME=VALUE"), ("=x", "no parameter ''")],
)
def test_unknown_is_a_usage_error(pair, said):
    with pytest.raises(UsageError, match=said) as caught:
        checked_parameters([pair])
    assert caught.value.exit_code == 2


@given(st.text())
def test_nothing_else_ever_gets_through(text):
    try:
        found = checked_parameters([text])
    except UsageError:
        return
    assert set(found) <= set(PARAMETERS)


def test_effects_come_in_the_order_of_harm():
    assert parse_effects("load, canary") == ("canary", "load")
    assert parse_effects("") == ()
    with pytest.raises(UsageError, match="unknown effect 'laod'"):
        parse_effects("laod")


def test_the_target_is_sought_one_folder_up(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "readiness.yaml").touch()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_target("readiness.yaml").resolve() == tmp_path / "readiness.yaml"
    assert str(find_target("missing.yaml")) == "missing.yaml"
