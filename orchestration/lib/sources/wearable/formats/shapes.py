"""Recognise the shapes in which providers write readings as JSON, and find the readings in them."""

from collections.abc import Iterator
from typing import Any

from orchestration.lib.sources.wearable.formats.readings import EXPECTED, Candidate


class UnknownShape(ValueError):
    """A shape that no provider writes; the message says what was found and what was expected."""


def candidates(document: object) -> Iterator[Candidate]:
    """Find everything in a document that should be a reading, in its order."""
    for part in document if isinstance(document, list) else [document]:
        shape = next((shape for key, shape in _SHAPES.items() if isinstance(part, dict) and key in part), None)
        if shape is None:
            raise UnknownShape(f"{_found(part)}: expected {EXPECTED}")
        name, read = shape
        try:
            yield from read(part)
        except (KeyError, TypeError, AttributeError) as error:
            raise UnknownShape(
                f"it begins as {name}, but what is below is not so ({type(error).__name__}: {error}): "
                f"expected {EXPECTED}"
            ) from None


def _found(part: object) -> str:
    if not isinstance(part, dict):
        return f"it holds {type(part).__name__} {str(part)[:40]!r} where an object should be"
    return f"it holds objects with {', '.join(map(repr, list(part)[:8])) or 'nothing'}, which no known shape has"


def _heart_rate(part: dict[str, Any]) -> Iterator[Candidate]:
    for day in part.get("heart_rate_day", [part]):
        summary = day["activities-heart"][0]
        on = summary["dateTime"]
        resting = summary["value"].get("restingHeartRate") if isinstance(summary["value"], dict) else None
        if resting is not None:
            yield Candidate("resting_heart_rate_bpm", on, None, "day", resting, summary)
        for reading in day["activities-heart-intraday"]["dataset"]:
            yield Candidate("heart_rate_bpm", on, reading.get("time"), "time of day", reading.get("value"), reading)


_ZONES = {
    "activeZoneMinutes": "active_zone_minutes",
    "fatBurnActiveZoneMinutes": "fat_burn_active_zone_minutes",
    "cardioActiveZoneMinutes": "cardio_active_zone_minutes",
    "peakActiveZoneMinutes": "peak_active_zone_minutes",
}


def _active_zone(part: dict[str, Any]) -> Iterator[Candidate]:
    for day in part["activities-active-zone-minutes-intraday"]:
        for reading in day["minutes"]:
            values = {"activeZoneMinutes": None} | reading["value"]
            for key, metric in _ZONES.items():
                if key in values:
                    yield Candidate(metric, day["dateTime"], reading.get("minute"), "time of day", values[key], reading)


_HRV = {"rmssd": "hrv_rmssd_ms", "coverage": "hrv_coverage", "hf": "hrv_hf", "lf": "hrv_lf"}


def _hrv(part: dict[str, Any]) -> Iterator[Candidate]:
    for night in part["hrv"]:
        for reading in night["minutes"]:
            values = {"rmssd": None} | reading["value"]
            for key, metric in _HRV.items():
                if key in values:
                    yield Candidate(
                        metric, None, reading.get("minute"), "local time", values[key], reading, night["dateTime"]
                    )


def _breathing_rate(part: dict[str, Any]) -> Iterator[Candidate]:
    for night in part["br"]:
        summary = night["value"]["fullSleepSummary"]
        yield Candidate(
            "breathing_rate_rpm", night["dateTime"], None, "day", summary.get("breathingRate"), night, night["dateTime"]
        )


def _spo2(part: dict[str, Any]) -> Iterator[Candidate]:
    for reading in part["minutes"]:
        yield Candidate(
            "spo2_pct", None, reading.get("minute"), "local time", reading.get("value"), reading, part["dateTime"]
        )


def _dated(part: dict[str, Any]) -> Iterator[Candidate]:
    value = part["value"]
    if isinstance(value, dict) and "bpm" in value:
        yield Candidate("heart_rate_bpm", None, part["dateTime"], "export", value["bpm"], part)
    elif isinstance(value, dict):
        raise UnknownShape(
            f"it holds values with {', '.join(map(repr, value))}, which no known shape has: expected {EXPECTED}"
        )
    else:
        yield Candidate("steps", part["dateTime"], None, "day", value, part)


def _data_points(part: dict[str, Any]) -> Iterator[Candidate]:
    for point in part["dataPoints"]:
        kind = next((key for key in _POINTS if key in point), None)
        if kind is None:
            raise UnknownShape(f"{_found(point)}: expected data points with {', '.join(_POINTS)}")
        sample, (key, metric) = point[kind], _POINTS[kind]
        time = sample["sampleTime"]
        yield Candidate(
            metric, None, time.get("physicalTime"), "utc", sample.get(key), point, utc_offset=time.get("utcOffset")
        )


# Sample types of the Google Health API: the value's key, and our metric.
# https://developers.google.com/health/reference/rest/v4/users.dataTypes.dataPoints
_POINTS = {
    "heartRate": ("beatsPerMinute", "heart_rate_bpm"),
    "oxygenSaturation": ("percentage", "spo2_pct"),
    "heartRateVariability": ("rootMeanSquareOfSuccessiveDifferencesMilliseconds", "hrv_rmssd_ms"),
}


def _sleep(part: dict[str, Any]) -> Iterator[Candidate]:
    raise UnknownShape(
        "it is a Fitbit sleep log: expected a name that begins with sleep, such as sleep-2024-01-01.json"
    )


# The name and the reader of each shape, by the first of these keys that an object has.
_SHAPES = {
    "heart_rate_day": ("Fitbit Web API heart rate", _heart_rate),
    "activities-heart-intraday": ("Fitbit Web API heart rate", _heart_rate),
    "activities-active-zone-minutes-intraday": ("Fitbit Web API active zone minutes", _active_zone),
    "hrv": ("Fitbit Web API heart rate variability", _hrv),
    "br": ("Fitbit Web API breathing rate", _breathing_rate),
    "dataPoints": ("Google Health API data points", _data_points),
    "logId": ("a Fitbit sleep log", _sleep),
    "minutes": ("Fitbit Web API SpO2", _spo2),
    "dateTime": ("Fitbit steps or an export of heart rate", _dated),
}
