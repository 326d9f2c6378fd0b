"""Blood tests for tests: short deliveries, written where a clinic would write them, and what must come of them.

`expected` says what the marts must hold, worked out from the deliveries alone, without SQL and without any order of
arrival: the deliveries' names decide.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.bloodtest.contract import BLOODTEST_LOG, BLOODTEST_PATIENT
from orchestration.lib.warehouse.connection import Warehouse
from synthetic.files import write_file

CLINIC = "sf_state"
UNKNOWN = "unknown"
ENTITIES = (BLOODTEST_PATIENT, BLOODTEST_LOG)

Record = Mapping[str, Any]
Files = Mapping[str, Sequence[Record]]


def patient(number: int, **changes: Any) -> Record:
    """A patient's record, with some values changed; ``None`` leaves one out."""
    record = {
        "id": number,
        "age": 32,
        "sex": 1,
        "height": 165,
        "weight": 61.5,
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "address": f"{number} Fillmore St",
        "clinic": "Mission Bay",
        "doc_name": "Ivan Harris",
        "doc_id": 1,
    } | changes
    return {key: value for key, value in record.items() if value is not None}


def log(patient_number: int, at_ms: int = 1_609_773_025_075, **changes: Any) -> Record:
    """A test's record, with some values changed; ``None`` leaves one out."""
    record = {
        "ap_hi": 120,
        "ap_lo": 80,
        "cholesterol": 1,
        "gluc": 1,
        "smoke": 0,
        "alco": 0,
        "active": 1,
        "cardio": 0,
        "lab_id": 1,
        "city": "Berkeley",
        "patient_id": patient_number,
        "lab_name": "Marin Hematology",
        "date": at_ms,
    } | changes
    return {key: value for key, value in record.items() if value is not None}


def at(epoch_ms: float) -> datetime:
    """The moment, as the warehouse has it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).replace(tzinfo=None)


def lines(records: Iterable[Record]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def deliver(lake: Lake, name: str, files: Files, clinic: str = CLINIC) -> Delivery:
    """Write a delivery: a list of records for each path below it."""
    delivery = Delivery(clinic, "bloodtest", name)
    for path_below, records in files.items():
        write_file(lake.path(f"{delivery.path}/{path_below}"), lines(records))
    return delivery


def load(
    lake: Lake, warehouse: Warehouse, deliveries: Sequence[Delivery] | None = None, reload: bool = False
) -> list[LoadReport]:
    """What a build does before dbt."""
    return [crawl_and_load(entity, ENTITIES, lake, warehouse, deliveries, reload=reload) for entity in ENTITIES]


@dataclass
class Expected:
    """Marts as they must be: a mapping from key to row for each."""

    bloodtest: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    patient: dict[str, dict[str, Any]] = field(default_factory=dict)
    patient_history: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    doctor: dict[str, dict[str, Any]] = field(default_factory=dict)
    lab: dict[str, dict[str, Any]] = field(default_factory=dict)


def expected(deliveries: Mapping[str, Files], *, snapshot_drops_absent: bool = True) -> Expected:
    """The marts of one clinic's deliveries, by name."""
    marts = Expected()
    names = sorted(deliveries)
    full = [
        name
        for name in _changed_deliveries(deliveries)
        if snapshot_drops_absent and any(map(_is_full, deliveries[name]))
    ]
    first_delivery: dict[str, str] = {}
    current: dict[str, dict[str, Any]] = {}
    for name in names:
        said = {
            f"{CLINIC}:{record['id']}": record
            for path in sorted(deliveries[name])
            if path.startswith("patient_data/")
            for record in deliveries[name][path]
        }
        for key, record in said.items():
            first_delivery.setdefault(key, name)
            version = {
                "address": record.get("address"),
                "doctor_key": _key(record.get("doc_id")),
                "age_years": record.get("age"),
            }
            before = current.get(key)
            if before and {column: before[column] for column in version} == version:
                continue
            if before:
                before["valid_to_delivery"] = name
            number = 1 + sum(patient_key == key for patient_key, _ in marts.patient_history)
            current[key] = {**version, "version_number": number, "valid_to_delivery": None}
            marts.patient_history[key, name] = current[key]
        if name in full:
            for key in current.keys() - said.keys():
                current.pop(key)["valid_to_delivery"] = name
    for key, version in current.items():
        start = max(name for patient_key, name in marts.patient_history if patient_key == key)
        marts.patient[key] = {
            "address": version["address"],
            "doctor_key": version["doctor_key"],
            "age_years": version["age_years"],
            "version_count": version["version_number"],
            "first_delivery": first_delivery[key],
            "valid_from_delivery": start,
        }
    since = full[-1] if full else ""
    doctors = [(name, record) for name, record in _records(deliveries, "patient_data/") if name >= since]
    marts.doctor = _names(doctors, "doc_id", "doc_name")
    for key, doctor in marts.doctor.items():
        doctor["patient_count"] = sum(row["doctor_key"] == key for row in marts.patient.values())
    tests = _records(deliveries, "log_data/")
    marts.lab = _names(tests, "lab_id", "lab_name")
    for _, record in tests:
        key = f"{CLINIC}:{record['patient_id']}"
        known = marts.patient.get(key)
        marts.bloodtest[_content(record)] = {
            "patient_key": key if known else UNKNOWN,
            "doctor_key": known["doctor_key"] if known else UNKNOWN,
        }
    return marts


def _records(deliveries: Mapping[str, Files], folder: str) -> list[tuple[str, Record]]:
    return [
        (name, record)
        for name, files in deliveries.items()
        for path, records in files.items()
        if path.startswith(folder)
        for record in records
    ]


def _changed_deliveries(deliveries: Mapping[str, Files]) -> list[str]:
    """List the deliveries of patients, by name, without those of exactly the files of the delivery before."""
    files = {
        name: {path: records for path, records in deliveries[name].items() if path.startswith("patient_data/")}
        for name in sorted(deliveries)
    }
    names = [name for name in files if files[name]]
    return names[:1] + [name for before, name in pairwise(names) if files[name] != files[before]]


def _content(record: Record) -> tuple[Any, ...]:
    at_ms = record["date"] if record["date"] >= 1e11 else record["date"] * 1000
    return (
        str(record["patient_id"]),
        _key(record.get("lab_id")),
        at(at_ms),
        *(record.get(name) for name in ("ap_hi", "ap_lo", "cholesterol", "gluc")),
    )


def _is_full(path: str) -> bool:
    return path == "patient_data/full.json" or path.startswith("patient_data/full-")


def _key(number: object) -> str:
    return UNKNOWN if number is None else f"{CLINIC}:{number}"


def _names(records: Sequence[tuple[str, Record]], id_key: str, name_key: str) -> dict[str, dict[str, Any]]:
    """For each id its name in the latest delivery, the most frequent of several, and all names."""
    found: dict[str, dict[str, Any]] = {}
    for number in {record[id_key] for _, record in records if id_key in record}:
        named = [(name, record[name_key]) for name, record in records if record.get(id_key) == number]
        latest = max(name for name, _ in named)
        counts = Counter(spelling for name, spelling in named if name == latest)
        found[_key(number)] = {
            "name": min(counts, key=lambda spelling: (-counts[spelling], spelling)),
            "name_variants": sorted({spelling for _, spelling in named}),
            "first_delivery": min(name for name, _ in named),
        }
    return found
