"""Deliveries of blood tests and their patients in exactly the format of the provider, quirks and hard cases included.

How many there are of everything follows from the scale alone, so that `expected_counts` can say beforehand what a
pipeline must find; the seed decides who and which.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from synthetic.bloodtest.people import (
    CITIES,
    FIRST_NAMES,
    LAST_NAMES,
    MAX_HOUSE,
    STREETS,
    IntArray,
    Network,
    People,
    Values,
    draw_network,
    draw_people,
    draw_values,
)
from synthetic.bloodtest.plan import (
    DELIVERIES,
    EVERY_MOVED_CHANGES_DOCTOR,
    FIRST_DAY,
    LAB_RENAMED_FROM,
    PATIENTS_A_FILE,
    RESENT_FILE,
    RESENT_FROM,
    RESENT_WITH,
    WRONG_HEIGHTS_CM,
    WRONG_WEIGHTS_KG,
    DeliveryCounts,
    ExpectedCounts,
    Month,
    Plan,
    expected_counts,
    file_count,
    working_days,
)
from synthetic.files import check_seed, measurement_folder, write_file

__all__ = [
    "BAD_INPUTS",
    "BadInput",
    "DeliveryCounts",
    "ExpectedCounts",
    "expected_counts",
    "write_bad_inputs",
    "write_deliveries",
    "write_further_delivery",
]

BAD_INPUT_DELIVERY = "2024-02-01-bad-input"

_MS_A_DAY = 86_400_000
# From 7:00 to 16:00 at UTC-8: a test's day is the same in UTC.
_OPENING_MS = 15 * 3_600_000
_OPEN_MS = _MS_A_DAY - _OPENING_MS
_DAYS_A_YEAR = 365.25
# A practice sends most of its patients to one lab.
_USUAL_LAB_SHARE = 0.75

# The three ways in which records stand in a file; files take turns.
_SHAPES = ("lines", "array", "one_after_another")


def write_deliveries(incoming: Path, clinic: str = "sf_state", scale: float = 1.0, seed: int = 2021) -> list[Path]:
    """Write five deliveries of three years of blood tests and return their folders.

    At scale 1 they have 70,000 tests of 7,000 patients; `expected_counts` says what else. Each has a file of tests a
    month and the patients who are new or whose record changed. Hard to load are: tests a delivery before their patient;
    tests that come a delivery late; exact duplicates in the same file, the next and the next delivery; a whole file
    twice; patients with a new address, or the same record again; doctors and labs under two names; dates in seconds;
    and impossible values. Files of one object a line, of arrays and of objects one after another take turns. Writing
    the same again changes nothing.

    Parameters
    ----------
    incoming
        The lake's folder ``incoming``.
    scale
        Factor on the numbers of patients and tests, and its root on those of practices, doctors and labs; 0.01 is the
        least.

    Raises
    ------
    ValueError
        If the clinic's name would not do as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    group = _Group.draw(Plan.of(scale), check_seed(seed))
    folders = [measurement_folder(incoming, clinic, "bloodtest") / name for name in DELIVERIES]
    _write_patients(folders, group)
    _write_tests(folders, group)
    resent = folders[RESENT_FROM] / "log_data" / RESENT_FILE
    write_file(folders[RESENT_WITH] / "log_data" / RESENT_FILE, resent.read_bytes())
    return folders


