"""Quill on a real PostgreSQL and a real Valkey: rights, cache, statements, failures, endurance."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from statistics import median

import httpx
import psycopg
import pytest
import redis

pytest.importorskip("fraiseql", reason="not installed: readiness-kit[sandbox]")

from readiness_kit.sandbox.app.settings import Settings
from readiness_kit.sandbox.app.token import mint
from readiness_kit.servers.account import unprivileged
from readiness_kit.servers.ports import LOOPBACK, free_ports
from readiness_kit.servers.postgres import Cluster, Postgres
from readiness_kit.servers.process import Command, Process
from readiness_kit.servers.valkey import Valkey

pytestmark = pytest.mark.live

SECRET = "5e" * 32
SETTINGS = Settings(jwt_secret=SECRET)
USERS = "{users(limit:10){id name posts{id title}}}"
NEWEST = "{posts(limit:1){title}}"
DRAFT_OF_EDITOR = "00000000-0000-4000-9000-000000000025"
CREATE = "mutation($t:String!){createPost(input:{title:$t}){id post{title}}}"


class World:
    """The servers beneath Quill."""

    def __init__(self, home: Path) -> None:
        self.home = home
        account = unprivileged()
        database_port, self.cache_port = free_ports(2)
        for name in ("postgres", "valkey"):
            (home / name).mkdir()
        postgres = Postgres(home / "postgres", account)
        self.cluster = Cluster(postgres, "main", port=database_port, password="s")
        self.cluster.create().configure({"shared_preload_libraries": "pg_stat_statements"})
        self.valkey = Valkey(home / "valkey", account=account, port=self.cache_port, password="v")

    def fill(self) -> None:
        with self.cluster.connect() as connection:
            connection.execute("CREATE ROLE quill_owner LOGIN PASSWORD 'o'")
            connection.execute("CREATE ROLE quill_app LOGIN PASSWORD 'a'")
            connection.execute("CREATE DATABASE quill OWNER quill_owner")
        with self.cluster.connect("quill") as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        schema = files("readiness_kit.sandbox.app").joinpath("schema.sql").read_text()
        with psycopg.connect(self.url("quill_owner", "o"), autocommit=True) as connection:
            connection.execute(schema.encode())

    def url(self, user: str, password: str) -> str:
        port = self.cluster.port
        return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/quill?sslmode=disable"

    def statements(self) -> int:
        """Return how many statements the application's role has run on views and functions."""
        with self.cluster.connect("quill") as connection:
            (calls,) = connection.execute(
                "SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements"
                " JOIN pg_roles ON pg_roles.oid = userid"
                " WHERE rolname = 'quill_app' AND query ~ 'v_|tv_|_post'"
            ).fetchone()
        return calls

    def cache(self) -> redis.Redis:
        return redis.Redis(host=LOOPBACK, port=self.cache_port, password="v", decode_responses=True)


