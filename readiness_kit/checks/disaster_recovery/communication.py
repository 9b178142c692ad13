"""Communication: who is told, where callers look, and what is said, all ready beforehand.

>>> list(CHECK.shows().values())
['PASS', 'PASS', 'PASS', 'PASS']
>>> CHECK.shows(page_gone(PAGE))["status_page"], CHECK.shows(nothing_prepared(PLAN))["customers"]
('FAIL', 'FAIL')
>>> CHECK.shows(PAGE.replace(public=False))["status_page_separate"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from readiness_kit.facts.papers.parts import CommunicationPlan, Message, PaperDates, StatusPage
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

OLD_DAYS = 365
"""How old the list may be (default)."""

STUB_WORDS = 25
"""A document of fewer words says nothing (default)."""

QUICK_S = 5.0
"""Time in which a status page answers (default)."""

MOMENTS = ("start", "update", "end")
"""When of an incident a message is due (default)."""

NO_PAGE = "no status page is declared"


@judges("stakeholders")
def stakeholders(plan: CommunicationPlan) -> Iterator[Finding]:
    """A list with owner says who is told how, and a message lies ready."""
    latest = plan.dates.latest
    age = None if latest is None else (plan.observed_at - latest).days
    this = _of_plan(
        plan,
        "stakeholders",
        f"{plan.stakeholders} told, owner {plan.owner or 'not named'}, {len(plan.messages)} "
        f"messages, looked through {'?' if age is None else age} days ago",
        f"a list with owner and a message, looked through in {OLD_DAYS} days",
        "/stakeholders",
    )
    if plan.stakeholders < 1 or not plan.messages or plan.words < STUB_WORDS:
        yield this.fails("list who is told and how, under the heading Stakeholders, with a message")
    elif age is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "add a line: Reviewed: YYYY-MM-DD")
    elif age > OLD_DAYS:
        yield this.fails()
    else:
        yield this.holds(*([] if plan.owner else ["nobody is named as the owner of the list"]))


@judges("status_page")
def answers(page: StatusPage) -> Iterator[Finding]:
    """The page is there and tells a state."""
    this = _of_page(
        page,
        "status_page",
        f"{page.status or page.problem} in {page.answered_s:.1f} s, states: "
        f"{', '.join(page.states) or 'none'}"
        if page.url
        else NO_PAGE,
        f"200 with a state within {QUICK_S:g} s",
        "/status",
        grade=Grade.MEASURED,
    )
    if page.status != HTTPStatus.OK or not page.states or not page.answered_s >= 0:
        yield this.fails("declare it as communication.status_page" if not page.url else "mend it")
    elif page.answered_s <= QUICK_S:
        yield this.holds()
    else:
        yield this.holds("it is slower than callers in need will wait")


@judges("status_page_separate")
def separate(page: StatusPage) -> Iterator[Finding]:
    """What takes the service down leaves the page up."""
    shared = set(page.addresses) & set(page.service_addresses)
    this = _of_page(
        page,
        "status_page_separate",
        f"{page.canonical or 'no page'} at {', '.join(page.addresses) or 'no address'}; the "
        f"service {page.service_host} at {', '.join(page.service_addresses) or 'no address'}"
        if page.url
        else NO_PAGE,
        "another host, other addresses, and a company that hosts status pages",
        "/canonical",
        grade=Grade.OBSERVED,
    )
    if not page.url:
        yield this.fails("there is no status page")
    elif not page.addresses or not page.service_addresses or not page.public:
        yield this.not_seen(Cause.UNPROVEN, "addresses that are not public tell nothing: attest it")
    elif shared or page.host == page.service_host:
        yield this.fails("move it to another provider: it goes down with the service")
    elif page.provider:
        yield this.holds()
    else:
        yield this.not_seen(Cause.UNPROVEN, "who hosts it cannot be told from outside: attest it")


@judges("customers")
def customers(plan: CommunicationPlan) -> Iterator[Finding]:
    """A message for each part of an incident waits to be filled in."""
    ready = {one.moment for one in plan.messages if one.placeholders > 0}
    this = _of_plan(
        plan,
        "customers",
        f"{len(plan.messages)} messages: {', '.join(one.moment for one in plan.messages) or '-'}",
        "one each for start, update and end, with places to fill in",
        "/messages",
    )
    if ready.issuperset(MOMENTS):
        yield this.holds()
    elif plan.messages:
        missing = [one for one in MOMENTS if one not in ready]
        yield this.holds(f"no message with places to fill in for: {', '.join(missing)}")
    else:
        yield this.fails()


def _of_plan(plan: CommunicationPlan, claim: str, got: str, want: str, path: str) -> Case:
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[plan.at(path), plan.at("/messages")],
        reproduce=f"less {plan.file}",
        grade=Grade.DOCUMENTED,
    )


def _of_page(page: StatusPage, claim: str, got: str, want: str, path: str, *, grade: Grade) -> Case:
    return Case(
        claim=claim,
        got=got,
        want=want,
        seen=[page.at(path), page.at("/addresses")],
        reproduce=f"curl -sSv '{page.url}'; dig {page.host} {page.service_host}",
        grade=grade,
    )


_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = CommunicationPlan(
    observed_at=_NOON,
    file="communication.md",
    words=130,
    dates=PaperDates(reviewed_on=_NOON - timedelta(days=30), changed_at=None, ignored_commits=0),
    stakeholders=4,
    owner="product-owner@example.com",
    messages=(
        Message(line=20, moment="start", placeholders=3),
        Message(line=24, moment="update", placeholders=3),
        Message(line=28, moment="end", placeholders=3),
    ),
)
PAGE = StatusPage(
    observed_at=_NOON,
    url="https://status.example.com/",
    status=200,
    answered_s=0.2,
    states=("operational",),
    problem="",
    host="status.example.com",
    canonical="k3.stspg-customer.com",
    provider="stspg-customer.com",
    addresses=("13.33.1.9",),
    service_host="api.example.com",
    service_addresses=("93.184.215.14",),
    public=True,
)


def list_empty(plan: CommunicationPlan) -> CommunicationPlan:
    """Name nobody who is to be told."""
    return plan.replace(stakeholders=0)


def nothing_prepared(plan: CommunicationPlan) -> CommunicationPlan:
    """Take every message away."""
    return plan.replace(messages=())


def page_gone(page: StatusPage) -> StatusPage:
    """Answer with 404."""
    return page.replace(status=404)


def page_beside_the_service(page: StatusPage) -> StatusPage:
    """Serve the page from the service's own host."""
    return page.replace(
        addresses=page.service_addresses, host=page.service_host, canonical=page.service_host
    )


CHECK = Check(
    (stakeholders, answers, separate, customers),
    remedy="Keep a list of who is told and how, with an owner and a date; rent a status page from "
    "another provider, and write the messages for start, update and end beforehand.",
    references=(
        "Google SRE book, chapter 14, Managing Incidents",
        "NIST SP 800-61 rev. 2, 2.3.4: sharing information with outside parties",
    ),
    good=(PLAN, PAGE),
    worsen=(list_empty, nothing_prepared, page_gone, page_beside_the_service),
    thresholds={
        "stakeholders": "a list with owner and message, 365 days (default)",
        "status_page": "200 with a state in 5 s (default)",
        "status_page_separate": "another provider and other addresses, or attested",
        "customers": "start, update and end (default)",
    },
)
