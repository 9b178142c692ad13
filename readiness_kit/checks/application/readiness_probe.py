"""Readiness probe: every container has one that asks the ready endpoint; every replica is ready.

>>> CHECK.shows()
{'configured': 'PASS', 'endpoints_ready': 'PASS'}
>>> CHECK.shows(ask_seldom(DECLARED))["configured"]
'WARN'
>>> CHECK.shows(ask_liveness(DECLARED))["configured"]
'FAIL'
>>> CHECK.shows(RUNNING.replace(replicas=()))["endpoints_ready"]
'UNKNOWN'
"""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from readiness_kit.checks.application.health_endpoints import DRILL
from readiness_kit.checks.application.liveness_probe import (
    DECLARED,
    NOTHING,
    at,
    containers,
    each,
    path,
    said,
    unseen,
)
from readiness_kit.checks.application.liveness_probe import RUNNING as RUNNING_WORKLOADS
from readiness_kit.facts.drills.readiness import ReadinessDrill
from readiness_kit.facts.kubernetes.workloads import (
    Container,
    DeclaredWorkloads,
    HealthProbe,
    Replicas,
    RunningWorkloads,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

GOOD_PERIOD_S = 10
"""Default of the kit: how long a broken pod may go on getting requests, times the threshold."""

LONGEST_PERIOD_S = 30
"""Default of the kit: beyond it the probe is no protection."""

BLIND = re.compile(
    r"\|\|\s*(?:true|:|exit 0)|;\s*(?:true|:|exit 0)\s*$"
    r"|\bcurl\b(?!.*(?:\s-[a-zA-Z]*f|--fail|http_code|response_code))"
)
"""Commands that succeed whatever the answer: curl, too, takes 503 for one, without ``--fail``."""

Asks = Literal["ready", "liveness", "unclear"]
"""What a readiness probe asks."""


@judges("configured")
def judge_configured(
    declared: DeclaredWorkloads | None,
    running: RunningWorkloads | None,
    drill: ReadinessDrill | None,
) -> Iterator[Finding]:
    """Every container has a readiness probe; that of the service asks its ready endpoint."""
    fact = declared or running
    health, ready = (fact.health.rstrip("/"), fact.ready.rstrip("/")) if fact else ("", "")
    found = containers(declared, running)
    own = [pair for pair in found if _serves(pair[1], health, ready)] or found
    asks = [(name, _asks(one, health, ready, drill)) for name, one in own if one.readiness]
    wrong = [f"{name}: {why}" for name, one in found for why in _faults(one.readiness)]
    wrong += [f"{name}: it asks no ready endpoint" for name, what in asks if what == "liveness"]
    seldom = [one for _, one in found if one.readiness and one.readiness.period_s > GOOD_PERIOD_S]
    case = Case(
        claim="configured",
        got="; ".join(
            [
                *(f"{name}: {said(one.readiness)}" for name, one in found),
                *wrong,
                *(f"{name}: asks {what}" for name, what in asks if what == "unclear"),
            ]
        )
        or NOTHING,
        want=f"in every container: period <= {GOOD_PERIOD_S} s, time-out >= 1 s; path {ready} in "
        "that of the service",
        seen=[
            *at(declared, running),
            *([ReadinessDrill.at("/polls")] if drill else []),
        ],
        reproduce="kubectl get deploy,sts,ds -o yaml | grep -A9 readinessProbe",
        grade=Grade.OBSERVED if running else Grade.DECLARED,
    )
    if not found:
        yield case.not_seen(unseen(declared, running), "name the manifests or the cluster")
    elif wrong:
        yield case.fails()
    elif any(what == "unclear" for _, what in asks):
        yield case.not_seen(Cause.UNPROVEN, "let it ask api.ready by httpGet")
    else:
        yield case.holds(*([f"ask every {GOOD_PERIOD_S} s or more often"] if seldom else []))


def _serves(one: Container, health: str, ready: str) -> bool:
    """Tell whether *one* is the service itself: some probe of it asks a declared endpoint."""
    probes = (probe for probe in (one.liveness, one.readiness, one.startup) if probe)
    return any(probe.how == "http" and path(probe) in {health, ready} for probe in probes)


def _faults(probe: HealthProbe | None) -> Iterator[str]:
    if probe is None:
        yield "no readiness probe"
        return
    if not probe.exposed:
        yield "its port is none of the container's"
    if not 1 <= probe.period_s <= LONGEST_PERIOD_S:
        yield f"every {probe.period_s} s is too seldom"
    if probe.timeout_s < 1:
        yield f"a time-out of {probe.timeout_s} s is none"


def _asks(one: Container, health: str, ready: str, drill: ReadinessDrill | None) -> Asks:
    """Tell what the readiness probe of *one* asks."""
    probe = one.readiness
    if probe is None or probe.how == "grpc":
        return "unclear"
    if probe.how == "tcp":
        return "liveness"  # an open port says that the process is there, and no more
    if probe.how == "exec":
        asked = bool(ready) and ready in probe.target and not BLIND.search(probe.target)
        return "ready" if asked else "unclear"
    if path(probe) == ready != health:
        return "ready"
    if path(probe) == ready:
        return _single(drill)
    twin = one.liveness is not None and path(one.liveness) == path(probe)
    return "liveness" if twin or path(probe) == health else "unclear"


def _single(drill: ReadinessDrill | None) -> Asks:
    """Tell what one endpoint for both purposes follows: only the drill shows it."""
    cuts = [one for one in drill.outages if one.fault == "cut_database"] if drill else []
    answers = [
        one.status == 200
        for one in (drill.polls if drill else ())
        if any(cut.since_s <= one.at_s < cut.until_s for cut in cuts)
    ]
    if not answers:
        return "unclear"
    return "liveness" if all(answers) else "ready"


@judges("endpoints_ready")
def judge_endpoints(running: RunningWorkloads) -> Iterator[Finding]:
    """Every replica that is wanted is ready."""
    none = [one for one in running.replicas if one.wanted < 1]
    short = [one for one in running.replicas if one.ready < one.wanted]
    lost = [one for one in short if not (one.rolling and one.ready == one.wanted - 1 > 0)]
    case = Case(
        claim="endpoints_ready",
        got="; ".join(map(_count, running.replicas)) or f"nothing in {running.namespace}",
        want="as many ready as wanted; all but one while a rollout is under way warns",
        seen=[RunningWorkloads.at("/replicas")],
        reproduce=f"kubectl -n {running.namespace} get endpointslices,deploy,sts,ds",
        grade=Grade.OBSERVED,
    )
    if lost:
        yield case.fails("kubectl describe pod says why it is not ready")
    elif none or not running.replicas:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES, "nothing is wanted, so nothing is ready")
    else:
        yield case.holds(*(["look again when the rollout is over"] if short else []))


