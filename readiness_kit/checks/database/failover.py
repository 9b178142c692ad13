"""Failover: a writer goes on at the new primary, and nothing that was acknowledged is lost.

>>> CHECK.shows(DRILL)["writer_survives"]
'PASS'
>>> CHECK.shows(two_writers(DRILL))["writer_survives"], CHECK.shows(slow(DRILL))["writer_survives"]
('FAIL', 'WARN')
>>> CHECK.shows(DRILL.replace(rejoined=None))["writer_survives"]
'UNKNOWN'
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from readiness_kit.checks.disaster_recovery.runbooks import PAPERS, takes, without_commands
from readiness_kit.checks.disaster_recovery.runbooks import case as documented
from readiness_kit.facts.drills.failover import FailoverDrill, Stage
from readiness_kit.facts.failover.means import FailoverManager, Manager, Member, WayToPrimary
from readiness_kit.facts.failover.names import Link, NameKept
from readiness_kit.facts.papers.parts import Act, Procedure, RecoveryPapers, Step
from readiness_kit.target import Objectives
from readiness_kit.verdict import Case, Cause, Check, Finding, Grade, judges

GAP_S, LONGEST_GAP_S = 60.0, 300.0
"""Without writing, and up to here a weakness (default)."""

FEWEST = 10
"""Rows that must have been acknowledged before the loss, to say that none is missing."""


@judges("writer_survives")
def writer_survives(drill: FailoverDrill, objectives: Objectives) -> Iterator[Finding]:
    """Writing resumes soon, at one server alone, with what had been acknowledged."""
    gap = "never" if drill.gap_s is None else f"after {drill.gap_s:.1f} s"
    rpo_s = objectives.rpo_minutes * 60
    this = Case(
        claim="writer_survives",
        got=f"writing went on {gap}; {drill.lost} of {drill.acknowledged} acknowledged rows lost "
        f"({drill.lost_s:.1f} s), {drill.acknowledged_after} more at the new primary; the old one "
        f"{_answered(drill)}, servers that take writes: {drill.leaders}, "
        f"{'all as before' if drill.back else 'not as before'} at the end {drill.error}".rstrip(),
        want=f"gap at most {GAP_S:g} s, no row lost with synchronous commit, else at most "
        f"{rpo_s:g} s of them, one server that takes writes",
        seen=[drill.at(path) for path in ("/gap_s", "/lost", "/old_primary", "/leaders", "/back")],
        reproduce="run drills.stop_primary.do, drills.promote and drills.rejoin of readiness.yaml "
        "while rows are inserted; then drills.stop_primary.undo",
    )
    if drill.gap_s is None or not drill.gap_s <= LONGEST_GAP_S:
        yield this.fails("automate promotion, and name all servers in the connection string")
    elif drill.leaders > 1 or drill.old_primary == "leads":
        yield this.fails("two servers take writes: fence the old primary before promoting")
    elif not drill.lost_s <= rpo_s or (drill.synchronous and drill.lost > 0):
        yield this.fails("acknowledged rows are gone: synchronous_standby_names")
    elif drill.rejoined is False or not drill.back:
        yield this.fails("primary and standbys are not as before: put that right first")
    elif drill.error or drill.old_primary == "not_asked" or drill.leaders < 1:
        yield this.not_seen(Cause.COULD_NOT_ASK)
    elif drill.rejoined is None:
        yield this.not_seen(Cause.UNPROVEN, "declare drills.rejoin: an old primary that restarts")
    elif drill.acknowledged < FEWEST or drill.acknowledged_after <= 0:
        yield this.not_seen(Cause.TOO_FEW_SAMPLES)
    elif drill.gap_s > GAP_S:
        yield this.holds(
            "over a minute without writing: promote sooner, reconnect sooner (default)"
        )
    else:
        yield this.holds()


VOTERS = 3
"""Fewest members that can lose one and still agree."""

WELL = frozenset({"running", "streaming", ""})
"""States of a member that speak not against it; one without a state was not asked."""

ASKED_BY_HAND: dict[Manager, str] = {
    "patroni": "curl -fsS $PATRONI/cluster",
    "repmgr": "repmgr -f /etc/repmgr.conf service status; grep failover /etc/repmgr.conf",
    "pg_auto_failover": 'pg_autoctl show state --monitor "$MONITOR"',
    "cloudnative_pg": "kubectl cnpg status $CLUSTER; kubectl -n cnpg-system get lease",
    "rds": "aws rds describe-db-instances; aws rds describe-db-clusters",
}

ACTS: tuple[Act, ...] = ("promote", "fence", "redirect", "rejoin")
FOLLOWING = frozenset({"read-write", "primary"})

ALIAS = "CNAME"
KEPT_S, LONGEST_KEPT_S = 60, 300
"""How long the only host's name may be kept, and up to here a weakness (default)."""


