"""What the target's own side shows: on the run's clock, each place for itself, never in the way."""

import itertools
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlsserver import listen
from webserver import Reply, secret, serve, visit

from readiness_kit.errors import NotSeen, TargetError
from readiness_kit.harness.sampling import gauges as module
from readiness_kit.harness.sampling import processes, readings
from readiness_kit.harness.sampling.gauges import MOST_NOTES, MOST_SAMPLES, Gauges
from readiness_kit.harness.sampling.readings import Reading
from readiness_kit.harness.sampling.samplers import MOST_SERIES, samplers
from readiness_kit.target import Application, Cache, Database, GaugeQuery, Load, Prometheus

PATIENCE_S = 20.0
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_rate_is_too_short(monkeypatch):
    monkeypatch.setattr(readings, "SHORTEST_S", 0.0)


class Fake:
    """A place whose n-th sample is what *answers* says, exceptions raised, then the last again."""

    def __init__(self, *answers):
        self.answers = itertools.chain(answers, itertools.repeat(answers[-1]))
        self.opened, self.taken = 0, 0
        self.changed = threading.Condition()

    @contextmanager
    def open(self, _):
        self.opened += 1
        yield self.sample

    def sample(self):
        answer = next(self.answers)
        with self.changed:
            self.taken += 1
            self.changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return [Reading("depth", "queue", answer)]

    def wait_for(self, more):
        with self.changed:
            enough = self.taken + more
            assert self.changed.wait_for(lambda: self.taken >= enough, PATIENCE_S)


@pytest.fixture
def watching(monkeypatch):
    def watch(*fakes, seconds=10.0):
        monkeypatch.setattr(module, "samplers", lambda *_: [fake.open for fake in fakes])
        made = Gauges(visit(NOWHERE), seconds=seconds)
        made.interval_s = 0.01
        return made

    return watch


def test_only_what_was_seen_since_the_start_is_kept_on_the_clock_of_the_run(watching):
    fake = Fake(1.0, 2.0)
    with watching(fake) as gauges:
        fake.wait_for(3)
        assert gauges.series() == ()
        gauges.start()
        fake.wait_for(5)
    (series,) = gauges.series()
    assert (series.name, series.of) == ("depth", "queue")
    assert len(series.t_s) == len(series.values) >= 3
    assert list(series.t_s) == sorted(series.t_s)
    assert series.t_s[0] >= 0
    assert gauges.notes == ()
    assert gauges.series() == (series,)
    assert not any(thread.is_alive() for thread in gauges._threads)


def test_a_place_that_breaks_leaves_a_gap_says_so_once_and_is_opened_again(watching):
    gone = NotSeen("the queue is gone", hint="never shown")
    unset = TargetError("env:DSN is not set", hint="never shown")
    fake = Fake(gone, gone, OSError("and now?"), unset, gone, 5.0)
    with watching(fake) as gauges:
        gauges.start()
        fake.wait_for(9)
    assert fake.opened == 6
    assert gauges.notes == ("the queue is gone", "OSError: and now?", "env:DSN is not set")
    assert set(gauges.series()[0].values) == {5.0}


def test_a_place_that_hangs_stops_neither_the_others_nor_the_end(watching, monkeypatch):
    monkeypatch.setattr(module, "LEAVE_S", 0.05)
    release, hanging = threading.Event(), Fake(1.0)
    hanging.sample = lambda: release.wait(PATIENCE_S) and [Reading("late", "queue", 1.0)]
    fake = Fake(1.0)
    with watching(hanging, fake) as gauges:
        gauges.start()
        fake.wait_for(5)
    release.set()
    for thread in gauges._threads:
        thread.join(PATIENCE_S)
    assert {series.name for series in gauges.series()} == {"depth"}


