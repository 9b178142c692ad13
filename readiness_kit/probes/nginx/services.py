"""Read from nginx's configuration how the proxy reaches what lies behind it."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import crossplane

from readiness_kit.errors import NotSeen
from readiness_kit.facts.nginx.services import Hop, ServiceHops
from readiness_kit.sources import Visit, source

PASSES = frozenset(
    {"proxy_pass", "grpc_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass", "memcached_pass"}
)
INHERITED = frozenset(
    {"proxy_ssl", "proxy_ssl_verify", "proxy_ssl_certificate"}
    | {"grpc_ssl_verify", "grpc_ssl_certificate", "uwsgi_ssl_verify", "uwsgi_ssl_certificate"}
)
LOCAL = re.compile(r"(?:127(?:\.\d+){3}|localhost|\[::1\])(?::\d+)?$|unix:")


class Directive(TypedDict, total=False):
    """One directive as crossplane gives it."""

    directive: str
    args: list[str]
    line: int
    file: str
    block: list["Directive"]


Settings = Mapping[str, str]
Upstreams = dict[str, list[str]]


@source(effect="read", asks="no request: reads nginx.conf and what it includes", deadline_s=5)
def service_hops(visit: Visit) -> ServiceHops:
    """Read every ``proxy_pass`` and its like, with the TLS directives in force where it stands.

    Raises:
        NotSeen: No configuration is declared, or it cannot be read.

    """
    file = visit.target.proxy.nginx
    if file is None:
        raise NotSeen(
            "readiness.yaml has no proxy.nginx",
            cause="not_configured",
            hint="name the nginx.conf in force as proxy.nginx",
        )
    directives = read(file)
    upstreams = dict(_upstreams(directives))
    return ServiceHops(
        observed_at=datetime.now(UTC), hops=tuple(_hops(directives, upstreams, {}, file.name))
    )


def read(file: Path) -> list[Directive]:
    """Return the directives of *file*, includes put in place.

    Raises:
        NotSeen: It cannot be read, or is no nginx configuration.

    """
    try:
        payload = crossplane.parse(str(file), combine=True)
    except (OSError, ValueError) as error:
        raise NotSeen(f"{file} cannot be read: {error}", hint="correct proxy.nginx") from error
    if payload["errors"]:
        first = payload["errors"][0]
        raise NotSeen(
            f"{first['file']}:{first['line']}: {first['error']}", hint="`nginx -t` says more"
        )
    directives: list[Directive] = payload["config"][0]["parsed"]
    return directives


def _upstreams(directives: list[Directive]) -> Iterator[tuple[str, list[str]]]:
    for one in directives:
        block = one.get("block", [])
        if one["directive"] == "upstream":
            servers = [child["args"][0] for child in block if child["directive"] == "server"]
            yield one["args"][0], servers
        yield from _upstreams(block)


def _hops(
    directives: list[Directive], upstreams: Upstreams, outer: Settings, name: str
) -> Iterator[Hop]:
    here = {one["directive"]: one["args"][0] for one in directives if one["directive"] in INHERITED}
    settings = {**outer, **here}
    for one in directives:
        if one["directive"] in PASSES:
            yield from _passes(one, upstreams, settings, name)
        yield from _hops(one.get("block", []), upstreams, settings, name)


def _passes(one: Directive, upstreams: Upstreams, settings: Settings, name: str) -> Iterator[Hop]:
    scheme, separator, rest = one["args"][0].partition("://")
    if not separator:  # in a stream block nothing but proxy_ssl says so
        scheme, rest = ("https" if settings.get("proxy_ssl") == "on" else "tcp"), scheme
    host = rest if rest.startswith("unix:") else rest.partition("/")[0]
    kind = one["directive"].removesuffix("_pass")
    for address in upstreams.get(host, [host]):
        yield Hop(
            origin=f"{Path(one.get('file', name)).name}:{one['line']}",
            address=address,
            same_host=LOCAL.match(address) is not None,
            known=bool(address) and "$" not in address and "$" not in scheme,
            encrypted=scheme in {"https", "grpcs", "suwsgi"},
            verified=settings.get(f"{kind}_ssl_verify") == "on",
            mutual=f"{kind}_ssl_certificate" in settings,
        )
