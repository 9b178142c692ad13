import json
import random
import re
import shutil
import subprocess
from datetime import UTC, datetime, time, timedelta
from itertools import count, islice
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from sealing import ENDED, SIGNED, People, judged_run, people, results, seal

from readiness_kit.commands.schema import command as schema_command
from readiness_kit.commands.sign import command as sign_command
from readiness_kit.commands.verify import command as verify_command
from readiness_kit.contents import ROLES
from readiness_kit.errors import IntegrityError, ReadinessError, Unsignable, UsageError
from readiness_kit.evidence import canonical, manifest
from readiness_kit.evidence.folder import StoredFact
from readiness_kit.facts.tls.certificates import Certificate, ServedCertificates, ServedChain
from readiness_kit.records import signers, sshsig, waivers
from readiness_kit.signoff import machine, policy, quorum, sign, verify
from readiness_kit.signoff.policy import Policy
from readiness_kit.signoff.record import Terms
from readiness_kit.signoff.sealed import SealedRun
from readiness_kit.signoff.sign import withdraw
from readiness_kit.signoff.statement import namespace_of
from readiness_kit.verdict import Cause, Status, Verdict

UNSEEN = {"status": Status.UNKNOWN, "cause": Cause.NOT_ALLOWED}
FAILED = {"status": Status.FAIL}
UNASKED = {"cause": "could_not_ask", "reason": "no answer", "hint": ""}
TLS = "security.tls.old_versions_refused"


