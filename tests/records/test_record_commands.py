"""``readiness waive`` and ``readiness attest``: what they write counts in the next run, or is not written."""

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sealing import people

from readiness_kit.assessment import Assessment
from readiness_kit.commands import terminal
from readiness_kit.commands.attest import command as attest_command
from readiness_kit.commands.waive import command as waive_command
from readiness_kit.errors import IntegrityError, UsageError
from readiness_kit.records import sshsig
from readiness_kit.reports.html import html
from readiness_kit.target import Objectives
from readiness_kit.verdict import Status

SIZING = "pre_deployment.sizing.minimum"
CACHE = "pre_deployment.sizing.redis"
TRAINED = "final_verification.team_training.trained"
TARGET = """schema: 1
name: shop
environment: staging
auth: {token: env:NOT_SET_ANYWHERE}
waivers: waivers/
attestations: attestations/
signoff: {allowed_signers: allowed_signers}
"""


def day(days: int) -> str:
    return f"{datetime.now(UTC).date() + timedelta(days=days)}"


class Team:
    """Four people, and a target whose records they sign."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people = people(folder / "keys")
        self.file = folder / "readiness.yaml"
        self.file.write_text(TARGET)
        shutil.copy(self.people.allowed, folder / "allowed_signers")

    def call(self, command, *words: str, role: str = "operations_lead", **options: str):
        given = {
            "target": str(self.file),
            "until": day(7),
            "as": self.people.principal(role),
            "key": str(self.people.key(role)),
            **options,
        }
        argv = [*words, *(f"--{name}={value}" for name, value in given.items())]
        done = CliRunner().invoke(command, argv, standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done

    def waive(self, *words: str, **options: str):
        given = {
            "reason": "two more cores on Monday",
            "ticket": "OPS-1",
            "requester": "dev@x.invalid",
        }
        return self.call(waive_command, *words, **{**given, **options})

    def attest(self, *words: str, **options: str):
        return self.call(attest_command, *words, **{"statement": "six of six", **options})

    def written(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*/*.json"))


@pytest.fixture
def team(tmp_path, monkeypatch) -> Team:
    (tmp_path / "keys").mkdir()
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)
    monkeypatch.chdir(tmp_path)
    return Team(tmp_path)


def run(team: Team):
    team.file.write_text(TARGET.replace("auth: {token: env:NOT_SET_ANYWHERE}\n", ""))
    return Assessment.open(team.file).results()


def test_a_waiver_counts_in_the_next_run(team):
    done = team.waive(SIZING)
    assert done.stdout.strip() == str(team.folder / "waivers" / f"{SIZING}.json")
    found = {claim.id: claim for claim in run(team).claims()}
    assert found[SIZING].waived
    assert found[SIZING].waiver == (
        f"two more cores on Monday (OPS-1, operations-lead@example.invalid, until {day(7)})"
    )
    assert not found[CACHE].waived


def test_renewals_are_counted_and_shown(team):
    team.waive(SIZING)
    assert "renewal number 1" in team.waive(SIZING).stderr
    assert run(team).item("pre_deployment.sizing").claims[0].waiver.endswith("renewed once)")
    team.waive(SIZING)
    assert run(team).item("pre_deployment.sizing").claims[0].waiver.endswith("renewed 2 times)")


def test_an_attestation_counts_in_the_next_run(team):
    document = team.folder / "drill.md"
    document.write_text("who was there")
    team.attest(TRAINED, document=str(document))
    claim = next(one for one in run(team).claims() if one.id == TRAINED)
    assert claim.status is Status.ATTESTED
    text = (team.folder / "attestations" / f"{TRAINED}.json").read_text()
    assert hashlib.sha256(b"who was there").hexdigest() in text


def test_a_waiver_of_what_is_not_red_is_named(team, capsys):
    team.waive(SIZING, CACHE)
    team.file.write_text(
        TARGET.replace("auth: {token: env:NOT_SET_ANYWHERE}\n", "")
        + f"not_applicable: [{{item: {CACHE}, reason: no cache, by: ops@example.invalid}}]\n"
    )
    found = Assessment.open(team.file).results()
    assert found.needless_waivers == (CACHE,)
    terminal.print_results(found)
    assert f"waiver no longer needed: {CACHE}" in capsys.readouterr().err
    page = html(found, lambda _: (), Objectives())
    assert f"Waivers no longer needed: {CACHE}" in page


def test_several_claims_at_once(team):
    team.waive(SIZING, CACHE, SIZING)
    assert team.written() == [f"{SIZING}.json", f"{CACHE}.json"]


@pytest.mark.parametrize(
    ("words", "options", "error", "message"),
    [
        ((SIZING,), {"until": day(15)}, UsageError, "14 days at most"),
        ((SIZING,), {"until": day(-1)}, UsageError, "it ended on"),
        ((SIZING,), {"requester": "Operations-Lead@example.invalid"}, UsageError, "same person"),
        ((SIZING,), {"role": "security_lead"}, IntegrityError, "may not sign"),
        ((SIZING,), {"as": "else@example.invalid"}, IntegrityError, "may not sign"),
        (("database.parameters.durability_on",), {}, UsageError, "cannot be waived"),
        (("no.such.claim",), {}, UsageError, "no such claim"),
        (("../../x",), {}, UsageError, "no such claim"),
        ((SIZING, "no.such.claim"), {}, UsageError, "no such claim"),
    ],
)
def test_what_would_not_count_is_not_written(team, words, options, error, message):
    with pytest.raises(error, match=message):
        team.waive(*words, **options)
    assert team.written() == []


def test_only_attestable_claims_are_attested(team):
    with pytest.raises(UsageError, match="cannot be attested"):
        team.attest(SIZING)
    assert team.written() == []


@pytest.mark.parametrize(
    ("line", "message"),
    [("waivers: waivers/\n", "no folder of waivers"), ("signoff:", "does not say who may sign")],
)
def test_a_target_without_a_place_or_signers(team, line, message):
    kept = [one for one in TARGET.splitlines(keepends=True) if not one.startswith(line)]
    team.file.write_text("".join(kept))
    with pytest.raises(UsageError, match=message):
        team.waive(SIZING)


def test_days_are_days(team):
    with pytest.raises(Exception, match="write YYYY-MM-DD"):
        team.waive(SIZING, until="tomorrow")
    assert team.written() == []


@pytest.mark.parametrize("name", ["--x", "-Y", ";id", "$(id)", "a\nb", "a b", "`id`", "*"])
def test_names_are_no_options_and_no_commands(team, monkeypatch, need, name):
    """Names reach ssh-keygen as arguments that are names."""
    program = need("ssh-keygen")
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: program)
    folder = team.folder / name
    folder.mkdir()
    key = folder / name
    shutil.copy(team.people.key("operations_lead"), key)
    key.chmod(0o600)
    monkeypatch.chdir(folder)
    team.waive(SIZING, key=name if not name.startswith("-") else f"./{name}", reason=name)
    assert run(team).item("pre_deployment.sizing").claims[0].waiver.startswith(f"{name} (OPS-1")
    with pytest.raises((UsageError, IntegrityError)):
        team.waive(SIZING, **{"as": name})
