"""Write deliveries of a maker of balance trainers: customers with consents, readings of phones and of trainers.

Each of the three deliveries is a full snapshot of the customers known at that time. Their files have the different
forms that the maker has used over the years.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from synthetic.balance_records import (
    Customer,
    Record,
    accelerometer_readings,
    customer_record,
    draw_customer,
    draw_customers,
    older,
    renamed,
    snapshot,
    step_readings,
)
from synthetic.files import check_scale, check_seed, measurement_folder, write_file

__all__ = ["BAD_INPUTS", "write_bad_inputs", "write_deliveries"]

CUSTOMER_COUNT = 1_000  # at scale 1
# The smallest number in which every case of consent and of sharing occurs.
MIN_CUSTOMER_COUNT = 40
FIRST_DELIVERY = "2022-06-20"
SECOND_DELIVERY = "2022-07-18"
THIRD_DELIVERY = "2022-08-15"
BAD_INPUT_DELIVERY = "2022-09-01-bad-input"


def write_deliveries(incoming: Path, clinic: str = "motion_lab", scale: float = 1.0, seed: int = 2022) -> list[Path]:
    """Write three deliveries and return their folders.

    At scale 1: about 1,000 customers, half of whom consent in the end, 80,000 accelerometer and 30,000 step readings.

    ========== ======================= ============================ ===========================
    delivery   customer                accelerometer                step_trainer
    ========== ======================= ============================ ===========================
    2022-06-20 one object a line,      one object a line,           a comma after each line
               null for no consent,    ``timeStamp``
               times as decimals,
               phone as a number
    2022-07-18 objects one after       objects one after another    one object a line
               another, in two files;
               some birth years of
               three digits
    2022-08-15 a comma after each      one object a line; those of  objects one after another
               line; newcomers with    July once more
               30 serial numbers
               that many share
    ========== ======================= ============================ ===========================

    Raises
    ------
    ValueError
        If the clinic's name is not allowed as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    folder = measurement_folder(incoming, clinic, "balance")
    check_scale(scale)
    check_seed(seed)
    customers = draw_customers(seed, max(MIN_CUSTOMER_COUNT, round(CUSTOMER_COUNT * scale)))
    first, second, third = (folder / name for name in (FIRST_DELIVERY, SECOND_DELIVERY, THIRD_DELIVERY))
    half = len(customers) // 2
    accelerometer = [accelerometer_readings(seed, customers, session) for session in range(3)]
    step_trainer = [step_readings(seed, customers, session) for session in range(3)]

    write_file(first / "customer/customers.json", _lines(older(snapshot(customers, 0))))
    write_file(first / "accelerometer/readings.json", _lines(renamed(accelerometer[0], "timestamp", "timeStamp")))
    write_file(first / "step_trainer/readings.json", _comma_lines(step_trainer[0]))

    write_file(second / "customer/customers-1.json", _run_together(snapshot(customers[:half], 1)))
    write_file(second / "customer/customers-2.json", _run_together(snapshot(customers[half:], 1)))
    write_file(second / "accelerometer/readings.json", _run_together(accelerometer[1]))
    write_file(second / "step_trainer/readings.json", _lines(step_trainer[1]))

    write_file(third / "customer/customers.json", _comma_lines(snapshot(customers, 2)))
    write_file(third / "accelerometer/readings.json", _lines(accelerometer[2]))
    write_file(third / "accelerometer/readings-july.json", _lines(accelerometer[1][: len(accelerometer[1]) // 20]))
    write_file(third / "step_trainer/readings.json", _run_together(step_trainer[2]))
    return [first, second, third]


def _lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _comma_lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) + ",\n" for record in records).encode()


def _run_together(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) for record in records).encode()


# Each case is a file of its own, with good records around the bad one.
BAD_INPUTS: dict[str, str] = {
    "customer_cut_off": "the file ends in the middle of its last object",
    "customer_run_together_cut_off": "the same, with objects one after another",
    "customer_without_email": "a record has no email",
    "customer_email_is_none": "an email is a word",
    "customer_without_serial_number": "a record has no serial number",
    "customer_without_last_update": "a record has no lastUpdateDate",
    "customer_last_update_in_seconds": "a lastUpdateDate is in seconds",
    "customer_consent_unreadable": "a research consent is a word: the record loads, and gives none",
    "accelerometer_cut_off": "the file ends in the middle of its last object",
    "accelerometer_without_user": "a reading has no user",
    "accelerometer_text": "an acceleration is a word",
    "accelerometer_not_json": "the file is no JSON at all",
    "step_trainer_empty": "the file has no bytes",
    "step_trainer_negative": "a distance is negative",
    "step_trainer_in_microseconds": "a time is in microseconds",
}


def write_bad_inputs(incoming: Path, clinic: str = "motion_lab", seed: int = 2022) -> dict[str, list[Path]]:
    """Write the delivery ``2022-09-01-bad-input``, a file for each case of ``BAD_INPUTS``.

    Its customers occur in no other delivery.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    folder = measurement_folder(incoming, clinic, "balance") / BAD_INPUT_DELIVERY
    check_seed(seed)
    written = {}
    for number, case in enumerate(BAD_INPUTS, start=1):
        entity = next(name for name in ("customer", "accelerometer", "step_trainer") if case.startswith(name))
        path = folder / entity / f"{case}.json"
        write_file(path, _bad_input(case, _good_records(seed, entity, number)))
        written[case] = [path]
    return written


def _good_records(seed: int, entity: str, number: int) -> list[Record]:
    """Draw three good records."""
    customers = [draw_customer(seed, 1_000_000 + 10 * number + index) for index in range(3)]
    if entity == "customer":
        return [customer_record(customer, 0) for customer in customers]
    make: Callable[..., list[Record]] = accelerometer_readings if entity == "accelerometer" else step_readings
    return make(seed, [Customer(**{**vars(customer), "sessions": (0,)}) for customer in customers], 0)[:3]


# What is wrong with the record in the middle: a key with its value, or without.
_FAULTY_VALUES: dict[str, tuple[str, object]] = {
    "customer_without_email": ("email", None),
    "customer_email_is_none": ("email", "nobody"),
    "customer_without_serial_number": ("serialNumber", None),
    "customer_without_last_update": ("lastUpdateDate", None),
    "customer_consent_unreadable": ("shareWithResearchAsOfDate", "yes"),
    "accelerometer_without_user": ("user", None),
    "accelerometer_text": ("x", "left"),
    "step_trainer_negative": ("distanceFromObject", -1),
}


def _bad_input(case: str, records: list[Record]) -> bytes:
    middle = records[1]
    if case in _FAULTY_VALUES:
        key, value = _FAULTY_VALUES[case]
        if value is None:
            del middle[key]
        else:
            middle[key] = value
    match case:
        case "customer_cut_off" | "accelerometer_cut_off":
            return _lines(records)[:-40]
        case "customer_run_together_cut_off":
            return _run_together(records)[:-40]
        case "customer_last_update_in_seconds":
            middle["lastUpdateDate"] //= 1000
        case "step_trainer_in_microseconds":
            middle["sensorReadingTime"] *= 1000
        case "accelerometer_not_json":
            return b"user,timestamp,x,y,z\n"
        case "step_trainer_empty":
            return b""
    return _lines(records)