@pytest.fixture(scope="module")
def team(tmp_path_factory) -> People:
    return people(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signed_run(tmp_path_factory, team) -> Path:
    run = seal(tmp_path_factory.mktemp("run"), results())
    for role in ROLES:
        team.sign(run, role)
    return run


@pytest.fixture
def run(signed_run, tmp_path) -> Path:
    """A copy of the signed run that a test may damage."""
    return shutil.copytree(signed_run, tmp_path / "copy")


@pytest.fixture
def alone(monkeypatch) -> None:
    """Only our own verifier, as where ssh-keygen is not installed."""
    monkeypatch.setattr(sshsig, "ssh_keygen", lambda: None)


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def allow_undecided(folder: Path) -> policy.Pinned:
    policy.write(folder / "policy.json", Policy(allow_undecided=True))
    return policy.load(folder / "policy.json")


def test_four_signatures_make_a_go(run, team, need):
    need("ssh-keygen")
    found = team.verify(run)
    assert found.problems == ()
    assert (found.verdict, found.exit_code) == (Verdict.GO, 0)
    assert {one.tools for one in found.signatures} == {("readiness-kit", "ssh-keygen")}
    assert found.valid_until == SIGNED + timedelta(days=30)


def test_it_holds_without_ssh_keygen(run, team, alone):
    found = team.verify(run)
    assert found.exit_code == 0
    assert {one.tools for one in found.signatures} == {("readiness-kit",)}


def test_stock_tools_agree(run, team, need):
    need("ssh-keygen")
    need("sha256sum")

    def sums() -> int:
        argv = ("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")
        return subprocess.run(argv, cwd=run, capture_output=True, check=False).returncode

    def signature(role: str) -> int:
        file = run / "signoff" / f"{role}.json"
        argv = ("ssh-keygen", "-Y", "verify", "-f", team.allowed, "-I", team.principal(role))
        more = ("-n", namespace_of(role), "-s", f"{file}.sig")
        return subprocess.run(
            (*argv, *more), input=file.read_bytes(), capture_output=True, check=False
        ).returncode

    assert sums() == 0
    assert [signature(role) for role in ROLES] == [0, 0, 0, 0]
    for role in ROLES:
        file = run / "signoff" / f"{role}.json"
        file.write_bytes(file.read_bytes().replace(b"GO", b"NO"))
    (run / "facts" / "tls_offer.json").write_bytes(b"[]")
    assert sums() != 0
    assert 0 not in [signature(role) for role in ROLES]


def test_the_statement_is_in_toto(run):
    statement = json.loads((run / "signoff" / "security_lead.json").read_bytes())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert statement["subject"] == [
        {"name": "SHA256SUMS", "digest": {"sha256": manifest.check(run).sha256}}
    ]
    predicate = statement["predicate"]
    assert predicate["timeCreated"] == "2026-11-20T13:00:00.123456Z"
    assert predicate["verifier"]["id"] == "mailto:security-lead@example.invalid"
    assert "READINESS_KIT_VERDICT_GO" in predicate["properties"]


def by_in_toto(data: bytes):
    """Read a statement by the in-toto project's own library, which refuses unknown fields."""
    pytest.importorskip("in_toto_attestation")
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    read = Statement.copy_from_pb(json_format.Parse(data, statement_pb2.Statement()))
    read.validate()
    return read.pb


def test_the_library_of_in_toto_reads_it(run, team, alone):
    read = by_in_toto((run / "signoff" / "security_lead.json").read_bytes())
    assert dict(read.subject[0].digest) == {"sha256": manifest.check(run).sha256}
    assert read.predicate_type == "https://in-toto.io/attestation/svr/v0.2"
    assert read.predicate["verifier"]["id"] == "mailto:security-lead@example.invalid"
    gone = by_in_toto(take_back(team, run, "security_lead").read_bytes())
    assert gone.predicate_type == "urn:readiness-kit:withdrawal:1"
    assert gone.predicate["reason"] == "TLS was changed by hand"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda run: (run / "facts/tls_offer.json").write_bytes(b"[]"),
            "tls_offer.json has changed",
        ),
        (lambda run: (run / "facts/tls_offer.json").unlink(), "tls_offer.json is missing"),
        (lambda run: (run / "facts/new.json").write_bytes(b"{}"), "new.json is additional"),
        (lambda run: (run / "facts/link").symlink_to("tls_offer.json"), "is a link or a device"),
        (lambda run: (run / "SHA256SUMS").unlink(), "holds no SHA256SUMS"),
        (
            lambda run: (run / "signoff/product_owner.json").unlink(),
            "product_owner: has not signed",
        ),
        (lambda run: (run / "signoff/product_owner.json.sig").unlink(), "sig is missing"),
        (
            lambda run: shutil.copy(
                run / "signoff/security_lead.json", run / "signoff/product_owner.json"
            ),
            "product_owner: the statement is not what the run says",
        ),
        (
            lambda run: shutil.copy(
                run / "signoff/security_lead.json.sig", run / "signoff/product_owner.json.sig"
            ),
            "product_owner: signed as",
        ),
        (lambda run: shutil.rmtree(run / "signoff"), "security_lead: has not signed"),
        (lambda run: as_folder(run / "signoff/product_owner.json"), "no regular file"),
        (lambda run: as_folder(run / "signoff/product_owner.json.sig"), "no regular file"),
        (lambda run: as_folder(run / "results.json"), "results.json is missing"),
    ],
)
def test_damage_is_named(run, team, alone, damage, words):
    damage(run)
    found = team.verify(run)
    assert found.exit_code == 4
    assert words in "; ".join(found.problems)


def test_a_resealed_run_is_another_run(run, team, alone):
    (run / "facts" / "tls_offer.json").write_bytes(b"[]")
    (run / "SHA256SUMS").unlink()
    manifest.write(run)
    found = team.verify(run)
    assert found.exit_code == 4
    assert all("signed another run" in problem for problem in found.problems)


def test_no_byte_can_change(run, team, alone):
    """10,000 mutants of statement, signature, manifest, results and a fact: all refused, no crash."""
    dice, sealed, pinned = random.Random(6), SealedRun.open(run), policy.load(None)
    role, allowed = ROLES[0], team.signers
    statement = run / "signoff" / f"{role}.json"
    terms = Terms(run=sealed, signers=allowed, policy=pinned, at=SIGNED)

    def role_holds() -> object:
        return quorum.verify_role(terms, role)

    files = (
        (statement, role_holds, 4200),
        (statement.with_name(f"{role}.json.sig"), role_holds, 4200),
        (run / "SHA256SUMS", lambda: manifest.check(run), 1200),
        (run / "results.json", lambda: manifest.check(run), 300),
        (run / "facts" / "tls_offer.json", lambda: manifest.check(run), 300),
    )
    tried = 0
    for file, holds, n in files:
        original = file.read_bytes()
        assert holds()
        for mutant in islice(mutants(dice, original), n):
            file.write_bytes(mutant)
            with pytest.raises(IntegrityError):
                holds()
            tried += 1
        file.write_bytes(original)
        assert holds()
    assert tried >= 10_000