@judges("auto")
def auto(manager: FailoverManager) -> Iterator[Finding]:
    """One leads, all members are well, and enough vote on it."""
    leaders = [one for one in manager.members if one.role in {"leader", "master", "primary"}]
    ill = [f"{one.name} ({one.state})" for one in manager.members if one.state not in WELL]
    this = Case(
        claim="auto",
        got=f"{manager.kind}: {manager.answered} of {manager.asked} answered; "
        f"{len(manager.members)} members lead or may, {len(leaders)} lead, not well: "
        f"{', '.join(ill) or 'none'}; {'paused, ' if manager.paused else ''}"
        f"{manager.down and manager.down + ', '}{_voters(manager)}",
        want=f"one leader, all well, at work, {VOTERS} voters or a managed service",
        seen=[manager.at("/members"), manager.at("/voters")],
        reproduce=ASKED_BY_HAND[manager.kind],
        grade=Grade.OBSERVED,
    )
    if len(leaders) != 1 or not manager.agreed or manager.paused:
        yield this.fails("one member must lead, and the manager must not be paused")
    elif len(manager.members) <= 1 or ill:
        yield this.fails("nobody is there to take over: mend or add a member")
    elif manager.down:
        yield this.fails(manager.down)
    elif manager.answered < manager.asked or any(not one.state for one in manager.members):
        yield this.not_seen(Cause.COULD_NOT_ASK, "a part of it was not asked, or did not answer")
    elif manager.ours is False:
        yield this.not_seen(Cause.UNPROVEN, "no connection string was seen to lead there")
    elif manager.voters is None and not manager.managed:
        yield this.not_seen(Cause.NOT_CONFIGURED, "declare database.voters")
    elif manager.managed or (manager.voters or 0) >= VOTERS:
        yield this.holds()
    else:
        yield this.holds(f"{manager.voters} voters cannot lose one and still agree")


def _voters(manager: FailoverManager) -> str:
    return "managed" if manager.managed else f"{manager.voters or 'no known number of'} voters"


@judges("manual")
def manual(papers: RecoveryPapers) -> Iterator[Finding]:
    """Some procedure says how to promote, fence, redirect and rejoin, each with commands."""
    described = [
        {act for step in one.steps if step.commands > 0 for act in step.acts}
        for paper in papers.papers
        for one in takes(paper, "failover")
    ]
    most = max(described, key=len, default=set())
    missing = [act for act in ACTS if act not in most]
    this = documented(
        papers,
        "manual",
        f"{len(described)} procedures of failover; with commands: "
        f"{', '.join(act for act in ACTS if act in most) or 'nothing'}",
        f"{', '.join(ACTS)}, each with commands",
    )
    if not papers.papers:
        yield this.not_seen(Cause.NOT_CONFIGURED)
    elif missing:
        yield this.fails(f"write down, with commands: {', '.join(missing)}")
    else:
        yield this.holds()


