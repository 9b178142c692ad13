"""Find secrets in text: by the form their issuer gives them, or by the name they are assigned to.

What refers to a secret (``$NAME``, ``env:NAME``, ``os.environ[…]``) and what stands for one
(``changeme``, ``<password>``, ``****``) is no secret.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from readiness_kit.probes.secrets.strength import bits_of, fingerprint

LONGEST_LINE = 20_000
"""Longer lines are minified code or data: they are searched for issuers' forms only."""


class Match(NamedTuple):
    """One secret in a text."""

    kind: str
    line: int
    fingerprint: str


FORMS: dict[str, re.Pattern[str]] = {
    "private key": re.compile(
        r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----"
        r"(?:\s|\\n|(?<=\n)[\w-]+: [^\n]*(?=\n))+([A-Za-z0-9+/=]{40,})"
    ),
    "age key": re.compile(r"\b(AGE-SECRET-KEY-1[0-9A-Z]{58})\b"),
    "AWS access key": re.compile(r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b"),
    "Azure storage key": re.compile(r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    "Google API key": re.compile(r"\b(AIza[\w-]{35})(?![\w-])"),
    "Google OAuth secret": re.compile(r"\b(GOCSPX-[\w-]{28})(?![\w-])"),
    "GitHub token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,})\b"),
    "GitLab token": re.compile(r"\b(gl(?:pat|rt|ptt|dt)-[\w-]{20,})(?![\w-])"),
    "Slack token": re.compile(r"\b(xox[abeoprs]-[\w-]{20,}|xapp-\d-[\w-]{30,})"),
    "Slack webhook": re.compile(r"hooks\.slack\.com/services/(T\w{6,}/B\w{6,}/\w{20,})"),
    "Stripe key": re.compile(r"\b((?:sk|rk)_live_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{30,})"),
    "SendGrid key": re.compile(r"\b(SG\.[\w-]{20,24}\.[\w-]{40,46})(?![\w-])"),
    "Twilio key": re.compile(r"\b(SK[0-9a-f]{32})\b"),
    "Mailgun key": re.compile(r"\b(key-[0-9a-f]{32})\b"),
    "npm token": re.compile(r"\b(npm_[A-Za-z0-9]{36})\b"),
    "PyPI token": re.compile(r"\b(pypi-AgE[\w-]{50,})"),
    "OpenAI or Anthropic key": re.compile(r"\b(sk-(?:proj-|ant-|svcacct-)?[\w-]{32,})(?![\w-])"),
    "DigitalOcean token": re.compile(r"\b(do[opr]_v1_[0-9a-f]{64})\b"),
    "Vault token": re.compile(r"\b(hv[sb]\.[\w-]{24,})"),
    "Shopify token": re.compile(r"\b(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})\b"),
    "Telegram token": re.compile(r"\b(\d{8,10}:AA[\w-]{33})(?![\w-])"),
    "JSON web token": re.compile(r"\b(eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,})"),
    "password in a URL": re.compile(
        r"\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@\"'`<>{}$%]*:([^\s/@\"'`]{3,200})@[\w\[.-]",
        re.IGNORECASE,
    ),
    "authorization header": re.compile(
        r"authorization[\"']?\s*[:=,]\s*[\"']?(?:bearer|basic)\s+([\w.~+/=-]{16,})", re.IGNORECASE
    ),
}
"""Kind to pattern; the first group is the secret."""

_HINTS = {
    "private key": "-----BEGIN",
    "age key": "AGE-SECRET-KEY-",
    "Azure storage key": "AccountKey=",
    "Google API key": "AIza",
    "Google OAuth secret": "GOCSPX-",
    "GitLab token": "gl",
    "Slack webhook": "hooks.slack.com",
    "SendGrid key": "SG.",
    "Twilio key": "SK",
    "Mailgun key": "key-",
    "npm token": "npm_",
    "PyPI token": "pypi-",
    "OpenAI or Anthropic key": "sk-",
    "DigitalOcean token": "_v1_",
    "Vault token": "hv",
    "Shopify token": "shp",
    "Telegram token": ":AA",
    "JSON web token": ".eyJ",
    "password in a URL": "://",
}
"""A text without these letters needs no search for the kind: most files hold none of them."""

_KEYWORD = (
    r"passw(?:or)?d|passwd|\bpwd|_pwd|passphrase|secret|token|credential"
    r"|(?:api|access|private|signing|encryption|auth|account|master|client|secret)_?-?key"
)
_LINE = re.compile(rf"^.*(?:{_KEYWORD}).*$", re.IGNORECASE | re.MULTILINE)
_NAME = rf"(?P<name>[\w.-]{{0,60}}(?:{_KEYWORD})s?(?:_?(?:base|value|hex|b64))?)"
_TEXT = r"[rbfu]{0,2}(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\n\\]){3,500})(?P=quote)"
QUOTED = re.compile(rf"{_NAME}[\"']?\]?\s*(?::\s*\w+\s*)?(?:=>|:=|[:=])\s*{_TEXT}", re.IGNORECASE)
"""A quoted text assigned to such a name: ``API_KEY = "…"``, ``"api_key": "…"``, ``key="…"``."""

CALLED = re.compile(rf"\(\s*[\"']{_NAME}[\"']\s*,\s*{_TEXT}", re.IGNORECASE)
"""The same as two arguments: ``setdefault("API_KEY", "…")``."""

PLAIN = re.compile(
    rf"(?:^|[\s{{,;])(?:export\s+|ENV\s+|ARG\s+|-\s+)?{_NAME}[ \t]*(?:=|:[ \t]|\s(?=\S+$))[ \t]*"
    r"(?P<value>[^\s\"'#;,{}\[\]]{3,500})[ \t]*(?:$|[#;,}])",
    re.IGNORECASE,
)
"""The same without quotes, in configuration: ``API_KEY=…``, ``api_key: …``, ``ENV API_KEY …``."""

CONFIGURATION = (
    ".env", ".ini", ".cfg", ".conf", ".toml", ".yaml", ".yml", ".properties", ".json", ".tf",
    ".tfvars", ".service", ".sh", ".xml", "dockerfile", ".pgpass", ".netrc", ".npmrc", ".pypirc",
)  # fmt: skip
"""Ends of the names of files whose values need no quotes."""


def is_configuration(name: str) -> bool:
    """Tell whether values need no quotes in the file called *name*, or lying there."""
    last = name.rpartition("/")[2].lower()
    return last.endswith(CONFIGURATION) or last.startswith((".env", "docker"))


_REFERENCE = re.compile(
    r"^[<.\[{]|^\$\w*$|^\$[\w-]+\$|^[*&]\w*$|^%\w+%$|^![A-Z]?[a-z]+$|^@\w+[.(@]"
    r"|\$\{|\{\{|\$\(|^(?:env|file|vault|secret|ref|arn|gs|s3|op|sm|ssm|azurekeyvault)"
    r"[:+]|[\w.]\([^()]*\)$|^(?:os|process|self|settings|config|secrets|args|ctx|req|request)\.|^ENC\["
    r"|^\w+://[^:@]*$|^(?:true|false|null|none|nil|yes|no)$",
    re.IGNORECASE,
)
"""What leads to a secret kept elsewhere, or is no text at all."""

_STANDS_FOR_ONE = re.compile(
    r"^(?:x{3,}|\*{3,}|\.{3,}|…|0+|(?:your|my|the|some|an?|any|new|old|bad|good|valid|wrong|user|admin"
    r"|db|database|app|test|fake|dummy|sample|secret|password|passwd|pass|token|key|api|jwt|access|hidden"
    r"|here|value|str|string|bytes|bool|int|todo|none|empty|bearer|basic|type|name|id|[-_ .:/])+)$"
    r"|change.?me|example|placeholder|redacted|replace.?(?:me|with)|not.?a.?secret|xxxx|<[\w -]+>"
    r"|%\(|\{[\w.]*(?:\(\w*\))?\}",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"[a-z]+(?:[-_ .:/][a-z0-9]+)*|[A-Z][a-z]+(?: [A-Za-z]+)*|[A-Z]+(?:_[A-Z0-9]+)*"
)
_PASSWORD = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)
_PASSWORD_NAME = re.compile(r"(?:passw(?:or)?d|pwd|passphrase|secret)s?$", re.IGNORECASE)
_WORD_OF_A_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PUBLIC = frozenset(
    {"public", "type", "size", "length", "ttl", "count", "max", "min", "limit", "algorithm"}
    | {"prefix", "suffix", "column", "label", "regex", "pattern"}
)
"""Words of names whose values are told to everybody; as words, for ADMIN holds MIN."""