def test_notes_are_few(watching):
    fake = Fake(*(NotSeen(f"reason {n}" * 100) for n in range(2 * MOST_NOTES)))
    with watching(fake) as gauges:
        gauges.start()
        fake.wait_for(2 * MOST_NOTES)
    assert len(gauges.notes) == MOST_NOTES
    assert all(len(note) <= 300 for note in gauges.notes)


def test_a_run_that_fails_still_stops_the_sampling(watching):
    def run(gauges):
        with gauges:
            gauges.start()
            raise NotSeen("the target is down")

    gauges = watching(Fake(1.0))
    with pytest.raises(NotSeen, match="the target"):
        run(gauges)
    assert not any(thread.is_alive() for thread in gauges._threads)
    assert gauges.served is None


@pytest.mark.parametrize(
    ("seconds", "interval_s"), [(30, 1.0), (600, 1.0), (720, 1.0), (1800, 2.5), (7200, 10.0)]
)
def test_a_series_stays_small_however_long_the_test(seconds, interval_s):
    assert Gauges(visit(NOWHERE), seconds=seconds).interval_s == interval_s
    assert seconds / interval_s <= MOST_SAMPLES


@given(st.floats(1, 1e5), st.floats(0, 1e4), st.floats(0, 1e4))
def test_instants_lie_on_a_grid_and_ahead(seconds, started, passed):
    gauges = Gauges(visit(NOWHERE), seconds=seconds)
    gauges._started = started
    last = started + passed
    due = gauges._next(last)
    assert last <= due + 1e-6
    assert due <= last + gauges.interval_s + 1e-6
    steps = (due - started) / gauges.interval_s
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert gauges._next(started - 1e-3) == started


def take(asked, times=1):
    """Open everything there is to sample, take samples, and return them with the notes."""
    notes = []
    found = []
    for sampler in samplers(asked, notes.append):
        with sampler(asked) as sample:
            found += [tuple(one) for _ in range(times) for one in sample()]
    return found, notes


def values(found, name):
    return [value for one, _, value in found if one == name]


CHILD = """
import os, sys
held = []
os.write(1, b"done\\n")
for line in sys.stdin:
    if line == "fork\\n" and os.fork() == 0:
        held.append(bytearray(os.urandom(1)) * 60_000_000)
        os.write(1, b"done\\n")
        os.read(int(sys.argv[1]), 1)
        os._exit(0)
    if line == "grow\\n":
        held.append(bytearray(os.urandom(1)) * 50_000_000)
        os.write(1, b"done\\n")
    if line == "work\\n":
        sum(n * n for n in range(3_000_000))
        os.write(1, b"done\\n")
"""


@contextmanager
def child():
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        try:
            assert process.stdout.readline() == b"done\n"
            yield process
        finally:
            process.kill()


def tell(process, word):
    process.stdin.write(f"{word}\n".encode())
    assert process.stdout.readline() == b"done\n"


