import ast

import pytest
from webserver import visit

from readiness_kit.errors import NotSeen
from readiness_kit.probes.source.sql import PLANTED, sql_in_code, statements
from readiness_kit.target import Source

CONSTANT = {
    "a parameter": 'def f(c, u): c.execute("SELECT * FROM t WHERE a = %s", (u,))',
    "a named parameter": 'def f(c, u): c.execute("SELECT * FROM t WHERE a = %(u)s", {"u": u})',
    "two literals": 'def f(c): c.execute("SELECT a " "FROM t")',
    "added literals": 'def f(c): c.execute("SELECT a " + "FROM t")',
    "a constant of the module": 'Q = "SELECT a FROM t"\ndef f(c): c.execute(Q)',
    "an f-string of constants": 'T = "t"\ndef f(c): c.execute(f"SELECT a FROM {T}")',
    "one of two constants": 'def f(c, down): c.execute("SELECT a FROM t ORDER BY a " + ("DESC" if down else "ASC"))',
    "a look-up in a constant table": 'S = {"n": "name"}\ndef f(c, k): c.execute(f"SELECT a FROM t ORDER BY {S[k]}")',
    "psycopg.sql": 'def f(c, t): c.execute(SQL("SELECT * FROM {}").format(Identifier(t)))',
    "psycopg.sql by module": 'from psycopg import sql\ndef f(c, t): c.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(t)))',
    "psycopg.sql joined": 'from psycopg import sql\ndef f(c, n): c.execute(sql.SQL(", ").join(map(sql.Identifier, n)))',
    "a number": 'def f(c, n): c.execute(f"SELECT a FROM t LIMIT {int(n)}")',
    "placeholders by count": 'def f(c, ids): c.execute("SELECT a FROM t WHERE a IN (" + ",".join(["%s"] * len(ids)) + ")", ids)',
    "a helper that gets constants": 'def run(c, q, *p): c.execute(q, p)\ndef f(c, u): run(c, "SELECT a FROM t WHERE a = %s", u)',
    "a method that gets constants": 'class D:\n def rows(self, q): self.c.execute(q)\ndef f(d): d.rows("SELECT a FROM t")',
    "a helper that returns a constant": 'def q(): return "SELECT a FROM t"\ndef f(c): c.execute(q())',
    "an attribute of the class": 'class D:\n Q = "SELECT a FROM t"\n def f(self, c): c.execute(self.Q)',
    "an attribute set to a constant": 'class D:\n def __init__(self): self.q = "SELECT a FROM t"\n def f(self, c): c.execute(self.q)',
    "an augmented assignment of constants": 'def f(c, all):\n q = "SELECT a FROM t"\n if not all: q += " WHERE b"\n c.execute(q)',
    "a list of constants": 'def f(c):\n p = ["SELECT a FROM t"]\n p.append("WHERE b")\n c.execute(" ".join(p))',
    "SQLAlchemy's text with parameters": 'from sqlalchemy import text\ndef f(s, u): s.execute(text("SELECT a FROM t WHERE a = :u"), {"u": u})',
    "SQLAlchemy's select": "from sqlalchemy import select\ndef f(s, u): s.execute(select(T).where(T.a == u))",
    "a loop over constants": 'def f(c):\n for t in ("a", "b"): c.execute(f"DELETE FROM {t}")',
    "a default": 'def f(c, q="SELECT a FROM t"): c.execute(q)\nf(1)',
    "cast": 'from typing import cast\nQ = "SELECT a FROM t"\ndef f(c): c.execute(cast("LiteralString", Q))',
}  # fmt: skip

