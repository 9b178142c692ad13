"""What the terminal says of claims: what was wanted, and what to do next."""

import pytest

from readiness_kit.commands import terminal
from readiness_kit.verdict import Cause, Status
from tests.reports.conftest import results_with


@pytest.fixture
def found():
    return results_with(("seen 3 of 3",), (Status.UNKNOWN,))


def first_item(found, **changes):
    """Return *found* with *changes* in the claims of its first item."""
    item, *rest = found.items
    claims = tuple(claim.__replace__(**changes) for claim in item.claims)
    return found.__replace__(items=(item.__replace__(claims=claims), *rest))


def said(found, capsys, **options):
    terminal.print_results(found, **options)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "why", "told"),
    [
        (Status.FAIL, (None, "read"), (1, 1)),
        (Status.WARN, (None, "read"), (1, 1)),
        (Status.PASS, (None, "read"), (0, 0)),
        (Status.UNKNOWN, (Cause.COULD_NOT_ASK, "read"), (0, 1)),
        (Status.UNKNOWN, (Cause.NOT_ALLOWED, "read"), (0, 1)),
        (Status.UNKNOWN, (Cause.NOT_ALLOWED, "canary"), (0, 0)),
    ],
)
def test_what_is_not_green_says_what_to_do(found, capsys, status, why, told):
    changed = {"status": status, "cause": why[0], "effect": why[1], "want": "256 MB"}
    seen = first_item(found, **changed, advice=("mend it so",))
    text = said(seen, capsys, only=(found.items[0].id,))
    # Once an item, however many of its claims want the same.
    assert (text.count("want: 256 MB"), text.count("mend it so")) == told


def test_the_end_says_what_would_let_more_be_seen(found, capsys):
    n = len(found.items[0].claims)
    leave = first_item(found, cause=Cause.NOT_ALLOWED, effect="drill", waived=False)
    text = said(leave, capsys, only=(found.items[0].id,))
    assert f"could be seen: {n} with --allow drill;" in text
    keys = first_item(found, cause=Cause.NOT_CONFIGURED, waived=False)
    text = said(keys, capsys, only=(found.items[0].id,))
    assert f"could be seen: {n} with more of readiness.yaml" in text
    others = len(list(found.claims())) - n
    assert f"{others} claims were not asked for" in text
    assert "were not asked for" not in said(found, capsys)
