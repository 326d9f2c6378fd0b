"""ECG files for tests: short, readable, written where a clinic would write them."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.sources.ecg import transform
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from orchestration.lib.warehouse.connection import Warehouse
from synthetic.ecg_signal import synthesize_runs

# 2.5 s at 100 Hz: beyond the 2 s that a run needs, and as short as a test's run can be.
RATE_HZ = 100
SAMPLE_COUNT = 250


def signal_file(seed: int = 0, sample_count: int = SAMPLE_COUNT, rate_hz: float = RATE_HZ) -> bytes:
    """A signal file of a made-up heart; another seed is another heart."""
    return samples_file(_samples(seed, sample_count, rate_hz))


def samples_file(samples: Sequence[float]) -> bytes:
    return "\n".join(["ecg_raw", *map(repr, map(float, samples)), ""]).encode()


@functools.cache
def _samples(seed: int, sample_count: int, rate_hz: float) -> Sequence[float]:
    return np.round(synthesize_runs(1, sample_count, rate_hz, seed)[0][0], 3).tolist()


def header_file(without: str | None = None, **changes: object) -> bytes:
    """A valid header with some values changed, and one left out."""
    header: Mapping[str, object] = {
        "fs": RATE_HZ,
        "units": "mV",
        "date": "07.12.2004",
        "age": "25",
        "sex": "male",
    } | changes
    return json.dumps({key: value for key, value in header.items() if key != without}).encode()


@dataclass(frozen=True)
class Clinic:
    """A clinic that writes deliveries into a lake."""

    lake: Lake
    name: str = "sf_state"
    measurement: str = "ecg"

    def delivery(self, name: str) -> Delivery:
        return Delivery(self.name, self.measurement, name)

    def raw_path(self, delivery: str, path_below: str) -> str:
        return f"{self.delivery(delivery).path}/{path_below}"

    def path(self, delivery: str, path_below: str = "") -> Path:
        return self.lake.path(self.delivery(delivery).path) / path_below

    def put(self, delivery: str, path_below: str, content: bytes) -> str:
        """Put one file in its place, whole, as a careful provider does; gives its raw path."""
        path = self.path(delivery, path_below)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(".unfinished")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        return self.raw_path(delivery, path_below)

    def put_run(
        self, delivery: str, subject: int, run: int, signal: bytes | None = None, header: bytes | None = None
    ) -> tuple[str, str]:
        """Write the two files of a run; gives the raw paths of signal and header."""
        below = f"subject_{subject:02d}/run_{run}"
        return (
            self.put(delivery, f"{below}.csv", signal_file(100 * subject + run) if signal is None else signal),
            self.put(delivery, f"{below}_header.json", header_file() if header is None else header),
        )


def ingest(
    lake: Lake, warehouse: Warehouse, deliveries: Sequence[Delivery] | None = None, reload: bool = False
) -> LoadReport:
    """What a build does before dbt, without waiting for files to settle; gives both steps' report as one."""
    report = crawl_and_load(ECG_RUN_HEADER, ENTITIES, lake, warehouse, deliveries, reload, settle_seconds=0)
    signals = transform.transform_runs(lake, warehouse, deliveries, reload)
    for name in ("file_count", "row_count", "rejected_count", "rejected_file_count", "duplicate_count"):
        setattr(report, name, getattr(report, name) + getattr(signals, name))
    report.waiting_count += signals.waiting_count
    report.problems += signals.problems
    return report


def statuses(warehouse: Warehouse) -> dict[str, str]:
    """What became of each file: raw path to status."""
    with warehouse.read() as con:
        return dict(con.execute("select raw_path, status from catalog.file order by raw_path").fetchall())


def reasons(warehouse: Warehouse) -> dict[str, str | None]:
    """Why each file is not loaded: raw path to reason."""
    with warehouse.read() as con:
        return dict(con.execute("select raw_path, reason from catalog.file order by raw_path").fetchall())
