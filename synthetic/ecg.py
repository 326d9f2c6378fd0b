"""Write deliveries of ECG runs in exactly the format of the clinic's real ones, quirks and hard cases included.

Every subject has a random stream of its own, made from the seed and the subject's number: the first delivery of a
smaller scale is the beginning of a larger one's, byte for byte.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from synthetic.ecg_signal import (
    MAX_STEP,
    MIN_STEP,
    STEPS_PER_MV,
    IntArray,
    Morphology,
    draw_morphology,
    steps,
    synthesize_run,
    synthesize_runs,
)
from synthetic.files import check_scale, check_seed, measurement_folder, write_file

__all__ = ["BAD_INPUTS", "synthesize_runs", "write_bad_inputs", "write_deliveries"]

SAMPLING_RATE_HZ = 500
SAMPLE_COUNT = 10_000  # 20 s, as every real run
SUBJECT_COUNT = 80  # at scale 1, as in the real first delivery
# The second delivery draws on the first three subjects.
MIN_SUBJECT_COUNT = 3

FIRST_DELIVERY = "2020-01-01"
SECOND_DELIVERY = "2020-12-01"
BAD_INPUT_DELIVERY = "2021-01-01-bad-input"

# Runs of the subjects 1 to 80, repeated for more: 288 in all as in the real delivery, where most have 2, many 5, and
# three were recorded again and again.
_RUN_COUNTS = [2, 5, 2, 4, 2, 5, 2, 2, 5, 2] * 8
_RUN_COUNTS[40:43] = [20, 22, 7]

# The days on which the real subjects came first.
_RECORDING_DAYS = [
    date(2004, 12, 7),
    date(2004, 12, 28),
    date(2005, 3, 15),
    date(2005, 4, 5),
    date(2005, 4, 26),
    date(2005, 5, 12),
]

# Ten of the real runs begin with 2,048 and one with 1,024 samples of the recorder's rest level.
_FLAT_START_STEP = -1

# A loose plug: four of the real runs reach values beyond what the recorder's 12 bits hold, down to -154 mV.
_LOOSE_PLUG_TEXT = "-154.0"
_LOOSE_PLUG_SAMPLES = 6

# The text of every value that the recorder can give: Python's repr, as in the real files. Looking a value up is several
# times faster than formatting it.
_MV_TEXT = [repr(step / STEPS_PER_MV) for step in range(MIN_STEP, MAX_STEP + 1)]
_UV_TEXT = [repr(step * 1000 / STEPS_PER_MV) for step in range(MIN_STEP, MAX_STEP + 1)]


@dataclass(frozen=True)
class _Subject:
    """Describe a made-up person as the clinic records them."""

    number: int
    sex: str
    birth_date: date
    morphology: Morphology
    run_dates: Sequence[date]


@dataclass(frozen=True)
class _Run:
    """Hold the two files of one run."""

    signal: bytes
    header: bytes


def write_deliveries(incoming: Path, clinic: str = "sf_state", scale: float = 1.0, seed: int = 2004) -> list[Path]:
    """Write two deliveries of ECG runs and return their folders.

    ``2020-01-01`` has 80 subjects with 288 runs at scale 1. ``2020-12-01`` has six runs that are hard to load: a new
    run of subject 1; run 1 of subject 2 delivered again byte for byte; its run 2 as run 99 with one sample changed; two
    runs of a new subject; run 1 of subject 3 under the name of another new subject. Writing the same again changes
    nothing.

    Parameters
    ----------
    incoming
        The lake's folder ``incoming``.
    scale
        Factor on the number of subjects; three is the least.

    Raises
    ------
    ValueError
        If the clinic's name would not do as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    folder = measurement_folder(incoming, clinic, "ecg")
    check_scale(scale)
    check_seed(seed)
    subject_count = max(MIN_SUBJECT_COUNT, round(SUBJECT_COUNT * scale))
    first, second = folder / FIRST_DELIVERY, folder / SECOND_DELIVERY
    for number in range(1, subject_count + 1):
        subject = _draw_subject(seed, number)
        for run in range(1, len(subject.run_dates) + 1):
            _write_run(first, number, run, _record(seed, subject, run))
    _write_second_delivery(second, seed, subject_count)
    return [first, second]


def _write_second_delivery(folder: Path, seed: int, subject_count: int) -> None:
    known, repeated, copied = (_draw_subject(seed, number) for number in (1, 2, 3))
    new_run = len(known.run_dates) + 1
    recorded_on = date(2020, 11, 17)
    _write_run(folder, known.number, new_run, _record(seed, known, new_run, recorded_on))
    _write_run(folder, repeated.number, 1, _record(seed, repeated, 1))
    _write_run(folder, repeated.number, 99, _with_one_sample_changed(_record(seed, repeated, 2)))
    newcomer = _draw_subject(seed, subject_count + 1)
    for run in (1, 2):
        _write_run(folder, newcomer.number, run, _record(seed, newcomer, run, recorded_on))
    _write_run(folder, subject_count + 2, 1, _record(seed, copied, 1))


