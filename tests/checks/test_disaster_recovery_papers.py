from datetime import timedelta

import pytest
from msgspec.structs import replace

from readiness_kit.checks.disaster_recovery import communication, runbooks
from readiness_kit.facts.papers.parts import Contact, Decision, Message, PaperDates, ShellProblem

PAPERS, PLAN, PAGE = runbooks.PAPERS, communication.PLAN, communication.PAGE


def with_paper(**changes):
    return PAPERS.replace(papers=(replace(PAPERS.papers[0], **changes),))


def aged(fact, days):
    return PaperDates(
        reviewed_on=fact.observed_at - timedelta(days=days), changed_at=None, ignored_commits=0
    )


def problem(*, grave):
    return (ShellProblem(line=3, grave=grave, said="it is odd"),)


NEVER = PaperDates(reviewed_on=None, changed_at=None, ignored_commits=0)
FIRST, SECOND, THIRD = PAPERS.papers[0].procedures


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"procedures": (FIRST, SECOND)}, "FAIL"),
        ({"procedures": (FIRST, SECOND, replace(THIRD, ways=()))}, "FAIL"),
        ({"procedures": (FIRST, SECOND, replace(THIRD, steps=THIRD.steps[:1]))}, "FAIL"),
        (
            {
                "procedures": (
                    FIRST,
                    SECOND,
                    replace(THIRD, steps=tuple(replace(s, commands=0) for s in THIRD.steps)),
                )
            },
            "FAIL",
        ),
        ({"shell_problems": problem(grave=True)}, "FAIL"),
        ({"shell_problems": problem(grave=False)}, "WARN"),
        ({"shell_problems": None}, "UNKNOWN"),
    ],
)
def test_steps(changes, status):
    assert runbooks.CHECK.shows(with_paper(**changes))["steps"] == status


ONE = Contact(line=1, name="A. Ito", complete=True)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dates": aged(PAPERS, 90)}, "PASS"),
        ({"dates": aged(PAPERS, 91)}, "WARN"),
        ({"dates": aged(PAPERS, 365)}, "WARN"),
        ({"dates": aged(PAPERS, 366)}, "FAIL"),
        ({"dates": NEVER}, "UNKNOWN"),
        ({"contacts": (ONE,)}, "FAIL"),
        ({"contacts": (ONE, replace(ONE, line=2))}, "FAIL"),
        ({"contacts": (ONE, replace(ONE, name="B. Sy", complete=False))}, "FAIL"),
    ],
)
def test_contacts(changes, status):
    assert runbooks.CHECK.shows(with_paper(**changes))["contacts"] == status


ASKED = Decision(question="Up?", outcomes=2, unlinked=())


@pytest.mark.parametrize(
    ("decisions", "status"),
    [
        ((ASKED, ASKED), "PASS"),
        ((ASKED, replace(ASKED, unlinked=("wait",))), "WARN"),
        ((ASKED, replace(ASKED, outcomes=1)), "FAIL"),
        ((ASKED,), "FAIL"),
    ],
)
def test_tree(decisions, status):
    assert runbooks.CHECK.shows(with_paper(decisions=decisions))["tree"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dates": aged(PLAN, 365)}, "PASS"),
        ({"dates": aged(PLAN, 366)}, "FAIL"),
        ({"dates": NEVER}, "UNKNOWN"),
        ({"owner": ""}, "WARN"),
        ({"stakeholders": 0}, "FAIL"),
        ({"messages": ()}, "FAIL"),
        ({"words": 24}, "FAIL"),
    ],
)
def test_stakeholders(changes, status):
    assert communication.CHECK.shows(PLAN.replace(**changes))["stakeholders"] == status


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        (PLAN.messages[:2], "WARN"),
        ((Message(line=1, moment="general", placeholders=2),), "WARN"),
        (tuple(replace(one, placeholders=0) for one in PLAN.messages), "WARN"),
        ((), "FAIL"),
    ],
)
def test_customers(messages, status):
    assert communication.CHECK.shows(PLAN.replace(messages=messages))["customers"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"answered_s": 5.0}, "PASS"),
        ({"answered_s": 5.1}, "WARN"),
        ({"status": 301}, "FAIL"),
        ({"status": 0, "problem": "connection refused"}, "FAIL"),
        ({"states": ()}, "FAIL"),
        ({"url": "", "status": 0}, "FAIL"),
    ],
)
def test_status_page(changes, status):
    assert communication.CHECK.shows(PAGE.replace(**changes))["status_page"] == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"provider": ""}, "UNKNOWN"),
        ({"public": False}, "UNKNOWN"),
        ({"public": False, "host": "api.example.com"}, "UNKNOWN"),
        ({"addresses": ()}, "UNKNOWN"),
        ({"addresses": PAGE.service_addresses}, "FAIL"),
        ({"host": "api.example.com"}, "FAIL"),
        ({"url": ""}, "FAIL"),
    ],
)
def test_another_provider(changes, status):
    assert communication.CHECK.shows(PAGE.replace(**changes))["status_page_separate"] == status