def write_further_delivery(
    incoming: Path, name: str, test_count: int, clinic: str = "sf_state", scale: float = 1.0, seed: int = 2021
) -> Path:
    """Write one more delivery, after those of `write_deliveries`: tests of known patients in January 2024, none faulty.

    It is for measuring what a small delivery costs beside many tests: scale and seed are those of the deliveries that
    it follows.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    group = _Group.draw(Plan.of(scale), check_seed(seed))
    folder = measurement_folder(incoming, clinic, "bloodtest") / name
    rng = np.random.default_rng([seed, _FURTHER, *name.encode()])
    days = working_days(date(2024, 1, 1), date(2024, 2, 1))
    tests = _draw_tests(rng, group, group.pick(rng, test_count, group.plan.patient_count), days)
    write_file(folder / "log_data" / "tests.json", _file(_test_texts(group, tests, len(DELIVERIES)), "lines"))
    return folder


# Every use of chance has a stream of its own, made from the seed and one of these.
_NETWORK, _PEOPLE, _RECORD, _AGAIN, _MONTH, _FAULT, _FURTHER, _BAD = range(1, 9)


@dataclass(frozen=True)
class _Group:
    """The clinic group: its people, practices and labs."""

    plan: Plan
    seed: int
    network: Network
    people: People

    @classmethod
    def draw(cls, plan: Plan, seed: int) -> "_Group":
        network = draw_network(
            np.random.default_rng([seed, _NETWORK]), plan.practice_count, plan.doctor_count, plan.lab_count
        )
        rng = np.random.default_rng([seed, _PEOPLE])
        weight = network.doctor_weight / network.doctor_weight.sum()
        doctor = rng.choice(plan.doctor_count, size=plan.patient_count, p=weight)
        # Every doctor has two patients at least who stay, one of them under the doctor's usual name.
        doctor[: plan.doctor_count] = doctor[plan.doctor_count : 2 * plan.doctor_count] = np.arange(plan.doctor_count)
        spelled_differently = _spelled_differently(plan)
        doctor[spelled_differently] = np.arange(len(spelled_differently))
        return cls(plan, seed, network, draw_people(rng, plan.patient_count, network, doctor))

    def pick(self, rng: np.random.Generator, count: int, among: int) -> IntArray:
        """Pick patients, among the first so many, as often as they come."""
        visits = self.people.cumulative_visits[:among]
        picked: IntArray = np.searchsorted(visits, rng.random(count) * visits[-1], side="right")
        return np.minimum(picked, among - 1)

    @cached_property
    def lab_texts(self) -> list[str]:
        """A lab's part of a record, up to the patient, for every lab."""
        cities = self.network.lab_cities
        return [f'"lab_id": {index + 1}, "city": "{city}", "patient_id": ' for index, city in enumerate(cities)]

    def lab_names(self, delivery: int) -> list[str]:
        names = self.network.lab_names
        if delivery < LAB_RENAMED_FROM:
            return names
        renamed = self.plan.lab_variant_count
        return [f"{name}, Inc." for name in names[:renamed]] + names[renamed:]


def _spelled_differently(plan: Plan) -> IntArray:
    """Patients in whose records the doctor's name is spelled differently, those of doctor 0, 1, 2 and so on.

    At scale 1 one half is in the first delivery, beside another patient of the same doctor, and one in the last.
    """
    later = plan.doctor_variant_count // 2
    sooner = plan.doctor_variant_count - later
    first = plan.doctor_count
    return np.concatenate([np.arange(first, first + sooner), np.arange(plan.patient_count - later, plan.patient_count)])


# Patients.


class _Register:
    """What is written down of the patients at present, which is not always true."""

    def __init__(self, group: _Group) -> None:
        people, network, plan = group.people, group.network, group.plan
        rng = np.random.default_rng([group.seed, _RECORD])
        self._people, self._network = people, network
        self.house, self.street, self.city = people.house.copy(), people.street.copy(), people.city.copy()
        self.doctor = people.doctor.copy()
        self.age = np.zeros(plan.patient_count, dtype=np.int64)
        self.height_cm, self.weight_kg = people.height_cm.copy(), people.weight_kg.copy()
        wrong_heights, wrong_weights = plan.wrong_height_count, plan.wrong_weight_count
        wrong = rng.choice(plan.patient_count, wrong_heights + wrong_weights, replace=False)
        self.height_cm[wrong[:wrong_heights]] = np.resize(WRONG_HEIGHTS_CM, wrong_heights)
        self.weight_kg[wrong[wrong_heights:]] = np.resize(WRONG_WEIGHTS_KG, wrong_weights)
        self._is_spelled_differently = np.zeros(plan.patient_count, dtype=bool)
        self._is_spelled_differently[_spelled_differently(plan)] = True

    def texts(self, patients: IntArray) -> Iterator[str]:
        people, network = self._people, self._network
        columns = (
            people.id,
            self.age,
            people.sex,
            self.height_cm,
            self.weight_kg,
            people.first_name,
            people.last_name,
            self.house,
            self.street,
            self.city,
            self.doctor,
            self._is_spelled_differently,
        )
        doctors = network.doctor_ids.tolist()
        practice = [network.practice_names[index] for index in network.doctor_practice.tolist()]
        names = [
            [_spelling(index, name, variant) for index, name in enumerate(network.doctor_names)]
            for variant in (False, True)
        ]
        places = [f"{name}, CA {zip_code}" for name, zip_code in CITIES]
        for id_, age, sex, height, weight, first, last, house, street, city, doctor, variant in zip(
            *(column[patients].tolist() for column in columns), strict=True
        ):
            yield (
                f'{{"id": {id_}, "age": {age}, "sex": {sex}, "height": {height}, "weight": {weight}, '
                f'"first_name": "{FIRST_NAMES[first]}", "last_name": "{LAST_NAMES[last]}", '
                f'"address": "{house} {STREETS[street]}, {places[city]}", "clinic": "{practice[doctor]}", '
                f'"doc_name": "{names[variant][doctor]}", "doc_id": {doctors[doctor]}}}'
            )


