"""Auto-scaling configured: sane bounds, metrics that arrive, replicas that follow the load.

>>> CHECK.shows()
{'configured': 'PASS', 'metrics_alive': 'PASS', 'scales_under_load': 'PASS'}
>>> CHECK.shows(removed_version(DECLARED), blind(STATES))
{'configured': 'FAIL', 'metrics_alive': 'FAIL', 'scales_under_load': 'PASS'}
>>> CHECK.shows(stuck(STEPS))["scales_under_load"]
'FAIL'
>>> CHECK.shows(unwatched(STEPS))["scales_under_load"]
'UNKNOWN'
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from readiness_kit.checks.performance.benchmarks import like
from readiness_kit.facts.kubernetes.manifests import (
    AutoscalerState,
    AutoscalerStates,
    DeclaredAutoscaler,
    DeclaredAutoscalers,
)
from readiness_kit.facts.load import Gauge, Stage, StepLoad
from readiness_kit.load_verdict.limits import reproduce, unproven
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

SERVED = "autoscaling/v2"
"""The version that knows more than CPU; v2beta1 ended with Kubernetes 1.25, v2beta2 with 1.26."""

FEWEST, HIGHEST_CPU_PERCENT = 2, 80
"""Replicas that outlive the loss of one, and a target that leaves room for a burst (default)."""

QUICK_S, SLOW_S = 180.0, 300.0
"""Time from the step that is too much until more replicas are there (default)."""

SETTLED_S = 600.0
"""Time from a step until their number rests (default)."""

REST_S = 60.0
"""Four rounds of the autoscaler without a change (default)."""

TOLERANCE = 1.1
"""Share of its target from which an autoscaler acts (Kubernetes' own default)."""

REPLICAS, TARGET_SHARE = "replicas", "target_share"
"""Gauges: how many there are, and what the autoscaler goes by as a share of its target."""


@judges("configured")
def configured(fact: DeclaredAutoscalers) -> Iterator[Finding]:
    """The worst autoscaler counts."""
    faults = [f"{one.name}: {why}" for one in fact.autoscalers for why in _faults(one)]
    weak = [f"{one.name}: {why}" for one in fact.autoscalers for why in _weaknesses(one)]
    unclear = [one.scales for one in fact.autoscalers if one.requests == "not_seen"]
    this = Case(
        claim="configured",
        got="; ".join(map(_words, fact.autoscalers))
        or f"no autoscaler among {fact.objects} objects in {len(fact.files)} files",
        want=f"{SERVED}, {FEWEST} replicas at least, room to grow, requests set, CPU target at "
        f"most {HIGHEST_CPU_PERCENT} %",
        seen=[fact.at("/autoscalers"), fact.at("/files")],
        reproduce="kubectl apply --dry-run=server -f MANIFESTS",
        grade=Grade.DECLARED,
    )
    if not fact.autoscalers or faults:
        yield this.fails(*faults)
    elif unclear:
        yield this.not_seen(
            Cause.UNPROVEN, f"{', '.join(unclear)} not among kubernetes.manifests: requests unknown"
        )
    else:
        yield this.holds(*weak)


def _faults(one: DeclaredAutoscaler) -> Iterator[str]:
    if one.api_version != SERVED:
        yield f"{one.api_version}: write it as {SERVED}"
    if one.requests == "missing":
        yield "without resource requests there is no utilisation"
    if one.min_replicas < 1 or one.max_replicas <= one.min_replicas:
        yield "it cannot grow"
    if one.cpu_target_percent is not None and one.cpu_target_percent < 1:
        yield "no target"


def _weaknesses(one: DeclaredAutoscaler) -> Iterator[str]:
    if one.min_replicas < FEWEST:
        yield "a single replica is down while it moves"
    if one.cpu_target_percent is not None and one.cpu_target_percent > HIGHEST_CPU_PERCENT:
        yield f"a target over {HIGHEST_CPU_PERCENT} % leaves no room until new replicas are ready"


def _words(one: DeclaredAutoscaler) -> str:
    cpu = "" if one.cpu_target_percent is None else f" at {one.cpu_target_percent} % CPU"
    return (
        f"{one.origin}: {one.name}, {one.api_version}, {one.scales} {one.min_replicas} to "
        f"{one.max_replicas} by {', '.join(one.watches)}{cpu}, requests {one.requests}"
    )


@judges("metrics_alive")
def metrics_alive(fact: AutoscalerStates) -> Iterator[Finding]:
    """Every autoscaler of the namespace is active, able, and has a value for each metric."""
    this = Case(
        claim="metrics_alive",
        got="; ".join(map(_state, fact.autoscalers)) or f"no autoscaler in {fact.namespace}",
        want="ScalingActive and AbleToScale True, and a current value of each metric",
        seen=[fact.at("/autoscalers")],
        reproduce=f"kubectl -n {fact.namespace} get hpa -o yaml",
        grade=Grade.OBSERVED,
    )
    if not fact.autoscalers:
        yield this.not_seen(Cause.UNPROVEN, "is kubernetes.api.namespace the service's?")
    elif all(map(_alive, fact.autoscalers)):
        yield this.holds()
    else:
        yield this.fails()


def _alive(one: AutoscalerState) -> bool:
    conditions = {one.scaling_active, one.able_to_scale} == {"True"}
    return conditions and bool(one.values) and len(one.values) >= one.watched


def _state(one: AutoscalerState) -> str:
    ends = [f"ScalingActive {one.scaling_active or 'not told'}"]
    ends += [f"AbleToScale {one.able_to_scale or 'not told'}", *one.reasons]
    return f"{one.name}: {', '.join(ends)}, {', '.join(one.values) or 'no value'}"


class Followed(NamedTuple):
    """How the number of replicas followed the steps, seconds."""

    soonest_s: float
    """At least this long after the step that was too much; ``inf`` when they never grew."""

    latest_s: float
    """At most this long after it."""

    settled: bool | None
    """Whether their number came to rest in time; None when that was not seen."""

    watched_s: float
    """How long was watched after the step; 0 when it is not known which that was."""


@judges("scales_under_load")
def scales_under_load(run: StepLoad) -> Iterator[Finding]:
    """Replicas grow soon after the step that is too much, and then come to rest."""
    series = [one for one in run.gauges_named(REPLICAS) if one.t_s and one.values]
    followed = [_followed(run, one) for one in series]
    want = f"more replicas within {QUICK_S:g} s of the step, at rest within {SETTLED_S:g} s of it"
    this = Case(
        claim="scales_under_load",
        got="; ".join(map(_course, series, followed)) or f"no gauge called {REPLICAS}",
        want=want,
        seen=[run.at("/gauges"), run.at("/stages")],
        reproduce=f"{reproduce(run)}; kubectl get hpa --watch",
    )
    unfit = unproven("scales_under_load", run, want)
    if unfit is not None:
        yield unfit
    elif not series:
        yield this.not_seen(Cause.NOT_CONFIGURED, f"add {REPLICAS} to load.gauges, with its query")
    elif any(one.soonest_s > SLOW_S and one.watched_s > SLOW_S for one in followed):
        yield this.fails()
    elif any(one.settled is False for one in followed):
        yield this.fails("they do not come to rest: lengthen the stabilisation window")
    elif any(math.isinf(one.soonest_s) and one.watched_s <= 0 for one in followed):
        yield this.not_seen(Cause.UNPROVEN, _why_not(run))
    elif any(one.latest_s > SLOW_S or one.settled is None for one in followed):
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, "let load.profiles.step last longer")
    elif all(one.latest_s <= QUICK_S for one in followed):
        yield this.holds()
    elif all(one.soonest_s > QUICK_S or one.latest_s <= QUICK_S for one in followed):
        yield this.holds("new replicas come late: quicker start, or a lower target")
    else:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES, f"add {TARGET_SHARE} to load.gauges")


