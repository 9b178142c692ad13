"""Asks as a browser would, from listed origins and from the origins an attacker would use."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain
from urllib.parse import urlsplit

import httpx
from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.cors import CorsAnswer, CorsAnswers, Kind
from readiness_kit.probes.api.http import ERROR, Ask, bearer, cheap
from readiness_kit.sources import Address, Visit, source

FOREIGN = "https://readiness-kit.invalid"
"""An origin nobody lists (RFC 2606)."""

ANY = "https://app.example.com"
"""What look-alikes are made of where no origin is listed."""

MOST_COPIED = 4
"""Listed origins that look-alikes are made of."""

UNLISTED_METHOD = "PATCH"
UNLISTED_HEADER = "x-readiness-kit-unlisted"


@source(
    effect="read",
    asks="per address: one request; one preflight and one request per origin: each listed one, two "
    "made up, five like the first, two like each of the next three; two preflights more",
    deadline_s=60.0,
)
def cors_answers(visit: Visit) -> CorsAnswers:
    """Return what every address allows to listed and unlisted origins."""
    api = visit.api
    listed = tuple(origin.rstrip("/") for origin in api.allowed_origins)
    ask, token = cheap(api), bearer(visit)
    control, anonymous = _control(visit, ask, token), _control(visit, ask, {}) if token else 0
    addresses = visit.addresses(api.url)
    with ThreadPoolExecutor(max_workers=4) as pool:
        rounds = [
            pool.submit(_ask_as, visit, address, ask, kind, origin)
            for address in addresses
            for kind, origin in origins(listed)
        ]
        answers = tuple(chain.from_iterable(one.result() for one in rounds))
    return CorsAnswers(
        url=api.url + ask.path,
        listed=listed,
        listed_headers=tuple(name.lower() for name in api.allowed_headers),
        takes_credentials=bool(token) or 401 in (control, anonymous) or 403 in (control, anonymous),
        control_status=control,
        unlisted_method=UNLISTED_METHOD,
        unlisted_header=UNLISTED_HEADER,
        answers=answers,
        observed_at=datetime.now(UTC),
    )


def origins(listed: tuple[str, ...]) -> Iterator[tuple[Kind, str]]:
    """Yield the listed origins, then look-alikes of the first few that are not listed, too.

    All of the first; of others those that a wildcard, or a comparison of beginnings, lets in.
    """
    for origin in listed:
        yield "listed", origin
    yield "foreign", FOREIGN
    yield "null", "null"
    alike = dict.fromkeys(
        (kind, copy)
        for n, origin in enumerate((listed or (ANY,))[:MOST_COPIED])
        for kind, copy in _look_alikes(origin)
        if n == 0 or kind in ("sub_domain", "suffixed")
    )
    yield from ((kind, origin) for kind, origin in alike if origin not in listed)


def _look_alikes(origin: str) -> Iterator[tuple[Kind, str]]:
    """Yield origins that a careless comparison with *origin* lets in."""
    parts = urlsplit(origin)
    name, port = parts.hostname or "localhost", f":{parts.port}" if parts.port else ""
    other = "http" if parts.scheme == "https" else "https"
    yield "prefixed", f"{parts.scheme}://not{name}{port}"
    yield "suffixed", f"{parts.scheme}://{name}.readiness-kit.invalid{port}"
    yield "other_scheme", f"{other}://{name}{port}"
    yield "sub_domain", f"{parts.scheme}://readiness-kit.{name}{port}"
    if "." in name:  # a dot stands for any letter in a regular expression
        yield "dotless", f"{parts.scheme}://{name.replace('.', 'x', 1)}{port}"


def _control(visit: Visit, ask: Ask, headers: dict[str, str]) -> int:
    """Return the status of *ask* without an ``Origin``.

    Raises:
        NotSeen: No answer at all.

    """
    try:
        with visit.client(visit.api.url, headers=headers) as client:
            return client.request(ask.method, ask.path, json=ask.json).status_code
    except ERROR as error:
        raise NotSeen(
            f"{visit.api.url}{ask.path} did not answer: {type(error).__name__}",
            hint="check that the service is up, and api.url and api.ca",
        ) from error


def _ask_as(visit: Visit, address: Address, ask: Ask, kind: Kind, origin: str) -> list[CorsAnswer]:
    """Ask from one origin, with a client of its own as another browser would have."""
    plain = CorsAnswer(
        address=str(address),
        origin=origin,
        kind=kind,
        preflight=False,
        asked_method="",
        asked_headers=(),
        status=0,
    )
    usual = tuple(_usual_headers(visit))
    preflights: list[tuple[str, tuple[str, ...]]] = [(ask.method, usual)]
    if kind in ("listed", "foreign"):
        preflights += [(UNLISTED_METHOD, usual), (ask.method, (UNLISTED_HEADER,))]
    with visit.client(visit.api.url, address=address, headers={"origin": origin}) as client:
        request = client.build_request(ask.method, ask.path, json=ask.json, headers=bearer(visit))
        answers = [_answer(client, request, plain)]
        for method, names in preflights:
            sent = {
                "access-control-request-method": method,
                "access-control-request-headers": ", ".join(names),
            }
            request = client.build_request("OPTIONS", ask.path, headers=sent)
            asked = replace(plain, preflight=True, asked_method=method, asked_headers=names)
            answers.append(_answer(client, request, asked))
    return answers


def _usual_headers(visit: Visit) -> Iterator[str]:
    """Yield what an honest page sends: some servers refuse a preflight for one header too many."""
    allowed = {name.lower() for name in visit.api.allowed_headers}
    yield from (
        name for name in ("content-type", visit.target.auth.header.lower()) if name in allowed
    )


def _answer(client: httpx.Client, request: httpx.Request, asked: CorsAnswer) -> CorsAnswer:
    """Return *asked* with what came back."""
    try:
        response = client.send(request)
    except ERROR as error:
        return replace(asked, detail=type(error).__name__)
    headers = response.headers
    return replace(
        asked,
        status=response.status_code,
        allow_origin=tuple(headers.get_list("access-control-allow-origin")),
        allow_credentials=headers.get("access-control-allow-credentials", "").lower() == "true",
        allow_methods=_words(headers, "access-control-allow-methods"),
        allow_headers=tuple(
            word.lower() for word in _words(headers, "access-control-allow-headers")
        ),
        vary_origin=bool({"origin", "*"} & {word.lower() for word in _words(headers, "vary")}),
    )


def _words(headers: httpx.Headers, name: str) -> tuple[str, ...]:
    words = headers.get_list(name, split_commas=True)
    return tuple(word.strip() for word in words if word.strip())
