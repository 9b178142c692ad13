import pytest

from readiness_kit.probes.database.encryption import given


@pytest.mark.parametrize(
    ("url", "default", "sslmode", "local_socket"),
    [
        ("postgres://app:x@db.example.com/app", None, None, False),
        ("postgres://app:x@db.example.com/app", "verify-full", "verify-full", False),
        ("postgresql://app:x@db.example.com/app?sslmode=prefer", "verify-full", "prefer", False),
        (
            "postgresql+asyncpg://app:x@db.example.com/app?ssl=verify-full",
            None,
            "verify-full",
            False,
        ),
        ("postgresql://app:x@db.example.com/app?schema=public&ssl=true", None, "require", False),
        ("postgresql://app:x@/app?host=/run/postgresql", None, None, True),
        ("postgresql://app@%2Frun%2Fpostgresql/app", None, None, True),
    ],
)
def test_what_a_connection_string_says_of_encryption(url, default, sslmode, local_socket):
    found = given("DATABASE_URL", url, default)
    assert (found.sslmode, found.local_socket) == (sslmode, local_socket)
