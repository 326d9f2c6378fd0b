"""Deliveries of a maker of balance trainers: customers with their consents, readings of phones and of step trainers.

Three deliveries, each a full snapshot of the customers known then, in the shapes in which the maker's files have come
over the years. Every customer has a random stream of its own, made from the seed and the customer's number.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from synthetic.files import check_scale, check_seed, measurement_folder, write_file

__all__ = ["BAD_INPUTS", "write_bad_inputs", "write_deliveries"]

Record = dict[str, Any]

CUSTOMER_COUNT = 1_000  # at scale 1
# The least that has every case of consent and of sharing in it.
MIN_CUSTOMER_COUNT = 40
# Customers of the third delivery, whose devices came with serial numbers that others have too.
SHARING_SHARE = 0.12
SHARED_SERIAL_COUNT = 30
# Of these, the first are shared by customers who have all consented; the first of those are used at the same instant.
CONSENTED_SERIAL_COUNT = 10
SIMULTANEOUS_SERIAL_COUNT = 3

FIRST_DELIVERY = "2022-06-20"
SECOND_DELIVERY = "2022-07-18"
THIRD_DELIVERY = "2022-08-15"
BAD_INPUT_DELIVERY = "2022-09-01-bad-input"

# A session of 8 s at 10 Hz; with two sessions of every other customer that makes 80,000 readings at scale 1, and with a
# step reading at every third instant 30,000 of those.
TICK_MS = 100
SESSION_TICKS = 80
TICKS_PER_STEP = 3
# Many customers train at the same minute: who joins on the time alone pairs one customer's steps with another's phone.
SESSION_MINUTES = 50


def _ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


_DAY_MS = 86_400_000
_REGISTERED_FROM = _ms(2022, 5, 1)
_SESSION_DAYS = (_ms(2022, 6, 10), _ms(2022, 7, 5), _ms(2022, 8, 5))
# When the customers who changed their mind did so.
_SECOND_CHANGE, _THIRD_CHANGE = _ms(2022, 6, 28), _ms(2022, 7, 25)

_FIRST_NAMES = ["Ada", "Bruno", "Carla", "Dmitri", "Elif", "Fatou", "Gustav", "Hana", "Ines", "Jamal", "Kenji", "Lena"]
_LAST_NAMES = ["Adler", "Banks", "Costa", "Diallo", "Eriksen", "Ferrari", "Garcia", "Haddad", "Ito", "Jansen", "Kaya"]


@dataclass(frozen=True)
class _Customer:
    """A made-up customer: ``consents`` holds, for each delivery, the time of research consent or None."""

    number: int
    name: str
    email: str
    serial_number: str
    birth_day: str
    phone: str
    registered_at: int
    updated_at: tuple[int, int, int]
    consents: tuple[int | None, int | None, int | None]
    first_snapshot: int
    sessions: tuple[int, ...]
    minute: int


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
        If the clinic's name would not do as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    folder = measurement_folder(incoming, clinic, "balance")
    check_scale(scale)
    check_seed(seed)
    customers = _draw_customers(seed, max(MIN_CUSTOMER_COUNT, round(CUSTOMER_COUNT * scale)))
    first, second, third = (folder / name for name in (FIRST_DELIVERY, SECOND_DELIVERY, THIRD_DELIVERY))
    half = len(customers) // 2
    accelerometer = [_accelerometer_readings(seed, customers, session) for session in range(3)]
    step_trainer = [_step_readings(seed, customers, session) for session in range(3)]

    write_file(first / "customer/customers.json", _lines(_older(_snapshot(customers, 0))))
    write_file(first / "accelerometer/readings.json", _lines(_renamed(accelerometer[0], "timestamp", "timeStamp")))
    write_file(first / "step_trainer/readings.json", _comma_lines(step_trainer[0]))

    write_file(second / "customer/customers-1.json", _run_together(_snapshot(customers[:half], 1)))
    write_file(second / "customer/customers-2.json", _run_together(_snapshot(customers[half:], 1)))
    write_file(second / "accelerometer/readings.json", _run_together(accelerometer[1]))
    write_file(second / "step_trainer/readings.json", _lines(step_trainer[1]))

    write_file(third / "customer/customers.json", _comma_lines(_snapshot(customers, 2)))
    write_file(third / "accelerometer/readings.json", _lines(accelerometer[2]))
    write_file(third / "accelerometer/readings-july.json", _lines(accelerometer[1][: len(accelerometer[1]) // 20]))
    write_file(third / "step_trainer/readings.json", _run_together(step_trainer[2]))
    return [first, second, third]


# -- the customers ----------------------------------------------------------------------------------------------------


def _draw_customers(seed: int, count: int) -> list[_Customer]:
    sharing_count = round(count * SHARING_SHARE)
    own = [_draw_customer(seed, number) for number in range(1, count - sharing_count + 1)]
    # Every fiftieth has a second device, registered under the same email address.
    own = [_with_email_of(own[index - 1], each) if each.number % 50 == 0 else each for index, each in enumerate(own)]
    newcomers = [_draw_newcomer(seed, number, place) for place, number in enumerate(range(len(own) + 1, count + 1))]
    return own + newcomers


def _draw_customer(seed: int, number: int) -> _Customer:
    rng = np.random.default_rng([seed, number])
    registered_at = _REGISTERED_FROM + int(rng.integers(30 * _DAY_MS))
    consents, updated_at = _draw_consents(rng, number, registered_at)
    return _Customer(
        number,
        *_draw_person(rng, number),
        registered_at=registered_at,
        updated_at=updated_at,
        consents=consents,
        first_snapshot=0 if number % 8 else 1,
        # About half of them, whether they consent or not.
        sessions=(0, 1) if rng.random() < 0.54 else (),
        minute=number % SESSION_MINUTES,
    )


def _draw_person(rng: np.random.Generator, number: int) -> tuple[str, str, str, str, str]:
    first, last = _FIRST_NAMES[int(rng.integers(len(_FIRST_NAMES)))], _LAST_NAMES[int(rng.integers(len(_LAST_NAMES)))]
    birth_year = int(rng.integers(1932, 2005))
    # The digit that a form of the maker lost.
    year = str(birth_year)[1:] if number % 100 == 67 else str(birth_year)
    birth_day = f"{year}-{int(rng.integers(1, 13)):02d}-{int(rng.integers(1, 29)):02d}"
    phone = f"801555{int(rng.integers(10_000)):04d}"
    return f"{first} {last}", f"{first}.{last}.{number}@test.com", _serial(rng), birth_day, phone


def _serial(rng: np.random.Generator) -> str:
    digits = rng.bytes(16).hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def _draw_consents(
    rng: np.random.Generator, number: int, registered_at: int
) -> tuple[tuple[int | None, int | None, int | None], tuple[int, int, int]]:
    """Time of consent, and of the record's last update, in each delivery's snapshot."""
    never = (registered_at,) * 3
    if number % 400 == 9:
        # Promised for a day that is far off.
        promised = _ms(2999, 1, 1)
        return (promised,) * 3, never
    draw = rng.random()
    given = registered_at + int(rng.integers(20 * _DAY_MS))
    second, third = (time + int(rng.integers(_DAY_MS)) for time in (_SECOND_CHANGE, _THIRD_CHANGE))
    if draw < 0.44:
        return (given,) * 3, (given,) * 3
    if draw < 0.50:  # withdrawn
        return (given, None, None), (given, second, second)
    if draw < 0.54:  # given late
        return (None, second, second), (registered_at, second, second)
    if draw < 0.57:  # withdrawn and given again
        return (given, None, third), (given, second, third)
    return (None, None, None), never


def _with_email_of(other: _Customer, customer: _Customer) -> _Customer:
    return _Customer(**{**vars(customer), "name": other.name, "email": other.email})


def _draw_newcomer(seed: int, number: int, place: int) -> _Customer:
    """A customer of the third delivery, whose device has a serial number that others of them have too."""
    rng = np.random.default_rng([seed, number])
    name, email, _, birth_day, phone = _draw_person(rng, number)
    shared = place % SHARED_SERIAL_COUNT
    registered_at = _ms(2022, 7, 20) + int(rng.integers(5 * _DAY_MS))
    has_consented = shared < CONSENTED_SERIAL_COUNT or rng.random() < 0.5
    return _Customer(
        number,
        name,
        email,
        _serial(np.random.default_rng([seed, 0, shared])),
        birth_day,
        phone,
        registered_at=registered_at,
        updated_at=(registered_at,) * 3,
        consents=(registered_at if has_consented else None,) * 3,
        first_snapshot=2,
        sessions=(2,) if rng.random() < 0.6 or shared < SIMULTANEOUS_SERIAL_COUNT else (),
        minute=shared if shared < SIMULTANEOUS_SERIAL_COUNT else number % SESSION_MINUTES,
    )


def _snapshot(customers: Iterable[_Customer], delivery: int) -> list[Record]:
    """The records of all customers that are known by a delivery; who does not share has no such key."""
    return [_customer_record(each, delivery) for each in customers if each.first_snapshot <= delivery]


def _customer_record(customer: _Customer, delivery: int) -> Record:
    # One in forty is written in other letters, or with a space behind, from the second delivery on.
    email = customer.email
    if delivery and customer.number % 40 == 3:
        email = email.upper() if customer.number % 80 == 3 else f"{email} "
    record: Record = {
        "customerName": customer.name,
        "email": email,
        "phone": customer.phone,
        "birthDay": customer.birth_day,
        "serialNumber": customer.serial_number,
        "registrationDate": customer.registered_at,
        "lastUpdateDate": customer.updated_at[delivery],
    }
    if customer.consents[delivery] is not None:
        record["shareWithResearchAsOfDate"] = customer.consents[delivery]
    if customer.number % 3 == 0:
        record["shareWithPublicAsOfDate"] = customer.registered_at
    if customer.number % 4 == 0:
        record["shareWithFriendsAsOfDate"] = customer.registered_at
    return record


def _older(records: Iterable[Record]) -> list[Record]:
    """Records as the maker's older files have them: null for no consent, times as decimals, the phone as a number."""
    consents = ("shareWithResearchAsOfDate", "shareWithPublicAsOfDate", "shareWithFriendsAsOfDate")
    return [
        record
        | {"phone": int(record["phone"])}
        | {key: float(record[key]) if key in record else None for key in consents}
        for record in records
    ]


