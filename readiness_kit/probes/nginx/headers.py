"""Reads which security headers ``nginx.conf`` adds in every place that answers for the API."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, product
from typing import NamedTuple

from readiness_kit.facts.nginx.headers import HeaderPlace, NginxHeaders
from readiness_kit.probes.api.http import KEPT, cheap
from readiness_kit.probes.nginx.keys import Keys
from readiness_kit.probes.nginx.tree import (
    Directive,
    anywhere,
    block,
    chosen,
    first,
    in_force,
    is_named,
    named,
    parse,
    unclear,
)
from readiness_kit.sources import Visit, source
from readiness_kit.target import origin

MOST_COMBINATIONS = 32
"""Combinations of values of maps that are kept for one place."""

OTHER_WAYS = ("more_set_headers", "more_clear_headers", "add_header_by_lua_block")
"""Directives of other modules that change headers, too: they are not followed."""

PASSING = ("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass")
Level = Sequence[Directive]


class Added(NamedTuple):
    """One ``add_header``."""

    name: str
    values: tuple[str, ...]
    """What it may send; an empty text sends nothing. None at all when that cannot be told."""

    always: bool


@source(effect="read", asks="no request: reads nginx.conf and its includes", deadline_s=10.0)
def nginx_headers(visit: Visit) -> NginxHeaders:
    """Return what the declared ``nginx.conf`` adds, nothing where none is declared."""
    file = visit.target.proxy.nginx
    if file is None:
        return NginxHeaders(file="", unresolved=(), places=(), observed_at=datetime.now(UTC))
    tree, problems = parse(file)
    http = [child for one in named(tree, "http") for child in block(one)]
    ways = (one for name in OTHER_WAYS for one in anywhere(http, name))
    unresolved = [*problems, *(f"{one['directive']} {' '.join(one['args'])}" for one in ways)]
    paths = _asked(visit)
    unresolved += dict.fromkeys(chain.from_iterable(unclear(http, path) for path in paths))
    keys = Keys(http)
    return NginxHeaders(
        file=file.name,
        unresolved=tuple(unresolved),
        places=tuple(
            place
            for server in _servers(http, visit.api.url)
            for place in _places(server, http, paths, keys)
        ),
        observed_at=datetime.now(UTC),
    )


def _asked(visit: Visit) -> tuple[str, ...]:
    """Return the paths of which the headers are looked at live."""
    api = visit.api
    return (cheap(api).path, api.health, api.ready, f"/readiness-kit-{visit.run_id}")


def _servers(http: Level, url: str) -> list[list[Directive]]:
    """Return the servers of the API: on its port, over TLS where it is, named as its host.

    Where no server is like that, something in front translates, and every one may be meant.
    """
    scheme, host, port = origin(url)
    tls = scheme == "https"
    rules: tuple[Callable[[Level], bool], ...] = (
        lambda one: any(("ssl" in way["args"]) == tls for way in named(one, "listen")),
        lambda one: any(_port(way["args"]) == str(port) for way in named(one, "listen")),
        lambda one: is_named(one, host),
    )
    found = [block(one) for one in named(http, "server")]
    for fits in rules:
        found = [one for one in found if fits(one)] or found
    return found


def _port(args: Sequence[str]) -> str:
    """Return the port that ``listen`` names, 80 where it names none."""
    last = (args[0] if args else "").rpartition(":")[2]
    return last if last.isdecimal() else "80"


def _places(
    server: Level, http: Level, paths: tuple[str, ...], keys: Keys
) -> Iterator[HeaderPlace]:
    names = " ".join(name for one in named(server, "server_name") for name in one["args"]) or "_"
    reached = [found[0] for path in paths if (found := chosen(server, path))]
    yield _place(f"server {names}", [server, http], keys, asked=True)
    for one, levels in _inside(server, [server, http]):
        asked = any(one is other for other in reached)
        where = f"server {names} {one['directive']} {' '.join(one['args'])}"
        yield _place(where, levels, keys, asked=asked)


def _place(where: str, levels: list[Level], keys: Keys, *, asked: bool) -> HeaderPlace:
    added = [each for each in _added(levels, keys) if each.name in KEPT]
    hiding = in_force(levels, "proxy_hide_header")
    return HeaderPlace(
        where=where,
        asked=asked,
        passes_on=any(named(levels[0], name) for name in PASSING),
        hidden=tuple(word.lower() for each in hiding for word in each["args"]),
        successes=_combinations(added),
        errors=_combinations([each for each in added if each.always]),
        unknown=tuple(sorted({each.name for each in added if not each.values})),
    )


def _inside(level: Level, levels: list[Level]) -> Iterator[tuple[Directive, list[Level]]]:
    """Yield every location, and every ``if`` that adds headers, with the levels it lies in."""
    for one in level:
        conditional = one["directive"] == "if" and named(block(one), "add_header")
        if one["directive"] == "location" or conditional:
            inner: list[Level] = [block(one), *levels]
            yield one, inner
            yield from _inside(block(one), inner)


def _added(levels: list[Level], keys: Keys) -> list[Added]:
    """Return what is added at the innermost of *levels*.

    ``add_header_inherit`` (nginx 1.29.3) turns the inheritance off, or adds to it.
    """
    found: list[Added] = []
    for depth in range(len(levels) - 1, -1, -1):
        own = [_one(one["args"], keys) for one in named(levels[depth], "add_header")]
        mode = first(levels[depth:], "add_header_inherit") or "on"
        if mode == "merge":
            found = [*found, *own]
        elif own or mode == "off":
            found = own
    return found


def _one(args: Sequence[str], keys: Keys) -> Added:
    name, value, *rest = [*args, "", ""][: max(2, len(args))]
    values = keys.meaning(value).keys if "$" in value else (value,)
    known = () if any("$" in one for one in values) else values
    return Added(name.lower(), known, "always" in rest)


def _combinations(added: list[Added]) -> tuple[dict[str, tuple[str, ...]], ...]:
    """Return the sets of headers that *added* may come to, those of unknown value left out."""
    known = [one for one in added if one.values]
    sets: list[dict[str, tuple[str, ...]]] = []
    for chosen_values in islice(product(*(one.values for one in known)), MOST_COMBINATIONS):
        sent: dict[str, tuple[str, ...]] = {}
        for one, value in zip(known, chosen_values, strict=True):
            if value:
                sent[one.name] = (*sent.get(one.name, ()), value)
        sets.append(sent)
    return tuple(sets)
