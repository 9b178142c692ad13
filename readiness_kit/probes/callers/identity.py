"""Asks what identifies the deployment: its key, its database, its schema, its version."""

import contextlib
import hashlib
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness_kit.errors import NotSeen
from readiness_kit.evidence import canonical
from readiness_kit.evidence.folder import release_words
from readiness_kit.facts.callers.identity import Identity, PublicKey
from readiness_kit.probes.api.graphql import Json, ask, bearer
from readiness_kit.probes.database.session import parameters, session
from readiness_kit.probes.database.statements import Sql
from readiness_kit.sources import Address, Visit, source

T = TypeVar("T")

TIMEOUT_S = 3.0
LONGEST = 200
"""Most characters that are kept of one version."""

VERSION_KEYS = ("version", "commit", "revision", "sha", "image", "build")
"""Keys that are read where ``api.version`` answers with a JSON object."""

SCHEMA = """
query Identify { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types { kind name
    fields(includeDeprecated: true) { name args { ...Input } type { ...Ref } }
    inputFields { ...Input } interfaces { name } possibleTypes { name }
    enumValues(includeDeprecated: true) { name } } } }
fragment Input on __InputValue { name defaultValue type { ...Ref } }
fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
"""


@source(
    effect="read",
    asks="per address: one handshake and one GET; one statement; one introspection query",
    deadline_s=15.0,
)
def identity(visit: Visit) -> Identity:
    """Return what the deployment shows of itself.

    Raises:
        NotSeen: Nothing at all could be had.

    """
    unseen: dict[str, str] = {}

    def part(name: str, look: Callable[[Visit], T], absent: T) -> T:
        try:
            return look(visit)
        except (NotSeen, OSError, httpx.HTTPError, ValueError) as error:
            unseen[name] = f"{type(error).__name__}: {error}".splitlines()[0][:LONGEST]
            return absent

    found = Identity(
        release=release_words(visit.target),
        public_keys=part("public_keys", lambda one: _public_keys(one, unseen), ()),
        system_identifier=part("system_identifier", _system_identifier, None),
        schema_sha256=part("schema", _schema, None),
        versions=part("version", _versions, ()),
        unseen=unseen,
        observed_at=datetime.now(UTC),
    )
    if not found.parts:
        raise NotSeen(
            f"nothing identifies this deployment: {'; '.join(unseen.values())}",
            hint="declare release.version and release.commit in readiness.yaml",
        )
    return found


def _public_keys(visit: Visit, unseen: dict[str, str]) -> tuple[PublicKey, ...]:
    """Return the key of every address that shows one; the last that does not goes to *unseen*."""
    url = visit.api.url
    if visit.allowed(url)[0] != "https":
        raise NotSeen("api.url is plain HTTP", cause="not_configured")
    found = []
    for address in visit.addresses(url):
        try:
            found.append(_public_key(visit, address))
        except (OSError, ValueError) as error:
            unseen["public_keys"] = f"{address}: {type(error).__name__}: {error}"[:LONGEST]
    return tuple(found)


def _public_key(visit: Visit, address: Address) -> PublicKey:
    """Shake hands, which proves the key; who vouches for it is the business of other facts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.closing(visit.connect(address, TIMEOUT_S)) as wire:
        wire.settimeout(min(TIMEOUT_S, visit.remaining_s))
        with context.wrap_socket(wire, server_hostname=visit.allowed(visit.api.url)[1]) as tls:
            der = tls.getpeercert(binary_form=True) or b""
    key = x509.load_der_x509_certificate(der).public_key()
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(address=str(address), sha256=hashlib.sha256(data).hexdigest())


def _system_identifier(visit: Visit) -> str:
    with session(visit, parameters(visit.database.dsn)) as database:
        return str(database.row(Sql.SYSTEM)["system_identifier"])


def _schema(visit: Visit) -> str:
    if visit.api.kind != "graphql":
        raise NotSeen("the service does not speak GraphQL", cause="not_configured")
    token = visit.target.auth.token
    with visit.client(visit.api.url, headers=bearer(token)) as client:
        reply = ask(client, visit.api.graphql, SCHEMA)
    schema = reply.data.get("__schema")
    if not isinstance(schema, dict) or not schema.get("types"):
        said = (*reply.answer.errors, reply.answer.reason, f"status {reply.answer.status}")
        raise NotSeen(f"the schema cannot be read: {next(one for one in said if one)}")
    return hashlib.sha256(canonical.dumps(_sorted(schema))).hexdigest()


def _sorted(part: Json) -> Json:
    """Return *part* with every list of named things in the order of their names."""
    if isinstance(part, dict):
        return {name: _sorted(value) for name, value in part.items()}
    if isinstance(part, list):
        return sorted((_sorted(one) for one in part), key=canonical.dumps)
    return part


def _versions(visit: Visit) -> tuple[str, ...]:
    path = visit.api.version
    if not path:
        raise NotSeen("readiness.yaml names no api.version", cause="not_configured")
    found = set()
    for address in visit.addresses(visit.api.url):
        with visit.client(visit.api.url, address=address) as client:
            answer = client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise NotSeen(f"{path} answered {answer.status_code} at {address}")
        found.add(_version(answer.text))
    return tuple(sorted(found))


def _version(text: str) -> str:
    """Return the version in an answer: known keys of an object, or the first line of a text.

    >>> _version('{"version": "1.2", "commit": "4f2c", "now": 17}')
    '1.2 4f2c'
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = next(iter(text.splitlines()), "")
    if isinstance(body, dict):
        body = " ".join(str(body[key]) for key in VERSION_KEYS if body.get(key))
    found = " ".join(str(body).split())[:LONGEST]
    if not found:
        raise NotSeen("api.version answers, but names no version")
    return found
