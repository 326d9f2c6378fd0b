"""Measure what one more day of one participant costs with much history, beside a warehouse with a tenth of it.

    python -m benchmarks.wearable_day [--participants 20] [--days 150] [--rounds 5]

Goal: no more than 1.5 times. Measured: crawl and load of the day's file, and the time that dbt takes for each model of
the source (without dbt's own start, which is the same in both).
"""

import argparse
import json
import subprocess
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.measure import print_machine, temporary_home
from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import dbt_cli
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.ecg.signal_parquet import prepare
from orchestration.lib.sources.wearable.contract import WEARABLE_READING, WEARABLE_ROSTER
from synthetic.wearable import heart_rate_document

INTERVAL_SECONDS = 20
FIRST = date(2025, 1, 1)


class History:
    """Keep a warehouse with some days of some participants, and add days of one of them."""

    def __init__(self, home: Home, participants: int, days: int) -> None:
        self.home, self.days = home, days
        self.lake, self.warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
        self.rng = np.random.default_rng(1)
        prepare(self.lake)
        for person in range(participants):
            for day in range(days):
                self._write("0", person, day)
        lines = [f"p{person:03d},2025-01-01,,Europe/Berlin,true" for person in range(participants)]
        roster = "\n".join(["participant_id,enrolled_on,withdrawn_on,timezone,has_token", *lines])
        (self._folder("0") / "roster.csv").write_text(roster + "\n")
        self._build()

    def _folder(self, delivery: str) -> Path:
        return self.home.lake_path / f"incoming/clinic=bench/measurement=wearable/{delivery}"

    def _write(self, delivery: str, person: int, day: int) -> None:
        moments = np.arange(0, 86_400, INTERVAL_SECONDS)
        rates = self.rng.normal(75, 8, len(moments)).round()
        document = heart_rate_document(FIRST + timedelta(days=day), moments, rates, 58, INTERVAL_SECONDS)
        path = self._folder(delivery) / f"participant=p{person:03d}/heart_rate-{day}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def _build(self) -> tuple[float, float]:
        """Load and build; return the seconds of the load and of the models."""
        loaded = sum(
            crawl_and_load(entity, ENTITIES, self.lake, self.warehouse, settle_seconds=0).seconds
            for entity in (WEARABLE_ROSTER, WEARABLE_READING)
        )
        subprocess.run(
            [dbt_cli.executable(), "--quiet", "run", "--select", "tag:wearable"],
            cwd=dbt_cli.PROJECT_PATH,
            env=dbt_cli.environment(self.home),
            check=True,
        )
        results = json.loads((self.home.dbt_target_path / "run_results.json").read_text())["results"]
        return loaded, sum(result["execution_time"] for result in results)

    def add(self, number: int) -> tuple[float, float]:
        """Add the next day of the first participant; return the seconds of the load and of the models."""
        self._write(f"1-{number:03d}", 0, self.days + number)
        return self._build()


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=20)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print_machine()
    with temporary_home() as small_home, temporary_home() as large_home:
        small = History(small_home, options.participants, max(options.days // 10, 1))
        large = History(large_home, options.participants, options.days)
        # One after the other, so that both run on the same machine load; the first pair does not count.
        pairs = [(small.add(number), large.add(number)) for number in range(options.rounds + 1)][1:]
    for days, costs in zip((max(options.days // 10, 1), options.days), zip(*pairs, strict=True), strict=True):
        loads, models = zip(*costs, strict=True)
        readings = options.participants * days * 86_400 // INTERVAL_SECONDS
        print(
            f"one more day with {readings:11,} readings there: load {median(loads) * 1000:6.0f} ms, "
            f"models {median(models) * 1000:6.0f} ms"
        )
    print(f"ratio {median(sum(large) / sum(small) for small, large in pairs):.2f} (median over {options.rounds} pairs)")


if __name__ == "__main__":
    main()
