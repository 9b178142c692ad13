"""Headers as they were received: on every answer, and on every kind of answer."""

from readiness_kit.checks.security.headers.rules import ONE_YEAR_S, Rule, hsts
from readiness_kit.facts import Pointer
from readiness_kit.facts.api.http import AnswerHeaders, HeaderAnswer, PlainHttp
from readiness_kit.verdict import Cause, Finding, fails, holds, holds_weakly, not_seen

ADVICE = {
    "xfo": "send X-Frame-Options once: several values are read differently by browsers (RFC 7034)",
    "xxp": "send 0 or nothing: the filter is gone from browsers (OWASP Secure Headers)",
    "csp": "styles may be written inline: move them out and drop 'unsafe-inline' (CSP Level 3)",
    "hsts": "do not send it over plain HTTP, where browsers ignore it (RFC 6797 7.2)",
}


def over(headers: AnswerHeaders, claim: str, rule: Rule, want: str) -> Finding:
    """Judge *claim* by *rule* over all answers; a kind of answer nobody saw leaves it open."""
    answers = [(n, one, rule(one)) for n, one in enumerate(headers.answers) if one.status > 0]
    want = f"{want}, on every answer"
    repeat = f"curl -si {headers.url}/ -X OPTIONS"
    bad = [(n, one) for n, one, worth in answers if worth == "bad"]
    if bad:
        got = f"not on {len(bad)} of {len(answers)}: {', '.join(_name(one) for _, one in bad)}"
        seen = [AnswerHeaders.at(f"/answers/{n}") for n, _ in bad]
        return fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    seen = [AnswerHeaders.at("/answers")]
    missing = _not_covered(headers)
    if missing:
        got = f"{len(answers)} answers as wanted, but no answer of this kind: {', '.join(missing)}"
        return not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    statuses = ", ".join(str(status) for status in sorted({one.status for _, one, _ in answers}))
    got = f"{len(answers)} answers of status {statuses}"
    if any(worth == "weak" for _, _, worth in answers):
        advice = [ADVICE[claim]]
        return holds_weakly(claim, got=got, want=want, seen=seen, advice=advice, reproduce=repeat)
    return holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


def _name(answer: HeaderAnswer) -> str:
    return f"{answer.method} {answer.path} ({answer.status})"


def _not_covered(headers: AnswerHeaders) -> list[str]:
    """Return the kinds of answer that were not seen: one hand may add what another drops."""
    answered = [one for one in headers.answers if one.status > 0]
    silent = [f"{one.method} {one.path}" for one in headers.answers if one.status <= 0]
    kinds = {
        "a success": any(200 <= one.status < 300 and one.method != "OPTIONS" for one in answered),
        "an error of the client's": any(400 <= one.status < 500 for one in answered),
        "an answer to OPTIONS": any(one.method == "OPTIONS" for one in answered),
    }
    return silent + [kind for kind, was_seen in kinds.items() if not was_seen]


def strict_transport(headers: AnswerHeaders, plain: PlainHttp) -> Finding:
    """Judge HSTS over all answers, and that plain HTTP goes without."""
    finding = over(headers, "hsts", hsts, f"max-age >= {ONE_YEAR_S} s and includeSubDomains")
    over_plain = [one for one in plain.answers if one.hsts]
    unclear = not plain.answers or any(one.outcome == "unanswered" for one in plain.answers)
    seen: list[Pointer] = [*finding.seen, PlainHttp.at("/answers")]
    if finding.outcome != "holds" or not (over_plain or unclear):
        return finding
    if over_plain:
        got = f"{finding.got}; also over plain HTTP, {len(over_plain)} times"
        return holds_weakly(
            "hsts",
            got=got,
            want=finding.want,
            seen=seen,
            advice=[ADVICE["hsts"]],
            reproduce=f"curl -si {plain.url}",
        )
    got = f"{finding.got}; whether it is sent over plain HTTP was not seen"
    return not_seen("hsts", Cause.COULD_NOT_ASK, got=got, want=finding.want, seen=seen)