def _draw_subject(seed: int, number: int) -> _Subject:
    rng = np.random.default_rng([seed, number])
    sex = "female" if rng.random() < 0.5 else "male"
    # The real subjects are students for the most part, and staff: 19 to 27 years old, or up to 75.
    age = rng.uniform(19, 27) if rng.random() < 0.6 else rng.uniform(27, 75)
    first_day = _RECORDING_DAYS[int(rng.integers(len(_RECORDING_DAYS)))]
    birth_date = first_day - timedelta(days=round(age * 365.25))
    morphology = draw_morphology(rng, age, sex == "female")
    return _Subject(number, sex, birth_date, morphology, _draw_run_dates(rng, number, first_day))


def _draw_run_dates(rng: np.random.Generator, number: int, first_day: date) -> list[date]:
    """Draw the days of a subject's runs: two or four a visit, visits weeks apart, for every fifth a year or two."""
    run_count = _RUN_COUNTS[(number - 1) % len(_RUN_COUNTS)]
    is_long_term = number % 5 == 2
    runs_a_visit = 1 if is_long_term and run_count == 2 else 2 if run_count < 10 else 4
    days = [first_day]
    while len(days) * runs_a_visit < run_count:
        pause = rng.integers(300, 800) if is_long_term else rng.integers(1, 40)
        days.append(days[-1] + timedelta(days=int(pause)))
    return [days[run // runs_a_visit] for run in range(run_count)]


def _record(seed: int, subject: _Subject, run: int, recorded_on: date | None = None) -> _Run:
    """Record a run; the quirks of signal and header hang on the subject's number and the run's."""
    rng = np.random.default_rng([seed, subject.number, run])
    ecg_mv, _ = synthesize_run(rng, subject.morphology, SAMPLE_COUNT, SAMPLING_RATE_HZ)
    signal = steps(ecg_mv)
    if run == 1 and subject.number % 10 == 9:
        signal[: 1024 if subject.number % 20 == 9 else 2048] = _FLAT_START_STEP
    is_loose = subject.number % 20 == 11 and run == 2
    loose_at = int(rng.integers(SAMPLE_COUNT - _LOOSE_PLUG_SAMPLES)) if is_loose else None
    is_uv = subject.number % 20 == 4 and run == len(subject.run_dates)
    header = _header(subject, run, recorded_on or subject.run_dates[run - 1], "uV" if is_uv else "mV")
    return _Run(_signal_file(signal, _UV_TEXT if is_uv else _MV_TEXT, loose_at), _header_file(header))


def _header(subject: _Subject, run: int, recorded_on: date, units: str) -> dict[str, object]:
    number = subject.number
    age = _age(subject.birth_date, recorded_on)
    sex = subject.sex
    if run == len(subject.run_dates):
        # Two subjects in eighty whose runs contradict each other: another sex, an age that falls as time passes.
        if number % 80 == 10:
            sex = "male" if sex == "female" else "female"
        elif number % 80 == 12:
            age -= 9
    header: dict[str, object] = {
        "fs": SAMPLING_RATE_HZ,
        "units": units,
        "date": recorded_on.isoformat() if number % 10 == 5 else recorded_on.strftime("%d.%m.%Y"),
        "age": age if number % 8 == 3 else str(age),
        "sex": sex[0] if number % 20 == 6 else sex,
    }
    if number % 40 == 7:
        del header["sex"]
    elif number % 40 == 8:
        del header["age"]
    elif number % 40 == 28:
        header["age"] = None
    return header


def _age(birth_date: date, on: date) -> int:
    had_birthday = (on.month, on.day) >= (birth_date.month, birth_date.day)
    return on.year - birth_date.year - (not had_birthday)


def _with_one_sample_changed(run: _Run) -> _Run:
    """Change the first sample by two steps of 0.005 mV, as in the real delivery's run 99."""
    title, first, *rest = run.signal.decode().split("\n")
    changed = repr(round(float(first) - 2 / STEPS_PER_MV, 3))
    return _Run("\n".join([title, changed, *rest]).encode(), run.header)


def _signal_file(signal: IntArray, text: Sequence[str], loose_at: int | None = None) -> bytes:
    values = [text[index] for index in (signal - MIN_STEP).tolist()]
    if loose_at is not None:
        values[loose_at : loose_at + _LOOSE_PLUG_SAMPLES] = [_LOOSE_PLUG_TEXT] * _LOOSE_PLUG_SAMPLES
    return "\n".join(["ecg_raw", *values, ""]).encode()


def _header_file(header: dict[str, object]) -> bytes:
    return json.dumps(header).encode()


def _write_run(delivery: Path, subject: int, run: int, content: _Run, folder: str | None = None) -> list[Path]:
    below = delivery / (folder or f"subject_{subject:02d}")
    paths = [below / f"run_{run}.csv", below / f"run_{run}_header.json"]
    write_file(paths[0], content.signal)
    write_file(paths[1], content.header)
    return paths


# Name and description of each case. Case k is written as subject 9000 + k, beyond the subjects of any scale below 112:
# bad input never takes the place of good runs.
BAD_INPUTS: dict[str, str] = {
    "csv_without_header_line": "the signal file begins with its first value",
    "csv_more_columns": "the signal file has a second column",
    "csv_text_among_numbers": "a line of the signal file is a word",
    "csv_infinity": "lines of the signal file are inf and -inf",
    "csv_shorter_than_2_s": "the signal file has 999 samples at 500 Hz",
    "csv_empty": "the signal file has no bytes",
    "csv_without_samples": "the signal file has its header line only",
    "header_without_signal": "run_1.csv did not come",
    "signal_without_header": "run_1_header.json did not come",
    "fs_zero": "the sampling rate is 0",
    "fs_missing": "the header has no fs",
    "fs_text": "the sampling rate is a word",
    "date_is_none": "the date is 31.02.2005",
    "date_missing": "the header has no date",
    "date_in_the_future": "the date is 24.12.2999",
    "age_negative": "the age is -3",
    "age_200": "the age is 200",
    "units_unknown": "the units are furlongs",
    "run_number_twice": "run 1 of subject 9019 comes twice with other content, as subject_9019/ and subject_009019/",
}
_FIRST_BAD_SUBJECT = 9001


def write_bad_inputs(incoming: Path, clinic: str = "sf_state", seed: int = 2004) -> dict[str, list[Path]]:
    """Write the delivery ``2021-01-01-bad-input``, one subject for each case of ``BAD_INPUTS``.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    folder = measurement_folder(incoming, clinic, "ecg") / BAD_INPUT_DELIVERY
    check_seed(seed)
    written = {}
    for number, case in enumerate(BAD_INPUTS, start=_FIRST_BAD_SUBJECT):
        subject = _draw_subject(seed, number)
        written[case] = _write_bad_input(folder, case, number, _good_run(seed, subject, 1))
        if case == "run_number_twice":
            written[case] += _write_run(folder, number, 1, _good_run(seed, subject, 2), f"subject_{number:06d}")
    return written


def _good_run(seed: int, subject: _Subject, run: int) -> _Run:
    """Record a run without quirks, so that a case has one fault only."""
    rng = np.random.default_rng([seed, subject.number, run])
    ecg_mv, _ = synthesize_run(rng, subject.morphology, SAMPLE_COUNT, SAMPLING_RATE_HZ)
    recorded_on = subject.run_dates[0]
    header = {
        "fs": SAMPLING_RATE_HZ,
        "units": "mV",
        "date": recorded_on.strftime("%d.%m.%Y"),
        "age": str(_age(subject.birth_date, recorded_on)),
        "sex": subject.sex,
    }
    return _Run(_signal_file(steps(ecg_mv), _MV_TEXT), _header_file(header))


def _write_bad_input(folder: Path, case: str, number: int, run: _Run) -> list[Path]:
    lines = _bad_signal(case, run.signal.decode().split("\n"))
    header = json.loads(run.header) | _BAD_HEADER_VALUES.get(case, {})
    if case in _MISSING_HEADER_VALUES:
        del header[_MISSING_HEADER_VALUES[case]]
    below = folder / f"subject_{number}"
    contents = {below / "run_1.csv": "\n".join(lines).encode(), below / "run_1_header.json": _header_file(header)}
    missing = {"header_without_signal": "run_1.csv", "signal_without_header": "run_1_header.json"}.get(case)
    paths = [path for path in contents if path.name != missing]
    for path in paths:
        write_file(path, contents[path])
    return paths


_MISSING_HEADER_VALUES = {"fs_missing": "fs", "date_missing": "date"}
_BAD_HEADER_VALUES: dict[str, dict[str, object]] = {
    "fs_zero": {"fs": 0},
    "fs_text": {"fs": "five hundred"},
    "date_is_none": {"date": "31.02.2005"},
    "date_in_the_future": {"date": "24.12.2999"},
    "age_negative": {"age": "-3"},
    "age_200": {"age": 200},
    "units_unknown": {"units": "furlong"},
}


def _bad_signal(case: str, lines: list[str]) -> list[str]:
    """Spoil the lines of a signal file as the case says; of other cases they stay as they are."""
    match case:
        case "csv_without_header_line":
            return lines[1:]
        case "csv_more_columns":
            return [f"{line},ecg_filtered" if line == "ecg_raw" else f"{line},0.0" if line else line for line in lines]
        case "csv_text_among_numbers":
            return [*lines[:5001], "artifact", *lines[5002:]]
        case "csv_infinity":
            return [*lines[:5001], "inf", "-inf", *lines[5003:]]
        case "csv_shorter_than_2_s":
            return [*lines[:1000], ""]
        case "csv_empty":
            return []
        case "csv_without_samples":
            return ["ecg_raw", ""]
    return lines