@judges("dsn")
def dsn(way: WayToPrimary) -> Iterator[Finding]:
    """The application reaches whichever server takes writes."""
    name, kept_s = way.name, _kept_s(way)
    attrs = way.target_session_attrs
    this = Case(
        claim="dsn",
        got=f"{way.hosts} hosts, target_session_attrs={attrs or 'any'}, "
        f"{way.leads.replace('_', ' ') or 'nothing else'} declared{_chain(way)}",
        want="several hosts with target_session_attrs=read-write, or a service, pooler or virtual "
        f"address that leads to the primary, or a DNS name that is kept {KEPT_S} s at most",
        seen=[way.at("/hosts"), way.at("/target_session_attrs"), way.at("/leads"), way.at("/name")],
        reproduce="look at host and target_session_attrs in the application's connection string; "
        "dig +trace $HOST",
        grade=Grade.DECLARED,
    )
    if way.hosts > 1 and attrs in FOLLOWING:
        yield this.holds()
    elif way.hosts > 1:
        yield this.fails("without target_session_attrs=read-write it may meet a standby")
    elif way.leads:
        yield this.holds()
    elif way.hosts < 1 or way.literal:
        yield this.fails("it names one server alone: name all of them (manual 32.1.1.3)")
    elif name is None or kept_s is None:
        yield this.not_seen(Cause.COULD_NOT_ASK, "how long its name is kept was not seen")
    elif kept_s > LONGEST_KEPT_S:
        yield this.fails(f"its name is kept {kept_s} s: shorten its time to live, or name all")
    elif name.told_by != "authority":
        yield this.not_seen(Cause.COULD_NOT_ASK, "a cache counts down: dig +norecurse @SERVER")
    elif name.addresses != 1:
        yield this.not_seen(Cause.UNPROVEN, "does each address lead to the primary? name them all")
    elif kept_s > KEPT_S:
        yield this.holds(f"its name is kept {kept_s} s: {KEPT_S} s at most (default)")
    else:
        yield this.holds(*_slow_links(name))


def _kept_s(way: WayToPrimary) -> int | None:
    """Return how soon the chain is asked for again: by its shortest link, of the longer family."""
    links = way.name.links if way.name else ()
    ends = {one.kind for one in links if one.kind != ALIAS} or {ALIAS}
    chains = ([one.ttl_s for one in links if one.kind in (ALIAS, end)] for end in ends)
    return max((min(one) for one in chains if one), default=None)


def _slow_links(name: NameKept) -> Iterator[str]:
    """Yield the links that must stay as they are when the primary changes."""
    for one in name.links:
        if one.ttl_s > LONGEST_KEPT_S:
            yield f"{one.kind} of {one.name} is kept {one.ttl_s} s: change another link"


def _chain(way: WayToPrimary) -> str:
    """Show the chain from the only host's name to its addresses."""
    if way.name is None:
        return ""
    links = ", ".join(f"{one.name} {one.kind} {one.ttl_s} s" for one in way.name.links)
    told = {"authority": "by its zone", "cache": "by a cache, at least"}.get(way.name.told_by, "")
    shown = f"{links} {told}" if links else f"{way.name.name}: {way.name.why}"
    return f"; {shown}, {way.name.addresses} addresses"


def _answered(drill: FailoverDrill) -> str:
    return {
        "down": "is down",
        "follows": "follows",
        "leads": "takes writes",
        "not_asked": "was not asked",
    }[drill.old_primary]


DRILL = FailoverDrill(
    observed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    servers=("db-1.example.com:5432", "db-2.example.com:5432"),
    acknowledged=120,
    lost=0,
    lost_s=0.0,
    acknowledged_after=40,
    gap_s=2.4,
    synchronous=False,
    old_primary="down",
    leaders=1,
    rejoined=True,
    back=True,
    stages=(
        Stage(name="stop", since_s=6.0, until_s=6.4),
        Stage(name="promote", since_s=6.4, until_s=7.9),
        Stage(name="writing_again", since_s=7.9, until_s=8.6),
        Stage(name="rejoin", since_s=9.7, until_s=13.0),
        Stage(name="back", since_s=13.0, until_s=15.1),
    ),
    error="",
)