OUTSIDE = {
    **{name: code for name, (code, want) in PLANTED.items() if want == "from_outside"},
    "a whole f-string": 'def f(c, u): c.execute(f"{u} FROM t")',
    "percent with a tuple": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = \'%s\'" % (u,))',
    "format with a name": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = {u}".format(u=u))',
    "format_map": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = {u}".format_map({"u": u}))',
    "join": 'def f(c, ids): c.execute("SELECT a FROM t WHERE a IN (" + ",".join(ids) + ")")',
    "join over a comprehension": "def f(c, ids): c.execute(\"SELECT a FROM t WHERE a IN (\" + ','.join(f\"'{i}'\" for i in ids) + ')')",
    "two assignments": 'def f(c, u):\n w = f"lower({u})"\n q = "SELECT a FROM t WHERE " + w\n c.execute(q)',
    "an augmented assignment": 'def f(c, u):\n q = "SELECT a FROM t"\n if u: q += f" WHERE a = {u}"\n c.execute(q)',
    "a list": 'def f(c, u):\n p = ["SELECT a FROM t WHERE a ="]\n p.append(u)\n c.execute(" ".join(p))',
    "a dictionary": 'def f(c, u):\n d = {}\n d["w"] = u\n c.execute("SELECT a FROM t WHERE %(w)s" % d)',
    "a walrus": 'def f(c, u):\n if (q := "SELECT a FROM t WHERE a = " + u): c.execute(q)',
    "unpacking": 'def f(c, u):\n a, b = u, 1\n c.execute("SELECT a FROM t WHERE a = " + a)',
    "replace": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = X".replace("X", u))',
    "stripped": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = " + u.strip())',
    "str": 'def f(c, u): c.execute("SELECT a FROM t WHERE a = " + str(u))',
    "an attribute of a parameter": 'def f(c, u): c.execute(f"SELECT a FROM t WHERE a = {u.name}")',
    "an item of a parameter": 'def f(c, u): c.execute(f"SELECT a FROM t WHERE a = {u[0]}")',
    "through a helper": 'def run(c, q): c.execute(q)\ndef f(c, u): run(c, "SELECT a FROM t WHERE a = " + u)',
    "through two helpers": 'def run(c, q): c.execute(q)\ndef mid(c, w): run(c, "SELECT a FROM t WHERE " + w)\ndef f(c, u): mid(c, "a = " + u)',
    "through a method": 'class D:\n def rows(self, q): self.c.execute(q)\ndef f(d, u): d.rows("SELECT a FROM t WHERE a = " + u)',
    "through an attribute": 'class D:\n def __init__(self, u): self.q = "SELECT a FROM t WHERE a = " + u\n def f(self, c): c.execute(self.q)',
    "returned by a helper": 'def q(u): return f"SELECT a FROM t WHERE a = {u}"\ndef f(c, u): c.execute(q(u))',
    "a decorated route": '@app.get("/")\ndef f(u): c.execute(f"SELECT a FROM t WHERE a = {u}")\nf("x")',
    "a callback": 'def f(u): c.execute(f"SELECT a FROM t WHERE a = {u}")\nf("x")\nroutes = [f]',
    "a request": 'from flask import request\ndef f(c): c.execute("SELECT a FROM t WHERE a = " + request.args["a"])',
    "a whole statement of a request": 'from flask import request\ndef f(c): c.execute(request.args["q"])',
    "input": 'def f(c): c.execute("SELECT a FROM t WHERE a = " + input())',
    "psycopg.sql misused": 'from psycopg import sql\ndef f(c, t): c.execute(sql.SQL(f"SELECT * FROM {t}"))',
    "SQLAlchemy's text": 'from sqlalchemy import text\ndef f(s, u): s.execute(text(f"SELECT a FROM t WHERE a = {u}"))',
    "executemany": 'def f(c, t, r): c.executemany(f"INSERT INTO {t} VALUES (%s)", r)',
    "COPY": 'def f(c, t): c.copy(f"COPY {t} FROM STDIN")',
    "execute_values": 'from psycopg2.extras import execute_values\ndef f(c, t, r): execute_values(c, f"INSERT INTO {t} VALUES %s", r)',
    "a keyword argument": 'def f(c, u): c.execute(query=f"SELECT a FROM t WHERE a = {u}")',
    "a nested function": 'def f(c, u):\n def g(): c.execute(f"SELECT a FROM t WHERE a = {u}")\n g()',
    "a lambda": 'def f(c, u): return lambda: c.execute(f"SELECT a FROM t WHERE a = {u}")',
    "await": 'async def f(c, u): await c.execute(f"SELECT a FROM t WHERE a = {u}")',
    "with": 'def f(p, u):\n with p.connection() as c: c.execute(f"SELECT a FROM t WHERE a = {u}")',
    "one caller of two": 'def run(c, q): c.execute(q)\nrun(1, "SELECT 1")\ndef f(c, u): run(c, "SELECT a FROM t WHERE a = " + u)',
}  # fmt: skip

