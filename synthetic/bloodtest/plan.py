"""Compute the counts of the generated bloodtest deliveries, file by file, from the scale alone.

Nothing here is left to chance, so that a reviewed number stays right under any seed and any version of numpy.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np

from synthetic.files import check_scale

# At scale 1.
PATIENT_COUNT = 7_000
TEST_COUNT = 70_000
DOCTOR_COUNT = 300
PRACTICE_COUNT = 36
LAB_COUNT = 48
# What every case below needs to occur once: a hundredth of scale 1.
MIN_PATIENT_COUNT, MIN_TEST_COUNT = 70, 700

FIRST_DAY = date(2021, 1, 1)
# Name of each delivery, and the first day that it does not cover; the clinics export some days later.
_DELIVERIES = [
    ("2021-07-05", date(2021, 7, 1)),
    ("2022-01-05", date(2022, 1, 1)),
    ("2022-07-05", date(2022, 7, 1)),
    ("2023-04-05", date(2023, 4, 1)),
    ("2024-01-05", date(2024, 1, 1)),
]
DELIVERIES = [name for name, _ in _DELIVERIES]

# Share of the patients whose first test is in each delivery's months: half were patients before, the others come as
# the group grows. The number of tests a month grows with the patients.
_NEW_PATIENT_SHARES = [0.50, 0.15, 0.13, 0.11, 0.11]
# Share of a delivery's new patients whose record comes with the next delivery, after their test.
_LATE_PATIENT_SHARE = 0.10
# Share of the tests in a delivery's last month that come with the next delivery, since the lab was late.
_LATE_TEST_SHARE = 0.03
# Shares of the known patients who are delivered again: with a new address, and unchanged.
_MOVED_SHARE, _RESENT_SHARE = 0.05, 0.01
# One in so many patients with a new address also has a new doctor.
EVERY_MOVED_CHANGES_DOCTOR = 10
# Shares of doctors whose name is spelled in two ways, and of labs with another name from the fourth delivery on.
_DOCTOR_VARIANT_SHARE, _LAB_VARIANT_SHARE = 0.08, 0.05
LAB_RENAMED_FROM = 3
# The second delivery's first file of tests is delivered again, byte for byte under the same name, with the third.
RESENT_FILE, RESENT_FROM, RESENT_WITH = "2021-07.json", 1, 2

# At scale 1, with the rates of real data of this kind, the Cardiovascular Disease dataset (see `people.py`): 24
# exact duplicates; 1.8 % of tests with a systolic pressure below the diastolic, most of them because the diastolic is
# over 200 (1.4 %); systolic pressures up to 16,020; a handful negative. The cause of each fault is invented.
_DUPLICATE_COUNT = 24
_FAULTS = {
    "diastolic_digit_added": 953,
    "systolic_digit_missing": 120,
    "swapped": 154,
    "systolic_negative": 7,
    "diastolic_negative": 1,
    "systolic_digits_added": 40,
}
# Invented: a few exports went through a tool that counts seconds.
_IN_SECONDS_COUNT = 35
# Impossible heights and weights, beginning with the dataset's smallest and largest.
WRONG_HEIGHTS_CM = [55, 250, 59, 60, 64, 65, 66, 67, 68, 207]
WRONG_WEIGHTS_KG = [10.0, 11.0, 21.0, 22.0, 23.0, 28.0, 29.0]

# Files of patients are cut at this number of records, so that memory does not grow with the scale: 25 MB of text.
PATIENTS_A_FILE = 100_000


@dataclass(frozen=True)
class DeliveryCounts:
    """The counts of one delivery, and the counts that hold once it and those before it are loaded.

    ``log_records`` leaves out a file that was delivered before, byte for byte: it adds no row.
    ``tests_without_patient`` are the tests, up to this delivery, whose patient is not delivered yet.
    """

    name: str
    patient_files: int
    log_files: int
    duplicate_files: int
    patient_records: int
    log_records: int
    tests_without_patient: int


@dataclass(frozen=True)
class ExpectedCounts:
    """The counts that a pipeline must find in the deliveries of one scale, with any seed.

    ``patient_records`` and ``log_records`` are the rows that the loader adds; ``tests`` are the distinct ones.
    ``patient_versions`` counts a patient once, and again for every delivery with a changed record. A test is counted
    in every group that it belongs to: ``diastolic_over_200`` is part of ``systolic_below_diastolic``.
    """

    tests: int
    patients: int
    doctors: int
    practices: int
    labs: int
    patient_records: int
    log_records: int
    duplicate_log_records: int
    patient_versions: int
    doctors_with_name_variants: int
    labs_with_name_variants: int
    systolic_below_diastolic: int
    diastolic_over_200: int
    systolic_over_250: int
    negative_pressure: int
    dates_in_seconds: int
    implausible_heights: int
    implausible_weights: int
    deliveries: tuple[DeliveryCounts, ...]


@dataclass(frozen=True)
class Month:
    """A month's tests and the patients that are new in it, as ranges of their indices."""

    first_day: date
    delivery: int
    is_first: bool
    is_last: bool
    tests: range
    new_patients: range
    late_patient_count: int
    late_test_count: int

    @property
    def name(self) -> str:
        """Write the month as in ``2021-01``."""
        return f"{self.first_day:%Y-%m}"