_PIECES = re.compile(r"[-_ .:/]")
_LEAST_DENSE = 16

_LEAST_BITS = 40.0
"""A shorter value of a key is no key; the shortest that issuers give have 64."""

LEAST_PASSWORD_BITS = 12.0


def secrets_in(text: str, *, configuration: bool = True) -> Iterator[Match]:
    """Yield each secret in *text* once; *configuration* admits values without quotes.

    >>> [one.kind for one in secrets_in("DB_PASSWORD=Tr0ub4dor&3")]
    ['password assigned to a name']
    >>> list(secrets_in("DB_PASSWORD=${DB_PASSWORD}"))
    []
    """
    seen: set[str] = set()
    for kind, at, value in _found(text, configuration=configuration):
        mark = fingerprint(value)
        if mark not in seen:
            seen.add(mark)
            yield Match(kind, text.count("\n", 0, at) + 1, mark)


def _found(text: str, *, configuration: bool) -> Iterator[tuple[str, int, str]]:
    spans: list[tuple[int, int]] = []
    for kind, pattern in FORMS.items():
        if _HINTS.get(kind, "") not in text:
            continue
        for found in pattern.finditer(text):
            if kind not in _BY_CONTEXT or not _stands_for_one(found[1]):
                spans.append(found.span())
                yield kind, found.start(1), found[1]
    for line in _LINE.finditer(text):
        if len(line[0]) <= LONGEST_LINE:
            yield from _assigned(line[0], line.start(), spans, configuration=configuration)