def test_ssh_keygen_agrees_on_a_sample(run, team, need):
    """No mutant that one verifier refuses holds because the other was not asked."""
    need("ssh-keygen")
    dice, role = random.Random(7), ROLES[0]
    statement = run / "signoff" / f"{role}.json"
    argv = ["ssh-keygen", "-Y", "verify", "-f", team.allowed, "-I", team.principal(role)]
    argv += ["-n", namespace_of(role), "-s", f"{statement}.sig"]
    original = statement.read_bytes()
    for mutant in islice(mutants(dice, original), 40):
        statement.write_bytes(mutant)
        done = subprocess.run(argv, input=mutant, capture_output=True, check=False)
        assert done.returncode != 0
        assert team.verify(run).exit_code == 4


def test_whole_verification_never_crashes(run, team, alone):
    dice = random.Random(8)
    for file in sorted(path for path in run.rglob("*") if path.is_file()):
        original = file.read_bytes()
        for mutant in islice(mutants(dice, original), 12):
            file.write_bytes(mutant)
            assert team.verify(run).exit_code == 4
        file.write_bytes(original)
    assert team.verify(run).exit_code == 0


def mutants(dice: random.Random, data: bytes):
    for number in count():
        at = number * 7919 % len(data)
        kind = dice.randrange(4)
        if kind == 0:
            mutant = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
        elif kind == 1:
            mutant = data[:at] + bytes([dice.randrange(256)]) + data[at:]
        elif kind == 2:
            mutant = data[:at] + data[at + 1 + dice.randrange(3) :]
        else:
            mutant = data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
        if mutant != data:
            yield mutant


def test_one_person_twice(run, team, alone, tmp_path):
    one, other = "security_lead", "operations_lead"
    name = team.principal(one)
    text = team.allowed.read_text().replace(team.principal(other), name.upper())
    team.sign(run, other, principal=name.upper(), replace=True)
    allowed = signers.AllowedSigners.parse(text.encode())
    found = verify.verify(run, allowed, policy.load(None), SIGNED)
    assert found.exit_code == 4
    assert "were signed by one person" in "; ".join(found.problems)


def test_one_key_under_two_names(run, team, alone):
    one, other = "security_lead", "operations_lead"
    lines = dict(zip(ROLES, team.allowed.read_text().splitlines(), strict=True))
    key = lines[one].split()[-1]
    lines[other] = lines[other].replace(lines[other].split()[-1], key)
    team.sign(run, other, key=team.key(one))
    allowed = signers.AllowedSigners.parse("\n".join(lines.values()).encode())
    found = verify.verify(run, allowed, policy.load(None), SIGNED)
    assert found.exit_code == 4
    assert "were signed with one key" in "; ".join(found.problems)


def test_a_role_is_no_other_role(run, team, alone):
    before = (run / "signoff" / "product_owner.json").read_bytes()
    with pytest.raises(Unsignable, match="has signed as product_owner already"):
        team.sign(run, "product_owner", principal=team.principal("security_lead"))
    assert (run / "signoff" / "product_owner.json").read_bytes() == before
    team.sign(run, "product_owner", principal=team.principal("security_lead"), replace=True)
    found = team.verify(run)
    assert found.exit_code == 4
    assert "may not sign as product-owner@signoff.readiness-kit" in found.problems[0] + "".join(
        found.problems
    )


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (SIGNED - timedelta(minutes=5), None),
        (SIGNED - timedelta(minutes=5, seconds=1), "signed in the future"),
        (SIGNED + timedelta(days=30) - timedelta(seconds=1), None),
        (SIGNED + timedelta(days=30), "expired"),
    ],
)
def test_time_limits(signed_run, team, alone, at, words):
    found = team.verify(signed_run, at)
    assert found.exit_code == (4 if words else 0)
    assert (words or "") in "; ".join(found.problems)


