"""How deep a query may be: a limit there is, and it holds before anything runs."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from readiness_kit.checks.security.authorization.answers import OK, SERVED, WHEN, heard
from readiness_kit.facts.api.graphql import GraphqlAnswer
from readiness_kit.facts.refusals.query_limits import DepthTry, QueryLimits
from readiness_kit.verdict import Case, Cause, Finding, Move, inapplicable, judges

MAX_DEPTH = 15
"""FraiseQL's own standard profile."""

HIGHEST_DEPTH = 50
"""A limit beyond that is none."""

SPEAKS_OF_DEPTH = re.compile(r"deep|depth|nest|complex|cost|too (large|long)", re.IGNORECASE)
"""Words by which an error says that a query asks for too much."""


@judges("depth")
def judge(limits: QueryLimits) -> Iterator[Finding]:
    """Judge the deepest query that was answered, the next one, and a fragment in itself."""
    claim, seen = "depth", [QueryLimits.at("/tries")]
    if not limits.cycle and limits.origin == "introspection":
        got = "the schema has no cycle: no query can be deeper than its types"
        yield inapplicable(claim, got=got, seen=[QueryLimits.at("/cycle")])
        return
    limit = max((one.depth for one in limits.tries if one.answer.executed), default=0)
    refused = min((one.depth for one in limits.tries if one.answer.refused), default=None)

    def case(got: str) -> Case:
        return Case(
            claim=claim,
            got=got,
            want=f"limit <= {MAX_DEPTH}; one deeper refused before it runs; fragment cycle refused",
            seen=seen,
            reproduce='curl -s $URL/graphql -H "authorization: Bearer $TOKEN" '
            '--json \'{"query": "' + _example(limits.cycle) + "\"}'",
        )

    fragment = limits.fragment_cycle
    if fragment and (fragment.filled or fragment.executed or fragment.broke):
        yield case(f"a fragment that contains itself is not refused: {fragment.said}").fails()
    elif lasting := _lasting_harm(limits):
        yield case(
            f"{limits.aliases} aliases in one query end more than that query: {lasting}"
        ).fails()
    elif refused is None and limit >= HIGHEST_DEPTH:
        yield case(f"a query {limit} fields deep is answered").fails()
    elif unclear := _unclear_depth(limits, limit, refused):
        yield case(unclear).not_seen(Cause.COULD_NOT_ASK)
    elif limit > MAX_DEPTH:
        advice = f"answer no query deeper than {MAX_DEPTH} (FraiseQL's standard profile)"
        yield case(f"{limit} deep answered, {refused} refused").holds(advice)
    else:
        this = case(f"{limit} deep answered, {refused} and a fragment cycle refused{_cost(limits)}")
        yield this.holds_and_advises(*_more_limits(limits))


def _lasting_harm(limits: QueryLimits) -> str:
    """Return what the service says, after many aliases, to what it answered before them."""
    sound = limits.before_aliases and all(one.executed for one in limits.before_aliases)
    broken = [one for one in limits.after_aliases if one.refused or one.broke]
    return f"the cheapest one is then answered by {broken[0].said}" if sound and broken else ""


def _unclear_depth(limits: QueryLimits, limit: int, refused: int | None) -> str:
    """Return why nothing can be said of the limit, or nothing."""
    if limits.stopped or not limits.cycle:
        return limits.stopped or "the declared schema has no cycle; the service tells none"
    if not limits.controls or not all(one.executed for one in limits.controls):
        return "a shallow query is not answered afterwards"
    if refused is None or limit != refused - 1:
        return f"no clear limit: {limit} deep answered, refused from {refused}"
    words = "; ".join(
        word for one in limits.tries if one.depth == refused for word in one.answer.errors
    )
    if limit <= len(limits.cycle) and not SPEAKS_OF_DEPTH.search(words):
        return f"{refused} deep is refused, but not for its depth, it seems: {words or 'no error'}"
    if limits.fragment_cycle is None or not limits.fragment_cycle.refused:
        return f"fragment cycle: {heard(limits.fragment_cycle)}"
    more = (limits.statements_refused or 0) - (limits.statements_invalid or 0)
    if more > 0:
        return f"{more} SQL statements ran meanwhile, those of the refused query or of others"
    return ""


def _cost(limits: QueryLimits) -> str:
    if limits.statements_refused is None or limits.statements_invalid is None:
        return "; SQL statements could not be counted"
    return "; no new SQL statement"


def _more_limits(limits: QueryLimits) -> Iterator[str]:
    if limits.aliases_answered:
        yield f"{limits.aliases} aliases in one query are answered: limit them, too (OWASP GraphQL)"
    if limits.batch_answered:
        yield f"a batch of {limits.batch} operations is answered: limit it (OWASP GraphQL)"


def _example(cycle: tuple[str, ...]) -> str:
    names = [name.rpartition(".")[2] for name in cycle]
    return "{ " + " { ".join([*names, "…"]) + " }" * (len(names) + 1)


TOO_DEEP = GraphqlAnswer(address=SERVED, status=400, errors=("deeper than 15",))

LIMITS = QueryLimits(
    observed_at=WHEN,
    origin="introspection",
    cycle=("Query.posts", "Post.author", "Author.latestPost"),
    deepest=HIGHEST_DEPTH,
    tries=(
        *(DepthTry(depth=depth, answer=OK) for depth in (2, 4, 8, 12, 14, 15)),
        DepthTry(depth=16, answer=TOO_DEEP),
    ),
    fragment_cycle=replace(TOO_DEEP, errors=("cannot spread fragment within itself",)),
    controls=(OK,),
    statements_refused=0,
    statements_invalid=0,
    statements_executed=4,
    aliases=100,
    aliases_answered=False,
    before_aliases=(OK,),
    after_aliases=(OK,),
    batch=10,
    batch_answered=False,
)


def answer_any_depth(fact: QueryLimits) -> QueryLimits:
    """However deep, it is answered."""
    return fact.replace(tries=(*fact.tries[:1], DepthTry(depth=HIGHEST_DEPTH, answer=OK)))


def raise_limit(fact: QueryLimits) -> QueryLimits:
    """The limit is 16."""
    return fact.replace(
        tries=tuple(replace(one, depth=one.depth + (one.depth >= MAX_DEPTH)) for one in fact.tries)
    )


def follow_fragments(fact: QueryLimits) -> QueryLimits:
    """A fragment may contain itself."""
    return fact.replace(fragment_cycle=OK)


def harm_lastingly(fact: QueryLimits) -> QueryLimits:
    """After many aliases nothing is answered any more."""
    broken = tuple(replace(one, status=500) for one in fact.after_aliases)
    return fact.replace(after_aliases=broken)


def go_silent(fact: QueryLimits) -> QueryLimits:
    """The shallow query is not answered."""
    return fact.replace(controls=(replace(OK, status=None, filled=()),))


WORSEN: tuple[Move, ...] = (
    answer_any_depth,
    raise_limit,
    follow_fragments,
    harm_lastingly,
    go_silent,
)