def _spelling(index: int, name: tuple[str, str], is_variant: bool) -> str:
    first, last = name
    if not is_variant:
        return f"{first} {last}"
    return [f"Dr. {first} {last}", f"{last}, {first}", f"{first[0]}. {last}", f"{first} {last}, MD"][index % 4]


def _write_patients(folders: Sequence[Path], group: _Group) -> None:
    plan, people = group.plan, group.people
    register = _Register(group)
    for delivery, folder in enumerate(folders):
        rng = np.random.default_rng([group.seed, _AGAIN, delivery])
        arriving = plan.arriving[delivery]
        moved_count = plan.moved_count(delivery)
        again = np.array([], dtype=np.int64)
        if delivery:
            again = rng.choice(arriving.start, moved_count + plan.resent_count(delivery), replace=False)
        moved = again[:moved_count]
        written_on = date.fromisoformat(folder.name)
        present = np.concatenate([np.arange(arriving.start, arriving.stop), moved])
        years = (written_on - FIRST_DAY).days / _DAYS_A_YEAR
        register.age[present] = (people.age_years[present] + years).astype(np.int64)
        # Never the same house: a new address is a new one.
        register.house[moved] = (register.house[moved] + rng.integers(MAX_HOUSE - 1, size=len(moved))) % MAX_HOUSE + 1
        register.street[moved] = rng.integers(len(STREETS), size=len(moved))
        register.city[moved] = rng.integers(len(CITIES), size=len(moved))
        # Not those who are there for their doctor's number of patients or name.
        is_free = (moved >= 2 * plan.doctor_count) & (moved < plan.patient_count - plan.doctor_variant_count)
        leaving = moved[is_free][::EVERY_MOVED_CHANGES_DOCTOR]
        register.doctor[leaving] = rng.integers(plan.doctor_count, size=len(leaving))
        for kind, patients in (("patients", np.arange(arriving.start, arriving.stop)), ("updates", np.sort(again))):
            for part in range(file_count(len(patients))):
                own = patients[part * PATIENTS_A_FILE : (part + 1) * PATIENTS_A_FILE]
                shape = _SHAPES[(delivery + part + (kind == "updates")) % len(_SHAPES)]
                path = folder / "patient_data" / f"{kind}-{part + 1}.json"
                write_file(path, _file(list(register.texts(own)), shape))


# Tests.


@dataclass(frozen=True)
class _Tests:
    """Tests as they are written down, one element each; patient and lab are indices."""

    patient: IntArray
    lab: IntArray
    date: IntArray
    values: Values


def _draw_tests(rng: np.random.Generator, group: _Group, patient: IntArray, days: Sequence[date]) -> _Tests:
    count = len(patient)
    day_ms = np.array([_epoch_ms(day) for day in days])
    # Most come in the morning, when they have not eaten yet.
    date_ms = rng.choice(day_ms, count) + _OPENING_MS + (_OPEN_MS * rng.beta(1.5, 3.5, count)).astype(np.int64)
    network = group.network
    usual_lab = network.practice_lab[network.doctor_practice[group.people.doctor[patient]]]
    any_lab = rng.choice(group.plan.lab_count, count, p=network.lab_weight / network.lab_weight.sum())
    years = (date_ms - _epoch_ms(FIRST_DAY)) / (_DAYS_A_YEAR * _MS_A_DAY)
    return _Tests(
        patient=patient,
        lab=np.where(rng.random(count) < _USUAL_LAB_SHARE, usual_lab, any_lab),
        date=date_ms,
        values=draw_values(rng, group.people, patient, years),
    )


