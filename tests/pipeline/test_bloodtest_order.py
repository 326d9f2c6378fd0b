"""The marts of blood tests follow from what was delivered, whatever the order and the company in which it arrived."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from synthetic.files import write_file
from tests.support.bloodtest_files import CLINIC, Expected, Files, at, deliver, expected, lines, load, log, patient
from tests.support.compiled_models import Model, build, compiled
from tests.support.dbt_home import DbtHome
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

NAMES = ("2021-01-01", "2021-02-01", "2021-03-01", "2021-04-01", "2021-05-01")
MARTS = ("bloodtest", "patient", "patient_history", "doctor", "lab", "patient_test_summary", "patient_watchlist")
CONTENT = (
    *("patient_id", "lab_key", "tested_at"),
    *("systolic_mmhg", "diastolic_mmhg", "cholesterol_level", "glucose_level"),
)
AT_MS = 1_609_773_025_075

# Every corner at once. Patient 1 is corrected, and the correction taken back by the very file of before; patient 2
# comes after the test and is left out of a full snapshot; patient 3 comes only in a full snapshot; patient 4 never
# comes. One test lies in three files and twice in one; one came in seconds; labs and doctors change their names.
CORNERS: dict[str, Files] = {
    NAMES[0]: {
        "patient_data/a.json": [patient(1), patient(5, doc_id=2, doc_name="A. Lee")],
        "log_data/a.json": [log(1), log(1), log(2, AT_MS + 1), log(4, AT_MS + 2, lab_id=None)],
    },
    NAMES[1]: {
        "patient_data/a.json": [patient(1, address="2 Geary Blvd", doc_id=2, doc_name="Ann Lee"), patient(2)],
        "log_data/b.json": [log(1), log(3, AT_MS + 3), log(1, AT_MS + 4, ap_hi=185)],
    },
    NAMES[2]: {
        "patient_data/a.json": [patient(1), patient(5, doc_id=2, doc_name="A. Lee")],
        "log_data/c.json": [log(1, AT_MS // 1000 * 1000), log(1, AT_MS // 1000)],
    },
    NAMES[3]: {
        "patient_data/full.json": [patient(1), patient(3, doc_id=None, doc_name=None)],
        "log_data/a.json": [log(1, lab_name="Marin Labs"), log(2, AT_MS + 5, ap_hi=80, ap_lo=120)],
    },
    NAMES[4]: {
        "patient_data/a.json": [patient(2), patient(1, age=33), patient(1, age=34)],
        "log_data/a.json": [log(2, AT_MS + 6, ap_hi=150), log(2, AT_MS + 7, ap_hi=150)],
    },
}
# A full snapshot that is delivered again unchanged is left out: the doctor was first named by the one before.
REPEATED: dict[str, Files] = {name: {"patient_data/full.json": [patient(1)]} for name in NAMES[:2]} | {
    name: {} for name in NAMES[2:]
}


@st.composite
def deliveries(draw: st.DrawFn) -> dict[str, Files]:
    """Five deliveries in a world so small that everything meets everything."""
    patients = st.lists(
        st.builds(
            patient,
            st.integers(1, 3),
            address=st.sampled_from(["here", "there"]),
            doc_id=st.sampled_from([1, 2, None]),
            doc_name=st.sampled_from(["Lee", "A. Lee"]),
        ),
        max_size=3,
    )
    logs = st.lists(
        st.builds(
            log,
            st.integers(1, 3),
            st.sampled_from([AT_MS, AT_MS + 1, AT_MS // 1000]),
            ap_hi=st.sampled_from([120, 190]),
            lab_id=st.sampled_from([1, None]),
            lab_name=st.sampled_from(["Marin", "Marin Labs"]),
        ),
        max_size=3,
    )
    paths = {"patient_data/a.json": patients, "patient_data/full.json": patients, "log_data/a.json": logs}
    paths |= {"log_data/b.json": logs}
    made: dict[str, Files] = {}
    for name in NAMES:
        again = draw(st.sampled_from([None, *made]))
        files = {path: draw(records) for path, records in paths.items() if draw(st.integers(0, 2))}
        # The very files of an earlier delivery, beside others.
        files |= {path: made[again][path] for path in made[again] if draw(st.booleans())} if again else {}
        made[name] = {path: records for path, records in files.items() if records}
    return made


class House:
    """A lake in which deliveries arrive, and a warehouse in memory in which they are loaded and the marts built."""

    lake: Lake
    warehouse: Warehouse

    def __init__(self, path: Path, models: list[Model]) -> None:
        self.lake, self.warehouse, self.models = Lake(path / "lake"), MemoryWarehouse(), models
        self.build(full_refresh=True)

    def arrive(self, name: str, files: Files) -> None:
        deliver(self.lake, name, files)
        load(self.lake, self.warehouse, [Delivery(CLINIC, "bloodtest", name)])

    def reload(self, name: str) -> None:
        load(self.lake, self.warehouse, [Delivery(CLINIC, "bloodtest", name)], reload=True)

    def build(self, *, full_refresh: bool = False) -> None:
        with self.warehouse.write() as con:
            build(con, self.models, full_refresh=full_refresh)

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.warehouse.read() as con:
            result = con.execute(sql)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def mart(self, name: str) -> list[dict[str, Any]]:
        return self.query(f"select * from bloodtest.{name} order by all")

    def marts(self) -> dict[str, list[dict[str, Any]]]:
        return {name: self.mart(name) for name in MARTS}

    def found(self) -> Expected:
        """The marts in the form of what is expected of them."""
        return Expected(
            bloodtest=_unique(
                (
                    tuple(row[column] for column in CONTENT),
                    _only(row, "patient_key", "doctor_key"),
                )
                for row in self.mart("bloodtest")
            ),
            patient=_unique(
                (
                    row["patient_key"],
                    _only(row, "address", "doctor_key", "age_years")
                    | _only(row, "version_count", "first_delivery", "valid_from_delivery"),
                )
                for row in self.mart("patient")
                if row["patient_key"] != "unknown"
            ),
            patient_history=_unique(
                (
                    (row["patient_key"], row["valid_from_delivery"]),
                    _only(row, "address", "doctor_key", "age_years", "version_number", "valid_to_delivery"),
                )
                for row in self.mart("patient_history")
            ),
            doctor=_unique(
                (
                    row["doctor_key"],
                    {"name": row["doctor_name"]} | _only(row, "name_variants", "first_delivery", "patient_count"),
                )
                for row in self.mart("doctor")
                if row["doctor_key"] != "unknown"
            ),
            lab=_unique(
                (row["lab_key"], {"name": row["lab_name"]} | _only(row, "name_variants", "first_delivery"))
                for row in self.mart("lab")
                if row["lab_key"] != "unknown"
            ),
        )


class DbtHouse(House):
    """The same with a warehouse file that dbt builds."""

    def __init__(self, path: Path) -> None:
        self.home = DbtHome(path).prepare()
        self.lake, self.warehouse = Lake(path / "lake"), open_warehouse(self.home.warehouse_path)

    def build(self, *, full_refresh: bool = False) -> None:
        options = ["--full-refresh"] if full_refresh else []
        run = self.home.dbt("build", "-s", "+tag:bloodtest", "--exclude-resource-type", "test", "unit_test", *options)
        assert run.success, (run.statuses, run.exception)


def _only(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    return {column: row[column] for column in columns}


def _unique(rows: Iterator[tuple[Any, dict[str, Any]]]) -> dict[Any, dict[str, Any]]:
    listed = list(rows)
    found = dict(listed)
    assert len(found) == len(listed), "two rows have one key"
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    return compiled(tmp_path_factory.mktemp("compiled"), "+tag:bloodtest")


def appending(models: list[Model]) -> list[Model]:
    """Set the variable `dimension_load` to `append`."""
    comparison = "'replace' = 'replace'"
    assert sum(comparison in model.sql for model in models) == 1
    return [replace(model, sql=model.sql.replace(comparison, "'append' = 'replace'")) for model in models]


@settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking builds hundreds of times: worth it for a person who looks for a cause, not in a suite.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    files=deliveries(),
    order=st.permutations(NAMES),
    built_after=st.lists(st.booleans(), min_size=5, max_size=5),
    reloaded=st.none() | st.sampled_from(NAMES),
    snapshot_drops_absent=st.booleans(),
)
@example(CORNERS, list(reversed(NAMES)), [True, True, False, True, True], NAMES[1], True)
@example(CORNERS, [NAMES[i] for i in (3, 0, 4, 1, 2)], [True, False, True, False, True], NAMES[3], False)
@example(REPEATED, list(NAMES), [False] * 5, None, True)
def test_five_deliveries_make_the_same_marts_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    models: list[Model],
    files: dict[str, Files],
    order: list[str],
    built_after: list[bool],
    reloaded: str | None,
    snapshot_drops_absent: bool,
) -> None:
    """Built as they arrive, some together, one loaded anew in between: as expected, and as a full refresh has it."""
    house = House(tmp_path_factory.mktemp("house"), models if snapshot_drops_absent else appending(models))
    for name, is_built in zip(order, built_after, strict=True):
        house.arrive(name, files[name])
        if is_built:
            house.build()
    if reloaded:
        house.reload(reloaded)
    house.build()
    assert house.found() == expected(files, snapshot_drops_absent=snapshot_drops_absent)
    grown = house.marts()
    house.build(full_refresh=True)
    assert house.marts() == grown


def test_a_file_that_changed_in_its_place_is_read_anew(tmp_path: Path) -> None:
    """One test is gone from its only file, one from the later of two, a patient from the delivery; all tests pass.

    dbt itself builds it: a removed row rebuilds the incremental model, and the snapshot closes versions that are gone.
    """
    house = DbtHouse(tmp_path)
    for name in NAMES:
        house.arrive(name, CORNERS[name])
    house.build()
    changed = CORNERS | {
        NAMES[1]: {"patient_data/a.json": [patient(1, address="3 Geary Blvd")], "log_data/b.json": [log(3, AT_MS + 3)]}
    }
    for path_below, records in changed[NAMES[1]].items():
        path = house.lake.path(f"{Delivery(CLINIC, 'bloodtest', NAMES[1]).path}/{path_below}")
        path.unlink()
        write_file(path, lines(records))
    load(house.lake, house.warehouse)
    house.build()
    assert house.found() == expected(changed)
    assert ("1", "sf_state:1", at(AT_MS + 4), 185, 80, 1, 1) not in house.found().bloodtest
    assert ("1", "sf_state:1", at(AT_MS), 120, 80, 1, 1) in house.found().bloodtest
    grown = house.marts()
    columns = ", ".join(grown["patient_history"][0])
    assert grown["patient_history"] == house.query(
        f"select {columns} from intermediate.patient_history_snapshot where dbt_valid_to is null order by all"
    )
    gone = house.query(
        "select patient_key, dbt_valid_to from intermediate.patient_history_snapshot as known "
        "anti join bloodtest.patient_history using (patient_key, valid_from_delivery)"
    )
    assert [(row["patient_key"], row["dbt_valid_to"] is None) for row in gone] == [("sf_state:2", False)]
    house.build(full_refresh=True)
    assert house.marts() == grown
    run = house.home.dbt("test", "-s", "tag:bloodtest")
    assert run.success, run.named("fail") | run.named("error")


def test_a_reload_replaces_the_rows_of_that_delivery_alone(tmp_path: Path, models: list[Model]) -> None:
    house = House(tmp_path, models)
    for name in NAMES[:3]:
        house.arrive(name, CORNERS[name])
    house.build()
    before = {entity: load_ids(house, entity) for entity in ("patient", "log")}
    marts = house.found()
    house.reload(NAMES[1])
    for entity, loaded in before.items():
        after = load_ids(house, entity)
        assert after.pop(NAMES[1]) > max(loaded.values())
        loaded.pop(NAMES[1])
        assert after == loaded
    house.build()
    assert house.found() == marts


def load_ids(house: House, entity: str) -> dict[str, int]:
    """The newest load of each delivery's rows."""
    rows = house.query(f"select delivery, max(_load_id) as load_id from raw.bloodtest_{entity} group by delivery")
    return {row["delivery"]: row["load_id"] for row in rows}
