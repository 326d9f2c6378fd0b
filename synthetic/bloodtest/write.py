"""Write deliveries of blood tests and their patients in exactly the format of the provider, with its hard cases.

All counts follow from the scale alone, so that `expected_counts` can say beforehand what a pipeline must find. The seed
decides the values, and which people and tests are the hard cases.
"""

from datetime import date
from pathlib import Path

import numpy as np

from synthetic.bloodtest.encoding import encode_records
from synthetic.bloodtest.group import FURTHER_STREAM, Group
from synthetic.bloodtest.log import draw_tests, record_texts, write_tests
from synthetic.bloodtest.patients import write_patients
from synthetic.bloodtest.plan import DELIVERIES, RESENT_FILE, RESENT_FROM, RESENT_WITH, Plan, working_days
from synthetic.files import check_seed, measurement_folder, write_file


def write_deliveries(incoming: Path, clinic: str = "sf_state", scale: float = 1.0, seed: int = 2021) -> list[Path]:
    """Write five deliveries of three years of blood tests and return their folders.

    At scale 1 they have 70,000 tests of 7,000 patients; `expected_counts` has the other counts. Each has a file of
    tests a month and the patients who are new or whose record changed. Hard to load are: tests a delivery before their
    patient; tests that come a delivery late; exact duplicates in the same file, the next file and the next delivery; a
    whole file twice; patients with a new address, or the same record again; doctors and labs under two names; dates in
    seconds; and impossible values. Some files have one object a line, some an array, some objects one after another.
    Writing the same again changes nothing.

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
        If the clinic's name is not allowed as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    group = Group.draw(Plan.of(scale), check_seed(seed))
    folders = [measurement_folder(incoming, clinic, "bloodtest") / name for name in DELIVERIES]
    write_patients(folders, group)
    write_tests(folders, group)
    resent = folders[RESENT_FROM] / "log_data" / RESENT_FILE
    write_file(folders[RESENT_WITH] / "log_data" / RESENT_FILE, resent.read_bytes())
    return folders


def write_further_delivery(
    incoming: Path, name: str, test_count: int, clinic: str = "sf_state", scale: float = 1.0, seed: int = 2021
) -> Path:
    """Write one more delivery after those of `write_deliveries`: good tests of known patients in January 2024.

    Benchmarks use it to measure the cost of a small delivery beside many tests. Scale and seed are those of the
    deliveries before it.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    group = Group.draw(Plan.of(scale), check_seed(seed))
    folder = measurement_folder(incoming, clinic, "bloodtest") / name
    rng = np.random.default_rng([seed, FURTHER_STREAM, *name.encode()])
    days = working_days(date(2024, 1, 1), date(2024, 2, 1))
    tests = draw_tests(rng, group, group.pick(rng, test_count, group.plan.patient_count), days)
    write_file(folder / "log_data" / "tests.json", encode_records(record_texts(group, tests, len(DELIVERIES)), "lines"))
    return folder
