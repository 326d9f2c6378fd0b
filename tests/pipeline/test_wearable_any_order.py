"""Readings, corrections and rosters in any order: incremental builds, a full refresh and plain Python give one result.

Files of a few readings arrive in deliveries. Some arrive again, with other content or the same, some vanish from the
lake, and rosters change time zones and withdrawals. After each arrival the models are built incrementally. The result
is compared with a full refresh of the same warehouse, and with the rules written in plain Python.
"""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import stdev
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.sources.wearable.contract import WEARABLE_READING, WEARABLE_ROSTER
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.compiled_models import Model, build, compiled
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

STUDY = "watch_study"
DELIVERIES = ("2024-10-27", "2024-10-28", "2024-10-29")
WHO = ("p1", "p2")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")
LEVELS = {"1m": 1, "15m": 15, "1h": 60, "1d": 1440}

# Local times around midnight and the change of Berlin's clock on 27 October 2024; written as local, or with an offset.
CLOCKS = ("00:00:00", "00:00:30", "01:59:59", "02:30:00", "03:00:00", "13:14:15", "23:59:59")
DAYS = (date(2024, 10, 26), date(2024, 10, 27))
VALUES = (55.0, 70.0, 70.1, 96.25, -1.0, 999.0)


@dataclass(frozen=True, order=True)
class Place:
    delivery: str
    path_below: str


@dataclass(frozen=True)
class Readings:
    """Content of a file: readings of one day, in one of two formats."""

    day: date
    readings: tuple[tuple[str, float], ...]
    is_google: bool = False

    def encode(self) -> bytes:
        if self.is_google:
            points = [
                {
                    "heartRate": {
                        "sampleTime": {"physicalTime": f"{self.day}T{clock}Z", "utcOffset": "3600s"},
                        "beatsPerMinute": str(value),
                    }
                }
                for clock, value in self.readings
            ]
            return json.dumps({"dataPoints": points}).encode()
        dataset = [{"time": clock, "value": value} for clock, value in self.readings]
        day = {
            "activities-heart": [{"dateTime": str(self.day), "value": {}}],
            "activities-heart-intraday": {"dataset": dataset, "datasetInterval": 1, "datasetType": "second"},
        }
        return json.dumps([{"heart_rate_day": [day]}]).encode()


@dataclass(frozen=True)
class Roster:
    """Content of a roster: of those it names, time zone and day of withdrawal."""

    people: tuple[tuple[str, str, date | None], ...]

    def encode(self) -> bytes:
        lines = ["participant_id,enrolled_on,withdrawn_on,timezone,has_token"]
        lines += [f"{who},2024-10-20,{on or ''},{zone},true" for who, zone, on in self.people]
        return ("\n".join(lines) + "\n").encode()


Content = Readings | Roster | None  # None: the file is taken away
Arrival = tuple[tuple[Place, Content], ...]


# -- what is to be expected ---------------------------------------------------------------------------


def last_deliveries(arrivals: Sequence[Arrival]) -> list[tuple[str, str, Any]]:
    """Every content that lies somewhere, or was loaded and has gone: last delivery, path below it, content."""
    lying: dict[Place, Any] = {}
    for arrival in arrivals:
        for place, content in arrival:
            # A file that is taken away after it was loaded keeps its rows.
            if content is not None:
                lying[place] = content
    last: dict[tuple[str, Any], str] = {}
    for place, content in lying.items():
        key = (place.path_below, content)
        last[key] = max(last.get(key, ""), place.delivery)
    return sorted((delivery, path, content) for (path, content), delivery in last.items() if content is not None)