class Client:
    """One process of Quill, and a connection to it."""

    def __init__(self, port: int, log: Path) -> None:
        self.http = httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=20, trust_env=False)
        self.log = log
        self.tokens = {who: mint(who, SETTINGS) for who in ("reader", "editor", "admin", "other")}

    def ask(self, query: str, who: str | None = "reader", **variables: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        body = {"query": query, "variables": variables}
        return self.http.post("/graphql", json=body, headers=headers)

    def data(self, query: str, who: str = "reader", **variables: object) -> dict[str, object]:
        answer = self.ask(query, who, **variables)
        assert answer.status_code == 200
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def refusal(self, query: str, who: str = "reader", **variables: object) -> str:
        return self.ask(query, who, **variables).json()["errors"][0]["extensions"]["code"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="quill-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        made = World(Path(folder))
        made.valkey.start().wait_until(made.valkey.listening)
        with made.cluster.start():
            made.fill()
            yield made
        made.valkey.stop()


@contextmanager
def process(world: World, faults: str = "", variant: str = "hardened") -> Iterator[Client]:
    (port,) = free_ports(1)
    log = world.home / f"{port}.jsonl"
    environment = {
        "APP_INSTANCE": f"quill-{port}",
        "APP_LOG_FILE": str(log),
        "APP_VARIANT": variant,
        "FRAISEQL_DATABASE_URL": world.url("quill_app", "a"),
        "FRAISEQL_ENVIRONMENT": "production",
        "JWT_SECRET": SECRET,
        "REDIS_URL": f"redis://:v@{LOOPBACK}:{world.cache_port}/0",
        "SANDBOX_FAULTS": faults,
    }
    factory = "readiness_kit.sandbox.app:create_app"
    serve = ("-m", "uvicorn", "--factory", factory, "--host", LOOPBACK, "--port", str(port))
    command = Command(
        name="Quill",
        argv=[sys.executable, *serve, "--no-access-log"],
        log=world.home / f"{port}.out",
        directory=world.home,
        environment=environment,
        death_signal=signal.SIGKILL,
    )
    client = Client(port, log)

    def answers() -> bool:
        try:
            return client.http.get("/health").is_success
        except httpx.TransportError:
            return False

    with Process(command) as running, client.http:
        running.wait_until(answers)
        yield client


@pytest.fixture(scope="module")
def quill(world: World) -> Iterator[Client]:
    with process(world) as client:
        yield client


def test_seed(world, quill):
    with world.cluster.connect("quill") as connection:
        assert connection.execute("SELECT count(*) FROM tb_user").fetchone() == (60,)
        assert connection.execute("SELECT count(*) FROM tb_post").fetchone() == (300,)
    assert len(quill.ask("{users{id name posts{id title}}}").content) > 1000


@pytest.mark.parametrize("table", ["tb_user", "tb_post", "tb_audit"])
@pytest.mark.parametrize("statement", ["SELECT * FROM {}", "DELETE FROM {}", "DROP TABLE {}"])
def test_the_application_role_cannot_touch_tables(world, table, statement):
    with (
        psycopg.connect(world.url("quill_app", "a")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.format(table))


def test_the_application_role_owns_nothing(world):
    with world.cluster.connect("quill") as connection:
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = 'quill_app'::regrole"
        ).fetchone()
    assert owned == (0,)


READS = ["{me{id}}", USERS, "{posts{id}}", f'{{post(id:"{DRAFT_OF_EDITOR}"){{id}}}}']


@pytest.mark.parametrize("query", READS)
@pytest.mark.parametrize("who", ["reader", "editor", "admin"])
def test_every_role_may_read(quill, who, query):
    quill.data(query, who)


@pytest.mark.parametrize("query", READS)
def test_nobody_else_may(quill, query):
    assert quill.ask(query, None).status_code == 401


def test_only_editors_and_administrators_write(quill):
    assert quill.refusal(CREATE, "reader", t="no") == "FORBIDDEN"
    for who in ("editor", "admin"):
        saved = quill.data(CREATE, who, t=f"by {who}")["createPost"]
        assert saved["post"] == {"title": f"by {who}"}
        quill.data("mutation($i:ID!){deletePost(id:$i){id}}", who, i=saved["id"])


def test_an_address_is_for_its_owner_and_administrators(quill):
    assert [user["email"] for user in quill.data("{users(limit:2){email}}", "admin")["users"]] == [
        "author1@quill.invalid",
        "author2@quill.invalid",
    ]
    answer = quill.ask("{users(limit:2){email}}", "reader").json()
    assert [user["email"] for user in answer["data"]["users"]] == ["author1@quill.invalid", None]
    assert answer["errors"][0]["path"] == ["users", 1, "email"]


def test_a_draft_is_for_its_author_and_administrators(quill):
    query = "query($i:ID!){post(id:$i){title}}"
    for who, seen in (("editor", True), ("admin", True), ("reader", False), ("other", False)):
        assert bool(quill.data(query, who, i=DRAFT_OF_EDITOR)["post"]) is seen
    titles = [post["title"] for post in quill.data("{posts(limit:100){title}}", "admin")["posts"]]
    assert not any(title.startswith("Draft") for title in titles)


def test_a_post_is_changed_by_its_author_alone(quill):
    change = "mutation($i:ID!,$t:String){updatePost(input:{id:$i,title:$t}){post{title}}}"
    delete = "mutation($i:ID!){deletePost(id:$i){id}}"
    for query in (change, delete):
        assert quill.refusal(query, "other", i=DRAFT_OF_EDITOR, t="mine now") == "NOT_FOUND"
    for title in ("changed", "Draft of author 2"):
        written = quill.data(change, "editor", i=DRAFT_OF_EDITOR, t=title)["updatePost"]
        assert written["post"] == {"title": title}


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ('{post(id:"7"){id}}', "reader"),
        ("{posts(limit:0){id}}", "reader"),
        ("{posts(limit:101){id}}", "reader"),
        ("{posts(offset:-1){id}}", "reader"),
        ('mutation{createPost(input:{title:" "}){id}}', "editor"),
        ('mutation{deletePost(id:"\' OR 1=1"){id}}', "editor"),
    ],
)
def test_bad_input_is_the_callers_fault(quill, query, who):
    assert quill.refusal(query, who) == "BAD_USER_INPUT"