def test_a_process_shows_its_memory_its_work_and_its_children(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOOK_AROUND", 1)
    file = tmp_path / "api.pid"
    with child() as process:
        file.write_text(f"{process.pid}\n")
        tree = processes._ProcessTree(file)
        first = {name: value for name, _, value in tree.sample()}
        tell(process, "grow")
        tell(process, "work")
        second = {
            name: value for name, of, value in tree.sample() if of == f"process {process.pid}"
        }
        assert second["resident_bytes"] - first["resident_bytes"] == pytest.approx(50e6, rel=0.1)
        assert 0 < second["cpu_cores"] < 1.5
        tell(process, "fork")
        third = {name: value for name, _, value in tree.sample()}
        assert third["resident_bytes"] - second["resident_bytes"] > 55e6
        for one in psutil.Process(process.pid).children():
            one.kill()
    with pytest.raises(NotSeen, match=r"api\.pid is gone"):
        list(tree.sample())


def test_a_restarted_process_is_another_series(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOOK_AROUND", 1)
    file = tmp_path / "api.pid"
    asked = visit(NOWHERE, application=Application(process_ids=(file,)))
    with child() as old, child() as new:
        file.write_text(str(old.pid))
        gauges = Gauges(asked, seconds=10)
        gauges.interval_s = 0.01
        with gauges:
            gauges.start()
            until(lambda: of(gauges, old))
            fresh = tmp_path / "fresh"
            fresh.write_text(str(new.pid))
            fresh.replace(file)  # at once: a file that is empty for a moment names nobody
            until(lambda: of(gauges, new))
            new.kill()
            new.wait()
            until(lambda: any("api.pid is gone" in note for note in gauges.notes))
    assert any("another process than before" in note for note in gauges.notes)


def of(gauges, process):
    return f"process {process.pid}" in {one.of for one in gauges.series()}


def until(true):
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def test_without_processes_here_the_metrics_are_asked_and_the_reason_is_said(tmp_path):
    (tmp_path / "api.pid").write_text("4194999")
    with serve(page()) as url:
        asked = visit(
            url,
            api={"metrics_urls": (f"{url}/metrics",)},
            application=Application(process_ids=(tmp_path / "api.pid",)),
        )
        found, notes = take(asked)
    assert values(found, "resident_bytes") == [1e6]
    assert len(notes) == 1
    assert "api.pid" in notes[0]


def test_nothing_to_ask_says_what_to_add():
    found, notes = take(visit(NOWHERE))
    assert {name for name, _, _ in found} <= {"host_cpu_cores"}
    assert "api.metrics_urls" in notes[0]


PAGE = """\
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes {resident}
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total {cpu}
# TYPE process_start_time_seconds gauge
process_start_time_seconds {started}
# TYPE shop_http_requests_total counter
shop_http_requests_total{{endpoint="/graphql",status="200"}} {n}
shop_http_requests_total{{endpoint="/orders",status="200"}} {n}
shop_http_requests_total{{endpoint="/health",status="200"}} 99
shop_http_requests_total{{endpoint="/metrics",status="200"}} {read}
"""


def page(*changes):
    """Answer the n-th reading with the n-th of *changes*, and the last again."""
    read = itertools.count(1)
    told = itertools.chain(changes, itertools.repeat(changes[-1] if changes else {}))

    def answer(asked):
        change = next(told)
        if isinstance(change, Reply):
            return change
        shown = {"resident": 1e6, "cpu": 1.0, "started": 17e8, "n": 0, "read": next(read)}
        return Reply(body=PAGE.format(**(shown | change)))

    return answer


def at(url, **changes):
    return visit(url, api={"metrics_urls": (f"{url}/metrics",), **changes})


def test_a_metrics_page_tells_memory_and_work():
    with serve(page({"resident": 5, "cpu": 1}, {"resident": 7, "cpu": 1.5})) as url:
        found, notes = take(at(url), times=2)
    assert values(found, "resident_bytes") == [5, 7]
    (cores,) = values(found, "cpu_cores")
    assert cores > 0
    assert {of for name, of, _ in found if name != "host_cpu_cores"} == {f"{url}/metrics"}
    assert notes == []


def test_no_rate_is_told_over_too_short_a_time(monkeypatch):
    monkeypatch.setattr(readings, "SHORTEST_S", 0.3)
    rates = readings.Rates()
    seen = [(0.0, 0.0), (9.0, 0.1), (9.0, 1.0), (9.1, 1.2), (10.0, 2.0)]
    assert [rates.rate("api", *one) for one in seen] == [None, None, 9.0, None, 1.0]


def test_a_restart_behind_a_metrics_page_is_another_series():
    with serve(page({}, {"started": 18e8, "cpu": 0}, {"cpu": 2}, {"started": 18e8})) as url:
        found, _ = take(at(url), times=4)
    where = f"{url}/metrics"
    owners = [of for name, of, _ in found if name == "resident_bytes"]
    assert owners == [where, f"{where} #2", where, f"{where} #2"]
    assert [of for name, of, _ in found if name == "cpu_cores"] == [where, f"{where} #2"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, "busy"),
        Reply(body="<html>"),
        Reply(body="a 1\n"),
        Reply(302, headers={"location": "http://127.0.0.1:9/metrics"}),
        Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
    ],
)
def test_a_page_that_is_none_is_a_reason(reply):
    with serve(lambda _: reply) as url, pytest.raises(NotSeen, match="/metrics"):
        take(at(url))