@dataclass(frozen=True)
class Plan:
    """The counts of everything at one scale."""

    patient_count: int
    test_count: int
    doctor_count: int
    practice_count: int
    lab_count: int
    scale: float

    @classmethod
    def of(cls, scale: float) -> "Plan":
        """Plan the counts of one scale."""
        check_scale(scale)
        patient_count = max(MIN_PATIENT_COUNT, round(PATIENT_COUNT * scale))
        test_count = max(MIN_TEST_COUNT, round(TEST_COUNT * scale))
        # A larger group has more practices and larger ones: each grows with the root.
        root = math.sqrt(test_count / TEST_COUNT)
        doctor_count, practice_count, lab_count = (
            max(1, round(count * root)) for count in (DOCTOR_COUNT, PRACTICE_COUNT, LAB_COUNT)
        )
        return cls(patient_count, test_count, doctor_count, practice_count, lab_count, test_count / TEST_COUNT)

    def scaled(self, count: int) -> int:
        """Scale a count of scale 1; the result is at least 1."""
        return max(1, round(count * self.scale))

    @property
    def faults(self) -> dict[str, int]:
        """Count the tests with each fault."""
        return {name: self.scaled(count) for name, count in _FAULTS.items()}

    @property
    def duplicate_count(self) -> int:
        """Count the exact duplicates of tests."""
        # At least three: one in the same file, one in the next file, one in the next delivery.
        return max(3, self.scaled(_DUPLICATE_COUNT))

    @property
    def in_seconds_count(self) -> int:
        """Count the tests whose date is in seconds."""
        return self.scaled(_IN_SECONDS_COUNT)

    @property
    def wrong_height_count(self) -> int:
        """Count the patients with a wrong height."""
        # At least two: the smallest and the largest.
        return max(2, round(len(WRONG_HEIGHTS_CM) * self.patient_count / PATIENT_COUNT))

    @property
    def wrong_weight_count(self) -> int:
        """Count the patients with a wrong weight."""
        return max(1, round(len(WRONG_WEIGHTS_KG) * self.patient_count / PATIENT_COUNT))

    @property
    def doctor_variant_count(self) -> int:
        """Count the doctors whose name is spelled in two ways."""
        # At least two: one that differs within a delivery, one that differs between two.
        return max(2, round(self.doctor_count * _DOCTOR_VARIANT_SHARE))

    @property
    def lab_variant_count(self) -> int:
        """Count the labs whose name changes."""
        return max(1, round(self.lab_count * _LAB_VARIANT_SHARE))

    @cached_property
    def new_patients(self) -> list[range]:
        """Split the patients by the delivery of their first test."""
        return _split(range(self.patient_count), _NEW_PATIENT_SHARES)

    @cached_property
    def months(self) -> list[Month]:
        """Plan the tests and new patients of each month."""
        days = [date(2021 + month // 12, month % 12 + 1, 1) for month in range(37)]
        delivery_of = [
            next(index for index, (_, end) in enumerate(_DELIVERIES) if first_day < end) for first_day in days[:-1]
        ]
        patient_share = np.cumsum(_NEW_PATIENT_SHARES)
        weights = [
            len(working_days(first_day, end)) * float(patient_share[delivery])
            for (first_day, end), delivery in zip(pairwise(days), delivery_of, strict=True)
        ]
        tests = _split(range(self.test_count), weights)
        months = []
        for delivery, patients in enumerate(self.new_patients):
            own = [index for index, of in enumerate(delivery_of) if of == delivery]
            for index, new in zip(own, _split(patients, [1.0] * len(own)), strict=True):
                is_last = index == own[-1]
                is_late = is_last and delivery < len(_DELIVERIES) - 1
                months.append(
                    Month(
                        first_day=days[index],
                        delivery=delivery,
                        is_first=index == own[0],
                        is_last=is_last,
                        tests=tests[index],
                        new_patients=new,
                        late_patient_count=min(len(new), _share(len(patients), _LATE_PATIENT_SHARE)) if is_late else 0,
                        late_test_count=_share(len(tests[index]), _LATE_TEST_SHARE) if is_late else 0,
                    )
                )
        return months

    @cached_property
    def arriving(self) -> list[range]:
        """Split the patients by the delivery of their first record."""
        late = [month.late_patient_count for month in self.months if month.is_last]
        ends = [patients.stop - count for patients, count in zip(self.new_patients, late, strict=True)]
        return [range(start, end) for start, end in pairwise([0, *ends])]

    def moved_count(self, delivery: int) -> int:
        """Count the known patients whose new address comes with a delivery."""
        return _share(self.arriving[delivery].start, _MOVED_SHARE) if delivery else 0

    def resent_count(self, delivery: int) -> int:
        """Count the known patients whose unchanged record is sent again with a delivery."""
        return _share(self.arriving[delivery].start, _RESENT_SHARE) if delivery else 0

    @cached_property
    def duplicates(self) -> dict[int, list[int]]:
        """Choose the months into whose files exact duplicates go, by the month of the test.

        In turn: the same file, the next file, the first file of the next delivery (the same file if there is none).
        """
        targets: dict[int, list[int]] = defaultdict(list)
        for number in range(self.duplicate_count):
            index = number * len(self.months) // self.duplicate_count
            next_delivery = next(
                (other for other, month in enumerate(self.months) if month.delivery > self.months[index].delivery),
                index,
            )
            targets[index].append([index, min(index + 1, len(self.months) - 1), next_delivery][number % 3])
        return targets


def expected_counts(scale: float = 1.0) -> ExpectedCounts:
    """Count the rows and cases that a pipeline must find in the deliveries of `write_deliveries`, with any seed.

    Raises
    ------
    ValueError
        If the scale is not positive.
    """
    plan = Plan.of(scale)
    faults = plan.faults
    moved = sum(map(plan.moved_count, range(len(_DELIVERIES))))
    deliveries = tuple(_delivery_counts(plan, delivery) for delivery in range(len(_DELIVERIES)))
    return ExpectedCounts(
        tests=plan.test_count,
        patients=plan.patient_count,
        doctors=plan.doctor_count,
        practices=plan.practice_count,
        labs=plan.lab_count,
        patient_records=sum(delivery.patient_records for delivery in deliveries),
        log_records=plan.test_count + plan.duplicate_count,
        duplicate_log_records=plan.duplicate_count,
        patient_versions=plan.patient_count + moved,
        doctors_with_name_variants=plan.doctor_variant_count,
        labs_with_name_variants=plan.lab_variant_count,
        systolic_below_diastolic=sum(
            faults[name] for name in ("diastolic_digit_added", "systolic_digit_missing", "swapped", "systolic_negative")
        ),
        diastolic_over_200=faults["diastolic_digit_added"],
        systolic_over_250=faults["systolic_digits_added"],
        negative_pressure=faults["systolic_negative"] + faults["diastolic_negative"],
        dates_in_seconds=plan.in_seconds_count,
        implausible_heights=plan.wrong_height_count,
        implausible_weights=plan.wrong_weight_count,
        deliveries=deliveries,
    )


def _delivery_counts(plan: Plan, delivery: int) -> DeliveryCounts:
    months = [month for month in plan.months if month.delivery == delivery]
    late_before = sum(month.late_test_count for month in plan.months if month.delivery == delivery - 1)
    late = sum(month.late_test_count for month in months)
    copies = sum(plan.months[target].delivery == delivery for targets in plan.duplicates.values() for target in targets)
    again = plan.moved_count(delivery) + plan.resent_count(delivery)
    arriving = len(plan.arriving[delivery])
    duplicate_files = int(delivery == RESENT_WITH)
    return DeliveryCounts(
        name=DELIVERIES[delivery],
        patient_files=file_count(arriving) + file_count(again),
        log_files=len(months) + (late_before > 0) + duplicate_files,
        duplicate_files=duplicate_files,
        patient_records=arriving + again,
        log_records=sum(len(month.tests) for month in months) - late + late_before + copies,
        tests_without_patient=sum(month.late_patient_count for month in months),
    )


def _split(whole: range, weights: Sequence[float]) -> list[range]:
    """Cut a range into parts of the given relative sizes."""
    cuts = np.rint(np.cumsum([0.0, *weights]) / sum(weights) * len(whole)).astype(int).tolist()
    return [whole[start:end] for start, end in pairwise(cuts)]


def _share(count: int, share: float) -> int:
    return max(1, round(count * share))


def working_days(start: date, end: date) -> list[date]:
    """List the days from ``start`` to before ``end`` that are no weekend or holiday."""
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    return [day for day in days if day.weekday() < 5 and (day.month, day.day) not in ((1, 1), (12, 25))]


def file_count(record_count: int) -> int:
    """Count the files that so many records of patients need."""
    return -(-record_count // PATIENTS_A_FILE)