def test_a_repeated_read_comes_from_the_cache(world, quill):
    query = "{posts(limit:7,offset:3){title author{name}}}"
    first = quill.ask(query)
    before, hits = world.statements(), world.cache().info("stats")["keyspace_hits"]
    second = quill.ask(query)
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert first.json() == second.json()
    assert world.statements() == before
    assert world.cache().info("stats")["keyspace_hits"] > hits


def test_every_entry_expires(world, quill):
    quill.data(USERS)
    keys = list(world.cache().scan_iter("*"))
    assert keys
    assert all(key.startswith("quill:") for key in keys)
    assert all(0 < world.cache().ttl(key) <= 300 for key in keys)


def test_a_write_is_seen_at_once_unless_told_otherwise(world, quill):
    quill.data(NEWEST)
    quill.data(CREATE, "editor", t="the news")
    assert quill.data(NEWEST)["posts"] == [{"title": "the news"}]
    with process(world, "stale_cache") as stale:
        stale.data(NEWEST)
        stale.data(CREATE, "editor", t="later news")
        assert stale.data(NEWEST)["posts"] == [{"title": "the news"}]


def statements_of(world: World, client: Client, query: str) -> int:
    before = world.statements()
    client.data(query)
    return world.statements() - before


def test_statements_do_not_grow_with_the_answer_unless_told_to(world, quill):
    query = "{{posts(limit:{},offset:{}){{author{{latestPost{{title}}}}}}}}"
    assert statements_of(world, quill, query.format(2, 10)) == 2
    assert statements_of(world, quill, query.format(90, 11)) == 2
    with process(world, "n_plus_one,no_cache") as client:
        assert statements_of(world, client, query.format(90, 11)) > 20
        assert statements_of(world, client, NEWEST) == 1
        assert statements_of(world, client, NEWEST) == 1


def test_writes_leave_a_trace_the_application_cannot_alter(world, quill):
    saved = quill.data(CREATE, "editor", t="traced")["createPost"]
    with world.cluster.connect("quill") as connection:
        row = connection.execute(
            "SELECT actor::text, action FROM tb_audit WHERE object_id = %s", [saved["id"]]
        ).fetchone()
    assert row == ("00000000-0000-4000-8000-000000000002", "create_post")


def hammer(client: Client, query: str, requests: int) -> tuple[list[float], int]:
    """Send *requests* over four connections; return the times in seconds, and how many failed."""

    def one(_: int) -> tuple[float, bool]:
        answer = client.ask(query)
        return answer.elapsed.total_seconds(), "errors" in answer.json()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one, range(requests)))
    return [seconds for seconds, _ in done], sum(failed for _, failed in done)