UNDECIDED = {
    "a whole statement": "def f(c, q): c.execute(q)",
    "a foreign function": 'from x import y\ndef f(c, u): c.execute("SELECT a FROM t WHERE " + y())',
    "a file": "def f(c, p): c.execute(p.read_text())",
    "checked against a list": 'OK = ("a", "b")\ndef f(c, k):\n if k not in OK: raise ValueError\n c.execute(f"SELECT {k} FROM t")',
    "promised to be a number": 'def f(c, n: int): c.execute(f"SELECT a FROM t LIMIT {n}")',
    "an attribute of nobody": 'class D:\n def f(self, c): c.execute(f"SELECT a FROM {self.table}")',
    "unpacked": "def run(c, q): c.execute(q)\ndef f(*a): run(*a)",
}  # fmt: skip

TABLE = [
    *((name, code, "constant") for name, code in CONSTANT.items()),
    *((name, code, "from_outside") for name, code in OUTSIDE.items()),
    *((name, code, "undecided") for name, code in UNDECIDED.items()),
]


@pytest.mark.parametrize(("name", "code", "want"), TABLE, ids=[name for name, _, _ in TABLE])
def test_samples(name, code, want):
    found = list(statements({"a.py": ast.parse(f"import psycopg\n{code}\n")}))
    order = ["from_outside", "undecided", "constant"]
    assert min((one.text for one in found), key=order.index) == want, found


BY_VARIABLE = {
    "SQLAlchemy's text of a variable": (
        "from sqlalchemy import text\n"
        "def f(s, u):\n q = f\"SELECT a FROM t WHERE a = '{u}'\"\n s.execute(text(q))"
    ),
    "SQLAlchemy's text of a part": (
        "import sqlalchemy as sa\ndef f(s, u):\n w = 'a = ' + u\n s.scalars(sa.text(w))"
    ),
    "text handed on by a module of the service": (
        "from .db import text\ndef f(s, u):\n q = 'SELECT a FROM t WHERE a = ' + u\n s.execute(text(q))"
    ),
    "asyncpg's fetch": (
        "import asyncpg\n"
        "async def f(c, u):\n q = 'SELECT a FROM t WHERE a = ' + u\n return await c.fetch(q)"
    ),
    "asyncpg's prepare": (
        "import asyncpg\nasync def f(c, u): await c.prepare(f'SELECT a FROM t WHERE a = {u}')"
    ),
    "a module without a driver": (
        "def f(c, u):\n q = 'SELECT a FROM t WHERE a = ' + u\n return c.execute(q)"
    ),
    "a base from elsewhere": (
        "from shop.db import BASE\ndef f(c, u): return c.fetchrow(f'{BASE} WHERE a = {u}')"
    ),
    "through a helper without a driver": (
        "def run(c, q): return c.fetch(q)\ndef f(c, u): run(c, 'SELECT a FROM t WHERE a = ' + u)"
    ),
    "an attribute without a driver": (
        "class D:\n def __init__(self, u): self.q = 'DELETE FROM t WHERE a = ' + u\n"
        " def f(self, c): c.execute(self.q)"
    ),
}


