"""Encryption in transit: database, cache and services talk over TLS, and refuse to do without.

>>> CHECK.shows(GOOD_DATABASE)
{'database_plaintext_refused': 'PASS', 'database_server_verified': 'PASS', \
'redis_plaintext_refused': 'PASS', 'services': 'PASS'}
>>> CHECK.shows(database_plaintext(GOOD_DATABASE))["database_plaintext_refused"]
'FAIL'
>>> CHECK.shows(require_only(GOOD_DATABASE))["database_server_verified"]
'WARN'
>>> CHECK.shows(GOOD_CACHE.replace(answers=()))["redis_plaintext_refused"]
'UNKNOWN'
"""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.postgres import ConnectionString, DatabaseEncryption, HbaRule, WireAnswers
from readiness_kit.facts.redis import CacheAnswers, CacheEncryption, CacheUrl
from readiness_kit.facts.services import Hop, ServiceHops
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

MODERN_TLS = frozenset({"TLSv1.2", "TLSv1.3"})
SCRAM = "scram-sha-256"
PLAIN_KINDS = frozenset({"host", "hostnossl", "hostnogssenc"})
"""Kinds of rules that match connections without TLS (PostgreSQL manual 21.1)."""

EVERY = frozenset({"all", "replication"})
"""Words for many databases; ``all`` does not match replication connections."""

LOOPBACK_BITS = {4: 8, 6: 128}
"""Bits of the mask from which on a network holds loopback addresses only."""

SPOKEN = frozenset({"pong", "login_required"})
"""Replies that show the cache understood plaintext, though it may want a login."""


@judges("database_plaintext_refused")
def database_refuses(db: DatabaseEncryption) -> Iterator[Finding]:
    """Plaintext is refused where TLS works, no session is plain, and no rule would let one in."""
    answers = [f"{one.address} without TLS {one.plaintext}" for one in db.answers]
    rules = "pg_hba.conf not read" if db.rules is None else f"{len(db.rules)} rules"
    far = [ip for ip in db.sessions_plain if not _loopback(ip)]
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
def database_verified(db: DatabaseEncryption) -> Iterator[Finding]:
    """The application asks for verify-full, and the certificate stands up to it."""
    app = db.application
    mode = app and (app.sslmode or "prefer")
    verified = [f"{one.address} {one.verified}" for one in db.answers]
    this = Case(
        claim="database_server_verified",
        got=f"application sslmode {mode}; verify-full at {', '.join(verified) or 'no address'}",
        want="verify-full in the application's DSN, and a certificate that verifies",
        seen=[db.at("/application"), db.at("/answers")],
        reproduce='psql "$READINESS_DB_DSN sslmode=verify-full" -c "SELECT 1"',
        grade=Grade.DECLARED,
    )
    if mode in {"disable", "allow", "prefer"} and app and not app.local_socket:
        yield this.fails("anyone on the path can read and answer (PostgreSQL manual 32.19)")
    elif any(one.verified == "refused" for one in db.answers):
        yield this.fails("the certificate does not verify for this name and authority")
    elif app is None:
        yield this.not_seen(Cause.NOT_CONFIGURED, "add database.application_dsn")
    elif not db.answers or any(one.verified != "accepted" for one in db.answers):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif mode == "verify-full" and not app.local_socket:
        yield this.holds()
    elif mode in {"require", "verify-ca"} and not app.local_socket:
        yield this.holds("the server is not authenticated: use verify-full (manual 32.19)")
    else:
        yield this.not_seen(Cause.UNPROVEN, "the application's DSN names a Unix socket")


@judges("redis_plaintext_refused")
def cache_refuses(cache: CacheEncryption) -> Iterator[Finding]:
    """Plaintext is refused where verified TLS with a login works, and nothing goes without one."""
    words = [
        f"{one.address} plain {one.plaintext}, TLS with login {one.encrypted}, without "
        f"{one.without_login}"
        for one in cache.answers
    ]
    this = Case(
        claim="redis_plaintext_refused",
        got=f"{'; '.join(words) or 'no address'}; plain port "
        f"{'not told' if cache.plain_port is None else cache.plain_port}",
        want="plain refused, TLS verified with login, login required",
        seen=[cache.at("/answers"), cache.at("/plain_port"), cache.at("/application")],
        reproduce='redis-cli -h "$HOST" -p "$PORT" PING; redis-cli -u "$READINESS_CACHE_URL" PING',
    )
    plain = [url.origin for url in cache.application if not url.encrypted]
    unverified = [url.origin for url in cache.application if not url.verified]
    if plain:
        yield this.fails(f"{plain[0]} is redis://, plaintext: want rediss://")
    elif cache.plain_port_reply in SPOKEN or any(map(_cache_open, cache.answers)):
        yield this.fails()
    elif not cache.answers or not all(map(_cache_closed, cache.answers)):
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif cache.plain_port is None or cache.plain_port_reply == "could_not_ask":
        yield this.not_seen(
            Cause.COULD_NOT_ASK, "whether another port is plain: grant the login +config|get"
        )
    elif cache.plain_port != 0 and cache.plain_port_reply != "refused":
        yield this.not_seen(Cause.UNPROVEN)
    elif unverified:
        yield this.holds(f"{unverified[0]} switches certificate verification off")
    else:
        yield this.holds()


def _cache_open(one: CacheAnswers) -> bool:
    """Tell whether one address speaks plaintext, serves without login, or fails the control."""
    return one.plaintext in SPOKEN or one.without_login == "pong" or one.encrypted == "refused"


