"""Measure ten million claims and diagnoses of a year to revenue by ten minutes, and then a batch of 300 + 300.

    python -m benchmarks.practice_revenue [--events 10000000] [--patients 100000] [--rounds 5]

Goals at ten million: the models take no more than 60 processor seconds from scratch and 3 for one more batch, and hold
less than 8 GB. Measured in dbt's own process, from the start of each model to its end: starting dbt takes some three
seconds more, whatever there is to do. Beside it, in the same run: the same revenue as one query from scratch, in bare
DuckDB on the same raw tables; both must say the same.
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import Any, TypeVar

import duckdb
from dbt.cli.main import dbtRunner

from benchmarks.measure import print_machine, seconds, temporary_home
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.core.home import Home
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling import dbt_cli
from orchestration.lib.sources import ENTITIES, open_warehouse
from synthetic.practice import ICD10_CODES, PRICES

Result = TypeVar("Result")
YEAR_BEGINS = datetime(2025, 1, 1)
DAYS = 365
BATCH = 300
CLINIC = "bench"
# What a business analyst would write: everything from scratch.
ROLLING_QUERY = """
    with first_claim as (
        select * from raw.practice_claim
        qualify row_number() over (partition by clinic, id order by received_at, _raw_path, _row_number) = 1
    ),
    first_diagnosis as (
        select * from raw.practice_diagnosis
        qualify row_number() over (partition by clinic, id order by received_at, _raw_path, _row_number) = 1
    ),
    diagnosed as (
        select clinic, patient_id, category, min(received_at) as diagnosed_at
        from first_diagnosis
        inner join practice.revenue_category using (icd10_code)
        group by all
    )
    select
        clinic,
        category,
        time_bucket(interval '10 minutes', received_at) as window_start_at,
        sum(price) as revenue_eur,
        count(*) as claim_count,
        count(distinct patient_id) as patient_count
    from first_claim
    inner join (select distinct clinic, id as patient_id from raw.practice_patient) using (clinic, patient_id)
    inner join diagnosed using (clinic, patient_id)
    where diagnosed_at < window_start_at + interval '10 minutes'
    group by all
"""


def _folder(day: datetime) -> str:
    return f"incoming/clinic={CLINIC}/measurement=practice/{day:%Y-%m-%d}"


class Office:
    """A home with a year of an office's events, inserted as the loader leaves them: loading has its own benchmarks."""

    def __init__(self, home: Home, event_count: int, patient_count: int) -> None:
        self.home, self.patient_count = home, patient_count
        self.lake, self.warehouse = Lake(home.lake_path), open_warehouse(home.warehouse_path)
        self.next_id, self.now = event_count, YEAR_BEGINS + timedelta(days=DAYS)
        patients = (
            f"select id, '' as phone_number, 'Ada' as first_name, 'Haas' as last_name, id as _row_number "
            f"from range(1, {patient_count} + 1) as patient (id)"
        )
        step = DAYS * 86_400 / event_count
        events = {kind: self._events(kind, YEAR_BEGINS, event_count, step, 0) for kind in ("claim", "diagnosis")}
        with self.warehouse.write() as con:
            for load_id, (kind, rows) in enumerate((events | {"patient": patients}).items(), start=1):
                raw_path, delivery = f"{_folder(YEAR_BEGINS)}/{kind}", f"{YEAR_BEGINS:%Y-%m-%d}"
                con.execute(f"select setseed({load_id} / 10)")
                con.execute(
                    f"insert into raw.practice_{kind} by name "
                    f"select *, '{CLINIC}' as clinic, '{raw_path}' as _raw_path, '{delivery}' as delivery, "
                    f"{load_id} as _load_id, now()::timestamp as _loaded_at from ({rows})"
                )
                con.execute(
                    "insert into catalog.load (load_id, measurement, entity, removed_row_count) "
                    f"values ({load_id}, 'practice', '{kind}', 0)"
                )
                con.execute(
                    "insert into catalog.file (raw_path, clinic, measurement, delivery, entity, path_below, "
                    "content_hash, load_id, row_count, status) "
                    f"values ('{raw_path}', '{CLINIC}', 'practice', '{delivery}', '{kind}', '{kind}', "
                    f"'{kind}', {load_id}, 1, 'loaded')"
                )

    def _events(self, kind: str, begin: datetime, count: int, step: float, first: int) -> str:
        """Write a query of claims or diagnoses: an id repeats with a probability of a tenth."""
        prices = ", ".join(f"{{code: '{code}', price: {price}}}" for code, price in PRICES.items())
        codes = ", ".join(f"'{code}'" for code in ICD10_CODES)
        content = {
            "claim": f"unnest([{prices}][1 + floor(random() * {len(PRICES)})::int])",
            "diagnosis": f"[{codes}][1 + floor(random() * {len(ICD10_CODES)})::int] as icd10_code",
        }
        return f"""
            select
                timestamp '{begin}' + to_microseconds(({step} * 1e6 * i)::bigint) as received_at,
                if(random() < 0.1, floor(random() * ({first} + i)), {first} + i)::bigint as id,
                floor(random() * ({self.patient_count} + 1))::bigint as patient_id,
                {content[kind]},
                i + 1 as _row_number
            from range({count}) as message (i)
        """

    def _write_batch(self) -> None:
        """Write ten minutes of events into files as the listener does."""
        folder = self.home.lake_path / _folder(self.now)
        folder.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            for number, kind in enumerate(("claim", "diagnosis")):
                con.execute(f"select setseed({(self.next_id % 9973 + number) / 10_000})")
                con.execute(
                    f"""
                    copy (
                        select * exclude (_row_number)
                            replace (strftime(received_at, '%Y-%m-%dT%H:%M:%S.%fZ') as received_at)
                        from ({self._events(kind, self.now, BATCH, 600 / BATCH, self.next_id)})
                    ) to '{folder}/{kind}-{self.now:%Y-%m-%dT%H%M%S}.000000Z.ndjson' (format json)
                    """
                )
        self.next_id, self.now = self.next_id + BATCH, self.now + timedelta(minutes=10)

    def load(self) -> None:
        """Load the pending files, all of which must load."""
        for entity in entities_of(ENTITIES, "practice"):
            report = crawl_and_load(entity, ENTITIES, self.lake, self.warehouse, settle_seconds=0)
            assert not report.problems, report.problems[:3]

    def run_models(self) -> dict[str, float]:
        """Run dbt's models of the source in a process of their own; gives the processor seconds that each took."""
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(model_seconds, (self.home,))

    def add(self) -> dict[str, float]:
        """Measure the processor seconds that ten minutes more take, by part."""
        self._write_batch()
        loading, _ = processor_seconds(self.load)
        models = self.run_models()
        return {"load": loading, "models": sum(models.values())} | models

    def compare(self) -> float:
        """Measure the processor seconds of the query from scratch, which gives the rows of the mart."""
        with self.warehouse.read() as con:
            took, _ = processor_seconds(lambda: con.execute(f"create or replace temp table rolling as {ROLLING_QUERY}"))
            difference = con.execute(
                """
                with mart as (
                    select clinic, category, window_start_at, revenue_eur, claim_count, patient_count
                    from practice.revenue_10min
                )
                (from mart except from rolling) union all (from rolling except from mart)
                """
            ).fetchall()
            assert difference == [], difference[:3]
        return took


