"""TLS: the public endpoint speaks TLS 1.2 or 1.3, refuses what is older, and offers no weak suite.

>>> CHECK.shows()
{'old_versions_refused': 'PASS', 'modern_version_spoken': 'PASS', 'suites_strong': 'PASS', \
'http_redirects': 'PASS'}
>>> CHECK.shows(accept_tls_1_0(GOOD))["old_versions_refused"]
'FAIL'
>>> CHECK.shows(go_silent(GOOD))["old_versions_refused"]
'UNKNOWN'
>>> CHECK.shows(offer_cbc(GOOD))["suites_strong"]
'WARN'
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from readiness_kit.facts.api.http import PlainAnswer, PlainHttp
from readiness_kit.facts.tls.offer import Answer, TlsEndpoint, TlsOffer, Version
from readiness_kit.verdict import (
    Cause,
    Check,
    Finding,
    fails,
    holds,
    holds_weakly,
    judges,
    not_seen,
)

OLD: tuple[Version, ...] = ("SSLv3", "TLSv1", "TLSv1.1")
"""Deprecated by RFC 7568 (SSL 3) and RFC 8996 (TLS 1.0 and 1.1)."""

STRONG = re.compile(r"TLS_ECDHE_(ECDSA|RSA)_WITH_.*(_GCM_|_CCM|CHACHA20_POLY1305)")
"""Forward secrecy and authenticated encryption: Mozilla Server Side TLS 5.7, intermediate."""

BROKEN = re.compile(r"NULL|_anon_|EXPORT|_RC[24]|DES|MD5", re.IGNORECASE)
"""RFC 7465 (RC4), RFC 9325 4.1 (NULL, anonymous, export, DES, 3DES)."""

PERMANENT, TEMPORARY = (301, 308), (302, 303, 307)
OVERLOAD = (429, 500, 502, 503, 504)


@judges("old_versions_refused", "modern_version_spoken", "suites_strong")
def judge_offer(tls: TlsOffer) -> Iterator[Finding]:
    """Judge versions and suites over every address."""
    yield _old_versions(tls)
    yield _modern_version(tls)
    yield _suites(tls)


def _old_versions(tls: TlsOffer) -> Finding:
    claim, want = "old_versions_refused", "SSL 3, TLS 1.0 and TLS 1.1 refused with an alert"
    answers = [
        (f"{one.address} {version}", one.versions.get(version, Answer(outcome="unanswered")))
        for one in tls.endpoints
        for version in OLD
    ]
    seen = [TlsOffer.at("/endpoints")]
    repeat = f"openssl s_client -connect {tls.host}:{tls.port} -tls1_1 -cipher DEFAULT:@SECLEVEL=0"
    accepted = [where for where, answer in answers if answer.outcome == "accepted"]
    if accepted:
        got = f"accepted: {', '.join(accepted)}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if not answers or not all(one.control for one in tls.endpoints):
        got = "no complete handshake by an ordinary client, so a refusal shows nothing"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    unclear = [f"{where} ({a.detail})" for where, a in answers if a.outcome != "refused"]
    if unclear:
        got = f"no alert: {', '.join(unclear)}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    got = (
        f"{len(answers)} hellos refused at {len(tls.endpoints)} address(es); a modern one succeeds"
    )
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _modern_version(tls: TlsOffer) -> Finding:
    claim, want = "modern_version_spoken", "TLS 1.3, or at least 1.2, at every address"
    seen = [TlsOffer.at("/endpoints")]
    repeat = f"openssl s_client -connect {tls.host}:{tls.port} -tls1_3"
    without = [one for one in tls.endpoints if not _speaks(one, "TLSv1.3")]
    neither = [one for one in without if not _speaks(one, "TLSv1.2")]
    if any(_says_no(one) for one in neither):
        got = f"neither at {', '.join(one.address for one in neither)}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if neither or not tls.endpoints or not all(one.control for one in tls.endpoints):
        got = "no complete handshake at some address"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    if not all(_outcome(one, "TLSv1.3") in ("refused", "accepted") for one in tls.endpoints):
        got = "TLS 1.2 spoken, no clear answer to a TLS 1.3 hello"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    if without:
        advice = ["offer TLS 1.3 as well (RFC 9325 3.1.1)"]
        got = f"TLS 1.2 only at {', '.join(one.address for one in without)}"
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    got = f"TLS 1.3 at {len(tls.endpoints)} address(es)"
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _suites(tls: TlsOffer) -> Finding:
    claim, want = "suites_strong", "ECDHE with AEAD only"
    seen = [TlsOffer.at("/endpoints")]
    repeat = f"openssl s_client -connect {tls.host}:{tls.port} -tls1_2 -cipher ECDHE-RSA-AES128-SHA"
    offered = sorted({suite for one in tls.endpoints for suite in one.suites})
    broken = [suite for suite in offered if BROKEN.search(suite)]
    if broken:
        got = f"{len(broken)} of {len(offered)} are broken: {', '.join(broken)}"
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    if not tls.endpoints or not all(_listed_wholly(one) for one in tls.endpoints):
        got = f"{len(offered)} suites seen, but the list is not complete at every address"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    weak = [suite for suite in offered if not STRONG.match(suite)]
    if weak:
        got = f"{len(weak)} of {len(offered)} lack forward secrecy or AEAD: {', '.join(weak)}"
        advice = ["offer ECDHE with GCM or ChaCha20 only (Mozilla Server Side TLS 5.7)"]
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    got = f"{len(offered)} TLS 1.2 suites of {tls.suites_asked} asked: {', '.join(offered)}"
    got = got if offered else "TLS 1.3 only, whose suites are all AEAD"
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _listed_wholly(endpoint: TlsEndpoint) -> bool:
    """Whether the server refused what was left, and chose something wherever it speaks TLS 1.2."""
    ended = endpoint.suites_end.outcome == "refused"
    modern_only = _outcome(endpoint, "TLSv1.2") == "refused" and _speaks(endpoint, "TLSv1.3")
    return bool(endpoint.control) and ended and (bool(endpoint.suites) or modern_only)


def _outcome(endpoint: TlsEndpoint, version: Version) -> str:
    answer = endpoint.versions.get(version)
    return answer.outcome if answer else "unanswered"


def _speaks(endpoint: TlsEndpoint, version: Version) -> bool:
    return _outcome(endpoint, version) == "accepted"


def _says_no(endpoint: TlsEndpoint) -> bool:
    """Whether the endpoint is alive and refuses both, rather than silent."""
    modern: tuple[Version, ...] = ("TLSv1.2", "TLSv1.3")
    return all(_outcome(endpoint, version) in ("refused", "not_tls") for version in modern)


@judges("http_redirects")
def judge_plain(plain: PlainHttp) -> Iterator[Finding]:
    """Judge what plain HTTP does: the worst answer decides."""
    claim, want = "http_redirects", f"301 or 308 to https://{plain.host}, or the port closed"
    seen, repeat = [PlainHttp.at("/answers")], f"curl -si {plain.url}"
    open_answers = [one for one in plain.answers if one.outcome == "answered"]
    clear = [one for one in open_answers if one.status not in OVERLOAD]
    wrong = [one for one in clear if not _leads_to_https(one, plain)]
    if wrong:
        got = "; ".join(f"{one.method} {one.path}: {one.status} {one.location}" for one in wrong)
        yield fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    elif not plain.answers or len(clear) < len(open_answers) or not plain.https_answered:
        got = f"{len(clear)} clear answers; HTTPS answered: {plain.https_answered}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif any(one.outcome == "unanswered" for one in plain.answers):
        got = f"no answer: {', '.join(sorted({one.detail for one in plain.answers}))}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif any(one.status in TEMPORARY for one in clear):
        got = f"temporary redirect: {sorted({one.status for one in clear})}"
        advice = ["use 308 or 301, which browsers and crawlers remember (RFC 9110 15.4)"]
        yield holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    else:
        shut = len(plain.answers) - len(clear)
        got = f"{len(plain.answers)} requests: {len(clear)} redirected, {shut} to a closed port"
        yield holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _leads_to_https(answer: PlainAnswer, plain: PlainHttp) -> bool:
    try:
        there = urlsplit(answer.location)
        port = there.port or 443
    except ValueError:
        return False
    same = (there.scheme, there.hostname, port) == ("https", plain.host, plain.https_port)
    return answer.status in (*PERMANENT, *TEMPORARY) and same


GOOD_SUITES = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
REFUSED = Answer(outcome="refused", detail="alert protocol_version")
ACCEPTED = Answer(outcome="accepted")
GOOD = TlsOffer(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    host="api.example.com",
    port=443,
    suites_asked=347,
    endpoints=(
        TlsEndpoint(
            address="192.0.2.1:443",
            control="TLSv1.3",
            versions={
                "SSLv3": REFUSED,
                "TLSv1": REFUSED,
                "TLSv1.1": REFUSED,
                "TLSv1.2": ACCEPTED,
                "TLSv1.3": ACCEPTED,
            },
            suites=GOOD_SUITES,
            suites_end=Answer(outcome="refused", detail="alert handshake_failure"),
        ),
    ),
)
GOOD_PLAIN = PlainHttp(
    observed_at=datetime(2026, 11, 1, tzinfo=UTC),
    url="http://api.example.com",
    host="api.example.com",
    https_port=443,
    https_answered=True,
    answers=(
        PlainAnswer(
            address="192.0.2.1:80",
            method="GET",
            path="/",
            outcome="answered",
            status=301,
            location="https://api.example.com/",
        ),
    ),
)


def _each(fact: TlsOffer, **changes: object) -> TlsOffer:
    return fact.replace(endpoints=tuple(replace(one, **changes) for one in fact.endpoints))


def accept_tls_1_0(fact: TlsOffer) -> TlsOffer:
    """Every address also speaks TLS 1.0."""
    return fact.replace(
        endpoints=tuple(
            replace(one, versions={**one.versions, "TLSv1": ACCEPTED}) for one in fact.endpoints
        )
    )


def offer_cbc(fact: TlsOffer) -> TlsOffer:
    """Every address also accepts a CBC suite."""
    extra = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
    return fact.replace(
        endpoints=tuple(replace(one, suites=(*one.suites, extra)) for one in fact.endpoints)
    )


def offer_rc4(fact: TlsOffer) -> TlsOffer:
    """Every address also accepts RC4."""
    return _each(fact, suites=("TLS_RSA_WITH_RC4_128_SHA",))


def speak_only_1_2(fact: TlsOffer) -> TlsOffer:
    """TLS 1.3 is off where it was on."""
    return fact.replace(
        endpoints=tuple(
            replace(one, versions={**one.versions, "TLSv1.3": REFUSED})
            for one in fact.endpoints
            if _speaks(one, "TLSv1.3")
        )
    )


def lose_control(fact: TlsOffer) -> TlsOffer:
    """No ordinary client gets through."""
    return _each(fact, control="")


def go_silent(fact: TlsOffer) -> TlsOffer:
    """Nothing comes back to any hello."""
    silent = Answer(outcome="unanswered", detail="silent for 3 s")
    return _each(fact, versions={}, suites=(), suites_end=silent)


def forget_addresses(fact: TlsOffer) -> TlsOffer:
    """No address was asked."""
    return fact.replace(endpoints=())


def serve_plain(fact: PlainHttp) -> PlainHttp:
    """Plain HTTP serves content."""
    served = (replace(one, outcome="answered", status=200, location="") for one in fact.answers)
    return fact.replace(answers=tuple(served))


def forget_plain(fact: PlainHttp) -> PlainHttp:
    """Nothing was asked over plain HTTP."""
    return fact.replace(answers=())


CHECK = Check(
    (judge_offer, judge_plain),
    remedy="nginx: `ssl_protocols TLSv1.2 TLSv1.3;` with ECDHE-*-GCM and ChaCha20 suites only, and "
    "a server on port 80 that does nothing but `return 308 https://$host$request_uri;`.",
    references=(
        "RFC 8996: deprecating TLS 1.0 and 1.1",
        "RFC 9325: recommendations for secure use of TLS",
        "Mozilla Server Side TLS 5.7",
    ),
    good=(GOOD, GOOD_PLAIN),
    worsen=(
        accept_tls_1_0,
        offer_cbc,
        offer_rc4,
        speak_only_1_2,
        lose_control,
        go_silent,
        forget_addresses,
        serve_plain,
        forget_plain,
    ),
    thresholds={
        "old_versions_refused": "SSL 3, TLS 1.0, TLS 1.1 refused (RFC 7568, RFC 8996)",
        "modern_version_spoken": "TLS 1.3; TLS 1.2 alone is a warning (RFC 9325)",
        "suites_strong": "ECDHE with AEAD; CBC or no forward secrecy warns, broken suites fail",
        "http_redirects": "301 or 308 to https on the same host, or a closed port",
    },
)
