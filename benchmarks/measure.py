"""Share a temporary warehouse, the clock and the peak of memory between benchmarks."""

import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeVar

from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from orchestration.lib.sources.ecg.transform import transform_runs

Result = TypeVar("Result")


@contextmanager
def temporary_home() -> Iterator[Home]:
    """Make a home that is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="vitalhouse-bench-"))
    try:
        yield Home(folder).ensure()
    finally:
        shutil.rmtree(folder)


def load_ecg(home: Home, deliveries: Sequence[Delivery] | None = None) -> tuple[float, float]:
    """Crawl and load headers, then transform signals; return the seconds of each."""
    lake, warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
    headers = crawl_and_load(ECG_RUN_HEADER, ENTITIES, lake, warehouse, deliveries, settle_seconds=0)
    signals = transform_runs(lake, warehouse, deliveries)
    for report in (headers, signals):
        assert not report.problems, report.problems[:3]
    return headers.seconds, signals.seconds


def seconds(work: Callable[[], Result]) -> tuple[float, Result]:
    """Measure the seconds of a call; return them with its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    """Measure the median seconds of a call over some rounds, after one that does not count."""
    work()
    return median(seconds(work)[0] for _ in range(rounds))


def peak_memory_mb() -> float:
    """Measure the most memory that this process has held so far, in megabytes."""
    # getrusage also counts the memory of the parent at the time when it started this process.
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_machine() -> None:
    """Print the machine on which the figures were measured."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}")
