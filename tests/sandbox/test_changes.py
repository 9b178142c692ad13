"""Every change is undone exactly, and one that would change nothing is refused."""

import os
import stat
from pathlib import Path

import msgspec
import pytest
import yaml
from sandbox.standin import Folder

from readiness_kit.errors import ServerError, UsageError
from readiness_kit.sandbox.breaking import Broken, apply, broken, mend
from readiness_kit.sandbox.breaks import Break, Collateral
from readiness_kit.sandbox.changes.certificates import Certificate
from readiness_kit.sandbox.changes.files import Age, Damage, Edit, Mode, Remove, Set, Write
from readiness_kit.sandbox.changes.servers import Environment, Fault, Stop
from readiness_kit.sandbox.changes.stores import Sql
from readiness_kit.sandbox.fingerprint import fingerprint
from readiness_kit.sandbox.orders import Orders
from readiness_kit.verdict import Status

CHANGES = {
    "edit": Edit(file="readiness.yaml", find="quill", put="ink"),
    "edit_many": Edit(file="deploy/*.env", find="^A=.*$", put="A=2"),
    "write": Write(file="deploy/quill.env", text="B=@HTTPS@\n", append=True),
    "write_new": Write(file="deploy/new", text="x"),
    "remove": Remove(file="backups/*.dump", pick="last"),
    "half": Damage(file="backups/*.dump", pick="last", how="half"),
    "flip": Damage(file="backups/*.dump", how="flip"),
    "empty": Damage(file="backups/1.dump", how="empty"),
    "age": Age(file="backups/*", hours=30),
    "mode": Mode(file="deploy/quill.env", mode="640"),
    "set": Set(file="readiness.yaml", key="list.1.two", value=3),
    "drop": Set(file="readiness.yaml", key="list.0", drop=True),
}


@pytest.fixture
def ground(tmp_path):
    return Folder(tmp_path)


def fault(*changes, name="broken"):
    return Break(name=name, title="t", change=changes, turns={"security.tls.x": Status.FAIL})


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_changes_something_and_is_undone_exactly(ground, change):
    before = fingerprint(ground)
    apply(ground, [fault(change)])
    assert broken(ground) == ["broken"]
    assert fingerprint(ground) != before
    mend(ground)
    assert fingerprint(ground) == before
    assert broken(ground) == []


def test_all_at_once_are_undone_in_reverse(ground):
    before = fingerprint(ground)
    apply(ground, [fault(*CHANGES.values())])
    mend(ground)
    assert fingerprint(ground) == before


def test_what_each_does(ground):
    root = ground.root
    apply(ground, [fault(CHANGES["set"], CHANGES["drop"], CHANGES["mode"], CHANGES["flip"])])
    assert yaml.safe_load((root / "readiness.yaml").read_text())["list"] == [{"two": 3}]
    assert stat.S_IMODE((root / "deploy" / "quill.env").stat().st_mode) == 0o640
    assert (
        sum(
            a != b
            for a, b in zip((root / "backups" / "1.dump").read_bytes(), range(100), strict=True)
        )
        == 1
    )


@pytest.mark.parametrize(
    "change",
    [
        Edit(file="readiness.yaml", find="nowhere"),
        Remove(file="backups/*.tar"),
        Set(file="readiness.yaml", key="nobody.knows", value=1),
        Set(file="readiness.yaml", key="gone", drop=True),
    ],
    ids=["edit", "remove", "set", "drop"],
)
def test_one_that_would_change_nothing_is_refused_and_leaves_nothing(ground, change):
    before = fingerprint(ground)
    with pytest.raises(UsageError):
        apply(ground, [fault(CHANGES["edit"], change)])
    assert fingerprint(ground) == before
    assert broken(ground) == []


def test_another_process_can_mend(ground):
    before = fingerprint(ground)
    apply(ground, [fault(CHANGES["edit"])])
    other = object.__new__(Folder)
    other.root, other.first = ground.root, ground.first
    mend(other)
    assert fingerprint(ground) == before


