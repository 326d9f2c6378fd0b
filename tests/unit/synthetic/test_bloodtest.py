"""The generated bloodtest deliveries are what they say they are: the format, quirks at their rates, and bad input."""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic.bloodtest import (
    BAD_INPUTS,
    expected_counts,
    write_bad_inputs,
    write_deliveries,
    write_further_delivery,
)

SMALLEST, SMALL = 0.01, 0.1
BAD = "2024-02-01-bad-input"
# fmt: off
LOG_KEYS = [
    "ap_hi", "ap_lo", "cholesterol", "gluc", "smoke", "alco", "active", "cardio", "lab_id", "city", "patient_id",
    "lab_name", "date",
]
PATIENT_KEYS = [
    "id", "age", "sex", "height", "weight", "first_name", "last_name", "address", "clinic", "doc_name", "doc_id",
]
# fmt: on

Record = dict[str, Any]


def records_of(text: str) -> Iterator[str]:
    """The text of each record, whichever way the records stand in the file."""
    decoder = json.JSONDecoder()
    position = 0
    while found := re.compile(r"[^{]*(?=\{)").match(text, position):
        _, end = decoder.raw_decode(text, found.end())
        yield text[found.end() : end]
        position = end


@dataclass
class Delivered:
    """Everything in the deliveries: the texts of the records by file, without files that came before."""

    patients: dict[Path, list[str]] = field(default_factory=dict)
    tests: dict[Path, list[str]] = field(default_factory=dict)
    duplicate_files: list[Path] = field(default_factory=list)

    @classmethod
    def read(cls, measurement: Path) -> "Delivered":
        found = cls()
        seen = set()
        for path in sorted(measurement.rglob("*.json")):
            content = path.read_bytes()
            if (path.parent.name, path.name, content) in seen:
                found.duplicate_files.append(path)
                continue
            seen.add((path.parent.name, path.name, content))
            into = {"patient_data": found.patients, "log_data": found.tests}[path.parent.name]
            into[path] = list(records_of(content.decode()))
        return found

    def all_tests(self) -> list[Record]:
        """Distinct tests, in the order of the files."""
        return [json.loads(text) for text in dict.fromkeys(text for texts in self.tests.values() for text in texts)]

    def all_patients(self) -> list[Record]:
        return [json.loads(text) for texts in self.patients.values() for text in texts]


def folder(incoming: Path) -> Path:
    return incoming / "clinic=sf_state" / "measurement=bloodtest"


@pytest.fixture(scope="module")
def incoming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    incoming = tmp_path_factory.mktemp("whole") / "incoming"
    write_deliveries(incoming)
    return incoming


@pytest.fixture(scope="module")
def whole(incoming: Path) -> Delivered:
    return Delivered.read(folder(incoming))


@pytest.fixture(scope="module")
def tests(whole: Delivered) -> list[Record]:
    return whole.all_tests()


@pytest.fixture(scope="module")
def patients(whole: Delivered) -> list[Record]:
    return whole.all_patients()


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return write_bad_inputs(tmp_path_factory.mktemp("bad") / "incoming")


