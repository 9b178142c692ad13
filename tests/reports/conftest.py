"""Results and facts by hand: every status, waived and not, and every hostile string."""

import itertools
import math
import random
from datetime import UTC, datetime

import pytest

from readiness_kit.contents import ITEMS
from readiness_kit.facts import Fact, Record
from readiness_kit.facts.load import BenchmarkLoad, Second, Stage
from readiness_kit.results import (
    SCHEMA,
    ClaimResult,
    Evidence,
    ItemResult,
    Link,
    Results,
    Reused,
    TargetSummary,
)
from readiness_kit.statistics.histogram import Recorder
from readiness_kit.verdict import Cause, Grade, Status, Verdict, worst

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "' onmouseover='alert(5)",
    "javascript:alert(6)",
    "]]><!-- &lt;b&gt; --> {{7*7}}",
    '=HYPERLINK("http://evil.example","x")',
    "| a | b |\n|---|---|\n[x](javascript:alert(8)) @everyone",
    "\x1b[2J\x00\u202egnirts\u2028line\ud800",
    "x" * 5000,
)


class Hit(Record, frozen=True):
    name: str
    said: str


class Hostile(Fact, frozen=True, kw_only=True):
    said: str
    numbers: tuple[float, ...]
    by_name: dict[str, str]
    hits: tuple[Hit, ...]


def claim_result(claim, status, *, text="seen 3 of 3", waived=False):
    cause = Cause.COULD_NOT_ASK if status is Status.UNKNOWN else None
    return ClaimResult(
        id=claim.id,
        title=claim.title,
        status=status,
        waived=waived,
        waiver=f"{text}, until 2026-12-01" if waived else "",
        effect=claim.effect,
        grade=None if cause else Grade.MEASURED,
        min_grade=Grade(claim.min_grade),
        severity=claim.severity,
        owner=claim.owner,
        phase=claim.phase,
        got=text,
        want=text,
        cause=cause,
        advice=(text,) if status is Status.WARN else (),
        evidence=() if cause else (Evidence(fact="hostile", sha256="0" * 64, pointer="/said"),),
        reproduce=f"curl -s '{text}'",
        threshold="",
        check_version="1",
    )


def results_with(texts, statuses=tuple(Status)):
    """Return results whose claims cycle through *statuses* and *texts*."""
    status_of, text_of = itertools.cycle(statuses), itertools.cycle(texts)
    red = {Status.FAIL, Status.UNKNOWN}
    items = []
    for number, item in enumerate(ITEMS):
        status, text = next(status_of), next(text_of)
        waived = status in red and number % 5 == 0
        claims = tuple(claim_result(one, status, text=text, waived=waived) for one in item.claims)
        items.append(
            ItemResult(
                id=item.id,
                title=item.title,
                line=item.line,
                section=item.section,
                status=worst(one.status for one in claims),
                waived=waived,
                remedy=text,
                references=(text,),
                claims=claims,
            )
        )
    counts = {one.value: sum(c.status is one for i in items for c in i.claims) for one in Status}
    return Results(
        schema=SCHEMA,
        run_id="20261101T120000Z-quill-abcdef",
        kit_version="0.1.0",
        target=TargetSummary(
            name="quill", environment="staging", release=texts[0], digest="0" * 64
        ),
        started_at=AT,
        finished_at=AT,
        complete=False,
        incomplete_reasons=(texts[0],),
        verdict=Verdict.NO_GO,
        counts={**counts, "waived": sum(c.waived for i in items for c in i.claims)},
        cost={"http_requests": 12.0, "seconds": 3.5},
        rejected_records=(texts[-1],),
        items=tuple(items),
        identity={"release": "1.2", "version": " ".join(texts)},
        previous=Link(run_id=texts[0], manifest_sha256="0" * 64, verdict=Verdict.GO),
        reused=(Reused(fact="smoke", run_id=texts[-1], observed_at=AT, age_days=0.5),),
    )


def load_run(seconds=40, rps=20, stall_at=17):
    """Return a load test with a stall, a gap and one lost request."""
    rnd = random.Random(4)
    blocks, series, service = [], [], Recorder()
    for second in range(seconds):
        block, found = Recorder(), []
        for _ in range(rps):
            took_s = rnd.lognormvariate(math.log(0.02), 0.6)
            service.record(took_s)
            took_s += 0.4 * rnd.random() if second == stall_at else 0
            block.record(took_s)
            found.append(took_s * 1000)
        found.sort()
        at = {"p50_ms": found[rps // 2], "p95_ms": found[-2], "p99_ms": found[-1]}
        if second == 25:
            at = dict.fromkeys(at)
        own = {f"service_{name}": value for name, value in at.items()} | {"lateness_p99_ms": 0.4}
        series.append(Second(t_s=second + 1.0, n=rps, failed=int(second == 30), **at, **own))
        if second == 30:
            block.lose()
        blocks.append(block.histogram())
    n = sum(block.n for block in blocks)
    return BenchmarkLoad(
        observed_at=AT,
        profile="benchmark",
        scenario="locustfile.py",
        users=50,
        workers=1,
        workers_lost=0,
        seconds=float(seconds),
        stages=(
            Stage(
                name="steady",
                start_s=0.0,
                seconds=float(seconds),
                from_rps=float(rps),
                to_rps=float(rps),
            ),
        ),
        aborted=None,
        scheduled=n,
        sent=n,
        answered=n - 1,
        failed=1,
        errors={"timeout": 1},
        served=None,
        offered_rps=float(rps),
        achieved_rps=rps - 0.2,
        block_s=1.0,
        blocks=tuple(blocks),
        service=service.histogram(),
        operations=(),
        series=tuple(series),
        gauges=(),
        lateness_p99_ms=1.2,
        noise_floor_ms=0.4,
        cpu_s=2.0,
        max_rss_bytes=80_000_000,
        invalid_reason=None,
    )


@pytest.fixture
def results():
    return results_with(("seen 3 of 3", "TLS 1.0 refused at 2 of 2 addresses", "P95 212 ms"))


@pytest.fixture
def hostile_results():
    return results_with(HOSTILE)


@pytest.fixture
def hostile_fact():
    return Hostile(
        observed_at=AT,
        said=HOSTILE[0],
        numbers=(math.nan, math.inf, -0.0),
        by_name=dict(zip(HOSTILE, reversed(HOSTILE), strict=True)),
        hits=tuple(Hit(name=one, said=one) for one in HOSTILE),
    )


@pytest.fixture
def load():
    return load_run()
