"""Blood tests from the generator through the whole pipeline: all is found, nothing leaks, bad input is refused."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from orchestration.cli.commands import main
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY
from orchestration.lib.lake.delivery import Delivery
from synthetic.bloodtest import BAD_INPUTS, DELIVERIES, expected_counts, write_bad_inputs, write_deliveries
from tests.pipeline.conftest import Built
from tests.pipeline.test_bloodtest_order import MARTS, DbtHouse
from tests.support.bloodtest_files import CLINIC, load

SCALE = 0.02
RAW = [dg.AssetKey(["raw", f"bloodtest_{entity}"]) for entity in ("patient", "log")]
EXPECTED = expected_counts(SCALE)
# For each case of `BAD_INPUTS`: the line, the text that it holds, and the reason.
REFUSED: dict[str, tuple[int, str, str]] = {
    "line_is_no_json": (4, r".+", r"it is not a (valid )?JSON object.*"),
    "patient_id_missing": (4, r'\{"ap_hi": .*', r"patient_id is missing: expected an id without a colon"),
    "date_missing": (4, r'\{"ap_hi": .*', r"date is missing: expected epoch time in milliseconds or seconds, .*"),
    "text_for_a_number": (
        4,
        r'.*"ap_hi": "high".*',
        r"ap_hi is 'high': expected a systolic pressure in whole mmHg",
    ),
    "text_for_a_number_in_a_patient": (4, r'.*"height": "tall".*', r"height is 'tall': expected a height in cm"),
    "date_in_microseconds": (
        4,
        r'.*"date": 1000000000000000.*',
        r"date is '1000000000000000': expected epoch time in milliseconds or seconds, from 1980 to today",
    ),
    "last_object_truncated": (6, r'\{"ap_hi": .*', r"it is not a valid JSON object: .* \(the file ends within it\)"),
    "array_truncated": (7, r'\{"ap_hi": .*', r"it is not a valid JSON object: .* \(the file ends within it\)"),
}


def vitalhouse(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={ENVIRONMENT_VARIABLE: str(path), "COLUMNS": "300"})


# -- the sample deliveries, built as they arrive ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[DbtHouse, list[int]]:
    """The generator's five deliveries, built one after the other; and the tests without patient after each."""
    house = DbtHouse(tmp_path_factory.mktemp("grown"))
    write_deliveries(house.lake.root / "incoming", scale=SCALE)
    waiting = []
    for name in DELIVERIES:
        load(house.lake, house.warehouse, [Delivery(CLINIC, "bloodtest", name)])
        house.build()
        waiting += house.home.query("select count(*) from bloodtest.bloodtest where patient_key = 'unknown'")[0]
    return house, waiting


def counted(house: DbtHouse, relation: str, condition: str = "true") -> int:
    return int(house.home.query(f"select count(*) from bloodtest.{relation} where {condition}")[0][0])


