"""Write the files of blood tests (``log_data``)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from synthetic.bloodtest.encoding import (
    DAYS_A_YEAR,
    MS_A_DAY,
    OPEN_MS,
    OPENING_MS,
    SHAPES,
    encode_records,
    epoch_ms,
)
from synthetic.bloodtest.group import FAULT_STREAM, MONTH_STREAM, Group
from synthetic.bloodtest.people import IntArray, Values, draw_values
from synthetic.bloodtest.plan import FIRST_DAY, Month, working_days
from synthetic.files import write_file

# A practice sends most of its patients to one lab.
_USUAL_LAB_SHARE = 0.75


@dataclass(frozen=True)
class Tests:
    """Tests as the files have them, one element each; patient and lab are indices."""

    patient: IntArray
    lab: IntArray
    date: IntArray
    values: Values


def draw_tests(rng: np.random.Generator, group: Group, patient: IntArray, days: Sequence[date]) -> Tests:
    """Draw a test of each of these patients, on one of these days."""
    count = len(patient)
    day_ms = np.array([epoch_ms(day) for day in days])
    # Most come in the morning, when they have not eaten yet.
    date_ms = rng.choice(day_ms, count) + OPENING_MS + (OPEN_MS * rng.beta(1.5, 3.5, count)).astype(np.int64)
    network = group.network
    usual_lab = network.practice_lab[network.doctor_practice[group.people.doctor[patient]]]
    any_lab = rng.choice(group.plan.lab_count, count, p=network.lab_weight / network.lab_weight.sum())
    years = (date_ms - epoch_ms(FIRST_DAY)) / (DAYS_A_YEAR * MS_A_DAY)
    return Tests(
        patient=patient,
        lab=np.where(rng.random(count) < _USUAL_LAB_SHARE, usual_lab, any_lab),
        date=date_ms,
        values=draw_values(rng, group.people, patient, years),
    )


# Text of levels and flags, by a number whose digits are the levels and flags.
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


def record_texts(group: Group, tests: Tests, delivery: int) -> list[str]:
    """Write tests as JSON records."""
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


class Faults:
    """The tests whose values are recorded wrongly, by their index among all tests."""

    def __init__(self, group: Group) -> None:
        plan = group.plan
        rng = np.random.default_rng([group.seed, FAULT_STREAM])
        chosen = rng.choice(plan.test_count, sum(plan.faults.values()), replace=False)
        parts = np.split(chosen, np.cumsum(list(plan.faults.values()))[:-1])
        self._by_kind = dict(zip(plan.faults, parts, strict=True))
        self._greatest = int(self._by_kind["systolic_digits_added"][0])
        self._in_seconds = rng.choice(plan.test_count, plan.in_seconds_count, replace=False)

    def apply(self, tests: Tests, indices: range) -> None:
        """Change the values of the faulty ones among the tests with these indices."""
        systolic, diastolic = tests.values.systolic_mmhg, tests.values.diastolic_mmhg

        def own(chosen: IntArray) -> IntArray:
            return chosen[(chosen >= indices.start) & (chosen < indices.stop)] - indices.start

        for kind, chosen in self._by_kind.items():
            at = own(chosen)
            match kind:
                case "diastolic_digit_added":
                    # 80 becomes 800, and sometimes 8000, as in the dataset, whose largest value is 11,000.
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
                    # 120 becomes 1200, or 12020; the dataset's largest is 160 that became 16020.
                    systolic[at] = np.where(at % 2, systolic[at] * 10, np.minimum(systolic[at], 160) * 100 + 20)
        if self._greatest in indices:
            systolic[self._greatest - indices.start] = 16_020
        at = own(self._in_seconds)
        tests.date[at] //= 1000


def write_tests(folders: Sequence[Path], group: Group) -> None:
    """Write the tests of every delivery, a file a month."""
    plan, faults = group.plan, Faults(group)
    late: list[str] = []
    carried: dict[int, list[str]] = defaultdict(list)
    for index, month in enumerate(plan.months):
        rng = np.random.default_rng([group.seed, MONTH_STREAM, index])
        tests = _draw_month(rng, group, month)
        count = len(month.tests) - month.late_test_count
        in_order = np.argsort(tests.date[:count], kind="stable")
        faults.apply(tests, month.tests)
        texts = np.array(record_texts(group, tests, month.delivery), dtype=object)
        own = plan.duplicates.get(index, [])
        for target, source in zip(own, rng.choice(count, len(own), replace=False).tolist(), strict=True):
            carried[target].append(texts[source])
        written = texts[in_order].tolist() + carried.pop(index, [])
        folder = folders[month.delivery] / "log_data"
        write_file(folder / f"{month.name}.json", encode_records(written, SHAPES[index % len(SHAPES)]))
        if month.is_first and late:
            write_file(folder / f"{plan.months[index - 1].name}-late.json", encode_records(late, "lines"))
        late = texts[count:].tolist()


def _draw_month(rng: np.random.Generator, group: Group, month: Month) -> Tests:
    new = np.arange(month.new_patients.start, month.new_patients.stop)
    # One test of each new patient, and no more of those who are not known yet; the others are drawn.
    known = month.new_patients.stop - month.late_patient_count
    patient = np.concatenate([new, group.pick(rng, len(month.tests) - len(new), known)])
    tests = draw_tests(rng, group, patient, working_days(month.first_day, _next_month(month.first_day)))
    if month.is_first:
        # Every lab has a test in every delivery.
        tests.lab[: group.plan.lab_count] = np.arange(group.plan.lab_count)
    return tests


def _next_month(first_day: date) -> date:
    return (first_day + timedelta(days=31)).replace(day=1)
