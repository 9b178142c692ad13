"""Tables are readable in a narrow window, and lead to what they name."""

import html as standard
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.reports.item import item_view
from readiness_kit.reports.look import MARKS, mark
from readiness_kit.reports.tables import Table, badge
from readiness_kit.reports.text import WORD, escaped, prose, wrapped
from readiness_kit.verdict import Status


def bare(html):
    return standard.unescape(re.sub(r"<[^>]+>", "", html))


@given(st.text(max_size=600))
def test_a_wrapped_text_is_the_same_text_in_short_pieces(text):
    shown = wrapped(text)
    assert shown.replace("<wbr>", "") == escaped(text)
    assert all(len(standard.unescape(one)) <= WORD for one in re.split(r"<wbr>|\s", shown))


@given(st.text(max_size=600))
def test_prose_adds_nothing_but_code(text):
    assert bare(prose(text)).replace("`", "") == standard.unescape(escaped(text)).replace("`", "")


@pytest.mark.parametrize("status", Status)
def test_a_badge_says_the_word_and_that_it_is_waived(status):
    assert bare(badge(mark(status, waived=True))) == f"{MARKS[status].text} (waived)"
    assert bare(badge(mark(status))) == MARKS[status].text


@pytest.mark.parametrize(
    ("line", "leads"),
    [
        ("security.tls.suites_strong", "security.tls"),
        ("security.tls", "security.tls"),
        ("security.cors.preflight_limited", None),
        ("<script>.x", None),
    ],
)
def test_a_row_leads_to_the_item_that_it_names(line, leads):
    shown = Table("", ("claim",), ((("title", line),),)).html({"security.tls"})
    assert re.findall(r'href="#([^"]*)"', shown) == ([leads] if leads else [])


def test_the_same_advice_is_given_once_and_none_for_what_does_not_apply(results):
    first = results.items[0].claims[0]
    same = [first.__replace__(id=f"a.b.{n}", title=f"title {n}", advice=("do `x`",)) for n in "12"]
    moot = first.__replace__(id="a.b.3", status=Status.NOT_APPLICABLE, advice=("moot",))
    item = results.items[0].__replace__(claims=(*same, moot))
    shown = item_view(item).html
    assert shown.count("<li>") == 1
    assert "<li>title 1; title 2: do <code>x</code></li>" in shown
