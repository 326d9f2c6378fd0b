"""Balance trainers for tests: short files, written where a maker would write them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.balance.contract import BALANCE_ACCELEROMETER, BALANCE_CUSTOMER, BALANCE_STEP_TRAINER
from orchestration.lib.warehouse.connection import Warehouse

CLINIC = "motion_lab"
ENTITIES = (BALANCE_CUSTOMER, BALANCE_ACCELEROMETER, BALANCE_STEP_TRAINER)
# Minute 0 of the tests' clock, 2022-06-18 15:00 UTC, in milliseconds.
START_MS = 1_655_564_400_000

Record = dict[str, Any]


def at(minute: int) -> int:
    """A time in milliseconds, so many minutes after the start."""
    return START_MS + minute * 60_000


def customer(email: str, serial_number: str, updated: int, consent: int | None = None, **more: Any) -> Record:
    """A customer's record, updated at a minute, with consent as of a minute or without."""
    record = {
        "customerName": "Jo Doe",
        "email": email,
        "phone": "8015551212",
        "birthDay": "1971-03-01",
        "serialNumber": serial_number,
        "registrationDate": at(0),
        "lastUpdateDate": at(updated),
    }
    if consent is not None:
        record["shareWithResearchAsOfDate"] = at(consent)
    return record | more


def phone(email: str, *minutes: int, x: float = 0.5) -> list[Record]:
    """Accelerometer readings of these minutes."""
    return [{"user": email, "timestamp": at(minute), "x": x, "y": 0.25, "z": 1.0} for minute in minutes]


def steps(serial_number: str, *minutes: int, distance: int = 200) -> list[Record]:
    """Step trainer readings of these minutes."""
    return [
        {"sensorReadingTime": at(minute), "serialNumber": serial_number, "distanceFromObject": distance}
        for minute in minutes
    ]


def lines(records: Iterable[Record]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def put(
    lake: Lake,
    delivery: str,
    customers: Iterable[Record] = (),
    accelerometer: Iterable[Record] = (),
    step_trainer: Iterable[Record] = (),
    clinic: str = CLINIC,
) -> None:
    """Write a delivery: a file for each kind that there is anything of."""
    folder = lake.root / f"incoming/clinic={clinic}/measurement=balance/{delivery}"
    for name, records in (("customer", customers), ("accelerometer", accelerometer), ("step_trainer", step_trainer)):
        if content := lines(records):
            put_file(folder / name / "all.json", content)


def put_file(path: Path, content: bytes) -> None:
    """Write a file that has settled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    then = path.stat().st_mtime - 60
    os.utime(path, (then, then))


def load(lake: Lake, warehouse: Warehouse) -> list[LoadReport]:
    """Load all three kinds of file."""
    return [crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0) for entity in ENTITIES]
