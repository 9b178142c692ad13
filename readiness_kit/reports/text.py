"""Text from anywhere, made fit to be shown: visible, escaped, of bounded length."""

import html
import re
import unicodedata
from collections.abc import Iterator

CAP = 400
"""Longest text of one cell; the whole of it stands in the run folder."""

WORD = 24
"""Longest run of characters that may not be broken at the end of a line."""

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


def wrapped(value: object, cap: int = CAP) -> str:
    """Return *value* as :func:`escaped` does, its long words fit to be broken.

    An id, path or digest would otherwise push the columns of a table beside it off the page.

    >>> wrapped("security.rate_limiting.burst <b>")
    'security.<wbr>rate_<wbr>limiting.<wbr>burst &lt;b&gt;'
    """
    words = re.split(r"(\s+)", plain(value, cap))
    return "".join(
        "<wbr>".join(map(html.escape, _pieces(word))) if len(word) > WORD else html.escape(word)
        for word in words
    )


def prose(value: object, cap: int = CAP) -> str:
    """Return *value* as :func:`escaped` does, what stands between backticks as code.

    >>> prose("run `readiness plan` & see")
    'run <code>readiness plan</code> &amp; see'
    """
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escaped(value, cap))


def _pieces(word: str) -> Iterator[str]:
    """Yield the parts of *word*, each short enough to stand in one line."""
    for part in re.split(r"(?<=[._/:,;=?&-])", word):
        yield from (part[at : at + WORD] for at in range(0, len(part), WORD))


def xml_text(value: object, cap: int = CAP) -> str:
    """Return *value* as visible text that XML 1.0 can hold, not yet escaped."""
    allowed = "\n\t"
    return "".join(one if one in allowed or one.isprintable() else "�" for one in plain(value, cap))


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN
