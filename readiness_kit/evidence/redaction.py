"""Removes secrets from everything before it is written: by exact value first, by pattern second."""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SHORTEST = 6
"""Values shorter than this are not searched for: they would redact ordinary words."""

URL_SAFE = str.maketrans("+/", "-_")
"""From the alphabet of base64 to that of base64url."""

PATTERNS = (
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@)"),
    re.compile(r"(?i)(?<=password=)[^\s&\"']+"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)
"""Second net: JSON web tokens, bearer headers, credentials in URLs and DSNs, names of AWS's keys,
private keys."""

MARK = "[redacted]"

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables that AWS's own tools take keys from: no target refers to them."""


def of_environment() -> Iterator[str]:
    """Yield the secrets that the environment holds for the libraries that are used."""
    yield from (value for name in AWS_KEYS if (value := os.environ.get(name)))


class Redactor:
    """Knows the secrets of one run and takes them out of text and of JSON-like data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Learn *secrets*, the passwords inside URLs and connection strings, and encodings."""
        words = {word for secret in secrets for word in _parts(secret) if len(word) >= SHORTEST}
        forms = {form for word in words for form in _encodings(word)}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return *text* without secrets."""
        for form in self._forms:
            text = text.replace(form, MARK)
        for pattern in PATTERNS:
            text = pattern.sub(MARK, text)
        return text

    def data(self, value: object) -> object:
        """Return JSON-like *value* without secrets, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner) for inner in value]
        return value

    def finds(self, data: bytes) -> bool:
        """Whether *data* holds a known secret in any encoding."""
        return any(form.encode() in data for form in self._forms)


def _parts(secret: str) -> Iterator[str]:
    """Yield *secret*, and the passwords inside it as they stand there and as they are meant."""
    yield secret
    if "://" in secret:
        yield from _of_url(secret)
    for quoted, plain in re.findall(r"password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", secret):
        yield quoted or plain
        yield re.sub(r"\\(.)", r"\1", quoted or plain)


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    yield from (value for name, value in parse_qsl(parts.query) if "password" in name)


def _encodings(word: str) -> Iterator[str]:
    yield word
    for safe in ("", "/"):
        url = quote(word, safe=safe)
        yield url
        yield re.sub("%..", lambda found: found[0].lower(), url)
    for ascii_only in (True, False):
        yield json.dumps(word, ensure_ascii=ascii_only)[1:-1]
    raw = word.encode()
    for shift in range(3):
        # Base64 of a longer text that contains the word depends on where it starts.
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        start = (shift * 8 + 5) // 6
        end = (len(raw) + shift) * 8 // 6
        yield encoded[start:end]
        yield encoded[start:end].translate(URL_SAFE)
