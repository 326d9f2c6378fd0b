"""What offices deliver: good days load whole, bad input is refused with its reason, nobody's name is published."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.contract.entity import entities_of
from orchestration.lib.ingest.bulk import BULK_BYTES
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from synthetic import practice
from synthetic.files import write_file
from tests.pipeline.conftest import Built
from tests.support.ecg_files import Clinic, statuses

MISSING = "is missing: expected"
# The reason of each generated case, from its beginning on.
REASONS = {
    "claim-cut-off.ndjson": "line 1: it is not a valid JSON object: ",
    "claim-not-utf8.ndjson": "line 1: it is not valid UTF-8",
    "claim-nul.ndjson": "line 1: code is '032\\x0030': expected a claim code of five digits as text, such as 03230",
    "claim-array.ndjson": "line 1: it is not a JSON object",
    "claim-empty.ndjson": "it is empty: expected JSON objects",
    "claim-refused-by-the-listener.ndjson": "line 1: the frame ends after 4 of 56 bytes",
    "claim-id-missing.ndjson": f"line 1: id {MISSING} a whole number of up to 64 bits",
    "claim-id-beyond-64-bits.ndjson": "line 1: id is '9223372036854775808': expected a whole number of up to 64 bits",
    "claim-id-fraction.ndjson": "line 1: id is '1.5': expected a whole number",
    "claim-patient-text.ndjson": "line 1: patient_id is 'seven': expected a whole number",
    "claim-code-number.ndjson": "line 1: code is '3230': expected a claim code of five digits as text",
    "claim-price-missing.ndjson": f"line 1: price {MISSING} an amount in euros of 0 or more, with up to two decimals",
    "claim-price-negative.ndjson": "line 1: price is '-3': expected an amount in euros of 0 or more",
    "claim-price-1e400.ndjson": "line 1: price is '1e400': expected an amount",
    "claim-price-three-decimals.ndjson": "line 1: price is '3.005': expected an amount",
    "claim-received-at-missing.ndjson": f"line 1: received_at {MISSING} a UTC time such as",
    "claim-received-at-of-another-zone.ndjson": "line 1: received_at is '2026-03-04T01:00:00+01:00': expected a UTC",
    "claim-received-in-the-future.ndjson": "line 1: received_at is '2999-03-04T00:00:00Z': expected a UTC time",
    "diagnosis-code-missing.ndjson": f"line 1: icd10_code {MISSING} an ICD-10 code such as R41.3",
    "diagnosis-code-in-words.ndjson": "line 1: icd10_code is 'asthma': expected an ICD-10 code",
    "diagnosis-code-object.ndjson": 'line 1: icd10_code is \'{"code":"J44.9"}\': expected an ICD-10 code',
    "patient-without-id.csv": "line 1: its header line has no id: expected id, phone_number, first_name, last_name",
    "patient-short-row.csv": "line 2: it has 2 values: expected 4, one for each name of the header line",
    "patient-id-text.csv": "line 2: id is 'seven': expected a whole number",
    "patients.xlsx": "its place and name are not those of a practice file: expected claim-<any>.ndjson or diagnosis-",
}


def load(lake: Lake, warehouse: Warehouse) -> list[str]:
    """Load all three kinds; gives the problems."""
    reports = [
        crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0)
        for entity in entities_of(ENTITIES, "practice")
    ]
    return [problem for report in reports for problem in report.problems]


def ask(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.read() as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[str]]:
    """The generated bad inputs, loaded, and what the loader said."""
    folder = tmp_path_factory.mktemp("bad")
    lake, warehouse = Lake(folder / "lake"), open_warehouse(folder / "warehouse.duckdb")
    practice.write_bad_inputs(lake.root / "incoming")
    return warehouse, load(lake, warehouse)


@pytest.mark.parametrize("case", practice.BAD_INPUTS)
def test_bad_input_is_refused_with_its_reason(bad: tuple[Warehouse, list[str]], case: str) -> None:
    warehouse, problems = bad
    ((status, reason),) = ask(warehouse, f"select status, reason from catalog.file where path_below = '{case}'")
    assert status == "rejected"
    assert reason.startswith(REASONS[case])
    assert [problem for problem in problems if f"/{case}:" in problem]


def test_every_generated_case_is_expected_here() -> None:
    assert REASONS.keys() == practice.BAD_INPUTS.keys()


def line(**changes: object) -> str:
    record = {"received_at": "2026-03-04T00:00:00.5Z", "id": 1, "patient_id": 1, "code": "03230", "price": 3}
    return json.dumps(record | changes)


@pytest.mark.parametrize("size", ["small", "large"])
def test_one_bad_line_costs_its_file_nothing_else(lake: Lake, warehouse: Warehouse, size: str) -> None:
    """In either gear of the reader: also in a file that DuckDB reads at once."""
    office = Clinic(lake, measurement="practice")
    count = 3 if size == "small" else BULK_BYTES // 80
    lines = [line(id=number) for number in range(count)]
    lines[1] = line(id=1, price=-1)
    lines[2] = json.dumps({"_received_at": "2026-03-04T00:00:00Z", "_refused": "it is no frame", "_text": '{"id": 9}'})
    office.put("2026-03-04", "claim-1.ndjson", "\n".join(lines).encode())
    assert len(load(lake, warehouse)) == 2
    assert ask(warehouse, "select count(*), min(id), max(id) from raw.practice_claim") == [
        (count - 2, 0, count - 1 if count > 3 else 0)
    ]
    assert ask(warehouse, "select line_number, reason, raw_text from catalog.rejected_row order by all") == [
        (2, "price is '-1': expected an amount in euros of 0 or more, with up to two decimals", lines[1]),
        (3, "it is no frame", '{"id": 9}'),
    ]


@pytest.mark.parametrize(
    ("price", "kept"),
    [("3", "3.00"), ("3.10", "3.10"), ("0.1", "0.10"), ("1e2", "100.00"), ("9999999999.99", "9999999999.99")],
)
def test_prices_are_exact(lake: Lake, warehouse: Warehouse, price: str, kept: str) -> None:
    office = Clinic(lake, measurement="practice")
    office.put("2026-03-04", "claim-1.ndjson", line().replace('"price": 3', f'"price": {price}').encode())
    assert load(lake, warehouse) == []
    assert [str(found) for (found,) in ask(warehouse, "select price from raw.practice_claim")] == [kept]


def test_a_delivery_that_grows_is_loaded_as_it_grows(lake: Lake, warehouse: Warehouse) -> None:
    """As a listener lets it: file after file, with another always being written."""
    office = Clinic(lake, measurement="practice")
    for number in range(4):
        office.put("2026-03-04", f"claim-{number}.ndjson", line(id=number).encode())
        unfinished = office.path("2026-03-04", f"claim-{number + 1}.ndjson.part")
        unfinished.write_text(line(id=number + 1)[:20])
        assert load(lake, warehouse) == []
        assert ask(warehouse, "select count(*), max(id) from raw.practice_claim") == [(number + 1, number)]
        assert set(statuses(warehouse).values()) == {"loaded"}
        unfinished.unlink()


def test_a_list_of_patients_that_comes_again_is_a_duplicate(lake: Lake, warehouse: Warehouse) -> None:
    office = Clinic(lake, measurement="practice")
    for delivery in ("2026-03-04", "2026-03-05"):
        office.put(delivery, "patient.csv", practice.patient_file(1, 10))
    assert load(lake, warehouse) == []
    assert ask(warehouse, "select count(*) from raw.practice_patient") == [(10,)]
    assert sorted(statuses(warehouse).values()) == ["duplicate", "loaded"]


def test_sample_days_are_repeatable_and_the_smaller_the_beginning_of_the_larger(tmp_path: Path) -> None:
    for name, scale in (("one", 0.01), ("again", 0.01), ("more", 0.02)):
        practice.write_deliveries(tmp_path / name, scale=scale)
    files = {
        name: {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*") if path.is_file()}
        for name in ("one", "again", "more")
    }
    assert files["one"] == files["again"]
    assert all(files["more"][name].startswith(content) for name, content in files["one"].items())


def test_messages_are_as_the_office_sends_them() -> None:
    claims = [json.loads(stream.draw()) for stream in [practice.Stream("claim", 1)] for _ in range(20_000)]
    repeated = len(claims) - len({claim["id"] for claim in claims})
    assert 0.09 < repeated / len(claims) < 0.11
    assert {claim["patient_id"] for claim in claims} == set(range(1001))
    assert {(claim["code"], claim["price"]) for claim in claims} == set(practice.PRICES.items())
    diagnoses = [json.loads(stream.draw()) for stream in [practice.Stream("diagnosis", 1)] for _ in range(1000)]
    assert {diagnosis["icd10_code"] for diagnosis in diagnoses} == set(practice.ICD10_CODES)


@pytest.mark.slow
@pytest.mark.slow
def test_a_build_publishes_revenue_and_no_name(fresh: Built) -> None:
    practice.write_deliveries(fresh.home.lake_path / "incoming", scale=0.02)
    report = fresh.build(measurement="practice")
    assert report.is_good, report.failures + report.rejected
    with duckdb.connect(str(fresh.home.published_path), read_only=True) as con:
        columns = {name for (name,) in con.execute("select column_name from duckdb_columns()").fetchall()}
        assert not {"phone_number", "first_name", "last_name"} & columns
        assert con.execute("select count(*) from practice.patient").fetchone() == (1000,)
        revenue = con.execute("select sum(revenue_eur) from practice.revenue_10min").fetchone()
        filled = con.execute("select sum(revenue_eur) from practice.revenue_10min_gapless").fetchone()
        assert revenue == filled
        assert revenue is not None
        assert revenue[0] > 0
    # What comes later changes the window that it belongs to.
    day = fresh.home.lake_path / "incoming/clinic=family_practice/measurement=practice/2026-03-04"
    write_file(day / "claim-late.ndjson", line(id=10**6, price=1000, received_at="2026-03-02T00:15:00Z").encode())
    write_file(
        day / "diagnosis-late.ndjson",
        b'{"received_at": "2026-03-02T00:14:00Z", "id": 1000000, "patient_id": 1, "icd10_code": "r41.3"}',
    )
    assert fresh.build(measurement="practice").is_good
    with duckdb.connect(str(fresh.home.published_path), read_only=True) as con:
        found = con.execute(
            "select revenue_eur > 1000, load_id from practice.revenue_10min"
            " where category = 'Amnesia' and window_start_at = '2026-03-02 00:10:00'"
        ).fetchall()
        loads = con.execute("select max(load_id) from catalog.load").fetchone()
    assert loads is not None
    assert found == [(True, loads[0])]


def test_the_reasons_are_said_in_one_line_each(bad: tuple[Warehouse, list[str]]) -> None:
    assert all(len(problem.splitlines()) == 1 for problem in bad[1])
    assert all(re.match(r"incoming/clinic=family_practice/measurement=practice/", problem) for problem in bad[1])
