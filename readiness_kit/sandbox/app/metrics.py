"""Prometheus metrics of one process, under the names FraiseQL gives them."""

from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from psycopg_pool import AsyncConnectionPool
from starlette.responses import Response

from readiness_kit.sandbox.app.call import Call, Outcome

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the duration histogram, seconds."""


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        """Count from zero, in a registry of its own."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "fraiseql_http_requests_total",
            "HTTP requests answered",
            ["method", "endpoint", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fraiseql_http_request_duration_seconds",
            "Time to answer an HTTP request",
            ["method", "endpoint"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._errors = Counter(
            "fraiseql_graphql_errors_total",
            "GraphQL errors answered, by code",
            ["code"],
            registry=self._registry,
        )
        self._reads = Counter(
            "fraiseql_cache_reads_total",
            "Reads of the cache, by outcome",
            ["outcome"],
            registry=self._registry,
        )

    def watch(self, pool: AsyncConnectionPool) -> None:
        """Show how *pool* is used."""
        for name, key in (("size", "pool_size"), ("available", "pool_available")):
            gauge = Gauge(
                f"fraiseql_db_connections_{name}",
                f"Database connections: {name}",
                registry=self._registry,
            )
            gauge.set_function(partial(_statistic, pool, key))

    def count(self, call: Call, outcome: Outcome) -> None:
        """Count one finished request."""
        method, endpoint = outcome.method, outcome.endpoint
        self._requests.labels(method, endpoint, str(outcome.status)).inc()
        self._seconds.labels(method, endpoint).observe(outcome.duration_s)
        for reason, _ in call.failures:
            self._errors.labels(reason.code if reason else "INTERNAL_SERVER_ERROR").inc()
        self._reads.labels("hit").inc(call.cache_hits)
        self._reads.labels("miss").inc(call.cache_misses)

    def answer(self) -> Response:
        """Return the exposition."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


def _statistic(pool: AsyncConnectionPool, key: str) -> float:
    return float(pool.get_stats().get(key, 0))


FAKE = """\
# HELP fraiseql_http_requests_total HTTP requests answered
# TYPE fraiseql_http_requests_total counter
fraiseql_http_requests_total{endpoint="/graphql",method="POST",status="200"} 1.0
# HELP fraiseql_http_request_duration_seconds Time to answer an HTTP request
# TYPE fraiseql_http_request_duration_seconds histogram
fraiseql_http_request_duration_seconds_bucket{le="0.1"} 1.0
fraiseql_http_request_duration_seconds_bucket{le="0.5"} 1.0
fraiseql_http_request_duration_seconds_bucket{le="1.0"} 1.0
fraiseql_http_request_duration_seconds_bucket{le="+Inf"} 1.0
fraiseql_http_request_duration_seconds_count 1.0
fraiseql_http_request_duration_seconds_sum 0.01
"""
"""What FraiseQL shows where prometheus_client is missing: figures that never move."""
