"""Write the files of patients (``patient_data``)."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from synthetic.bloodtest.encoding import DAYS_A_YEAR, SHAPES, encode_records
from synthetic.bloodtest.group import AGAIN_STREAM, RECORD_STREAM, Group, spelled_differently
from synthetic.bloodtest.people import CITIES, FIRST_NAMES, LAST_NAMES, MAX_HOUSE, STREETS, IntArray
from synthetic.bloodtest.plan import (
    EVERY_MOVED_CHANGES_DOCTOR,
    FIRST_DAY,
    PATIENTS_A_FILE,
    WRONG_HEIGHTS_CM,
    WRONG_WEIGHTS_KG,
    file_count,
)
from synthetic.files import write_file


class Register:
    """The present records of the patients, some of them wrong."""

    def __init__(self, group: Group) -> None:
        people, network, plan = group.people, group.network, group.plan
        rng = np.random.default_rng([group.seed, RECORD_STREAM])
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
        self._is_spelled_differently[spelled_differently(plan)] = True

    def texts(self, patients: IntArray) -> Iterator[str]:
        """Write the records of these patients as JSON."""
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


def write_patients(folders: Sequence[Path], group: Group) -> None:
    """Write the patients of every delivery: those who are new, and those whose record is sent again."""
    plan, people = group.plan, group.people
    register = Register(group)
    for delivery, folder in enumerate(folders):
        rng = np.random.default_rng([group.seed, AGAIN_STREAM, delivery])
        arriving = plan.arriving[delivery]
        moved_count = plan.moved_count(delivery)
        again = np.array([], dtype=np.int64)
        if delivery:
            again = rng.choice(arriving.start, moved_count + plan.resent_count(delivery), replace=False)
        moved = again[:moved_count]
        written_on = date.fromisoformat(folder.name)
        present = np.concatenate([np.arange(arriving.start, arriving.stop), moved])
        years = (written_on - FIRST_DAY).days / DAYS_A_YEAR
        register.age[present] = (people.age_years[present] + years).astype(np.int64)
        # Never the same house, so that every new address differs from the old one.
        register.house[moved] = (register.house[moved] + rng.integers(MAX_HOUSE - 1, size=len(moved))) % MAX_HOUSE + 1
        register.street[moved] = rng.integers(len(STREETS), size=len(moved))
        register.city[moved] = rng.integers(len(CITIES), size=len(moved))
        # Not those whom their doctor needs for the number of patients or the spelling of the name.
        is_free = (moved >= 2 * plan.doctor_count) & (moved < plan.patient_count - plan.doctor_variant_count)
        leaving = moved[is_free][::EVERY_MOVED_CHANGES_DOCTOR]
        register.doctor[leaving] = rng.integers(plan.doctor_count, size=len(leaving))
        for kind, patients in (("patients", np.arange(arriving.start, arriving.stop)), ("updates", np.sort(again))):
            for part in range(file_count(len(patients))):
                own = patients[part * PATIENTS_A_FILE : (part + 1) * PATIENTS_A_FILE]
                shape = SHAPES[(delivery + part + (kind == "updates")) % len(SHAPES)]
                path = folder / "patient_data" / f"{kind}-{part + 1}.json"
                write_file(path, encode_records(list(register.texts(own)), shape))