def test_every_test_is_found_once(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    assert house.home.query("select count(*) from raw.bloodtest_log") == [(EXPECTED.log_records,)]
    assert counted(house, "bloodtest") == EXPECTED.tests


def test_a_test_waits_for_its_patient_in_sight(grown: tuple[DbtHouse, list[int]]) -> None:
    """It stands there with the unknown patient, and has its own as soon as the patient comes."""
    _, waiting = grown
    assert waiting == [delivery.tests_without_patient for delivery in EXPECTED.deliveries]
    assert any(waiting)


def test_dimensions_have_one_row_a_member(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    for relation, count in {"patient": EXPECTED.patients, "doctor": EXPECTED.doctors, "lab": EXPECTED.labs}.items():
        assert counted(house, relation, f"{relation}_key != 'unknown'") == count
        assert counted(house, relation, f"{relation}_key = 'unknown'") == 1


def test_every_version_of_a_patient_is_kept(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    assert counted(house, "patient_history") == EXPECTED.patient_versions
    assert counted(house, "patient_history", "is_current") == EXPECTED.patients


def test_disagreement_about_a_name_is_in_sight(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    assert counted(house, "doctor", "len(name_variants) > 1") == EXPECTED.doctors_with_name_variants
    assert counted(house, "lab", "len(name_variants) > 1") == EXPECTED.labs_with_name_variants


def test_what_cannot_be_is_flagged(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    for condition, count in {
        "systolic_mmhg < diastolic_mmhg": EXPECTED.systolic_below_diastolic,
        "diastolic_mmhg > 200": EXPECTED.diastolic_over_200,
        "systolic_mmhg > 260": EXPECTED.systolic_over_250,
        "least(systolic_mmhg, diastolic_mmhg) < 0": EXPECTED.negative_pressure,
    }.items():
        assert counted(house, "bloodtest", condition) == count, condition
        assert counted(house, "bloodtest", f"{condition} and is_plausible") == 0, condition
    weights = counted(house, "patient", "implausible_reason like '%weight%'")
    assert weights == EXPECTED.implausible_weights


def test_the_snapshot_remembers_what_was_known(grown: tuple[DbtHouse, list[int]]) -> None:
    """A patient's first version was open until the second came; the mart shows what is known now."""
    house, _ = grown
    rows = house.home.query(
        """
        select first_known.valid_to_delivery is null, known.valid_to_delivery = later.valid_from_delivery
        from bloodtest.patient_history as later
        inner join bloodtest.patient_history as known using (patient_key)
        inner join intermediate.patient_history_snapshot as first_known
            on first_known.patient_key = later.patient_key and first_known.version_number = 1
                and first_known.dbt_valid_to is not null
        where later.version_number = 2 and known.version_number = 1
        """
    )
    assert rows
    assert set(rows) == {(True, True)}


def test_all_that_is_promised_of_the_sample_holds(grown: tuple[DbtHouse, list[int]]) -> None:
    house, _ = grown
    run = house.home.dbt("test", "-s", "tag:bloodtest", "--indirect-selection", "eager")
    assert run.success, run.named("fail") | run.named("error")
    assert {"assert_quality_expectations_hold", "unique_bloodtest_test_key"} <= run.statuses.keys()


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refused(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Result]:
    """A home with the sample and the delivery of bad inputs, built as a user builds it."""
    path = tmp_path_factory.mktemp("refused")
    shutil.copytree(environment / "dbt", path / "dbt")
    made = Built(path)
    write_deliveries(made.home.lake_path / "incoming", scale=SCALE)
    write_bad_inputs(made.home.lake_path / "incoming")
    return made, vitalhouse(path, "build", "--measurement", "bloodtest")


def raw_path(case: str) -> str:
    return f"incoming/clinic={CLINIC}/measurement=bloodtest/2024-02-01-bad-input/{BAD_INPUTS[case].folder}/{case}.json"


def test_every_case_is_expected_here() -> None:
    assert REFUSED.keys() | {"file_empty", "file_is_not_json"} == BAD_INPUTS.keys()


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_record_is_refused_with_file_line_text_and_reason(refused: tuple[Built, Result], case: str) -> None:
    made, built = refused
    with duckdb.connect(str(made.home.warehouse_path), read_only=True) as con:
        ((line, text, reason),) = con.execute(
            "select line_number, raw_text, reason from catalog.rejected_row where raw_path = ?", [raw_path(case)]
        ).fetchall()
        loaded = con.execute(
            "select status, row_count, rejected_count from catalog.file where raw_path = ?", [raw_path(case)]
        ).fetchall()
    expected_line, expected_text, expected_reason = REFUSED[case]
    assert line == expected_line
    assert re.fullmatch(expected_text, text)
    assert re.fullmatch(expected_reason, reason)
    assert loaded == [("loaded", BAD_INPUTS[case].loaded_count, BAD_INPUTS[case].rejected_count)]
    assert f"{raw_path(case)}, line {expected_line}: " in built.output


def test_a_file_without_records_is_refused_as_a_whole(refused: tuple[Built, Result]) -> None:
    made, _ = refused
    with duckdb.connect(str(made.home.warehouse_path), read_only=True) as con:
        found = dict(
            con.execute("select raw_path, status from catalog.file where entity = 'log' and row_count = 0").fetchall()
        )
    assert found[raw_path("file_empty")] == "rejected"
    assert found[raw_path("file_is_not_json")] == "rejected"


def test_everything_else_is_loaded_and_published(
    refused: tuple[Built, Result], published: duckdb.DuckDBPyConnection
) -> None:
    _, built = refused
    assert built.exit_code == 1
    summary, _, rejected = built.output.partition("rejected in this build (")
    assert re.search(r"^bloodtest\.bloodtest +[\d,]+ +new *$", summary, re.MULTILINE)
    assert not re.search(r"^bloodtest\.|^published ", rejected, re.MULTILINE), "what was rejected is not named last"
    good = sum(bad.loaded_count for bad in BAD_INPUTS.values() if bad.folder == "log_data")
    assert counted_in(published, "bloodtest.bloodtest") == EXPECTED.tests + good


def test_the_command_says_what_was_refused(refused: tuple[Built, Result]) -> None:
    made, built = refused
    shown = vitalhouse(made.home.path, "status").output
    for reason in ("patient_id is missing", "date is missing", "it is empty: expected JSON objects"):
        assert reason in built.output
        assert reason in shown


# -- what is published ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(refused: tuple[Built, Result]) -> Iterator[duckdb.DuckDBPyConnection]:
    made, _ = refused
    with duckdb.connect(str(made.home.published_path), read_only=True) as con:
        yield con


def test_nothing_personal_is_published(published: duckdb.DuckDBPyConnection, refused: tuple[Built, Result]) -> None:
    """Neither a column nor, in any text of any table, a value."""
    made, _ = refused
    with duckdb.connect(str(made.home.warehouse_path), read_only=True) as con:
        ((first, last, address),) = con.execute(
            "select first_name, last_name, address from raw.bloodtest_patient limit 1"
        ).fetchall()
    columns = {name for (name,) in published.execute("select distinct column_name from duckdb_columns()").fetchall()}
    assert not {"first_name", "last_name", "address", "doctor_name"} & columns
    tables = published.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    for (table,) in tables:
        found = published.execute(
            f"select count(*) from {table} as it where it::varchar like ? or it::varchar like ?",
            [f"%{address}%", f"%{first} {last}%"],
        ).fetchall()
        assert found == [(0,)], table
    assert ("bloodtest.patient",) in tables


def test_the_questions_of_the_readme_are_answered(published: duckdb.DuckDBPyConnection) -> None:
    def answer(name: str) -> list[dict[str, Any]]:
        found = published.execute((REPOSITORY / f"dbt_project/analyses/bloodtest/{name}.sql").read_text())
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    months = answer("tests_by_lab_and_month")
    assert sum(row["test_count"] for row in months) == counted_in(published, "bloodtest.bloodtest")
    bands = answer("systolic_by_age_and_sex")
    assert {row["sex"] for row in bands} == {"female", "male"}
    assert all(80 < row["mean_systolic_mmhg"] < 180 for row in bands)
    assert sum(row["test_count"] for row in bands) == counted_in(
        published, "bloodtest.bloodtest where is_plausible and patient_key != 'unknown'"
    )
    doctors = answer("busiest_doctors")
    assert len(doctors) == 10
    assert [row["patient_count"] for row in doctors] == sorted((row["patient_count"] for row in doctors), reverse=True)


def counted_in(con: duckdb.DuckDBPyConnection, what: str) -> int:
    row = con.execute(f"select count(*) from {what}").fetchone()
    assert row is not None
    return int(row[0])


# -- what Dagster shows -----------------------------------------------------------------------------------------------


def test_each_test_of_the_marts_is_an_evaluated_check(refused: tuple[Built, Result]) -> None:
    made, _ = refused
    graph = made.definitions.resolve_asset_graph()
    keys = {key for key in graph.asset_check_keys if graph.get(key.asset_key).group_name == "bloodtest"}
    assert len(keys) > 30
    instance = dg.DagsterInstance.from_config(str(made.home.dagster_home))
    (run,) = instance.get_runs(dg.RunsFilter(job_name="bloodtest"))
    evaluated = {
        event.dagster_event.asset_check_evaluation_data.asset_check_key
        for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if event.dagster_event is not None
    }
    assert keys <= evaluated


def test_each_delivery_is_a_partition_of_both_raw_assets(refused: tuple[Built, Result]) -> None:
    made, _ = refused
    instance = dg.DagsterInstance.from_config(str(made.home.dagster_home))
    deliveries = {f"{CLINIC}/{name}" for name in (*DELIVERIES, "2024-02-01-bad-input")}
    for entity in ("patient", "log"):
        assert instance.get_materialized_partitions(dg.AssetKey(["raw", f"bloodtest_{entity}"])) == deliveries


# -- loading again ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_delivery_that_is_loaded_again_replaces_its_own_rows(
    refused: tuple[Built, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Dagster's UI and from the terminal: its rows are read anew, no other's are, and the marts stay the same."""
    made, _ = refused
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(made.home.path))
    before, marts = loads(made), content(made)
    with dg.DagsterInstance.from_config(str(made.home.dagster_home)) as instance:
        done = made.definitions.resolve_job_def("bloodtest").execute_in_process(
            instance=instance,
            partition_key=f"{CLINIC}/{DELIVERIES[1]}",
            asset_selection=RAW,
            run_config={"ops": {"__".join(key.path): {"config": {"reload": True}} for key in RAW}},
        )
        assert done.success
    arguments = ["--measurement", "bloodtest", "--delivery", DELIVERIES[3], "--reload"]
    built = vitalhouse(made.home.path, "build", *arguments)
    assert built.exit_code == 0, built.output
    after = loads(made)
    assert after.keys() == before.keys()
    for (entity, delivery), load_id in after.items():
        assert (load_id > max(before.values())) == (delivery in (DELIVERIES[1], DELIVERIES[3])), (entity, delivery)
    assert content(made) == marts


def loads(made: Built) -> dict[tuple[str, str], int]:
    """The load that the rows of each kind of file and delivery came with."""
    with duckdb.connect(str(made.home.warehouse_path), read_only=True) as con:
        return {
            (entity, delivery): load_id
            for entity in ("patient", "log")
            for delivery, load_id in con.execute(
                f"select delivery, max(_load_id) from raw.bloodtest_{entity} group by all"
            ).fetchall()
        }


def content(made: Built) -> dict[str, list[Any]]:
    """The published marts, but for the loads and files that their rows came with.

    Of several files that hold a test, the one that was loaded first stands for it: after a reload it may be another.
    """
    with duckdb.connect(str(made.home.published_path), read_only=True) as con:
        return {
            mart: con.execute(
                f"select columns(c -> c not like '%load_id' and c != 'loaded_raw_path') "
                f"from bloodtest.{mart} order by all"
            ).fetchall()
            for mart in MARTS
        }
