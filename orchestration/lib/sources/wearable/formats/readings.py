"""Check a wearable's readings as a provider writes them, and collect them as columns."""

import math
import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

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
SECOND = 1_000_000
DAY = 86_400 * SECOND


class Candidate(NamedTuple):
    """A reading as its provider writes it: ``clock`` names the format of ``time``; ``source`` is quoted if it fails."""

    metric: str
    day: object
    time: object
    clock: str
    value: object
    source: object
    sleep_date: object = None
    utc_offset: object = None


class Columns:
    """Collect readings as columns."""

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
        """Add a reading; its number is ``count``."""
        self.participants.append(participant)
        self.metrics.append(metric)
        self.local.append(local)
        self.utc.append(utc)
        self.sleep_dates.append(sleep_date)
        self.values.append(value)
        self.numbers.append(self.count)

    def table(self) -> pa.Table:
        """Return the readings as an Arrow table."""
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


_EPOCH = datetime(1970, 1, 1)
_FORMATS = {
    "day": (re.compile(r"\d{4}-\d\d-\d\d"), "a day as YYYY-MM-DD"),
    "time of day": (re.compile(r"\d\d:\d\d:\d\d"), "a time of day as HH:MM:SS"),
    "local time": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?"), "a time as YYYY-MM-DDTHH:MM:SS"),
    "utc": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"), "a UTC time as YYYY-MM-DDTHH:MM:SSZ"),
    "export": (re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d"), "a time as MM/DD/YY HH:MM:SS"),
}


def parsed(candidate: Candidate) -> tuple[int | None, int | None, int | None, float]:
    """Return a reading's local time and UTC in microseconds, the day of its night in days, and its value.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    value = value_of(candidate)
    sleep_date = None if candidate.sleep_date is None else day_of(candidate.sleep_date)
    if candidate.clock == "day":
        return day_of(candidate.day) * DAY, None, sleep_date, value
    if candidate.clock == "time of day":
        day, time = day_of(candidate.day), _time_of_day(candidate.time)
        return day * DAY + time, None, sleep_date, value
    at = _moment(candidate.time, candidate.clock)
    if candidate.clock == "local time":
        return at, None, sleep_date, value
    if candidate.clock == "utc":
        return at + _offset(candidate.utc_offset), at, sleep_date, value
    return None, at, sleep_date, value


def value_of(candidate: Candidate) -> float:
    """Return a reading's value.

    Raises
    ------
    ValueError
        If it is no finite number.
    """
    value = candidate.value
    try:
        # Numbers may be text; true is none.
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        found_value = "is missing" if value is None else f"is {str(value)[:100]!r}"
        raise ValueError(f"its value of {candidate.metric} {found_value}: expected a number")
    return number


def _checked(text: object, clock: str) -> str:
    pattern, expected = _FORMATS[clock]
    if not isinstance(text, str) or not pattern.fullmatch(text):
        found_text = "is missing" if text is None else f"is {str(text)[:100]!r}"
        raise ValueError(f"its time {found_text}: expected {expected}")
    return text


def day_of(text: object) -> int:
    """Return a day as days since 1970.

    Raises
    ------
    ValueError
        If it is no day as YYYY-MM-DD.
    """
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
    return (hour * 3600 + minute * 60 + second) * SECOND


def _moment(text: object, clock: str) -> int:
    checked = _checked(text, clock)
    try:
        if clock == "export":
            month, day, year = int(checked[:2]), int(checked[3:5]), 2000 + int(checked[6:8])
            at = datetime(year, month, day)
            return microseconds(at) + _time_of_day(checked[9:])
        # Fractions of a second beyond the sixth place say nothing of a wearable.
        return microseconds(datetime.fromisoformat(checked[:26].removesuffix("Z")))
    except ValueError:
        raise ValueError(f"its time is {checked!r}: there is no such time") from None


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _offset(text: object) -> int:
    if text is None:
        return 0
    match = re.fullmatch(r"(-?\d{1,5})s", text) if isinstance(text, str) else None
    # No place on earth is further than 14 h from UTC.
    if not match or abs(int(match[1])) > 14 * 3600:
        raise ValueError(f"its utcOffset is {str(text)[:100]!r}: expected seconds such as 3600s")
    return int(match[1]) * SECOND
