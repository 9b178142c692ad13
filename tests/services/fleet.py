"""Starts the small services, describes each in a ``readiness.yaml``, and assesses it."""

import secrets
import signal
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import jwt
import trustme
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from graphql import GraphQLSchema, build_schema, print_schema
from services import ariadne_app, strawberry_app
from services.behaviour import ORIGIN, Behaviour, Library, encode
from services.callers import AUDIENCE, ISSUER, KEY_ID
from services.edge import LARGEST_BYTES

from readiness_kit.assessment import Assessment
from readiness_kit.results import ClaimResult
from readiness_kit.servers.ports import free_ports
from readiness_kit.servers.process import Command, Process

TESTS = Path(__file__).parent.parent
BAD = ("expired", "not_yet_valid", "wrong_audience", "wrong_issuer")
PROTECTED = {
    "strawberry": "{ me { id name } }",
    "ariadne": "{ me { id name } }",
    "rest": "/v1/account",
}
CREATE = "mutation Create($mark: String!) { createNote(title: $mark) { id title } }"
RENAME = "mutation Rename($id: ID!, $mark: String!) { renameNote(id: $id, title: $mark) { id } }"
DELETE = "mutation Delete($id: ID!) { deleteNote(id: $id) { id } }"
READ = "query Newest { notes(limit: 5) { id title } }"
SMOKE = [
    {
        "name": "notes",
        "query": "query Notes($limit: Int) { notes(limit: $limit) { id title } }",
        "variables": {"limit": 5},
    },
    {
        "name": "search",
        "query": "query Search($title: String!) { search(title: $title) { id title } }",
        "variables": {"title": "note 1"},
    },
]
PEOPLE = {
    "reader": ("1", "reader"),
    "editor": ("2", "editor"),
    "admin": ("3", "admin"),
    "other": ("4", "editor"),
}


ITEMS = (
    *(f"security.{name}" for name in ("authentication", "authorization", "tls", "cors")),
    *(f"security.{name}" for name in ("headers", "input_validation")),
    *(f"application.{name}" for name in ("production_mode", "error_handling", "health_endpoints")),
)
"""Items that a service shows by its answers."""

THOROUGH = (*ITEMS, "security.sql_injection")
"""The same with the one that asks most."""


class Fleet:
    """One process that serves many services, each with its own faults."""

    def __init__(self, folder: Path, wanted: list[tuple[Library, tuple[str, ...]]]) -> None:
        self.folder = folder
        self._keys = {"strawberry": secrets.token_urlsafe(48), "ariadne": _private_key()}
        self._keys["rest"] = ",".join(f"{role}={secrets.token_urlsafe(32)}" for role in PEOPLE)
        ports = iter(free_ports(2 * len(wanted)))
        self.services = [
            Behaviour(library, next(ports), next(ports), self._keys[library], faults)
            for library, faults in wanted
        ]
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        issued = authority.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA)
        issued.private_key_pem.write_to_path(folder / "key.pem")
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(folder / "cert.pem", append=number > 0)
        (folder / "services.json").write_text(encode(self.services))
        self._process = Process(
            Command(
                name="small services",
                argv=[sys.executable, "-m", "services.serve", folder],
                log=folder / "services.log",
                directory=folder,
                environment={"PYTHONPATH": str(TESTS)},
                stop_signal=signal.SIGKILL,
            )
        )

    def __enter__(self) -> Self:
        self._process.start()
        trust = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with httpx.Client(verify=trust, trust_env=False) as client:
            self._process.wait_until(lambda: all(_up(client, one) for one in self.services))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def service(self, library: Library, *faults: str) -> Behaviour:
        return next(one for one in self.services if (one.library, one.faults) == (library, faults))

    def describe(self, one: Behaviour, folder: Path, **changes: object) -> Path:
        """Write the ``readiness.yaml`` of *one* and the secrets it refers to into *folder*."""
        tokens = self._credentials(one.library)
        for name, token in tokens.items():
            (folder / name).write_text(token)
        (folder / "ca.pem").write_bytes((self.folder / "ca.pem").read_bytes())
        (folder / "shop.env").touch(mode=0o600)
        secret = f"SESSION_SECRET={secrets.token_urlsafe(32)}\n"
        (folder / "shop.env").write_text(f"APP_ENV=production\n{secret}")
        if one.is_graphql:
            (folder / "matrix.yaml").write_text(yaml.safe_dump(_matrix()))
            (folder / "source").mkdir()
            schema = print_schema(schema_of(one.library))
            (folder / "source" / "schema.graphql").write_text(schema)
        file = folder / "readiness.yaml"
        description = {**_description(one, set(tokens)), **changes}
        file.write_text(yaml.safe_dump(description))
        return file

    def project(self, library: Library, *faults: str, folder: Path, **changes: object) -> Path:
        """As :meth:`describe`, for the service of *library* with *faults*."""
        return self.describe(self.service(library, *faults), folder, **changes)

    def _credentials(self, library: Library) -> dict[str, str]:
        key = self._keys[library]
        if library == "rest":
            return dict(pair.split("=") for pair in key.split(","))
        return dict(_tokens(key, "HS256" if library == "strawberry" else "EdDSA"))


