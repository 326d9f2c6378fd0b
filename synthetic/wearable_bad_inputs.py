"""Write a delivery of watches in which each file has one thing wrong."""

import gzip
import json
from pathlib import Path

from synthetic.files import check_seed, measurement_folder, write_file

STUDY = "watch_study"
BAD_INPUT_DELIVERY = "2024-11-01-bad-input"
_ON = "2024-10-31"


def _bad_files() -> dict[str, tuple[str, bytes]]:
    """Write each bad input: by its name, its path below the delivery and its bytes."""
    good = {"time": "08:00:00", "value": 61.0}

    def heart_rate(*readings: object) -> bytes:
        day = {
            "activities-heart": [{"dateTime": _ON, "value": {"restingHeartRate": 58}}],
            "activities-heart-intraday": {"dataset": [*readings], "datasetInterval": 1, "datasetType": "second"},
        }
        return json.dumps([{"heart_rate_day": [day]}]).encode()

    whole = gzip.compress(heart_rate(good), mtime=0)
    return {
        "unknown_shape": ("participant=p001/heart_rate.json", b'{"cadence": [{"t": 1, "rpm": 90}]}'),
        "not_json": ("participant=p001/spo2.json", b'[{"dateTime": "2024-10-31", "minutes": [\n{"value": 96.5, '),
        "value_negative": ("participant=p002/heart_rate.json", heart_rate(good, {"time": "08:00:01", "value": -1})),
        "value_999": ("participant=p003/heart_rate.json", heart_rate(good, {"time": "08:00:01", "value": 999})),
        "value_text": ("participant=p004/heart_rate.json", heart_rate(good, {"time": "08:00:01", "value": "fast"})),
        "time_is_none": ("participant=p006/heart_rate.json", heart_rate(good, {"time": "25:00:00", "value": 60})),
        "time_missing": ("participant=p006/heart_rate-2.json", heart_rate(good, {"value": 60})),
        "unknown_participant": ("participant=nobody/heart_rate.json", heart_rate(good)),
        "corrupt_gz": ("participant=p001/heart_rate-2.json.gz", whole[:-20]),
        "not_gz": ("participant=p001/heart_rate-3.json.gz", heart_rate(good)),
        "empty": ("participant=p001/heart_rate-4.json", b""),
        "fitabase_without_header": ("heartrate_seconds_merged.csv", b"2022484408,4/1/2016 7:54:00 AM,93\n"),
        "zone_unknown": (
            "roster.csv",
            b"participant_id,enrolled_on,withdrawn_on,timezone,has_token\np001,2024-10-22,,Europe/Atlantis,true\n",
        ),
        "sleep_backwards": (
            "participant=p001/sleep.json",
            b'[{"logId": 1, "dateOfSleep": "2024-10-31", "startTime": "2024-10-30T23:00:00.000",\n'
            b'"endTime": "2024-10-31T07:00:00.000", "duration": -1, "minutesAsleep": 400, "mainSleep": true}]',
        ),
    }


BAD_INPUTS = tuple(_bad_files())


def write_bad_inputs(incoming: Path, clinic: str = STUDY, seed: int = 2024) -> dict[str, list[Path]]:
    """Write the delivery ``2024-11-01-bad-input``, one example of each bad input.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    delivery = measurement_folder(incoming, clinic, "wearable") / BAD_INPUT_DELIVERY
    check_seed(seed)
    paths = {name: delivery / below for name, (below, _) in _bad_files().items()}
    for name, (_, content) in _bad_files().items():
        write_file(paths[name], content)
    return {name: [path] for name, path in paths.items()}