def test_it_endures_where_stock_does_not(world, quill):
    seconds, failed = hammer(quill, "{posts(limit:3){id}}", 1300)
    assert failed == 0
    assert median(seconds[-300:]) < 3 * median(seconds[:300])
    with process(world, variant="stock") as stock:
        stock.tokens["reader"] = "none is needed"
        _, failed = hammer(stock, "{posts(limit:1){id}}", 1100)
        assert failed > 0


@contextmanager
def without(stop: Callable[[], object], start: Callable[[], object]) -> Iterator[None]:
    stop()
    try:
        yield
    finally:
        start()


def test_it_answers_on_without_the_cache(world, quill):
    def back() -> None:
        world.valkey.start().wait_until(world.valkey.listening)

    with without(world.valkey.stop, back):
        seconds, failed = hammer(quill, NEWEST, 40)
        assert failed == 0
        assert median(seconds) < 0.5
        ready = quill.http.get("/ready")
        assert (ready.status_code, ready.json()["dependencies"]["cache"]) == (200, "unavailable")
    until(lambda: quill.http.get("/ready").json()["dependencies"]["cache"] == "ok")


def test_without_the_database_it_serves_what_is_cached_and_refuses_the_rest(world, quill):
    kept = quill.data(USERS)
    with without(world.cluster.stop, world.cluster.start):
        assert quill.http.get("/health").status_code == 200
        assert quill.http.get("/ready").status_code == 503
        cached = quill.ask(USERS)
        assert (cached.headers["x-cache"], cached.json()["data"]) == ("HIT", kept)
        refused = quill.ask("{posts(limit:33){id}}")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        for _ in range(3):
            quill.ask("{posts(limit:33){id}}")
        assert quill.ask("{posts(limit:33){id}}").elapsed.total_seconds() < 0.1  # not even asked
    until(lambda: quill.http.get("/ready").status_code == 200)
    until(lambda: quill.ask("{posts(limit:33){id}}").status_code == 200)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll; fail when it does not come true in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_dead_connections_are_replaced(world, quill):
    quill.data("{posts(limit:1,offset:50){id}}")
    with world.cluster.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'quill_app'"
        )
    for offset in range(20):
        quill.data(f"{{posts(limit:1,offset:{60 + offset}){{id}}}}")


def test_logs_are_json_and_hold_no_token(quill):
    text = quill.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["logger"] == "quill.request"]
    assert len(requests) > 50
    wanted = {"time", "level", "user_id", "endpoint", "duration", "status", "request_id"}
    assert all(wanted <= line.keys() for line in requests)
    assert not any(token in text for token in quill.tokens.values())
    assert SECRET not in text


@pytest.mark.parametrize("headers", [{"x-mode": "production"}, {"x-json-passthrough": "true"}])
def test_the_caller_does_not_choose_the_mode(quill, headers):
    query = {"query": "{posts(limit:2){id author{name}}}"}
    headers["authorization"] = f"Bearer {quill.tokens['reader']}"
    answer = quill.http.post("/graphql", json=query, headers=headers)
    assert answer.json()["data"] == quill.data(query["query"])


def test_stock_is_what_its_documentation_yields(world):
    with process(world, variant="stock") as stock:
        assert stock.http.get("/docs").status_code == 200
        assert stock.http.get("/openapi.json").status_code == 200
        assert stock.http.get("/ready").status_code == 404
        assert stock.http.get("/metrics").status_code == 404
        anonymous = stock.ask("{users(limit:2){id email}}", None).json()
        assert anonymous["data"]["users"]
        (user,) = stock.ask("{users(limit:1){id nonsense}}", None).json()["data"]["users"]
        assert user["nonsense"] is None
        (post,) = stock.ask("{posts(limit:1){author{name}}}", None).json()["data"]["posts"]
        assert "author" not in post  # flattened