def counted(answer, *, urls=1, fail=False, path="", **api):
    """Return what a run between two readings learns, and its notes."""
    with serve(answer) as url:
        asked = visit(url, api={"metrics_urls": (f"{url}/metrics",) * urls, **api})
        gauges = Gauges(asked, seconds=10, path=path)
        gauges._served.begin()
        for future in gauges._served._before:
            future.result(PATIENCE_S)
        gauges._served.end()
        gauges._served.close()
    return gauges.served, gauges.notes


@pytest.mark.parametrize(
    ("api", "path", "n"),
    [
        ({}, "", 40),
        ({}, "/health", 0),
        ({"kind": "rest"}, "", 80),
        ({"kind": "rest"}, "/orders", 40),
    ],
)
def test_the_counters_of_the_target_tell_what_it_served(api, path, n):
    assert counted(page({"n": 2}, {"n": 42}), path=path, **api) == (n, ())


def test_all_processes_are_counted_or_none_is():
    assert counted(page({"n": 0}, {"n": 5}, {"n": 30}, {"n": 45}), urls=2)[0] == 70
    served, notes = counted(page({"n": 0}, {"n": 0}, {"n": 30}, Reply(503)), urls=2)
    assert served is None
    assert len(notes) == 1
    assert "/metrics" in notes[0]


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ({"n": 9}, {"n": 8}, "another process"),
        ({"n": 1}, {"n": 8, "started": 18e8}, "another process"),
        (Reply(body="up 1\n"), Reply(body="up 1\n"), "no counter"),
        ({"n": 1}, Reply(body="<html>"), "text format"),
    ],
)
def test_a_count_that_cannot_be_trusted_is_none(first, last, why):
    served, notes = counted(page(first, last))
    assert served is None
    assert why in notes[0]


def test_a_counter_that_appears_with_the_first_request_began_at_nothing():
    empty = Reply(body="process_start_time_seconds 1.7e9\n")
    assert counted(page(empty, {"n": 12})) == (12, ())


def test_without_metrics_nothing_is_counted():
    gauges = Gauges(visit(NOWHERE), seconds=10)
    with gauges:
        gauges.start()
    assert gauges.served is None


