"""Whatever comes in which order, how often and in which batches: the marts are those of a build of everything at once.

Files of claims, diagnoses and patients are loaded one after the other; some are loaded anew with other content, some
go. Now and then everything is built incrementally. In the end the marts are compared with a full refresh of the same
rows and with a model of the rules in plain Python.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.compiled_models import Model, build, compiled
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

NOON = datetime(2026, 3, 2, 12)
TEN_MINUTES = timedelta(minutes=10)
# On, just before and after the edges of windows, and far from one another.
TIMES = [
    NOON + timedelta(minutes=minutes, microseconds=us)
    for minutes, us in ((0, 0), (9, 59_999_999), (10, 0), (10, 1), (15, 0), (40, 0), (24 * 60, 0))
]
CATEGORIES = {"R41.3": "Amnesia", "J44.9": "Asthma"}


class Claim(NamedTuple):
    id: int
    patient_id: int
    code: str
    price: Decimal
    received_at: datetime


class Diagnosis(NamedTuple):
    id: int
    patient_id: int
    icd10_code: str
    received_at: datetime


class Patient(NamedTuple):
    id: int
    first_name: str


Row = Claim | Diagnosis | Patient


class File(NamedTuple):
    """Where a file lies: its name says what it holds."""

    clinic: str
    delivery: str
    name: str

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    @property
    def raw_path(self) -> str:
        return f"incoming/clinic={self.clinic}/measurement=practice/{self.delivery}/{self.name}"


@dataclass(frozen=True)
class Step:
    """A file is loaded, for the first time or anew; without rows it goes. Then everything is built, or not yet."""

    file: File
    rows: tuple[Row, ...]
    relation_exists: bool = True


# -- what is to be expected ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Marts:
    """What the marts say, as sets: claims and diagnoses that count, what is discarded, and revenue."""

    claim: set[tuple[Any, ...]]
    diagnosis: set[tuple[Any, ...]]
    patient: set[tuple[Any, ...]]
    discarded_event: set[tuple[Any, ...]]
    revenue: set[tuple[Any, ...]]


def expected(lying: Mapping[File, Sequence[Row]]) -> Marts:
    standing: dict[str, dict[tuple[str, int], Any]] = {"claim": {}, "diagnosis": {}, "patient": {}}
    repeats: list[tuple[str, str, Any, File, int]] = []
    for kind, by_id in standing.items():
        arrivals = [
            # A row's place in the order of arrival; a list of patients came with its delivery.
            ((file.delivery if kind == "patient" else row.received_at, file.name, number, row[1:]), file, number, row)
            for file, rows in lying.items()
            if file.kind == kind
            for number, row in enumerate(rows, start=1)
        ]
        for _, file, number, row in sorted(arrivals, key=lambda arrival: (arrival[0], arrival[1])):
            if by_id.setdefault((file.clinic, row.id), (row, file, number))[1:] != (file, number):
                repeats.append((kind, file.clinic, row, file, number))
    known = set(standing["patient"])
    discarded = set()
    for kind, clinic, row, file, number in repeats:
        first = standing[kind][clinic, row.id][0]
        is_same = first._replace(**_when(first)) == row._replace(**_when(first))
        reason = "repeated" if is_same else "repeated with other content"
        discarded.add((kind, clinic, row.id, reason, file.raw_path, number))
    counting: dict[str, set[tuple[str, Any]]] = {"claim": set(), "diagnosis": set()}
    for kind, rows_of_kind in counting.items():
        for (clinic, identity), (row, file, number) in standing[kind].items():
            if (clinic, row.patient_id) in known:
                rows_of_kind.add((clinic, row))
            else:
                discarded.add((kind, clinic, identity, "unknown patient", file.raw_path, number))
    return Marts(
        {(clinic, *row) for clinic, row in counting["claim"]},
        {(clinic, *row) for clinic, row in counting["diagnosis"]},
        {(clinic, *row) for (clinic, _), (row, _, _) in standing["patient"].items()},
        discarded,
        _revenue(counting["claim"], counting["diagnosis"]),
    )


def _when(row: Any) -> dict[str, Any]:
    return {"received_at": row.received_at} if hasattr(row, "received_at") else {}


def _revenue(claims: set[tuple[str, Any]], diagnoses: set[tuple[str, Any]]) -> set[tuple[Any, ...]]:
    found: dict[tuple[str, str, datetime], list[Claim]] = {}
    for clinic, claim in claims:
        begin = claim.received_at - (claim.received_at - datetime(2000, 1, 1)) % TEN_MINUTES
        for category in CATEGORIES.values():
            if any(
                of_clinic == clinic
                and diagnosis.patient_id == claim.patient_id
                and CATEGORIES.get(diagnosis.icd10_code) == category
                and diagnosis.received_at < begin + TEN_MINUTES
                for of_clinic, diagnosis in diagnoses
            ):
                found.setdefault((clinic, category, begin), []).append(claim)
    return {
        (
            *key,
            key[2] + TEN_MINUTES,
            sum((claim.price for claim in of_window), Decimal(0)),
            len(of_window),
            len({claim.patient_id for claim in of_window}),
        )
        for key, of_window in found.items()
    }


# -- what comes of it ---------------------------------------------------------------------------


class Office:
    """A warehouse in memory in which files are loaded, as the loader leaves them, and models are built."""

    def __init__(self, models: list[Model]) -> None:
        self.models = models
        self.warehouse = MemoryWarehouse()
        with self.warehouse.write() as con:
            self.con = con
        build(self.con, models, full_refresh=True)

    def clear(self) -> None:
        self.warehouse.clear()
        self.con.execute("delete from catalog.file")
        build(self.con, self.models, full_refresh=True)
        self.load_id = 0

    def load(self, step: Step) -> None:
        file, table = step.file, f"raw.practice_{step.file.kind}"
        removed = self.con.execute(f"delete from {table} where _raw_path = ?", [file.raw_path]).fetchone()
        assert removed is not None
        self.con.execute("delete from catalog.file where raw_path = ?", [file.raw_path])
        if not step.rows and not removed[0]:
            return
        self.load_id += 1
        self.con.execute(
            "insert into catalog.load (load_id, measurement, entity, removed_row_count) values (?, 'practice', ?, ?)",
            [self.load_id, file.kind, removed[0]],
        )
        if not step.rows:
            return  # a load of no files: the file has become another one's duplicate
        self.con.execute(
            """
            insert into catalog.file
                (raw_path, clinic, measurement, delivery, entity, path_below, content_hash, load_id, row_count, status)
            values (?, ?, 'practice', ?, ?, ?, ?, ?, ?, 'loaded')
            """,
            [
                *(file.raw_path, file.clinic, file.delivery, file.kind, file.name),
                *(file.raw_path, self.load_id, len(step.rows)),
            ],
        )
        columns = ["clinic", "delivery", *step.rows[0]._fields, "_raw_path", "_row_number", "_load_id"]
        self.con.executemany(
            f"insert into {table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
            [
                [file.clinic, file.delivery, *row, file.raw_path, number, self.load_id]
                for number, row in enumerate(step.rows, start=1)
            ],
        )

    def build(self, *, full_refresh: bool = False) -> None:
        build(self.con, self.models, full_refresh=full_refresh)

    def written(self) -> tuple[set[tuple[Any, ...]], set[datetime]]:
        """Claims and windows that the build after the newest load wrote."""
        claims = "select _raw_path, _row_number, arrival_number, is_first_content from intermediate."
        windows = "select distinct window_start_at from intermediate."
        written = " where seen_load_id = (select max(load_id) from catalog.load)"
        return (
            set(rows(self.con, claims + "int_practice_claim__deduplicated" + written)),
            {start for (start,) in rows(self.con, windows + "int_practice_revenue__by_window" + written)},
        )

    def marts(self) -> Marts:
        return Marts(
            *(
                set(rows(self.con, sql))
                for sql in (
                    "select clinic, claim_id, patient_id, claim_code, price_eur, received_at from practice.claim",
                    "select clinic, diagnosis_id, patient_id, icd10_code, received_at from practice.diagnosis",
                    "select clinic, patient_id, first_name from practice.patient",
                    "select event_kind, clinic, event_id, reason, loaded_raw_path, loaded_row_number"
                    " from practice.discarded_event",
                    "select * exclude (load_id) from practice.revenue_10min",
                )
            )
        )


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    found = con.execute(sql).fetchall()
    assert len(set(found)) == len(found), "a row stands twice"
    return found


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    return Office(compiled(tmp_path_factory.mktemp("compiled"), "+tag:practice"))


# -- the property ---------------------------------------------------------------------------

identities = st.integers(1, 3)
claims = st.builds(
    Claim,
    identities,
    st.integers(0, 2),
    st.sampled_from(["03003", "03230"]),
    st.sampled_from([Decimal("0.10"), Decimal("0.20"), Decimal("5.00")]),
    st.sampled_from(TIMES),
)
diagnoses = st.builds(
    Diagnosis, identities, st.integers(0, 2), st.sampled_from(["R41.3", "J44.9", "J45.998"]), st.sampled_from(TIMES)
)
patients = st.builds(Patient, st.integers(1, 2), st.sampled_from(["Ada", "Ben"]))
files = st.builds(
    File,
    st.sampled_from(["one", "one", "two"]),
    st.sampled_from(["2026-03-02", "2026-03-03"]),
    st.sampled_from(["claim-a", "claim-b", "claim-c", "diagnosis-a", "diagnosis-b", "patient-a", "patient-b"]),
)
OF_KIND = {"claim": claims, "diagnosis": diagnoses, "patient": patients}


@st.composite
def steps(draw: st.DrawFn) -> Step:
    file = draw(files)
    # One in eight times the file goes, if it was there.
    of_file = draw(st.lists(OF_KIND[file.kind], min_size=1, max_size=4)) if draw(st.integers(0, 7)) else []
    return Step(file, tuple(of_file), draw(st.booleans()))


CLAIM_A, CLAIM_B = (File("one", "2026-03-02", f"claim-{name}") for name in "ab")
DIAGNOSIS_A, DIAGNOSIS_B = (File("one", "2026-03-02", f"diagnosis-{name}") for name in "ab")
PATIENT_A = File("one", "2026-03-02", "patient-a")
EARLY, LATE = TIMES[0], TIMES[5]
OF_ADA = Step(PATIENT_A, (Patient(1, "Ada"),))


def claim(at: datetime, identity: int = 1, patient: int = 1) -> Claim:
    return Claim(identity, patient, "03230", Decimal("0.10"), at)


def amnesia(at: datetime, identity: int = 1, patient: int = 1) -> Diagnosis:
    return Diagnosis(identity, patient, "R41.3", at)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=st.lists(steps(), min_size=1, max_size=9))
# A late patient, a late diagnosis and a late claim; each in every place of the order.
@example([Step(CLAIM_A, (claim(EARLY), claim(LATE, 2))), Step(DIAGNOSIS_A, (amnesia(EARLY),)), OF_ADA])
@example(
    [OF_ADA, Step(DIAGNOSIS_A, (amnesia(EARLY),)), Step(CLAIM_A, (claim(LATE),)), Step(CLAIM_B, (claim(EARLY, 2),))]
)
@example([OF_ADA, Step(CLAIM_A, (claim(EARLY), claim(LATE, 2))), Step(DIAGNOSIS_A, (amnesia(LATE),))])
# An earlier arrival of an id comes later and takes the place: of another window, another patient, another diagnosis.
@example([OF_ADA, Step(DIAGNOSIS_A, (amnesia(EARLY),)), Step(CLAIM_A, (claim(LATE),)), Step(CLAIM_B, (claim(EARLY),))])
@example(
    [
        OF_ADA,
        Step(DIAGNOSIS_A, (amnesia(TIMES[1]),)),
        Step(CLAIM_A, (claim(LATE),)),
        Step(DIAGNOSIS_B, (amnesia(EARLY, patient=2),)),
    ]
)
# A diagnosis is taken back for a later one, then altogether: windows before it lose what they had.
@example(
    [
        OF_ADA,
        Step(CLAIM_A, (claim(EARLY), claim(LATE, 2))),
        Step(DIAGNOSIS_A, (amnesia(EARLY),)),
        Step(DIAGNOSIS_A, (amnesia(LATE),)),
        Step(DIAGNOSIS_A, ()),
    ]
)
# A file is loaded anew with less in it; it goes without a load; the patients go.
@example(
    [
        OF_ADA,
        Step(DIAGNOSIS_A, (amnesia(EARLY),)),
        Step(CLAIM_A, (claim(EARLY), claim(LATE, 2))),
        Step(CLAIM_A, (claim(LATE, 2),)),
        Step(CLAIM_A, ()),
        Step(CLAIM_B, (claim(EARLY),)),
        Step(PATIENT_A, ()),
        Step(DIAGNOSIS_A, ()),
    ]
)
def test_any_order_repetition_and_batching_give_the_same(office: Office, story: list[Step]) -> None:
    office.clear()
    lying: dict[File, tuple[Row, ...]] = {}
    for step in story:
        office.load(step)
        lying[step.file] = step.rows
        if step.relation_exists:
            office.build()
    office.build()
    found = office.marts()
    # Where nothing has come since, nothing changes.
    office.build()
    assert office.marts() == found
    office.build(full_refresh=True)
    assert office.marts() == found
    assert found == expected(lying)


def test_every_order_of_a_day_gives_the_same(office: Office) -> None:
    """Claims, diagnoses and patients of a day, repeats among them, in a dozen of the orders in which they can come."""
    day = [
        OF_ADA,
        Step(File("one", "2026-03-03", "patient-b"), (Patient(2, "Ben"), Patient(1, "Eve"))),
        Step(CLAIM_A, (claim(TIMES[1]), claim(TIMES[2], 2), claim(LATE, 3, patient=2))),
        Step(CLAIM_B, (claim(EARLY, 3), claim(TIMES[4], 1, patient=2), claim(TIMES[2], 4, patient=9))),
        Step(DIAGNOSIS_A, (amnesia(TIMES[3]), Diagnosis(2, 1, "J44.9", EARLY))),
        Step(DIAGNOSIS_B, (amnesia(EARLY, 4, patient=2), Diagnosis(3, 2, "J44.9", LATE))),
    ]
    whole = expected({step.file: step.rows for step in day})
    assert len(whole.revenue) > 2
    for order in itertools.islice(itertools.permutations(day), 0, None, 60):
        office.clear()
        for step in order:
            office.load(step)
            office.build()
        assert office.marts() == whole


def test_a_batch_writes_its_ids_and_their_windows_and_no_other(office: Office) -> None:
    """What a batch costs must not grow with the rows before it: other ids and windows are not written again."""
    office.clear()
    first = Step(CLAIM_A, (claim(EARLY), claim(TIMES[2], 2), claim(LATE, 3)))
    for step in (OF_ADA, Step(DIAGNOSIS_A, (amnesia(EARLY),)), first):
        office.load(step)
    office.build()
    # A repeat, of a claim or a diagnosis, changes no window; a new claim changes its own.
    office.load(Step(DIAGNOSIS_B, (amnesia(LATE),)))
    office.load(Step(CLAIM_B, (claim(TIMES[3]), claim(LATE, 4))))
    office.build()
    of_claim_1 = {(CLAIM_A.raw_path, 1, 1, True), (CLAIM_B.raw_path, 1, 2, True)}
    assert office.written() == ({*of_claim_1, (CLAIM_B.raw_path, 2, 1, True)}, {LATE})
    # An earlier arrival of an id takes the place of the row that stood: two windows change.
    office.load(Step(DIAGNOSIS_B._replace(name="diagnosis-c"), (amnesia(LATE),)))
    claim_c = CLAIM_B._replace(name="claim-c")
    office.load(Step(claim_c, (claim(TIMES[1], 3),)))
    office.build()
    assert office.written() == ({(claim_c.raw_path, 1, 1, True), (CLAIM_A.raw_path, 3, 2, True)}, {EARLY, LATE})
    # A diagnosis changes the windows of its patient's claims from then on.
    office.load(Step(DIAGNOSIS_B._replace(name="diagnosis-d"), (Diagnosis(2, 1, "J44.9", TIMES[2]),)))
    claim_d = CLAIM_B._replace(name="claim-d")
    office.load(Step(claim_d, (claim(LATE),)))
    office.build()
    assert office.written() == ({*of_claim_1, (claim_d.raw_path, 1, 3, True)}, {TIMES[2], LATE})


def test_another_mapping_counts_with_the_next_build(office: Office) -> None:
    """Without a full refresh: who edits the seed sees it in the next build, also in windows long past."""
    office.clear()
    diagnosed = Step(DIAGNOSIS_A, (Diagnosis(1, 1, "J45.998", EARLY), Diagnosis(2, 1, "J44.9", EARLY)))
    for step in (OF_ADA, diagnosed, Step(CLAIM_A, (claim(EARLY),))):
        office.load(step)
    office.build()
    assert [row[1] for row in office.marts().revenue] == ["Asthma"]
    *models, seed = sorted(office.models, key=lambda model: model.relation.endswith("revenue_category"))
    assert seed.relation == "practice.revenue_category"
    office.con.execute(
        "create or replace table practice.revenue_category as select 'R41.3' icd10_code, 'Amnesia' category"
    )
    build(office.con, [model for model in office.models if model in models])
    assert office.marts().revenue == set()
    office.con.execute("insert into practice.revenue_category values ('j45.998', 'Asthma')")
    build(office.con, [model for model in office.models if model in models])
    assert [row[1] for row in office.marts().revenue] == ["Asthma"]


def test_the_filled_series_has_every_window_from_the_first_to_the_last(office: Office) -> None:
    office.clear()
    diagnosed = Step(DIAGNOSIS_A, (amnesia(EARLY), Diagnosis(2, 1, "J44.9", LATE)))
    for step in (OF_ADA, diagnosed, Step(CLAIM_A, (claim(EARLY), claim(LATE, 2)))):
        office.load(step)
    office.build()
    found = rows(office.con, "select * from practice.revenue_10min_gapless")
    revenue = office.marts().revenue
    starts = [EARLY + number * TEN_MINUTES for number in range(5)]
    assert {row[1:3] for row in found} == set(itertools.product(("Amnesia", "Asthma"), starts))
    assert {row for row in found if row[5]} == revenue
    assert all(row[4:] == (0, 0, 0) for row in found if row not in revenue)