@pytest.mark.parametrize(
    ("signed_at", "words"),
    [
        (ENDED - timedelta(seconds=1), "signed before the run ended"),
        (ENDED + timedelta(days=14, seconds=1), "too old when it was signed"),
        (SIGNED.replace(tzinfo=None), "has no zone"),
    ],
)
def test_a_forged_time_of_signing(run, team, alone, signed_at, words):
    file = run / "signoff" / "security_lead.json"
    old = b'"timeCreated":"2026-11-20T13:00:00.123456Z"'
    new = b'"timeCreated":' + msgspec.json.encode(signed_at)
    data = file.read_bytes().replace(old, new)
    file.write_bytes(data)
    armored = sshsig.sign(
        data, team.key("security_lead"), namespace_of("security_lead"), tool="cryptography"
    ).armored
    file.with_name("security_lead.json.sig").write_bytes(armored)
    found = team.verify(run, at=signed_at.replace(tzinfo=UTC) + timedelta(days=1))
    assert words in "; ".join(found.problems)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (results({TLS: FAILED}, verdict=Verdict.NO_GO), "NO-GO"),
        (results({TLS: UNSEEN}, verdict=Verdict.UNDECIDED), "UNDECIDED"),
        (
            results(complete=False, incomplete_reasons=("02_security crashed",)),
            "02_security crashed",
        ),
    ],
)
def test_unsignable(tmp_path, team, found, words):
    run = seal(tmp_path / "run", found)
    with pytest.raises(Unsignable, match=words):
        team.sign(run, "security_lead")
    assert not (run / "signoff").exists()
    assert words in "; ".join(team.verify(run).problems)


@pytest.mark.parametrize(
    "found",
    [
        results({TLS: FAILED}),
        results({TLS: UNSEEN}),
        msgspec.structs.replace(results(), items=results().items[1:]),
        msgspec.structs.replace(results(), items=results().items + results().items[:1]),
        msgspec.structs.replace(results(), items=()),
    ],
)
def test_a_run_that_contradicts_itself(tmp_path, team, found):
    run = seal(tmp_path / "run", found)
    with pytest.raises(IntegrityError):
        team.sign(run, "security_lead")
    assert team.verify(run).exit_code == 4


def test_parts_of_two_runs_are_no_run(tmp_path):
    run = seal(tmp_path / "run", results())
    asked = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_bytes(canonical.dumps(asked | {"run_id": "another"}))
    reseal(run)
    with pytest.raises(IntegrityError, match="of different runs"):
        SealedRun.open(run)


def test_a_run_ended_at_a_time_of_a_zone(tmp_path, team):
    run = seal(tmp_path / "run", results(finished_at=ENDED.replace(tzinfo=None)))
    with pytest.raises(IntegrityError, match="has no zone"):
        SealedRun.open(run)
    assert team.verify(run).exit_code == 4


def test_a_claim_that_stands_twice(tmp_path):
    item = results().items[0]
    twice = msgspec.structs.replace(item, claims=item.claims + item.claims[:1])
    run = seal(tmp_path / "run", results(items=(twice, *results().items[1:])))
    with pytest.raises(IntegrityError, match="stands twice"):
        SealedRun.open(run)


def test_age_at_signing(signed_run, team):
    with pytest.raises(Unsignable, match="began 15 days ago"):
        team.sign(signed_run, "security_lead", now=ENDED + timedelta(days=15))
    with pytest.raises(Unsignable, match="in the future"):
        team.sign(signed_run, "security_lead", now=ENDED - timedelta(seconds=1))


def test_unsealed(tmp_path, team):
    with pytest.raises(Unsignable, match="cut short"):
        team.sign(tmp_path, "security_lead")


