"""Count requests and measure their time, and describe the state of the data, as metrics for Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestration.lib.modelling import test_results
from orchestration.lib.query.publications import Publication, Publications
from orchestration.lib.query.published import NothingPublished

# From the time of an answer without a query (304) to the limit of a query.
_BUCKETS = (0.005, 0.01, 0.025, 0.06, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0)
# The longest that the queries of the metrics may take: the catalog's tables are small.
_QUERY_SECONDS = 5.0


class DataCollector(Collector):
    """Reads the state of the publication, and of the latest builds' checks, whenever Prometheus asks."""

    def __init__(self, publications: Publications, checks_path: Path) -> None:
        self._publications = publications
        self._checks_path = checks_path

    def collect(self) -> Iterator[Metric]:
        """Read the metrics of the data."""
        failed = GaugeMetricFamily(
            "vitalhouse_failed_checks", "Tests whose latest result is bad: warn, fail or error.", labels=["status"]
        )
        status_counts = Counter(check.status for check in test_results.read(self._checks_path))
        for status in test_results.BAD:
            failed.add_metric([status], status_counts[status])
        yield failed
        try:
            with self._publications.latest() as publication:
                yield from _metrics_of(publication)
        except NothingPublished:
            yield GaugeMetricFamily("vitalhouse_is_published", "Whether there is a publication.", value=0)


def _metrics_of(publication: Publication) -> Iterator[Metric]:
    yield GaugeMetricFamily("vitalhouse_is_published", "Whether there is a publication.", value=1)
    age = datetime.now(UTC).replace(tzinfo=None) - publication.published_at
    yield GaugeMetricFamily(
        "vitalhouse_publication_age_seconds", "Seconds since the last publication.", value=age.total_seconds()
    )
    rows = GaugeMetricFamily("vitalhouse_mart_rows", "Rows of each published relation.", labels=["relation"])
    for relation, row_count in publication.row_counts.items():
        rows.add_metric([relation], row_count)
    yield rows
    files = GaugeMetricFamily("vitalhouse_files", "Delivered files.", labels=["measurement", "status"])
    rejected = GaugeMetricFamily("vitalhouse_rejected_rows", "Rejected rows of loaded files.", labels=["measurement"])
    with publication.query_session(_QUERY_SECONDS) as con:
        for measurement, status, count in con.execute(
            "select measurement, status, count(*) from catalog.file group by all order by all"
        ).fetchall():
            files.add_metric([measurement, status], count)
        for measurement, count in con.execute(
            "select measurement, coalesce(sum(rejected_count), 0)::bigint from catalog.file group by all order by all"
        ).fetchall():
            rejected.add_metric([measurement], count)
    yield files
    yield rejected


class MetricsMiddleware:
    """Counts the requests of an app, and measures how long it takes to answer them."""

    def __init__(self, app: ASGIApp, registry: prometheus.CollectorRegistry) -> None:
        self.app = app
        self._requests = prometheus.Counter(
            "vitalhouse_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = prometheus.Histogram(
            "vitalhouse_request_seconds",
            "Seconds until an answer was sent completely.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it when it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # A mounted app changes the path in the scope.
        path, status, started = scope["path"], 500, time.perf_counter()

        async def send_and_keep_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_keep_status)
        finally:
            route = _route(scope, path)
            self._requests.labels(_method(scope["method"]), route, str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)


def _route(scope: Scope, path: str) -> str:
    """Return the route as it is written in the code: metrics by subject would have no end."""
    if path.startswith("/apps/"):
        # Whether an app of this name exists or not.
        return "/apps"
    return getattr(scope.get("route"), "path", "other")


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH") else "other"
