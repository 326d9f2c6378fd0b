"""Figures for Prometheus: what is asked of the server and how long it takes, and what state the data are in."""

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

# From what a page takes that is not asked for anew (304) to the limit of a question.
_BUCKETS = (0.005, 0.01, 0.025, 0.06, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0)
# Beyond which a figure may be counted: the catalog's tables are small.
_SECONDS = 5.0


class Data(Collector):
    """What the publication, and the latest builds' checks, say at the moment of being asked."""

    def __init__(self, publications: Publications, checks_path: Path) -> None:
        self._publications = publications
        self._checks_path = checks_path

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily(
            "vitalhouse_failed_checks", "Tests whose latest result is bad: warn, fail or error.", labels=["status"]
        )
        found = Counter(check.status for check in test_results.read(self._checks_path))
        for status in test_results.BAD:
            failed.add_metric([status], found[status])
        yield failed
        try:
            with self._publications.latest() as publication:
                yield from _of(publication)
        except NothingPublished:
            yield GaugeMetricFamily("vitalhouse_is_published", "Whether there is a publication.", value=0)


def _of(publication: Publication) -> Iterator[Metric]:
    yield GaugeMetricFamily("vitalhouse_is_published", "Whether there is a publication.", value=1)
    age = datetime.now(UTC).replace(tzinfo=None) - publication.published_at
    yield GaugeMetricFamily(
        "vitalhouse_publication_age_seconds", "Since the last publication.", value=age.total_seconds()
    )
    rows = GaugeMetricFamily("vitalhouse_mart_rows", "Rows of each published relation.", labels=["relation"])
    for relation, row_count in publication.row_counts.items():
        rows.add_metric([relation], row_count)
    yield rows
    files = GaugeMetricFamily("vitalhouse_files", "Files that arrived.", labels=["measurement", "status"])
    rejected = GaugeMetricFamily("vitalhouse_rejected_rows", "Rows refused of loaded files.", labels=["measurement"])
    with publication.query_session(_SECONDS) as con:
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
    """Counts what an app is asked, and how long it takes to answer."""

    def __init__(self, app: ASGIApp, registry: prometheus.CollectorRegistry) -> None:
        self.app = app
        self._requests = prometheus.Counter(
            "vitalhouse_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = prometheus.Histogram(
            "vitalhouse_request_seconds",
            "Until an answer was sent whole.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # What an app that is mounted below changes in the scope is not ours.
        path, status, started = scope["path"], 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            route = _route(scope, path)
            self._requests.labels(_method(scope["method"]), route, str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)


def _route(scope: Scope, path: str) -> str:
    """The route as it is written in the code: a figure for each subject would be endless."""
    if path.startswith("/apps/"):
        # The name of an app, or whatever somebody made up.
        return "/apps"
    return getattr(scope.get("route"), "path", "other")


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH") else "other"