def test_undecided_where_the_policy_allows(tmp_path, team, alone):
    run = seal(tmp_path / "run", results({TLS: UNSEEN}, verdict=Verdict.UNDECIDED))
    lenient = allow_undecided(tmp_path)
    for role in ROLES:
        done = team.sign(run, role, policy=lenient)
        assert done.statement.predicate.readiness_kit.unseen == (TLS,)
    assert team.verify(run, by=lenient).exit_code == 3
    strict = team.verify(run)
    assert strict.exit_code == 4
    assert "under another policy" in "; ".join(strict.problems)


def test_a_waived_claim_needs_its_waiver(tmp_path, team, alone):
    claim = "pre_deployment.sizing.minimum"
    changed = results({claim: {**FAILED, "waived": True}})
    bare = seal(tmp_path / "bare", changed)
    run = tmp_path / "run"
    (run / "waivers").mkdir(parents=True)
    begun = changed.started_at
    waiver = waivers.Waiver(
        target="shop",
        environment="staging",
        claim=claim,
        reason="two more cores arrive on Monday",
        ticket="OPS-1",
        requester="engineering-lead@example.invalid",
        approver=team.principal("operations_lead"),
        granted_at=begun - timedelta(days=1),
        until=begun.date() + timedelta(days=3),
    )
    data = canonical.dumps(waiver)
    name = "operations-lead@waivers.readiness-kit"
    signature = sshsig.sign(data, team.key("operations_lead"), name).armored
    (run / "waivers" / f"{claim}.json").write_bytes(data)
    (run / "waivers" / f"{claim}.json.sig").write_bytes(signature)
    seal(run, changed)
    for role in ROLES:
        team.sign(run, role)
        team.sign(bare, role)
    found = team.verify(run)
    assert (found.exit_code, found.waived) == (0, (claim,))
    ended = datetime.combine(waiver.until + timedelta(days=1), time.min, UTC)
    assert found.valid_until == ended
    assert found.valid_until_because == f"the waiver of {claim}"
    assert team.verify(run, ended).exit_code == 4
    assert team.verify(bare).problems == (f"{claim} counts by waiver, but no waiver of it holds",)


@pytest.mark.parametrize(
    "text",
    [
        b'{"schema":"readiness-kit/policy/1","roles":["security_lead"]}',
        b'{"schema":"readiness-kit/policy/1","roles":[]}',
        b'{"schema":"readiness-kit/policy/1","valid_days":31}',
        b'{"schema":"readiness-kit/policy/1","evidence_days":15}',
        b'{"schema":"readiness-kit/policy/1","allow_no_go":true}',
        b'{"schema":"readiness-kit/policy/1","schema":"readiness-kit/policy/1"}',
        b"",
    ],
)
def test_policies_refused(tmp_path, text):
    (tmp_path / "policy.json").write_bytes(text)
    with pytest.raises(IntegrityError):
        policy.load(tmp_path / "policy.json")


def test_the_schema_of_a_policy(tmp_path):
    from jsonschema import Draft202012Validator

    done = CliRunner().invoke(schema_command, ["policy"])
    validator = Draft202012Validator(json.loads(done.stdout))
    assert validator.is_valid(json.loads(canonical.dumps(Policy())))
    assert not validator.is_valid({"valid_days": 31})
    assert not validator.is_valid({"allow_no_go": True})


def test_usage(signed_run, team, tmp_path):
    with pytest.raises(UsageError, match="no role"):
        team.sign(signed_run, "chief")
    with pytest.raises(UsageError, match="names nobody"):
        team.sign(signed_run, "security_lead", principal="-oops")
    with pytest.raises(UsageError, match="no key file"):
        team.sign(signed_run, "security_lead", key=tmp_path / "none")


def test_signing_twice_is_warned_of(run, team, alone):
    name, key = team.principal("security_lead"), team.key("security_lead")
    assert team.sign(run, "security_lead").warnings == ()
    found = team.sign(
        run, "operations_lead", principal=name.upper(), key=key, replace=True
    ).warnings
    assert [one.split(" has signed")[0] for one in found] == [name.upper(), "this key"]
    (run / "signoff" / "security_lead.json").write_bytes(b"{}")
    assert team.sign(run, "operations_lead", replace=True).warnings == ()


