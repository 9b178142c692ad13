"""Response compression: answers over 1000 bytes are compressed for clients that ask for it.

>>> CHECK.shows()
{'large_answers_encoded': 'PASS'}
>>> CHECK.shows(without_vary(OFFER))
{'large_answers_encoded': 'WARN'}
>>> CHECK.shows(not_encoded(OFFER))
{'large_answers_encoded': 'FAIL'}
>>> CHECK.shows(OFFER.replace(answers=()))
{'large_answers_encoded': 'UNKNOWN'}
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.facts.api.compression import CompressionOffer, EncodedAnswer
from readiness_kit.verdict import Case, Cause, Check, Finding, judges

LARGE_BYTES = 1000
"""The checklist's figure."""


@judges("large_answers_encoded")
def judge(offer: CompressionOffer) -> Iterator[Finding]:
    """At every address some encoding is served, smaller and equal after decoding."""
    answers = offer.answers
    places = {one.address: [a for a in answers if a.address == one.address] for one in answers}
    served = [one for one in answers if one.encoding]
    case = Case(
        claim="large_answers_encoded",
        got="; ".join(_words(one) for one in answers) or "nothing was asked",
        want=f"an answer over {LARGE_BYTES} bytes encoded, smaller, equal when decoded, with Vary",
        seen=[CompressionOffer.at(f"/answers/{n}") for n in range(len(answers))],
        reproduce="curl -sS -D- -o /dev/null -H 'accept-encoding: gzip' $URL/graphql "
        "-H 'content-type: application/json' -H \"authorization: Bearer $TOKEN\" -d @large.json",
    )
    unseen = [one for one in answers if one.status != 200 or one.plain_bytes <= LARGE_BYTES]
    if any(one.equal is False for one in answers):
        yield case.fails("the encoded answer is another one: mend or switch off the encoder")
    elif not answers or unseen:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif not all(any(_encoded(one) for one in asked) for asked in places.values()):
        yield case.fails(
            "nginx: gzip on; gzip_proxied any; gzip_types application/json; gzip_vary on"
        )
    elif not all(any(_proven(one) for one in asked) for asked in places.values()):
        yield case.not_seen(Cause.UNPROVEN, "offer gzip too: nothing here decodes the rest")
    elif not all(one.varies for one in served):
        yield case.holds(
            "add Vary: Accept-Encoding, or a shared cache mixes them: RFC 9110 §12.5.5"
        )
    else:
        yield case.holds()


def _encoded(one: EncodedAnswer) -> bool:
    return one.encoding == one.asked and 0 < one.sent_bytes < one.plain_bytes


def _proven(one: EncodedAnswer) -> bool:
    return _encoded(one) and one.equal is True


def _words(one: EncodedAnswer) -> str:
    if one.status != 200:
        return f"{one.address} {one.asked}: {one.status or 'no answer'} {one.reason}".strip()
    equal = {True: "equal", False: "different", None: "not compared"}[one.equal]
    how = one.encoding or "not encoded"
    return f"{one.address} {one.asked}: {how}, {one.sent_bytes} of {one.plain_bytes} bytes, {equal}"


_GZIP = EncodedAnswer(
    address="192.0.2.1:443",
    asked="gzip",
    status=200,
    encoding="gzip",
    sent_bytes=800,
    plain_bytes=4000,
    equal=True,
    varies=True,
)
OFFER = CompressionOffer(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    query="{ posts { id title } }",
    answers=(_GZIP, replace(_GZIP, asked="br", encoding="", sent_bytes=4000)),
)


def without_vary(offer: CompressionOffer) -> CompressionOffer:
    """Leave Vary out."""
    return offer.replace(answers=tuple(replace(one, varies=False) for one in offer.answers))


def not_encoded(offer: CompressionOffer) -> CompressionOffer:
    """Encode nothing."""
    plain = (replace(one, encoding="", sent_bytes=one.plain_bytes) for one in offer.answers)
    return offer.replace(answers=tuple(plain))


def spoilt(offer: CompressionOffer) -> CompressionOffer:
    """Let every answer differ after decoding."""
    return offer.replace(answers=tuple(replace(one, equal=False) for one in offer.answers))


def small(offer: CompressionOffer) -> CompressionOffer:
    """Ask for something small."""
    return offer.replace(answers=tuple(replace(one, plain_bytes=1000) for one in offer.answers))


CHECK = Check(
    (judge,),
    remedy="Switch compression on at the proxy for application/json from 1000 bytes on, for "
    "proxied answers too, with Vary: Accept-Encoding.",
    references=("RFC 9110 §8.4 and §12.5.3", "nginx: ngx_http_gzip_module", "BREACH, 2013"),
    good=(OFFER,),
    worsen=(without_vary, not_encoded, spoilt, small),
    thresholds={"large_answers_encoded": "answers over 1000 bytes; without Vary a warning"},
)
