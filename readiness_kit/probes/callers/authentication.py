"""Asks the protected operation with tokens that must not do, beside one that must."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime

import httpx
from msgspec.structs import replace

from readiness_kit.errors import NotSeen
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.callers.authentication import (
    DEFECTS,
    AnonymousAccess,
    Attempt,
    BadToken,
    BadTokens,
    Defect,
    ForgedTokens,
    IssuedToken,
)
from readiness_kit.probes.api.graphql import Json, ask, bearer
from readiness_kit.probes.api.http import ERROR
from readiness_kit.probes.callers import token as tokens
from readiness_kit.probes.callers.signing_key import signing_secrets
from readiness_kit.probes.callers.token import Token
from readiness_kit.sources import Address, Visit, source

GARBAGE = "readiness-kit.is-no.token"
MINT_TIMEOUT_S = 10.0
WHO = (
    *("sub", "scope", "scp", "role", "roles", "groups", "permissions", "realm_access"),
    *("tenant", "tid", "azp", "client_id"),
)
"""Claims by which a service tells who asks, and what that caller may do."""

Ask = Callable[[str | None], GraphqlAnswer]


@source(effect="canary", asks="4 requests of the protected operation per address", deadline_s=30.0)
def anonymous_access(visit: Visit) -> AnonymousAccess:
    """Ask the protected operation as nobody, at every address."""
    operation, token = _operation(visit), visit.token
    controls: list[GraphqlAnswer] = []
    attempts: list[Attempt] = []
    for question in _everywhere(visit):
        controls.append(question(token))
        attempts.append(Attempt(case="no_token", answer=question(None)))
        attempts.append(Attempt(case="garbage", answer=question(GARBAGE)))
        controls.append(question(token))
    return AnonymousAccess(
        operation=operation,
        controls=tuple(controls),
        attempts=tuple(attempts),
        observed_at=datetime.now(UTC),
    )


@source(
    effect="canary", asks="9 to 18 requests of the protected operation per address", deadline_s=30.0
)
def forged_tokens(visit: Visit) -> ForgedTokens:
    """Ask the protected operation with tokens forged from the valid one, at every address."""
    operation, token = _operation(visit), visit.token
    public = _published(visit)
    forged = dict(tokens.forgeries(_read(token), public))
    controls: list[GraphqlAnswer] = []
    attempts: list[Attempt] = []
    for question in _everywhere(visit):
        controls.append(question(token))
        attempts += [Attempt(case=case, answer=question(bad)) for case, bad in forged.items()]
        controls.append(question(token))
    return ForgedTokens(
        operation=operation,
        controls=tuple(controls),
        attempts=tuple(attempts),
        public_key_known="public_key_as_secret" in forged,
        observed_at=datetime.now(UTC),
    )


@source(effect="canary", asks="6 requests of the protected operation per address", deadline_s=60.0)
def bad_tokens(visit: Visit) -> BadTokens:
    """Ask with genuinely signed tokens that are out of date or misaddressed, at every address."""
    operation, token = _operation(visit), visit.token
    supplied = {case: _supplied(visit, case) for case in DEFECTS}
    good, secrets, public = _read(token), signing_secrets(visit), _published(visit)
    controls: list[GraphqlAnswer] = []
    found: list[BadToken] = []
    for question in _everywhere(visit):
        controls.append(question(token))
        for case, bad in supplied.items():
            read = _read(bad)
            genuine = tokens.signed_alike(read, good, secrets.values(), public)
            found.append(_described(case, read, good, question(bad), genuine=genuine))
        controls.append(question(token))
    return BadTokens(
        operation=operation,
        controls=tuple(controls),
        tokens=tuple(found),
        observed_at=datetime.now(UTC),
    )


@source(effect="canary", asks="1 request of the protected operation", deadline_s=30.0)
def issued_token(visit: Visit) -> IssuedToken:
    """Read a freshly issued token, and ask with it whether it is accepted."""
    command = visit.target.auth.token_command
    token = mint(command) if command else visit.token
    read, published = _read(token), _published(visit)
    expiry, issued = read.number("exp"), read.number("iat")
    key_id = read.header.get("kid")
    with contextlib.closing(_everywhere(visit)) as rounds:
        control = next(rounds)(token)
    return IssuedToken(
        origin="token_command" if command else "token",
        algorithm=read.algorithm,
        key_id=isinstance(key_id, str),
        key_id_published=None if published is None else key_id in published,
        lifetime_s=expiry - issued if expiry is not None and issued is not None else None,
        left_s=expiry - time.time() if expiry is not None else None,
        control=control,
        observed_at=datetime.now(UTC),
    )


def _operation(visit: Visit) -> str:
    operation = visit.target.auth.protected
    if not operation:
        raise NotSeen(
            "readiness.yaml names no protected operation",
            cause="not_configured",
            hint="add auth.protected: a query (REST: a path) that must not answer without a token",
        )
    return operation


def _everywhere(visit: Visit) -> Generator[Ask, None, None]:
    """Yield, for every address, what asks the protected operation there with a token or without."""
    for address in visit.addresses(visit.api.url):
        with visit.client(visit.api.url, address=address) as client:
            yield _question(client, address, visit)


def _question(client: httpx.Client, address: Address, visit: Visit) -> Ask:
    operation = _operation(visit)

    def question(token: str | None) -> GraphqlAnswer:
        if visit.api.kind == "rest":
            return _get(client, address, operation, bearer(token))
        answer = ask(client, visit.api.graphql, operation, headers=bearer(token)).answer
        return replace(answer, address=str(address))

    return question


def _get(
    client: httpx.Client, address: Address, path: str, headers: Mapping[str, str]
) -> GraphqlAnswer:
    """Ask a REST service: a success is an answer, whatever its body."""
    try:
        status = client.get(path, headers=dict(headers)).status_code
    except ERROR as error:
        return GraphqlAnswer(address=str(address), status=None, reason=type(error).__name__)
    filled = ("body",) if 200 <= status < 300 else ()
    return GraphqlAnswer(address=str(address), status=status, filled=filled)


def _read(token: str) -> Token:
    read = tokens.read(token)
    if read is None:
        raise NotSeen(
            "the token is not a signed JWT, so its claims cannot be read",
            hint="declare the claims on tokens not applicable if opaque tokens are used",
        )
    return read


def _supplied(visit: Visit, case: Defect) -> str:
    """Return the team's bad token for *case*: as declared, else freshly minted."""
    auth = visit.target.auth
    if case in auth.test_tokens:
        return auth.test_tokens[case].reveal()
    if not auth.token_command:
        raise NotSeen(
            f"readiness.yaml supplies no genuinely signed token for the case {case}",
            cause="not_configured",
            hint=f"add auth.test_tokens.{case}, or an auth.token_command that mints it",
        )
    return mint((*auth.token_command[:-1], case))


