"""Rate limiting: too much is refused, within a burst and within a minute, and only to its sender.

>>> CHECK.shows() == dict.fromkeys(CHECK.thresholds, "PASS")
True
>>> CHECK.shows(accept_all(GOOD_BURST))["burst"]
'FAIL'
>>> CHECK.shows(forget_retry_after(GOOD_BURST))["burst"]
'WARN'
>>> CHECK.shows(forget_other(GOOD_BURST))["others_unaffected"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf

from msgspec.structs import replace

from readiness_kit.facts.refusals.rate_limit import (
    HourLimit,
    HourlyLimits,
    RateLimitBurst,
    RateLimitMinute,
    Tally,
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

TOLERANCE = 1.1
"""Share above the declared limit that still counts as the limit (default)."""

LONGEST_BURST_S = 5.0
"""Requests spread over more than this are no burst."""

PACE_SLACK = 1.1
"""A minute's requests that took longer than this share of it were not paced as planned."""

MIN_OTHERS = 3
"""Fewer answers to the second caller show nothing."""

RETRY_AFTER = "say when to come back: Retry-After on every 429 (RFC 6585 4)"
REPEAT = "seq 60 | xargs -P20 -I_ curl -s -o /dev/null -w '%{http_code}\\n' $URL/graphql --json $Q"


@judges("burst", "others_unaffected")
def judge_burst(burst: RateLimitBurst) -> Iterator[Finding]:
    """Judge how much of a burst is accepted, and how a second caller fares meanwhile."""
    yield _burst(burst)
    yield _others(burst)


def _burst(burst: RateLimitBurst) -> Finding:
    claim, seen, caller = "burst", [RateLimitBurst.at("/caller")], burst.caller
    allowed = TOLERANCE * (burst.burst + burst.per_minute / 60 * burst.seconds)
    declared = f"{burst.per_minute}/min and {burst.burst} more"
    want = f"at most {allowed:.1f} accepted ({TOLERANCE} x the declared {declared}), the rest 429"
    got = f"{_said(caller)} in {burst.seconds:.2f} s"
    limited = max(0, caller.refused) + max(0, caller.unavailable)
    if caller.accepted > allowed:
        return fails(claim, got=got, want=want, seen=seen, reproduce=REPEAT)
    unclear = caller.broken > 0 or caller.good < 1 or not 0 < burst.seconds <= LONGEST_BURST_S
    overloaded = caller.unavailable > 0 and not (burst.other and _fared_well(burst.other))
    if unclear or limited < 1 or overloaded or not caller.accepted <= allowed:
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    advice = [RETRY_AFTER] if caller.with_retry_after < limited else []
    if caller.unavailable:
        advice.append("answer 429, not 503, which says that the service is down (RFC 6585 4)")
    if advice:
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=REPEAT)
    return holds(claim, got=got, want=want, seen=seen, reproduce=REPEAT)


def _others(burst: RateLimitBurst) -> Finding:
    claim, want = "others_unaffected", "a second identity is answered while the first is refused"
    seen, other = [RateLimitBurst.at("/other")], burst.other
    if other is None:
        got, hint = "only one identity is declared", ["add load.identities or identities"]
        return not_seen(claim, Cause.NOT_CONFIGURED, got=got, want=want, seen=seen, advice=hint)
    got = f"first: {_said(burst.caller)}; second: {_said(other)}"
    if burst.caller.refused < 1 and burst.caller.unavailable < 1:
        return not_seen(claim, Cause.UNPROVEN, got=got, want=want, seen=seen)
    if other.refused > 0 and burst.other_address:
        return fails(claim, got=got, want=want, seen=seen, reproduce=REPEAT)
    if other.refused > 0:
        got = f"{got}; both called from one address, so a limit per address may be the reason"
        return not_seen(claim, Cause.UNPROVEN, got=got, want=want, seen=seen)
    if not _fared_well(other):
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    return holds(claim, got=got, want=want, seen=seen, reproduce=REPEAT)


