"""Readings out of a wearable's files: each provider's shape, what is refused, and two ways of reading that agree."""

import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.lib.contract.entity import FileContent
from orchestration.lib.sources.wearable.formats import read_readings
from orchestration.lib.sources.wearable.formats.heart_rate import read_fast
from orchestration.lib.sources.wearable.formats.json_file import read_json
from tests.support.hypothesis_profile import examples
from tests.support.wearable_files import heart_rate_file

REAL = Path("/work/shared/data/wearable")


def rows(content: FileContent) -> list[tuple[Any, ...]]:
    """Metric, local time, UTC, night and value of each reading."""
    assert content.reason is None
    names = ("metric", "local_time", "utc_time", "sleep_date", "value")
    return list(zip(*(content.rows[name].to_pylist() for name in names), strict=True))


def read(document: object, participant: str | None = "p1") -> FileContent:
    return read_readings(json.dumps(document).encode(), participant)


def test_heart_rate_of_the_web_api() -> None:
    found = rows(read_readings(heart_rate_file("2024-01-01", ("00:00:00", 50.0), ("23:59:59", 195), resting=58), "p1"))
    assert found == [
        ("resting_heart_rate_bpm", datetime(2024, 1, 1), None, None, 58.0),
        ("heart_rate_bpm", datetime(2024, 1, 1), None, None, 50.0),
        ("heart_rate_bpm", datetime(2024, 1, 1, 23, 59, 59), None, None, 195.0),
    ]


def test_active_zone_minutes_with_and_without_zones() -> None:
    minutes = [
        {"minute": "00:00:00", "value": {"activeZoneMinutes": 0}},
        {"minute": "00:01:00", "value": {"fatBurnActiveZoneMinutes": 1, "activeZoneMinutes": 1}},
    ]
    found = rows(read([{"activities-active-zone-minutes-intraday": [{"dateTime": "2024-01-01", "minutes": minutes}]}]))
    assert [(metric, at.minute, value) for metric, at, _, _, value in found] == [
        ("active_zone_minutes", 0, 0.0),
        ("active_zone_minutes", 1, 1.0),
        ("fat_burn_active_zone_minutes", 1, 1.0),
    ]


def test_hrv_of_a_night_belongs_to_the_day_of_waking() -> None:
    value = {"rmssd": 52.763, "coverage": 0.967, "hf": 583.152, "lf": 133.819}
    minutes = [{"minute": "2023-12-31T23:48:56.000", "value": value}]
    found = rows(read([{"hrv": [{"minutes": minutes, "dateTime": "2024-01-01"}]}]))
    at, night = datetime(2023, 12, 31, 23, 48, 56), date(2024, 1, 1)
    assert found == [
        ("hrv_rmssd_ms", at, None, night, 52.763),
        ("hrv_coverage", at, None, night, 0.967),
        ("hrv_hf", at, None, night, 583.152),
        ("hrv_lf", at, None, night, 133.819),
    ]


def test_spo2_mixes_whole_and_decimal_numbers() -> None:
    minutes = [{"value": 96, "minute": "2024-01-01T00:48:56"}, {"value": 95.9, "minute": "2024-01-01T00:49:56"}]
    found = rows(read([{"dateTime": "2024-01-01", "minutes": minutes}]))
    assert [(metric, night, value) for metric, _, _, night, value in found] == [
        ("spo2_pct", date(2024, 1, 1), 96.0),
        ("spo2_pct", date(2024, 1, 1), 95.9),
    ]


def test_breathing_rate_is_that_of_the_whole_night() -> None:
    value = {"deepSleepSummary": {"breathingRate": 9.3}, "fullSleepSummary": {"breathingRate": 13.1}}
    found = rows(read([{"br": [{"value": value, "dateTime": "2024-01-01"}]}]))
    assert found == [("breathing_rate_rpm", datetime(2024, 1, 1), None, date(2024, 1, 1), 13.1)]