def _why_not(run: StepLoad) -> str:
    if run.gauges_named(TARGET_SHARE):
        return "the target was never exceeded: let load.profiles.step offer more"
    return f"they did not grow; add {TARGET_SHARE} to load.gauges, to see if they should have"


def _followed(run: StepLoad, gauge: Gauge) -> Followed:
    """Measure from the step in which the target was exceeded.

    Where no gauge tells which that was, it is some step before the growth: the last one at the
    soonest, the first one at the latest.
    """
    points = list(zip(gauge.t_s, gauge.values, strict=False))
    changes = [late for (_, before), (late, after) in pairwise(points) if after != before]
    settled, end_s = _settled(run, changes, points[-1][0]), points[-1][0]
    exceeded_s = _exceeded(run)
    if exceeded_s is not None:
        began_s = _step_at(run, exceeded_s)
        delay_s = _grown(points, began_s) - began_s
        return Followed(delay_s, delay_s, settled, end_s - began_s)
    first_s = min((one.start_s for one in run.stages), default=0.0)
    grown_s = _grown(points, first_s)
    if math.isinf(grown_s):
        return Followed(grown_s, grown_s, settled, 0.0)
    return Followed(grown_s - _step_at(run, grown_s), grown_s - first_s, settled, end_s - first_s)


def _grown(points: list[tuple[float, float]], since_s: float) -> float:
    """Return when there were first more than before, *since_s* or later; ``inf`` if never."""
    return next(
        (late for (_, a), (late, b) in pairwise(points) if b > a and late >= since_s), math.inf
    )


def _exceeded(run: StepLoad) -> float | None:
    """Return when what the autoscaler goes by was first over its target, as far as is known."""
    seen = [
        t_s
        for gauge in run.gauges_named(TARGET_SHARE)
        for t_s, value in zip(gauge.t_s, gauge.values, strict=False)
        if value > TOLERANCE
    ]
    return min(seen, default=None)


def _step_at(run: StepLoad, t_s: float) -> float:
    """Return when the step began in which *t_s* lies."""
    return max((one.start_s for one in run.stages if one.start_s <= t_s), default=0.0)


