"""Load 30 participant-days of heart rate a second (2.6 million readings), beside Python's json.

    python -m benchmarks.wearable_load [--participants 10] [--days 3] [--rounds 3]

Goal: at least 3 times as fast as `json.load` and a list comprehension over the same files in the same run, and memory
under 4 GB. Ours is end to end: crawl, hashes, reading, checks, the raw table, the catalog.
Beside the seconds on the clock stand those of the processor, which other work on the machine does not stretch.
"""

import argparse
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.wearable.contract import WEARABLE_READING
from synthetic.wearable import heart_rate_document


def write_days(folder: Path, participants: int, days: int) -> list[Path]:
    """Write a file a participant and day, as the Web API gives them."""
    rng = np.random.default_rng(1)
    paths = []
    for participant in range(participants):
        for day in range(days):
            rates = np.clip(70 + np.cumsum(rng.normal(0, 0.5, 86_400)), 45, 190).round()
            on = date(2024, 1, 1) + timedelta(days=day)
            document = heart_rate_document(on, np.arange(86_400), rates, 58, 1)
            path = folder / f"participant=p{participant:03d}/heart_rate-{on}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document))
            paths.append(path)
    return paths


def read_with_json(paths: list[Path]) -> int:
    """Read day, time and value of every reading as plain Python does."""
    count = 0
    for path in paths:
        with path.open() as file:
            document = json.load(file)
        rows = [
            (day["activities-heart"][0]["dateTime"], reading["time"], reading["value"])
            for part in document
            for day in part["heart_rate_day"]
            for reading in day["activities-heart-intraday"]["dataset"]
        ]
        count += len(rows)
    return count


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=10)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    ours, python = [], []
    with temporary_home() as home:
        folder = home.lake_path / "incoming/clinic=bench/measurement=wearable/2024-02-01"
        paths = write_days(folder, options.participants, options.days)
        size = sum(path.stat().st_size for path in paths)
        count = options.participants * options.days * 86_400
        print(f"{len(paths)} files, {size / 1e6:.0f} MB, {count:,} readings")
        for _ in range(options.rounds):
            home.warehouse_path.unlink(missing_ok=True)
            with open_warehouse(home.warehouse_path).write():
                pass  # its tables are there from the first build on
            took, report = seconds(
                lambda: crawl_and_load(
                    WEARABLE_READING,
                    ENTITIES,
                    Lake(home.lake_path),
                    open_warehouse(home.warehouse_path),
                    settle_seconds=0,
                )
            )
            assert report.row_count == count + len(paths), report
            ours.append(took)
            took, read_count = seconds(lambda: read_with_json(paths))
            assert read_count == count
            python.append(took)
            print(f"  ours {ours[-1]:.2f} s, json.load and a list comprehension {python[-1]:.2f} s")
    print(f"ours   {count / min(ours):12,.0f} readings/s, peak memory {peak_memory_mb():.0f} MB")
    print(f"python {count / min(python):12,.0f} readings/s")
    print(f"ratio  {min(python) / min(ours):12.2f}")


if __name__ == "__main__":
    main()