def take_back(team, run, role, when=SIGNED, **more):
    given = {"role": role, "principal": team.principal(role), "key": team.key(role)}
    return withdraw(run, **{**given, "reason": "TLS was changed by hand", "now": when, **more})


def test_a_signature_is_withdrawn_and_given_again(run, team, alone):
    take_back(team, run, "security_lead", SIGNED + timedelta(minutes=1))
    found = team.verify(run)
    assert found.exit_code == 4
    name = team.principal("security_lead")
    words = f"security_lead: {name} withdrew the signature: TLS was changed by hand"
    assert found.problems == (words,)
    team.sign(run, "security_lead", now=SIGNED + timedelta(minutes=2))
    assert team.verify(run).exit_code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s | {"predicate": s["predicate"] | {"runId": "another"}}, "another run"),
        (lambda s: s | {"predicate": s["predicate"] | {"role": "product_owner"}}, "no withdrawal"),
        (lambda s: s | {"subject": []}, "another run"),
        (lambda s: s | {"predicate": s["predicate"] | {"reason": "else"}}, "not over this content"),
        (lambda s: s | {"predicateType": "urn:readiness-kit:withdrawal:2"}, "no Statement"),
    ],
)
def test_a_forged_withdrawal_says_what_is_wrong(run, team, alone, change, words):
    path = take_back(team, run, "security_lead")
    path.write_bytes(canonical.dumps(change(json.loads(path.read_bytes()))))
    found = team.verify(run)
    assert found.exit_code == 4
    assert words in found.problems[0]


def test_a_withdrawal_needs_a_reason_and_a_whole_run(run, team):
    with pytest.raises(UsageError, match="needs a reason"):
        take_back(team, run, "security_lead", reason=" ")
    (run / "facts" / "tls_offer.json").unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        take_back(team, run, "security_lead")


def test_a_policy_pins_the_signers(tmp_path, team, alone):
    run = seal(tmp_path / "run", results())
    policy.write(tmp_path / "p.json", Policy(allowed_signers_sha256=team.signers.sha256))
    pinned = policy.load(tmp_path / "p.json")
    for role in ROLES:
        team.sign(run, role, policy=pinned)
    assert team.verify(run, by=pinned).exit_code == 0
    more = signers.AllowedSigners.parse(team.allowed.read_bytes() + b"# a comment\n")
    found = verify.verify(run, more, pinned, SIGNED)
    assert found.exit_code == 4
    assert "allowed_signers is another one" in found.problems[0]


def served(until: datetime) -> bytes:
    """The fact of a certificate that ends at *until*."""
    one = Certificate(
        subject="CN=api",
        issuer="CN=ca",
        names=("api.example.invalid",),
        not_before=ENDED - timedelta(days=60),
        not_after=until,
        key="EC",
        key_bits=256,
        digest="sha256",
        sha256="0" * 64,
        key_sha256="0" * 64,
    )
    chain = ServedChain(address="127.0.0.1:443", outcome="served", chain=(one,), trusted=True)
    fact = ServedCertificates(
        observed_at=ENDED, host="api", port=443, authority="ca.pem", served=(chain,)
    )
    value = msgspec.to_builtins(fact)
    stored = StoredFact(
        schema="readiness-kit/fact/1", fact=fact.fact_id(), seconds=0, cost={}, value=value
    )
    return canonical.dumps(stored)


@pytest.mark.parametrize(
    ("ends", "holds_until", "because"),
    [
        (timedelta(days=90), SIGNED + timedelta(days=30), "the signature of "),
        (timedelta(days=10), ENDED + timedelta(days=10), "a certificate that 127.0.0.1:443 serves"),
        (-timedelta(days=1), SIGNED + timedelta(days=30), "the signature of "),
    ],
)
def test_a_certificate_ends_the_sign_off(tmp_path, team, alone, ends, holds_until, because):  # noqa: PLR0917
    run = tmp_path / "run"
    (run / "facts").mkdir(parents=True)
    (run / "facts" / "served_certificates.json").write_bytes(served(ENDED + ends))
    seal(run, results())
    for role in ROLES:
        team.sign(run, role)
    found = team.verify(run)
    assert (found.exit_code, found.valid_until) == (0, holds_until)
    assert found.valid_until_because.startswith(because)
    assert team.verify(run, holds_until - timedelta(seconds=1)).exit_code == 0
    over = team.verify(run, holds_until)
    assert over.exit_code == 4
    assert "ended at" in over.problems[0] or "expired at" in over.problems[0]