def _assigned(
    line: str, at: int, spans: list[tuple[int, int]], *, configuration: bool
) -> Iterator[tuple[str, int, str]]:
    """Yield what is assigned to a telling name in *line*, but not what has a form of its own."""
    for pattern in (QUOTED, CALLED, PLAIN) if configuration else (QUOTED, CALLED):
        for found in pattern.finditer(line):
            start, end = found.start("value") + at, found.end("value") + at
            inside = any(a < end and start < b for a, b in spans)
            if not inside and is_secret(found["name"], found["value"], quoted=pattern is not PLAIN):
                spans.append((start, end))
                kind = "password" if _PASSWORD.search(found["name"]) else "key or token"
                yield f"{kind} assigned to a name", start, found["value"]


_BY_CONTEXT = frozenset({"password in a URL", "authorization header"})


def _stands_for_one(value: str) -> bool:
    path = value.startswith(("/", "./")) and not _is_dense(value)
    return path or bool(_REFERENCE.search(value) or _STANDS_FOR_ONE.search(value))


def _is_dense(value: str) -> bool:
    """Tell whether a piece of *value* is longer than a word, with digits among its letters."""
    return any(
        len(one) >= _LEAST_DENSE and re.search(r"\d", one) and re.search(r"[A-Za-z]", one)
        for one in _PIECES.split(value)
    )


def _is_public(name: str) -> bool:
    words = _WORD_OF_A_NAME.findall(name.rpartition(".")[2])
    return not _PUBLIC.isdisjoint(one.lower() for one in words)


def is_secret(name: str, value: str, *, quoted: bool = True) -> bool:
    """Tell whether *value* is a secret, being assigned to *name*."""
    value = value.strip()
    if _stands_for_one(value) or _is_public(name) or " " in value:
        return False
    if _WORDS.fullmatch(value) and not _is_dense(
        value
    ):  # a name, a message id, a path; of a password, a poor one
        return bool(_PASSWORD_NAME.search(name)) and not re.search(r"[-_ .:/]", value)
    if _PASSWORD_NAME.search(name):
        return bits_of(value) >= LEAST_PASSWORD_BITS and (quoted or "(" not in value)
    mixed = re.search(r"\d", value) is not None or (value != value.lower() != value.upper())
    return mixed and bits_of(value) >= _LEAST_BITS and re.search(r"[()\[\]]", value) is None
