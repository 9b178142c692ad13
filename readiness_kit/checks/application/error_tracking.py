"""Error tracking: an error reaches the tracker with its labels, whose address is configuration.

>>> CHECK.shows()
{'event_arrives': 'PASS', 'dsn_from_environment': 'PASS'}
>>> CHECK.shows(without_release(CRASH))["event_arrives"]
'WARN'
>>> CHECK.shows(nothing_arrives(CRASH))["event_arrives"]
'FAIL'
>>> CHECK.shows(CRASH.replace(tracker=None))["event_arrives"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.application.error_handling import CRASH as CRASHED
from readiness_kit.facts.environment.error_tracker import ErrorTrackerConfiguration, SampleRate
from readiness_kit.facts.errors.seen import CrashAnswer, CrashSeen
from readiness_kit.facts.errors.tracking import TrackedEvent, TrackerSeen
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

ARRIVES_S = 60.0
"""Default of the kit: whoever is called must not be ahead of the tracker by more."""


@judges("event_arrives")
def judge_arrival(seen: CrashSeen) -> Iterator[Finding]:
    """Every provoked error is listed by the tracker, with environment and release."""
    tracker = seen.tracker
    about = _about(seen.crashes, tracker)
    wanted = tracker.environment if tracker else "production"
    missing = [one.answer.address for one in seen.crashes if not about.get(one.answer.address)]
    found = [event for events in about.values() for event in events]
    mislabelled = [one for one in found if one.environment != wanted]
    case = Case(
        claim="event_arrives",
        got=_said(tracker, len(seen.crashes) - len(missing), len(seen.crashes))
        + "".join(f"; {_labels(one)}" for one in found),
        want=f"an event of each error within {ARRIVES_S:g} s, with environment {wanted!r} and a "
        "release",
        seen=[CrashSeen.at("/tracker"), CrashSeen.at("/crashes")],
        reproduce='curl -sS -H "authorization: Bearer $TRACKER_TOKEN" $EVENTS_URL',
    )
    if tracker is None:
        yield case.not_seen(Cause.UNPROVEN, "say in error_tracking.events_url where to look")
    elif tracker.status != 200 or tracker.reason:
        yield case.not_seen(Cause.COULD_NOT_ASK, "check error_tracking: events_url and token")
    elif not seen.crashes or not all(_crashed(one) for one in seen.crashes):
        yield case.not_seen(Cause.COULD_NOT_ASK, "api.crash_path did not answer with an error")
    elif mislabelled:
        yield case.fails(f"label events with environment {wanted!r}, or declare another one")
    elif missing and not tracker.waited_s >= ARRIVES_S - 1:
        yield case.not_seen(Cause.TOO_FEW_SAMPLES, "there was no time to wait for it: run again")
    elif missing or not 0 <= tracker.waited_s <= ARRIVES_S:
        yield case.fails("see the client's debug output, its sample rate, and the project's quota")
    elif all(one.release for one in found):
        yield case.holds()
    else:
        yield case.holds("set the release: without it nobody sees which one broke it")


def _about(
    crashes: tuple[CrashAnswer, ...], tracker: TrackerSeen | None
) -> dict[str, tuple[TrackedEvent, ...]]:
    """Return the events of each instance's error; an error without an id may be any of the rest."""
    events = tracker.events if tracker else ()
    named = {one.reference for one in crashes if one.reference}
    rest = [one for one in events if one.reference not in named]
    found: dict[str, tuple[TrackedEvent, ...]] = {}
    for one in crashes:
        own = tuple(event for event in events if one.reference and event.reference == one.reference)
        if not one.reference and rest:
            own = (rest.pop(),)
        found[one.answer.address] = found.get(one.answer.address, ()) + own
    return found


def _crashed(one: CrashAnswer) -> bool:
    answer = one.answer
    return not answer.data and (answer.status == 500 or (answer.status == 200 and answer.errors))


def _said(tracker: TrackerSeen | None, arrived: int, provoked: int) -> str:
    if tracker is None:
        return "readiness.yaml does not say where events are read back"
    if tracker.reason:
        return tracker.reason
    return f"{arrived} of {provoked} provoked errors listed after {tracker.waited_s:.1f} s"


def _labels(one: TrackedEvent) -> str:
    release = one.release or "none"
    return f"{one.id[:8]}: environment {one.environment or 'none'}, release {release}"