def test_who_may_sign_no_longer_ends_the_sign_off(run, team, alone):
    """A line of allowed_signers that ends before the signature does."""
    ends = SIGNED + timedelta(days=3)
    text = team.allowed.read_text()
    first = text.partition("\n")[0]
    limited = first.replace(" namespaces=", f' valid-before="{ends:%Y%m%d%H%M%SZ}",namespaces=')
    allowed = signers.AllowedSigners.parse(text.replace(first, limited).encode())
    found = verify.verify(run, allowed, policy.load(None), SIGNED)
    assert (found.exit_code, found.valid_until) == (0, ends.replace(microsecond=0))
    assert found.valid_until_because == f"the signature of {ROLES[0]}"
    later = verify.verify(run, allowed, policy.load(None), ends + timedelta(seconds=1))
    assert "may not sign" in later.problems[0]


def test_a_damaged_certificate_fact_is_refused(tmp_path, team, alone):
    run = tmp_path / "run"
    (run / "facts").mkdir(parents=True)
    data = served(ENDED).replace(b'"port":443', b'"port":"443"')
    (run / "facts" / "served_certificates.json").write_bytes(data)
    seal(run, results())
    assert "served_certificates.json cannot be read" in team.verify(run).problems[0]


def reseal(run: Path) -> None:
    (run / "SHA256SUMS").unlink()
    manifest.write(run)
    (run / "signoff" / machine.NAME).unlink(missing_ok=True)


def sign_all(run: Path, team: People, rules: policy.Pinned) -> verify.Verification:
    for role in ROLES:
        team.sign(run, role, policy=rules, now=datetime.now(UTC))
    return team.verify(run, datetime.now(UTC), rules)


def test_facts_are_judged_again(tmp_path, team, alone):
    run = judged_run(tmp_path)
    found = sign_all(run, team, allow_undecided(tmp_path))
    assert (found.problems, found.not_rejudged, found.exit_code) == ((), "", 3)
    stored = SealedRun.open(run).results
    assert sum(one.status is Status.PASS for one in stored.claims()) > 10


def test_results_that_do_not_follow_from_the_facts(tmp_path, team, alone, monkeypatch):
    """Four people signed them with another tool, and yet nobody saw what they say."""
    run = judged_run(tmp_path)
    plain = json.loads((run / "results.json").read_bytes())
    claim = next(one for item in plain["items"] for one in item["claims"] if one["id"] == TLS)
    assert claim["status"] == "PASS"
    claim |= {"status": "WARN"}
    (run / "results.json").write_bytes(canonical.dumps(plain))
    reseal(run)
    with pytest.raises(IntegrityError, match="do not follow from the facts"):
        sign_all(run, team, allow_undecided(tmp_path))
    monkeypatch.setattr(sign, "demand_judged", lambda run: "")
    found = sign_all(run, team, allow_undecided(tmp_path))
    assert found.exit_code == 4
    assert found.problems == (f"{TLS}: results.json says WARN, the facts PASS",)


def test_a_fact_that_was_mended_after_judging(tmp_path, team, alone, monkeypatch):
    run = judged_run(tmp_path)
    fact = run / "facts" / "tls_offer.json"
    plain = json.loads(fact.read_bytes())
    fact.write_bytes(canonical.dumps(plain | {"value": None, "unseen": UNASKED}))
    reseal(run)
    with pytest.raises(IntegrityError, match="do not follow from the facts"):
        sign_all(run, team, allow_undecided(tmp_path))
    monkeypatch.setattr(sign, "demand_judged", lambda run: "")
    found = sign_all(run, team, allow_undecided(tmp_path))
    assert found.exit_code == 4
    assert f"{TLS}: results.json says PASS, the facts UNKNOWN" in found.problems