def test_the_last_break_is_mended_first(ground):
    apply(ground, [fault(CHANGES["edit"], name="one")])
    apply(ground, [fault(CHANGES["age"], name="two")])
    with pytest.raises(UsageError, match="one cannot be mended now") as refused:
        mend(ground, ["one"])
    assert refused.value.hint == "mend first: two"
    mend(ground, ["two"])
    mend(ground, ["one"])


def test_no_break_is_put_in_twice(ground):
    apply(ground, [fault(CHANGES["edit"])])
    with pytest.raises(UsageError, match="in force already"):
        apply(ground, [fault(CHANGES["age"])])


def test_a_sandbox_that_is_not_what_it_was_says_so(ground):
    apply(ground, [fault(CHANGES["edit"])])
    (ground.root / "deploy" / "quill.env").write_text("by somebody else")
    with pytest.raises(ServerError, match=r"quill\.env"):
        mend(ground)


def test_times_and_mode_come_back(ground):
    path: Path = ground.root / "backups" / "3.dump"
    path.chmod(0o600)
    os.utime(path, ns=(10**18, 10**18 + 1))
    apply(ground, [fault(CHANGES["remove"])])
    assert not path.exists()
    mend(ground)
    assert (path.stat().st_mtime_ns, stat.S_IMODE(path.stat().st_mode)) == (10**18 + 1, 0o600)


def test_wishes_add_up():
    orders = Orders()
    for change in (
        Fault(name="slow"),
        Fault(name="leak"),
        Environment(variables={"A": "1"}),
        Stop(server="nginx"),
    ):
        orders = change.wish(orders)
    assert orders.environment == {"SANDBOX_FAULTS": "slow,leak", "A": "1"}
    assert orders.stopped == ("nginx",)


def test_a_certificate_is_put_in_and_taken_out(ground):
    tls = ground.root / "deploy" / "tls"
    tls.mkdir()
    for name in ("edge.pem", "edge.key", "ca.pem"):
        (tls / name).write_text(name)
    change, place = Certificate(names=("a.invalid",)), ground.root / "saved"
    place.mkdir()
    change.save(ground, place)
    change.do(ground)
    assert "BEGIN CERTIFICATE" in (tls / "edge.pem").read_text()
    assert (tls / "ca.pem").read_text().startswith("ca.pem-----BEGIN")
    change.undo(ground, place)
    assert {path.name: path.read_text() for path in tls.iterdir()} == {
        name: name for name in ("edge.pem", "edge.key", "ca.pem")
    }


def test_collateral_is_wanted_as_well():
    one = Break(
        title="t",
        change=(CHANGES["edit"],),
        turns={"security.tls.a": Status.FAIL},
        collateral={"security.cors.b": Collateral(Status.UNKNOWN, "why")},
    )
    assert one.wanted == {"security.tls.a": Status.FAIL, "security.cors.b": Status.UNKNOWN}
    assert one.items == {"security.tls", "security.cors"}


def test_what_cannot_be_undone_says_which_break_it_was_and_can_be_tried_again(ground):
    before = fingerprint(ground)
    stubborn = Sql(do_=(), undo_=("SELECT 1",))
    apply_without_sql = fault(CHANGES["edit"])
    apply(ground, [apply_without_sql])
    (place,) = (ground.root / "broken").iterdir()
    record = msgspec.json.decode((place / "break.json").read_bytes(), type=Broken)
    spoilt = msgspec.structs.replace(record, fault=fault(CHANGES["edit"], stubborn))
    (place / "break.json").write_bytes(msgspec.json.encode(spoilt))
    (place / "1").mkdir()
    with pytest.raises(ServerError, match="broken cannot be undone: PostgreSQL primary"):
        mend(ground)
    assert broken(ground) == ["broken"]
    (place / "1").rmdir()
    mend(ground)
    assert fingerprint(ground) == before