@judges("dsn_from_environment")
def judge_address(seen: ErrorTrackerConfiguration) -> Iterator[Finding]:
    """The tracker's address is a variable's value, and some traces are sampled."""
    rates = [one.rate for one in seen.sample_rates]
    sampled = [rate for rate in rates if rate is not None]
    wild = [rate for rate in sampled if not 0 <= rate <= 1]
    case = Case(
        claim="dsn_from_environment",
        got=f"{seen.variable} set in {_list(seen.set_in)}, named in {_list(seen.read_in)}; an "
        f"address written in {_list(seen.written_in)}; client started in "
        f"{_list(seen.started_in)} with traces_sample_rate {_rates(seen.sample_rates)}",
        want=f"{seen.variable} set and read, no address in source or manifest, a sample rate "
        "above 0 and at most 1",
        seen=[ErrorTrackerConfiguration.at()],
        reproduce=f"grep -rnE -e {seen.variable} -e 'https?://[0-9a-f]{{16,}}@' $SOURCE",
        grade=Grade.DECLARED,
    )
    if seen.written_in:
        yield case.fails(f"take the address from {seen.variable}; change the key that was shown")
    elif wild:
        yield case.fails("traces_sample_rate is a share: above 0 and at most 1")
    elif not seen.planted or not seen.source_complete or seen.source_files < 1:
        yield case.not_seen(Cause.COULD_NOT_ASK, "the source was not searched as a whole")
    elif not seen.environments_searched:
        yield case.not_seen(Cause.NOT_CONFIGURED, "name application.environment_file")
    elif not seen.set_in:
        yield case.fails(f"set {seen.variable} in the service's environment")
    elif not seen.read_in and not seen.started_in:
        yield case.not_seen(Cause.UNPROVEN, "nothing in the source starts a client by it")
    elif any(rate is None for rate in rates):
        yield case.not_seen(Cause.UNPROVEN, "the sample rate is computed: write it as a number")
    elif sampled and all(rate > 0 for rate in sampled):
        yield case.holds()
    else:
        yield case.holds("set traces_sample_rate above 0: without traces nobody sees what is slow")


def _list(places: tuple[str, ...]) -> str:
    return ", ".join(places) or "no place"


def _rates(rates: tuple[SampleRate, ...]) -> str:
    return ", ".join(f"{one.rate} ({one.where})" for one in rates) or "unset"


CRASH = CRASHED.replace(
    tracker=TrackerSeen(
        status=200,
        before=4,
        events=(
            TrackedEvent(
                id="9c1f", environment="production", release="shop@1.4.0", reference="5f0c"
            ),
        ),
        environment="production",
        waited_s=0.6,
    )
)
CONFIGURATION = ErrorTrackerConfiguration(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    variable="SENTRY_DSN",
    environments_searched=("shop.env",),
    set_in=("shop.env",),
    written_in=(),
    read_in=("shop/settings.py:12",),
    started_in=("shop/tracking.py:8",),
    sample_rates=(SampleRate(where="shop/tracking.py:12", rate=0.1),),
    source_files=31,
    source_complete=True,
    planted=True,
)


def _events(seen: CrashSeen, **changes: object) -> CrashSeen:
    tracker = seen.tracker
    if tracker is None:
        return seen
    events = tuple(replace(one, **changes) for one in tracker.events)
    return seen.replace(tracker=replace(tracker, events=events))


def without_release(seen: CrashSeen) -> CrashSeen:
    """No event has a release."""
    return _events(seen, release="")


def another_environment(seen: CrashSeen) -> CrashSeen:
    """Events are labelled with an environment that nobody declared."""
    return _events(seen, environment="nobody declared this")


def nothing_arrives(seen: CrashSeen) -> CrashSeen:
    """The tracker lists no new event."""
    tracker = seen.tracker
    if tracker is None:
        return seen
    return seen.replace(tracker=replace(tracker, events=(), waited_s=ARRIVES_S))


def tracker_refuses(seen: CrashSeen) -> CrashSeen:
    """The tracker lets nobody read."""
    tracker = seen.tracker
    if tracker is None:
        return seen
    return seen.replace(tracker=replace(tracker, status=403, events=(), reason="answered 403"))


def written_down(seen: ErrorTrackerConfiguration) -> ErrorTrackerConfiguration:
    """The address stands in the source."""
    return seen.replace(written_in=("shop/tracking.py:9",))


def no_traces(seen: ErrorTrackerConfiguration) -> ErrorTrackerConfiguration:
    """No trace is sampled."""
    known = (one for one in seen.sample_rates if one.rate is not None and one.rate >= 0)
    rest = (one for one in seen.sample_rates if one.rate is None or not one.rate >= 0)
    return seen.replace(sample_rates=(*(replace(one, rate=0.0) for one in known), *rest))


def search_is_blind(seen: ErrorTrackerConfiguration) -> ErrorTrackerConfiguration:
    """A planted address is not recognised."""
    return seen.replace(planted=False)


CHECK = Check(
    (judge_arrival, judge_address),
    remedy="Start the tracker's client with the address from SENTRY_DSN, environment, release and "
    "a traces_sample_rate above 0, and let error_tracking.events_url say where to read back.",
    references=(
        "Sentry: List a Project's Error Events",
        "Sentry developer documentation: Envelopes",
        "The Twelve-Factor App, III: config",
    ),
    good=(CRASH, CONFIGURATION),
    worsen=(
        without_release,
        another_environment,
        nothing_arrives,
        tracker_refuses,
        written_down,
        no_traces,
        search_is_blind,
    ),
    thresholds={
        "event_arrives": "listed within 60 s with environment and release; without a release "
        "warns (60 s is a default of the kit)",
        "dsn_from_environment": "by reference, 0 < traces_sample_rate <= 1; 0 or unset warns",
    },
)
