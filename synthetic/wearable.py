"""Write deliveries of a study's watches exactly as the Fitbit Web API and the Google Health API give them.

Each participant has a random stream of its own, made from the seed and the participant's number, so a smaller scale is
the beginning of a larger one. The data says when a watch was worn; the deliveries say when it was synced.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from synthetic.files import check_scale, check_seed, measurement_folder, write_file
from synthetic.options import Option
from synthetic.wearable_bad_inputs import BAD_INPUTS, STUDY, write_bad_inputs

__all__ = ["BAD_INPUTS", "OPTIONS", "heart_rate_document", "write_bad_inputs", "write_deliveries"]

PARTICIPANT_COUNT = 10  # at scale 1
# The roles below need six.
MIN_PARTICIPANT_COUNT = 6
FIRST_DAY = date(2024, 10, 22)
DAY_COUNT = 7  # the clocks of Berlin and London change on the sixth
INTERVAL_SECONDS = 5  # as real watches give it
MIN_DAY_COUNT = 5  # participants stop wearing and sharing on the way
OPTIONS = (
    Option("days", f"Days of the study (default: {DAY_COUNT}).", MIN_DAY_COUNT),
    Option("interval_seconds", f"Seconds between heart rates (default: {INTERVAL_SECONDS}).", 1, 60),
)

# Participants with a special role, by number; all others wear and sync the watch every day.
LATE = 2  # syncs on the last day only, a week at once
LAZY = 3  # wears the watch on two days
NO_TOKEN = 4  # has shared nothing since the third day
WITHDRAWN = 5  # withdrew on the fourth day; the watch went on
MOVED = 6  # the study reads this one through the Google Health API; every tenth further one too
RECORRECTED = 1  # the provider delivers the second day again, with other values, on the fifth
SLEEPLESS = 7  # takes the watch off at night

_ZONES = ("Europe/Berlin", "America/New_York", "Europe/London", "Asia/Kolkata", "America/Los_Angeles")
_FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Participant:
    """A made-up person with a watch."""

    number: int
    seed: int
    first_day: date
    day_count: int
    interval_seconds: int

    @property
    def name(self) -> str:
        return f"p{self.number:03d}"

    @property
    def timezone(self) -> str:
        return _ZONES[(self.number - 1) % len(_ZONES)]

    @property
    def is_moved(self) -> bool:
        return self.number % 10 == MOVED

    @property
    def withdrawn_on(self) -> date | None:
        return self.first_day + timedelta(days=3) if self.number == WITHDRAWN else None

    def is_worn(self, day: int) -> bool:
        return self.number != LAZY or day in (0, 4)

    def is_slept_with(self, day: int) -> bool:
        return self.is_worn(day) and self.number != SLEEPLESS

    def delivered_on(self, day: int) -> int | None:
        """Return the number of the day after which a day's data is delivered; None if it never is."""
        if self.number == LATE:
            return self.day_count - 1
        return None if self.number == NO_TOKEN and day > 2 else day

    def stream(self, day: int, version: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.number, day, version])


@dataclass(frozen=True)
class _Day:
    """The measurements of a watch on one local day. ``seconds`` are the seconds of the day with a heart rate."""

    on: date
    seconds: npt.NDArray[np.int64]
    heart_rate_bpm: _FloatArray
    resting_bpm: int
    night: tuple[int, int]  # second of the day before (negative) or of this day; and second of waking


def write_deliveries(
    incoming: Path,
    clinic: str = STUDY,
    scale: float = 1.0,
    seed: int = 2024,
    days: int = DAY_COUNT,
    interval_seconds: int = INTERVAL_SECONDS,
) -> list[Path]:
    """Write one delivery a day and return their folders.

    Ten participants at scale 1, seven days, a heart rate every five seconds. The delivery of a day is named after the
    day that follows it and holds what was synced by then, and the roster.

    Parameters
    ----------
    incoming
        The lake's folder ``incoming``.
    scale
        Factor on the number of participants; six is the least.
    days
        Days of data, at least 5.
    interval_seconds
        Seconds between heart rates; 1 for a reading every second.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the clinic's name is not allowed as a folder.
    FileExistsError
        If a delivery is there already with other content.
    """
    folder = measurement_folder(incoming, clinic, "wearable")
    check_scale(scale)
    check_seed(seed)
    if days < MIN_DAY_COUNT:
        raise ValueError(
            f"days must be at least {MIN_DAY_COUNT}, not {days}: participants stop wearing and sharing on the way"
        )
    if not 1 <= interval_seconds <= 60:
        raise ValueError(f"interval_seconds must be 1 to 60, not {interval_seconds}")
    count = max(MIN_PARTICIPANT_COUNT, round(PARTICIPANT_COUNT * scale))
    people = [_Participant(number, seed, FIRST_DAY, days, interval_seconds) for number in range(1, count + 1)]
    folders = []
    for day in range(days):
        delivery = folder / (FIRST_DAY + timedelta(days=day + 1)).isoformat()
        folders.append(delivery)
        write_file(delivery / "roster.csv", _roster(people, day))
        for person in people:
            below = delivery / f"participant={person.name}"
            for measured_day in range(days):
                if person.delivered_on(measured_day) == day:
                    _write_day(below, person, measured_day)
            if person.number == RECORRECTED and day == 4:
                _write_day(below, person, 1, version=1)
    return folders


