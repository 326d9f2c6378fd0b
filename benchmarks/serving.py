"""Measure how long clients of the web server wait on 100 million readings, beside the same queries without a server.

    python -m benchmarks.serving [--participants 16] [--days 365] [--clients 16] [--seconds 30] [--load-seconds 60]

Goals: ``/api/series`` of 500 points, any range, 16 clients at once: 60 ms in the median, 200 ms in the 95th percentile;
the index 100 ms; an app's first chart within 3 s of opening it (needs a Chromium). Then 32 clients read lists page by
page and everything else for a minute while builds publish: no request may fail; ``--load-seconds 0`` leaves this out.
Clients run in a process of their own and send the next request as soon as they have an answer.
"""

import argparse
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import numpy as np

from benchmarks.measure import print_machine, seconds, temporary_home
from benchmarks.wearable_series import RANGES, START, publish
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.query.publications import Publications
from orchestration.lib.query.timeseries import read_series

Range = tuple[str, str, str]


def ranges(number: int, participants: int, days: int) -> Iterator[Range]:
    """Draw ranges of any length of any participant, without end: participant, start, end."""
    rng = np.random.default_rng(number)
    names = list(RANGES)
    while True:
        length = min(RANGES[names[rng.integers(len(names))]], timedelta(days=days))
        slack = timedelta(days=days) - length
        start = START + timedelta(minutes=int(rng.random() * slack.total_seconds() / 60))
        yield f"bench:p{rng.integers(participants):03d}", start.isoformat(), (start + length).isoformat()


def address(drawn_range: Range) -> str:
    """Write the request for a range."""
    participant, start, end = drawn_range
    parameters = {"participant": participant, "metric": "heart_rate_bpm", "start": start, "end": end, "max_points": 500}
    return f"/api/series?{urlencode(parameters)}"


def send_requests(port: int, addresses: Iterator[str], until: float, waits: list[float], failures: list[str]) -> None:
    """Send requests one after the other, as one client."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for path in addresses:
        if time.monotonic() > until:
            break
        try:
            started = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            waits.append((time.perf_counter() - started) * 1000)
            if answer.status != 200 or not body:
                failures.append(f"{answer.status} {path}: {body[:200]!r}")
        except OSError as error:
            failures.append(f"{path}: {error!r}")
            connection.close()


def clients(
    port: int, count: int, length: float, make: Callable[[int], Iterator[str]], out: "multiprocessing.Queue[object]"
) -> None:
    """Run so many clients at once in this process; put their waits in ms, and the failures, into ``out``."""
    waits: list[float] = []
    failures: list[str] = []
    until = time.monotonic() + length
    threads = [
        threading.Thread(target=send_requests, args=(port, make(number), until, waits, failures))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put((waits, failures))


def in_own_process(work: Callable[..., None], *arguments: object) -> tuple[list[float], list[str]]:
    """Call a function in a process of its own; return what it puts into its queue."""
    context = multiprocessing.get_context("fork")
    out = context.Queue()
    process = context.Process(target=work, args=(*arguments, out))
    process.start()
    waits, failures = out.get()
    process.join()
    return waits, failures


def directly(path: Path, count: int, length: float, participants: int, days: int) -> list[float]:
    """Run the same queries in as many threads of one process, on the same file, without a server."""
    publications, waits = Publications(path), []
    until = time.monotonic() + length

    def ask(number: int) -> None:
        for participant, start, end in ranges(number, participants, days):
            if time.monotonic() > until:
                return
            started = time.perf_counter()
            with publications.latest() as publication, publication.query_session(30) as con:
                first, last = (np.datetime64(time).astype("datetime64[us]").item() for time in (start, end))
                assert len(read_series(participant, "heart_rate_bpm", first, last, con=con))
            waits.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publications.close()
    return waits


@contextmanager
def served(home: Home) -> Iterator[int]:
    """Run `vitalhouse serve` on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "serve", "--port", "0"],
        cwd=REPOSITORY,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.split("127.0.0.1:")[1].split()[0])
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def make_publishable(path: Path) -> None:
    """Add the tables that every publication has to the file of readings."""
    with duckdb.connect(str(path)) as con:
        con.execute("create schema catalog")
        con.execute("create table catalog.file (measurement varchar, status varchar, rejected_count bigint)")
        con.execute("create table catalog.load (measurement varchar, finished_at timestamp)")
        con.execute(
            "create table catalog.publication as "
            "select uuid()::varchar as publication_id, now()::timestamp as published_at, "
            "unnest(['wearable.reading_1m', 'catalog.file']) as relation, 1::bigint as row_count"
        )