def test_steps_of_a_day() -> None:
    found = rows(read([{"dateTime": "2024-01-01", "value": 3450}, {"dateTime": "2024-01-02", "value": "4980"}]))
    assert [(metric, at.day, value) for metric, at, _, _, value in found] == [
        ("steps", 1, 3450.0),
        ("steps", 2, 4980.0),
    ]


def test_an_export_is_in_utc() -> None:
    found = rows(read([{"dateTime": "12/31/23 23:59:58", "value": {"bpm": 70, "confidence": 1}}]))
    assert found == [("heart_rate_bpm", None, datetime(2023, 12, 31, 23, 59, 58), None, 70.0)]


def test_data_points_have_utc_an_offset_and_numbers_as_text() -> None:
    time = {"physicalTime": "2026-11-01T23:54:00.5Z", "utcOffset": "3600s"}
    points = [{"heartRate": {"sampleTime": time, "beatsPerMinute": "70"}}]
    found = rows(read({"dataPoints": points}))
    at = datetime(2026, 11, 1, 23, 54, 0, 500_000)
    assert found == [("heart_rate_bpm", at.replace(day=2, hour=0), at, None, 70.0)]


def test_fitabase_names_its_participants() -> None:
    lines = ["2022484408,4/1/2016 7:54:00 AM,93", "77,4/12/2016 12:00:05 PM,91", "77,4/12/2016 12:00:05 AM,90"]
    content = read_readings("\r\n".join(["Id,Time,Value", *lines]).encode(), None)
    assert content.rows["participant"].to_pylist() == ["2022484408", "77", "77"]
    assert [at for _, at, _, _, _ in rows(content)] == [
        datetime(2016, 4, 1, 7, 54),
        datetime(2016, 4, 12, 12, 0, 5),
        datetime(2016, 4, 12, 0, 0, 5),
    ]


@pytest.mark.parametrize(
    ("content", "participant", "reason"),
    [
        (b"", "p1", "it is empty: expected Fitbit Web API intraday data"),
        (b'[{"cadence": []}]', "p1", "it holds objects with 'cadence', which no known shape has: expected Fitbit"),
        (b"[1]", "p1", "it holds int '1' where an object should be"),
        (b'[{"hrv": [{"dateTime": "2024-01-01"}]}]', "p1", "it begins as Fitbit Web API heart rate variability, but"),
        (b'[{"dateTime": "2024-01-01", "value": {"bmp": 1}}]', "p1", "it holds values with 'bmp'"),
        (b'{"dataPoints": [{"weight": {}}]}', "p1", "expected data points with heartRate"),
        (b'[{"logId": 1}]', "p1", "it is a Fitbit sleep log: expected a name that begins with sleep"),
        (b'[{"dateTime": "2024-01-01", "value": 1}]', None, "it does not lie in a folder participant=<id>"),
        (b'["\xff"]', "p1", "it is not UTF-8 text"),
        (b"[" * 100_000, "p1", "it is nested too deeply"),
    ],
)
def test_an_unknown_shape_is_named_with_what_was_expected(content: bytes, participant: str | None, reason: str) -> None:
    found = read_readings(content, participant)
    assert found.reason is not None
    assert reason in found.reason
    assert found.rows.num_rows == 0


@pytest.mark.parametrize(
    ("time", "value", "reason"),
    [
        ("25:00:00", 60, "its time is '25:00:00': there is no such time of day"),
        ("7:00", 60, "its time is '7:00': expected a time of day as HH:MM:SS"),
        (None, 60, "its time is missing: expected a time of day as HH:MM:SS"),
        ("07:00:00", None, "its value of heart_rate_bpm is missing: expected a number"),
        ("07:00:00", "fast", "its value of heart_rate_bpm is 'fast': expected a number"),
        ("07:00:00", True, "its value of heart_rate_bpm is 'True': expected a number"),
        ("07:00:00", "NaN", "its value of heart_rate_bpm is 'NaN': expected a number"),
    ],
)
def test_a_bad_reading_is_refused_and_the_others_stay(time: object, value: object, reason: str) -> None:
    found = read_readings(heart_rate_file("2024-01-01", ("06:00:00", 61.0), (time, value), ("08:00:00", 62.0)), "p1")
    assert [value for *_, value in rows(found)] == [61.0, 62.0]
    assert [row.reason for row in found.rejected] == [reason]
    assert found.rows["_row_number"].to_pylist() == [1, 3]


