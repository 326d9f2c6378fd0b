"""Draw a clinic group: its people, practices and labs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthetic.bloodtest.people import IntArray, Network, People, draw_network, draw_people
from synthetic.bloodtest.plan import LAB_RENAMED_FROM, Plan

# Every use of chance has a random stream of its own, made from the seed and one of these numbers.
NETWORK_STREAM, PEOPLE_STREAM, RECORD_STREAM, AGAIN_STREAM, MONTH_STREAM, FAULT_STREAM, FURTHER_STREAM, BAD_STREAM = (
    range(1, 9)
)


@dataclass(frozen=True)
class Group:
    """A clinic group: its people, practices and labs."""

    plan: Plan
    seed: int
    network: Network
    people: People

    @classmethod
    def draw(cls, plan: Plan, seed: int) -> "Group":
        """Draw a group of the planned size."""
        network = draw_network(
            np.random.default_rng([seed, NETWORK_STREAM]), plan.practice_count, plan.doctor_count, plan.lab_count
        )
        rng = np.random.default_rng([seed, PEOPLE_STREAM])
        weight = network.doctor_weight / network.doctor_weight.sum()
        doctor = rng.choice(plan.doctor_count, size=plan.patient_count, p=weight)
        # Every doctor has at least two patients who stay, one of them under the doctor's usual name.
        doctor[: plan.doctor_count] = doctor[plan.doctor_count : 2 * plan.doctor_count] = np.arange(plan.doctor_count)
        variants = spelled_differently(plan)
        doctor[variants] = np.arange(len(variants))
        return cls(plan, seed, network, draw_people(rng, plan.patient_count, network, doctor))

    def pick(self, rng: np.random.Generator, count: int, among: int) -> IntArray:
        """Pick patients among the first so many; those with more visits are picked more often."""
        visits = self.people.cumulative_visits[:among]
        picked: IntArray = np.searchsorted(visits, rng.random(count) * visits[-1], side="right")
        return np.minimum(picked, among - 1)

    @cached_property
    def lab_texts(self) -> list[str]:
        """Write each lab's part of a record, up to the patient."""
        cities = self.network.lab_cities
        return [f'"lab_id": {index + 1}, "city": "{city}", "patient_id": ' for index, city in enumerate(cities)]

    def lab_names(self, delivery: int) -> list[str]:
        """List the names of the labs; some have another one in later deliveries."""
        names = self.network.lab_names
        if delivery < LAB_RENAMED_FROM:
            return names
        renamed = self.plan.lab_variant_count
        return [f"{name}, Inc." for name in names[:renamed]] + names[renamed:]


def spelled_differently(plan: Plan) -> IntArray:
    """Choose the patients in whose records the doctor's name is spelled differently: of doctor 0, 1, 2 and so on.

    At scale 1 one half is in the first delivery, beside another patient of the same doctor, and one in the last.
    """
    later = plan.doctor_variant_count // 2
    sooner = plan.doctor_variant_count - later
    first = plan.doctor_count
    return np.concatenate([np.arange(first, first + sooner), np.arange(plan.patient_count - later, plan.patient_count)])