def _fared_well(other: Tally) -> bool:
    return other.sent >= MIN_OTHERS and other.good == other.sent


@judges("per_minute")
def judge_minute(minute: RateLimitMinute) -> Iterator[Finding]:
    """Judge when evenly paced requests are first refused."""
    claim, seen, caller = "per_minute", [RateLimitMinute.at("/caller")], minute.caller
    allowed = TOLERANCE * (minute.per_minute + minute.burst)
    want = (
        f"a 429 after at most {allowed:.0f} accepted ({TOLERANCE} x the declared limit and burst)"
    )
    got = f"{_said(caller)} in {minute.seconds:.0f} s"
    paced = 0 < minute.seconds <= PACE_SLACK * 60
    if paced and (caller.accepted > allowed or (caller.refused < 1 and _whole(minute))):
        yield fails(claim, got=got, want=want, seen=seen, reproduce=REPEAT)
    elif caller.refused < 1 or caller.good < 1 or not paced or not _clear(minute, allowed):
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif caller.with_retry_after < 1:
        advice = [RETRY_AFTER]
        yield holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=REPEAT)
    else:
        yield holds(claim, got=got, want=want, seen=seen, reproduce=REPEAT)


def _clear(minute: RateLimitMinute, allowed: float) -> bool:
    """Whether the limit holds even if all that broke would have been accepted."""
    caller = minute.caller
    return caller.accepted + caller.broken + caller.unavailable <= allowed


def _whole(minute: RateLimitMinute) -> bool:
    """Whether everything planned was sent and answered: then no refusal means no limit."""
    caller = minute.caller
    enough = minute.planned > TOLERANCE * (minute.per_minute + minute.burst)
    return enough and minute.planned <= caller.sent and caller.accepted == caller.sent


@judges("per_hour")
def judge_hour(hour: HourlyLimits) -> Iterator[Finding]:
    """Judge that every way to the API has a limit whose hourly sum is within the declared one."""
    claim, seen = "per_hour", [HourlyLimits.at()]
    want = f"at most {hour.per_hour} requests an hour and caller"
    repeat = "nginx -T | grep -n limit_req"
    least = [min((one.per_hour for one in route), default=inf) for route in hour.routes]
    bounds = [max(least, default=inf), max((one.per_hour for one in hour.application), default=inf)]
    worst = min(bounds)
    got = f"{worst:.0f} an hour" if worst < inf else "no limit configured"
    got = f"{got} in {', '.join(hour.read)}"
    if hour.unresolved or not hour.read or not (hour.routes or hour.application):
        got = f"{got}; not resolved: {', '.join(hour.unresolved) or 'any way to the API'}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif 0 < worst <= hour.per_hour:
        yield holds(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)
    else:
        yield fails(claim, got=got, want=want, seen=seen, grade=Grade.DECLARED, reproduce=repeat)


def _said(tally: Tally) -> str:
    return (
        f"{tally.accepted} of {tally.sent} accepted ({tally.good} with 2xx), {tally.refused} x 429 "
        f"and {tally.unavailable} x 503 ({tally.with_retry_after} with Retry-After), "
        f"{tally.broken} broken"
    )


MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
GOOD_BURST = RateLimitBurst(
    observed_at=MOMENT,
    per_minute=100,
    burst=20,
    seconds=0.5,
    caller=Tally(
        sent=60,
        accepted=22,
        good=22,
        refused=38,
        unavailable=0,
        broken=0,
        with_retry_after=38,
    ),
    other=Tally(sent=5, accepted=5, good=5, refused=0, unavailable=0, broken=0, with_retry_after=0),
    other_address=True,
)
GOOD_MINUTE = RateLimitMinute(
    observed_at=MOMENT,
    per_minute=100,
    burst=20,
    planned=140,
    seconds=30.0,
    caller=Tally(
        sent=71, accepted=70, good=70, refused=1, unavailable=0, broken=0, with_retry_after=1
    ),
)
GOOD_HOUR = HourlyLimits(
    observed_at=MOMENT,
    per_hour=6000,
    read=("nginx.conf",),
    unresolved=(),
    routes=((HourLimit(where="nginx.conf: requests", per_hour=6000.0),),),
    application=(),
)


