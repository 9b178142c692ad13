"""Mint a token: ``python -m readiness_kit.sandbox.app.token CASE``, ``JWT_*`` in the environment.

The first four cases are people; the others are genuinely signed tokens that must be refused.
"""

import os
import sys
import time
from collections.abc import Mapping

import jwt

from readiness_kit.errors import UsageError
from readiness_kit.sandbox.app.settings import Settings

HOUR_S = 3600
PEOPLE = {
    "reader": (1, "reader"),
    "editor": (2, "editor"),
    "admin": (3, "admin"),
    "other": (4, "editor"),
}
"""Number of the seeded user, and the role, of each person; ``other`` is a second editor."""

BAD = ("expired", "not_yet_valid", "wrong_audience", "wrong_issuer")
"""Cases that must be refused; all of them name the reader."""


def user_id(number: int) -> str:
    """Return the id of the seeded user *number*, 1 to 60."""
    return f"00000000-0000-4000-8000-{number:012d}"


def mint(case: str, settings: Settings, now_s: int | None = None) -> str:
    """Return a token for *case*, valid for one hour from *now_s* (seconds since 1970).

    Raises:
        UsageError: No such case.

    """
    if case not in PEOPLE and case not in BAD:
        raise UsageError(f"{case!r} is no case", hint=f"choose from {', '.join([*PEOPLE, *BAD])}")
    number, role = PEOPLE.get(case, PEOPLE["reader"])
    now = int(time.time()) if now_s is None else now_s
    claims: dict[str, object] = {
        "sub": user_id(number),
        "roles": [role],
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": now,
        "exp": now + HOUR_S,
    }
    spoil: dict[str, dict[str, object]] = {
        "expired": {"iat": now - 2 * HOUR_S, "exp": now - HOUR_S},
        "not_yet_valid": {"nbf": now + HOUR_S},
        "wrong_audience": {"aud": "another-api"},
        "wrong_issuer": {"iss": "another-issuer"},
    }
    return jwt.encode(claims | spoil.get(case, {}), settings.jwt_secret, algorithm="HS256")


def main(arguments: list[str], environment: Mapping[str, str]) -> str:
    """Return the token that *arguments* ask for.

    Raises:
        UsageError: Not exactly one case, or ``JWT_SECRET`` is missing.

    """
    if len(arguments) != 1:
        raise UsageError("one case is wanted", hint=f"choose from {', '.join([*PEOPLE, *BAD])}")
    return mint(arguments[0], Settings.from_environment({**environment, "APP_VARIANT": "hardened"}))


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:], os.environ) + "\n")
    except UsageError as error:
        sys.exit(str(error))