def contents(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_in_seconds(test: Record) -> bool:
    return bool(test["date"] < 100_000_000_000)


def taken_at(test: Record) -> datetime:
    return datetime.fromtimestamp(test["date"] / (1 if is_in_seconds(test) else 1000), UTC)


def is_faulty(test: Record) -> bool:
    return not (80 <= test["ap_hi"] <= 200 and 45 <= test["ap_lo"] <= 130 and test["ap_lo"] < test["ap_hi"])


def column(records: list[Record], key: str) -> np.ndarray:
    return np.array([record[key] for record in records], dtype=float)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


# Counts.


def test_scale_1_has_the_promised_size() -> None:
    counts = expected_counts()
    assert (counts.patients, counts.tests, counts.duplicate_log_records) == (7_000, 70_000, 24)
    assert 200 <= counts.doctors <= 500
    assert 24 <= counts.practices <= 60
    assert 24 <= counts.labs <= 60
    assert counts.systolic_below_diastolic / counts.tests == pytest.approx(0.018, abs=0.0005)
    assert counts.diastolic_over_200 / counts.tests == pytest.approx(0.014, abs=0.0005)
    assert 0 < counts.negative_pressure < 10
    assert len(counts.deliveries) == 5


@pytest.mark.parametrize(("scale", "seed"), [(SMALLEST, 2021), (SMALLEST, 7), (SMALL, 2021), (0.17, 3)])
def test_expected_counts_are_found_at_any_scale_and_seed(tmp_path: Path, scale: float, seed: int) -> None:
    write_deliveries(tmp_path, scale=scale, seed=seed)
    found = Delivered.read(folder(tmp_path))
    check_counts(found, found.all_tests(), found.all_patients(), scale)


def test_expected_counts_are_found_at_scale_1(whole: Delivered, tests: list[Record], patients: list[Record]) -> None:
    check_counts(whole, tests, patients, 1.0)


def check_counts(found: Delivered, tests: list[Record], patients: list[Record], scale: float) -> None:
    counts = expected_counts(scale)
    assert len(tests) == counts.tests
    assert sum(map(len, found.tests.values())) == counts.log_records == counts.tests + counts.duplicate_log_records
    assert len(patients) == counts.patient_records
    latest = {patient["id"]: patient for patient in patients}
    assert len(latest) == counts.patients
    assert {test["patient_id"] for test in tests} == set(latest)
    for stated in (patients, list(latest.values())):
        assert len({patient["doc_id"] for patient in stated}) == counts.doctors
        assert len({patient["clinic"] for patient in stated}) == counts.practices
    assert len({test["lab_id"] for test in tests}) == counts.labs
    assert len(with_several(patients, "doc_id", "doc_name")) == counts.doctors_with_name_variants
    assert len(with_several(tests, "lab_id", "lab_name")) == counts.labs_with_name_variants
    assert sum(test["ap_hi"] < test["ap_lo"] for test in tests) == counts.systolic_below_diastolic
    assert sum(test["ap_lo"] > 200 for test in tests) == counts.diastolic_over_200
    assert sum(test["ap_hi"] > 250 for test in tests) == counts.systolic_over_250
    assert sum(test["ap_hi"] < 0 or test["ap_lo"] < 0 for test in tests) == counts.negative_pressure
    assert sum(map(is_in_seconds, tests)) == counts.dates_in_seconds
    assert sum(not 130 < patient["height"] < 205 for patient in latest.values()) == counts.implausible_heights
    assert sum(patient["weight"] < 30 for patient in latest.values()) == counts.implausible_weights
    check_deliveries(found, scale)


def check_deliveries(found: Delivered, scale: float) -> None:
    known: dict[int, str] = {}
    tested: set[str] = set()
    versions = 0
    for delivery in expected_counts(scale).deliveries:
        patients = {path: texts for path, texts in found.patients.items() if path.parts[-3] == delivery.name}
        logs = {path: texts for path, texts in found.tests.items() if path.parts[-3] == delivery.name}
        duplicates = [path for path in found.duplicate_files if path.parts[-3] == delivery.name]
        assert len(patients) == delivery.patient_files
        assert len(logs) + len(duplicates) == delivery.log_files
        assert len(duplicates) == delivery.duplicate_files
        assert sum(map(len, patients.values())) == delivery.patient_records
        assert sum(map(len, logs.values())) == delivery.log_records
        records = [text for texts in patients.values() for text in texts]
        ids = [json.loads(text)["id"] for text in records]
        assert len(set(ids)) == len(ids)
        versions += sum(known.get(id_) != text for id_, text in zip(ids, records, strict=True))
        known |= dict(zip(ids, records, strict=True))
        tested |= {text for texts in logs.values() for text in texts}
        unknown = sum(json.loads(text)["patient_id"] not in known for text in tested)
        assert unknown == delivery.tests_without_patient
    assert versions == expected_counts(scale).patient_versions


def with_several(records: list[Record], key: str, value: str) -> dict[int, set[str]]:
    found = defaultdict(set)
    for record in records:
        found[record[key]].add(record[value])
    return {key: values for key, values in found.items() if len(values) > 1}


@pytest.mark.parametrize("scale", [0.001, 1 / 70, 0.5, 3.3, 100.0])
def test_expected_counts_agree_among_themselves(scale: float) -> None:
    counts = expected_counts(scale)
    assert counts.patients == max(70, round(7_000 * scale))
    assert counts.tests == max(700, round(70_000 * scale))
    assert sum(delivery.log_records for delivery in counts.deliveries) == counts.log_records
    assert sum(delivery.patient_records for delivery in counts.deliveries) == counts.patient_records
    assert [delivery.tests_without_patient > 0 for delivery in counts.deliveries] == [True] * 4 + [False]
    assert counts.duplicate_log_records == max(3, round(24 * scale))


# Format.


def test_records_have_exactly_the_providers_keys_in_its_order(tests: list[Record], patients: list[Record]) -> None:
    assert {tuple(test) for test in tests} == {tuple(LOG_KEYS)}
    assert {tuple(patient) for patient in patients} == {tuple(PATIENT_KEYS)}


def test_records_have_the_providers_types_and_codes(whole: Delivered, tests: list[Record]) -> None:
    assert {tuple(type(test[key]) for key in LOG_KEYS) for test in tests} == {(int,) * 9 + (str, int, str, int)}
    for key in ("cholesterol", "gluc"):
        assert {test[key] for test in tests} == {1, 2, 3}
    for key in ("smoke", "alco", "active", "cardio"):
        assert {test[key] for test in tests} == {0, 1}
    # Weight has one decimal, also where it is 0.
    pattern = re.compile(
        r'\{"id": \d+, "age": \d\d, "sex": [12], "height": \d{2,3}, "weight": \d+\.\d, "first_name": "[^"]+", '
        r'"last_name": "[^"]+", "address": "\d+ [^",]+, [^",]+, CA \d{5}", "clinic": "[^"]+", "doc_name": "[^"]+", '
        r'"doc_id": \d+\}'
    )
    assert all(pattern.fullmatch(text) for texts in whole.patients.values() for text in texts)


def test_the_practice_is_not_who_delivers(patients: list[Record]) -> None:
    assert not any(patient["clinic"] == "sf_state" for patient in patients)


def test_all_three_shapes_occur_in_every_delivery(whole: Delivered) -> None:
    shapes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in [*whole.patients, *whole.tests]:
        text = path.read_text()
        shape = "array" if text.startswith("[") else "lines" if text.endswith("}\n") else "one after another"
        assert json.loads(text) if shape == "array" else True
        assert all(map(json.loads, text.splitlines())) if shape == "lines" else True
        assert ("}{" in text) == (shape == "one after another")
        shapes[path.parts[-3], path.parent.name].add(shape)
    assert [len(found) for (_, kind), found in shapes.items() if kind == "log_data"] == [3] * 5
    assert len(set.union(*(found for (_, kind), found in shapes.items() if kind == "patient_data"))) == 3


def test_files_lie_where_the_contract_wants_them(incoming: Path) -> None:
    paths = [path.relative_to(folder(incoming)) for path in incoming.rglob("*") if path.is_file()]
    pattern = re.compile(r"20\d\d-\d\d-05/(patient_data/(patients|updates)-\d+|log_data/20\d\d-\d\d(-late)?)\.json")
    assert [str(path) for path in paths if not pattern.fullmatch(str(path))] == []


def test_names_go_beyond_ascii(tests: list[Record], patients: list[Record]) -> None:
    for records, keys in (
        (patients, ("first_name", "last_name", "address", "doc_name")),
        (tests, ("lab_name", "city")),
    ):
        for key in keys:
            assert any(not record[key].isascii() for record in records), key


# Cases that are hard to load.


def test_every_test_before_its_patient_gets_it_with_the_next_delivery(whole: Delivered) -> None:
    names = [delivery.name for delivery in expected_counts().deliveries]
    came = {}
    for path, texts in whole.patients.items():
        for text in texts:
            came.setdefault(json.loads(text)["id"], names.index(path.parts[-3]))
    early = Counter()
    for path, texts in whole.tests.items():
        for text in texts:
            early[came[json.loads(text)["patient_id"]] - names.index(path.parts[-3])] += 1
    assert set(early) == {*range(-4, 1), 1}
    assert early[1] == sum(delivery.tests_without_patient for delivery in expected_counts().deliveries)


def test_some_tests_come_a_delivery_late_and_none_early(whole: Delivered) -> None:
    late_files = 0
    for path, texts in whole.tests.items():
        delivered_on = date.fromisoformat(path.parts[-3])
        month = date.fromisoformat(path.name[:7] + "-01")
        copies = Counter()
        for text in texts:
            test = json.loads(text)
            assert taken_at(test).date() < delivered_on
            copies[taken_at(test).date().replace(day=1) == month] += 1
        # Only exact duplicates stand in another month's file.
        assert copies[False] <= 8
        if path.stem.endswith("-late"):
            late_files += 1
            assert len(texts) >= 10
            assert (delivered_on - month) > timedelta(days=150)
    assert late_files == 4


def test_exact_duplicates_come_in_the_same_file_another_file_and_another_delivery(whole: Delivered) -> None:
    places: dict[str, list[Path]] = defaultdict(list)
    for path, texts in whole.tests.items():
        for text in texts:
            places[text].append(path)
    twice = [paths for paths in places.values() if len(paths) > 1]
    assert [len(paths) for paths in twice] == [2] * 24
    same_file = sum(one == other for one, other in twice)
    same_delivery = sum(one != other and one.parts[-3] == other.parts[-3] for one, other in twice)
    assert same_file >= 6
    assert same_delivery >= 6
    assert 24 - same_file - same_delivery >= 6


def test_one_file_is_delivered_twice(whole: Delivered) -> None:
    assert [path.parts[-3:] for path in whole.duplicate_files] == [("2022-07-05", "log_data", "2021-07.json")]


def test_patients_come_again_with_a_new_address_or_just_as_they_were(patients: list[Record]) -> None:
    versions: dict[int, list[Record]] = defaultdict(list)
    for patient in patients:
        versions[patient["id"]].append(patient)
    changed = Counter()
    for records in versions.values():
        for before, after in pairwise(records):
            keys = {key for key in before if before[key] != after[key]}
            assert keys <= {"age", "address", "clinic", "doc_name", "doc_id"}
            assert after["age"] >= before["age"]
            changed["address" in keys, "doc_id" in keys] += 1
            if keys:
                assert "address" in keys
    counts = expected_counts()
    assert changed[True, False] + changed[True, True] == counts.patient_versions - counts.patients
    assert changed[False, False] == counts.patient_records - counts.patient_versions
    assert changed[True, True] > 10


def test_a_doctor_has_one_practice_and_names_are_no_key(patients: list[Record]) -> None:
    assert not with_several(patients, "doc_id", "clinic")
    assert with_several(patients, "doc_name", "doc_id")
    spelled = with_several(patients, "doc_id", "doc_name")
    assert {len(names) for names in spelled.values()} == {2}


def test_ids_of_patients_doctors_and_labs_overlap(tests: list[Record], patients: list[Record]) -> None:
    patient_ids, doctor_ids = ({patient[key] for patient in patients} for key in ("id", "doc_id"))
    assert len(patient_ids & doctor_ids) > 10
    assert len(doctor_ids & {test["lab_id"] for test in tests}) > 10


def test_impossible_values_are_those_of_the_real_data(tests: list[Record], patients: list[Record]) -> None:
    assert max(test["ap_hi"] for test in tests) == 16_020
    assert max(test["ap_lo"] for test in tests) >= 8_000
    heights = Counter(patient["height"] for patient in {patient["id"]: patient for patient in patients}.values())
    assert (min(heights), max(heights)) == (55, 250)
    assert min(patient["weight"] for patient in patients) == 10.0
    assert sum(map(is_faulty, tests)) == 953 + 120 + 154 + 7 + 1 + 40


# Distributions: see the references in synthetic/bloodtest/people.py.


@pytest.fixture(scope="module")
def joined(tests: list[Record], patients: list[Record]) -> list[Record]:
    latest = {patient["id"]: patient for patient in patients if patient["height"] < 205 and patient["weight"] > 30}
    return [test | latest[test["patient_id"]] for test in tests if test["patient_id"] in latest and not is_faulty(test)]


def test_shares_are_those_of_the_public_data(patients: list[Record], tests: list[Record]) -> None:
    people = list({patient["id"]: patient for patient in patients}.values())
    assert np.mean(column(people, "sex") == 2) == pytest.approx(0.35, abs=0.02)
    assert np.median(column(people, "height")) == pytest.approx(164.4, abs=1)
    assert np.median(column(people, "weight")) == pytest.approx(72.0, abs=2)
    assert np.mean(column(tests, "smoke")) == pytest.approx(0.088, abs=0.015)
    assert np.mean(column(tests, "alco")) == pytest.approx(0.054, abs=0.015)
    assert np.mean(column(tests, "active")) == pytest.approx(0.804, abs=0.02)
    ages = column(people, "age")
    assert 18 <= ages.min() < 21
    assert 62 < ages.max() <= 67


def test_at_the_public_datas_age_levels_and_disease_are_as_common_as_there(joined: list[Record]) -> None:
    """The group is younger than the public data (mean 53.3 years); at that age it must look alike."""
    own = [record for record in joined if 50 <= record["age"] <= 57]
    assert len(own) > 8_000
    cholesterol, glucose = column(own, "cholesterol"), column(own, "gluc")
    assert [np.mean(cholesterol == level) for level in (1, 2, 3)] == pytest.approx([0.748, 0.136, 0.115], abs=0.04)
    assert [np.mean(glucose == level) for level in (1, 2, 3)] == pytest.approx([0.850, 0.074, 0.076], abs=0.04)
    assert np.mean(column(own, "cardio")) == pytest.approx(0.50, abs=0.06)
    assert np.mean(column(own, "ap_hi")) == pytest.approx(126.6, abs=2)
    assert np.mean(column(own, "ap_lo")) == pytest.approx(81.3, abs=2)


def test_values_hang_together(joined: list[Record]) -> None:
    systolic = column(joined, "ap_hi")
    assert correlation(systolic, column(joined, "ap_lo")) == pytest.approx(0.7, abs=0.05)
    assert correlation(column(joined, "cholesterol"), column(joined, "gluc")) == pytest.approx(0.42, abs=0.05)
    assert correlation(column(joined, "smoke"), column(joined, "alco")) == pytest.approx(0.33, abs=0.08)
    assert correlation(column(joined, "smoke"), column(joined, "sex")) == pytest.approx(0.34, abs=0.06)
    assert 0.2 < correlation(systolic, column(joined, "age")) < 0.4
    assert 0.15 < correlation(systolic, column(joined, "weight")) < 0.35
    assert correlation(systolic, column(joined, "cardio")) > 0.25
    assert correlation(column(joined, "height"), column(joined, "weight")) > 0.25
    # Two tests of one person are more alike than two of two.
    by_patient: dict[int, list[float]] = defaultdict(list)
    for record in joined:
        by_patient[record["patient_id"]].append(record["ap_hi"])
    pairs = np.array([values[:2] for values in by_patient.values() if len(values) > 1])
    assert correlation(pairs[:, 0], pairs[:, 1]) > 0.4


def test_readings_prefer_the_digits_that_people_prefer(joined: list[Record]) -> None:
    for key, zero_share in (("ap_hi", 0.64), ("ap_lo", 0.59)):
        values = column(joined, key)
        assert np.mean(values % 10 == 0) == pytest.approx(zero_share, abs=0.01)
        assert np.mean(values[values % 10 != 0] % 2 == 0) == pytest.approx(0.65, abs=0.02)


def test_a_persons_habits_stay_and_disease_does_not_go_away(joined: list[Record]) -> None:
    by_patient: dict[int, list[Record]] = defaultdict(list)
    for record in sorted(joined, key=taken_at):
        by_patient[record["patient_id"]].append(record)
    for records in by_patient.values():
        assert len({(record["smoke"], record["alco"]) for record in records}) == 1
        disease = [record["cardio"] for record in records]
        assert disease == sorted(disease)


def test_tests_spread_over_three_years_of_working_days_and_over_patients_and_labs(tests: list[Record]) -> None:
    days = Counter(taken_at(test).date() for test in tests)
    assert (min(days).isoformat()[:7], max(days).isoformat()[:7]) == ("2021-01", "2023-12")
    assert len(days) > 760
    assert not any(day.weekday() > 4 for day in days)
    assert {taken_at(test).hour for test in tests} <= set(range(15, 24))
    per_patient = Counter(test["patient_id"] for test in tests)
    assert min(per_patient.values()) == 1
    assert max(per_patient.values()) > 40
    per_lab = Counter(test["lab_id"] for test in tests)
    assert max(per_lab.values()) > 5 * np.median(list(per_lab.values()))


# Writing.


def test_same_seed_same_bytes_and_another_seed_other_people(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    write_deliveries(one, scale=SMALLEST)
    write_deliveries(same, scale=SMALLEST)
    write_deliveries(other, scale=SMALLEST, seed=1)
    assert contents(one) == contents(same)
    assert contents(one).keys() == contents(other).keys()
    assert not set(contents(one).values()) & set(contents(other).values())


def test_the_folders_come_back_in_the_order_of_time(tmp_path: Path) -> None:
    folders = write_deliveries(tmp_path, clinic="oakland", scale=SMALLEST)
    assert [path.name for path in folders] == [delivery.name for delivery in expected_counts().deliveries]
    assert [path.name for path in folders] == sorted(path.name for path in folders)
    assert all(path.is_dir() and path.parts[-3:-1] == ("clinic=oakland", "measurement=bloodtest") for path in folders)


def test_writing_again_changes_no_file(tmp_path: Path) -> None:
    def write() -> dict[Path, int]:
        write_deliveries(tmp_path, scale=SMALLEST)
        write_further_delivery(tmp_path, "2024-02-05", 100, scale=SMALLEST)
        write_bad_inputs(tmp_path)
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = write()
    assert write() == before
    assert not [path for path in before if path.name.startswith(".")]


def test_a_delivery_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=SMALLEST)
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"patients-1\.json is already there with other content"):
        write_deliveries(tmp_path, scale=SMALLEST, seed=1)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [{"scale": 0}, {"scale": -1.0}, {"scale": float("nan")}, {"seed": -1}, {"clinic": "../x"}, {"clinic": ""}],
)
def test_impossible_arguments_are_refused_before_anything_is_written(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"scale|seed|clinic"):
        write_deliveries(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_a_further_delivery_has_new_tests_of_known_patients(
    incoming: Path, tests: list[Record], patients: list[Record], tmp_path: Path
) -> None:
    delivery = write_further_delivery(tmp_path, "2024-02-05", 1_000)
    (path,) = (path for path in delivery.rglob("*") if path.is_file())
    assert path.relative_to(folder(tmp_path)).as_posix() == "2024-02-05/log_data/tests.json"
    further = [json.loads(text) for text in records_of(path.read_text())]
    assert len({json.dumps(test) for test in further}) == 1_000
    assert {test["patient_id"] for test in further} <= {patient["id"] for patient in patients}
    labs = {(test["lab_id"], test["lab_name"]) for test in tests}
    assert {(test["lab_id"], test["lab_name"]) for test in further} <= labs
    assert {taken_at(test).strftime("%Y-%m") for test in further} == {"2024-01"}
    assert not any(map(is_faulty, further))


# Bad input.


def test_each_bad_input_is_a_file_of_a_delivery_of_its_own(bad: dict[str, list[Path]]) -> None:
    assert list(bad) == list(BAD_INPUTS)
    for case, (path,) in bad.items():
        assert path.parts[-3:] == (BAD, BAD_INPUTS[case].folder, f"{case}.json")
    delivery = next(iter(bad.values()))[0].parents[1]
    assert {path for path in delivery.rglob("*") if path.is_file()} == {
        path for paths in bad.values() for path in paths
    }


def pieces_of(path: Path) -> list[Record | str]:
    """Each line's record, and the text of what is none."""
    found: list[Record | str] = []
    for line in path.read_text().splitlines():
        if line == "[":
            continue
        try:
            found.append(json.loads(line.rstrip(",")))
        except ValueError:
            found.append(line)
    return found


def is_good(piece: Record | str) -> bool:
    if isinstance(piece, str):
        return False
    if list(piece) == PATIENT_KEYS:
        return isinstance(piece["height"], int)
    return list(piece) == LOG_KEYS and isinstance(piece["ap_hi"], int) and piece["date"] < 10**14


def text_cases() -> list[str]:
    return [case for case, bad in BAD_INPUTS.items() if bad.rejected_count is not None]


@pytest.mark.parametrize("case", text_cases())
def test_each_bad_input_has_the_good_and_bad_records_that_it_says(bad: dict[str, list[Path]], case: str) -> None:
    pieces = pieces_of(bad[case][0])
    assert sum(map(is_good, pieces)) == BAD_INPUTS[case].loaded_count
    assert sum(not is_good(piece) for piece in pieces) == BAD_INPUTS[case].rejected_count


def test_each_bad_input_has_its_fault(bad: dict[str, list[Path]]) -> None:
    def faulty(case: str) -> Any:
        (piece,) = (piece for piece in pieces_of(bad[case][0]) if not is_good(piece))
        return piece

    assert "{" not in faulty("line_is_no_json")
    assert [key for key in LOG_KEYS if key not in faulty("patient_id_missing")] == ["patient_id"]
    assert [key for key in LOG_KEYS if key not in faulty("date_missing")] == ["date"]
    assert faulty("text_for_a_number")["ap_hi"] == "high"
    assert faulty("text_for_a_number_in_a_patient")["height"] == "tall"
    with pytest.raises(ValueError, match="year 33658 is out of range"):
        taken_at(faulty("date_in_microseconds"))
    for case in ("last_object_truncated", "array_truncated"):
        last = pieces_of(bad[case][0])[-1]
        assert isinstance(last, str)
        assert last.startswith('{"ap_hi"')
        assert "}" not in last
    assert bad["array_truncated"][0].read_text().startswith("[")
    assert bad["file_empty"][0].stat().st_size == 0
    with pytest.raises(UnicodeDecodeError):
        bad["file_is_not_json"][0].read_text("utf-8")


def test_good_records_among_the_bad_belong_together_and_to_nothing_else(
    bad: dict[str, list[Path]], tests: list[Record], patients: list[Record]
) -> None:
    good = [piece for case in text_cases() for piece in pieces_of(bad[case][0]) if is_good(piece)]
    bad_patients = {piece["id"] for piece in good if isinstance(piece, dict) and "id" in piece}
    bad_tests = [piece for piece in good if isinstance(piece, dict) and "date" in piece]
    assert {test["patient_id"] for test in bad_tests} <= bad_patients
    assert len({json.dumps(test) for test in bad_tests}) == len(bad_tests) == 35
    assert max(patient["id"] for patient in patients) < min(bad_patients)
    assert max(bad_patients) < 2**31
    assert max(test["lab_id"] for test in tests) < min(test["lab_id"] for test in bad_tests)