# -- the readings -----------------------------------------------------------------------------------------------------


def _instants(customer: _Customer, session: int) -> list[int]:
    start = _SESSION_DAYS[session] + customer.minute * 60_000
    return [start + tick * TICK_MS for tick in range(SESSION_TICKS)]


def _accelerometer_readings(seed: int, customers: Iterable[_Customer], session: int) -> list[Record]:
    """Sway of a phone in the pocket, in units of gravity."""
    readings = []
    for customer in customers:
        if session not in customer.sessions:
            continue
        rng = np.random.default_rng([seed, customer.number, session, 1])
        phase = 2 * np.pi * (np.arange(SESSION_TICKS) / 17 + rng.random())
        sway = np.stack([0.2 * np.sin(phase), 0.1 * np.cos(phase), 1 + 0.05 * np.sin(2 * phase)], axis=1)
        values = np.round(sway + rng.normal(0, 0.02, sway.shape), 3)
        readings += [
            {"user": customer.email, "timestamp": instant, "x": x, "y": y, "z": z}
            for instant, (x, y, z) in zip(_instants(customer, session), values.tolist(), strict=True)
        ]
    return readings


def _step_readings(seed: int, customers: Iterable[_Customer], session: int) -> list[Record]:
    """Distance to the wall in cm while its customer trains; some trainers run without a phone in the pocket."""
    readings = []
    for customer in customers:
        is_alone = session == 1 and not customer.sessions and customer.number % 4 == 0
        if session not in customer.sessions and not is_alone:
            continue
        rng = np.random.default_rng([seed, customer.number, session, 2])
        instants = _instants(customer, session)[::TICKS_PER_STEP]
        distances = rng.integers(150, 300, len(instants)).tolist()
        # The last one comes half a tick late: no phone reading is of that instant.
        instants[-1] += TICK_MS // 2
        readings += [
            {"sensorReadingTime": instant, "serialNumber": customer.serial_number, "distanceFromObject": distance}
            for instant, distance in zip(instants, distances, strict=True)
        ]
    return readings


