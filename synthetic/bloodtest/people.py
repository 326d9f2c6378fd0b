"""Draw patients of a clinic group, their doctors and labs, and the values of their blood tests.

Patients differ permanently from each other, and a little from test to test, so that the tests of one person are as
similar as real ones. No value here is impossible: `log.py` and `patients.py` add the faults.

References
----------
[CVD] Ulianova S. (2019): Cardiovascular Disease dataset, kaggle.com/sulianova/cardiovascular-disease-dataset: 70,000
examinations, age 30-64 (mean 53.3), height 164.4 ± 8.2 cm, weight 74.2 ± 14.4 kg; cholesterol mean level 1.37, glucose
1.23; smokers 8.8 %, drinkers 5.4 %, active 80.4 %, cardiovascular disease 50.0 %. Its correlations are, once impossible
records are left out: systolic with diastolic pressure 0.7, cholesterol with glucose 0.4, smoking with sex and with
alcohol 0.3, disease with pressure 0.3 to 0.4, pressure with age and weight 0.2 to 0.3.

[Wright] Wright J. D. et al. (2011): Mean systolic and diastolic blood pressure in adults aged 18 and over in the United
States, 2001-2008. National Health Statistics Reports 35. Mean 122/71 mmHg; systolic pressure rises steadily with age.

[ALLHAT] Muntner P. et al. (2015): Visit-to-visit variability of blood pressure. Annals of Internal Medicine 163,
329-338. A person's systolic readings differ between visits by a standard deviation of 6.5 to 14.4 mmHg (quintiles).

[Digits] de Lusignan S. et al. (2004): End-digit preference in blood pressure recordings of patients with ischaemic
heart disease in primary care. J. Hum. Hypertens. 18, 261-265. 64 % of systolic and 59 % of diastolic readings end in 0;
of the others 64 and 65 % end in an even digit.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

FEMALE, MALE = 1, 2  # as the provider writes them

_MALE_SHARE = 0.35  # the mean of [CVD]'s sex code is 1.35
# A reproductive-care group sees younger adults than [CVD], which the figures below are centred on.
_YOUNGEST, _OLDEST = 18.0, 64.0
_CENTRE_AGE, _CENTRE_WEIGHT_KG = 53.3, 74.2

# Centimetres by sex: together [CVD]'s mean and spread.
_HEIGHT_CM, _HEIGHT_SPREAD_CM = {FEMALE: 161.4, MALE: 169.9}, {FEMALE: 6.9, MALE: 7.2}
# Median of the body mass index by sex, and the spread of its logarithm: it is skewed to the right. Gives [CVD]'s mean
# and spread of weight.
_BODY_MASS_INDEX, _BODY_MASS_INDEX_SPREAD = {FEMALE: 27.5, MALE: 26.3}, 0.175

_SMOKER_SHARE = {FEMALE: 0.018, MALE: 0.219}  # 8.8 % of all
_DRINKER_SHARE = {False: 0.030, True: 0.310}  # by smoking; 5.4 % of all, correlation 0.3
# Beta distribution of how often a person calls themselves active: 80.4 % of tests, and mostly the same answer.
_ACTIVE_SHAPE = (3.22, 0.78)

# mmHg at the centre [CVD]; per year and kilogram [CVD, Wright]; between people, and between a person's visits [ALLHAT].
_SYSTOLIC_MMHG, _SYSTOLIC_PER_YEAR, _SYSTOLIC_PER_KG = 126.6, 0.45, 0.25
_SYSTOLIC_BETWEEN, _SYSTOLIC_WITHIN = 10.0, 9.0
# Slope and rest make a correlation of 0.7 with systolic pressure.
_DIASTOLIC_MMHG, _DIASTOLIC_PER_SYSTOLIC, _DIASTOLIC_REST = 81.3, 0.40, 6.0
# What is still plausible (the systolic end is 5 standard deviations away), and a difference that rounding cannot undo.
_SYSTOLIC_RANGE, _DIASTOLIC_RANGE, _LEAST_PULSE_PRESSURE = (80.0, 200.0), (45.0, 130.0), 20.0
# Shares of readings that are rounded to tens, to even numbers and not at all; they give the digits of [Digits].
_SYSTOLIC_ROUNDING, _DIASTOLIC_ROUNDING = (0.58, 0.17, 0.25), (0.525, 0.19, 0.285)

# Levels 1 to 3 are a normal variable cut where it gives [CVD]'s mean and spread of levels: cholesterol 74.8, 13.6 and
# 11.5 %, glucose 85.0, 7.4 and 7.6 %.
_CHOLESTEROL_CUTS, _GLUCOSE_CUTS = (0.669, 1.199), (1.035, 1.431)
_CHOLESTEROL_PER_YEAR, _GLUCOSE_PER_YEAR, _GLUCOSE_PER_KG = 0.03, 0.02, 0.01
# Correlation of the two normal variables; the levels' own is 0.4 then. Three quarters of the variance are the person's.
_LEVEL_CORRELATION, _LEVEL_BETWEEN = 0.65, 0.75

# Logistic in age, usual systolic pressure and usual cholesterol: one half at the centre, and rarer among the young. It
# only comes, never goes: age alone changes.
_DISEASE_PER_YEAR, _DISEASE_PER_MMHG, _DISEASE_PER_CHOLESTEROL = 0.06, 0.08, 0.5


@dataclass(frozen=True)
class People:
    """Patients, one element each, in the order in which they have their first test.

    ``age_years`` is the age at the beginning of the first year. ``cumulative_visits`` grows with each
    patient by the relative number of visits. ``doctor`` is an index.
    """

    id: IntArray
    sex: IntArray
    age_years: FloatArray
    height_cm: IntArray
    weight_kg: FloatArray
    first_name: IntArray
    last_name: IntArray
    house: IntArray
    street: IntArray
    city: IntArray
    doctor: IntArray
    cumulative_visits: FloatArray
    is_smoker: BoolArray
    is_drinker: BoolArray
    active_share: FloatArray
    systolic_mmhg: FloatArray
    cholesterol: FloatArray
    glucose: FloatArray
    disease_threshold: FloatArray


@dataclass(frozen=True)
class Values:
    """The results of the tests, one element a test, in the provider's codes."""

    systolic_mmhg: IntArray
    diastolic_mmhg: IntArray
    cholesterol: IntArray
    glucose: IntArray
    is_smoker: IntArray
    is_drinker: IntArray
    is_active: IntArray
    has_disease: IntArray


