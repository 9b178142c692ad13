import pytest
from msgspec.structs import replace

from readiness_kit.checks.security.encryption_at_rest import CHECK, GOOD
from readiness_kit.facts.storage.encryption import DeclaredStorage, StoredAt

SPACE = StoredAt(holds="tablespace", path="/fast", layers="plain", detail="disk sdb")
ON = DeclaredStorage(name="fast", encrypted=True, detail="encrypted: true")


def hidden(fact):
    return fact.replace(places=tuple(replace(one, layers="hidden") for one in fact.places))


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        (GOOD, "PASS"),
        (GOOD.replace(places=(*GOOD.places, SPACE)), "FAIL"),
        (GOOD.replace(places=(*GOOD.places, replace(SPACE, layers="hidden"))), "UNKNOWN"),
        (GOOD.replace(places=GOOD.places[:1]), "UNKNOWN"),
        (hidden(GOOD), "UNKNOWN"),
        (hidden(GOOD).replace(classes=(ON,)), "UNKNOWN"),
        (hidden(GOOD).replace(classes=(replace(ON, encrypted=False),)), "FAIL"),
        (hidden(GOOD).replace(server_encrypts=True), "PASS"),
        (GOOD.replace(database_declared=False), "UNKNOWN"),
    ],
)
def test_data(fact, shown):
    assert CHECK.shows(fact)["data_volume"] == shown


@pytest.mark.parametrize(
    ("archiving", "shown"), [(False, "PASS"), (None, "UNKNOWN"), (True, "UNKNOWN")]
)
def test_an_archive_that_is_not_declared(archiving, shown):
    fact = GOOD.replace(archiving=archiving, files=GOOD.files[:1], places=(*GOOD.places[:3],))
    assert CHECK.shows(fact)["backups"] == shown
