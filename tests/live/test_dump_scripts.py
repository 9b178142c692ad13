"""Scripts that would run something, and scripts of a whole cluster, played for real."""

import gzip
import tempfile
from pathlib import Path

import pytest
from backupshop import DATABASE, running
from folders import passable

from readiness_kit.checks.database.backup_verification import CHECK
from readiness_kit.drills.restore import restore_drill
from readiness_kit.errors import NotSeen
from readiness_kit.servers.programs import major, postgres_installations

pytestmark = pytest.mark.live

SCRIPT = b"""--
-- PostgreSQL database dump
--
SET standard_conforming_strings = off;
CREATE TABLE t (id int);
INSERT INTO t VALUES (1);
%b
--
-- PostgreSQL database dump complete
--
"""


@pytest.fixture(scope="module", params=postgres_installations(), ids=lambda one: str(major(one)))
def shop(request):
    with (
        tempfile.TemporaryDirectory(prefix="readiness-test-") as place,
        running(passable(Path(place)), request.param) as made,
    ):
        fast = made.cluster.postgres.folder("fast")
        with made.cluster.connect() as administrator:
            administrator.execute(f"CREATE TABLESPACE fast LOCATION '{fast}'".encode())
            administrator.execute('CREATE DATABASE "Other" TABLESPACE fast')
        with made.cluster.connect("Other") as administrator:
            administrator.execute("CREATE TABLE thing AS SELECT n FROM generate_series(1, 50) n")
        yield made


@pytest.fixture
def apart(shop):
    with tempfile.TemporaryDirectory(dir=shop.folder) as place:
        yield passable(Path(place))


HOSTILE = {
    "shell": rb"\! touch {mark}",
    "pipe": rb"\o |touch {mark}",
    "in the middle of a line": rb"SELECT 1 \! touch {mark}",
    "behind a string that other rules end elsewhere": rb"SELECT '\''" + b"\n" + rb"\! touch {mark}",
    "backquotes": rb"SELECT 1 \g `touch {mark}`",
    "key guessed": b"\\unrestrict abc\n\\! touch {mark}",
    "data that ends early": b"COPY t FROM stdin;\n1\n\\.\n\\! touch {mark}",
    "copy in capitals": b"COPY t (id)\nFROM STDIN;\n1\n\\.\n\\! touch {mark}",
    "program": b"COPY t FROM PROGRAM 'touch {mark}';",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_nothing_runs_as_the_kits_user(shop, apart, line):
    mark = apart / "mark"
    mark.parent.chmod(0o777)
    script = shop.folder / "hostile.sql"
    script.write_bytes(SCRIPT % line.replace(b"{mark}", str(mark).encode()))
    with pytest.raises(NotSeen) as caught:
        restore_drill.gather(shop.look(script, apart, success_marker="{name}.none"))
    assert not mark.exists()
    assert "script" in caught.value.message
    assert not list((apart / "scratch").iterdir())


def test_a_script_without_such_lines_is_restored(shop, apart):
    script = shop.folder / "good.sql"
    script.write_bytes(SCRIPT % b"SELECT 1;")
    drill = restore_drill.gather(shop.look(script, apart))
    assert (drill.error, drill.queried) == ("", True)


@pytest.mark.parametrize("options", [(), ("--clean", "--if-exists")], ids=["as it is", "clean"])
def test_a_whole_cluster_is_restored(shop, apart, options):
    dump = shop.folder / "all.sql.gz"
    plain = shop.folder / "plain.sql"
    shop.tool("pg_dumpall", *options, f"--file={plain}")
    dump.write_bytes(gzip.compress(plain.read_bytes()))
    drill = restore_drill.gather(shop.look(dump, apart))
    equal = {one.name for one in drill.tables if one.equal}
    assert (drill.error, drill.amcheck, drill.unequal()) == ("", "clean", ())
    assert {"public.customer", "public.order", "Other: public.thing"} <= equal
    assert CHECK.shows(drill)["restored"] == "PASS"
    assert shop.cluster.answers()
    with shop.cluster.connect("Other") as connection:  # not a file of the target was touched
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (50,)


def test_roles_alone_are_no_backup(shop, apart):
    dump = shop.folder / "roles.sql"
    shop.tool("pg_dumpall", "--globals-only", f"--file={dump}")
    with pytest.raises(NotSeen, match="holds no database"):
        restore_drill.gather(shop.look(dump, apart))
    assert DATABASE


def test_a_database_in_a_script_with_its_own_name(shop, apart):
    dump = shop.folder / "create.sql"
    shop.tool("pg_dump", "--create", f"--file={dump}", f"--dbname=dbname='{DATABASE}'")
    drill = restore_drill.gather(shop.look(dump, apart))
    assert (drill.error, drill.unequal()) == ("", ())