def expected(arrivals: Sequence[Arrival]) -> dict[str, dict[tuple[Any, ...], tuple[float, ...]]]:
    """Each level's buckets, by participant and start."""
    contents = sorted(last_deliveries(arrivals), key=lambda found: found[:2])
    roster: dict[str, tuple[str, date | None]] = {}
    for _, _, content in contents:
        if isinstance(content, Roster):
            roster |= {who: (zone, on) for who, zone, on in content.people}
    current: dict[tuple[str, datetime], tuple[float, date]] = {}
    for _, path, content in contents:
        who = path.split("/")[0].removeprefix("participant=")
        if not isinstance(content, Readings) or who not in roster:
            continue
        zone = ZoneInfo(roster[who][0])
        for clock, value in content.readings:
            written = datetime.combine(content.day, datetime.strptime(clock, "%H:%M:%S").time())
            if content.is_google:
                at, local = written, written + timedelta(hours=1)
            else:
                at, local = to_utc(written, zone), written
            current[who, at] = (value, local.date())
    kept = {
        (who, at): value
        for (who, at), (value, on) in current.items()
        if 20 <= value <= 250 and (roster[who][1] is None or on <= roster[who][1])
    }
    levels: dict[str, dict[tuple[Any, ...], list[float]]] = {level: {} for level in LEVELS}
    for (who, at), value in kept.items():
        for level, minutes in LEVELS.items():
            midnight = datetime.combine(at.date(), datetime.min.time())
            start = midnight + (at - midnight) // timedelta(minutes=minutes) * timedelta(minutes=minutes)
            levels[level].setdefault((f"{STUDY}:{who}", start), []).append(value)
    return {level: {key: summary(values) for key, values in buckets.items()} for level, buckets in levels.items()}


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The written rule: of a repeated hour the second, a skipped time with the offset of before."""
    first = local.replace(tzinfo=zone)
    second = first.replace(fold=1)
    is_skipped = (first.utcoffset() or timedelta()) < (second.utcoffset() or timedelta())
    return (first if is_skipped else second).astimezone(UTC).replace(tzinfo=None)


def summary(values: list[float]) -> tuple[float, ...]:
    spread = stdev(values) if len(values) > 1 else math.nan
    return (len(values), math.fsum(values), min(values), max(values), math.fsum(values) / len(values), spread)


# -- what comes of it ---------------------------------------------------------------------------


class Rollups:
    """The source's models in a warehouse in memory, built as dbt builds them."""

    def __init__(self, models: list[Model]) -> None:
        self.warehouse, self.models = MemoryWarehouse(), models
        self.build(full_refresh=True)

    def build(self, *, full_refresh: bool = False) -> None:
        with self.warehouse.write() as con:
            build(con, self.models, full_refresh=full_refresh)

    def clear(self) -> None:
        self.warehouse.clear()
        self.build(full_refresh=True)

    def days(self) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as con:
            return con.execute("select * from wearable.participant_day order by all").fetchall()

    def levels(self) -> dict[str, dict[tuple[Any, ...], tuple[float, ...]]]:
        with self.warehouse.read() as con:
            return {
                level: {
                    (who, start): tuple(math.nan if value is None else value for value in rest)
                    for who, start, *rest in con.execute(
                        f"""
                        select participant_key, bucket_start_at,
                            reading_count, value_sum, value_min, value_max, value_mean, value_std
                        from wearable.reading_{level}
                        """
                    ).fetchall()
                }
                for level in LEVELS
            }


@pytest.fixture(scope="module")
def rollups(tmp_path_factory: pytest.TempPathFactory) -> Rollups:
    return Rollups(compiled(tmp_path_factory.mktemp("compiled"), "+tag:wearable"))


def arrive(rollups: Rollups, folder: Path, arrivals: Sequence[Arrival]) -> None:
    lake = Lake(folder)
    for arrival in arrivals:
        for place, content in arrival:
            path = folder / f"incoming/clinic={STUDY}/measurement=wearable/{place.delivery}/{place.path_below}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink(missing_ok=True)
            else:
                # As a careful provider does; a file written over in place is seen once a day only.
                written = path.with_suffix(".part")
                written.write_bytes(content.encode())
                written.replace(path)
        ingest(lake, rollups.warehouse)
        rollups.build()


def ingest(lake: Lake, warehouse: Warehouse) -> None:
    for entity in (WEARABLE_ROSTER, WEARABLE_READING):
        crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0)


