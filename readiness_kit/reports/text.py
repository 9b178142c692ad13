"""Text from anywhere, made fit to be shown: visible, escaped, of bounded length."""

import html
import unicodedata

CAP = 400
"""Longest text of one cell; the whole of it stands in the run folder."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(value: object, cap: int = CAP) -> str:
    r"""Return *value* as visible text, cut at *cap* characters; bidi and control codes spelt out.

    >>> plain("a\x1b[31mb\u202e")
    'a<U+001B>[31mb<U+202E>'
    """
    text = value if isinstance(value, str) else str(value)
    if len(text) > cap:
        text = f"{text[: cap - 1]}…"
    return "".join(
        one if one == "\n" or not _hidden(one) else f"<U+{ord(one):04X}>" for one in text
    )


def escaped(value: object, cap: int = CAP) -> str:
    """Return *value* as visible text fit for HTML, between tags or in a quoted attribute."""
    return html.escape(plain(value, cap))


def xml_text(value: object, cap: int = CAP) -> str:
    """Return *value* as visible text that XML 1.0 can hold, not yet escaped."""
    allowed = "\n\t"
    return "".join(one if one in allowed or one.isprintable() else "�" for one in plain(value, cap))


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN
