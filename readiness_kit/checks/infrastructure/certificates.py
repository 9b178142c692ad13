"""Certificates: trusted and named right at every address, long valid, renewed and watched.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(distrust(GOOD))["chain_and_name"]
'FAIL'
>>> CHECK.shows(leave_days(GOOD, 29))["days_left"]
'WARN'
>>> CHECK.shows(silence_one(GOOD))["days_left"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec.structs import replace

from readiness_kit.facts.tls.certificates import (
    Certificate,
    CertificateRenewal,
    ExpiryMonitoring,
    ExpiryRule,
    ServedCertificates,
    ServedChain,
    WatchedCertificate,
)
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    Grade,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

MIN_BITS = {"RSA": 2048, "EC": 256, "EdDSA": 256}
"""CA/Browser Forum Baseline Requirements 6.1.5."""

STRONG_DIGESTS = ("sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")

ENOUGH_DAYS, FEWEST_DAYS = 30.0, 7.0
"""Days left that pass, and that still warn (default)."""

SHORT_LIFE_DAYS = 90.0
ENOUGH_SHARE, FEWEST_SHARE = 1 / 3, 1 / 6
"""The same for a life under 90 days, as a share of it (default)."""

FRESHEST_S = 300.0
"""A series older than Prometheus' look-back is stale."""

DAY_S = 86_400.0
REPEAT = "openssl s_client -connect {0}:{1} -servername {0} -showcerts </dev/null"


@judges("chain_and_name", "days_left")
def judge_served(served: ServedCertificates) -> Iterator[Finding]:
    """Judge chain, name and dates over every address."""
    yield _chain_and_name(served)
    yield _days_left(served)


def _chain_and_name(served: ServedCertificates) -> Finding:
    claim, seen = "chain_and_name", [ServedCertificates.at("/served")]
    want = f"verifies for {served.host}, RSA >= 2048 or P-256 or better, SHA-256 or better"
    repeat = REPEAT.format(served.host, served.port)
    bad = [f"{one.address}: {fault}" for one in served.served for fault in _faults(one)]
    if bad:
        return fails(claim, got="; ".join(bad), want=want, seen=seen, reproduce=repeat)
    unclear = _unclear(served)
    if unclear:
        return not_seen(claim, Cause.COULD_NOT_ASK, got=unclear, want=want, seen=seen)
    leaf = served.served[0].chain[0]
    got = f"{len(served.served)} address(es): {leaf.key} {leaf.key_bits}, {', '.join(leaf.names)}"
    advice = sorted({one for chain in served.served for one in _untidy(chain)})
    if advice:
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _faults(served: ServedChain) -> Iterator[str]:
    if served.outcome == "not_tls":
        yield f"no TLS: {served.problem}"
    if served.outcome != "served" or not served.chain:
        return
    if not served.trusted:
        yield f"does not verify: {served.problem}"
    if not served.chain[0].names:
        yield "names no host in subjectAltName"
    for one in served.chain:
        if one.key_bits < MIN_BITS.get(one.key, 1 << 30):
            yield f"weak key, {one.key} {one.key_bits}, in {one.subject}"
        own = one.subject == one.issuer
        if one.digest not in ("", *STRONG_DIGESTS) and not own:
            yield f"weak signature, {one.digest}, on {one.subject}"


def _untidy(served: ServedChain) -> Iterator[str]:
    chain = served.chain
    if len(chain) > 1 and any(one.subject == one.issuer for one in chain[1:]):
        yield "do not send the root: clients have it or must not trust it (RFC 8446 4.4.2)"
    if any(one.issuer != following.subject for one, following in pairwise(chain)):
        yield "send the chain in order, leaf first (RFC 8446 4.4.2)"


def _unclear(served: ServedCertificates) -> str:
    """Return why nothing can be said, or nothing."""
    if not served.served:
        return "no address was asked"
    silent = [one for one in served.served if one.outcome != "served" or not one.chain]
    return "; ".join(f"{one.address}: {one.problem or 'no certificate'}" for one in silent)


def _days_left(served: ServedCertificates) -> Finding:
    claim, seen = "days_left", [ServedCertificates.at("/served")]
    want = f">= {ENOUGH_DAYS:.0f} days left, or a third of a life under {SHORT_LIFE_DAYS:.0f} days"
    repeat = f"{REPEAT.format(served.host, served.port)} | openssl x509 -noout -dates"
    leaves = [one.chain[0] for one in served.served if one.chain]
    left = min((_left_days(one, served) for one in leaves), default=0.0)
    life = min((_life_days(one) for one in leaves), default=0.0)
    got = f"{left:.1f} days left of {life:.0f}, at {len(leaves)} address(es)"
    early = any(one.not_before > served.observed_at for one in leaves)
    if early or any(_share(one, served) < FEWEST_SHARE for one in leaves):
        got = f"{got}; not valid yet" if early else got
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    unclear = _unclear(served)
    if unclear:
        return not_seen(claim, Cause.COULD_NOT_ASK, got=unclear, want=want, seen=seen)
    if all(_share(one, served) >= ENOUGH_SHARE for one in leaves):
        return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)
    advice = ["renew when a third of the life is left (RFC 8555 operations; CA/B SC-081)"]
    return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)


def _left_days(certificate: Certificate, served: ServedCertificates) -> float:
    return (certificate.not_after - served.observed_at).total_seconds() / DAY_S


def _life_days(certificate: Certificate) -> float:
    return (certificate.not_after - certificate.not_before).total_seconds() / DAY_S


def _share(certificate: Certificate, served: ServedCertificates) -> float:
    """Return what is left, on a scale where a third is enough and a sixth is the least."""
    left, life = _left_days(certificate, served), _life_days(certificate)
    if life < SHORT_LIFE_DAYS:
        return left / life if life > 0 else 0.0
    if left >= ENOUGH_DAYS:
        return ENOUGH_SHARE
    return FEWEST_SHARE if left >= FEWEST_DAYS else 0.0


@judges("renewal")
def judge_renewal(renewal: CertificateRenewal, served: ServedCertificates) -> Iterator[Finding]:
    """Judge that renewal is automatic, and that the served certificate is not overdue."""
    claim, want = "renewal", "renewed by a machine, and not overdue"
    seen = [CertificateRenewal.at(), ServedCertificates.at("/served")]
    repeat = "systemctl list-timers; certbot certificates; kubectl get certificate"
    grade, leaves = Grade.DECLARED, [one.chain[0] for one in served.served if one.chain]
    how = " ".join(filter(None, (renewal.means, renewal.schedule, renewal.command)))
    got = f"{renewal.file}: {how}"
    if renewal.means == "none":
        yield fails(claim, got=got, want=want, seen=seen, grade=grade, reproduce=repeat)
        return
    unclear = _unclear(served)
    if unclear:
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=unclear, want=want, seen=seen)
        return
    overdue = max(_ahead_days(one, renewal) - _left_days(one, served) for one in leaves)
    if overdue > 1:
        got = f"{got}; due {overdue:.1f} days ago"
        advice = ["find out why the last renewal did not happen, before the certificate ends"]
        yield holds_weakly(
            claim, got=got, want=want, seen=seen, grade=grade, advice=advice, reproduce=repeat
        )
    else:
        got = f"{got}; due in {-overdue:.1f} days"
        yield holds(claim, got=got, want=want, seen=seen, grade=grade, reproduce=repeat)


def _ahead_days(certificate: Certificate, renewal: CertificateRenewal) -> float:
    """Return how many days before the end it renews: as written, else a third of the life."""
    if renewal.renew_before_days is not None:
        return renewal.renew_before_days
    return min(ENOUGH_DAYS, _life_days(certificate) / 3)


@judges("monitoring")
def judge_monitoring(watch: ExpiryMonitoring) -> Iterator[Finding]:
    """Judge that the end is measured, and that a loaded rule fires ahead of it."""
    claim, seen = "monitoring", [ExpiryMonitoring.at()]
    want = f"a fresh series, and a rule that fires >= {FEWEST_DAYS:.0f} days ahead"
    repeat = "curl -s $PROMETHEUS/api/v1/rules?type=alert | jq '.data.groups[].rules[].query'"
    fresh = [one for one in watch.series if 0 <= one.age_s <= FRESHEST_S]
    working = [one for one in watch.rules if one.healthy]
    known = [one.days_ahead for one in working if one.days_ahead is not None]
    got = f"{len(fresh)} of {len(watch.series)} series fresh; {len(watch.rules)} rule(s) on them, "
    got += f"{max(known):.1f} days ahead" if known else f"of {watch.rules_loaded} loaded"
    if not fresh or not watch.rules or (known and not max(known) > 0):
        yield fails(claim, got=got, want=want, seen=seen, grade=Grade.OBSERVED, reproduce=repeat)
    elif not known:
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif max(known) >= FEWEST_DAYS:
        yield holds(claim, got=got, want=want, seen=seen, grade=Grade.OBSERVED, reproduce=repeat)
    else:
        advice = [f"warn {FEWEST_DAYS:.0f} days ahead or more, so that a weekend fits in between"]
        yield holds_weakly(
            claim,
            got=got,
            want=want,
            seen=seen,
            grade=Grade.OBSERVED,
            advice=advice,
            reproduce=repeat,
        )


MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
LEAF = Certificate(
    subject="CN=api.example.com",
    issuer="CN=Example CA",
    names=("api.example.com",),
    not_before=MOMENT - timedelta(days=100),
    not_after=MOMENT + timedelta(days=110),
    key="EC",
    key_bits=256,
    digest="sha256",
    sha256="00",
    key_sha256="01",
)
GOOD = ServedCertificates(
    observed_at=MOMENT,
    host="api.example.com",
    port=443,
    authority="system",
    served=(
        ServedChain(address="192.0.2.1:443", outcome="served", chain=(LEAF,), trusted=True),
        ServedChain(address="192.0.2.2:443", outcome="served", chain=(LEAF,), trusted=True),
    ),
)
GOOD_RENEWAL = CertificateRenewal(
    observed_at=MOMENT,
    file="certbot.timer",
    means="timer",
    schedule="daily",
    command="certbot renew",
    renew_before_days=30.0,
)
GOOD_WATCH = ExpiryMonitoring(
    observed_at=MOMENT,
    series=(WatchedCertificate(metric="probe_ssl_earliest_cert_expiry", age_s=10.0),),
    rules=(
        ExpiryRule(
            name="CertificateExpiresSoon",
            expression="probe_ssl_earliest_cert_expiry - time() < 21 * 86400",
            days_ahead=21.0,
            healthy=True,
        ),
    ),
    rules_loaded=12,
)


def leave_days(fact: ServedCertificates, days: float) -> ServedCertificates:
    """Return *fact* with leaves that end in *days*."""
    end = fact.observed_at + timedelta(days=days)
    served = (
        replace(one, chain=(replace(one.chain[0], not_after=end), *one.chain[1:]))
        for one in fact.served
        if one.chain
    )
    return fact.replace(served=tuple(served))


def let_expire(fact: ServedCertificates) -> ServedCertificates:
    """Certificates ended a day ago, so renewal did not happen either."""
    return leave_days(fact, -1)


def distrust(fact: ServedCertificates) -> ServedCertificates:
    """No client verifies the chain."""
    served = (replace(one, trusted=False, problem="self-signed certificate") for one in fact.served)
    return fact.replace(served=tuple(served))


def silence_one(fact: ServedCertificates) -> ServedCertificates:
    """One address more does not answer."""
    silent = ServedChain(
        address="192.0.2.9:443", outcome="unanswered", chain=(), trusted=False, problem="timed out"
    )
    return fact.replace(served=(*fact.served, silent))


def renew_by_hand(fact: CertificateRenewal) -> CertificateRenewal:
    """Nothing renews it."""
    return fact.replace(means="none")


def renew_too_early(fact: CertificateRenewal) -> CertificateRenewal:
    """It should have been renewed at once, and was not."""
    return fact.replace(renew_before_days=10_000.0)


def forget_rule(fact: ExpiryMonitoring) -> ExpiryMonitoring:
    """No rule looks at the series."""
    return fact.replace(rules=())


def fire_late(fact: ExpiryMonitoring) -> ExpiryMonitoring:
    """The rule fires a day ahead at most."""
    late = (
        replace(one, days_ahead=min(one.days_ahead, 1.0))
        for one in fact.rules
        if one.days_ahead is not None
    )
    return fact.replace(rules=tuple(late))


def let_series_go_stale(fact: ExpiryMonitoring) -> ExpiryMonitoring:
    """The exporter is gone."""
    return fact.replace(series=())


CHECK = Check(
    (judge_served, judge_renewal, judge_monitoring),
    remedy="Renew by ACME from a timer or cert-manager when a third of the life is left, reload "
    "the proxy after it, serve leaf and intermediates only, and alert three weeks ahead.",
    references=(
        "CA/Browser Forum Baseline Requirements 6.1.5, ballot SC-081",
        "RFC 8446 4.4.2: order of the chain",
        "Prometheus blackbox_exporter: probe_ssl_earliest_cert_expiry",
    ),
    good=(GOOD, GOOD_RENEWAL, GOOD_WATCH),
    worsen=(
        let_expire,
        distrust,
        silence_one,
        renew_by_hand,
        renew_too_early,
        forget_rule,
        fire_late,
        let_series_go_stale,
    ),
    thresholds={
        "chain_and_name": "verifies, SAN matches, RSA >= 2048 or P-256, SHA-256 (CA/B 6.1.5)",
        "days_left": ">= 30 days, or a third of a life under 90; < 7 or a sixth fails (default)",
        "renewal": "by a machine, and not overdue",
        "monitoring": "fresh series, rule >= 7 days ahead (default)",
    },
)
