"""What the marts make of what the loader left, on warehouses filled without files."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.arrivals import Upload, arrive
from tests.support.dbt_home import DbtHome

# Each corner that the order of arrival could turn: corrections, one taken back, halves of a run in different
# deliveries, copies across subjects and within one, near copies, two files that claim one run.
UPLOADS = (
    Upload("2020-01-01", "01", 1, samples="v1"),
    Upload("2020-02-01", "01", 1, samples="v2", age=26, sex="female"),
    Upload("2020-03-01", "01", 1, samples="v1"),
    Upload("2020-01-01", "01", 2, samples=""),
    Upload("2020-02-01", "01", 2, recorded_on=None, samples="late"),
    Upload("2020-01-01", "02", 1, samples="original"),
    Upload("2020-02-01", "03", 1, samples="original", age=40, sex="female"),
    Upload("2020-03-01", "03", 2, samples="original", age=40, sex="male"),
    Upload("2020-01-01", "04", 10, samples="near 1", age=None, sex=None),
    Upload("2020-01-01", "04", 9, samples="near 2", age=None, sex=None),
    Upload("2020-02-01", "04", 1, samples="near 3", age=131, sex=None),
    Upload("2020-01-01", "05", 1, samples="one", folder="subject_5"),
    Upload("2020-01-01", "05", 1, samples="other", age=30, folder="subject_05"),
    Upload("2020-03-01", "05", 2, recorded_on=date(2006, 1, 1), age=20, folder="subject_5"),
    Upload("2020-02-01", "02", 1, samples="original", clinic="other_clinic"),
    Upload("2020-01-01", "06", 1, age=20),
    Upload("2020-01-01", "06", 2, recorded_on=date(2005, 6, 7), age=20),
)
NEAR = (("near 1", "near 2"), ("near 2", "near 3"), ("near 1", "near 3"))

# What tells of the arrival itself, and may differ with its order.
OF_ARRIVAL = {
    "run": {"signal_path"},
    "run_metadata": {
        f"{file}{column}"
        for file in ("", "header_")
        for column in (
            "loaded_raw_path",
            "modified_at",
            "first_crawled_at",
            "last_crawled_at",
            "processed_at",
            "load_id",
        )
    }
    | {"signal_path", "transform_load_id"},
    "subject": set(),
}


def build(home: DbtHome, uploads: Sequence[Upload]) -> DbtHome:
    home.prepare()
    arrive(home, uploads, NEAR)
    run = home.dbt("run", "--select", "tag:catalog", "tag:ecg")
    assert run.success, run
    return home


def rows(home: DbtHome, mart: str) -> list[dict[str, Any]]:
    with home.warehouse() as con:
        answer = con.execute(f"select * from ecg.{mart} order by all")
        names = [column[0] for column in answer.description]
        return [
            {name: value for name, value in zip(names, row, strict=True) if name not in OF_ARRIVAL[mart]}
            for row in answer.fetchall()
        ]


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    uploads = sorted(UPLOADS, key=lambda upload: upload.delivery)
    return build(DbtHome(tmp_path_factory.mktemp("in_order")), uploads)


@pytest.fixture(scope="module")
def run_by_key(in_order: DbtHome) -> dict[str, dict[str, Any]]:
    return {row["run_key"]: row for row in rows(in_order, "run")}


@pytest.fixture(scope="module")
def subject_by_key(in_order: DbtHome) -> dict[str, dict[str, Any]]:
    return {row["subject_key"]: row for row in rows(in_order, "subject")}


@pytest.mark.parametrize("seed", ["reversed", 1])
def test_marts_do_not_depend_on_the_order_of_arrival(
    in_order: DbtHome, tmp_path_factory: pytest.TempPathFactory, seed: str | int
) -> None:
    uploads = sorted(UPLOADS, key=lambda upload: upload.delivery, reverse=True)
    if isinstance(seed, int):
        random.Random(seed).shuffle(uploads)
    home = build(DbtHome(tmp_path_factory.mktemp("shuffled")), uploads)
    for mart in OF_ARRIVAL:
        assert rows(home, mart) == rows(in_order, mart), mart


def test_all_tests_pass_on_the_marts(in_order: DbtHome) -> None:
    # the signals themselves are in no file here, so that no run is enrolled either
    without = ("assert_every_run_has_its_signal", "assert_every_counted_run_was_enrolled")
    run = in_order.dbt(
        *("build", "--select", "tag:catalog", "tag:ecg", "--exclude", *without, "--exclude-resource-type", "unit_test")
    )
    assert run.success
    assert run.named("warn") == {
        "assert_every_age_is_plausible",
        "assert_no_run_is_claimed_by_two_files",
        "assert_no_subject_contradicts_itself",
    }


def test_a_correction_that_was_taken_back_is_taken_back(run_by_key: dict[str, dict[str, Any]]) -> None:
    run = run_by_key["sf_state:01:1"]
    assert (run["age_years"], run["sex"]) == (25, "male")
    assert (run["delivery"], run["last_delivery"]) == ("2020-01-01", "2020-03-01")
    assert run["signal_raw_path"] == "incoming/clinic=sf_state/measurement=ecg/2020-03-01/subject_01/run_1.csv"


def test_header_and_signal_of_different_deliveries_are_a_run(run_by_key: dict[str, dict[str, Any]]) -> None:
    run = run_by_key["sf_state:01:2"]
    assert (run["delivery"], run["last_delivery"]) == ("2020-02-01", "2020-02-01")
    assert "/2020-01-01/" in run["header_raw_path"]
    assert "/2020-02-01/" in run["signal_raw_path"]


def test_copies_point_to_the_first_of_any_subject_and_clinic(run_by_key: dict[str, dict[str, Any]]) -> None:
    copies = {key: run["duplicate_of_run_key"] for key, run in run_by_key.items() if run["duplicate_of_run_key"]}
    assert copies == dict.fromkeys(["other_clinic:02:1", "sf_state:03:1", "sf_state:03:2"], "sf_state:02:1")


def test_near_copies_point_to_the_earliest_of_their_subject(run_by_key: dict[str, dict[str, Any]]) -> None:
    near = {
        key: run["near_duplicate_of_run_key"] for key, run in run_by_key.items() if run["near_duplicate_of_run_key"]
    }
    assert near == {"sf_state:04:10": "sf_state:04:9", "sf_state:04:1": "sf_state:04:9"}


def test_of_two_files_that_claim_a_run_the_first_name_counts(run_by_key: dict[str, dict[str, Any]]) -> None:
    conflicts = {key: run["age_years"] for key, run in run_by_key.items() if run["has_conflicting_file"]}
    assert conflicts == {"sf_state:05:1": 30}


def test_subjects_say_what_contradicts_itself(subject_by_key: dict[str, dict[str, Any]]) -> None:
    conflicts = {key: row["conflict_reason"] for key, row in subject_by_key.items() if row["has_conflict"]}
    assert conflicts == {
        "sf_state:03": "runs disagree on sex",
        "sf_state:05": "no birth date fits the ages of all runs",
    }
    assert subject_by_key["sf_state:03"]["sex"] is None
    assert subject_by_key["sf_state:05"]["birth_year"] is None


def test_copies_count_as_runs_and_not_for_the_heart_rate(subject_by_key: dict[str, dict[str, Any]]) -> None:
    counts = {key: (row["run_count"], row["counted_run_count"]) for key, row in subject_by_key.items()}
    assert counts == {
        "other_clinic:02": (1, 0),
        "sf_state:01": (2, 2),
        "sf_state:02": (1, 1),
        "sf_state:03": (2, 0),
        "sf_state:04": (3, 1),
        "sf_state:05": (2, 2),
        "sf_state:06": (2, 2),
    }
    assert subject_by_key["sf_state:03"]["mean_heart_rate_bpm"] is None


# ---- birth dates


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def age(birth: date, day: date, leap_birthday: tuple[int, int]) -> int:
    """Whole years lived on a day, where somebody born on 29 February has the birthday in common years on that day."""
    birthday = (birth.month, birth.day)
    if birthday == (2, 29) and not (day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)):
        birthday = leap_birthday
    return day.year - birth.year - ((day.month, day.day) < birthday)


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtHome, dict[str, tuple[date, date, int]]]:
    """One subject for each birth date and day around the ends of February, under both customs."""
    births = [*days(date(1999, 2, 26), date(1999, 3, 3)), *days(date(2000, 2, 26), date(2000, 3, 3))]
    recorded = [day for year in (2003, 2004, 2100) for day in days(date(year, 2, 26), date(year, 3, 3))]
    known = {}
    uploads = []
    number = 0
    for birth in births:
        for day in recorded:
            for custom in {(2, 28), (3, 1)} if (birth.month, birth.day) == (2, 29) else {(3, 1)}:
                number += 1
                upload = Upload("2020-01-01", f"{number:02d}", 1, recorded_on=day, age=age(birth, day, custom))
                known[f"sf_state:{upload.subject}"] = (birth, day, age(birth, day, custom))
                uploads.append(upload)
    home = DbtHome(tmp_path_factory.mktemp("born")).prepare()
    arrive(home, uploads)
    assert home.dbt("run", "--select", "tag:catalog", "tag:ecg").success
    return home, known


def test_the_true_birth_date_is_never_excluded(born: tuple[DbtHome, dict[str, tuple[date, date, int]]]) -> None:
    home, known = born
    found = home.query("select subject_key, birth_date_earliest, birth_date_latest from ecg.subject")
    assert len(found) == len(known)
    for key, earliest, latest in found:
        birth, day, years = known[key]
        assert earliest <= birth <= latest, (birth, day, years)


def test_no_birth_date_is_left_that_no_custom_allows(born: tuple[DbtHome, dict[str, tuple[date, date, int]]]) -> None:
    home, known = born
    found = home.query("select subject_key, birth_date_earliest, birth_date_latest from ecg.subject")
    for key, earliest, latest in found:
        _, day, years = known[key]
        for birth in (earliest, latest):
            assert years in {age(birth, day, custom) for custom in ((2, 28), (3, 1))}, (birth, day, years)
        for birth in (earliest - timedelta(days=1), latest + timedelta(days=1)):
            assert years not in {age(birth, day, custom) for custom in ((2, 28), (3, 1))}, (birth, day, years)


def test_every_run_narrows_the_birth_date(subject_by_key: dict[str, dict[str, Any]]) -> None:
    subject = subject_by_key["sf_state:06"]
    assert (subject["birth_date_earliest"], subject["birth_date_latest"]) == (date(1984, 6, 8), date(1984, 12, 7))
    assert (subject["birth_year"], subject["is_birth_year_exact"]) == (1984, True)