def accept_all(fact: RateLimitBurst) -> RateLimitBurst:
    """The limit is off."""
    sent = fact.caller.sent
    off = replace(fact.caller, accepted=sent, good=sent, refused=0, unavailable=0)
    return fact.replace(caller=off)


def accept_two_more(fact: RateLimitBurst) -> RateLimitBurst:
    """A little more than the tolerance is accepted."""
    return fact.replace(caller=replace(fact.caller, accepted=fact.caller.accepted + 2))


def forget_retry_after(fact: RateLimitBurst) -> RateLimitBurst:
    """Nobody is told when to come back."""
    return fact.replace(caller=replace(fact.caller, with_retry_after=0))


def break_answers(fact: RateLimitBurst) -> RateLimitBurst:
    """Some requests get no answer."""
    return fact.replace(caller=replace(fact.caller, broken=fact.caller.broken + 5))


def refuse_others(fact: RateLimitBurst) -> RateLimitBurst:
    """The second caller is refused as well."""
    other = replace(fact.other, refused=2, good=0) if fact.other else None
    return fact.replace(other=other, other_address=True)


def forget_other(fact: RateLimitBurst) -> RateLimitBurst:
    """Nobody else asked."""
    return fact.replace(other=None)


def never_refuse(fact: RateLimitMinute) -> RateLimitMinute:
    """A whole minute above the limit, and no 429."""
    n = fact.planned
    return fact.replace(caller=replace(fact.caller, sent=n, accepted=n, refused=0), seconds=60.0)


def break_many(fact: RateLimitMinute) -> RateLimitMinute:
    """Most requests get no answer, so nobody knows whether they would be accepted."""
    return fact.replace(caller=replace(fact.caller, broken=fact.planned))


def answer_late(fact: RateLimitMinute) -> RateLimitMinute:
    """The service was too slow to be asked at that pace."""
    return fact.replace(seconds=100.0)


def forget_limit(fact: HourlyLimits) -> HourlyLimits:
    """One way to the API has no limit."""
    return fact.replace(routes=(*fact.routes, ()), application=())


def raise_limit(fact: HourlyLimits) -> HourlyLimits:
    """The limit is above the declared one."""
    more = (HourLimit(where="nginx.conf: requests", per_hour=fact.per_hour + 60.0),)
    return fact.replace(routes=(more,), application=())


CHECK = Check(
    (judge_burst, judge_minute, judge_hour),
    remedy="nginx: `limit_req_zone $binary_remote_addr zone=api:10m rate=100r/m;`, in the location "
    "`limit_req zone=api burst=20 nodelay;`, `limit_req_status 429;`, and a Retry-After header.",
    references=(
        "RFC 6585 4: 429 Too Many Requests",
        "nginx ngx_http_limit_req_module: a leaky bucket, measured at 22 of 60",
        "OWASP API4:2023 Unrestricted Resource Consumption",
    ),
    good=(GOOD_BURST, GOOD_MINUTE, GOOD_HOUR),
    worsen=(
        accept_all,
        accept_two_more,
        forget_retry_after,
        break_answers,
        refuse_others,
        forget_other,
        never_refuse,
        answer_late,
        break_many,
        forget_limit,
        raise_limit,
    ),
    thresholds={
        "burst": f"accepted <= {TOLERANCE} x (burst + rate x seconds), else 429 with Retry-After",
        "per_minute": f"first 429 after at most {TOLERANCE} x (limit + burst) accepted",
        "per_hour": "1000/h, or the limit that readiness.yaml declares",
        "others_unaffected": "no 429 for a second identity",
    },
)