def _cache_closed(one: CacheAnswers) -> bool:
    replies = (one.plaintext, one.encrypted, one.without_login)
    return replies == ("refused", "pong", "login_required")


@judges("services")
def services(proxy: ServiceHops) -> Iterator[Finding]:
    """From the proxy onwards traffic is encrypted wherever it leaves the host."""
    far = [hop for hop in proxy.hops if not hop.same_host]
    words = [f"{hop.origin} to {hop.address} {_how(hop)}" for hop in proxy.hops]
    this = Case(
        claim="services",
        got="; ".join(words) or "the proxy passes nothing on",
        want="on the same host, or TLS with verification",
        seen=[proxy.at("/hops")],
        reproduce="nginx -T | grep -E 'proxy_pass|proxy_ssl|server '",
        grade=Grade.DECLARED,
    )
    known = [hop for hop in far if hop.known]
    if any(not hop.encrypted for hop in known):
        yield this.fails()
    elif not proxy.hops or len(known) < len(far):
        yield this.not_seen(Cause.COULD_NOT_ASK, "a hop is not written out in the file")
    elif any(not hop.verified for hop in far):
        yield this.holds("proxy_ssl_verify is off by default: the peer is not authenticated")
    else:
        yield this.holds()


def _how(hop: Hop) -> str:
    if hop.same_host:
        return "on the same host"
    verified = "verified" if hop.verified else "not verified"
    return f"TLS {verified}" if hop.encrypted else "plain"


def plain_rules(rules: tuple[HbaRule, ...]) -> Iterator[HbaRule]:
    """Yield the rules that let in plaintext from elsewhere, up to one that rejects all of it."""
    closed: set[tuple[str, str]] = set()
    for rule in rules:
        databases = {(rule.server, _kind_of(name)) for name in rule.databases}
        if rule.kind not in PLAIN_KINDS or _near(rule.address) or databases <= closed:
            continue
        if rule.method != "reject":
            yield rule
        elif (rule.users, rule.address) == (("all",), "all"):
            closed |= {(rule.server, name) for name in rule.databases if name in EVERY}
            closed |= {(rule.server, "one")} if "all" in rule.databases else set()


def _kind_of(name: str) -> str:
    """Return what a database is as rules see it: ``all`` does not hold ``replication``."""
    return name if name in EVERY else "one"


def _near(address: str) -> bool:
    """Tell whether a rule's address and mask hold loopback addresses only."""
    ip, _, mask = address.partition("/")
    try:
        bits = int(ipaddress.ip_address(mask)).bit_count()
    except ValueError:
        return False
    return _loopback(ip) and bits >= LOOPBACK_BITS[ipaddress.ip_address(ip).version]


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


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
GOOD_DATABASE = DatabaseEncryption(
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
GOOD_CACHE = CacheEncryption(
    observed_at=_NOON,
    answers=(
        CacheAnswers(
            address="192.0.2.20:6380",
            plaintext="refused",
            plaintext_detail="closed",
            encrypted="pong",
            encrypted_detail="PONG",
            without_login="login_required",
            without_login_detail="-NOAUTH Authentication required.",
        ),
    ),
    plain_port=0,
    plain_port_reply=None,
    application=(CacheUrl(origin="REDIS_URL", encrypted=True, verified=True),),
)
GOOD_SERVICES = ServiceHops(
    observed_at=_NOON,
    hops=(
        Hop(
            origin="nginx.conf:40",
            address="127.0.0.1:8000",
            same_host=True,
            known=True,
            encrypted=False,
            verified=False,
            mutual=False,
        ),
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


def cache_plaintext(cache: CacheEncryption) -> CacheEncryption:
    """Let the cache answer in the clear."""
    return cache.replace(answers=tuple(replace(one, plaintext="pong") for one in cache.answers))


def no_login_needed(cache: CacheEncryption) -> CacheEncryption:
    """Let the cache answer anybody."""
    anybody = (replace(one, without_login="pong") for one in cache.answers)
    return cache.replace(answers=tuple(anybody))


def upstream_elsewhere(proxy: ServiceHops) -> ServiceHops:
    """Move what lies behind the proxy to another host, in the clear."""
    far = (replace(hop, same_host=False, known=True, encrypted=False) for hop in proxy.hops)
    return proxy.replace(hops=tuple(far))


CHECK = Check(
    (database_refuses, database_verified, cache_refuses, services),
    remedy="Write hostssl in pg_hba.conf and sslmode=verify-full in the application's DSN; give "
    "the cache a TLS port, a login and no plain port; let the proxy verify its peers elsewhere.",
    references=(
        "PostgreSQL manual 21.1, The pg_hba.conf File; 32.19, SSL Support",
        "Redis and Valkey documentation, TLS",
        "nginx documentation, ngx_http_proxy_module: proxy_ssl_verify",
    ),
    good=(GOOD_DATABASE, GOOD_CACHE, GOOD_SERVICES),
    worsen=(
        database_plaintext,
        session_plain,
        tls_control_fails,
        require_only,
        md5_passwords,
        cache_plaintext,
        no_login_needed,
        upstream_elsewhere,
    ),
    thresholds={
        "database_plaintext_refused": "refused at every address, beside a control that works",
        "database_server_verified": "sslmode=verify-full (PostgreSQL manual 32.19.1)",
        "redis_plaintext_refused": "refused at every address, beside a control that works",
        "services": "same host, or TLS with verification",
    },
)
