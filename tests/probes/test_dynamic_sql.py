import pytest

from readiness_kit.probes.dynamic_sql import PLANTED, executes
from readiness_kit.probes.stored_functions import _dynamic


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
    ],
)
def test_bodies(code, want):
    assert [quoted for quoted, _ in executes(f"BEGIN {code} END")] == want


@pytest.mark.parametrize(("arguments", "want"), [("t regclass", ["yes"]), ("t text", ["no"])])
def test_types_of_arguments(arguments, want):
    found = executes("BEGIN EXECUTE 'LOCK ' || t; END", arguments)
    assert [quoted for quoted, _ in found] == want


@pytest.mark.parametrize(
    ("language", "code", "want"),
    [
        ("sql", "SELECT 'EXECUTE ' || v", []),
        ("plpython3u", "plpy.execute('x' + v)", ["undecided"]),
        ("plpython3u", "return 1", []),
        ("c", "symbol", ["undecided"]),
    ],
)
def test_other_languages(language, code, want):
    assert [one.quoted for one in _dynamic("f", language, code, "")] == want
