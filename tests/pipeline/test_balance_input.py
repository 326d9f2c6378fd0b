"""What a maker of balance trainers may deliver: every shape is read, and what cannot be is refused with its text."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from synthetic.balance import BAD_INPUTS, write_bad_inputs
from tests.support.balance_files import CLINIC, START_MS, customer, lines, load, phone, put_file, steps

# For each generated case, the good rows of its file and the reason of the one that was refused.
OUTCOMES: dict[str, tuple[int, str | None]] = {
    "customer_cut_off": (2, "it is not a valid JSON object: "),
    "customer_run_together_cut_off": (2, "it is not a valid JSON object: "),
    "customer_without_email": (2, "email is missing: expected an email address"),
    "customer_email_is_none": (2, "email is 'nobody': expected an email address"),
    "customer_without_serial_number": (2, "serialNumber is missing: expected a device's serial number"),
    "customer_without_last_update": (2, "lastUpdateDate is missing: expected a time in milliseconds"),
    "customer_last_update_in_seconds": (2, "lastUpdateDate is '16"),
    "customer_consent_unreadable": (3, None),
    "accelerometer_cut_off": (2, "it is not a valid JSON object: "),
    "accelerometer_without_user": (2, "email is missing: expected an email address"),
    "accelerometer_text": (2, "x is 'left': expected an acceleration"),
    "accelerometer_not_json": (0, "it is not a JSON object"),
    "step_trainer_empty": (0, None),
    "step_trainer_negative": (2, "distanceFromObject is '-1': expected a distance in cm of 0 or more"),
    "step_trainer_in_microseconds": (2, "sensorReadingTime is '165"),
}


class Loaded:
    def __init__(self, folder: Path) -> None:
        self.lake, self.warehouse = Lake(folder / "lake"), open_warehouse(folder / "warehouse.duckdb")

    def put(self, path_below: str, content: bytes) -> None:
        put_file(self.lake.root / f"incoming/clinic={CLINIC}/measurement=balance/2022-01/{path_below}", content)

    def load(self) -> None:
        self.problems = [problem for report in load(self.lake, self.warehouse) for problem in report.problems]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    loaded = Loaded(tmp_path_factory.mktemp("generated"))
    write_bad_inputs(loaded.lake.root / "incoming")
    loaded.load()
    return loaded


def test_every_generated_case_is_expected_here() -> None:
    assert OUTCOMES.keys() == BAD_INPUTS.keys()


@pytest.mark.parametrize("case", OUTCOMES)
def test_generated_case(generated: Loaded, case: str) -> None:
    good, reason = OUTCOMES[case]
    ((status, count),) = generated.query(
        f"select status, row_count from catalog.file where path_below like '%/{case}.json'"
    )
    assert (status, count) == ("loaded" if good else "rejected", good)
    refused = generated.query(f"select reason, raw_text from catalog.rejected_row where raw_path like '%/{case}.json'")
    if reason is None:
        assert refused == []
    else:
        ((found, raw_text),) = refused
        assert found.startswith(reason)
        assert raw_text
        assert [line for line in generated.problems if f"/{case}.json:" in line]


def test_what_is_cut_off_is_kept_with_its_text(generated: Loaded) -> None:
    for shape in ("", "run_together_"):
        ((line, raw_text, reason),) = generated.query(
            "select line_number, raw_text, reason from catalog.rejected_row "
            f"where raw_path like '%/customer_{shape}cut_off.json'"
        )
        assert raw_text.startswith('{"customerName": ')
        assert "the file ends within it" in reason
        assert line == (1 if shape else 3)


def test_older_files_say_the_same(tmp_path: Path) -> None:
    """Aliases, decimals, nulls, numbers for text, other white space: equal rows but for where they came from."""
    loaded = Loaded(tmp_path)
    record = customer("jo@test.com", "s-jo", 1, 1)
    older = record | {
        "phone": 8015551212,
        "shareWithResearchAsOfDate": float(record["shareWithResearchAsOfDate"]),
        "shareWithPublicAsOfDate": None,
    }
    loaded.put("customer/new.json", lines([record]))
    loaded.put("customer/old.json", lines([older]).replace(b"\n", b",\n"))
    reading = phone("jo@test.com", 3)[0]
    loaded.put("accelerometer/new.json", lines([reading, reading]))
    loaded.put(
        "accelerometer/old.json", lines([{"timeStamp": reading["timestamp"]} | reading]).replace(b'"timestamp"', b'"t"')
    )
    loaded.put("step_trainer/new.json", lines(steps("s-jo", 3, 4)).replace(b"\n", b""))
    loaded.load()
    assert loaded.problems == []
    rows = loaded.query("select * exclude (shareWithResearchAsOfDate, _raw_path, _loaded_at) from raw.balance_customer")
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert loaded.query("select distinct email, timestamp, x from raw.balance_accelerometer") == [
        ("jo@test.com", START_MS + 180_000, 0.5)
    ]
    assert loaded.query("select count(*), min(distanceFromObject) from raw.balance_step_trainer") == [(2, 200.0)]


def test_only_who_and_when_can_refuse_a_customers_record(tmp_path: Path) -> None:
    """A record that is refused may be a withdrawal: nothing but its owner and its time must be readable."""
    loaded = Loaded(tmp_path)
    odd = {key: {"odd": [1]} for key in ("customerName", "phone", "birthDay", "registrationDate")}
    odd |= {f"shareWith{whom}AsOfDate": "some day" for whom in ("Research", "Public", "Friends")}
    loaded.put("customer/odd.json", lines([customer("jo@test.com", "s-jo", 1) | odd]))
    loaded.load()
    assert loaded.problems == []
    assert loaded.query("select count(*) from raw.balance_customer") == [(1,)]
