"""The database: plaintext refused at every address, and the server verified."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.security.encryption_in_transit.rules import is_loopback, plain_rules
from readiness_kit.facts.database.encryption import (
    ConnectionString,
    DatabaseEncryption,
    HbaRule,
    WireAnswers,
)
from readiness_kit.verdict import Case, Cause, Finding, Grade, Move, judges

MODERN_TLS = frozenset({"TLSv1.2", "TLSv1.3"})

SCRAM = "scram-sha-256"


@judges("database_plaintext_refused")
def refuses(db: DatabaseEncryption) -> Iterator[Finding]:
    """Plaintext is refused where TLS works, no session is plain, and no rule would let one in."""
    answers = [f"{one.address} without TLS {one.plaintext}" for one in db.answers]
    rules = "pg_hba.conf not read" if db.rules is None else f"{len(db.rules)} rules"
    far = [ip for ip in db.sessions_plain if not is_loopback(ip)]
    got = f"{'; '.join(answers)}; {db.sessions_encrypted} sessions with TLS, {len(far)} without"
    this = Case(
        claim="database_plaintext_refused",
        got=f"{got}; {rules}",
        want="refused at every address, where TLS works; every session and rule with TLS",
        seen=[db.at("/answers"), db.at("/sessions_plain"), db.at("/rules")],
        reproduce='psql "$READINESS_DB_DSN sslmode=disable" -c "SELECT 1"',
    )
    open_rules = list(plain_rules(db.rules or ()))
    if far or any(one.plaintext == "accepted" for one in db.answers):
        yield this.fails()
    elif open_rules:
        line, where = open_rules[0].line, open_rules[0].server
        at = f" at {where}" if where else ""
        yield this.fails(f"pg_hba.conf{at} line {line} lets plaintext in: write hostssl")
    elif not db.answers or any(one.plaintext != "refused" for one in db.answers):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif any(one.encrypted != "accepted" for one in db.answers):
        yield this.not_seen(Cause.COULD_NOT_ASK, "the control with TLS failed: see the DSN")
    elif db.sessions_encrypted is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "grant the probe's role pg_monitor")
    else:
        old = db.ssl_min_protocol_version not in MODERN_TLS
        weak = db.password_encryption != SCRAM
        yield this.holds(
            *(["ssl_min_protocol_version below TLSv1.2 (RFC 8996)"] if old else []),
            *(["password_encryption is not scram-sha-256 (manual 21.5)"] if weak else []),
        )


@judges("database_server_verified")
def verifies(db: DatabaseEncryption) -> Iterator[Finding]:
    """The application asks for verify-full, and the certificate stands up to it."""
    app = db.application
    strings = [one for one in (app, *(db.given or ())) if one is not None and not one.local_socket]
    modes = {one.origin: one.sslmode or "prefer" for one in strings}
    verified = [f"{one.address} {one.verified}" for one in db.answers]
    this = Case(
        claim="database_server_verified",
        got="".join(f"sslmode of {origin} {mode}; " for origin, mode in modes.items())
        + f"verify-full at {', '.join(verified) or 'no address'}",
        want="verify-full in the application's DSN, and a certificate that verifies",
        seen=[db.at("/application"), db.at("/given"), db.at("/answers")],
        reproduce='psql "$READINESS_DB_DSN sslmode=verify-full" -c "SELECT 1"',
        grade=Grade.DECLARED,
    )
    if {"disable", "allow", "prefer"} & set(modes.values()):
        yield this.fails("anyone on the path can read and answer (PostgreSQL manual 32.19)")
    elif any(one.verified == "refused" for one in db.answers):
        yield this.fails("the certificate does not verify for this name and authority")
    elif app is None:
        yield this.not_seen(Cause.NOT_CONFIGURED, "add database.application_dsn")
    elif not db.answers or any(one.verified != "accepted" for one in db.answers):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif db.given is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "application.environment_file is not readable")
    elif set(modes.values()) == {"verify-full"}:
        yield this.holds()
    elif modes and set(modes.values()) <= {"require", "verify-ca", "verify-full"}:
        yield this.holds("the server is not authenticated: use verify-full (manual 32.19)")
    else:
        yield this.not_seen(Cause.UNPROVEN, "the application's DSN names a Unix socket")


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_WIRE = WireAnswers(
    address="192.0.2.10:5432",
    plaintext="refused",
    plaintext_detail="28000",
    encrypted="accepted",
    encrypted_detail="connected",
    verified="accepted",
    verified_detail="connected",
)

GOOD = DatabaseEncryption(
    observed_at=_NOON,
    answers=(_WIRE, replace(_WIRE, address="192.0.2.11:5432")),
    sessions_encrypted=22,
    sessions_plain=(),
    rules=(
        HbaRule(
            line=1,
            kind="hostssl",
            databases=("all",),
            users=("all",),
            address="192.0.2.0/255.255.255.0",
            method="scram-sha-256",
        ),
    ),
    rules_unseen="",
    ssl_min_protocol_version="TLSv1.2",
    password_encryption=SCRAM,
    application=ConnectionString(
        origin="database.application_dsn",
        sslmode="verify-full",
        root_certificate=True,
        local_socket=False,
    ),
)


def database_plaintext(db: DatabaseEncryption) -> DatabaseEncryption:
    """Let the database go on without TLS."""
    return db.replace(answers=tuple(replace(one, plaintext="accepted") for one in db.answers))


def session_plain(db: DatabaseEncryption) -> DatabaseEncryption:
    """Add a session from elsewhere without TLS."""
    return db.replace(sessions_plain=(*db.sessions_plain, "192.0.2.99"))


def tls_control_fails(db: DatabaseEncryption) -> DatabaseEncryption:
    """Let nothing answer at all, which must not look secure."""
    lost = (replace(one, encrypted="could_not_ask", verified="could_not_ask") for one in db.answers)
    return db.replace(answers=tuple(lost))


def require_only(db: DatabaseEncryption) -> DatabaseEncryption:
    """Let the application encrypt without verifying."""
    if db.application is None or db.application.sslmode != "verify-full":
        return db
    return db.replace(application=replace(db.application, sslmode="require"))


def md5_passwords(db: DatabaseEncryption) -> DatabaseEncryption:
    """Hash new passwords with MD5."""
    return db.replace(password_encryption="md5")  # noqa: S106 - the name of a method


WORSEN: tuple[Move, ...] = (
    database_plaintext,
    session_plain,
    tls_control_fails,
    require_only,
    md5_passwords,
)