def model_seconds(home: Home) -> dict[str, float]:
    """Run dbt's models of the practice source; gives the processor seconds from the start of each to its end."""
    os.environ |= dbt_cli.environment(home)
    os.chdir(dbt_cli.PROJECT_PATH)
    started: dict[str, float] = {}
    took: dict[str, float] = {}

    def on_event(event: Any) -> None:
        if event.info.name == "NodeStart":
            started[event.data.node_info.unique_id] = time.process_time()
        elif event.info.name == "NodeFinished":
            name = event.data.node_info.unique_id
            took[name.split(".")[-1]] = time.process_time() - started[name]

    command = ["--quiet", "build", "--exclude-resource-type", "test", "unit_test", "--select", "+tag:practice"]
    assert dbtRunner(callbacks=[on_event]).invoke(command).success
    return took


def processor_seconds(work: Callable[[], Result]) -> tuple[float, Result]:
    """Measure the processor time of a call, on all threads of this process; return it with the call's result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def built(home: Home, event_count: int, patient_count: int) -> Office:
    """Insert and build a year, and print the cost."""
    writing, office = seconds(lambda: Office(home, event_count, patient_count))
    models = office.run_models()
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{event_count:,} claims and as many diagnoses of {patient_count:,} patients (inserted in {writing:.0f} s):")
    print(f"  models {sum(models.values()):.1f} cpu s, peak memory {children_mb:,.0f} MB")
    for name, took in models.items():
        print(f"    {name:43} {took:7.3f} cpu s")
    print(f"  the query from scratch {office.compare():.1f} cpu s, and the same answer", flush=True)
    return office


def main() -> None:
    """Measure at the given number of events, and print processor seconds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000, help="claims, and as many diagnoses")
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print_machine()
    with temporary_home() as home:
        office = built(home, options.events, options.patients)
        # the first batch does not count
        batches = [office.add() for _ in range(options.rounds + 1)][1:]
        print(f"one more batch of {BATCH} + {BATCH} (processor seconds, median of {options.rounds}):")
        for part in batches[0]:
            print(f"  {part:45} {median(batch[part] for batch in batches):7.3f}")
        print(f"  the query from scratch {office.compare():.1f} cpu s, and the same answer")


if __name__ == "__main__":
    main()