def _count(one: Replicas) -> str:
    return f"{one.name}: {one.ready} of {one.wanted} ready" + ", rolling out" * one.rolling


RUNNING = RUNNING_WORKLOADS.replace(
    replicas=(
        Replicas(name="Service/shop of Deployment/shop", wanted=3, ready=3, rolling=False),
        Replicas(name="Deployment/worker", wanted=1, ready=1, rolling=False),
    )
)


def _asking(one: Container, **changes: object) -> Container:
    return replace(one, readiness=one.readiness and replace(one.readiness, **changes))


def unasked(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """No container has a readiness probe."""
    return each(fact, lambda one: replace(one, readiness=None))


def ask_liveness(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """Readiness asks no more than whether the port is open."""
    return each(fact, lambda one: _asking(one, how="tcp", target=""))


def ask_seldom(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """Readiness is asked every 20 s."""
    return each(fact, lambda one: _asking(one, period_s=20) if _often(one) else one)


def _often(one: Container) -> bool:
    return one.readiness is not None and 1 <= one.readiness.period_s <= GOOD_PERIOD_S


def ask_elsewhere(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """Readiness asks a path of which nothing is known."""
    return each(fact, lambda one: _asking(one, target="/somewhere") if _http(one) else one)


def _http(one: Container) -> bool:
    return one.readiness is not None and one.readiness.how == "http"


def lose_one(fact: RunningWorkloads) -> RunningWorkloads:
    """One replica is not ready."""
    return fact.replace(
        replicas=tuple(replace(one, ready=min(one.ready, one.wanted) - 1) for one in fact.replicas)
    )


def forget_replicas(fact: RunningWorkloads) -> RunningWorkloads:
    """Nothing was counted."""
    return fact.replace(replicas=())


CHECK = Check(
    (judge_configured, judge_endpoints),
    remedy="Give every container a readinessProbe with httpGet on the ready endpoint, "
    "periodSeconds 5 and timeoutSeconds 3; look at `kubectl describe pod` where one is not ready.",
    references=(
        "Kubernetes: Configure Liveness, Readiness and Startup Probes",
        "Kubernetes: EndpointSlices",
    ),
    good=(DECLARED, RUNNING, DRILL),
    worsen=(unasked, ask_liveness, ask_seldom, ask_elsewhere, lose_one, forget_replicas),
    thresholds={
        "configured": "the ready endpoint, period <= 10 s, up to 30 s warns, time-out >= 1 s "
        "(defaults of the kit)",
        "endpoints_ready": "all replicas ready; all but one during a rollout warns",
    },
)
