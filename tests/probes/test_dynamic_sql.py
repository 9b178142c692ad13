import pytest

from readiness_kit.probes.database.dynamic_sql import PLANTED, executes
from readiness_kit.probes.database.stored_functions import _dynamic


@pytest.mark.parametrize("name", PLANTED)
def test_planted(name):
    code, want = PLANTED[name]
    assert [quoted for quoted, _ in executes(code)] == [want]


@pytest.mark.parametrize(
    ("code", "want"),
    [
        ("EXECUTE 'SELECT 1';", ["yes"]),
        ("EXECUTE $q$SELECT 1$q$;", ["yes"]),
        ("EXECUTE $q$SELECT 1 $q$ || v;", ["no"]),
        ("EXECUTE 'SELECT ' || v INTO r;", ["no"]),
        ("EXECUTE 'SELECT ' || quote_literal(v) INTO r;", ["yes"]),
        ("EXECUTE 'SELECT ' || quote_nullable(v) USING w;", ["yes"]),
        ("EXECUTE format('SELECT %L', v) USING w;", ["yes"]),
        ("EXECUTE format('SELECT %1$I, %2$s', a, b);", ["no"]),
        ("EXECUTE format('SELECT %1$I, %2$s', a, b::int);", ["yes"]),
        ("EXECUTE format('SELECT 100 %%, %s', quote_ident(a));", ["yes"]),
        ("EXECUTE format(p, a);", ["undecided"]),
        ("EXECUTE concat('DROP TABLE ', t);", ["no"]),
        ("EXECUTE 'DROP TABLE ' || lower(quote_ident(t));", ["yes"]),
        ("RETURN QUERY EXECUTE 'SELECT * FROM ' || t;", ["no"]),
        ("FOR r IN EXECUTE 'SELECT * FROM ' || t LOOP NULL; END LOOP;", ["no"]),
        ("q := 'SELECT 1'; EXECUTE q;", ["yes"]),
        ("q := 'SELECT ' || v; EXECUTE q;", ["no"]),
        ("q := 'SELECT 1'; q := q || ' WHERE a = ' || quote_literal(v); EXECUTE q;", ["yes"]),
        ("q := 'SELECT 1'; q := q || v; EXECUTE q;", ["no"]),
        ("EXECUTE q;", ["no"]),
        ("EXECUTE 'SELECT ' || (input->>'title');", ["no"]),
        ("EXECUTE 'SELECT ' || (n + 1);", ["undecided"]),
        ("EXECUTE (SELECT q FROM queries LIMIT 1);", ["undecided"]),
        ("EXECUTE 'LOCK ' || t::regclass;", ["yes"]),
        ("EXECUTE 'SELECT ''a'' || x';", ["yes"]),
        ("-- EXECUTE 'x' || v\nNULL;", []),
        ("/* EXECUTE 'x' || v */ NULL;", []),
        ("RAISE NOTICE 'EXECUTE it';", []),
        ("CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f();", []),
        ("GRANT EXECUTE ON FUNCTION f() TO r;", []),
        ("EXECUTE 'a' || v; EXECUTE 'b';", ["no", "yes"]),
        # a backslash is a letter like others, but in E''
        (r"EXECUTE 'COPY t TO ''C:\' || v || '''';", ["no"]),
        (r"EXECUTE 'SELECT a LIKE b ESCAPE ''\'' AND c = ''' || v || '''';", ["no"]),
        (r"EXECUTE E'SELECT \'a\' ' || quote_ident(v);", ["yes"]),
        ("q := 'SELECT 1'; SELECT text INTO q FROM queries; EXECUTE q;", ["no"]),
        ("q := 'SELECT 1'; FETCH c INTO STRICT a, q; EXECUTE q;", ["no"]),
        ("q := ''; FOR q IN SELECT text FROM queries LOOP EXECUTE q; END LOOP;", ["no"]),
        ("INSERT INTO q VALUES (1); q := 'SELECT 1'; EXECUTE q;", ["yes"]),
    ],
)
def test_bodies(code, want):
    assert [quoted for quoted, _ in executes(f"BEGIN {code} END")] == want


@pytest.mark.parametrize(("arguments", "want"), [("t regclass", ["yes"]), ("t text", ["no"])])
def test_types_of_arguments(arguments, want):
    found = executes("BEGIN EXECUTE 'LOCK ' || t; END", arguments)
    assert [quoted for quoted, _ in found] == want


@pytest.mark.parametrize(
    ("arguments", "code", "want"),
    [
        ("p text", "IF p IS NULL THEN p := 'users'; END IF; EXECUTE 'TABLE ' || p;", "undecided"),
        ("INOUT p text", "IF p IS NULL THEN p := 'users'; END IF; EXECUTE p;", "undecided"),
        ("p text", "p := quote_ident(p); EXECUTE 'TABLE ' || p;", "yes"),
        ("OUT p text", "p := 'users'; EXECUTE 'TABLE ' || p;", "yes"),
        ("a text, n integer DEFAULT 5", "n := 7; EXECUTE 'SELECT ' || n;", "yes"),
    ],
)
def test_a_parameter_keeps_its_value_where_it_is_given_none(arguments, code, want):
    assert [quoted for quoted, _ in executes(f"BEGIN {code} END", arguments)] == [want]


@pytest.mark.parametrize(
    ("language", "code", "want"),
    [
        ("sql", "SELECT 'EXECUTE ' || v", []),
        ("plpython3u", "plpy.execute('x' + v)", ["undecided"]),
        ("plpython3u", "return 1", []),
        ("c", "symbol", ["undecided"]),
        ("plr", "pg.spi.exec(paste('SELECT', arg1))", ["undecided"]),
        ("java", "shop.Functions.find", ["undecided"]),
        ("sql", "SELECT query_to_xml('SELECT ' || $1, true, true, '')", ["undecided"]),
        ("plpgsql", "BEGIN PERFORM dblink_exec('DELETE FROM ' || v); END", ["undecided"]),
        ("sql", "SELECT query_to_xml('SELECT 1', true, true, '')", []),
    ],
)
def test_other_languages(language, code, want):
    assert [one.quoted for one in _dynamic("f", language, code, "")] == want