def lists(number: int) -> Iterator[str]:
    """Repeat the requests of a client of the second part."""
    urls = ["/api/subjects?limit=3", "/api/catalog/files?limit=20", "/api/revenue?limit=10", "/", "/metrics", "/health"]
    while True:
        yield urls[number % len(urls)]
        number += 1


def under_load(home: Home, length: float) -> None:
    """Run 32 clients while builds of new deliveries publish; then open the apps one after the other."""
    vitalhouse(home, "generate", "ecg", "--scale", "0.1")
    vitalhouse(home, "build")
    with served(home) as port:
        out: list[tuple[list[float], list[str]]] = []
        asking = threading.Thread(target=lambda: out.append(in_own_process(clients, port, 32, length, lists)))
        asking.start()
        builds = 0
        for measurement in ("bloodtest", "practice", "balance", "wearable"):
            vitalhouse(home, "generate", measurement, "--scale", "0.1")
            vitalhouse(home, "build")
            builds += asking.is_alive()
        asking.join()
        ((waits, failures),) = out
        print_waits(f"32 clients, {builds} builds publish", waits, length)
        print(f"failed requests: {len(failures)} of {len(waits)} {failures[:3] or ''}")
        first_charts(port)


def first_charts(port: int) -> None:
    """Measure the time to each app's first chart, in a browser that has not cached it, and when it is opened again."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium: the apps were not opened")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in sorted(path.stem for path in (REPOSITORY / "notebooks").glob("[!_]*.py")):
            page = browser.new_context().new_page()
            took = []
            for _ in range(2):
                started = time.perf_counter()
                page.goto(f"http://127.0.0.1:{port}/apps/{name}/")
                page.locator("canvas").first.wait_for(timeout=120_000)
                took.append(time.perf_counter() - started)
            print(f"/apps/{name}: first chart after {took[0]:.1f} s, opened again {took[1]:.1f} s")
            page.context.close()
        browser.close()


def vitalhouse(home: Home, *arguments: str) -> None:
    """Run a command."""
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(home.path)}
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def print_waits(label: str, waits: list[float], length: float) -> None:
    """Print the distribution of waits."""
    print(
        f"{label:34} {len(waits) / length:6.0f} a second: median {np.median(waits):6.1f} ms, "
        f"95th percentile {np.percentile(waits, 95):6.1f} ms, worst {max(waits):6.0f} ms"
    )


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=16)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--load-seconds", type=float, default=60)
    options = parser.parse_args()
    print_machine()
    if options.load_seconds:
        with temporary_home() as home:
            under_load(home, options.load_seconds)
    with temporary_home() as home:
        took, count = seconds(lambda: publish(home.published_path, options.participants, options.days))
        make_publishable(home.published_path)
        size = home.published_path.stat().st_size / 1e6
        print(f"{count:,} readings made in {took:.0f} s, file of {size:,.0f} MB")
        people = (options.participants, options.days)

        def series(number: int) -> Iterator[str]:
            return map(address, ranges(number, *people))

        def index(number: int) -> Iterator[str]:
            return iter(lambda: "/", None)

        def health(number: int) -> Iterator[str]:
            return iter(lambda: "/health", None)

        with served(home) as port:
            in_own_process(clients, port, options.clients, 2.0, series)
            for label, make, many in (
                ("/api/series, one client", series, 1),
                (f"/api/series, {options.clients} clients", series, options.clients),
                ("/, one client", index, 1),
                (f"/, {options.clients} clients", index, options.clients),
                ("/health, one client", health, 1),
            ):
                length = options.seconds if make is series else options.seconds / 5
                waits, failures = in_own_process(clients, port, many, length, make)
                assert not failures, failures[:3]
                print_waits(label, waits, length)
        for many in (1, options.clients):
            waits = directly(home.published_path, many, options.seconds, *people)
            print_waits(f"without a server, {many} at once", waits, options.seconds)


if __name__ == "__main__":
    main()