# Text of levels and flags, by their digits' place in a number that counts through them.
_LEVELS = [
    f'"cholesterol": {cholesterol}, "gluc": {glucose}, "smoke": {smoke}, "alco": {alco}, "active": {active}, '
    f'"cardio": {cardio}, '
    for cholesterol in (1, 2, 3)
    for glucose in (1, 2, 3)
    for smoke in (0, 1)
    for alco in (0, 1)
    for active in (0, 1)
    for cardio in (0, 1)
]


def _test_texts(group: _Group, tests: _Tests, delivery: int) -> list[str]:
    values = tests.values
    level = (values.cholesterol - 1) * 3 + values.glucose - 1
    for flag in (values.is_smoker, values.is_drinker, values.is_active, values.has_disease):
        level = level * 2 + flag
    labs, names = group.lab_texts, [f', "lab_name": "{name}", "date": ' for name in group.lab_names(delivery)]
    columns = (
        values.systolic_mmhg,
        values.diastolic_mmhg,
        level,
        tests.lab,
        group.people.id[tests.patient],
        tests.date,
    )
    return [
        f'{{"ap_hi": {systolic}, "ap_lo": {diastolic}, {_LEVELS[levels]}{labs[lab]}{patient}{names[lab]}{date}}}'
        for systolic, diastolic, levels, lab, patient, date in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


class _Faults:
    """Which tests are written down wrongly, by their index among all tests."""

    def __init__(self, group: _Group) -> None:
        plan = group.plan
        rng = np.random.default_rng([group.seed, _FAULT])
        chosen = rng.choice(plan.test_count, sum(plan.faults.values()), replace=False)
        parts = np.split(chosen, np.cumsum(list(plan.faults.values()))[:-1])
        self._by_kind = dict(zip(plan.faults, parts, strict=True))
        self._greatest = int(self._by_kind["systolic_digits_added"][0])
        self._in_seconds = rng.choice(plan.test_count, plan.in_seconds_count, replace=False)

    def apply(self, tests: _Tests, indices: range) -> None:
        """Spoil those of the tests with the given indices that are to be."""
        systolic, diastolic = tests.values.systolic_mmhg, tests.values.diastolic_mmhg

        def own(chosen: IntArray) -> IntArray:
            return chosen[(chosen >= indices.start) & (chosen < indices.stop)] - indices.start

        for kind, chosen in self._by_kind.items():
            at = own(chosen)
            match kind:
                case "diastolic_digit_added":
                    # 80 becomes 800, and now and then 8000, as in the dataset, whose greatest is 11,000.
                    diastolic[at] *= np.where((at + indices.start) % 100 == 0, 100, 10)
                case "systolic_digit_missing":
                    systolic[at] //= 10
                case "swapped":
                    systolic[at], diastolic[at] = diastolic[at], systolic[at]
                case "systolic_negative":
                    systolic[at] *= -1
                case "diastolic_negative":
                    diastolic[at] *= -1
                case "systolic_digits_added":
                    # 120 becomes 1200, or 12020; the dataset's greatest is 160 that became 16020.
                    systolic[at] = np.where(at % 2, systolic[at] * 10, np.minimum(systolic[at], 160) * 100 + 20)
        if self._greatest in indices:
            systolic[self._greatest - indices.start] = 16_020
        at = own(self._in_seconds)
        tests.date[at] //= 1000


def _write_tests(folders: Sequence[Path], group: _Group) -> None:
    plan, faults = group.plan, _Faults(group)
    late: list[str] = []
    carried: dict[int, list[str]] = defaultdict(list)
    for index, month in enumerate(plan.months):
        rng = np.random.default_rng([group.seed, _MONTH, index])
        tests = _draw_month(rng, group, month)
        count = len(month.tests) - month.late_test_count
        in_order = np.argsort(tests.date[:count], kind="stable")
        faults.apply(tests, month.tests)
        texts = np.array(_test_texts(group, tests, month.delivery), dtype=object)
        own = plan.duplicates.get(index, [])
        for target, source in zip(own, rng.choice(count, len(own), replace=False).tolist(), strict=True):
            carried[target].append(texts[source])
        written = texts[in_order].tolist() + carried.pop(index, [])
        folder = folders[month.delivery] / "log_data"
        write_file(folder / f"{month.name}.json", _file(written, _SHAPES[index % len(_SHAPES)]))
        if month.is_first and late:
            write_file(folder / f"{plan.months[index - 1].name}-late.json", _file(late, "lines"))
        late = texts[count:].tolist()


def _draw_month(rng: np.random.Generator, group: _Group, month: Month) -> _Tests:
    new = np.arange(month.new_patients.start, month.new_patients.stop)
    # One test of each new patient, and no more of those who are not known yet; the others come as they come.
    known = month.new_patients.stop - month.late_patient_count
    patient = np.concatenate([new, group.pick(rng, len(month.tests) - len(new), known)])
    tests = _draw_tests(rng, group, patient, working_days(month.first_day, _next_month(month.first_day)))
    if month.is_first:
        # Every lab has a test in every delivery.
        tests.lab[: group.plan.lab_count] = np.arange(group.plan.lab_count)
    return tests


# What both need.


def _file(texts: Sequence[str], shape: str) -> bytes:
    match shape:
        case "array":
            text = "[\n" + ",\n".join(texts) + "\n]\n"
        case "one_after_another":
            text = "".join(texts)
        case _:
            text = "\n".join(texts) + "\n"
    return text.encode()


def _next_month(first_day: date) -> date:
    return (first_day + timedelta(days=31)).replace(day=1)


def _epoch_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


# Bad input.


@dataclass(frozen=True)
class BadInput:
    """A file with one thing wrong among records that are good.

    ``rejected_count`` is that of rows; ``None`` where the file is no text of records, so that nothing can be counted.
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
    "file_is_not_json": BadInput("log_data", "the file is an Excel workbook, in spite of its name", 0, None),
}
# Beyond the patients of any scale; fits 32 bits.
_FIRST_BAD_PATIENT = 900_000_001
_GOOD_RECORDS = 5
# How a workbook begins: a ZIP archive's header and bytes that are no UTF-8.
_WORKBOOK = b"PK\x03\x04\x14\x00\x06\x00\x08\x00" + bytes(range(0x80, 0x100))
# The 9th of September 2001 in microseconds.
_MICROSECONDS = 1_000_000_000_000_000


def write_bad_inputs(incoming: Path, clinic: str = "sf_state", seed: int = 2021) -> dict[str, list[Path]]:
    """Write the delivery ``2024-02-01-bad-input``, one file for each case of ``BAD_INPUTS``.

    Its good tests are those of the good patients in it, of one lab and one doctor that no other delivery has.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    folder = measurement_folder(incoming, clinic, "bloodtest") / BAD_INPUT_DELIVERY
    rng = np.random.default_rng([check_seed(seed), _BAD])
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
        # Those before the one whose record is rejected.
        "patient_id": _FIRST_BAD_PATIENT + row % 3,
        "lab_name": "Bad Input Lab",
        # A case a day, a minute a row: no test is like another.
        "date": _epoch_ms(date(2024, 1, 8)) + case * _MS_A_DAY + _OPENING_MS + row * 60_000,
    }


def _bad_file(case: str, records: list[dict[str, object]]) -> bytes:
    """Spoil the record in the middle, or the last one, or the file."""
    faulty = records[len(records) // 2]
    match case:
        case "patient_id_missing":
            del faulty["patient_id"]
        case "date_missing":
            del faulty["date"]
        case "text_for_a_number":
            faulty["ap_hi"] = "high"
        case "text_for_a_number_in_a_patient":
            faulty["height"] = "tall"
        case "date_in_microseconds":
            faulty["date"] = _MICROSECONDS
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    match case:
        case "line_is_no_json":
            texts[len(texts) // 2] = "ERROR 504: the export timed out, retrying"
        case "last_object_truncated":
            return _file(texts, "lines")[: -len(texts[-1]) // 2]
        case "array_truncated":
            return _file(texts, "array")[: -len(texts[-1]) // 2]
        case "file_empty":
            return b""
        case "file_is_not_json":
            return _WORKBOOK
    return _file(texts, "lines")
