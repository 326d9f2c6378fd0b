"""A study's watches from files to marts: who wears them, what is refused, and any stretch of any metric."""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner, Result

from orchestration.cli.commands import main
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.core.errors import UsageError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE
from orchestration.lib.lake.files import Lake
from orchestration.lib.publish.publish import publish
from orchestration.lib.query.timeseries import RESOLUTIONS, read_series
from orchestration.lib.sources import open_warehouse
from orchestration.lib.sources.wearable.size_estimate import estimate
from synthetic.wearable import BAD_INPUTS, write_bad_inputs, write_deliveries
from tests.support.dbt_home import DbtHome
from tests.support.wearable_files import heart_rate_file, ingest, put, roster_file

P1 = "watch_study:p001"
HR = "heart_rate_bpm"

# What becomes of each bad input: status, and the reason.
REASONS = {
    "unknown_shape": ("rejected", "it holds objects with 'cadence', which no known shape has: expected Fitbit Web API"),
    "not_json": ("rejected", "line 2: it is not valid JSON: .* (the file ends within it)"),
    "value_negative": ("loaded", None),
    "value_999": ("loaded", None),
    "value_text": ("loaded", "line 1: its value of heart_rate_bpm is 'fast': expected a number"),
    "time_is_none": ("loaded", "line 1: its time is '25:00:00': there is no such time of day"),
    "time_missing": ("loaded", "line 1: its time is missing: expected a time of day as HH:MM:SS"),
    "unknown_participant": ("loaded", None),
    "corrupt_gz": ("rejected", "it is no whole gzip file (Compressed file ended before .*): pack and deliver it again"),
    "not_gz": ("rejected", "it is no whole gzip file (Not a gzipped file .*): pack and deliver it again"),
    "empty": ("rejected", "it is empty: expected Fitbit Web API intraday data"),
    "fitabase_without_header": ("rejected", "line 1: its header line has no Id, Time, Value: expected Id, Time, Value"),
    "zone_unknown": ("rejected", "line 2: timezone is 'Europe/Atlantis': expected an IANA time zone such as Europe/Be"),
    "sleep_backwards": ("rejected", "line 1: duration is '-1': expected milliseconds from 0 to 25 hours"),
}


class Study:
    """A home with the sample deliveries, a minute apart, and the bad inputs; built and published."""

    def __init__(self, path: Path) -> None:
        self.home = DbtHome(path).prepare()
        self.lake, self.warehouse = Lake(path / "lake"), open_warehouse(self.home.warehouse_path)
        incoming = self.lake.root / "incoming"
        write_deliveries(incoming, scale=0.7, interval_seconds=60)
        self.bad_inputs = {name: path for name, (path,) in write_bad_inputs(incoming).items()}
        self.reports = self.build()
        self.published_path = path / "published.duckdb"
        publish(self.warehouse, self.published_path, self.home.target_path / "manifest.json")

    def build(self) -> list[LoadReport]:
        reports = ingest(self.lake, self.warehouse)
        run = self.home.dbt("build", "--select", "tag:wearable", "--exclude-resource-type", "unit_test")
        assert run.success, (run.named("error"), run.named("fail"))
        return reports

    def vitalhouse(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env={ENVIRONMENT_VARIABLE: str(self.home.path), "COLUMNS": "200"})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def con(study: Study) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(study.published_path), read_only=True) as con:
        yield con


# -- who wears the watch ---------------------------------------------------------------------------


def test_each_participant_has_the_flags_of_their_story(study: Study, con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        """
        select participant_id, is_withdrawn, is_without_token, is_not_synced, is_without_sleep, is_worn_too_little
        from wearable.adherence
        """
    ).fetchall()
    names = ("withdrawn", "no token", "not synced", "no sleep", "worn too little")
    flags = {who: {name for name, is_set in zip(names, found, strict=True) if is_set} for who, *found in rows}
    # Counted to the bad inputs' day, the 31st: whoever has none of its few readings was last heard of on the 28th.
    silent = {"not synced", "no sleep", "worn too little"}
    assert flags == {
        "p001": {"not synced", "worn too little", "no sleep"},
        "p002": {"no sleep", "worn too little"},
        "p003": {"no sleep", "worn too little"},
        "p004": {"no token", "no sleep", "worn too little"},
        "p005": {"withdrawn"},
        "p006": {"no sleep", "worn too little"},
        "p007": silent,
    }


