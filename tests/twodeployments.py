"""Two deployments of one service, staging and production, and the four people who sign."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sealing import people

from readiness_kit import assessment as rooms
from readiness_kit import judgement
from readiness_kit.assessment import Assessment
from readiness_kit.contents import ROLES
from readiness_kit.facts import Fact
from readiness_kit.facts.callers.identity import Identity
from readiness_kit.facts.host import HostCapacity
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.signoff import policy, sign, verify
from readiness_kit.sources import Visit, source
from readiness_kit.verdict import Check, Finding, holds, judges

COMMIT = "4f2c"
TARGET = """
schema: 1
name: shop
environment: {environment}
release: {{version: '1.2', commit: {commit}}}
objectives: {{peak_rps: {peak}}}
signoff: {{allowed_signers: people/allowed_signers, policy: policy.json}}
"""
LENT = "evidence_from: [{run: staging, for: [load]}]\n"
HALF_LIFE = timedelta(days=1)
"""Of ``security.tls.old_versions_refused``."""


class Carried(Fact, frozen=True, kw_only=True):
    """A fact that takes load."""


@judges("old_versions_refused")
def rule(carried: Carried) -> Iterator[Finding]:
    yield holds("old_versions_refused", got="x", want="y", seen=[carried.at()])


class Deployments:
    """What the two are seen to be, and how often they were asked."""

    def __init__(self) -> None:
        self.visits, self.looks, self.cores, self.commit = 0, 0, 2, COMMIT
        self.seen_at = datetime.now(UTC)

    def enter(self, put: Callable[[object, str, object], None]) -> None:
        """Put three sources and one check in place of the real ones."""

        @source(effect="load", asks="a")
        def load(visit: Visit) -> Carried:
            self.visits += 1
            return Carried(observed_at=self.seen_at)

        @source(effect="read", asks="a")
        def identity(visit: Visit) -> Identity:
            self.looks += 1
            return Identity(
                observed_at=datetime.now(UTC), release=f"1.2 {self.commit}", public_keys=(),
                system_identifier=None, schema_sha256=None, versions=(), unseen={},
            )  # fmt: skip

        @source(effect="read", asks="a")
        def host(visit: Visit) -> HostCapacity:
            return HostCapacity(
                observed_at=datetime.now(UTC), cpus=self.cores, memory_bytes=8 * 10**9, processes=()
            )

        @judges("modern_version_spoken")
        def other(host: HostCapacity) -> Iterator[Finding]:
            yield holds("modern_version_spoken", got="x", want="y", seen=[host.at()])

        check = Check((rule, other), remedy="", references=(), good=())
        for room in (rooms, judgement):
            put(room, "all_checks", lambda: {"security.tls": check})
        found = {Carried: load, Identity: identity, HostCapacity: host}
        put(rooms, "all_sources", lambda: found)


class World(Deployments):
    """Two deployments of one service, and four people who sign."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.folder = folder
        (folder / "people").mkdir()
        self.people = people(folder / "people")
        policy.write(folder / "policy.json", policy.Policy(allow_undecided=True))
        self.policy = policy.load(folder / "policy.json")
        self.enter(patch.setattr)

    def describe(self, environment: str, more: str = "", *, commit: str = COMMIT, peak: int = 20):
        text = TARGET.format(environment=environment, commit=commit, peak=peak) + more
        file = self.folder / f"{environment}.yaml"
        file.write_text(text)
        return file

    def staging(self, *, environment: str = "staging", commit: str = COMMIT, roles=ROLES) -> Path:
        file = self.describe(environment, commit=commit)
        run = Assessment.open(file, self.folder / "staging", allow=("load",))
        run.gather()
        run.seal(run.results())
        for role in roles:
            self.sign(run.folder.path, role)
        return run.folder.path

    def sign(self, run: Path, role: str) -> sign.SignedOff:
        return sign.sign(
            run,
            role=role,
            principal=self.people.principal(role),
            key=self.people.key(role),
            policy=self.policy,
        )

    def production(self, more: str = LENT, **said: object) -> Assessment:
        self.visits, self.cores = 0, 4
        file = self.describe("production", more, **said)
        run = Assessment.open(file, self.folder / "production")
        run.gather()
        return run

    def sealed(self) -> Path:
        """Return a sealed run on production that borrows, signed by all four."""
        self.staging()
        run = self.production()
        run.seal(run.results())
        for role in ROLES:
            self.sign(run.folder.path, role)
        return run.folder.path

    def verify(self, run: Path, signers: AllowedSigners | None = None) -> verify.Verification:
        return verify.verify(run, signers or self.people.signers, self.policy, datetime.now(UTC))
