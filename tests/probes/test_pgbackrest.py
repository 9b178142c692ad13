"""What pgBackRest says, read; a real one is asked in tests/live/test_pgbackrest.py."""

import pytest
from webserver import secret, visit

from readiness_kit.drills.repository import needed
from readiness_kit.errors import NotSeen
from readiness_kit.probes.backups.folder import _place_of_repository
from readiness_kit.probes.backups.pgbackrest import Stored, Tool
from readiness_kit.probes.backups.pgbackrest_facts import judged, repos
from readiness_kit.target import Backups, Database, PgBackRest

WHOLE = """stanza: shop
status: {status}
  archiveId: 15-1, total WAL checked: 5, total valid WAL: 5
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261126-171107F, status: {full}, total files checked: {files}, total valid files: 1265
    missing: {missing}, checksum invalid: {invalid}, size invalid: 0, other: 0
"""
VERDICTS = {
    "whole": (0, {}, ""),
    "status of 0 and a wrong sum": (0, {"full": "invalid", "invalid": 1}, "checksum invalid: 1"),
    "a file is missing": (0, {"full": "invalid", "missing": 2}, "missing: 2"),
    "the archive is at fault": (0, {"status": "error"}, "status error"),
    "exit status": (1, {}, "exit status 1"),
    "nothing was checked": (0, {"files": 0}, "is valid"),
    "still being made": (0, {"full": "in-progress"}, "in-progress"),
}


@pytest.mark.parametrize(("status", "said", "words"), VERDICTS.values(), ids=VERDICTS)
def test_verify_is_believed_by_its_words(status, said, words):
    text = {"status": "ok", "full": "valid", "files": 1266, "missing": 0, "invalid": 0} | said
    done = judged(status, WHOLE.format(**text), "20261126-171107F")
    assert words in done.said
    assert bool(done.status) is bool(words)


@pytest.mark.parametrize("text", ["", "stanza: shop\nstatus: ok\n", "backup: other, status: valid"])
def test_a_backup_that_is_not_spoken_of_is_not_whole(text):
    assert "does not speak of" in judged(0, text, "20261126-171107F").said


@pytest.fixture
def tool(tmp_path, need):
    need("pgbackrest")

    def make(text: str, **more):
        (config := tmp_path / "pgbackrest.conf").write_text(text)
        dsn = secret(tmp_path, "dsn", "host=127.0.0.1 port=1 connect_timeout=1")
        declared = PgBackRest(stanza="shop", config=config, **more)
        around = visit(
            "http://localhost", database=Database(dsn=dsn), backups=Backups(pgbackrest=declared)
        )
        return Tool(around, declared), around

    return make


S3 = "[global]\nrepo1-type=s3\nrepo1-s3-bucket=b\nrepo1-path=/p\nrepo1-s3-key-secret=hidden\n"
PLACES = {
    "a folder, the database elsewhere": ("[global]\nrepo1-path=/srv/backup\n", ["not_known"]),
    "nothing is said": ("[global]\n", ["not_known"]),
    "Amazon": (f"{S3}repo1-s3-endpoint=s3.eu-west-1.amazonaws.com\n", ["elsewhere"]),
    "a store on this machine": (f"{S3}repo1-s3-endpoint=https://localhost:9000\n", ["not_known"]),
    "Azure": ("[global]\nrepo1-type=azure\nrepo1-azure-container=c\n", ["elsewhere"]),
    "a name like Amazon's": (f"{S3}repo1-s3-endpoint=amazonaws.com.localhost\n", ["not_known"]),
    "two, one of them of the stanza": (
        "[global]\nrepo1-path=/a\n[shop]\nrepo2-type=gcs\nrepo2-gcs-bucket=b\n",
        ["not_known", "elsewhere"],
    ),
}


@pytest.mark.parametrize(("text", "places"), PLACES.values(), ids=PLACES)
def test_where_a_repository_lies(tool, text, places):
    found, around = tool(text)
    assert [_place_of_repository(around, one)[0] for one in repos(found)] == places
    assert "hidden" not in " ".join(map(str, repos(found)))


def test_the_repository_that_is_named_alone_is_looked_at(tool):
    text = "[global]\nrepo1-path=/a\nrepo2-path=/b\nrepo2-host=vault\n"
    (one,) = repos(tool(text, repo=2)[0])
    assert (one.key, one.path, one.host, one.folder) == (2, "/b", "vault", None)


def test_a_configuration_that_cannot_be_read_is_not_seen(tool):
    with pytest.raises(NotSeen, match="cannot be read"):
        repos(tool("no configuration")[0])


def test_the_segments_that_a_recovery_needs():
    names = (
        "000000010000000000000001-4fb646748471f138f77e749972452b2bf1fbce47.gz",
        "000000010000000000000002-4fb646748471f138f77e749972452b2bf1fbce47.gz",
        "000000010000000000000002.00000028.backup",
        "00000002.history",
        "000000020000000000000003-4fb646748471f138f77e749972452b2bf1fbce47.zst",
        "archive.info",
        "000000020000000000000004.partial",
    )
    files = tuple(Stored(f"x/{name}", name, 1) for name in names)
    assert needed(files, "000000010000000000000002") == (
        "000000010000000000000002",
        "00000002.history",
        "000000020000000000000003",
    )