def mint(command: tuple[str, ...]) -> str:
    """Return what *command* prints: a fresh token.

    Raises:
        NotSeen: It failed.

    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MINT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise NotSeen(
            f"auth.token_command failed: {type(error).__name__}",
            hint=f"run it by hand: {' '.join(command)}",
        ) from error
    return done.stdout.strip()


def _described(
    case: Defect, bad: Token, good: Token, answer: GraphqlAnswer, *, genuine: bool | None
) -> BadToken:
    now = time.time()
    expiry, since = bad.number("exp"), bad.number("nbf")
    wrong: dict[Defect, bool] = {
        "expired": expiry is not None and expiry < now,
        "not_yet_valid": since is not None and since > now,
        "wrong_audience": bad.claims.get("aud") != good.claims.get("aud"),
        "wrong_issuer": bad.claims.get("iss") != good.claims.get("iss"),
    }
    return BadToken(
        case=case,
        defects=tuple(defect for defect, holds in wrong.items() if holds),
        expired_for_s=now - expiry if expiry is not None else None,
        genuine=genuine,
        differs=tuple(name for name in WHO if bad.claims.get(name) != good.claims.get(name)),
        answer=answer,
    )


def _published(visit: Visit) -> dict[str, Json] | None:
    """Return the published keys by id, or ``None`` when none are declared."""
    path = visit.target.auth.jwks
    if not path:
        return None
    try:
        with visit.client(visit.api.url) as client:
            body = json.loads(client.get(path).raise_for_status().content)
        return {key["kid"]: key for key in body["keys"] if isinstance(key["kid"], str)}
    except (*ERROR, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotSeen(
            f"auth.jwks: {path} is no key set: {type(error).__name__}",
            hint="correct auth.jwks, the path on api.url that serves the public keys",
        ) from error
