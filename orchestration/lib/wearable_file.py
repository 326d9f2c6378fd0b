"""Readings out of a wearable's files: what each provider's shape says, as columns of one long table.

Heart rate as the Fitbit Web API gave it, a reading a second, is nearly all of the bytes: files of exactly that form are
read by columns of bytes. Every other file, and one in which anything is unusual, is read value by value. Both give the
same readings in the same order.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.lib import readers
from orchestration.lib.outcome import RejectedRow
from orchestration.lib.sources import Field

EXPECTED = (
    "Fitbit Web API intraday data, a Fitbit export of heart rate, data points of the Google Health API, "
    "or a Fitabase CSV file with Id, Time and Value"
)

SCHEMA = pa.schema(
    [
        ("participant", pa.dictionary(pa.int32(), pa.string())),
        ("metric", pa.dictionary(pa.int32(), pa.string())),
        ("local_time", pa.timestamp("us")),
        ("utc_time", pa.timestamp("us")),
        ("sleep_date", pa.date32()),
        ("value", pa.float64()),
        ("_row_number", pa.int64()),
    ]
)

# Microseconds.
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND


@dataclass
class FileContent:
    """What a file holds: its readings (columns of `SCHEMA`), what was refused, or why nothing can be read of it."""

    rows: pa.Table = field(default_factory=lambda: SCHEMA.empty_table())
    rejected: list[RejectedRow] = field(default_factory=list)
    reason: str | None = None


class _Unknown(ValueError):
    """A shape that no provider writes; the message says what was found and what was expected."""


class _Candidate(NamedTuple):
    """A reading as it is written: ``clock`` names the format of its ``time``; ``source`` is quoted if it fails."""

    metric: str
    day: object
    time: object
    clock: str
    value: object
    source: object
    sleep_date: object = None
    utc_offset: object = None


def read_readings(content: bytes, participant: str | None) -> FileContent:
    """Read one file, recognised by its content.

    Parameters
    ----------
    content
        A whole file, unpacked.
    participant
        Whom the path names; ``None`` where the records do (Fitabase).
    """
    beginning = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not content.strip():
        return FileContent(reason=f"it is empty: expected {EXPECTED}")
    if beginning not in (b"[", b"{"):
        return _read_fitabase(content, participant)
    if participant is None:
        return FileContent(
            reason="it does not lie in a folder participant=<id>: only a Fitabase CSV file names its own"
        )
    return _read_fast(content, participant) or _read_json(content, participant)


# -- value by value ---------------------------------------------------------------------------


class _Columns:
    """Readings as they are gathered, and what was refused."""

    def __init__(self) -> None:
        self.participants: list[str] = []
        self.metrics: list[str] = []
        self.local: list[int | None] = []
        self.utc: list[int | None] = []
        self.sleep_dates: list[int | None] = []
        self.values: list[float] = []
        self.numbers: list[int] = []
        self.count = 0

    def add(
        self, participant: str, metric: str, local: int | None, utc: int | None, sleep_date: int | None, value: float
    ) -> None:
        self.participants.append(participant)
        self.metrics.append(metric)
        self.local.append(local)
        self.utc.append(utc)
        self.sleep_dates.append(sleep_date)
        self.values.append(value)
        self.numbers.append(self.count)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "participant": pa.array(self.participants, pa.string()).dictionary_encode(),
                "metric": pa.array(self.metrics, pa.string()).dictionary_encode(),
                "local_time": pa.array(self.local, pa.int64()).cast(pa.timestamp("us")),
                "utc_time": pa.array(self.utc, pa.int64()).cast(pa.timestamp("us")),
                "sleep_date": pa.array(self.sleep_dates, pa.int32()).cast(pa.date32()),
                "value": pa.array(self.values, pa.float64()),
                "_row_number": pa.array(self.numbers, pa.int64()),
            },
            schema=SCHEMA,
        )


def _read_json(content: bytes, participant: str) -> FileContent:
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text)
    except UnicodeDecodeError as error:
        return FileContent(reason=f"it is not UTF-8 text (byte {error.start:,}): save it as UTF-8")
    except json.JSONDecodeError as error:
        cut = " (the file ends within it)" if error.pos >= len(text.rstrip()) else ""
        raw = readers.printable(text[max(error.pos - 40, 0) : error.pos + 40])
        return FileContent(rejected=[RejectedRow(error.lineno, raw, f"it is not valid JSON: {error.msg}{cut}")])
    except RecursionError:
        return FileContent(reason="it is nested too deeply to be JSON of a wearable")
    columns, rejected, finder = _Columns(), [], _Finder(text)
    try:
        for candidate in _candidates(document):
            columns.count += 1
            try:
                local, utc, sleep_date, value = _reading(candidate)
            except ValueError as error:
                line, raw = finder.find(candidate.source)
                rejected.append(RejectedRow(line, raw, str(error)))
            else:
                columns.add(participant, candidate.metric, local, utc, sleep_date, value)
    except _Unknown as error:
        return FileContent(reason=str(error))
    return FileContent(columns.table(), rejected)


class _Finder:
    """Finds the lines of records in a text that was read as a whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, int] = {}

    def find(self, record: object) -> tuple[int, str]:
        """Line and text of a record; of equal ones, each is found in its turn. Line 1 if it is written unusually."""
        written = [json.dumps(record), json.dumps(record, separators=(",", ":"))]
        if isinstance(record, dict):
            # indented: its first text is enough to find the line
            written += [json.dumps(value) for value in record.values() if isinstance(value, str)]
        for piece in written:
            place = self.text.find(piece, self.found.get(piece, -1) + 1)
            if place >= 0:
                self.found[piece] = place
                return self.text.count("\n", 0, place) + 1, readers.printable(written[0][: readers.RAW_TEXT_CHARACTERS])
        return 1, readers.printable(written[0][: readers.RAW_TEXT_CHARACTERS])


