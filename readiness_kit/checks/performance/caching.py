"""Caching strategy: a repeated read comes from the cache, entries expire, a write forgets them.

>>> CHECK.shows()
{'repeated_reads_hit': 'PASS', 'writes_invalidate': 'PASS', 'entries_expire': 'PASS'}
>>> CHECK.shows(few_hits(USE))["repeated_reads_hit"]
'WARN'
>>> CHECK.shows(stale_for_ever(USE))["writes_invalidate"]
'FAIL'
>>> CHECK.shows(EXPIRY.replace(ttls_s=()))["entries_expire"]
'UNKNOWN'
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.cache.use import CacheExpiry, CacheUse, RepeatedRead, WriteSeen
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

GOOD_RATIO = 0.8
POOR_RATIO = 0.3
ENOUGH_READS = 1000
"""Defaults of the kit; below so many reads the ratio says nothing."""


@judges("repeated_reads_hit")
def judge_reads(use: CacheUse) -> Iterator[Finding]:
    """The second of two equal reads hits the cache and leaves the database alone."""
    total = use.lifetime_hits + use.lifetime_misses
    ratio = use.lifetime_hits / total if total >= ENOUGH_READS else None
    case = Case(
        claim="repeated_reads_hit",
        got=f"{len(use.reads)} repeated reads; the last: "
        + (_read(use.reads[-1]) if use.reads else "none")
        + (
            f"; {ratio:.0%} of {total} reads hit"
            if ratio is not None
            else f"; {total} reads so far"
        ),
        want="second read: a hit and no statement; "
        f"{GOOD_RATIO:.0%} of reads hit, once there are {ENOUGH_READS}",
        seen=[CacheUse.at("/reads"), CacheUse.at("/counter_moves"), CacheUse.at("/lifetime_hits")],
        reproduce="redis-cli -u $CACHE_URL INFO stats | grep keyspace; ask twice; again",
    )
    if not use.reads or not all(one.answered for one in use.reads):
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif all(one.hits < 1 for one in use.reads) or all(
        (one.statements or 0) > 0 for one in use.reads
    ):
        yield case.fails("cache what is read often, keyed by query and variables")
    elif not _from_cache(use):
        yield case.not_seen(Cause.UNPROVEN, "let the probe's role read pg_stat_statements")
    elif ratio is not None and not POOR_RATIO <= ratio <= 1:
        yield case.fails("hardly a read hits: see the keys, the time to live and the memory limit")
    elif ratio is not None and ratio < GOOD_RATIO:
        yield case.holds(f"raise the share of hits to {GOOD_RATIO:.0%}: longer lives, coarser keys")
    else:
        yield case.holds()


def _from_cache(use: CacheUse) -> bool:
    """Tell whether some read certainly came from the cache: a hit, and no statement at all."""
    return use.counter_moves and any(one.hits > 0 and one.statements == 0 for one in use.reads)


@judges("writes_invalidate")
def judge_write(use: CacheUse) -> Iterator[Finding]:
    """After a write, the read that was cached shows it, wherever it is asked."""
    write = use.write
    case = Case(
        claim="writes_invalidate",
        got=_write(write) if write else "no write is declared",
        want="the read that came from the cache shows the write at once, at every place",
        seen=[CacheUse.at("/write"), CacheUse.at("/reads")],
        reproduce="ask cache.canary.read twice, send cache.canary.write, ask again",
    )
    if write is None:
        yield case.not_seen(Cause.NOT_CONFIGURED, "add cache.canary.write to readiness.yaml")
    elif not write.written or write.places < 1:
        yield case.not_seen(
            Cause.COULD_NOT_ASK, "see that the identity may send cache.canary.write"
        )
    elif write.seen_after_s is None or not 0 <= write.seen_after_s < math.inf:
        yield case.fails("forget what was cached in the transaction's wake, before answering")
    elif not _from_cache(use):
        yield case.not_seen(Cause.UNPROVEN, "the read was not seen to come from the cache")
    elif write.reads_stale < 1:
        yield case.holds()
    elif write.seen_after_s <= write.accepted_delay_s:
        yield case.holds("an old answer is given for a while, as declared: callers must know")
    else:
        yield case.fails("forget what was cached in the transaction's wake, before answering")


@judges("entries_expire")
def judge_expiry(expiry: CacheExpiry) -> Iterator[Finding]:
    """Every entry of the application ends by itself."""
    n = len(expiry.ttls_s) + len(expiry.without_ttl)
    longest = max(expiry.ttls_s, default=math.nan)
    case = Case(
        claim="entries_expire",
        got=f"{n} kinds of keys under {expiry.prefix!r}, {len(expiry.without_ttl)} of them without "
        f"end, the longest lives {longest:g} s",
        want=f"each key ends within {expiry.max_ttl_s:g} s",
        seen=[CacheExpiry.at("/ttls_s"), CacheExpiry.at("/without_ttl")],
        reproduce=f"redis-cli -u $CACHE_URL --scan --pattern '{expiry.prefix}*' | head -200 "
        "| xargs -n1 redis-cli -u $CACHE_URL TTL",
        grade=Grade.OBSERVED,
    )
    if expiry.without_ttl:
        yield case.fails("set every entry with EX, from 60 to 300 s")
    elif not expiry.ttls_s:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES, "declare a cached read as cache.canary.read")
    elif not all(0 <= ttl < math.inf for ttl in expiry.ttls_s):
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif longest <= expiry.max_ttl_s:
        yield case.holds()
    else:
        yield case.holds(
            f"some entries outlive {expiry.max_ttl_s:g} s: declare it, or shorten them"
        )


def _read(one: RepeatedRead) -> str:
    statements = "unknown" if one.statements is None else one.statements
    return f"{one.hits} hits, {one.misses} misses, {statements} statements"


def _write(write: WriteSeen) -> str:
    if not write.written:
        return f"the write was not answered: {write.reason}"
    shown = "never" if write.seen_after_s is None else f"after {write.seen_after_s:.2f} s"
    undone = {"yes": "removed again", "no": "could not be removed", "not_declared": "left there"}
    return (
        f"shown {shown} at {write.places} places, {write.reads_stale} reads stale; "
        f"{write.mark!r} {undone[write.undone]}"
    )


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
USE = CacheUse(
    observed_at=_NOW,
    reads=(RepeatedRead(answered=True, hits=1, misses=0, statements=0),),
    counter_moves=True,
    lifetime_hits=9_000,
    lifetime_misses=1_000,
    write=WriteSeen(
        written=True,
        places=3,
        seen_after_s=0.02,
        reads_stale=0,
        waited_s=0.0,
        accepted_delay_s=0.0,
        undone="yes",
        mark="readiness canary 20260301 5f0c",
    ),
)
EXPIRY = CacheExpiry(
    observed_at=_NOW, prefix="shop:", ttls_s=(58.0, 300.0), without_ttl=(), max_ttl_s=300.0
)


def no_hit(use: CacheUse) -> CacheUse:
    """Let every read miss."""
    return use.replace(reads=tuple(replace(one, hits=0, misses=1) for one in use.reads))


def few_hits(use: CacheUse) -> CacheUse:
    """Let half of the reads miss, in the long run."""
    lost = max(0, use.lifetime_hits) // 2
    if use.lifetime_misses < 0:
        return use
    return use.replace(
        lifetime_hits=use.lifetime_hits - lost, lifetime_misses=use.lifetime_misses + lost
    )


def statements_unseen(use: CacheUse) -> CacheUse:
    """Count no statements."""
    return use.replace(reads=tuple(replace(one, statements=None) for one in use.reads))


def stale_for_ever(use: CacheUse) -> CacheUse:
    """Never show the write."""
    if use.write is None:
        return use
    return use.replace(write=replace(use.write, seen_after_s=None, reads_stale=3))


def nothing_written(use: CacheUse) -> CacheUse:
    """Declare no write."""
    return use.replace(write=None)


def eternal_key(expiry: CacheExpiry) -> CacheExpiry:
    """Keep one key for ever."""
    return expiry.replace(without_ttl=("shop:session",))


def long_lives(expiry: CacheExpiry) -> CacheExpiry:
    """Let every entry live a second longer than allowed."""
    return expiry.replace(ttls_s=tuple(max(one, expiry.max_ttl_s + 1) for one in expiry.ttls_s))


CHECK = Check(
    (judge_reads, judge_write, judge_expiry),
    remedy="Keep the answers of frequent reads for 60 to 300 s under keys with a prefix of their "
    "own, set every key with an end, and forget them before a write is answered.",
    references=("Redis: SET with EX", "AWS: Database Caching Strategies Using Redis"),
    good=(USE, EXPIRY),
    worsen=(
        no_hit,
        few_hits,
        statements_unseen,
        stale_for_ever,
        nothing_written,
        eternal_key,
        long_lives,
    ),
    thresholds={
        "repeated_reads_hit": "a hit without a statement; 80 % of reads hit, 30 % with a warning",
        "writes_invalidate": "at once; within the declared delay with a warning",
        "entries_expire": "at most 300 s, or the declared limit; longer is a warning",
    },
)
