"""Load 250 MB of customer snapshots without a newline, beside a bare DuckDB `read_json` in the same run.

    python -m benchmarks.balance_load [--objects 750000] [--files 100] [--rounds 3]

Goal: no more than 3 times the time of `read_json(…, format='unstructured')` on the well-formed files; under 4 GB.
Ours includes the crawl, hashes, checks and the catalog, and one more file, truncated in its last object, which the
bare read cannot read and ours reads record by record (25 MB: 2.8 s of a processor).
"""

import argparse
import json
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.balance.contract import BALANCE_CUSTOMER

_START_MS = 1_655_564_376_361


def write_snapshots(folder: Path, objects: int, files: int) -> list[Path]:
    """Write files of equally many customers, objects one after another; the last file ends within its last object."""
    folder.mkdir(parents=True)
    paths = []
    for number in range(files):
        path = folder / f"customers-{number:03d}.json"
        content = "".join(_customer(index) for index in range(number, objects, files))
        path.write_text(content if number < files - 1 else content[:-100])
        paths.append(path)
    return paths


def _customer(index: int) -> str:
    # Every customer comes three times, and every other one consents: 333 bytes an object on average.
    person, snapshot = index // 3, index % 3
    record = {
        "customerName": f"Customer {person}",
        "email": f"customer.{person}@test.com",
        "phone": "8015551212",
        "birthDay": "1971-03-01",
        "serialNumber": f"50f7b4f3-7af5-4b07-a421-{person:012d}",
        "registrationDate": _START_MS,
        "lastUpdateDate": _START_MS + snapshot * 86_400_000,
    }
    if person % 2:
        record["shareWithResearchAsOfDate"] = _START_MS
    record["shareWithPublicAsOfDate"] = _START_MS
    record["shareWithFriendsAsOfDate"] = _START_MS
    return json.dumps(record)


def load_bare(database: Path, paths: list[str]) -> None:
    """Load the files with DuckDB's `read_json` alone."""
    with duckdb.connect(str(database)) as con:
        con.execute("create or replace table customer as select * from read_json(?, format = 'unstructured')", [paths])


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=750_000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    ours, bare = [], []
    with temporary_home() as home:
        folder = home.lake_path / "incoming/clinic=bench/measurement=balance/2022-01/customer"
        paths = write_snapshots(folder, options.objects, options.files)
        size_mb = sum(path.stat().st_size for path in paths) / 1e6
        print(f"{options.objects:,} objects in {options.files} files, {size_mb:.0f} MB")
        well_formed = [str(path) for path in paths[:-1]] if options.files > 1 else [str(paths[0])]
        for _ in range(options.rounds):
            home.warehouse_path.unlink(missing_ok=True)
            took, report = seconds(
                lambda: crawl_and_load(
                    BALANCE_CUSTOMER,
                    ENTITIES,
                    Lake(home.lake_path),
                    open_warehouse(home.warehouse_path),
                    settle_seconds=0,
                )
            )
            assert (report.row_count, report.rejected_count) == (options.objects - 1, 1), report
            ours.append(took)
            bare.append(seconds(partial(load_bare, home.path / "bare.duckdb", well_formed))[0])
            print(f"  ours {ours[-1]:.2f} s, bare read_json {bare[-1]:.2f} s")
    print(f"ours           {min(ours):6.2f} s, peak memory of this process {peak_memory_mb():,.0f} MB")
    print(f"bare read_json {min(bare):6.2f} s")
    print(f"ratio          {min(ours) / min(bare):6.2f}")


if __name__ == "__main__":
    main()
