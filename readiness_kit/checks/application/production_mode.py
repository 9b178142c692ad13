"""Production mode: the service is started in it, cannot be explored, and shows no debugger.

>>> CHECK.shows()
{'environment_named': 'PASS', 'exploration_closed': 'PASS', 'debug_off': 'PASS'}
>>> CHECK.shows(introspection_open(EXPLORATION))["exploration_closed"]
'WARN'
>>> CHECK.shows(page_served(EXPLORATION))["exploration_closed"]
'FAIL'
>>> CHECK.shows(EXPLORATION.replace(controls=()))["exploration_closed"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.application import error_handling
from readiness_kit.facts.api.graphql import Exploration, ExplorationPage, GraphqlAnswer
from readiness_kit.facts.environment.variables import Environment, StartEnvironment
from readiness_kit.facts.errors.seen import Internal, Provocation, ProvokedErrors
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

CLOSED = frozenset({400, 401, 403, 404, 405, 406, 410, 415})
"""Statuses by which a page is not served; redirects are not: they may lead to it."""

GONE = frozenset({403, 404, 410})


@judges("environment_named")
def judge_environment(start: StartEnvironment) -> Iterator[Finding]:
    """Every environment that was read names production, and switches no debugger on."""
    seen = start.environments
    running = bool(seen) and all(one.running for one in seen)
    case = Case(
        claim="environment_named",
        got="; ".join(_environment(one) for one in seen) or "no environment was read",
        want=f"{' or '.join(start.mode_names)} is production, and no debug or test switch is on",
        seen=[StartEnvironment.at(f"/environments/{n}") for n in range(len(seen))],
        reproduce="grep -E '^(FRAISEQL_(ENVIRONMENT|MODE)|.*(DEBUG|TESTING))=' ENVIRONMENT_FILE",
        grade=Grade.OBSERVED if running else Grade.DECLARED,
    )
    if not seen:
        yield case.not_seen(Cause.COULD_NOT_ASK)
    elif all(_in_production(one) for one in seen):
        yield case.holds()
    else:
        yield case.fails("set FRAISEQL_ENVIRONMENT=production: it is the name FraiseQL 0.5 reads")


def _in_production(one: Environment) -> bool:
    return set(one.modes.values()) == {"production"} and not one.switches_on


def _environment(one: Environment) -> str:
    modes = ", ".join(f"{name}={value}" for name, value in one.modes.items()) or "no mode"
    return f"{one.origin}: {modes}" + (
        f", on: {', '.join(one.switches_on)}" * bool(one.switches_on)
    )


@judges("exploration_closed")
def judge_exploration(seen: Exploration) -> Iterator[Finding]:
    """No page explores the API, and the schema is not told to strangers or ordinary callers."""
    asked = (*seen.anonymous, *seen.ordinary)
    told = [one for one in asked if "__schema" in one.filled]
    served = [one for one in seen.pages if one.status == 200 and one.shows == "tool"]
    unclear = [one for one in seen.pages if one not in served and not _closed(one)]
    case = Case(
        claim="exploration_closed",
        got=f"introspection answered {len(told)} of {len(asked)}; "
        f"{len(served)} of {len(seen.pages)} pages are interactive"
        + "".join(f"; {one.path}: {_page(one)}" for one in (*served, *unclear)),
        want="introspection refused and every page 404 or 403, while a plain query is answered",
        seen=[Exploration.at("/anonymous"), Exploration.at("/ordinary"), Exploration.at("/pages")],
        reproduce="curl -sS $URL/graphql -H 'content-type: application/json' "
        """-d '{"query":"{__schema{queryType{name}}}"}'""",
    )
    if served:
        yield case.fails("switch /docs, /redoc, /openapi.json and the playground off")
    elif not (seen.anonymous or seen.ordinary):
        yield case.not_seen(
            Cause.UNPROVEN, "nobody was asked for a schema; declare it not applicable to REST"
        )
    elif not _control(seen) or unclear or not seen.pages:
        yield case.not_seen(Cause.UNPROVEN if _control(seen) else Cause.COULD_NOT_ASK)
    elif not (
        seen.anonymous and seen.ordinary and all(one in told or one.refused for one in asked)
    ):
        yield case.not_seen(Cause.UNPROVEN)
    elif told:
        yield case.holds("close introspection to the public: OWASP GraphQL Cheat Sheet")
    else:
        yield case.holds()


def _control(seen: Exploration) -> bool:
    return bool(seen.controls) and all(one.answered for one in seen.controls)


def _closed(page: ExplorationPage) -> bool:
    return page.status in CLOSED or (page.status == 200 and page.shows == "other")


def _page(page: ExplorationPage) -> str:
    return page.reason or f"{page.status} {page.shows}"


@judges("debug_off")
def judge_debug(seen: ProvokedErrors) -> Iterator[Finding]:
    """Debug routes are not there, no error shows a debugger, no process reloads itself."""
    answers = (*seen.faults, *seen.oddities, *seen.debug_routes)
    shown = [one for one in answers if one.internals]
    open_routes = [one for one in seen.debug_routes if one.status not in (None, *GONE)]
    case = Case(
        claim="debug_off",
        got=f"{len(shown)} of {len(answers)} answers show internals; "
        f"{len(open_routes)} of {len(seen.debug_routes)} debug routes are there; "
        f"{seen.reloaders} of {seen.processes_seen} visible processes reload"
        + "".join(f"; {one.name}: {one.status}" for one in (*shown, *open_routes)),
        want="no stack, path or SQL in any answer; debug routes 404; no reloader",
        seen=[
            ProvokedErrors.at("/faults"),
            ProvokedErrors.at("/debug_routes"),
            ProvokedErrors.at("/reloaders"),
        ],
        reproduce="curl -sS -i $URL/debug; curl -sS -i $URL/__debug__",
    )
    silent = any(one.status is None or one.status == 429 for one in seen.debug_routes)
    if shown or seen.reloaders > 0 or any(_is_open(one) for one in open_routes):
        yield case.fails("never run a reloader or a debugger in production")
    elif silent or open_routes or not seen.debug_routes or not _proven(seen):
        yield case.not_seen(Cause.COULD_NOT_ASK)
    else:
        yield case.holds()


def _is_open(route: Provocation) -> bool:
    return route.status is not None and 200 <= route.status < 300


def _proven(seen: ProvokedErrors) -> bool:
    """Tell whether the service answers, faults were sent, and the search recognises its signs."""
    answered = bool(seen.controls) and all(one.data and not one.errors for one in seen.controls)
    provoked = bool(seen.faults) and any(one.status is not None for one in seen.faults)
    return answered and provoked and bool(seen.planted) and all(seen.planted.values())


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_AT = "192.0.2.1:443"
_REFUSED = GraphqlAnswer(address=_AT, status=403, errors=("The schema is not shown",))
START = StartEnvironment(
    observed_at=_NOW,
    environments=(
        Environment(
            origin="shop.env",
            running=False,
            names=("FRAISEQL_DATABASE_URL", "FRAISEQL_ENVIRONMENT"),
            modes={"FRAISEQL_ENVIRONMENT": "production"},
            switches_on=(),
        ),
    ),
    mode_names=("FRAISEQL_ENVIRONMENT", "FRAISEQL_MODE"),
)
EXPLORATION = Exploration(
    observed_at=_NOW,
    controls=(GraphqlAnswer(address=_AT, status=200, filled=("me",)),),
    anonymous=(_REFUSED,),
    ordinary=(_REFUSED,),
    pages=tuple(
        ExplorationPage(address=_AT, path=path, status=404, shows="other")
        for path in ("/docs", "/redoc", "/openapi.json", "/graphql")
    ),
)
ERRORS = error_handling.ERRORS.replace(processes_seen=2)


def debug_switched_on(start: StartEnvironment) -> StartEnvironment:
    """Switch DEBUG on everywhere."""
    on = (replace(one, switches_on=("DEBUG",)) for one in start.environments)
    return start.replace(environments=tuple(on))


def mode_not_set(start: StartEnvironment) -> StartEnvironment:
    """Set no mode at all."""
    unset = (replace(one, modes={}) for one in start.environments)
    return start.replace(environments=tuple(unset))


def introspection_open(seen: Exploration) -> Exploration:
    """Tell strangers the schema."""
    told = (
        replace(one, status=200, filled=("__schema",), errors=()) if one.refused else one
        for one in seen.anonymous
    )
    return seen.replace(anonymous=tuple(told))


def page_served(seen: Exploration) -> Exploration:
    """Serve an interactive page at every path."""
    return seen.replace(pages=tuple(replace(one, status=200, shows="tool") for one in seen.pages))


def control_fails(seen: Exploration) -> Exploration:
    """Let the plain query fail too."""
    return seen.replace(controls=tuple(replace(one, status=503) for one in seen.controls))


def debugger_answers(seen: ProvokedErrors) -> ProvokedErrors:
    """Let the debug routes answer."""
    routes = (replace(one, status=200) for one in seen.debug_routes)
    return seen.replace(debug_routes=tuple(routes))


def stack_shown(seen: ProvokedErrors) -> ProvokedErrors:
    """Show a stack in every answer to a fault."""
    stack = (Internal("stack", "Traceback (most recent call last)"),)
    return seen.replace(faults=tuple(replace(one, internals=stack) for one in seen.faults))


CHECK = Check(
    (judge_environment, judge_exploration, judge_debug),
    remedy="Start the service with FRAISEQL_ENVIRONMENT=production, close introspection and the "
    "documentation pages, and run it without reloader or debugger.",
    references=("OWASP GraphQL Cheat Sheet", "OWASP ASVS 5.0 §13.4"),
    good=(START, EXPLORATION, ERRORS),
    worsen=(
        debug_switched_on,
        mode_not_set,
        introspection_open,
        page_served,
        control_fails,
        debugger_answers,
        stack_shown,
    ),
    thresholds={
        "environment_named": "production, and no DEBUG or TESTING switch on",
        "exploration_closed": "no interactive page; open introspection alone is a warning",
        "debug_off": "no internals in any answer, debug routes 404 or 403, no reloader",
    },
)
