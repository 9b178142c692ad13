"""Scripts that psql is given: cut where they connect, and with nothing in them that it obeys."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness_kit.drills.scripts import Quotes, Script, connected, cut
from readiness_kit.errors import NotSeen

DUMP = rb"""--
-- PostgreSQL database dump
--
\restrict Abc123
CREATE DATABASE shop;
\unrestrict Abc123
\connect shop
\restrict Abc123
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$
\! in a body, and it's no end '
SELECT 'x'
$_$;
COMMENT ON TABLE t IS 'first line
\! of a comment';
CREATE TABLE public.t (id int, program text);
COPY public.t (id, program) FROM stdin;
1	\\! data
\N	DO $$
\.
SELECT pg_catalog.setval('public.s', 1, true);
-- PostgreSQL database dump complete
\unrestrict Abc123
"""


def scripted(tmp_path: Path, content: bytes) -> Script:
    (file := tmp_path / "dump.sql").write_bytes(content)
    (folder := tmp_path / "parts").mkdir(exist_ok=True)
    return cut(file, folder, tmp_path / "spaces")


def test_a_dump_is_cut_where_it_connects_and_nothing_is_lost(tmp_path):
    found = scripted(tmp_path, DUMP)
    assert [one.database for one in found.parts] == [None, "shop"]
    assert (found.databases, found.of_cluster) == (("shop",), False)
    played = b"".join(
        b"".join(one.file.read_bytes().splitlines(keepends=True)[1:]) for one in found.parts
    )
    left = [line for line in DUMP.splitlines(keepends=True) if b"restrict " not in line]
    assert played == b"".join(left).replace(b"\\connect shop\n", b"")


def test_each_part_begins_with_a_key_of_its_own(tmp_path):
    first, second = (
        one.file.read_bytes().splitlines()[0] for one in scripted(tmp_path, DUMP).parts
    )
    assert first.startswith(b"\\restrict ")
    assert first != second
    assert len(first) > 40


@pytest.mark.parametrize(
    "line",
    [
        b"\\! touch x",
        b"\\o |cat",
        b"\\i /etc/passwd",
        b"\\copy t from program 'id'",
        b"\\connect shop postgres evil 5432",
        b"\\connect -reuse-previous=on \"dbname='shop' host='evil'\"",
        b'\\connect "host=evil dbname=shop"',
        b"\\connect postgresql://evil/shop",
        b"\\set x `id`",
        b"\\gexec",
        b"\\",
        b"COPY t FROM PROGRAM 'id';",
        b"copy (select 1) to program 'id';",
        b"DO $$ BEGIN EXECUTE 'x'; END $$;",
        b"DO LANGUAGE plpython3u 'x';",
        b"ALTER SYSTEM SET archive_command = 'id';",
        b"LOAD '/tmp/x.so';",
        b"CREATE TABLESPACE fast",
        b"create tablespace fast location E'/srv/fast';",
    ],
)
def test_what_no_dump_holds_is_not_run(tmp_path, line):
    with pytest.raises(NotSeen, match=r"line 2 of the script .* nothing of it was run") as caught:
        scripted(tmp_path, b"-- PostgreSQL database dump\n" + line + b"\n")
    assert "evil.so" not in caught.value.message


def test_tablespaces_are_made_elsewhere(tmp_path):
    line = b"CREATE TABLESPACE fast OWNER shop LOCATION '/srv/it''s fast';\n"
    (part,) = scripted(tmp_path, b"-- PostgreSQL database cluster dump\n" + line).parts
    place = tmp_path / "spaces" / "1"
    assert f"LOCATION '{place}';" in part.file.read_text()
    assert "/srv" not in part.file.read_text()
    assert place.is_dir()


@pytest.mark.parametrize("line", [b"DROP DATABASE shop;\n", b"DROP ROLE shop;\n"])
def test_a_script_that_drops_what_is_not_there_is_explained(tmp_path, line):
    with pytest.raises(NotSeen) as caught:
        scripted(tmp_path, line)
    assert "--if-exists" in caught.value.hint
    assert scripted(tmp_path, line.replace(b" shop", b" IF EXISTS shop")).parts


CASES = {
    "doubled": (b"SELECT 'it''s';", b""),
    "string": (b"SELECT 'it", b"'"),
    "escaped": (rb"SELECT E'it\'s';", b""),
    "escaped, open": (rb"SELECT E'it\'", b"e'"),
    "not escaped": (rb"SELECT 'it\';", b""),
    "a name that ends in e": (rb"SELECT date'it\';", b""),
    "name": (b'SELECT "it\'s";', b""),
    "dollars": (b"AS $body$ $$ ' $bod$", b"$body$"),
    "dollars, closed": (b"AS $body$ $$ ' $body$;", b""),
    "a dollar in a name": (b"SELECT a$b$c, 'x", b"'"),
    "remark": (b"SELECT 1 -- it's", b""),
    "nested": (b"/* a /* b */ it's", b"/*"),
    "nested, closed": (b"/* a /* b */ */ 'x", b"'"),
    "a parameter": (b"SELECT $1, '", b"'"),
}


@pytest.mark.parametrize(("line", "inside"), CASES.values(), ids=CASES)
def test_quotes(line, inside):
    quotes = Quotes()
    quotes.read(line + b"\n")
    assert quotes.inside == inside


@given(
    st.lists(st.sampled_from([b"'", b'"', b"$$", b"/*", b"*/", b"E'", b"\\", b"--", b"a", b"\n"]))
)
def test_quotes_are_the_same_line_by_line(tokens):
    text = b"".join(tokens) + b"\n"
    by_line = Quotes()
    for line in text.splitlines(keepends=True):
        by_line.read(line)
    assert isinstance(by_line.inside, bytes)


@given(st.text(st.characters(codec="utf-8", exclude_characters='"\n\r=:/'), min_size=1))
def test_a_name_in_quotes_is_itself(name):
    assert connected(f'"{name}"') == name