def test_every_day_is_there_worn_or_not(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "select local_date, worn_minutes, day_minutes, hours_without_data, has_sleep, resting_heart_rate_bpm "
        "from wearable.participant_day where participant_key = 'watch_study:p003' order by all"
    ).fetchall()
    worn = {on: minutes for on, minutes, *_ in rows}
    assert list(worn) == [date(2024, 10, 22) + timedelta(days=number) for number in range(10)]
    assert {on for on, minutes in worn.items() if minutes > 1} == {date(2024, 10, 22), date(2024, 10, 26)}
    by_day = {on: rest for on, _, *rest in rows}
    # London's clock goes back on the 27th.
    assert by_day[date(2024, 10, 27)] == [1500, 25, False, None]
    length, without, has_sleep, resting = by_day[date(2024, 10, 26)]
    assert (length, without, has_sleep) == (1440, 0, True)
    assert 48 <= resting < 68


def test_nothing_is_left_of_the_time_after_the_withdrawal(study: Study, con: duckdb.DuckDBPyConnection) -> None:
    raw = "select max(local_time) from raw.wearable_reading where participant = 'p005'"
    assert study.home.query(raw)[0][0].date() == date(2024, 10, 28)
    for table, column in {"reading_1m": "bucket_start_at", "participant_day": "local_date::timestamp"}.items():
        last = con.execute(
            f"select max({column}) from wearable.{table} where participant_key = 'watch_study:p005'"
        ).fetchall()[0][0]
        # Midnight after the 25th in Los Angeles
        assert last < datetime(2024, 10, 26, 7)


def test_now_can_be_said(study: Study) -> None:
    compiled = study.home.dbt(
        "compile", "--select", "int_wearable_participant__last_sync", "--vars", "{wearable_now: '2024-10-25 12:00:00'}"
    )
    assert compiled.success
    (node,) = [
        node for node in study.home.manifest["nodes"].values() if node["name"] == "int_wearable_participant__last_sync"
    ]
    assert study.home.query(f"select distinct now_at from ({node['compiled_code']})") == [(datetime(2024, 10, 25, 12),)]


# -- what is refused ---------------------------------------------------------------------------


def test_every_bad_input_has_its_expectation() -> None:
    assert set(REASONS) == set(BAD_INPUTS)


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input(study: Study, name: str) -> None:
    raw_path = str(study.bad_inputs[name].relative_to(study.lake.root))
    status, reason = study.home.query(
        f"""
        select status, coalesce(
            (select 'line ' || line_number || ': ' || reason from catalog.rejected_row where raw_path = file.raw_path),
            reason
        ) from catalog.file where raw_path = '{raw_path}'
        """
    )[0]
    wanted_status, wanted = REASONS[name]
    assert status == wanted_status
    if wanted is None:
        assert reason is None
    else:
        assert re.match(re.escape(wanted).replace(r"\.\*", ".*"), reason), reason


def test_implausible_readings_are_kept_and_count_nowhere(study: Study, con: duckdb.DuckDBPyConnection) -> None:
    kept = study.home.query("select value from staging.stg_wearable__reading where not is_plausible order by all")
    assert kept == [(-1.0,), (999.0,)]
    assert con.execute(
        "select min(value_min) > 0, max(value_max) < 250 from wearable.reading_1d where metric = ?", [HR]
    ).fetchall() == [(True, True)]


def test_who_is_in_no_roster_is_named_and_not_published(study: Study, con: duckdb.DuckDBPyConnection) -> None:
    assert study.home.query("select participant_key, reading_count from wearable.unknown_participant") == [
        ("watch_study:nobody", 2)
    ]
    published = con.execute(
        "select table_name from duckdb_columns() where schema_name = 'wearable' and column_name = 'participant_key'"
    ).fetchall()
    assert len(published) == 7
    assert ("unknown_participant",) not in published
    for (table,) in published:
        assert (
            con.execute(f"select * from wearable.{table} where participant_key = 'watch_study:nobody'").fetchall() == []
        )


# -- any stretch of any metric ---------------------------------------------------------------------------

DAY = datetime(2024, 10, 24)


