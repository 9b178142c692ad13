"""A run on production that borrows from a signed run on staging, to be cut short while it does."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twodeployments import LENT, TARGET, Deployments, World

from readiness_kit.assessment import Assessment
from readiness_kit.records import sshsig
from readiness_kit.records.signers import AllowedSigners
from readiness_kit.results import Results
from readiness_kit.signoff import lent
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.verdict import Status, Verdict

POINTS = 72
BEGUN = 10
SEALED = 69
HARMLESS = (28, 33, 38, 43, 66)
"""Folders that are there already, and locks that stay."""


def enter(put: Callable[[object, str, object], None]) -> None:
    """Put three sources and one check in place of the real ones; verify without ssh-keygen."""
    deployments = Deployments()
    deployments.enter(put)
    put(sshsig, "ssh_keygen", lambda: None)


def prepare(parent: Path) -> None:
    """Make the four people, and the run on staging that they signed."""
    with pytest.MonkeyPatch.context() as patch:
        World(parent, patch).staging()


def begin(place: Path) -> Results:
    """Run from start to seal in *place*, beside which staging lies."""
    place.mkdir(exist_ok=True)
    text = TARGET.format(environment="production", commit="4f2c", peak=20) + LENT
    for name in ("people/", "policy.json", "staging"):
        text = text.replace(name, f"../{name}")
    (place / "readiness.yaml").write_text(text)
    return _finish(Assessment.open(place / "readiness.yaml", place / "run"))


def go_on(place: Path) -> Results:
    """Resume the run in *place* and seal it."""
    return _finish(Assessment.open(place / "readiness.yaml", resume_from=place / "run"))


def demand(place: Path, results: Results) -> None:
    """Demand the results that a run has which nothing befell, and that what vouches is whole."""
    assert results.verdict is Verdict.UNDECIDED
    passed = {one.id for one in results.claims() if one.status is Status.PASS}
    assert "security.tls.old_versions_refused" in passed
    assert len(results.borrowed) == 1
    run = SealedRun.open(place / "run")
    signers = AllowedSigners.read(place.parent / "people" / "allowed_signers")
    assert list(lent.problems(run, signers)) == []
    assert run.results.finished_at <= datetime.now(UTC)


def _finish(run: Assessment) -> Results:
    with run.gathering():
        run.gather()
    results = run.results()
    run.seal(results)
    return results
