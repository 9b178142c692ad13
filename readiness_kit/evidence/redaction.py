"""Removes secrets from everything before it is written: by exact value first, by pattern second."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

SHORTEST = 6
"""Values shorter than this are not searched for: they would redact ordinary words."""

PATTERNS = (
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@)"),
    re.compile(r"(?i)(?<=password=)[^\s&\"']+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)
"""Second net: JSON web tokens, bearer headers, credentials in URLs and DSNs, private keys."""

MARK = "[redacted]"


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


def _parts(secret: str) -> Iterable[str]:
    yield secret
    if "://" in secret:
        try:
            password = urlsplit(secret).password
        except ValueError:
            password = None
        if password:
            yield password
    for quoted, plain in re.findall(r"password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", secret):
        yield quoted or plain


def _encodings(word: str) -> Iterable[str]:
    yield word
    yield quote(word, safe="")
    yield json.dumps(word)[1:-1]
    raw = word.encode()
    for shift in range(3):
        # Base64 of a longer text that contains the word depends on where it starts.
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        start = (shift * 8 + 5) // 6
        end = (len(raw) + shift) * 8 // 6
        yield encoded[start:end]
