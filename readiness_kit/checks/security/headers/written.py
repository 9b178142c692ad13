"""Headers as nginx.conf has them, at the places that no request reached."""

from readiness_kit.checks.security.headers.rules import NAMES, Rule, Worth
from readiness_kit.facts.api.http import HeaderAnswer
from readiness_kit.facts.nginx.headers import HeaderPlace, NginxHeaders
from readiness_kit.verdict import Cause, Finding, Grade, fails, not_seen


def elsewhere(finding: Finding, rule: Rule, written: NginxHeaders) -> Finding:
    """Return *finding* as the places stand that no request reached: at the best it stays."""
    names = NAMES[finding.claim]
    worths = [(one, _written_worth(one, rule, names)) for one in written.places]
    managed = any(_says_something(one, rule, names) for one in written.places)
    rest = [(one.where, worth) for one, worth in worths if managed and not one.asked]
    seen = [*finding.seen, NginxHeaders.at("/places")]
    repeat = "nginx -T | grep -n -e location -e add_header"
    lost = [where for where, worth in rest if worth == "bad"]
    if finding.outcome not in ("holds", "holds_weakly") or not written.file:
        return finding
    if lost:
        got = f"{finding.got}; not in {written.file}: {', '.join(lost)}"
        return fails(
            finding.claim,
            got=got,
            want=finding.want,
            seen=seen,
            grade=Grade.DECLARED,
            reproduce=repeat,
        )
    doubtful = [*(where for where, worth in rest if worth == "weak"), *written.unresolved]
    if doubtful:
        got = f"{finding.got}; {written.file} does not tell: {', '.join(doubtful)}"
        return not_seen(finding.claim, Cause.UNPROVEN, got=got, want=finding.want, seen=seen)
    return finding


def _written_worth(place: HeaderPlace, rule: Rule, names: tuple[str, ...]) -> Worth:
    """Judge one place: bad where no answer can carry what it should, weak where that is open."""
    kinds = [
        [_as_answer(place, sent, status) for sent in sets]
        for status, sets in ((200, place.successes), (404, place.errors))
    ]
    bad = [[rule(answer) == "bad" for answer in answers] for answers in kinds]
    told = all(bad) and not {*names} & {*place.unknown}
    if told and not any(map(any, bad)):
        return "good"
    others = place.passes_on and not {*names} <= {*place.hidden}
    return "bad" if told and any(map(all, bad)) and not others else "weak"


def _says_something(place: HeaderPlace, rule: Rule, names: tuple[str, ...]) -> bool:
    """Tell whether the header is nginx's business, or else the service's alone."""
    added = {*place.unknown, *(name for sent in place.successes for name in sent)}
    sets = (_as_answer(place, sent, 200) for sent in place.successes)
    return names[0] in added or any(rule(answer) != "bad" for answer in sets)


def _as_answer(place: HeaderPlace, sent: dict[str, tuple[str, ...]], status: int) -> HeaderAnswer:
    return HeaderAnswer(address="", method="GET", path=place.where, status=status, headers=sent)