MANAGER = FailoverManager(
    observed_at=DRILL.observed_at,
    kind="patroni",
    asked=2,
    answered=2,
    members=(
        Member(name="db-1", role="leader", state="running"),
        Member(name="db-2", role="replica", state="streaming"),
    ),
    agreed=True,
    paused=False,
    down="",
    voters=3,
    managed=False,
    ours=None,
)
WAY = WayToPrimary(
    observed_at=DRILL.observed_at,
    hosts=2,
    literal=False,
    name=None,
    target_session_attrs="read-write",
    leads="",
)


def _written() -> RecoveryPapers:
    steps = tuple(Step(line=20, commands=1, acts=(act,)) for act in ACTS)
    one = Procedure(heading="Failover", line=18, ways=("failover",), steps=steps)
    return PAPERS.replace(
        papers=tuple(replace(paper, procedures=(one,)) for paper in PAPERS.papers)
    )


WRITTEN = _written()


def nobody_leads(manager: FailoverManager) -> FailoverManager:
    """Lose the leader."""
    rest = (one for one in manager.members if one.role != "leader")
    return manager.replace(members=tuple(replace(one, role="replica") for one in rest))


def asleep(manager: FailoverManager) -> FailoverManager:
    """Let the manager be at rest."""
    return manager.replace(down="the operator last renewed its lease 3600 s ago")


def one_host(way: WayToPrimary) -> WayToPrimary:
    """Name one server by its address."""
    return way.replace(hosts=1, literal=True, leads="")


def kept_for_a_day(way: WayToPrimary) -> WayToPrimary:
    """Name one server by a name that is kept for a day."""
    link = Link(name="db.example.com", kind="A", ttl_s=86_400)
    name = NameKept(name=link.name, addresses=1, links=(link,), told_by="authority", why="")
    return way.replace(hosts=1, literal=False, leads="", name=name)


def never_again(drill: FailoverDrill) -> FailoverDrill:
    """Let nobody take writes."""
    return drill.replace(gap_s=None, acknowledged_after=0, leaders=0)


def slow(drill: FailoverDrill) -> FailoverDrill:
    """Let it take two minutes."""
    gap_s = drill.gap_s
    return drill.replace(gap_s=None if gap_s is None else max(gap_s, 120.0))


def two_writers(drill: FailoverDrill) -> FailoverDrill:
    """Let the old primary go on taking writes."""
    return drill.replace(old_primary="leads", leaders=2)


def loses_rows(drill: FailoverDrill) -> FailoverDrill:
    """Lose what an hour of writing had acknowledged."""
    return drill.replace(lost=max(1, drill.acknowledged), lost_s=3600.0)


CHECK = Check(
    (writer_survives, auto, manual, dsn),
    remedy="Let a manager promote a standby and fence the old primary, name all servers and "
    "target_session_attrs=read-write in connection strings, and hold the drill each quarter.",
    references=(
        "PostgreSQL manual 26.3, Failover",
        "PostgreSQL manual 32.1.1.3, Specifying Multiple Hosts",
        "PostgreSQL manual, pg_rewind",
    ),
    good=(DRILL, MANAGER, WRITTEN, WAY),
    worsen=(
        never_again,
        slow,
        two_writers,
        loses_rows,
        nobody_leads,
        asleep,
        without_commands,
        one_host,
        kept_for_a_day,
    ),
    thresholds={
        "writer_survives": "gap 60 s, loss 0 or the loss objective (default)",
        "auto": "one leader, members well, manager at work, 3 voters or a managed service",
        "manual": "promote, fence, redirect, rejoin, each with commands",
        "dsn": "several hosts and read-write, or a service, pooler or virtual address; a DNS name: "
        "60 s, to 300 s a weakness (default)",
    },
)
