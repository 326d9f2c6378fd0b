"""Measure any period of 100 million readings in 500 points, from the published roll-ups and from the readings.

    python -m benchmarks.wearable_series [--participants 16] [--days 365] [--calls 60]

Goal: from a minute to a year, 50 ms in the median and 150 ms in the 95th percentile. Readings (a heart rate every five
seconds) and their roll-ups are made inside DuckDB; the published file has the columns that the marts have.
"""

import argparse
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.measure import peak_memory_mb, print_machine, seconds, temporary_home
from orchestration.lib.query.timeseries import RESOLUTIONS, read_series

START = datetime(2025, 1, 1)
INTERVAL_SECONDS = 5
RANGES = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
_READINGS = """
    create table raw_reading as
    select 'bench:p' || lpad(person::varchar, 3, '0') as participant_key, 'heart_rate_bpm' as metric,
        timestamp '2025-01-01' + to_seconds(second * $interval) as measured_at,
        70 + 12 * sin(second * $interval / 13750.0) + (hash(second, person) % 9)::double as value
    from range($days) as days (day), range($people) as people (person),
        range(day * $per_day, (day + 1) * $per_day) as seconds (second)
"""
_ROLLUP = """
    create table wearable.reading_{level} as
    with bucket as (
        select participant_key, metric, time_bucket(interval '{width} seconds', {time}) as start_at,
            {count}::bigint as reading_count, sum({sum}) as value_sum, min({low}) as value_min, max({high}) as value_max
        from {source} group by all
    )
    select participant_key, metric, start_at as bucket_start_at, reading_count, value_sum, value_min, value_max,
        value_sum / reading_count as value_mean, null::double as value_std
    from bucket order by start_at::date, participant_key, start_at
"""


def publish(path: Path, participants: int, days: int) -> int:
    """Write the readings and their roll-ups, day after day, as nightly builds do; return the number of readings."""
    con = duckdb.connect(str(path), config={"memory_limit": "6GB"})
    parameters = {
        "interval": INTERVAL_SECONDS,
        "days": days,
        "people": participants,
        "per_day": 86_400 // INTERVAL_SECONDS,
    }
    con.execute(_READINGS, parameters)
    con.execute("create schema wearable")
    finer = None
    for level, width in RESOLUTIONS.items():
        names = (
            {"source": "raw_reading", "time": "measured_at", "count": "count(*)"}
            | dict.fromkeys(("sum", "low", "high"), "value")
            if finer is None
            else {
                "source": f"wearable.reading_{finer}",
                "time": "bucket_start_at",
                "count": "sum(reading_count)",
                "sum": "value_sum",
                "low": "value_min",
                "high": "value_max",
            }
        )
        con.execute(_ROLLUP.format(level=level, width=width, **names))
        finer = level
    (count,) = con.execute("select count(*) from raw_reading").fetchone() or (0,)
    con.close()
    return int(count)


def read_raw(con: duckdb.DuckDBPyConnection, participant: str, start: datetime, end: datetime) -> int:
    """Compute 500 buckets over the range from the readings; return how many have any."""
    width = max((end - start).total_seconds() / 500, 1.0)
    rows = con.execute(
        """
        select time_bucket(to_microseconds(($width * 1000000)::bigint), measured_at, $start::timestamp) as bucket,
            avg(value)
        from raw_reading
        where participant_key = $participant and metric = 'heart_rate_bpm'
            and measured_at >= $start and measured_at < $end
        group by bucket order by bucket
        """,
        {"participant": participant, "start": start, "end": end, "width": width},
    ).fetchnumpy()
    return len(rows["bucket"])


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=16)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--calls", type=int, default=60)
    options = parser.parse_args()
    print_machine()
    rng = np.random.default_rng(1)
    with temporary_home() as home:
        took, count = seconds(lambda: publish(home.published_path, options.participants, options.days))
        print(f"{count:,} readings made in {took:.0f} s, file of {home.published_path.stat().st_size / 1e6:,.0f} MB")
        con = duckdb.connect(str(home.published_path), read_only=True)
        everything: list[float] = []
        for name, length in RANGES.items():
            ours, raw = [], []
            slack = max(timedelta(days=options.days) - length, timedelta())
            for number in range(options.calls):
                participant = f"bench:p{rng.integers(options.participants):03d}"
                start = START + timedelta(minutes=int(rng.random() * slack.total_seconds() / 60))
                took, series = seconds(
                    partial(read_series, participant, "heart_rate_bpm", start, start + length, con=con)
                )
                assert 0 < len(series) <= 500
                ours.append(took * 1000)
                if number < options.calls // 10:
                    took, buckets = seconds(partial(read_raw, con, participant, start, start + length))
                    assert buckets
                    raw.append(took * 1000)
            everything += ours
            print(
                f"{name:6} {series.resolution:>4} {len(series):4} points: median {np.median(ours):7.1f} ms, "
                f"95th percentile {np.percentile(ours, 95):7.1f} ms; from the readings {np.median(raw):8.1f} ms"
            )
        print(
            f"all calls: median {np.median(everything):.1f} ms, 95th percentile {np.percentile(everything, 95):.1f} ms"
        )
        con.close()
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