@dataclass(frozen=True)
class Network:
    """Practices, doctors and labs; a doctor's practice and a practice's usual lab are indices."""

    practice_names: list[str]
    practice_lab: IntArray
    practice_city: IntArray
    doctor_ids: IntArray
    doctor_names: list[tuple[str, str]]
    doctor_practice: IntArray
    doctor_weight: FloatArray
    lab_names: list[str]
    lab_cities: list[str]
    lab_weight: FloatArray


def draw_network(rng: np.random.Generator, practice_count: int, doctor_count: int, lab_count: int) -> Network:
    """Draw practices, each with one doctor at least, and labs, of which some are much busier than others."""
    practice_city = rng.integers(len(CITIES), size=practice_count)
    spare = doctor_count - practice_count
    practice_weight = rng.gamma(2.0, size=practice_count)
    doctor_practice = rng.choice(practice_count, size=spare, p=practice_weight / practice_weight.sum())
    first, last = rng.integers(len(FIRST_NAMES), size=doctor_count), rng.integers(len(LAST_NAMES), size=doctor_count)
    return Network(
        practice_names=_distinct_names(_PLACES, _PRACTICE_KINDS, practice_count),
        practice_lab=rng.integers(lab_count, size=practice_count),
        practice_city=practice_city,
        # Numbers with gaps, as where people come and go. Patients, doctors and labs have numbers in common.
        doctor_ids=10 + np.cumsum(rng.integers(1, 6, size=doctor_count)),
        doctor_names=[(FIRST_NAMES[i], LAST_NAMES[j]) for i, j in zip(first.tolist(), last.tolist(), strict=True)],
        doctor_practice=np.concatenate([np.arange(practice_count), doctor_practice]),
        doctor_weight=rng.gamma(1.5, size=doctor_count) + 0.05,
        lab_names=_distinct_names(_LAB_BRANDS, _LAB_KINDS, lab_count),
        lab_cities=[CITIES[city][0] for city in rng.integers(len(CITIES), size=lab_count).tolist()],
        lab_weight=rng.gamma(1.0, size=lab_count) + 0.05,
    )