def _settled(run: StepLoad, changes: list[float], end_s: float) -> bool | None:
    """Tell whether each change came in time after a step, and was the last for a while."""
    if any(one - _step_at(run, one) > SETTLED_S for one in changes):
        return False
    return True if changes and end_s - changes[-1] >= REST_S else None


def _course(gauge: Gauge, followed: Followed) -> str:
    span = f"{followed.soonest_s:.0f} to {followed.latest_s:.0f} s"
    if followed.soonest_s == followed.latest_s:
        span = f"{followed.soonest_s:.0f} s"
    grew = f"grew {span} after the step" if math.isfinite(followed.soonest_s) else "never grew"
    rest = {True: "then at rest", False: "not at rest", None: "rest not seen"}[followed.settled]
    return f"{gauge.of}: {gauge.values[0]:g} to {max(gauge.values):g} replicas, {grew}, {rest}"


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DECLARED = DeclaredAutoscalers(
    observed_at=_NOON,
    files=("deployment.yaml", "hpa.yaml"),
    objects=3,
    autoscalers=(
        DeclaredAutoscaler(
            origin="hpa.yaml",
            name="shop",
            api_version=SERVED,
            scales="Deployment/shop",
            min_replicas=2,
            max_replicas=10,
            cpu_target_percent=70,
            watches=("cpu",),
            requests="set",
        ),
    ),
)
STATES = AutoscalerStates(
    observed_at=_NOON,
    namespace="shop",
    autoscalers=(
        AutoscalerState(
            name="shop",
            scaling_active="True",
            able_to_scale="True",
            reasons=(),
            watched=1,
            values=("cpu 43 %",),
        ),
    ),
)
_EACH_S = 300.0
STEPS = like(
    StepLoad,
    seconds=3 * _EACH_S,
    stages=tuple(
        Stage(name=f"step {n + 1}", start_s=_EACH_S * n, seconds=_EACH_S, from_rps=r, to_rps=r)
        for n, r in enumerate((20.0, 40.0, 80.0))
    ),
    gauges=(
        Gauge(
            name=REPLICAS,
            of="deployment=shop",
            t_s=(0.0, 150.0, 300.0, 390.0, 540.0, 700.0, 890.0),
            values=(2.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0),
        ),
        Gauge(
            name=TARGET_SHARE,
            of="hpa=shop",
            t_s=(0.0, 150.0, 330.0, 600.0),
            values=(0.4, 0.5, 1.6, 0.9),
        ),
    ),
)


def removed_version(fact: DeclaredAutoscalers) -> DeclaredAutoscalers:
    """Write it for a version that Kubernetes does not serve any more."""
    return fact.replace(
        autoscalers=tuple(
            replace(one, api_version="autoscaling/v2beta2") for one in fact.autoscalers
        )
    )


def without_requests(fact: DeclaredAutoscalers) -> DeclaredAutoscalers:
    """Leave the requests out."""
    return fact.replace(
        autoscalers=tuple(replace(one, requests="missing") for one in fact.autoscalers)
    )


def no_autoscaler(fact: DeclaredAutoscalers) -> DeclaredAutoscalers:
    """Leave the autoscalers out."""
    return fact.replace(autoscalers=())


def blind(fact: AutoscalerStates) -> AutoscalerStates:
    """Take the metrics server away."""
    return fact.replace(
        autoscalers=tuple(
            replace(one, scaling_active="False", values=()) for one in fact.autoscalers
        )
    )


def stuck(run: StepLoad) -> StepLoad:
    """Keep the replicas as they were at first."""
    return run.replace(
        gauges=tuple(
            replace(one, values=one.values[:1] * len(one.values)) if one.name == REPLICAS else one
            for one in run.gauges
        )
    )


def unwatched(run: StepLoad) -> StepLoad:
    """Watch no replicas."""
    return run.replace(gauges=tuple(one for one in run.gauges if one.name != REPLICAS))


CHECK = Check(
    (configured, metrics_alive, scales_under_load),
    remedy="Declare a HorizontalPodAutoscaler of autoscaling/v2 with 2 replicas at least and CPU "
    "requests on every container; run a metrics server; watch replicas during a step load. Most "
    "replicas times pool size must stay below max_connections (see database.pooling).",
    references=(
        "Kubernetes documentation, Horizontal Pod Autoscaling",
        "Kubernetes Deprecated API Migration Guide, v1.25 and v1.26",
    ),
    good=(DECLARED, STATES, STEPS),
    worsen=(removed_version, without_requests, no_autoscaler, blind, stuck, unwatched),
    thresholds={
        "configured": "autoscaling/v2, 2 replicas, CPU target 80 % (default); 70 % is the "
        "checklist's, which says little for work that waits",
        "metrics_alive": "both conditions True, a value for each metric",
        "scales_under_load": "180 s, 300 s at most, at rest within 600 s (default)",
    },
)