def test_the_coarsest_level_that_is_fine_enough(con: duckdb.DuckDBPyConnection) -> None:
    for length, wanted in {
        timedelta(minutes=1): "1m",
        timedelta(hours=8): "1m",
        timedelta(days=5): "1m",
        timedelta(days=6): "15m",
        timedelta(days=30): "1h",
        timedelta(days=365): "1h",
        timedelta(days=500): "1d",
    }.items():
        assert read_series(P1, HR, DAY, DAY + length, con=con).resolution == wanted


def test_a_day_has_no_more_points_than_asked_and_its_peak(con: duckdb.DuckDBPyConnection) -> None:
    found = read_series(P1, HR, DAY, DAY + timedelta(days=1), max_points=200, con=con)
    every = con.execute(
        "select bucket_start_at, value_mean from wearable.reading_1m where participant_key = ? and metric = ? "
        "and bucket_start_at >= ? and bucket_start_at < ? order by all",
        [P1, HR, DAY, DAY + timedelta(days=1)],
    ).fetchall()
    assert len(found) == 200 < len(every)
    assert set(
        zip(found.bucket_start_at.astype("datetime64[us]").tolist(), found.value_mean.tolist(), strict=True)
    ) <= set(every)
    assert found.value_mean.max() >= 0.98 * max(value for _, value in every)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_pages_are_the_whole(con: duckdb.DuckDBPyConnection, resolution: str) -> None:
    start, end = DAY, DAY + timedelta(days=4)
    pages: list[Any] = []
    cursor = None
    for _ in range(100):
        page = read_series(P1, HR, start, end, max_points=97, resolution=resolution, cursor=cursor, con=con)
        pages += page.bucket_start_at.tolist()
        cursor = page.next_cursor
        if cursor is None:
            break
    whole = con.execute(
        f"select bucket_start_at from wearable.reading_{resolution} where participant_key = ? and metric = ? "
        "and bucket_start_at >= ? and bucket_start_at < ? order by all",
        [P1, HR, start, end],
    ).fetchnumpy()["bucket_start_at"]
    assert pages == whole.tolist()


def test_times_with_a_zone_are_meant_there(con: duckdb.DuckDBPyConnection) -> None:
    berlin = timezone(timedelta(hours=2))
    there = read_series(P1, HR, DAY.replace(tzinfo=berlin), DAY.replace(tzinfo=UTC), resolution="15m", con=con)
    here = read_series(P1, HR, DAY - timedelta(hours=2), DAY, resolution="15m", con=con)
    assert len(there) == 8
    assert np.array_equal(there.bucket_start_at, here.bucket_start_at)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": DAY}, "does not lie before"),
        ({"max_points": 2}, "at least 3"),
        ({"resolution": "5m"}, "there is no resolution 5m: choose from auto, 1m, 15m, 1h, 1d"),
    ],
)
def test_wrong_questions_are_answered_in_words(con: duckdb.DuckDBPyConnection, change: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_series(
            **({"participant": P1, "metric": HR, "start": DAY, "end": DAY + timedelta(days=1)} | change), con=con
        )


def test_series_on_the_command_line(study: Study, tmp_path: Path) -> None:
    printed = study.vitalhouse("series", "p001", "--start", "2024-10-24", "--end", "2024-10-25", "--csv")
    assert printed.exit_code == 0
    header, *lines = printed.output.splitlines()
    assert header == "bucket_start_at,reading_count,value_mean,value_min,value_max"
    assert len(lines) == 500
    assert lines[0].startswith("2024-10-24 00:00:00,1,")
    picture = tmp_path / "day.png"
    drawn = study.vitalhouse("series", P1, "--start", "2024-10-24", "--end", "2024-10-25", "--plot", str(picture))
    assert drawn.exit_code == 0, drawn.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "500 points of 1m" in drawn.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["p999"], 2, "there is no participant p999: there are watch_study:p001, watch_study:p002"),
        (["p001", "cadence"], 2, "there is no cadence of watch_study:p001: there are active_zone_minutes,"),
        (["p001", "--start", "2030-01-01", "--end", "2030-01-02"], 1, "it reaches from 2024-10-21"),
        (["p001", "--plot", "/no/such/folder/day.png"], 1, "cannot write /no/such/folder/day.png"),
    ],
)
def test_series_says_what_there_is(study: Study, arguments: list[str], exit_code: int, message: str) -> None:
    result = study.vitalhouse("series", *arguments)
    assert result.exit_code == exit_code
    assert message in result.output
    assert "Traceback" not in result.output


