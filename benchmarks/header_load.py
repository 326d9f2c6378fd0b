"""Load 20,000 ECG header files, beside one bare DuckDB `read_json` over the same list in the same run.

    python -m benchmarks.header_load [--files 20000] [--rounds 3]

Goal: no less than half the rate of `read_json`. Ours includes the crawl of headers and signals (so twice the files),
their hashes, the checks, and the catalog.
"""

import argparse
from functools import partial

import duckdb
import numpy as np

from benchmarks.deliveries import write_delivery
from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER

_BARE = """
    create or replace table header as
    select *
    from read_json(?, columns = {fs: 'DOUBLE', units: 'VARCHAR', date: 'VARCHAR', age: 'INTEGER', sex: 'VARCHAR'})
"""


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    ours, bare = [], []
    with temporary_home() as home:
        write_delivery(home.lake_path / "incoming", "bench", "2020-01-01", np.zeros((options.files, 1)), 500)
        files = [str(path) for path in sorted(home.lake_path.rglob("*_header.json"))]
        for _ in range(options.rounds):
            home.warehouse_path.unlink(missing_ok=True)
            took, report = seconds(
                lambda: crawl_and_load(
                    ECG_RUN_HEADER,
                    ENTITIES,
                    Lake(home.lake_path),
                    open_warehouse(home.warehouse_path),
                    settle_seconds=0,
                )
            )
            assert report.row_count == options.files, report
            ours.append(took)
            with duckdb.connect(str(home.path / "bare.duckdb")) as con:
                bare.append(seconds(partial(con.execute, _BARE, [files]))[0])
            print(f"  ours {ours[-1]:.2f} s, bare read_json {bare[-1]:.2f} s")
    print(f"ours           {options.files / min(ours):10,.0f} header files/s, peak memory {peak_memory_mb():.0f} MB")
    print(f"bare read_json {options.files / min(bare):10,.0f} header files/s")
    print(f"ratio          {min(bare) / min(ours):10.2f}")


if __name__ == "__main__":
    main()
