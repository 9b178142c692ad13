"""What one answer has to say in each of the five headers, and what is only half of it."""

import re
from collections.abc import Callable
from typing import Literal

from readiness_kit.facts.api.http import HeaderAnswer

ONE_YEAR_S = 31_536_000
"""RFC 6797 6.1.1 names no figure; the preload list asks for one year."""

NAMES: dict[str, tuple[str, ...]] = {
    "xfo": ("x-frame-options", "content-security-policy"),
    "xcto": ("x-content-type-options",),
    "xxp": ("x-xss-protection",),
    "hsts": ("strict-transport-security",),
    "csp": ("content-security-policy",),
}
"""Headers by which each claim may hold."""

NARROW = ({"'none'"}, {"'self'"})
"""Source lists that a ``default-src`` may have: nothing, or the own origin."""

UNSAFE = {"'unsafe-inline'", "'unsafe-eval'"}

ANYWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]*:(?://)?)?\*(?::[\d*]+)?/?|(?:https?|wss?|data|blob):")
"""A scheme alone, or every host: ``*``, ``https:``, ``https://*``."""

SCRIPTS = ("script-src", "script-src-elem", "script-src-attr", "object-src", "worker-src")

Worth = Literal["good", "weak", "bad"]
"""As wanted, as wanted by the letter only, or not as wanted."""

Rule = Callable[[HeaderAnswer], Worth]
"""What one claim asks of one answer."""


def framing(answer: HeaderAnswer) -> Worth:
    """Judge framing; browsers ignore X-Frame-Options beside ``frame-ancestors`` (CSP Level 3)."""
    ancestors = [one["frame-ancestors"] for one in _policies(answer) if "frame-ancestors" in one]
    values = _values(answer, "x-frame-options")
    if ancestors:
        narrow = any(sources and not any(map(ANYWHERE.fullmatch, sources)) for sources in ancestors)
        return "bad" if not narrow else "weak" if len(values) > 1 else "good"
    if not values or not values <= {"deny", "sameorigin"}:
        return "bad"
    return "weak" if len(values) > 1 else "good"


def sniffing(answer: HeaderAnswer) -> Worth:
    """Judge whether content types are taken as they are told."""
    return "good" if _values(answer, "x-content-type-options") == {"nosniff"} else "bad"


def xss_filter(answer: HeaderAnswer) -> Worth:
    """Judge whether the retired filter is left alone."""
    values = {re.sub(r"\s", "", one) for one in _lines(answer, "x-xss-protection")}
    if values <= {"0"}:
        return "good"
    return "weak" if values <= {"0", "1;mode=block"} else "bad"


def hsts(answer: HeaderAnswer) -> Worth:
    """Judge whether every policy of HTTPS only lasts long enough."""
    lines = _lines(answer, "strict-transport-security")
    return "good" if lines and all(_long_enough(line) for line in lines) else "bad"


def _long_enough(line: str) -> bool:
    """Whether one policy lasts a year; a directive that stands twice voids it (RFC 6797 6.1)."""
    words = [word.strip() for word in line.split(";") if word.strip()]
    names = [word.partition("=")[0].strip() for word in words]
    age = next(
        (re.fullmatch(r'max-age\s*=\s*"?(\d{1,18})"?', w) for w in words if "max-age" in w), None
    )
    once = len(names) == len(set(names))
    return bool(age and int(age[1]) >= ONE_YEAR_S and "includesubdomains" in words and once)


def policy(answer: HeaderAnswer) -> Worth:
    """Judge the policies: all are enforced, so the strictest decides (CSP Level 3 section 8.1)."""
    worths = [_one_policy(one) for one in _policies(answer)]
    order: tuple[Worth, ...] = ("good", "weak")
    return next((worth for worth in order if worth in worths), "bad")


def _one_policy(policy: dict[str, tuple[str, ...]]) -> Worth:
    if set(policy.get("default-src", ())) not in NARROW:
        return "bad"
    if any(map(ANYWHERE.fullmatch, (one for name in SCRIPTS for one in policy.get(name, ())))):
        return "bad"
    unsafe = {name for name, sources in policy.items() if set(sources) & UNSAFE}
    if any("'unsafe-eval'" in policy[name] for name in unsafe):
        return "bad"
    if not unsafe:
        return "good"
    return "weak" if all(name.startswith("style-src") for name in unsafe) else "bad"


def _policies(answer: HeaderAnswer) -> list[dict[str, tuple[str, ...]]]:
    """Parse every enforced policy; of a directive that stands twice the first counts."""
    found = []
    for text in ",".join(answer.headers.get("content-security-policy", ())).lower().split(","):
        policy: dict[str, tuple[str, ...]] = {}
        for words in (part.split() for part in text.split(";")):
            if words:
                policy.setdefault(words[0], tuple(words[1:]))
        found.append(policy)
    return found


def _lines(answer: HeaderAnswer, name: str) -> list[str]:
    return [line.strip().lower() for line in answer.headers.get(name, ())]


def _values(answer: HeaderAnswer, name: str) -> set[str]:
    return {value.strip() for line in _lines(answer, name) for value in line.split(",")}
