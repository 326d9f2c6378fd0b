"""Write a delivery of files that each have one thing wrong."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from synthetic.bloodtest.encoding import MS_A_DAY, OPENING_MS, encode_records, epoch_ms
from synthetic.bloodtest.group import BAD_STREAM
from synthetic.bloodtest.people import FIRST_NAMES, LAST_NAMES, STREETS
from synthetic.files import check_seed, measurement_folder, write_file

BAD_INPUT_DELIVERY = "2024-02-01-bad-input"


@dataclass(frozen=True)
class BadInput:
    """A file with one thing wrong among good records.

    ``rejected_count`` counts rows; ``None`` if the file holds no records that could be counted.
    """

    folder: str
    description: str
    loaded_count: int
    rejected_count: int | None


BAD_INPUTS: dict[str, BadInput] = {
    "line_is_no_json": BadInput("log_data", "a line is no JSON", 5, 1),
    "patient_id_missing": BadInput("log_data", "a test has no patient_id", 5, 1),
    "date_missing": BadInput("log_data", "a test has no date", 5, 1),
    "text_for_a_number": BadInput("log_data", "a test's ap_hi is the word high", 5, 1),
    "text_for_a_number_in_a_patient": BadInput("patient_data", "a patient's height is the word tall", 5, 1),
    "date_in_microseconds": BadInput(
        "log_data", "a test's date is in microseconds: as milliseconds, the year 33658", 5, 1
    ),
    "last_object_truncated": BadInput("log_data", "the file ends within its last line", 5, 1),
    "array_truncated": BadInput("log_data", "the file ends within the last object of its array", 5, 1),
    "file_empty": BadInput("log_data", "the file has no bytes", 0, 0),
    "file_is_not_json": BadInput("log_data", "the file is an Excel workbook, despite its name", 0, None),
}
# Greater than the id of any patient at any scale, and within 32 bits.
_FIRST_BAD_PATIENT = 900_000_001
_GOOD_RECORDS = 5
# How a workbook begins: a ZIP archive's header and bytes that are no UTF-8.
_WORKBOOK = b"PK\x03\x04\x14\x00\x06\x00\x08\x00" + bytes(range(0x80, 0x100))
# The 9th of September 2001 in microseconds.
_MICROSECONDS = 1_000_000_000_000_000


def write_bad_inputs(incoming: Path, clinic: str = "sf_state", seed: int = 2021) -> dict[str, list[Path]]:
    """Write the delivery ``2024-02-01-bad-input``, one file for each case of ``BAD_INPUTS``.

    Its good tests are of the good patients in it, and of one lab and one doctor that no other delivery has.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    folder = measurement_folder(incoming, clinic, "bloodtest") / BAD_INPUT_DELIVERY
    rng = np.random.default_rng([check_seed(seed), BAD_STREAM])
    written = {}
    for number, (case, bad) in enumerate(BAD_INPUTS.items()):
        path = folder / bad.folder / f"{case}.json"
        write_file(
            path, _bad_file(case, [_good_record(rng, bad.folder, number, row) for row in range(_GOOD_RECORDS + 1)])
        )
        written[case] = [path]
    return written


def _good_record(rng: np.random.Generator, folder: str, case: int, row: int) -> dict[str, object]:
    if folder == "patient_data":
        return {
            "id": _FIRST_BAD_PATIENT + row,
            "age": int(rng.integers(25, 45)),
            "sex": 1 + row % 2,
            "height": int(rng.integers(155, 185)),
            "weight": float(rng.integers(500, 900)) / 10,
            "first_name": FIRST_NAMES[row],
            "last_name": LAST_NAMES[row],
            "address": f"{row + 1} {STREETS[row]}, San Francisco, CA 94110",
            "clinic": "Bad Input Clinic",
            "doc_name": "Quinn Fault",
            "doc_id": _FIRST_BAD_PATIENT,
        }
    return {
        "ap_hi": 110 + int(rng.integers(30)),
        "ap_lo": 70 + int(rng.integers(20)),
        "cholesterol": 1,
        "gluc": 1,
        "smoke": 0,
        "alco": 0,
        "active": 1,
        "cardio": 0,
        "lab_id": _FIRST_BAD_PATIENT,
        "city": "San Francisco",
        # The patients before the one whose record is rejected.
        "patient_id": _FIRST_BAD_PATIENT + row % 3,
        "lab_name": "Bad Input Lab",
        # One day a case, one minute a row: all tests differ.
        "date": epoch_ms(date(2024, 1, 8)) + case * MS_A_DAY + OPENING_MS + row * 60_000,
    }


# What is wrong with the record in the middle: a key with its value, or without.
_FAULTY_VALUES: dict[str, tuple[str, object]] = {
    "patient_id_missing": ("patient_id", None),
    "date_missing": ("date", None),
    "text_for_a_number": ("ap_hi", "high"),
    "text_for_a_number_in_a_patient": ("height", "tall"),
    "date_in_microseconds": ("date", _MICROSECONDS),
}


def _bad_file(case: str, records: list[dict[str, object]]) -> bytes:
    """Make the record in the middle wrong, or the last one, or the file."""
    middle = len(records) // 2
    if case in _FAULTY_VALUES:
        key, value = _FAULTY_VALUES[case]
        if value is None:
            del records[middle][key]
        else:
            records[middle][key] = value
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    match case:
        case "line_is_no_json":
            texts[middle] = "ERROR 504: the export timed out, retrying"
        case "last_object_truncated":
            return encode_records(texts, "lines")[: -len(texts[-1]) // 2]
        case "array_truncated":
            return encode_records(texts, "array")[: -len(texts[-1]) // 2]
        case "file_empty":
            return b""
        case "file_is_not_json":
            return _WORKBOOK
    return encode_records(texts, "lines")