def _renamed(records: Iterable[Record], key: str, new_key: str) -> list[Record]:
    return [{new_key if name == key else name: value for name, value in record.items()} for record in records]


# -- the files --------------------------------------------------------------------------------------------------------


def _lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _comma_lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) + ",\n" for record in records).encode()


def _run_together(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record) for record in records).encode()


# Each case is a file of its own, in which the records around the bad one are good.
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

    The customers in it are nobody of the other deliveries.

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
    """Three records without fault."""
    customers = [_draw_customer(seed, 1_000_000 + 10 * number + each) for each in range(3)]
    if entity == "customer":
        return [_customer_record(each, 0) for each in customers]
    make: Callable[..., list[Record]] = _accelerometer_readings if entity == "accelerometer" else _step_readings
    return make(seed, [_Customer(**{**vars(each), "sessions": (0,)}) for each in customers], 0)[:3]


def _bad_input(case: str, records: list[Record]) -> bytes:
    middle = records[1]
    match case:
        case "customer_cut_off" | "accelerometer_cut_off":
            return _lines(records)[:-40]
        case "customer_run_together_cut_off":
            return _run_together(records)[:-40]
        case "customer_without_email":
            del middle["email"]
        case "customer_email_is_none":
            middle["email"] = "nobody"
        case "customer_without_serial_number":
            del middle["serialNumber"]
        case "customer_without_last_update":
            del middle["lastUpdateDate"]
        case "customer_last_update_in_seconds":
            middle["lastUpdateDate"] //= 1000
        case "customer_consent_unreadable":
            middle["shareWithResearchAsOfDate"] = "yes"
        case "accelerometer_without_user":
            del middle["user"]
        case "accelerometer_text":
            middle["x"] = "left"
        case "accelerometer_not_json":
            return b"user,timestamp,x,y,z\n"
        case "step_trainer_empty":
            return b""
        case "step_trainer_negative":
            middle["distanceFromObject"] = -1
        case "step_trainer_in_microseconds":
            middle["sensorReadingTime"] *= 1000
    return _lines(records)
