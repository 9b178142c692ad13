"""``nginx.conf`` as crossplane reads it, and which of its lines hold for a path."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict, cast

import crossplane

from readiness_kit.errors import NotSeen


class Directive(TypedDict, total=False):
    """One directive as crossplane gives it."""

    directive: str
    args: list[str]
    block: list["Directive"]


def parse(file: Path) -> tuple[list[Directive], list[str]]:
    """Return the directives, includes in place, and what could not be read."""
    if not file.is_file():
        raise NotSeen(f"proxy.nginx: {file} is no file", hint="correct proxy.nginx")
    try:
        read = crossplane.parse(
            str(file), combine=True, strict=False, check_ctx=False, check_args=False
        )
    except (OSError, ValueError, RecursionError, UnicodeDecodeError) as error:
        raise NotSeen(f"{file} cannot be read: {error}", hint="try `nginx -t`") from error
    problems = [str(one["error"]).partition(" in ")[0] for one in read["errors"]]
    parsed = [cast("list[Directive]", one["parsed"]) for one in read["config"]]
    return [directive for part in parsed for directive in part], problems


def named(directives: Sequence[Directive], name: str) -> list[Directive]:
    """Return the directives called *name* among *directives*."""
    return [one for one in directives if one["directive"] == name]


def block(directive: Directive) -> list[Directive]:
    """Return what stands in the braces of *directive*, nothing where it has none."""
    return directive.get("block") or []


def anywhere(directives: Sequence[Directive], name: str) -> Iterator[Directive]:
    """Yield the directives called *name*, however deep they stand."""
    for one in directives:
        if one["directive"] == name:
            yield one
        yield from anywhere(block(one), name)


def is_named(server: Sequence[Directive], host: str) -> bool:
    """Tell whether one of the server's names is, or covers, *host*."""
    return any(_covers(name, host) for one in named(server, "server_name") for name in one["args"])


def _covers(name: str, host: str) -> bool:
    if name.startswith("~"):
        return _searches(name[1:], host, ignore_case=True)
    if name.startswith((".", "*.")):
        return f".{host}".endswith(name.lstrip("*"))
    return host.startswith(name[:-1]) if name.endswith(".*") else bool(host) and name == host


def chosen(inside: Sequence[Directive], path: str) -> list[Directive]:
    """Return the location for *path*, then those it lies in."""
    location = _matching(named(inside, "location"), path)
    return [*chosen(block(location), path), location] if location else []


def in_force(levels: Sequence[Sequence[Directive]], name: str) -> list[Directive]:
    """Return the directives called *name* of the innermost level that has any."""
    return next((found for level in levels if (found := named(level, name))), [])


def first(levels: Sequence[Sequence[Directive]], name: str) -> str | None:
    """Return what the first directive called *name* in force says."""
    found = in_force(levels, name)
    return " ".join(found[0]["args"]) if found else None


def _matching(locations: Sequence[Directive], path: str) -> Directive | None:
    """Return the location nginx chooses: exact, else the first regular expression, else longest."""
    prefixes: list[tuple[int, Directive]] = []
    patterns: list[Directive] = []
    for one in locations:
        mark, text = ([""] + one["args"])[-2:]
        if mark == "=" and text == path:
            return one
        if mark in ("~", "~*"):
            patterns += [one] if _searches(text, path, ignore_case=mark == "~*") else []
        elif mark != "=" and path.startswith(text):
            prefixes.append((len(text), one))
    longest = max(prefixes, key=lambda found: found[0], default=(0, None))[1]
    final = longest is not None and longest["args"][0] == "^~"
    return longest if final or not patterns else patterns[0]


def _searches(pattern: str, path: str, *, ignore_case: bool) -> bool:
    try:
        return bool(re.search(_python(pattern), path, re.IGNORECASE if ignore_case else 0))
    except re.error:
        return False  # `unclear` says so


def _python(pattern: str) -> str:
    """Return *pattern* as Python writes it: groups are named in another way.

    >>> _python("^/(?<version>v1)/(?<!x)")
    '^/(?P<version>v1)/(?<!x)'
    """
    return re.sub(r"\(\?<(?![=!])", "(?P<", pattern)


def unclear(http: Sequence[Directive], path: str) -> Iterator[str]:
    """Yield what may lead *path* elsewhere than :func:`chosen` tells."""
    for one in anywhere(http, "location"):
        mark, pattern = (["", ""] + one["args"])[-2:]
        if mark in ("~", "~*") and not _compiles(pattern):
            yield f"location {mark} {pattern}"
    for server in named(http, "server"):
        for one in [*named(block(server), "rewrite"), *_conditional(block(server), "rewrite")]:
            pattern = (one["args"] or [""])[0]
            if not _compiles(pattern) or _searches(pattern, path, ignore_case=False):
                yield f"rewrite {' '.join(one['args'])}"


def _conditional(directives: Sequence[Directive], name: str) -> Iterator[Directive]:
    for one in named(directives, "if"):
        yield from anywhere(block(one), name)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(_python(pattern))
    except re.error:
        return False
    return True
