"""Liveness probe: every container has one with sane timing, and it follows no dependency.

>>> CHECK.shows()
{'configured': 'PASS', 'independent_of_dependencies': 'PASS'}
>>> CHECK.shows(hasty(DECLARED))["configured"]
'FAIL'
>>> CHECK.shows(long_delay(DECLARED))["configured"]
'WARN'
>>> CHECK.shows(DECLARED.replace(workloads=()), RUNNING.replace(workloads=()))["configured"]
'UNKNOWN'
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import replace

from readiness_kit.checks.application.health_endpoints import DRILL
from readiness_kit.checks.application.health_endpoints import GOOD as HEALTH
from readiness_kit.facts import Pointer
from readiness_kit.facts.api.health import HealthAnswers
from readiness_kit.facts.drills.readiness import ReadinessDrill
from readiness_kit.facts.kubernetes.workloads import (
    Container,
    DeclaredWorkloads,
    HealthProbe,
    RunningWorkloads,
    Workload,
)
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

SHORTEST_PERIOD_S = 5
"""Default of the kit: a restart cures nothing faster."""

FEWEST_FAILURES = 2
"""Default of the kit: one slow answer is no reason to restart."""

LONG_DELAY_S = 30
"""Default of the kit: what takes longer to start is better watched by a startup probe."""

STARTUP = "use a startupProbe: initialDelaySeconds delays every detection by its whole length"

Relation = Literal["own", "same", "unclear"]
"""How a liveness probe stands to readiness."""

NOTHING = "no workload was seen"
"""What was got where neither manifests nor the cluster show a container."""


@judges("configured")
def judge_configured(
    declared: DeclaredWorkloads | None, running: RunningWorkloads | None
) -> Iterator[Finding]:
    """Every container has a liveness probe at a port of its own, neither hasty nor slow."""
    found = containers(declared, running)
    wrong = [f"{name}: {why}" for name, one in found for why in _faults(one.liveness)]
    slow = [one for _, one in found if one.liveness and _slow_start(one)]
    case = Case(
        claim="configured",
        got="; ".join([*(f"{name}: {said(one.liveness)}" for name, one in found), *wrong])
        or NOTHING,
        want=f"in every container: a declared port, period >= {SHORTEST_PERIOD_S} s, time-out >= "
        f"1 s and below the period, failureThreshold >= {FEWEST_FAILURES}",
        seen=at(declared, running),
        reproduce="kubectl get deploy,sts,ds -o yaml | grep -A9 livenessProbe",
        grade=Grade.OBSERVED if running else Grade.DECLARED,
    )
    if not found:
        yield case.not_seen(unseen(declared, running), "name the manifests or the cluster")
    elif wrong:
        yield case.fails()
    else:
        yield case.holds(*([STARTUP] if slow else []))


def _faults(probe: HealthProbe | None) -> Iterator[str]:
    if probe is None:
        yield "no liveness probe"
        return
    if not probe.exposed:
        yield "its port is none of the container's"
    if probe.period_s < SHORTEST_PERIOD_S:
        yield f"every {probe.period_s} s is too often"
    if not 1 <= probe.timeout_s < probe.period_s:
        yield f"a time-out of {probe.timeout_s} s does not fit a period of {probe.period_s} s"
    if probe.failure_threshold < FEWEST_FAILURES:
        yield f"{probe.failure_threshold} failure restarts it"


def _slow_start(one: Container) -> bool:
    waits = one.liveness is not None and one.liveness.initial_delay_s >= LONG_DELAY_S
    return waits and one.startup is None


@judges("independent_of_dependencies")
def judge_independent(
    declared: DeclaredWorkloads | None,
    running: RunningWorkloads | None,
    health: HealthAnswers | None,
    drill: ReadinessDrill | None,
) -> Iterator[Finding]:
    """What liveness asks is not what readiness asks, and does not go down with the database."""
    ready = next((one.ready for one in (declared, running) if one), "")
    found = [(name, one, _relation(one, ready)) for name, one in containers(declared, running)]
    same = [one.liveness for _, one, how in found if how == "same" and one.liveness]
    follow = [_follows(path, health, drill) for path in {one.target for one in same}]
    lone = {one.liveness.target for _, one, how in found if how == "own" and one.liveness}
    case = Case(
        claim="independent_of_dependencies",
        got="; ".join(f"{name}: {said(one.liveness)}, {how}" for name, one, how in found)
        + f"; readiness endpoint {ready}; {_shown(follow) if same else 'differs'}"
        if found
        else NOTHING,
        want="a path of its own, apart from readiness",
        seen=[
            *at(declared, running),
            *([HealthAnswers.at("/readiness")] if health else []),
            *([ReadinessDrill.at("/polls")] if drill else []),
        ],
        reproduce="kubectl get deploy,sts,ds -o yaml | grep -A3 -e livenessProbe -e readinessProbe",
        grade=Grade.OBSERVED if running else Grade.DECLARED,
    )
    if True in follow or any(_drilled(path, drill) for path in lone):
        yield case.fails("a restart mends no database: ask nothing outside the process")
    elif not found:
        yield case.not_seen(unseen(declared, running), "name the manifests or the cluster")
    elif None in follow or any(how == "unclear" for _, _, how in found):
        yield case.not_seen(Cause.UNPROVEN, "run the drill of application.health_endpoints")
    else:
        yield case.holds(*(["give liveness a path of its own"] if same else []))


def _relation(one: Container, ready: str) -> Relation:
    """Tell whether the liveness probe of *one* asks what readiness asks."""
    live, other = one.liveness, one.readiness
    if live is None:
        return "unclear"
    if live.how == "tcp":
        return "own"  # whether the port is open depends on the process alone
    twin = other is not None and (live.how, path(live)) == (other.how, path(other))
    if live.how == "exec":
        return "same" if twin or (bool(ready) and ready in live.target) else "unclear"
    known = live.how == "http" and path(live) == ready.rstrip("/")
    return "same" if twin or known else "own"


def _follows(
    target: str, health: HealthAnswers | None, drill: ReadinessDrill | None
) -> bool | None:
    """Tell whether the endpoint at *target* follows the database; None when that was not seen."""
    drilled = _drilled(target, drill)
    if drilled is not None:
        return drilled
    answers = (*health.liveness, *health.readiness) if health else ()
    named = any(one.dependencies for one in answers if one.path == target)
    return True if named else None


def _drilled(target: str, drill: ReadinessDrill | None) -> bool | None:
    """Tell whether *target* failed while the database was cut; None without such a poll."""
    if drill is None:
        return None
    ends = {drill.health: "health", drill.ready: "ready"}
    cuts = [one for one in drill.outages if one.fault == "cut_database"]
    answers = [
        one.status
        for one in drill.polls
        if one.endpoint == ends.get(target)
        and any(cut.since_s <= one.at_s < cut.until_s for cut in cuts)
    ]
    return any(status != 200 for status in answers) if answers else None


def _shown(follow: list[bool | None]) -> str:
    if True in follow:
        return "the shared one follows a dependency"
    return "whether the shared one follows the database was not seen" * (None in follow) or (
        "the shared one follows no dependency"
    )


def containers(
    declared: DeclaredWorkloads | None, running: RunningWorkloads | None
) -> list[tuple[str, Container]]:
    """Return every container with its name, those of the manifests before those of the cluster."""
    return [
        (f"{work.origin} {work.name} {one.name}", one)
        for fact in (declared, running)
        if fact
        for work in fact.workloads
        for one in work.containers
    ]


def unseen(declared: DeclaredWorkloads | None, running: RunningWorkloads | None) -> Cause:
    """Return why there is no container: nobody says where, or there is none where it was said."""
    return Cause.COULD_NOT_ASK if declared or running else Cause.NOT_CONFIGURED


def at(declared: DeclaredWorkloads | None, running: RunningWorkloads | None) -> list[Pointer]:
    """Return pointers to the workloads that were read."""
    seen = [DeclaredWorkloads.at("/workloads")] if declared else []
    return [*seen, RunningWorkloads.at("/workloads")] if running else seen


def path(probe: HealthProbe) -> str:
    """Return what *probe* asks, without what makes no difference to a path."""
    return probe.target.partition("?")[0].rstrip("/") if probe.how == "http" else probe.target


def said(probe: HealthProbe | None) -> str:
    """Return *probe* in words."""
    if probe is None:
        return "none"
    return (
        f"{probe.how} {probe.target}".rstrip()
        + f" after {probe.initial_delay_s} s, every {probe.period_s} s, time-out "
        f"{probe.timeout_s} s, {probe.failure_threshold} failures"
    )


def _http(target: str, **timing: int) -> HealthProbe:
    default = {"initial_delay_s": 0, "period_s": 10, "timeout_s": 2, "failure_threshold": 3}
    return HealthProbe(how="http", target=target, exposed=True, **{**default, **timing})


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTAINER = Container(
    name="shop",
    liveness=_http("/health"),
    readiness=_http("/ready", period_s=5),
    startup=_http("/health", period_s=2, failure_threshold=30),
)
DECLARED = DeclaredWorkloads(
    observed_at=_NOW,
    files=("deployment.yaml",),
    health="/health",
    ready="/ready",
    workloads=(
        Workload(origin="deployment.yaml", name="Deployment/shop", containers=(CONTAINER,)),
    ),
)
RUNNING = RunningWorkloads(
    observed_at=_NOW,
    namespace="shop",
    health="/health",
    ready="/ready",
    workloads=(Workload(origin="cluster", name="Deployment/shop", containers=(CONTAINER,)),),
    replicas=(),
)


def each(fact: DeclaredWorkloads, change: Callable[[Container], Container]) -> DeclaredWorkloads:
    """Return *fact* with every container changed."""
    workloads = (
        replace(work, containers=tuple(map(change, work.containers))) for work in fact.workloads
    )
    return fact.replace(workloads=tuple(workloads))


def _live(one: Container, **changes: object) -> Container:
    return replace(one, liveness=one.liveness and replace(one.liveness, **changes))


def unwatched(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """No container is watched."""
    return each(fact, lambda one: replace(one, liveness=None))


def hasty(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """One failure restarts the container."""
    return each(fact, lambda one: _live(one, failure_threshold=1))


def long_delay(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """The first question is late, and there is no startup probe."""
    return each(fact, lambda one: replace(_live(one, initial_delay_s=60), startup=None))


def ask_readiness(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """Liveness asks what readiness asks."""
    return each(
        fact,
        lambda one: (
            _live(one, target=fact.ready) if one.liveness and one.liveness.how == "http" else one
        ),
    )


def ask_a_script(fact: DeclaredWorkloads) -> DeclaredWorkloads:
    """Liveness asks a script of which nothing is known."""
    return each(fact, lambda one: _live(one, how="exec", target="check.sh"))


CHECK = Check(
    (judge_configured, judge_independent),
    remedy="Give every container a livenessProbe with httpGet on a path that touches nothing "
    "outside the process, periodSeconds 10, timeoutSeconds 2, failureThreshold 3, and a "
    "startupProbe for the time it takes to start.",
    references=(
        "Kubernetes: Configure Liveness, Readiness and Startup Probes",
        "Kubernetes API reference: Probe v1 core",
    ),
    good=(DECLARED, RUNNING, HEALTH, DRILL),
    worsen=(unwatched, hasty, long_delay, ask_readiness, ask_a_script),
    thresholds={
        "configured": "period >= 5 s, 1 s <= time-out < period, failureThreshold >= 2 (defaults "
        "of the kit)",
        "independent_of_dependencies": "a path of its own; one shared with readiness warns where "
        "that follows no dependency",
    },
)