def test_a_refused_reading_has_its_line() -> None:
    clocks = ("01/01/24 00:00:00", "13/01/24 00:00:00", "01/01/24 00:00:02")
    records = [json.dumps({"dateTime": clock, "value": {"bpm": 71}}) for clock in clocks]
    separator = ",\n"
    content = f"[{separator.join(records)}]".encode()
    (refused,) = read_readings(content, "p1").rejected
    assert (refused.line_number, refused.reason) == (2, "its time is '13/01/24 00:00:00': there is no such time")
    assert refused.raw_text == '{"dateTime": "13/01/24 00:00:00", "value": {"bpm": 71}}'


def test_a_cut_file_says_so() -> None:
    (refused,) = read_readings(heart_rate_file("2024-01-01", ("06:00:00", 61.0))[:-30], "p1").rejected
    assert "it is not valid JSON" in refused.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            b"1,13/40/2016 7:54:00 AM,93",
            "its time is '13/40/2016 7:54:00 AM': expected one such as 4/1/2016 7:54:00 AM",
        ),
        (b"1,4/1/2016 17:54:00 AM,93", "its time is '4/1/2016 17:54:00 AM'"),
        (b"1,4/1/2016 7:54:00 AM,high", "its value of heart_rate_bpm is 'high'"),
        (b",4/1/2016 7:54:00 AM,93", "its Id is missing"),
        (b"1,2", "it has 2 values"),
    ],
)
def test_a_bad_line_of_fitabase_is_refused_with_its_number(line: bytes, reason: str) -> None:
    found = read_readings(b"Id,Time,Value\n1,4/1/2016 7:53:00 AM,92\n" + line + b"\n", None)
    (refused,) = found.rejected
    assert refused.line_number == 3
    assert reason in refused.reason
    assert found.rows.num_rows == 1


def test_a_csv_without_its_header_is_told_what_is_expected() -> None:
    (refused,) = read_readings(b"time,bpm\n1,2\n", None).rejected
    assert "its header line has no Id, Time, Value" in refused.reason


times = st.builds("{:02d}:{:02d}:{:02d}".format, st.integers(0, 24), st.integers(0, 60), st.integers(0, 60))
values = st.one_of(
    st.integers(-5, 1000),
    st.floats(0, 300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.1, 0, 88.1008473233418, 1e22, "70", None, 5e-324, 123456789012345.6]),
)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.tuples(times, values), max_size=6),
    st.sampled_from([(", ", ": "), (",", ":"), (" , ", ":")]),
    st.sampled_from([None, 58, "x"]),
)
@example([("00:00:00", 88.1008473233418)], (", ", ": "), None)
@example([("00:00:00", 7), ("00:00:01", 0.5)], (",", ":"), 60)
def test_both_ways_of_reading_agree(readings: list[Any], separators: tuple[str, str], resting: object) -> None:
    document = json.loads(heart_rate_file("2024-01-01", *readings))
    document[0]["heart_rate_day"] *= 2
    document[0]["heart_rate_day"][0]["activities-heart"][0]["value"]["restingHeartRate"] = resting
    content = json.dumps(document, separators=separators).encode()
    fast = read_fast(content, "p1")
    careful = read_json(content, "p1")
    if fast is not None:
        assert not careful.rejected
        assert fast.rows.to_pylist() == careful.rows.to_pylist()


