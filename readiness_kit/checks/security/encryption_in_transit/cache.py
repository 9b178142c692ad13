"""The cache: plaintext refused at every address, and nobody let in without a login."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.cache.server import CacheAnswers, CacheEncryption, CacheUrl
from readiness_kit.verdict import Case, Cause, Finding, Move, judges

SPOKEN = frozenset({"pong", "login_required"})
"""Replies that show the cache understood plaintext, though it may want a login."""


@judges("redis_plaintext_refused")
def judge(cache: CacheEncryption) -> Iterator[Finding]:
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


GOOD = CacheEncryption(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
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


def cache_plaintext(cache: CacheEncryption) -> CacheEncryption:
    """Let the cache answer in the clear."""
    return cache.replace(answers=tuple(replace(one, plaintext="pong") for one in cache.answers))


def no_login_needed(cache: CacheEncryption) -> CacheEncryption:
    """Let the cache answer anybody."""
    anybody = (replace(one, without_login="pong") for one in cache.answers)
    return cache.replace(answers=tuple(anybody))


WORSEN: tuple[Move, ...] = (cache_plaintext, no_login_needed)