@pytest.mark.parametrize("name", BY_VARIABLE)
def test_sql_that_does_not_stand_in_the_call_itself(name):
    """Neither the text nor a driver need stand where the statement is sent."""
    found = list(statements({"shop/a.py": ast.parse(BY_VARIABLE[name])}))
    assert "from_outside" in {one.text for one in found}, found


def test_calls_are_followed_from_file_to_file():
    modules = {
        "shop/db.py": "import psycopg\nclass Db:\n def rows(self, q): self.c.execute(q)",
        "shop/sql.py": 'ALL = "SELECT a FROM t"',
        "shop/api.py": "from shop.sql import ALL\ndef f(db): db.rows(ALL)",
    }
    parsed = {name: ast.parse(code) for name, code in modules.items()}
    assert [one.text for one in statements(parsed)] == ["constant"]
    parsed["shop/bad.py"] = ast.parse("def g(db, u): db.rows('SELECT a FROM t WHERE ' + u)")
    (found,) = statements(parsed)
    assert (found.where, found.text, found.reason) == (
        "shop/db.py:3",
        "from_outside",
        "parameter u of g()",
    )


def test_a_maze_of_calls_stays_undecided_and_ends():
    """Each of 12 functions calls all others: the ways through them cannot be counted."""
    names = [f"f{n}" for n in range(12)]
    calls = " + ".join(f"{name}(x)" for name in names)
    maze = "\n".join(f"def {name}(x): return {calls}" for name in names)
    code = f"import psycopg\n{maze}\ndef run(c, u): c.execute('SELECT ' + f0(u))\n"
    (found,) = statements({"a.py": ast.parse(code)})
    assert found.text != "constant"


@pytest.mark.parametrize(
    "code",
    [
        "def f(pool, job): pool.execute(job)",
        "def f(shell, line): shell.execute(f'ls {line}')",
        "import shutil\ndef f(a, b): shutil.copy(a, b)",
        "def f(response): return response.text('utf-8')",
        "def f(items): return items.copy()",
        "import httpx\ndef f(client, url): return client.fetch(url)",
        "def f(db, model): return db.query(model).prepare()",
        "from .i18n import text\ndef f(key): return text(key)",
    ],
)
def test_what_is_no_sql(code):
    assert list(statements({"a.py": ast.parse(code)})) == []


def look(folder):
    return sql_in_code.gather(visit("http://x", source=Source(path=folder)))


def test_a_tree(tmp_path):
    (tmp_path / "app.py").write_text(f"import psycopg\n{OUTSIDE['join']}\n{CONSTANT['a number']}\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_app.py").write_text(f"import psycopg\n{OUTSIDE['join']}\n")
    fact = look(tmp_path)
    assert (fact.files, fact.unread) == (1, ())
    assert [one.text for one in fact.statements] == ["from_outside", "constant"]
    assert fact.planted == dict.fromkeys(PLANTED, True)


@pytest.mark.parametrize(
    ("name", "text", "unread"),
    [
        ("broken.py", "def f(:", ("broken.py",)),
        ("a.js", 'db.query("SELECT a FROM t WHERE a = " + u)', ("a.js",)),
        ("a.js", "db.query('select a from t where a = ' + u)", ("a.js",)),
        ("a.js", "console.log(1)", ()),
        ("a.js", "// Select one from the list", ()),
        ("schema.sql", "SELECT a FROM t", ()),
    ],
)
def test_what_cannot_be_followed_is_told(tmp_path, name, text, unread):
    (tmp_path / "app.py").write_text("import psycopg\n")
    (tmp_path / name).write_text(text)
    assert look(tmp_path).unread == unread


def test_no_python_is_not_seen(tmp_path):
    (tmp_path / "a.js").write_text("1")
    with pytest.raises(NotSeen, match="no Python"):
        look(tmp_path)