class Prom:
    """Answers queries with series; keeps what was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, asked):
        import urllib.parse

        query = urllib.parse.parse_qs(asked.path.partition("?")[2])["query"][0]
        self.asked.append(query)
        for word, series in self.answers.items():
            if word in query:
                result = [{"metric": m, "value": [1.0, v]} for m, v in series]
                return Reply(
                    body={"status": "success", "data": {"resultType": "vector", "result": result}}
                )
        return Reply(400, {"status": "error", "error": "parse error"})


def scraped(prometheus, api=None, names=None, **load):
    with serve(prometheus) as url:
        asked = visit(
            NOWHERE, api=api, prometheus=Prometheus(url=url, names=names or {}), load=Load(**load)
        )
        return take(asked)


def test_each_series_of_a_declared_query_is_a_gauge():
    pods = [({"__name__": "up", "pod": "b", "job": "api"}, "2"), ({"pod": "c"}, "NaN"), ({}, "4")]
    found, _ = scraped(Prom(kube=pods), gauges=(GaugeQuery(name="replicas", query="kube"),))
    assert [one for one in found if one[0] == "replicas"] == [
        ("replicas", "job=api, pod=b", 2.0),
        ("replicas", "prometheus", 4.0),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        Prom(),
        Prom(kube=[({"pod": str(n)}, "1") for n in range(MOST_SERIES + 1)]),
        lambda _: Reply(
            body={"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}
        ),
    ],
)
def test_a_query_without_a_usable_answer_names_its_gauge(answer):
    with pytest.raises(NotSeen, match=r"load\.gauges replicas"):
        scraped(answer, gauges=(GaugeQuery(name="replicas", query="kube"),))


@pytest.mark.parametrize(
    ("api", "names", "asked"),
    [
        (
            {"instances": ("http://10.0.0.5:80", "http://10.0.0.6:80")},
            {},
            r"process_resident_memory_bytes{instance=~`10\.0\.0\.5:80|10\.0\.0\.6:80`}",
        ),
        (
            {},
            {"requests_total": "shop_requests"},
            "process_resident_memory_bytes and on (job, instance) shop_requests_total",
        ),
    ],
)
def test_prometheus_is_asked_for_the_processes_of_the_application_alone(api, names, asked):
    one, other = ({"instance": "a"}, "5"), ({"instance": "b"}, "6")
    prometheus = Prom(start_time=[one], resident=[one, other], cpu_seconds=[one])
    found, notes = scraped(prometheus, api, names)
    assert asked in prometheus.asked
    assert values(found, "resident_bytes") == [5, 6]
    assert ("cpu_cores", "instance=a", 5.0) in found
    assert notes == []


def test_a_prometheus_that_cannot_tell_them_apart_is_not_asked():
    prometheus = Prom(process=[({}, "1")])
    _, notes = scraped(prometheus)
    assert prometheus.asked == []
    assert "prometheus.names.requests_total" in notes[0]


def test_a_place_that_the_target_does_not_name_is_never_asked():
    with serve(page()) as url:
        asked = visit(url, api={"metrics_urls": (f"{url}/metrics",)})
        (sampler, *_) = samplers(asked, lambda _: None)
        elsewhere = visit(NOWHERE)
        with pytest.raises(NotSeen, match="not named"), sampler(elsewhere):
            pass


def test_this_host_is_watched_only_when_the_target_is_on_it():
    asked = visit("http://127.0.0.1:9")
    found, _ = take(asked, times=2)
    assert [of for name, of, _ in found if name == "host_cpu_cores"] == ["host"]
    assert take(visit("http://192.0.2.1"), times=2)[0] == []


def test_questions_are_counted():
    with serve(page()) as url:
        asked = at(url)
        take(asked, times=3)
    assert asked.meter.counts()["http_requests"] == 3


def test_a_database_and_a_cache_that_are_away_are_reasons(tmp_path, free_port):
    gauges = Gauges(
        visit(
            "http://192.0.2.1",
            database=Database(
                dsn=secret(tmp_path, "dsn", f"postgresql://a@127.0.0.1:{free_port}/b")
            ),
            cache=Cache(url=secret(tmp_path, "url", f"redis://:pw@127.0.0.1:{free_port}/0")),
        ),
        seconds=10,
    )
    with gauges:
        gauges.start()
        until(lambda: len(gauges.notes) == 3)
    assert gauges.series() == ()
    assert any("no connection to the database" in note for note in gauges.notes)
    assert any("the cache" in note for note in gauges.notes)
    assert not any("pw" in note for note in gauges.notes)


def test_a_database_that_never_answers_does_not_hold_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAVE_S", 0.05)
    reached, release = threading.Event(), threading.Event()

    def silent(wire):
        wire.recv(100)
        reached.set()
        release.wait(PATIENCE_S)

    with listen(silent) as port:
        dsn = secret(tmp_path, "dsn", f"postgresql://a@127.0.0.1:{port}/b")
        gauges = Gauges(visit("http://192.0.2.1", database=Database(dsn=dsn)), seconds=10)
        with gauges:
            gauges.start()
            assert reached.wait(PATIENCE_S)
        release.set()
    for thread in gauges._threads:
        thread.join(PATIENCE_S)
    assert gauges.series() == ()
    assert len(gauges.notes) == 1  # the end itself is no reason
