"""Stops the primary at once under a writer, has a standby promoted, and puts all back."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from readiness_kit.drills import canary
from readiness_kit.drills.undo import SWITCH_S, broken, declared, run
from readiness_kit.errors import NotSeen
from readiness_kit.facts.drills.failover import Answered, FailoverDrill, Stage
from readiness_kit.probes.database.session import Server, parameters, servers
from readiness_kit.sources import Visit, source
from readiness_kit.target import Drills

BEFORE_S = 1.0
"""How long the writer writes before the primary is stopped, and to the new one."""

FEWEST = 10
"""Rows that must have been acknowledged before anything is stopped."""

LONGEST_GAP_S = 310.0
"""Longest wait for the new primary: a little over the limit of a warning."""

FOLLOWS_S = 120.0
"""Longest wait for the old primary to follow, and for all to be as before."""

_POLL_S = 0.05


class _Role(NamedTuple):
    answered: Answered
    ids: frozenset[int]


@source(
    effect="drill",
    drill="failover",
    asks="writes about 20 rows a second; stops the primary of the database at once, has a standby "
    "promoted, rejoins the old primary, and puts all back: two short outages of writing",
    deadline_s=900,
    exclusive=("load", "target"),
)
def failover_drill(visit: Visit) -> FailoverDrill:
    """Write, stop the primary, promote, rejoin, put back, compare.

    Raises:
        NotSeen: The means are not declared, or writing failed before.

    """
    declared(visit, "stop_primary")
    with canary.table(visit):
        return _Drill(visit).hold()


class _Drill:
    """What is done, in order."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._means: Drills = visit.target.drills
        self._servers = _servers(visit)
        self._writer = canary.Writer(visit)
        self._stages: list[Stage] = []
        self._error = ""
        self._lost_at_s = 0.0
        self._old: _Role = _Role("not_asked", frozenset())
        self._new_ids: frozenset[int] = frozenset()
        self._leaders = 0
        self._rejoined: bool | None = None

    def hold(self) -> FailoverDrill:
        """Hold the drill."""
        with self._writer as writer:
            self._wait(lambda: len(writer.acknowledged) >= FEWEST, 10 * BEFORE_S)
            self._wait(lambda: False, BEFORE_S)
            if len(writer.acknowledged) < FEWEST:
                raise NotSeen(
                    f"only {len(writer.acknowledged)} rows were acknowledged before anything was "
                    f"stopped: {' '.join(writer.errors[:1])}",
                    hint="check drills.dsn",
                )
            synchronous = self._synchronous()
            first = writer.acknowledged[0].port
            self._servers.sort(key=lambda one: one.port != first)
            began_s = time.monotonic()
            with broken(self._visit, "stop_primary") as when:
                self._stages.append(self._stage("stop", began_s))
                with self._noted():
                    self._fail_over(first)
                writer.stop()
                if not self._error:
                    with self._noted():
                        self._rejoin()
        self._stages.append(self._stage("back", when[0].mending_s, when[0].until_s))
        back = self._is_back()
        return self._fact(first, synchronous=synchronous, back=back)

    def _fail_over(self, first: int) -> None:
        self._lost_at_s = began_s = time.monotonic()
        self._visit.step("promote a standby" if self._means.promote else "wait for a new primary")
        if self._means.promote:
            run("drills.promote", self._means.promote, SWITCH_S)
            self._stages.append(self._stage("promote", began_s))
        promoted_s = time.monotonic()
        self._visit.step("wait until rows are acknowledged again")
        self._wait(lambda: self._since(first) > 0, LONGEST_GAP_S)
        if not self._since(first):
            raise NotSeen(f"nobody took writes within {LONGEST_GAP_S:g} s")
        self._stages.append(self._stage("writing_again", promoted_s))
        self._wait(lambda: False, BEFORE_S)
        self._old = self._ask(self._servers[0])

    def _rejoin(self) -> None:
        """Read what the new primary has, and have the old one follow it."""
        with canary.connect(self._visit) as connection:
            self._new_ids = canary.ids(connection)
        if not self._means.rejoin:
            self._leaders = sum(one.answered == "leads" for one in self._all())
            return
        self._visit.step("rejoin the old primary")
        began_s = time.monotonic()
        self._rejoined = False
        run("drills.rejoin", self._means.rejoin, SWITCH_S)
        self._wait(self._follows, FOLLOWS_S)
        self._rejoined = self._follows()
        self._stages.append(self._stage("rejoin", began_s))
        self._leaders = sum(one.answered == "leads" for one in self._all())

    def _follows(self) -> bool:
        old = self._ask(self._servers[0])
        return old.answered == "follows" and old.ids == self._new_ids

    def _is_back(self) -> bool:
        """Wait until the first server leads alone, and all have every row."""
        self._visit.step("wait until all is as before")

        def as_before() -> bool:
            first, *others = self._all()
            follow = all(one == _Role("follows", first.ids) for one in others)
            return first.answered == "leads" and follow and first.ids >= self._new_ids

        self._wait(as_before, FOLLOWS_S)
        return as_before()

    def _fact(self, first: int, *, synchronous: bool, back: bool) -> FailoverDrill:
        writer = self._writer
        old = [one for one in writer.acknowledged if one.port == first]
        new = [one for one in writer.acknowledged if one.port != first]
        kept = [one.at_s for one in old if one.id in self._new_ids]
        last_s = old[-1].at_s
        return FailoverDrill(
            servers=tuple(f"{one.host}:{one.port}" for one in self._servers),
            acknowledged=len(old),
            lost=len(old) - len(kept),
            lost_s=round(last_s - max(kept, default=writer.began_s), 3),
            acknowledged_after=sum(one.id in self._new_ids for one in new),
            gap_s=round(new[0].at_s - last_s, 3) if new else None,
            synchronous=synchronous,
            old_primary=self._old.answered,
            leaders=self._leaders,
            rejoined=self._rejoined,
            back=back,
            stages=tuple(self._stages),
            error=self._error,
            observed_at=datetime.now(UTC),
        )

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep why the drill could not go on: what is broken is put back all the same."""
        try:
            yield
        except (NotSeen, psycopg.Error) as error:
            _ = self._visit.remaining_s
            self._error = str(getattr(error, "message", error)).strip()[:300]

    def _since(self, first: int) -> int:
        return sum(one.port != first for one in self._writer.since(self._lost_at_s))

    def _synchronous(self) -> bool:
        with canary.connect(self._visit) as connection:
            row = connection.execute("SHOW synchronous_standby_names").fetchone()
            commit = connection.execute("SHOW synchronous_commit").fetchone()
        return bool(row and row[0]) and commit not in (("off",), ("local",))

    def _all(self) -> list[_Role]:
        return [self._ask(one) for one in self._servers]

    def _ask(self, server: Server) -> _Role:
        """Ask one server alone for its role and its rows."""
        secret = self._means.dsn
        params = parameters(secret) if secret else {}
        alone = {"host": server.host, "port": str(server.port), "connect_timeout": "3"}
        dsn = make_conninfo(**{**params, **alone, "target_session_attrs": "any"})
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                return _Role("follows" if row == (True,) else "leads", canary.ids(connection))
        except psycopg.Error:
            return _Role("down", frozenset())

    def _stage(
        self,
        name: Literal["stop", "promote", "writing_again", "rejoin", "back"],
        since_s: float,
        until_s: float | None = None,
    ) -> Stage:
        zero_s = self._writer.began_s
        end_s = time.monotonic() if until_s is None else until_s
        return Stage(
            name=name, since_s=round(since_s - zero_s, 3), until_s=round(end_s - zero_s, 3)
        )

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not done():
            _ = self._visit.remaining_s
            time.sleep(_POLL_S)


def _servers(visit: Visit) -> list[Server]:
    """Return the servers that ``drills.dsn`` names.

    Raises:
        NotSeen: There are fewer than two, or it follows no primary.

    """
    secret = visit.target.drills.dsn
    params = parameters(secret) if secret else {}
    found = list(servers(params))
    if len(found) > 1 and params.get("target_session_attrs") in ("read-write", "primary"):
        return found
    raise NotSeen(
        "drills.dsn names no second server, or has no target_session_attrs=read-write",
        cause="not_configured",
        hint="name primary and standbys in drills.dsn, and target_session_attrs=read-write",
    )
