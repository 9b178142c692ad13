import os

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.environment.file import parse, start_environment, summary
from readiness_kit.target import Application


def gather(**parts):
    return start_environment.gather(visit("http://127.0.0.1:1", application=Application(**parts)))


def test_names_are_kept_and_values_are_not(tmp_path):
    file = tmp_path / "app.env"
    file.write_text("# comment\nFRAISEQL_ENVIRONMENT=production\nSECRET=hunter22\nDEBUG=1\n")
    fact = gather(environment_file=file)
    (one,) = fact.environments
    assert one.names == ("DEBUG", "FRAISEQL_ENVIRONMENT", "SECRET")
    assert one.modes == {"FRAISEQL_ENVIRONMENT": "production"}
    assert one.switches_on == ("DEBUG",)
    assert "hunter22" not in repr(fact)


def test_a_running_process_is_read_too(tmp_path):
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    (one,) = gather(process_ids=(tmp_path / "pid",)).environments
    assert one.running
    assert "PATH" in one.names


def test_a_secret_in_the_mode_is_not_shown():
    one = summary("f", {"MODE": "pr0duction!!4711"}, ("MODE",), running=False)
    assert one.modes == {"MODE": "(other)"}


@pytest.mark.parametrize("name", ["DEBUG", "APP_DEBUG", "DEBUG_MODE", "TESTING", "FLASK_DEBUG"])
@pytest.mark.parametrize(
    ("value", "on"),
    [("1", True), ("True", True), ("0", False), ("", False), ("2", True), ("enabled", True)],
)
def test_switches(name, value, on):
    assert bool(summary("f", {name: value}, (), running=False).switches_on) is on


def test_the_last_assignment_counts():
    assert parse("A=1\nA=2\n=3\nno assignment\n") == {"A": "2"}


def test_nothing_declared_and_nothing_readable(tmp_path):
    with pytest.raises(NotSeen) as error:
        gather()
    assert error.value.cause == "not_configured"
    with pytest.raises(NotSeen, match="cannot be read"):
        gather(environment_file=tmp_path / "absent")
    with pytest.raises(NotSeen, match="no environment"):
        gather(process_ids=(tmp_path / "absent",))