def assess(file: Path, *items: str, allow: tuple[str, ...] = ("canary",)) -> dict[str, ClaimResult]:
    """Gather and judge *items* of the target that *file* describes; return their claims by id."""
    one = Assessment.open(file, file.parent / "run", allow=allow, only=items)
    with one.gathering():
        one.gather()
    results = one.results()
    return {claim.id: claim for item in items for claim in results.item(item).claims}


def _up(client: httpx.Client, one: Behaviour) -> bool:
    try:
        client.get(f"https://localhost:{one.port}/")
    except httpx.TransportError:
        return False
    return True


def schema_of(library: Library) -> GraphQLSchema:
    """Return the schema as the team documents it."""
    return build_schema(strawberry_app.SDL if library == "strawberry" else ariadne_app.SCHEMA)


def _private_key() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return pem.decode()


def _tokens(key: str, algorithm: str) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    ordinary = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now - 5, "exp": now + 1800}
    defects = {
        "expired": {"iat": now - 5400, "nbf": now - 5400, "exp": now - 3600},
        "not_yet_valid": {"nbf": now + 3600},
        "wrong_audience": {"aud": "another-shop"},
        "wrong_issuer": {"iss": "https://login.evil.invalid"},
    }
    for name, (number, role) in PEOPLE.items():
        claims = {**ordinary, "sub": number, "role": role}
        yield name, jwt.encode(claims, key, algorithm, headers={"kid": KEY_ID})
    for name, defect in defects.items():
        claims = {**ordinary, "sub": "1", "role": "reader", **defect}
        yield name, jwt.encode(claims, key, algorithm, headers={"kid": KEY_ID})


def _description(one: Behaviour, credentials: set[str]) -> dict[str, object]:
    face = one.face
    api: dict[str, object] = {
        "url": f"https://localhost:{one.port}",
        "http_url": f"http://localhost:{one.plain_port}",
        "ca": "ca.pem",
        "kind": "graphql" if one.is_graphql else "rest",
        "health": face.health,
        "ready": face.ready,
        "allowed_origins": [ORIGIN],
        "allowed_headers": ["content-type", face.header],
        "address_families": ["ipv4"],
    }
    auth: dict[str, object] = {"token": "file:reader", "protected": PROTECTED[one.library]}
    if one.is_graphql:
        api["graphql"] = face.operations
        auth |= {"issuer": ISSUER, "audience": AUDIENCE}
        auth["test_tokens"] = {case: f"file:{case}" for case in BAD}
    if one.library == "ariadne":
        auth["jwks"] = "/jwks.json"
    if one.library == "rest":
        auth["header"] = face.header
    return {
        "schema": 1,
        "name": "shop",
        "environment": "staging",
        "api": api,
        "auth": auth,
        "identities": {name: f"file:{name}" for name in PEOPLE if name in credentials},
        "application": {
            "environment_file": "shop.env",
            "mode_names": ["APP_ENV"],
            "required_variables": ["SESSION_SECRET"],
        },
        "limits": {"requests_per_minute": 100_000},
        **(_graphql_parts() if one.is_graphql else {}),
    }


def _graphql_parts() -> dict[str, object]:
    """Return what the team of a GraphQL service declares on top."""
    canary = {"identity": "editor", "read": READ, "write": CREATE, "undo": DELETE}
    owned = {"name": "note", "owner": "editor", "other": "other", "setup": CREATE, "undo": DELETE}
    owned |= {"read": "query See($id: ID!) { note(id: $id) { id title } }", "writes": [RENAME]}
    email = 'query { user(id: "9") { id email } }'
    return {
        "smoke": SMOKE,
        "source": {"path": "source", "schema": "source/schema.graphql"},
        "authorization": {
            "matrix": "matrix.yaml",
            "restricted_fields": {"User.email": email},
            "owned": [owned],
        },
        "input": {
            "bounds": {"Query.notes.limit": {"least": 1, "most": 100}},
            "max_body_bytes": LARGEST_BYTES,
            "canary": canary,
        },
    }


def _matrix() -> dict[str, object]:
    everybody, writers = ["reader", "editor", "admin"], ["editor", "admin"]
    reading = {
        "oneself": "{ me { id } }",
        "a user": '{ user(id: "9") { id } }',
        "notes": "{ notes(limit: 1) { id } }",
        "a note": '{ note(id: "1") { id } }',
        "search": '{ search(title: "note 1") { id } }',
    }
    operations: list[dict[str, object]] = [
        {"name": name, "query": f"query {query}", "allowed": [*everybody]}
        for name, query in reading.items()
    ]
    operations += [
        {"name": "create", "query": CREATE, "undo": DELETE, "allowed": [*writers]},
        {"name": "rename", "setup": CREATE, "query": RENAME, "undo": DELETE, "allowed": [*writers]},
    ]
    removal = {"setup": CREATE, "query": DELETE, "undo": DELETE, "removes": True}
    operations.append({"name": "delete", **removal, "allowed": [*writers]})
    return {"roles": everybody, "operations": operations}