def draw_people(rng: np.random.Generator, count: int, network: Network, doctor: IntArray) -> People:
    """Draw the patients of the given doctors.

    Parameters
    ----------
    doctor
        Index of each patient's doctor, shape ``(count,)``.
    """
    sex = np.where(rng.random(count) < _MALE_SHARE, MALE, FEMALE)
    is_male = sex == MALE
    # Most between 30 and 52: the middle of the range is where a reproductive-care group has its patients.
    age = _YOUNGEST + (_OLDEST - _YOUNGEST) * rng.beta(2.2, 2.2, count)
    height = _by_sex(_HEIGHT_CM, is_male) + _by_sex(_HEIGHT_SPREAD_CM, is_male) * rng.standard_normal(count)
    body_mass_index = _by_sex(_BODY_MASS_INDEX, is_male) * np.exp(_BODY_MASS_INDEX_SPREAD * rng.standard_normal(count))
    weight = np.round(body_mass_index * (height / 100) ** 2, 1)
    # Names that go with the sex are the lower and the upper half of the pool.
    first_name = rng.integers(len(FIRST_NAMES) // 2, size=count) + np.where(is_male, len(FIRST_NAMES) // 2, 0)
    # Most live where their practice is.
    practice_city = network.practice_city[network.doctor_practice[doctor]]
    city = np.where(rng.random(count) < 0.7, practice_city, rng.integers(len(CITIES), size=count))
    is_smoker = rng.random(count) < _by_sex(_SMOKER_SHARE, is_male)
    is_drinker = rng.random(count) < np.where(is_smoker, _DRINKER_SHARE[True], _DRINKER_SHARE[False])
    systolic = (
        _SYSTOLIC_MMHG
        + _SYSTOLIC_PER_YEAR * (age - _CENTRE_AGE)
        + _SYSTOLIC_PER_KG * (weight - _CENTRE_WEIGHT_KG)
        + _SYSTOLIC_BETWEEN * rng.standard_normal(count)
    )
    cholesterol, glucose = _correlated_pair(rng, count)
    cholesterol = np.sqrt(_LEVEL_BETWEEN) * cholesterol + _CHOLESTEROL_PER_YEAR * (age - _CENTRE_AGE)
    glucose = (
        np.sqrt(_LEVEL_BETWEEN) * glucose
        + _GLUCOSE_PER_YEAR * (age - _CENTRE_AGE)
        + _GLUCOSE_PER_KG * (weight - _CENTRE_WEIGHT_KG)
    )
    # Disease at a test is chance < logistic(risk): the same person's chance every time, as a threshold on the risk.
    chance = rng.uniform(1e-9, 1.0, count)
    return People(
        id=100 + np.cumsum(rng.integers(1, 20, size=count)),
        sex=sex,
        age_years=age,
        height_cm=np.rint(height).astype(np.int64),
        weight_kg=weight,
        first_name=first_name,
        last_name=rng.integers(len(LAST_NAMES), size=count),
        house=rng.integers(1, MAX_HOUSE + 1, size=count),
        street=rng.integers(len(STREETS), size=count),
        city=city,
        doctor=doctor,
        # Some come once or twice a year, a few every month.
        cumulative_visits=np.cumsum(rng.gamma(1.5, size=count) + 0.05),
        is_smoker=is_smoker,
        is_drinker=is_drinker,
        active_share=rng.beta(*_ACTIVE_SHAPE, count),
        systolic_mmhg=systolic,
        cholesterol=cholesterol,
        glucose=glucose,
        disease_threshold=np.log(chance / (1 - chance)),
    )


def draw_values(rng: np.random.Generator, people: People, patient: IntArray, years: FloatArray) -> Values:
    """Draw the results of tests.

    Parameters
    ----------
    patient
        Index of each test's patient, shape ``(n_tests,)``.
    years
        Time of each test since the beginning of the first year, same shape.
    """
    count = len(patient)
    usual = people.systolic_mmhg[patient] + _SYSTOLIC_PER_YEAR * years
    systolic = np.clip(usual + _SYSTOLIC_WITHIN * rng.standard_normal(count), *_SYSTOLIC_RANGE)
    diastolic = (
        _DIASTOLIC_MMHG
        + _DIASTOLIC_PER_SYSTOLIC * (systolic - _SYSTOLIC_MMHG)
        + _DIASTOLIC_REST * rng.standard_normal(count)
    )
    diastolic = np.clip(
        diastolic, _DIASTOLIC_RANGE[0], np.minimum(_DIASTOLIC_RANGE[1], systolic - _LEAST_PULSE_PRESSURE)
    )
    cholesterol_change, glucose_change = _correlated_pair(rng, count)
    within = np.sqrt(1 - _LEVEL_BETWEEN)
    cholesterol = people.cholesterol[patient] + _CHOLESTEROL_PER_YEAR * years + within * cholesterol_change
    glucose = people.glucose[patient] + _GLUCOSE_PER_YEAR * years + within * glucose_change
    risk = (
        _DISEASE_PER_YEAR * (people.age_years[patient] + years - _CENTRE_AGE)
        + _DISEASE_PER_MMHG * (usual - _SYSTOLIC_MMHG)
        + _DISEASE_PER_CHOLESTEROL * people.cholesterol[patient]
    )
    return Values(
        systolic_mmhg=_rounded(rng, systolic, _SYSTOLIC_ROUNDING),
        diastolic_mmhg=_rounded(rng, diastolic, _DIASTOLIC_ROUNDING),
        cholesterol=1 + np.searchsorted(_CHOLESTEROL_CUTS, cholesterol),
        glucose=1 + np.searchsorted(_GLUCOSE_CUTS, glucose),
        is_smoker=people.is_smoker[patient].astype(np.int64),
        is_drinker=people.is_drinker[patient].astype(np.int64),
        is_active=(rng.random(count) < people.active_share[patient]).astype(np.int64),
        has_disease=(people.disease_threshold[patient] < risk).astype(np.int64),
    )


def _by_sex(figure: dict[int, float], is_male: BoolArray) -> FloatArray:
    return np.where(is_male, figure[MALE], figure[FEMALE])


def _correlated_pair(rng: np.random.Generator, count: int) -> tuple[FloatArray, FloatArray]:
    one, rest = rng.standard_normal(count), rng.standard_normal(count)
    return one, _LEVEL_CORRELATION * one + np.sqrt(1 - _LEVEL_CORRELATION**2) * rest


def _rounded(rng: np.random.Generator, value: FloatArray, shares: tuple[float, float, float]) -> IntArray:
    tens, even, _ = shares
    chance = rng.random(len(value))
    step = np.where(chance < tens, 10.0, np.where(chance < tens + even, 2.0, 1.0))
    return (np.rint(value / step) * step).astype(np.int64)


def _distinct_names(first: list[str], second: list[str], count: int) -> list[str]:
    """Combine two words into each name; when all combinations are used, add numbers."""
    names = []
    for index in range(count):
        round_, place = divmod(index, len(first) * len(second))
        # Both words change from one name to the next, and no combination comes twice in a round.
        shift, start = divmod(place, len(first))
        name = f"{first[start]} {second[(start + shift) % len(second)]}"
        names.append(name if round_ == 0 else f"{name} {round_ + 1}")
    return names


MAX_HOUSE = 9_000
# Names hold letters beyond ASCII, apostrophes and spaces, as names do; none holds a character that JSON would escape.
# fmt: off
FIRST_NAMES = [
    # The first half goes with female, the second with male.
    "Mary", "Linda", "Susan", "Karen", "Lisa", "Maria", "Sofía", "Mei", "Yuki", "Priya", "Aisha", "Fatima", "Grace",
    "Hannah", "Emily", "Olivia", "Chloé", "Zoë", "Ingrid", "Amara", "Carmen", "Lucía", "Thi", "Hoa", "Nina", "Elena",
    "Rachel", "Naomi", "Ruth", "Teresa", "Siobhán", "Anna-Lena", "Leila", "Joy", "Rosa", "Tamika", "Xin", "Kiara",
    "Vera", "Dolores",
    "James", "Robert", "Michael", "David", "José", "Luis", "Wei", "Hiroshi", "Raj", "Omar", "Ali", "Samuel", "Daniel",
    "Noah", "Ethan", "Liam", "André", "Björn", "Kwame", "Diego", "Miguel", "Minh", "Duc", "Ivan", "Pavel", "Isaac",
    "Aaron", "Thomas", "Peter", "Seán", "Jean-Luc", "Karim", "Marcus", "Tyrone", "Jun", "Mateo", "Viktor", "Hugo",
    "Ángel", "Walter",
]
LAST_NAMES = [
    "Smith", "Johnson", "Williams", "Brown", "Jones", "García", "Miller", "Davis", "Rodríguez", "Martínez", "Hernández",
    "Lopez", "Gonzales", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin", "Lee", "Perez",
    "Thompson", "White", "Harris", "Sánchez", "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young", "Allen",
    "King", "Wright", "Scott", "Torres", "Nguyễn", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker", "Hall",
    "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Chen", "Wong", "Wang", "Li", "Kim", "Park", "Choi", "Patel",
    "Singh", "Kaur", "Shah", "Khan", "Ahmed", "Hassan", "Tanaka", "Sato", "Yamamoto", "Tran", "Pham", "Le", "Santos",
    "Reyes", "Cruz", "Bautista", "O'Brien", "O'Connor", "Murphy", "Kelly", "McCarthy", "Schmidt", "Müller", "Weber",
    "Rossi", "Russo", "Silva", "Souza", "Kowalski", "Nowak", "Ivanova", "Petrov", "Larsson", "Nilsson", "de la Cruz",
    "Van Dyke", "Okafor", "Mensah", "Washington", "Jefferson", "Freeman", "Goldberg",
]
STREETS = [
    "Market St", "Mission St", "Valencia St", "Geary Blvd", "Irving St", "Noriega St", "Fillmore St", "Divisadero St",
    "Castro St", "Church St", "Dolores St", "Folsom St", "Harrison St", "Howard St", "Broadway", "Telegraph Ave",
    "Shattuck Ave", "College Ave", "San Pablo Ave", "MacArthur Blvd", "Grand Ave", "Lakeshore Ave", "El Camino Real",
    "University Ave", "Middlefield Rd", "Oak Grove Ave", "Hillside Dr", "Skyline Blvd", "Junípero Serra Blvd",
    "Alameda de las Pulgas", "Fremont Blvd", "Mowry Ave", "Hesperian Blvd", "Main St", "First St", "Park Blvd",
]
CITIES = [
    ("San Francisco", "94110"), ("San Francisco", "94122"), ("San Francisco", "94115"), ("Oakland", "94610"),
    ("Oakland", "94601"), ("San José", "95112"), ("San José", "95124"), ("Berkeley", "94704"), ("Daly City", "94015"),
    ("San Mateo", "94401"), ("Fremont", "94538"), ("Hayward", "94541"), ("Richmond", "94804"), ("Palo Alto", "94301"),
    ("Mountain View", "94040"), ("Sunnyvale", "94086"), ("Santa Clara", "95050"), ("Walnut Creek", "94596"),
    ("Concord", "94520"), ("San Rafael", "94901"), ("Vallejo", "94590"), ("Alameda", "94501"),
    ("South San Francisco", "94080"), ("Redwood City", "94063"),
]
_PLACES = [
    "Mission Bay", "Noe Valley", "Sunset", "Richmond District", "Lake Merritt", "Temescal", "Rockridge", "Fruitvale",
    "Willow Glen", "Almaden", "Elmwood", "Westlake", "Baywood", "Niles", "Castro Valley", "Point Richmond",
    "Professorville", "Shoreline", "Las Palmas", "Rose Garden", "Shell Ridge", "Todos Santos", "Peacock Gap",
    "Crown Beach",
]
_PRACTICE_KINDS = [
    "Fertility Center", "Women's Health", "Reproductive Medicine", "Family Planning", "Obstetrics & Gynecology",
    "Men's Health", "Midwifery", "Endocrinology",
]
_LAB_BRANDS = [
    "Golden Gate", "Bayview", "Pacific", "Redwood", "Sierra", "Embarcadero", "Marin", "Presidio", "Diablo", "Tamalpais",
    "Alcatraz", "Coastal", "Cypress", "Harbor", "Lighthouse", "Meridian", "Northpoint", "Peña", "Quartz", "Sutro",
    "Twin Peaks", "Vista", "Westbay", "Zenith",
]
_LAB_KINDS = [
    "Diagnostics", "Laboratories", "Clinical Labs", "Pathology", "Bioscience", "Reference Lab", "Medical Lab",
    "Hematology",
]
# fmt: on
