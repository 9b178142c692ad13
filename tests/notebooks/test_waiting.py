"""A cell that gathers for long says how far it is, and an error is one message."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from readiness_kit.errors import ReadinessError, TargetError
from readiness_kit.notebook import Section
from readiness_kit.reports import waiting
from readiness_kit.reports.waiting import looking


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_what_is_quick_says_nothing(clock, capsys):
    with looking() as progress:
        progress("a", 1, 2)
        progress("b", 2, 2)
    assert capsys.readouterr().out == ""


def test_what_takes_long_says_how_far_it_is(clock, capsys):
    with looking() as progress:
        clock.now += 2
        progress("first", 1, 30)
        progress("at_once", 2, 30)
        clock.now += 1
        progress("later", 3, 30)
        clock.now += 60
        progress("last", 30, 30)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "1 of 30 facts gathered, the last first …",
        "3 of 30 facts gathered, the last later …",
        "30 of 30 facts gathered in 63 s",
    ]


@pytest.mark.parametrize(
    ("error", "seen"), [(KeyboardInterrupt, ReadinessError), (ValueError, ValueError)]
)
def test_what_is_stopped_counts_nothing_as_gathered(clock, capsys, error, seen):
    with pytest.raises(seen), looking() as progress:  # noqa: PT012
        clock.now += 2
        progress("first", 1, 30)
        progress("given_up", 30, 30)
        raise error
    assert capsys.readouterr().out.endswith("stopped after 2 s\n")


def test_an_error_of_the_kit_shows_no_traceback(capsys):
    shell = InteractiveShell()
    shell.run_cell(
        "from readiness_kit.errors import TargetError\nraise TargetError('no such key', hint='x')"
    )
    said = capsys.readouterr().out.strip()
    assert said == str(TargetError("TargetError: no such key", hint="x"))


def test_a_run_that_nobody_can_sign_shows_no_command_to_sign_it(assessment, capsys):
    section = Section("11_sign_off", assessment)
    section.show_signatures()
    said = capsys.readouterr().out
    assert "readiness sign" not in said
    assert "`readiness run` makes one that is" in said


def test_the_verdict_is_said_once(assessment, capsys):
    Section("00_start_here", assessment).show_overview()
    said = capsys.readouterr().out
    assert said.count("UNDECIDED") == 1


def test_the_plan_is_summed_up_before_it_is_told(assessment, capsys):
    Section("09_documentation", assessment).show_plan()
    said = capsys.readouterr().out
    assert "tests under load, sends bursts" in said
    assert said.index("breaks or restores something") < said.index("answer_headers")