# -- how much it will be ---------------------------------------------------------------------------


def test_a_large_study_in_numbers(study: Study) -> None:
    found = estimate(None, 1_000, 730, ["a", "b", "c"], 1.0)
    assert (found.points, found.raw_bytes) == (189_216_000_000, 756_864_000_000)
    assert found.warehouse_bytes is None
    result = study.vitalhouse("estimate", "--participants", "1000", "--days", "730", "--metrics", "a,b,c")
    assert "189,216,000,000" in result.output
    assert "756,864,000,000" in result.output
    with study.warehouse.read() as con:
        measured = estimate(con, 1, 1, [HR], 1.0)
    assert measured.bytes_per_row is not None
    assert 1 < measured.bytes_per_row < 100
    assert f"measured on the {measured.measured_rows:,} readings" in result.output


# -- what changes later ---------------------------------------------------------------------------


def test_a_correction_touches_its_day_alone_and_a_roster_lets_in(tmp_path: Path) -> None:
    home = DbtHome(tmp_path).prepare()
    lake, warehouse = Lake(tmp_path / "lake"), open_warehouse(home.warehouse_path)
    table = "intermediate.int_wearable_reading__by_minute"

    def build() -> None:
        ingest(lake, warehouse)
        assert home.dbt("run", "--select", "tag:wearable").success

    for day in (1, 2, 3):
        packed = gzip.compress(heart_rate_file(f"2024-07-0{day}", ("10:00:00", 60), ("10:00:30", 70)))
        put(lake, "2024-07-04", f"participant=p1/heart_rate-{day}.json.gz", packed)
    put(lake, "2024-07-04", "roster.csv", roster_file("p2"))
    build()
    assert home.query("select count(*) from wearable.reading_1m") == [(0,)]
    put(lake, "2024-07-05", "roster.csv", roster_file("p1"))
    build()
    assert home.query(f"select value_sum_millionths from {table}") == [(130_000_000,)] * 3
    # A mark on every row: a row that is replaced loses it.
    with home.warehouse() as con:
        con.execute(f"update {table} set value_max = 200")
    put(lake, "2024-07-06", "participant=p1/heart_rate-2.json", heart_rate_file("2024-07-02", ("10:00:00", 100)))
    build()
    after = home.query(f"select measured_on, value_sum_millionths, value_max from {table} order by all")
    assert [(on.day, *rest) for on, *rest in after] == [
        (1, 130_000_000, 200),
        (2, 170_000_000, 100),
        (3, 130_000_000, 200),
    ]
    assert home.query("select bucket_start_at, value_mean from wearable.reading_1d order by all")[1] == (
        datetime(2024, 7, 2),
        85.0,
    )
    # A file that is loaded again, with another day: its first day goes, in every level.
    moved = gzip.compress(heart_rate_file("2024-07-09", ("10:00:00", 80)))
    put(lake, "2024-07-04", "participant=p1/heart_rate-3.json.gz", moved)
    build()
    for level in ("1m", "15m", "1h", "1d"):
        days = f"select distinct bucket_start_at::date from wearable.reading_{level} order by all"
        assert [on.day for (on,) in home.query(days)] == [1, 2, 9], level
    assert home.query(f"select value_max from {table} where measured_on = '2024-07-01'") == [(200,)]


def test_every_metric_of_the_reader_has_its_plausible_range() -> None:
    """A metric without a range would count in no roll-up."""
    macro = (Path(__file__).parents[2] / "dbt_project/macros/wearable/metrics.sql").read_text()
    modules = (Path(__file__).parents[2] / "orchestration/lib/sources/wearable/formats").glob("*.py")
    reader = "".join(path.read_text() for path in modules)
    ranges = set(re.findall(r"'(\w+)': \[", macro))
    metrics = {
        name
        for name in re.findall(r'"([a-z0-9_]+)"', reader)
        if re.search("_(bpm|ms|pct|rpm|hf|lf|coverage|minutes)$|^steps$", name)
    }
    assert metrics == ranges
