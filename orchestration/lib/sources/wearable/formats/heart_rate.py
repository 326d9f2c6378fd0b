"""Heart rate of the Fitbit Web API in its usual form, read by columns of bytes."""

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.lib.contract.entity import FileContent
from orchestration.lib.sources.wearable.formats.json_file import read_json
from orchestration.lib.sources.wearable.formats.readings import DAY, SCHEMA, SECOND, day_of

_DATASET = re.compile(rb'"activities-heart-intraday": ?\{"dataset": ?\[')
# Readings as Python's json and as the Web API itself writes them.
_STYLES = ((b'{"time": "', b'", "value": ', b", "), (b'{"time":"', b'","value":', b","))
# The longest value and the brace behind it: 17 digits tell any floating-point number.
_VALUE_BYTES = 20
# So many digits are a whole number below 2^53, which a floating-point number holds exactly, as powers of ten to 10^22.
_EXACT_DIGITS = 15
_POWERS_OF_TEN = np.array([float(f"1e{power}") for power in range(_VALUE_BYTES + 1)])
_ByteArray = npt.NDArray[np.uint8]


def read_fast(content: bytes, participant: str) -> FileContent | None:
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
    frame = read_json(b"".join(rest), participant)
    try:
        document = json.loads(b"".join(rest))
        days = [day for part in document for day in part.get("heart_rate_day", [part])]
        dates = [day_of(day["activities-heart"][0]["dateTime"]) for day in days]
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
            tables.append(_table(participant, "resting_heart_rate_bpm", [day * DAY], [next(resting)], number))
            number += 1
        tables.append(_table(participant, "heart_rate_bpm", day * DAY + times * SECOND, values, number))
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