@pytest.mark.parametrize(
    "junk", [b"", b"[]", b"{}", b"null", b"\xff", b'{"a":1}', b'{"a":1,"a":2}']
)
def test_junk_that_was_sealed_does_not_crash(tmp_path, team, alone, junk):
    run = judged_run(tmp_path)
    names = ("run.json", "results.json", "target.redacted.json", "journal.jsonl")
    facts = [f"facts/{path.name}" for path in sorted((run / "facts").iterdir())]
    for name in (*names, *facts, "waivers/x.json", "allowed_signers"):
        path = run / name
        original = path.read_bytes() if path.exists() else None
        path.write_bytes(junk)
        reseal(run)
        assert team.verify(run, datetime.now(UTC)).exit_code == 4
        path.write_bytes(original) if original is not None else path.unlink()


def test_another_kit_does_not_judge_again(tmp_path, team, alone):
    run = judged_run(tmp_path)
    for name in ("run.json", "results.json"):
        plain = json.loads((run / name).read_bytes())
        (run / name).write_bytes(canonical.dumps(plain | {"kit_version": "0.0.1"}))
    reseal(run)
    found = sign_all(run, team, allow_undecided(tmp_path))
    assert found.exit_code == 3
    assert found.not_rejudged.startswith("it was judged by version 0.0.1")


def test_the_commands(tmp_path, team):
    now = datetime.now(UTC)
    run = seal(tmp_path / "run", results(started_at=now - timedelta(minutes=9), finished_at=now))
    runner = CliRunner()

    def call(command, *argv):
        return runner.invoke(command, [str(one) for one in argv], standalone_mode=False)

    for role in ROLES:
        argv = ("--role", role, "--as", team.principal(role), "--key", team.key(role))
        assert "--unjudged takes" in str(call(sign_command, run, *argv).exception)
        done = call(sign_command, run, *argv, "--unjudged")
        assert done.exception is None
        assert done.stdout.strip() == str(run / "signoff" / f"{role}.json")
        assert "GO" in done.stderr
    done = call(verify_command, run, "--allowed-signers", team.allowed)
    assert done.return_value == 0
    assert re.search(r"GO: the sign-off holds until \d{4}-", done.stdout)
    done = call(verify_command, run, "--allowed-signers", team.allowed, "--json")
    assert json.loads(done.stdout)["verdict"] == "GO"
    digest = team.signers.sha256
    pins = ("--allowed-signers-sha256", digest, "--policy-sha256", policy.load(None).sha256)
    done = call(verify_command, run, "--allowed-signers", team.allowed, *pins)
    assert done.return_value == 0
    for pin in pins[::2]:
        done = call(verify_command, run, "--allowed-signers", team.allowed, pin, "0" * 64)
        assert "another one than that which is pinned" in str(done.exception)
    argv = ("--role", ROLES[0], "--as", team.principal(ROLES[0]), "--key", team.key(ROLES[0]))
    done = call(sign_command, run, *argv, "--withdraw", "the release was changed")
    assert done.stderr.startswith(f"{team.principal(ROLES[0])} withdrew")
    assert call(verify_command, run, "--allowed-signers", team.allowed).return_value == 4
    call(sign_command, run, *argv, "--unjudged")
    argv = ("--role", ROLES[1], "--as", team.principal(ROLES[1]), "--key", team.key(ROLES[0]))
    done = call(sign_command, run, *argv, "--unjudged")
    assert "warning: this key has signed as" in done.stderr
    later = (now + timedelta(days=31)).isoformat()
    done = call(verify_command, run, "--allowed-signers", team.allowed, "--at", later)
    assert done.return_value == 4
    assert "does NOT hold" in done.stdout
    done = call(verify_command, run, "--allowed-signers", team.allowed, "--at", "yesterday")
    assert done.exception is not None
    (run / "more").write_bytes(b"")
    with pytest.raises(ReadinessError, match="more is additional"):
        team.sign(run, "security_lead")