def _roster(people: Iterable[_Participant], day: int) -> bytes:
    lines = ["participant_id,enrolled_on,withdrawn_on,timezone,has_token"]
    for person in people:
        on = person.withdrawn_on
        withdrawn = on.isoformat() if on and on <= FIRST_DAY + timedelta(days=day) else ""
        has_token = not (person.number == NO_TOKEN and day > 2)
        lines.append(f"{person.name},{person.first_day},{withdrawn},{person.timezone},{str(has_token).lower()}")
    return ("\n".join(lines) + "\n").encode()


def _write_day(below: Path, person: _Participant, day: int, version: int = 0) -> None:
    measured = _measure(person, day, version)
    stem = measured.on.isoformat()
    for name, document in _documents(person, day, measured):
        content = json.dumps(document).encode()
        if name == "heart_rate":
            # Compressed, as a study keeps its large files; without the time, so that equal content gives equal bytes.
            write_file(below / f"{name}-{stem}.json.gz", gzip.compress(content, compresslevel=1, mtime=0))
        else:
            write_file(below / f"{name}-{stem}.json", content)


def _measure(person: _Participant, day: int, version: int) -> _Day:
    """Draw a day's heart rate: a rhythm with its low at four in the morning, nights, an hour of exercise, and noise."""
    rng = person.stream(day)
    resting = 48 + int(person.stream(10_000).integers(0, 20))
    bedtime = int(rng.normal(-3600, 1500))  # about eleven in the evening before: a night crosses midnight
    waking = int(rng.normal(6.8 * 3600, 1800))
    seconds = np.arange(0, 86_400, person.interval_seconds)
    hours = seconds / 3600
    rate = resting + 14 - 8 * np.cos((hours - 16) / 24 * 2 * np.pi)
    rate = np.where(seconds < waking, resting + 3 * np.sin(seconds / 5400 * 2 * np.pi), rate)
    start = int(rng.uniform(16, 19) * 3600)
    effort = np.clip((seconds - start) / 600, 0, 1) * np.clip((start + 3600 - seconds) / 600, 0, 1)
    rate = rate + (0.55 + 0.3 * rng.random()) * effort * (190 - resting - 20)
    # Slow wandering with a time constant of a minute.
    noise = rng.normal(0, 4, 1 + len(seconds) * person.interval_seconds // 60)
    rate = rate + np.interp(seconds / 60, np.arange(len(noise)), noise) + version * 2
    is_on = np.ones(len(seconds), bool) if person.is_worn(day) else np.zeros(len(seconds), bool)
    if not person.is_slept_with(day):
        is_on &= seconds >= waking
    # The watch is charged for a while in the evening.
    charged = int(rng.uniform(20, 22) * 3600)
    is_on &= (seconds < charged) | (seconds > charged + int(rng.uniform(1200, 4200)))
    on = person.first_day + timedelta(days=day)
    return _Day(on, seconds[is_on], np.round(rate[is_on]), resting, (bedtime, waking))


def _documents(person: _Participant, day: int, measured: _Day) -> Iterator[tuple[str, object]]:
    """Write the files of a day: name and document."""
    if person.is_moved:
        yield "heart_rate", _google_document(person, measured)
        yield "sleep", [_sleep_log(person, day, person.stream(day, 9), measured)]
        return
    if len(measured.seconds):
        rates = measured.heart_rate_bpm
        yield (
            "heart_rate",
            heart_rate_document(measured.on, measured.seconds, rates, measured.resting_bpm, person.interval_seconds),
        )
    yield "active_zone_minute", _zone_document(measured)
    yield "activity", [{"dateTime": str(measured.on), "value": _steps(person, day, measured)}]
    if person.is_slept_with(day):
        rng = person.stream(day, 9)
        yield "hrv", _hrv_document(rng, measured)
        yield "spo2", _spo2_document(rng, measured)
        yield "breath_rate", _breath_document(rng, measured)
        yield "sleep", [_sleep_log(person, day, rng, measured)]


def heart_rate_document(
    on: date, seconds: npt.NDArray[np.int64], rates: _FloatArray, resting_bpm: int, interval_seconds: int
) -> list[object]:
    """Write a day of heart rate as `wearipedia` keeps it from the Fitbit Web API."""
    dataset = [
        {"time": f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}", "value": rate}
        for second, rate in zip(seconds.tolist(), rates.tolist(), strict=True)
    ]
    summary = {"customHeartRateZones": [], "heartRateZones": [], "restingHeartRate": resting_bpm}
    day = {
        "activities-heart": [{"dateTime": str(on), "value": summary}],
        "activities-heart-intraday": {
            "dataset": dataset,
            "datasetInterval": interval_seconds,
            "datasetType": "second",
        },
    }
    return [{"heart_rate_day": [day]}]


def _google_document(person: _Participant, measured: _Day) -> dict[str, object]:
    """Write the same as the Google Health API gives it: UTC with the local offset, and numbers as text."""
    zone = ZoneInfo(person.timezone)
    midnight = datetime.combine(measured.on, datetime.min.time())
    points = []
    offset_by_quarter: dict[int, timedelta] = {}
    for second, rate in zip(measured.seconds.tolist(), measured.heart_rate_bpm.tolist(), strict=True):
        local = midnight + timedelta(seconds=second)
        offset = offset_by_quarter.get(second // 900)
        if offset is None:
            offset = offset_by_quarter[second // 900] = local.replace(tzinfo=zone).utcoffset() or timedelta()
        time = {
            "physicalTime": (local - offset).isoformat() + "Z",
            "utcOffset": f"{int(offset.total_seconds())}s",
        }
        points.append({"heartRate": {"sampleTime": time, "beatsPerMinute": str(int(rate))}})
    return {"dataPoints": points}


def _zone_document(measured: _Day) -> list[object]:
    by_minute = np.zeros(1440, int)
    minutes, rates = measured.seconds // 60, measured.heart_rate_bpm
    np.maximum.at(by_minute, minutes, rates.astype(int))
    readings = []
    for minute, rate in enumerate(by_minute.tolist()):
        # A minute of a higher zone counts twice.
        zone, points = ("cardio", 2) if rate >= 136 else ("fatBurn", 1) if rate >= 110 else (None, 0)
        value = {"activeZoneMinutes": points} | ({f"{zone}ActiveZoneMinutes": points} if zone else {})
        readings.append({"minute": f"{minute // 60:02d}:{minute % 60:02d}:00", "value": value})
    return [{"activities-active-zone-minutes-intraday": [{"dateTime": str(measured.on), "minutes": readings}]}]


def _steps(person: _Participant, day: int, measured: _Day) -> int:
    return int(person.stream(day, 8).integers(3000, 14000) * len(measured.seconds) * person.interval_seconds / 86_400)


def _night_minutes(measured: _Day) -> list[datetime]:
    midnight = datetime.combine(measured.on, datetime.min.time())
    first, last = measured.night
    return [midnight + timedelta(seconds=second) for second in range(first, last, 60)]


def _hrv_document(rng: np.random.Generator, measured: _Day) -> list[object]:
    minutes = [
        {
            "minute": at.isoformat(timespec="milliseconds"),
            "value": {
                "rmssd": round(float(rng.gamma(16, 3)), 3),
                "coverage": round(float(rng.uniform(0.9, 1)), 3),
                "hf": round(float(rng.gamma(4, 150)), 3),
                "lf": round(float(rng.gamma(3, 70)), 3),
            },
        }
        for at in _night_minutes(measured)[::5]
    ]
    return [{"hrv": [{"minutes": minutes, "dateTime": str(measured.on)}]}]


def _spo2_document(rng: np.random.Generator, measured: _Day) -> list[object]:
    minutes = [
        # Whole numbers and decimals, some with the digits that an addition leaves.
        {"value": 96 if rng.random() < 0.1 else 94 + float(rng.integers(0, 50)) * 0.1, "minute": at.isoformat()}
        for at in _night_minutes(measured)
    ]
    return [{"dateTime": str(measured.on), "minutes": minutes}]


def _breath_document(rng: np.random.Generator, measured: _Day) -> list[object]:
    names = ("deepSleepSummary", "remSleepSummary", "lightSleepSummary", "fullSleepSummary")
    value = {name: {"breathingRate": float(rng.normal(14, 1))} for name in names}
    return [{"br": [{"value": value, "dateTime": str(measured.on)}]}]


def _sleep_log(person: _Participant, day: int, rng: np.random.Generator, measured: _Day) -> dict[str, object]:
    midnight = datetime.combine(measured.on, datetime.min.time())
    first, last = (midnight + timedelta(seconds=second) for second in measured.night)
    duration = measured.night[1] - measured.night[0]
    awake = int(rng.uniform(0.05, 0.15) * duration)
    return {
        "logId": 40_000_000_000 + person.number * 1000 + day,
        "dateOfSleep": str(measured.on),
        "startTime": first.isoformat(timespec="milliseconds"),
        "endTime": last.isoformat(timespec="milliseconds"),
        "duration": duration * 1000,
        "minutesAsleep": (duration - awake) // 60,
        "levels": {
            "summary": {"wake": {"minutes": awake // 60}},
            "data": [{"dateTime": first.isoformat(timespec="milliseconds"), "level": "light", "seconds": duration}],
        },
        "mainSleep": True,
    }
