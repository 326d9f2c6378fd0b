"""When dbt rebuilds an incremental model from scratch: the macro `should_full_refresh`, seen through `dbt run`."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt_home import DbtHome, parsed_project

MODELS = ("int_practice_claim__deduplicated", "int_practice_diagnosis__deduplicated", "int_practice_revenue__by_window")
CLAIM, DIAGNOSIS, REVENUE = (f"intermediate.{model}" for model in MODELS)
NOON = datetime(2026, 3, 2, 12)


def arrive(
    home: DbtHome, load_id: int, kind: str, *, measurement: str = "practice", removed: int = 0, **row: Any
) -> None:
    """Write a load into the catalog, and its file with one row if a row is given."""
    home.insert(
        "catalog.load",
        [{"load_id": load_id, "measurement": measurement, "entity": kind, "removed_row_count": removed}],
    )
    if row:
        raw_path = f"{kind}-{load_id}"
        # a list of patients needs its file for the time of its first delivery
        home.insert(
            "catalog.file",
            [
                {
                    **{"raw_path": raw_path, "clinic": "one", "measurement": "practice", "delivery": "2026-03-02"},
                    **{"entity": kind, "path_below": raw_path, "content_hash": raw_path, "load_id": load_id},
                    **{"row_count": 1, "status": "loaded"},
                }
            ],
        )
        origin = {"clinic": "one", "_raw_path": raw_path, "_row_number": 1, "_load_id": load_id}
        home.insert(f"raw.practice_{kind}", [origin | row])


def run(home: DbtHome) -> set[str]:
    """Run the models; gives those that were built from scratch: a row that marks each table is gone from these."""
    # each table by its own mark: a model built from scratch reads the marks of its parents
    for table in (CLAIM, DIAGNOSIS, REVENUE):
        home.query(f"insert into {table} by name select * replace ('{table}' as clinic) from {table} limit 1")
    outcome = home.dbt("run", "--select", *MODELS)
    assert outcome.success, outcome.exception
    tables = {CLAIM, DIAGNOSIS, REVENUE}
    rebuilt = {table for table in tables if not home.query(f"from {table} where clinic = '{table}'")}
    for table in tables:
        home.query(f"delete from {table} where starts_with(clinic, 'intermediate.')")
    return rebuilt


def revenue(home: DbtHome) -> list[tuple[Any, ...]]:
    return home.query(f"select category, claim_count from {REVENUE} order by all")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtHome:
    """A home in which one patient with amnesia had one claim."""
    home = DbtHome(tmp_path_factory.mktemp("built")).prepare()
    arrive(home, 1, "patient", id=1)
    arrive(home, 2, "diagnosis", id=1, patient_id=1, icd10_code="R41.3", received_at=NOON)
    arrive(home, 3, "claim", id=1, patient_id=1, code="03230", price=5, received_at=NOON)
    selected = ("--select", f"+{MODELS[-1]}", "--exclude-resource-type", "test", "unit_test")
    assert home.dbt("build", *selected).success
    assert revenue(home) == [("Amnesia", 1)]
    return home


@pytest.fixture
def office(built: DbtHome, tmp_path: Path) -> DbtHome:
    shutil.copytree(built.path, tmp_path, dirs_exist_ok=True)
    return DbtHome(tmp_path)


def test_nothing_new_and_new_rows_are_an_increment(office: DbtHome) -> None:
    assert run(office) == set()
    assert revenue(office) == [("Amnesia", 1)]
    arrive(office, 4, "claim", id=2, patient_id=1, code="03230", price=5, received_at=NOON)
    assert run(office) == set()
    assert revenue(office) == [("Amnesia", 2)]


def test_a_load_that_only_removed_rows_is_one_rebuild(office: DbtHome) -> None:
    office.query("delete from raw.practice_claim")
    arrive(office, 4, "claim", id=2, patient_id=2, code="03230", price=5, received_at=NOON, removed=1)
    assert run(office) == {CLAIM, DIAGNOSIS, REVENUE}
    assert revenue(office) == [(None, 1)]
    assert run(office) == set()


def test_rows_that_another_source_removed_are_no_rebuild(office: DbtHome) -> None:
    arrive(office, 4, "run_header", measurement="ecg", removed=1)
    assert run(office) == set()


def test_a_changed_seed_rebuilds_what_is_made_from_it(office: DbtHome) -> None:
    office.query("update practice.revenue_category set category = 'Memory' where category = 'Amnesia'")
    assert run(office) == {REVENUE}
    assert revenue(office) == [("Memory", 1)]
    assert run(office) == set()


@pytest.mark.parametrize(
    "change", ["update {} set rule_hash = 'another'", "alter table {} drop column rule_hash"], ids=["changed", "older"]
)
def test_a_table_of_another_rule_is_rebuilt(office: DbtHome, change: str) -> None:
    office.query(change.format(CLAIM))
    assert run(office) == {CLAIM}
    assert run(office) == set()


@pytest.mark.parametrize(
    ("macro", "expected"),
    [("duckdb__time_bucket_minutes", {CLAIM, DIAGNOSIS, REVENUE}), ("duckdb__window_starts", set())],
    ids=["used", "unused"],
)
def test_a_changed_macro_rebuilds_the_models_that_use_it(
    office: DbtHome, monkeypatch: pytest.MonkeyPatch, macro: str, expected: set[str]
) -> None:
    """The first macro is called by another macro, and by the revenue's parents alone."""
    parsed = parsed_project().macros[f"macro.vitalhouse.{macro}"]
    monkeypatch.setattr(parsed, "macro_sql", parsed.macro_sql.replace("%}", "%}{# changed #}", 1))
    assert run(office) == expected
    assert run(office) == set()