def test_the_usual_form_is_read_fast() -> None:
    for separators in ((", ", ": "), (",", ":")):
        document = json.loads(heart_rate_file("2024-01-01", ("00:00:00", 50.0), ("00:00:01", 70), resting=58))
        content = json.dumps(document, separators=separators).encode()
        assert read_fast(content, "p1") is not None


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(min_size=1, max_size=3), st.data())
def test_no_damage_reads_otherwise_fast_than_carefully(damage: bytes, data: st.DataObject) -> None:
    content = heart_rate_file("2024-01-01", ("00:00:00", 50.0), ("00:00:01", 70), ("00:00:02", 71.5), resting=58)
    place = data.draw(st.integers(0, len(content) - 1))
    content = content[:place] + damage + content[place + data.draw(st.integers(0, 3)) :]
    fast = read_fast(content, "p1")
    if fast is not None:
        careful = read_json(content, "p1")
        assert careful.reason is None
        assert not careful.rejected
        assert fast.rows.to_pylist() == careful.rows.to_pylist()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("70", "true"),
        lambda text: text.replace("70", "1e999"),
        lambda text: text.replace("70", "NaN"),
        lambda text: text.replace("70", '"70"'),
        lambda text: text.replace("70", "null"),
        lambda text: text.replace("58", "1e999"),
        lambda text: text.replace('"00:00:00"', '"00:00"'),
        lambda text: text.replace('"00:00:00"', '"00+01:00"'),
        lambda text: text.replace('"00:00:00"', '"24:00:00"'),
        lambda text: text.replace('"2024-01-01"', '"2024-02-30"'),
        lambda text: text.replace('"2024-01-01"', '"20240101"'),
        lambda text: text[:-1] + text[1:],
        lambda text: text[1:-1] * 2,
        lambda text: text[:-1] + ", 1]",
        lambda text: text + ', "x": 1',
        lambda text: text + ', "x": [1]',
        lambda text: text + ', "parts": ' + text,
        lambda text: text + "} " + text,
        lambda text: text.replace('"activities-heart":', '"activities-heart": [], "activities-heart":'),
        lambda text: text.replace('"heart_rate_day":', '"heart_rate_day": null, "x":'),
        lambda text: "[" * 100_000 + text,
        lambda text: text.replace("58", "[" * 100_000 + "]" * 100_000),
    ],
)
def test_what_is_unusual_is_not_read_fast(change: Callable[[str], str]) -> None:
    content = heart_rate_file("2024-01-01", ("00:00:00", 50.5), ("00:00:01", 70), resting=58).decode()
    assert read_fast(content.encode(), "p1") is not None
    assert change(content) != content
    assert read_fast(change(content).encode(), "p1") is None


def test_a_day_alone_is_read_fast() -> None:
    (part,) = json.loads(heart_rate_file("2024-01-01", ("00:00:00", 50.5), ("00:00:01", 70), resting=58))
    content = json.dumps(part["heart_rate_day"][0]).encode()
    fast = read_fast(content, "p1")
    assert fast is not None
    assert fast.rows.to_pylist() == read_json(content, "p1").rows.to_pylist()


@pytest.mark.skipif(not REAL.exists(), reason=f"the real samples are not there: {REAL}")
def test_three_real_days() -> None:
    counts: dict[str, int] = {}
    for path in sorted(REAL.glob("*.json.gz")):
        found = read_readings(gzip.decompress(path.read_bytes()), "p1")
        assert (found.reason, found.rejected) == (None, []), path
        assert (read_fast(gzip.decompress(path.read_bytes()), "p1") is not None) == ("intraday_heart" in path.name)
        for metric in found.rows["metric"].to_pylist():
            counts[metric] = counts.get(metric, 0) + 1
        assert np.isfinite(found.rows["value"].to_numpy()).all()
    assert counts["heart_rate_bpm"] == 259_200
    assert counts["active_zone_minutes"] == 4_320
    assert (counts["hrv_rmssd_ms"], counts["spo2_pct"]) == (1_282, 1_282)
    assert (counts["breathing_rate_rpm"], counts["steps"], counts["resting_heart_rate_bpm"]) == (3, 3, 3)
