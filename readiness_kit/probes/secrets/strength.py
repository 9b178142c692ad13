"""How random a secret can be at the most, by how it looks."""

import hashlib
import math
import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote

BITS_OF_A_WORD = 12.9
"""Of one word drawn from a list of 7776 (EFF's long list for passphrases)."""

UNEXPANDED = re.compile(r"\$\(|\$\{|`|^\$[A-Z_]+$|\{\{|^<.+>$")
"""What a shell or a template would have replaced; systemd and compose's env_file do not."""

EXAMPLES = re.compile(
    r"change.?me|example|default|place.?holder|passw.?rd|secret|letmein|qwert[yz]|admin|dummy"
    r"|replace.?(?:me|this)|correct.?horse|foo.?bar|insecure|your.?(?:256|key|jwt|token)|hunter2",
    re.IGNORECASE,
)
"""Words of documentation: a random value of this length holds none of them."""

PUBLISHED = frozenset({"570dad43de1a", "2598f7d6adc1", "85cc9e46a7c9"})
"""Fingerprints of random keys that everybody knows: those in the tutorials of FastAPI and of Flask,
and of RFC 7515 appendix A.1.
"""

_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*?:([^@\s]+)@", re.IGNORECASE)
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_KEYWORD_PASSWORD = re.compile(r"(?:^|\s)password\s*=\s*('(?:[^'\\]|\\.)*'|\S+)")
_KEYWORDS = re.compile(r"(?:^|\s)(?:host|dbname|user|service)\s*=", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]?(?=[a-z]{0,3}[aeiouy])[a-z]{3,10}")
_LETTERS = re.compile(r"[a-z]+|[A-Z]+")
_DENSE = re.compile(r"[0-9a-z]+|[0-9A-Z]+")
_ALPHABETS = (
    (re.compile(r"[0-9]+"), 10),
    (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16),
    (re.compile(r"[a-z]+|[A-Z]+"), 26),
    (re.compile(r"[a-z0-9]+|[A-Z0-9]+"), 36),
    (re.compile(r"[A-Za-z0-9]+"), 62),
    (re.compile(r"[A-Za-z0-9+/=_-]+"), 64),
)
_PRINTABLE = 94
_UUID_BITS = 122.0
_PIECE = 4
_LETTERS_OF_A_WORD = 5
_WORDY = 0.75
"""Share of letters in words above which no generator made the secret."""

_EVEN = 0.7
"""Entropy or length below this share of what it could be is no accident."""


class Strength(NamedTuple):
    """What may be told of a secret without telling it."""

    bits: float
    example: bool
    unexpanded: bool
    fingerprint: str


def secret_in(value: str) -> str:
    """Return the secret that *value* is or holds; nothing of a URL or DSN without a password.

    >>> secret_in("redis://:open-sesame@cache:6379/0")
    'open-sesame'
    >>> secret_in("postgresql://db/shop")
    ''
    """
    if found := _PASSWORD.match(value) or _KEYWORD_PASSWORD.search(value):
        return unquote(found[1].strip("'")) if _URL.match(value) else found[1].strip("'")
    return "" if _URL.match(value) or _KEYWORDS.search(value) else value


def strength(secret: str) -> Strength:
    """Return what may be told of *secret*."""
    return Strength(
        bits=round(bits_of(secret), 1),
        example=EXAMPLES.search(secret) is not None or fingerprint(secret) in PUBLISHED,
        unexpanded=UNEXPANDED.search(secret) is not None,
        fingerprint=fingerprint(secret),
    )


def fingerprint(secret: str) -> str:
    """Return the first 12 digits of the SHA-256 of *secret*."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def bits_of(secret: str) -> float:
    """Return how random *secret* can be at the most, bits.

    >>> bits_of("0123456789abcdef" * 4) < 20
    True
    >>> bits_of("correct-horse-battery-staple")
    51.6
    """
    if not secret:
        return 0.0
    if _UUID.fullmatch(secret):
        return _UUID_BITS
    letters = next((n for form, n in _ALPHABETS if form.fullmatch(secret)), _PRINTABLE)
    each, seen = math.log2(letters), _entropy(secret)
    even = seen >= _EVEN * min(each, math.log2(len(secret)))
    bits, words = _length(secret) * (each if even else seen), _words(secret)
    said = BITS_OF_A_WORD * words + math.log2(10) * sum(map(str.isdigit, secret))
    return min(bits, said) if words else bits


def _words(secret: str) -> float:
    """Return how many words *secret* is made of; 0 when it is not made of words."""
    if _LETTERS.fullmatch(secret):
        return len(secret) / _LETTERS_OF_A_WORD  # a language has no more in it
    found = _WORD.findall(secret)
    wordy = sum(map(len, found)) >= _WORDY * sum(map(str.isalnum, secret))
    return len(found) if wordy and not _DENSE.fullmatch(secret) else 0


def _entropy(text: str) -> float:
    """Return the entropy of a character, bits, corrected for so short a sample (Miller, Madow)."""
    counts, n = Counter(text).values(), len(text)
    plain = -sum(count / n * math.log2(count / n) for count in counts)
    return plain + (len(counts) - 1) / (2 * n * math.log(2))


def _length(text: str) -> int:
    """Return how many characters are not said by those before: no repeats, no runs."""
    pieces = {text[at : at + _PIECE] for at in range(len(text) - _PIECE + 1)}
    fresh = len(pieces) + _PIECE - 1 if pieces else len(text)
    steps = [ord(b) - ord(a) for a, b in pairwise(text)]
    runs = sum(
        a == b == c and abs(a) <= 1 for a, b, c in zip(steps, steps[1:], steps[2:], strict=False)
    )
    left = min(len(text), fresh) - runs
    return max(1, left) if left < _EVEN * len(text) else len(text)