def _candidates(document: object) -> Iterator[_Candidate]:
    """Everything in a document that should be a reading, in its order."""
    for part in document if isinstance(document, list) else [document]:
        shape = next((shape for key, shape in _SHAPES.items() if isinstance(part, dict) and key in part), None)
        if shape is None:
            raise _Unknown(f"{_found(part)}: expected {EXPECTED}")
        try:
            yield from shape(part)
        except (KeyError, TypeError, AttributeError) as error:
            raise _Unknown(
                f"it begins as {shape.__doc__}, but what is below is not so ({type(error).__name__}: {error}): "
                f"expected {EXPECTED}"
            ) from None


def _found(part: object) -> str:
    if not isinstance(part, dict):
        return f"it holds {type(part).__name__} {str(part)[:40]!r} where an object should be"
    return f"it holds objects with {', '.join(map(repr, list(part)[:8])) or 'nothing'}, which no known shape has"


def _heart_rate(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit Web API heart rate"""
    for day in part.get("heart_rate_day", [part]):
        summary = day["activities-heart"][0]
        on = summary["dateTime"]
        resting = summary["value"].get("restingHeartRate") if isinstance(summary["value"], dict) else None
        if resting is not None:
            yield _Candidate("resting_heart_rate_bpm", on, None, "day", resting, summary)
        for reading in day["activities-heart-intraday"]["dataset"]:
            yield _Candidate("heart_rate_bpm", on, reading.get("time"), "time of day", reading.get("value"), reading)


_ZONES = {
    "activeZoneMinutes": "active_zone_minutes",
    "fatBurnActiveZoneMinutes": "fat_burn_active_zone_minutes",
    "cardioActiveZoneMinutes": "cardio_active_zone_minutes",
    "peakActiveZoneMinutes": "peak_active_zone_minutes",
}


def _active_zone(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit Web API active zone minutes"""
    for day in part["activities-active-zone-minutes-intraday"]:
        for reading in day["minutes"]:
            values = {"activeZoneMinutes": None} | reading["value"]
            for key, metric in _ZONES.items():
                if key in values:
                    yield _Candidate(
                        metric, day["dateTime"], reading.get("minute"), "time of day", values[key], reading
                    )


_HRV = {"rmssd": "hrv_rmssd_ms", "coverage": "hrv_coverage", "hf": "hrv_hf", "lf": "hrv_lf"}


def _hrv(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit Web API heart rate variability"""
    for night in part["hrv"]:
        for reading in night["minutes"]:
            values = {"rmssd": None} | reading["value"]
            for key, metric in _HRV.items():
                if key in values:
                    yield _Candidate(
                        metric, None, reading.get("minute"), "local time", values[key], reading, night["dateTime"]
                    )


def _breathing_rate(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit Web API breathing rate"""
    for night in part["br"]:
        summary = night["value"]["fullSleepSummary"]
        yield _Candidate(
            "breathing_rate_rpm", night["dateTime"], None, "day", summary.get("breathingRate"), night, night["dateTime"]
        )


def _spo2(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit Web API SpO2"""
    for reading in part["minutes"]:
        yield _Candidate(
            "spo2_pct", None, reading.get("minute"), "local time", reading.get("value"), reading, part["dateTime"]
        )


def _dated(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Fitbit steps or an export of heart rate"""
    value = part["value"]
    if isinstance(value, dict) and "bpm" in value:
        yield _Candidate("heart_rate_bpm", None, part["dateTime"], "export", value["bpm"], part)
    elif isinstance(value, dict):
        raise _Unknown(
            f"it holds values with {', '.join(map(repr, value))}, which no known shape has: expected {EXPECTED}"
        )
    else:
        yield _Candidate("steps", part["dateTime"], None, "day", value, part)


def _data_points(part: dict[str, Any]) -> Iterator[_Candidate]:
    """Google Health API data points"""
    for point in part["dataPoints"]:
        kind = next((key for key in _POINTS if key in point), None)
        if kind is None:
            raise _Unknown(f"{_found(point)}: expected data points with {', '.join(_POINTS)}")
        sample, (key, metric) = point[kind], _POINTS[kind]
        time = sample["sampleTime"]
        yield _Candidate(
            metric, None, time.get("physicalTime"), "utc", sample.get(key), point, utc_offset=time.get("utcOffset")
        )


# Sample types of the Google Health API: the value's key, and our metric.
# https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints
_POINTS = {
    "heartRate": ("beatsPerMinute", "heart_rate_bpm"),
    "oxygenSaturation": ("percentage", "spo2_pct"),
    "heartRateVariability": ("rootMeanSquareOfSuccessiveDifferencesMilliseconds", "hrv_rmssd_ms"),
}


def _sleep(part: dict[str, Any]) -> Iterator[_Candidate]:
    raise _Unknown("it is a Fitbit sleep log: expected a name that begins with sleep, such as sleep-2024-01-01.json")


# What tells the shapes apart: the first of these keys that an object has.
_SHAPES = {
    "heart_rate_day": _heart_rate,
    "activities-heart-intraday": _heart_rate,
    "activities-active-zone-minutes-intraday": _active_zone,
    "hrv": _hrv,
    "br": _breathing_rate,
    "dataPoints": _data_points,
    "logId": _sleep,
    "minutes": _spo2,
    "dateTime": _dated,
}

_EPOCH = datetime(1970, 1, 1)
_FORMATS = {
    "day": (re.compile(r"\d{4}-\d\d-\d\d"), "a day as YYYY-MM-DD"),
    "time of day": (re.compile(r"\d\d:\d\d:\d\d"), "a time of day as HH:MM:SS"),
    "local time": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?"), "a time as YYYY-MM-DDTHH:MM:SS"),
    "utc": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"), "a UTC time as YYYY-MM-DDTHH:MM:SSZ"),
    "export": (re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d"), "a time as MM/DD/YY HH:MM:SS"),
}


def _reading(candidate: _Candidate) -> tuple[int | None, int | None, int | None, float]:
    """Local time and UTC in microseconds, day of the night in days, and value.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    value = _value(candidate)
    sleep_date = None if candidate.sleep_date is None else _day(candidate.sleep_date)
    if candidate.clock == "day":
        return _day(candidate.day) * _DAY, None, sleep_date, value
    if candidate.clock == "time of day":
        day, time = _day(candidate.day), _time_of_day(candidate.time)
        return day * _DAY + time, None, sleep_date, value
    at = _moment(candidate.time, candidate.clock)
    if candidate.clock == "local time":
        return at, None, sleep_date, value
    if candidate.clock == "utc":
        return at + _offset(candidate.utc_offset), at, sleep_date, value
    return None, at, sleep_date, value


def _value(candidate: _Candidate) -> float:
    value = candidate.value
    try:
        # Numbers may be text; true is none.
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        said = "is missing" if value is None else f"is {str(value)[:100]!r}"
        raise ValueError(f"its value of {candidate.metric} {said}: expected a number")
    return number


def _checked(text: object, clock: str) -> str:
    pattern, expected = _FORMATS[clock]
    if not isinstance(text, str) or not pattern.fullmatch(text):
        said = "is missing" if text is None else f"is {str(text)[:100]!r}"
        raise ValueError(f"its time {said}: expected {expected}")
    return text


def _day(text: object) -> int:
    checked = _checked(text, "day")
    try:
        return (date.fromisoformat(checked) - date(1970, 1, 1)).days
    except ValueError:
        raise ValueError(f"its day is {checked!r}: there is no such day") from None


def _time_of_day(text: object) -> int:
    checked = _checked(text, "time of day")
    hour, minute, second = int(checked[:2]), int(checked[3:5]), int(checked[6:])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"its time is {checked!r}: there is no such time of day")
    return (hour * 3600 + minute * 60 + second) * _SECOND


def _moment(text: object, clock: str) -> int:
    checked = _checked(text, clock)
    try:
        if clock == "export":
            month, day, year = int(checked[:2]), int(checked[3:5]), 2000 + int(checked[6:8])
            at = datetime(year, month, day)
            return _microseconds(at) + _time_of_day(checked[9:])
        # Fractions of a second beyond the sixth place say nothing of a wearable.
        return _microseconds(datetime.fromisoformat(checked[:26].removesuffix("Z")))
    except ValueError:
        raise ValueError(f"its time is {checked!r}: there is no such time") from None


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _offset(text: object) -> int:
    if text is None:
        return 0
    found = re.fullmatch(r"(-?\d{1,5})s", text) if isinstance(text, str) else None
    # No place on earth is further than 14 h from UTC.
    if not found or abs(int(found[1])) > 14 * 3600:
        raise ValueError(f"its utcOffset is {str(text)[:100]!r}: expected seconds such as 3600s")
    return int(found[1]) * _SECOND


# -- Fitabase ---------------------------------------------------------------------------

_FITABASE = (
    Field("Id", "VARCHAR", "a participant", is_required=True),
    Field("Time", "VARCHAR", "a time", is_required=True),
    Field("Value", "VARCHAR", "a number", is_required=True),
)
_CLOCK = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d):(\d\d) ([AP])M")


def _read_fitabase(content: bytes, participant: str | None) -> FileContent:
    """Heart rate of many participants: `Id,Time,Value`, local times such as ``4/1/2016 7:54:00 AM``."""
    columns, rejected = _Columns(), []
    times: dict[str, int] = {}  # the same seconds come for many participants
    for record in readers.scan_csv(content, _FITABASE):
        columns.count += 1
        if record.problem:
            problem = record.problem
            if columns.count == 1 and record.line_number == 1:
                problem += f", which is the header of a Fitabase file. A wearable's file is {EXPECTED}"
            rejected.append(RejectedRow(record.line_number, record.raw_text, problem))
            continue
        who, time, written = (record.values.get(name) for name in ("Id", "Time", "Value"))
        try:
            if not (who := who or ""):
                raise ValueError("its Id is missing: expected the participant")
            if participant not in (None, who):
                raise ValueError(f"its Id is {who!r}, but it lies in the folder of participant {participant}")
            value = _value(_Candidate("heart_rate_bpm", None, None, "", written, None))
            local = times.get(time or "")
            if local is None:
                local = times[time or ""] = _fitabase_time(time)
        except ValueError as error:
            rejected.append(RejectedRow(record.line_number, record.raw_text, str(error)))
        else:
            columns.add(who, "heart_rate_bpm", local, None, None, value)
    return FileContent(columns.table(), rejected)


def _fitabase_time(text: str | None) -> int:
    found = _CLOCK.fullmatch(text or "")
    try:
        if not found or not 1 <= int(found[4]) <= 12:
            raise ValueError
        month, day, year, hour, minute, second = map(int, found.groups()[:6])
        return _microseconds(datetime(year, month, day, hour % 12 + 12 * (found[7] == "P"), minute, second))
    except ValueError:
        raise ValueError(f"its time is {text!r}: expected one such as 4/1/2016 7:54:00 AM") from None


# -- by columns of bytes ---------------------------------------------------------------------------

_DATASET = re.compile(rb'"activities-heart-intraday": ?\{"dataset": ?\[')
# Readings as Python's json and as the Web API itself writes them.
_STYLES = ((b'{"time": "', b'", "value": ', b", "), (b'{"time":"', b'","value":', b","))
# The longest value and the brace behind it: 17 digits tell any floating-point number.
_VALUE_BYTES = 20
# So many digits are a whole number below 2^53, which a floating-point number holds exactly, as powers of ten to 10^22.
_EXACT_DIGITS = 15
_POWERS_OF_TEN = np.array([float(f"1e{power}") for power in range(_VALUE_BYTES + 1)])
_ByteArray = npt.NDArray[np.uint8]


def _read_fast(content: bytes, participant: str) -> FileContent | None:
    """Heart rate of the Web API in its usual form; None if the file is anything else, or anything in it is unusual."""
    places = [found.end() for found in _DATASET.finditer(content)]
    if not places or b"\\" in content:
        return None
    datasets: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []
    rest, begun = [], 0
    for place in places:
        end = content.find(b"]", place)
        parsed = _parse_dataset(content[place:end]) if end >= 0 else None
        if parsed is None:
            return None
        datasets.append(parsed)
        rest.append(content[begun:place])
        begun = end
    rest.append(content[begun:])
    # What is left, with empty datasets, is small: it tells the days, and whether this is the shape at all.
    frame = _read_json(b"".join(rest), participant)
    try:
        document = json.loads(b"".join(rest))
        days = [day for part in document for day in part.get("heart_rate_day", [part])]
        dates = [_day(day["activities-heart"][0]["dateTime"]) for day in days]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    has_resting = [
        day["activities-heart"][0]["value"].get("restingHeartRate") is not None
        for day in days
        if isinstance(day["activities-heart"][0].get("value"), dict)
    ]
    if frame.reason or frame.rejected or not len(dates) == len(has_resting) == len(datasets):
        return None
    tables, number, resting = [], 0, iter(frame.rows["value"].to_pylist())
    for day, is_resting, (times, values) in zip(dates, has_resting, datasets, strict=True):
        if is_resting:
            tables.append(_table(participant, "resting_heart_rate_bpm", [day * _DAY], [next(resting)], number))
            number += 1
        tables.append(_table(participant, "heart_rate_bpm", day * _DAY + times * _SECOND, values, number))
        number += len(values)
    return FileContent(pa.concat_tables(tables).unify_dictionaries())


def _table(participant: str, metric: str, local: Any, values: Any, number: int) -> pa.Table:
    """Readings of one metric in local time; ``number``: readings of the file before them."""
    count = len(values)
    index = pa.array(np.zeros(count, np.int32))
    return pa.table(
        {
            "participant": pa.DictionaryArray.from_arrays(index, pa.array([participant], pa.string())),
            "metric": pa.DictionaryArray.from_arrays(index, pa.array([metric], pa.string())),
            "local_time": pa.array(local, pa.int64()).cast(pa.timestamp("us")),
            "utc_time": pa.nulls(count, pa.timestamp("us")),
            "sleep_date": pa.nulls(count, pa.date32()),
            "value": pa.array(values, pa.float64()),
            "_row_number": pa.array(np.arange(number + 1, number + count + 1)),
        },
        schema=SCHEMA,
    )


def _parse_dataset(body: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]] | None:
    """Seconds of the day and values of the readings of a dataset; None if it is not exactly a list of such readings."""
    if not body:
        return np.empty(0, np.int64), np.empty(0)
    style = next((style for style in _STYLES if body.startswith(style[0])), None)
    if style is None or not body.endswith(b"}"):
        return None
    head, middle, between = style
    before_value = len(head) + 8 + len(middle)
    padded = np.frombuffer(body + bytes(before_value + _VALUE_BYTES), np.uint8)
    starts = np.flatnonzero(padded == ord("{"))
    # A reading ends where the next one begins, but for what stands between them; the value is what is left of it.
    ends = np.append(starts[1:] - len(between), len(body)) - 1
    lengths = ends - starts - before_value
    if lengths.min() < 1 or lengths.max() > _VALUE_BYTES:
        return None
    is_regular = (
        all(_has(padded, starts + place, text) for place, text in ((0, head), (len(head) + 8, middle)))
        and _has(padded, ends[:-1], b"}" + between + b"{")
        and padded[ends[-1]] == ord("}")
    )
    if not is_regular:
        return None
    seconds = _seconds(_texts(padded, starts + len(head), 8))
    values = _numbers(_texts(padded, starts + before_value, 8 if lengths.max() <= 8 else _VALUE_BYTES), lengths)
    return None if seconds is None or values is None else (seconds, values)


def _texts(content: _ByteArray, places: npt.NDArray[np.int64], width: int) -> _ByteArray:
    """As many bytes from each of the places, a row each; copied as one item, which is quicker than byte by byte."""
    items = np.ndarray((len(content) - width + 1,), "<u8" if width == 8 else f"V{width}", content, strides=(1,))
    return items[places].view(np.uint8).reshape(-1, width)


def _has(content: _ByteArray, places: npt.NDArray[np.int64], text: bytes) -> bool:
    """Whether this text, of up to 16 bytes, stands at each of the places: compared eight bytes at a time."""
    words = np.ndarray((len(content) - 7,), "<u8", content, strides=(1,))
    if len(text) < 8:
        mask, word = (int.from_bytes(part, "little") for part in (b"\xff" * len(text), text))
        return bool((words[places] & np.uint64(mask) == word).all())
    # the second eight may overlap the first
    return all(
        bool((words[places + place] == int.from_bytes(text[place : place + 8], "little")).all())
        for place in {0, len(text) - 8}
    )


# The greatest digit in each place of HH:MM:SS, the colon (ten above zero) in its own, and what each place is worth.
_GREATEST = np.array([2, 9, 10, 5, 9, 10, 5, 9], np.uint8)
_WORTH_SECONDS = {0: 36_000, 1: 3_600, 3: 600, 4: 60, 6: 10, 7: 1}


def _seconds(time: _ByteArray) -> npt.NDArray[np.int64] | None:
    """Seconds of the day from texts of the form HH:MM:SS."""
    digits = np.ascontiguousarray(time.T) - np.uint8(ord("0"))  # what lies below zero becomes great
    seconds = np.zeros(len(time), np.int64)
    for place, worth in _WORTH_SECONDS.items():
        seconds += digits[place] * np.int64(worth)
    is_time = (
        (digits.max(axis=1) <= _GREATEST).all() and (digits[[2, 5]].min(axis=1) == 10).all() and seconds.max() < 86_400
    )
    return seconds if is_time else None


def _numbers(text: _ByteArray, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
    """Values of texts such as 70 or 70.25, each as long as told; None if one is of another form.

    Digits are one whole number, divided once by a power of ten: exact to the last bit while both are. Longer ones are
    left to Python.
    """
    mantissa = np.zeros(len(text), np.int64)
    decimals = np.zeros(len(text), np.int64)
    has_point = np.zeros(len(text), bool)
    for place in range(int(lengths.max())):
        inside = place < lengths
        byte = text[:, place]
        digit = byte - np.uint8(ord("0"))
        is_digit, is_point = inside & (digit <= 9), inside & (byte == ord("."))
        # a number begins and ends with a digit, and not with a zero before another digit
        if (inside & ~is_digit & ~is_point).any() or (
            is_point & (has_point | (place == 0) | (place == lengths - 1))
        ).any():
            return None
        if place == 1 and (is_digit & (text[:, 0] == ord("0"))).any():
            return None
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        decimals += is_digit & has_point
        has_point |= is_point
    values: npt.NDArray[np.float64] = mantissa / _POWERS_OF_TEN[decimals]
    for row in np.flatnonzero(lengths - has_point > _EXACT_DIGITS):
        values[row] = float(text[row, : lengths[row]].tobytes())
    return values
