"""Asks for one large answer plainly and encoded, and compares what is decoded."""

import json
import zlib
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.compression import CompressionOffer, EncodedAnswer
from readiness_kit.probes.api.graphql import Scalars, bearer, changes, plain_queries
from readiness_kit.sources import Address, Visit, source

LARGE_BYTES = 1000
"""Answers from this length on are to be compressed: the checklist's figure."""

ENCODINGS = ("gzip", "br")
TRIES = 4
"""Data may change between two answers: so often it is tried to get two equal ones."""

_CAP_BYTES = 4 * 1024 * 1024


class _Question(NamedTuple):
    query: str
    variables: Scalars


class _Raw(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


@source(effect="read", asks="about 6 queries per address")
def compression_offer(visit: Visit) -> CompressionOffer:
    """Find a declared query with a large answer and ask it in every encoding.

    Raises:
        NotSeen: No declared query has an answer over 1000 bytes.

    """
    plain_queries(visit)
    addresses = visit.addresses(visit.api.url)
    question = _large(visit, addresses[0])
    return CompressionOffer(
        query=question.query,
        answers=tuple(
            _encoded(visit, address, question, encoding)
            for address in addresses
            for encoding in ENCODINGS
        ),
        observed_at=datetime.now(UTC),
    )


def _large(visit: Visit, address: Address) -> _Question:
    asked = [_Question(one.query, one.variables) for one in visit.target.smoke]
    asked.append(_Question(visit.target.auth.protected, {}))
    with visit.client(visit.api.url, address=address, headers=bearer(visit.token)) as client:
        for question in asked:
            if not question.query or changes(question.query):
                continue
            try:
                answer = _ask(client, visit.api.graphql, question, "identity")
            except (httpx.HTTPError, NotSeen) as error:
                raise NotSeen(f"no answer to a plain query: {error}") from error
            if answer.status == 200 and len(answer.body) > LARGE_BYTES:
                return question
    raise NotSeen(
        f"no declared query has an answer over {LARGE_BYTES} bytes",
        cause="not_configured",
        hint="add a query that lists something to smoke",
    )


def _encoded(visit: Visit, address: Address, question: _Question, encoding: str) -> EncodedAnswer:
    """Ask plainly, encoded, and plainly again, until both plain answers are the same."""
    lost = EncodedAnswer(
        address=str(address),
        asked=encoding,
        status=None,
        encoding="",
        sent_bytes=0,
        plain_bytes=0,
        equal=None,
        varies=False,
    )
    path = visit.api.graphql
    try:
        with visit.client(visit.api.url, address=address, headers=bearer(visit.token)) as client:
            before = _ask(client, path, question, "identity")
            for _ in range(TRIES):
                answer = _ask(client, path, question, encoding)
                after = _ask(client, path, question, "identity")
                if before.body == after.body:
                    return _compared(lost, answer, after)
                before = after
    except (httpx.HTTPError, NotSeen) as error:
        return replace(lost, reason=f"{type(error).__name__}: {error}"[:200])
    return replace(lost, reason=f"the plain answer changed {TRIES} times in a row")


def _ask(client: httpx.Client, path: str, question: _Question, encoding: str) -> _Raw:
    body: dict[str, object] = {"query": question.query}
    if question.variables:
        body["variables"] = dict(question.variables)
    headers = {"accept-encoding": encoding, "content-type": "application/json"}
    with client.stream("POST", path, content=json.dumps(body), headers=headers) as answer:
        return _Raw(answer.status_code, answer.headers, b"".join(answer.iter_raw()))


def _compared(lost: EncodedAnswer, answer: _Raw, plain: _Raw) -> EncodedAnswer:
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    encoding = "" if encoding == "identity" else encoding
    decoded, reason = decode(answer.body, encoding)
    vary = answer.headers.get("vary", "").lower()
    return EncodedAnswer(
        address=lost.address,
        asked=lost.asked,
        status=answer.status,
        encoding=encoding,
        sent_bytes=len(answer.body),
        plain_bytes=len(plain.body) if plain.status == 200 else 0,
        equal=None if decoded is None else decoded == plain.body,
        varies="accept-encoding" in vary or vary.strip() == "*",
        reason=reason,
    )


def decode(body: bytes, encoding: str) -> tuple[bytes | None, str]:
    """Return the decoded *body*, bounded, or why it cannot be decoded.

    >>> decode(zlib.compress(b"answer"), "deflate")
    (b'answer', '')
    >>> decode(b"", "br")
    (None, 'no decoder for br here')
    """
    if not encoding:
        return body, ""
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return None, f"no decoder for {encoding} here"
    try:
        machine = zlib.decompressobj(wbits=47)  # gzip or zlib, by the header
        decoded = machine.decompress(body, _CAP_BYTES)
    except zlib.error as error:
        return b"", f"does not decode: {error}"
    return (decoded, "") if machine.eof else (b"", "ends too early or is too long")
