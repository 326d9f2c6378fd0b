"""Draw the customers of a maker of balance trainers, with their consents, and the readings of their devices.

Every customer has a random stream of its own, made from the seed and the customer's number.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

Record = dict[str, Any]

# Customers of the third delivery, whose devices came with serial numbers that others have too.
SHARING_SHARE = 0.12
SHARED_SERIAL_COUNT = 30
# Of these, the first are shared by customers who have all consented; the first of those are used at the same instant.
CONSENTED_SERIAL_COUNT = 10
SIMULTANEOUS_SERIAL_COUNT = 3

# A session of 8 s at 10 Hz; with two sessions of every other customer that makes 80,000 readings at scale 1, and with a
# step reading at every third instant 30,000 of those.
TICK_MS = 100
SESSION_TICKS = 80
TICKS_PER_STEP = 3
# Many customers train at the same minute: a join on the time alone pairs one customer's steps with another's phone.
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
class Customer:
    """A made-up customer. ``consents`` holds the time of research consent, or None, for each delivery."""

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


def draw_customers(seed: int, count: int) -> list[Customer]:
    """Draw so many customers."""
    sharing_count = round(count * SHARING_SHARE)
    own = [draw_customer(seed, number) for number in range(1, count - sharing_count + 1)]
    # Every fiftieth has a second device, registered under the same email address.
    own = [
        _with_email_of(own[index - 1], customer) if customer.number % 50 == 0 else customer
        for index, customer in enumerate(own)
    ]
    newcomers = [_draw_newcomer(seed, number, index) for index, number in enumerate(range(len(own) + 1, count + 1))]
    return own + newcomers


def draw_customer(seed: int, number: int) -> Customer:
    """Draw a customer by number."""
    rng = np.random.default_rng([seed, number])
    registered_at = _REGISTERED_FROM + int(rng.integers(30 * _DAY_MS))
    consents, updated_at = _draw_consents(rng, number, registered_at)
    return Customer(
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
    """Draw the times of consent and of the record's last update in each delivery's snapshot."""
    never = (registered_at,) * 3
    if number % 400 == 9:
        # Consent from a day in the far future.
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


def _with_email_of(other: Customer, customer: Customer) -> Customer:
    return Customer(**{**vars(customer), "name": other.name, "email": other.email})


def _draw_newcomer(seed: int, number: int, index: int) -> Customer:
    """Draw a customer of the third delivery, whose device shares its serial number with others."""
    rng = np.random.default_rng([seed, number])
    name, email, _, birth_day, phone = _draw_person(rng, number)
    shared = index % SHARED_SERIAL_COUNT
    registered_at = _ms(2022, 7, 20) + int(rng.integers(5 * _DAY_MS))
    has_consented = shared < CONSENTED_SERIAL_COUNT or rng.random() < 0.5
    return Customer(
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


def snapshot(customers: Iterable[Customer], delivery: int) -> list[Record]:
    """Write the records of all customers that are known by a delivery; without a consent, its key is missing."""
    return [customer_record(customer, delivery) for customer in customers if customer.first_snapshot <= delivery]


def customer_record(customer: Customer, delivery: int) -> Record:
    """Write a customer's record as a delivery has it."""
    # From the second delivery on, one email in forty is in capitals or ends with a space.
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


def older(records: Iterable[Record]) -> list[Record]:
    """Convert records to the form of older files: null for no consent, times as decimals, the phone as a number."""
    consents = ("shareWithResearchAsOfDate", "shareWithPublicAsOfDate", "shareWithFriendsAsOfDate")
    return [
        record
        | {"phone": int(record["phone"])}
        | {key: float(record[key]) if key in record else None for key in consents}
        for record in records
    ]


def _instants(customer: Customer, session: int) -> list[int]:
    start = _SESSION_DAYS[session] + customer.minute * 60_000
    return [start + tick * TICK_MS for tick in range(SESSION_TICKS)]


def accelerometer_readings(seed: int, customers: Iterable[Customer], session: int) -> list[Record]:
    """Draw the sway of a phone in the pocket, in units of gravity."""
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


def step_readings(seed: int, customers: Iterable[Customer], session: int) -> list[Record]:
    """Draw distances to the wall in cm during sessions; some trainers run without a phone in the pocket."""
    readings = []
    for customer in customers:
        is_alone = session == 1 and not customer.sessions and customer.number % 4 == 0
        if session not in customer.sessions and not is_alone:
            continue
        rng = np.random.default_rng([seed, customer.number, session, 2])
        instants = _instants(customer, session)[::TICKS_PER_STEP]
        distances = rng.integers(150, 300, len(instants)).tolist()
        # The last reading is half a tick late: no phone reading has its time.
        instants[-1] += TICK_MS // 2
        readings += [
            {"sensorReadingTime": instant, "serialNumber": customer.serial_number, "distanceFromObject": distance}
            for instant, distance in zip(instants, distances, strict=True)
        ]
    return readings


def renamed(records: Iterable[Record], key: str, new_key: str) -> list[Record]:
    """Rename a key of records."""
    return [{new_key if name == key else name: value for name, value in record.items()} for record in records]
