"""Load balancer: it watches its backends, ends TLS, and binds callers only where that works.

>>> CHECK.shows()
{'health': 'WARN', 'tls': 'PASS', 'affinity': 'PASS'}
>>> CHECK.shows(check_actively(GOOD_CONFIG))["health"]
'PASS'
>>> CHECK.shows(switch_checks_off(GOOD_CONFIG))["health"]
'FAIL'
>>> CHECK.shows(hide_instances(GOOD_ANSWERS))["affinity"]
'UNKNOWN'
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.infrastructure.certificates import GOOD as GOOD_SERVED
from readiness_kit.facts.api.balancer import BalancedAnswer, DirectAnswer, InstanceAnswers
from readiness_kit.facts.nginx.configuration import Backend, NginxConfig, Route, Upstream
from readiness_kit.facts.tls.certificates import ServedCertificates
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

MIN_ANSWERS = 10
"""Fewer balanced answers show nothing of affinity."""

PASSIVE = (
    "open-source nginx learns of a dead backend from a caller's request: keep max_fails and "
    "fail_timeout low and let proxy_next_upstream retry (nginx admin guide: passive checks)"
)


@judges("health")
def judge_health(nginx: NginxConfig) -> Iterator[Finding]:
    """Judge how the backends of the API are watched."""
    claim, want = "health", "backends checked actively; passive checks of two or more warn"
    seen, repeat = [NginxConfig.at("/upstreams")], "nginx -T | grep -A9 -n upstream"
    grade = Grade.DECLARED
    used = [
        one for one in nginx.upstreams if one.name in {route.upstream for route in nginx.routes}
    ]
    known = {one.name for one in nginx.upstreams}
    alone = [route.upstream for route in nginx.routes if route.upstream not in known]
    unwatched = [one.name for one in used if not one.active_check and not _watched(one)]
    got = "; ".join(_said(one) for one in used) or "no upstream"
    if nginx.unresolved or not nginx.routes:
        got = f"{got}; not resolved: {', '.join(nginx.unresolved) or 'the way to the API'}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    elif alone or unwatched or not used:
        got = f"{got}; unwatched or alone: {', '.join((*unwatched, *alone))}"
        yield fails(claim, got=got, want=want, seen=seen, grade=grade, reproduce=repeat)
    elif all(one.active_check for one in used):
        yield holds(claim, got=got, want=want, seen=seen, grade=grade, reproduce=repeat)
    else:
        advice = [PASSIVE]
        yield holds_weakly(
            claim, got=got, want=want, seen=seen, grade=grade, advice=advice, reproduce=repeat
        )


def _watched(upstream: Upstream) -> bool:
    """Whether every backend can be taken out; nginx never takes out the only one there is."""
    active = [one for one in upstream.backends if not one.spare]
    return len(upstream.backends) > 1 and bool(active) and all(one.max_fails > 0 for one in active)


def _said(upstream: Upstream) -> str:
    fails_at = ", ".join(map(str, sorted({one.max_fails for one in upstream.backends})))
    return f"{upstream.name}: {len(upstream.backends)} backends, max_fails {fails_at or 'none'}"


@judges("tls")
def judge_tls(served: ServedCertificates) -> Iterator[Finding]:
    """Judge that every address ends TLS with the same valid certificate."""
    claim, want = "tls", "the same valid certificate at every address"
    seen = [ServedCertificates.at("/served")]
    repeat = f"openssl s_client -connect {served.host}:{served.port} </dev/null"
    shown = {one.chain[0].sha256 for one in served.served if one.chain}
    plain = [one.address for one in served.served if one.outcome == "not_tls"]
    bad = [one.address for one in served.served if one.chain and not one.trusted]
    silent = [one.address for one in served.served if not one.chain and one.address not in plain]
    got = f"{len(shown)} certificate(s) at {len(served.served)} address(es)"
    if plain or bad or len(shown) > 1:
        faults = (("no TLS", plain), ("not valid", bad))
        words = [f"{what} at {', '.join(where)}" for what, where in faults if where]
        got = "; ".join((got, *words))
        yield fails(claim, got=got, want=want, seen=seen, reproduce=repeat)
    elif silent or not shown:
        got = f"{got}; no answer at {', '.join(silent)}"
        yield not_seen(claim, Cause.COULD_NOT_ASK, got=got, want=want, seen=seen)
    else:
        yield holds(claim, got=got, want=want, seen=seen, reproduce=repeat)


@judges("affinity")
def judge_affinity(answers: InstanceAnswers, nginx: NginxConfig | None) -> Iterator[Finding]:
    """Judge that a declared affinity works, or else that none is needed."""
    heard = [one.answered for one in answers.balanced] + [one.answered for one in answers.direct]
    dead = [answered for answered in heard if not answered]
    routed = {route.upstream for route in nginx.routes} if nginx else set()
    ways = {one.affinity for one in nginx.upstreams if one.name in routed} if nginx else set()
    declared = sorted((*(way for way in ways if way), *answers.cookies))
    got = f"declared: {', '.join(declared) or 'none'}; {len(answers.balanced)} balanced answers"
    if dead or len(answers.balanced) < MIN_ANSWERS:
        yield _affinity_unseen(f"{got}, {len(dead)} requests without a good answer")
    elif nginx is None and not declared:
        yield _affinity_unseen(f"{got}; proxy.nginx does not say", Cause.NOT_CONFIGURED)
    elif nginx is not None and nginx.unresolved:
        yield _affinity_unseen(f"{got}; not resolved: {', '.join(nginx.unresolved)}")
    elif declared:
        yield _bound(answers, got)
    else:
        yield _agreeing(answers, got)


WANT = "one caller stays on one instance where that is declared; else the instances agree"
REPEAT = "seq 20 | xargs -I_ curl -si $URL/graphql --json $Q | grep -i -e x-instance -e set-cookie"


def _affinity_unseen(got: str, cause: Cause = Cause.COULD_NOT_ASK) -> Finding:
    seen = [InstanceAnswers.at("/balanced")]
    return not_seen("affinity", cause, got=got, want=WANT, seen=seen)


def _bound(answers: InstanceAnswers, got: str) -> Finding:
    """Judge that callers with a cookie, or from one address, stay on one instance."""
    seen = [InstanceAnswers.at("/balanced")]
    bound = [one for one in answers.balanced if one.cookie or not answers.cookies]
    instances = {one.instance for one in bound}
    if "" in instances or len(bound) < MIN_ANSWERS:
        return _affinity_unseen(f"{got}; no header names the instance")
    got = f"{got}, of {len(instances)} instance(s)"
    if len(instances) > 1:
        return fails("affinity", got=got, want=WANT, seen=seen, reproduce=REPEAT)
    return holds("affinity", got=got, want=WANT, seen=seen, reproduce=REPEAT)


def _agreeing(answers: InstanceAnswers, got: str) -> Finding:
    """Judge that the instances answer alike, each asked more than once."""
    seen = [InstanceAnswers.at()]
    said: defaultdict[str, list[str]] = defaultdict(list)
    for one in answers.balanced:
        if one.instance:
            said[one.instance].append(one.digest)
    for direct in answers.direct:
        said[direct.url].append(direct.digest)
    got = f"{got}; {len(said)} instances seen"
    if any(len(set(digests)) > 1 or len(digests) < 2 for digests in said.values()):
        return _affinity_unseen(f"{got}, whose answers differ from themselves")
    alike = {digest for digests in said.values() for digest in digests}
    if len(alike) > 1:
        got = f"{got}, with {len(alike)} different answers"
        return fails("affinity", got=got, want=WANT, seen=seen, reproduce=REPEAT)
    if len(said) < 2:
        return _affinity_unseen(f"{got}: name them in api.instances, or by a header")
    return holds("affinity", got=f"{got}, in agreement", want=WANT, seen=seen, reproduce=REPEAT)


MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
BACKENDS = tuple(
    Backend(address=f"192.0.2.{n}:8000", max_fails=2, fail_timeout_s=5.0, spare=False)
    for n in (11, 12)
)
GOOD_CONFIG = NginxConfig(
    observed_at=MOMENT,
    file="nginx.conf",
    unresolved=(),
    upstreams=(Upstream(name="api", backends=BACKENDS, active_check=False, affinity=""),),
    routes=(Route(where="server _ location = /graphql", upstream="api", limits=()),),
    acme=False,
)
GOOD_ANSWERS = InstanceAnswers(
    observed_at=MOMENT,
    cookies=(),
    balanced=tuple(
        BalancedAnswer(instance="", cookie=False, status=200, answered=True, digest="0a")
        for _ in range(10)
    ),
    direct=tuple(
        DirectAnswer(url=f"http://192.0.2.{n}:8000", status=200, answered=True, digest="0a")
        for n in (11, 12, 11, 12)
    ),
)


def check_actively(fact: NginxConfig) -> NginxConfig:
    """Return *fact* with a ``health_check`` on every upstream."""
    upstreams = (replace(one, active_check=True) for one in fact.upstreams)
    return fact.replace(upstreams=tuple(upstreams))


def switch_checks_off(fact: NginxConfig) -> NginxConfig:
    """``max_fails=0``: a dead backend is asked for ever."""
    upstreams = (
        replace(
            one,
            active_check=False,
            backends=tuple(replace(backend, max_fails=0) for backend in one.backends),
        )
        for one in fact.upstreams
    )
    return fact.replace(upstreams=tuple(upstreams))


def leave_open(fact: NginxConfig) -> NginxConfig:
    """An include could not be read."""
    return fact.replace(unresolved=(*fact.unresolved, "include conf.d/*.conf"))


def serve_another(fact: ServedCertificates) -> ServedCertificates:
    """One address more serves another certificate."""
    other = (
        replace(one, address="192.0.2.9:443", chain=(replace(one.chain[0], sha256="ff"),))
        for one in fact.served[:1]
        if one.chain
    )
    return fact.replace(served=(*fact.served, *other))


def hide_instances(fact: InstanceAnswers) -> InstanceAnswers:
    """Nobody can tell the instances apart."""
    balanced = (replace(one, instance="") for one in fact.balanced)
    return fact.replace(balanced=tuple(balanced), direct=())


def disagree(fact: InstanceAnswers) -> InstanceAnswers:
    """Every instance has its own answer."""
    direct = (replace(one, digest=f"{one.digest} {one.url}") for one in fact.direct)
    return fact.replace(direct=tuple(direct))


CHECK = Check(
    (judge_health, judge_tls, judge_affinity),
    remedy="List two or more backends with `max_fails=2 fail_timeout=5s`, end TLS at the balancer "
    "with one certificate for all addresses, and keep sessions out of the processes.",
    references=(
        "nginx ngx_http_upstream_module: max_fails, fail_timeout",
        "nginx admin guide: HTTP health checks",
        "The Twelve-Factor App, VI: processes are stateless",
    ),
    good=(GOOD_CONFIG, GOOD_SERVED, GOOD_ANSWERS),
    worsen=(switch_checks_off, leave_open, serve_another, hide_instances, disagree),
    thresholds={
        "health": "active checks; passive checks warn; max_fails=0 or one backend fails",
        "tls": "the same valid certificate at every address",
        "affinity": f"n >= {MIN_ANSWERS}: one instance where declared, else equal answers",
    },
)