readings = st.builds(
    Readings,
    st.sampled_from(DAYS),
    st.lists(st.tuples(st.sampled_from(CLOCKS), st.sampled_from(VALUES)), min_size=1, max_size=5).map(tuple),
    st.booleans(),
)
rosters = st.builds(
    Roster,
    st.lists(
        st.tuples(st.sampled_from(WHO), st.sampled_from(ZONES), st.sampled_from([None, None, DAYS[0]])),
        min_size=1,
        max_size=2,
        unique_by=lambda person: person[0],
    ).map(tuple),
)
files = st.tuples(
    st.builds(
        Place,
        st.sampled_from(DELIVERIES),
        st.builds("participant={}/heart_rate-{}.json".format, st.sampled_from(WHO), st.sampled_from("ab")),
    ),
    st.one_of(readings, readings, readings, st.none()),
)
lists = st.tuples(st.builds(Place, st.sampled_from(DELIVERIES), st.just("roster.csv")), rosters)
stories = st.lists(
    st.lists(st.one_of(files, files, lists), min_size=1, max_size=3, unique_by=lambda found: found[0]).map(tuple),
    min_size=1,
    max_size=5,
)

D1, D2, D3 = DELIVERIES
A = "participant=p1/heart_rate-a.json"
SUNDAY = date(2024, 10, 27)
KNOWN = (Place(D1, "roster.csv"), Roster((("p1", "Europe/Berlin", None),)))


def day(*readings: tuple[str, float], is_google: bool = False) -> Readings:
    return Readings(SUNDAY, readings, is_google)


@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(arrivals=stories)
# A correction of one second, and the first content once more: no row is new then, and yet it counts again.
@example(
    [
        (KNOWN, (Place(D1, A), day(("13:14:15", 70.0), ("23:59:59", 55.0)))),
        ((Place(D2, A), day(("13:14:15", 96.25))),),
        ((Place(D3, A), day(("13:14:15", 70.0), ("23:59:59", 55.0))),),
    ]
)
# The older delivery comes last.
@example([(KNOWN, (Place(D2, A), day(("13:14:15", 70.0)))), ((Place(D1, A), day(("13:14:15", 96.25))),)])
# All that a day had becomes implausible.
@example([(KNOWN, (Place(D1, A), day(("13:14:15", 70.0)))), ((Place(D2, A), day(("13:14:15", 999.0))),)])
# Nobody knows the participant at first; then the time zone is corrected, then they withdraw.
@example(
    [
        ((Place(D1, A), day(("00:00:30", 70.0), ("23:59:59", 55.0))),),
        (KNOWN,),
        ((Place(D2, "roster.csv"), Roster((("p1", "Asia/Kolkata", None),))),),
        ((Place(D3, "roster.csv"), Roster((("p1", "Asia/Kolkata", DAYS[0]),))),),
    ]
)
# A file changes in its place and loses a day.
@example(
    [
        (KNOWN, (Place(D1, A), day(("13:14:15", 70.0)))),
        ((Place(D1, A), Readings(DAYS[0], (("13:14:15", 55.0),))),),
    ]
)
# Local time and UTC say the same moment.
@example(
    [
        (KNOWN, (Place(D1, A), day(("13:14:15", 70.0)))),
        ((Place(D2, "participant=p1/heart_rate-b.json"), day(("12:14:15", 96.25), is_google=True)),),
    ]
)
def test_incremental_builds_equal_a_full_refresh_and_plain_python(rollups: Rollups, arrivals: list[Arrival]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rollups.clear()
        arrive(rollups, Path(folder), arrivals)
    levels, days = rollups.levels(), rollups.days()
    rollups.build(full_refresh=True)
    compare(levels, rollups.levels(), exact=True)
    assert days == rollups.days()
    compare(levels, expected(arrivals))


def compare(
    found: Mapping[str, Mapping[Any, tuple[float, ...]]],
    wanted: Mapping[str, Mapping[Any, tuple[float, ...]]],
    exact: bool = False,
) -> None:
    """Levels are equal; but for ``exact``, to the last digits of a sum."""
    for level in LEVELS:
        assert found[level].keys() == wanted[level].keys(), level
        for key, values in found[level].items():
            relative = 0 if exact else 1e-9
            assert values == pytest.approx(wanted[level][key], rel=relative, abs=0 if exact else 1e-6, nan_ok=True), (
                level,
                key,
            )
