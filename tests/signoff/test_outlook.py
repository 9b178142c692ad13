"""What a signer is told beside the results: changes since the last sign-off, and what ends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sealing import lately, people

from readiness_kit.assessment import Assessment
from readiness_kit.checks.infrastructure.certificates import CHECK
from readiness_kit.contents import ROLES
from readiness_kit.facts.tls.certificates import ServedCertificates
from readiness_kit.reports import sign_off
from readiness_kit.signoff import outlook, policy, sign
from readiness_kit.signoff.sealed import SealedRun

TARGET = (
    "schema: 1\nname: {}\nenvironment: staging\nsignoff: {{allowed_signers: allowed_signers}}\n"
)
RULES = policy.Policy(allow_undecided=True)


class Shop:
    """Runs of one target side by side, and the people who sign them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.team = folder, people(folder)
        policy.write(folder / "policy.json", RULES)
        self.rules = policy.load(folder / "policy.json")

    def run(self, name: str, *, target: str = "shop", facts=()) -> Path:
        file = self.folder / "readiness.yaml"
        file.write_text(TARGET.format(target))
        found = Assessment.open(file, self.folder / "runs" / name)
        for fact in map(lately, facts):
            found.folder.write_fact(fact.fact_id(), fact, seconds=0, cost={})
        found.seal(found.results())
        return found.folder.path

    def sign(self, run: Path, roles=ROLES) -> None:
        for role in roles:
            who, key = self.team.principal(role), self.team.key(role)
            sign.sign(run, role=role, principal=who, key=key, policy=self.rules)


@pytest.fixture
def shop(tmp_path) -> Shop:
    return Shop(tmp_path)


def last(run: Path) -> str:
    found = outlook.last_sign_off(SealedRun.open(run))
    return found.folder.name if found else ""


def test_the_last_sign_off_is_the_newest_run_that_all_four_signed(shop):
    shop.sign(shop.run("a"))
    shop.sign(shop.run("b"))
    shop.sign(shop.run("c"), ROLES[:3])
    shop.sign(shop.run("d", target="other"))
    now = shop.run("e")
    assert last(now) == "b"
    shop.sign(now)
    assert last(now) == "b"


def test_a_withdrawn_signature_is_no_sign_off(shop):
    run = shop.run("a")
    shop.sign(run)
    who, key = shop.team.principal(ROLES[0]), shop.team.key(ROLES[0])
    sign.withdraw(run, role=ROLES[0], principal=who, key=key, reason="no")
    assert last(shop.run("b")) == ""


def test_the_changes_are_named_and_their_absence_as_well(shop):
    first = shop.run("a")
    caption = sign_off.changes_table(SealedRun.open(first)).caption
    assert caption == "No earlier run beside this one was signed by all four roles"
    shop.sign(first)
    good = [one for one in certificates() if one.served]
    table = sign_off.changes_table(SealedRun.open(shop.run("b", facts=good)))
    assert "claims stand otherwise than in" in table.caption
    assert table.rows
    assert {row[0].rpartition(".")[0] for row in table.rows} <= {
        "infrastructure.certificates",
        "infrastructure.load_balancer",
    }
    assert {row[1] for row in table.rows} == {"better"}


def certificates() -> list[ServedCertificates]:
    return [fact for fact in CHECK.good if isinstance(fact, ServedCertificates)]


def test_the_first_end_decides_and_is_named(shop):
    now = datetime.now(UTC)
    fact = lately(certificates()[0])
    soon = now + timedelta(days=3)
    served = fact.served[0]
    chain = tuple(replace(one, not_after=soon) for one in served.chain)
    run = SealedRun.open(
        shop.run("a", facts=[fact.replace(served=(replace(served, chain=chain),))])
    )
    found = outlook.lapses(run, RULES, shop.team.signers, now)
    assert found[0] == (soon, f"a certificate that {served.address} serves")
    assert found[-1] == (now + timedelta(days=30), "a signature made now")
    assert outlook.sign_until(run, RULES) == run.results.started_at + timedelta(days=14)
    table = sign_off.lapses_table(run, now)
    assert f"{outlook.sign_until(run, RULES):%Y-%m-%d}" in table.caption
    assert table.rows[0][1] == found[0].what


def test_the_commands_name_the_signers_of_the_target(shop):
    run = shop.run("a")
    lines = sign_off.commands(Assessment.open(None, replay_from=run).folder)
    assert lines[0].startswith(f"readiness sign {run} --role ROLE --as YOU@EXAMPLE --key KEY")
    assert lines[-1] == f"readiness verify {run} --allowed-signers {shop.team.allowed}"
