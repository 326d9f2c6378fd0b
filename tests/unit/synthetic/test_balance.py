"""The made-up balance trainers: as many as promised, with every quirk, and the same for the same seed."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.ingest.records import scan_records
from synthetic.balance import BAD_INPUTS, write_bad_inputs, write_deliveries


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_deliveries(tmp_path_factory.mktemp("incoming"))


def text(folder: Path, entity: str) -> str:
    return "".join(path.read_text() for path in sorted((folder / entity).glob("*.json")))


def records(folder: Path, entity: str) -> list[dict[str, Any]]:
    content, decoder, found, position = text(folder, entity), json.JSONDecoder(), [], 0
    while (position := content.find("{", position)) >= 0:
        record, position = decoder.raw_decode(content, position)
        found.append(record)
    return found


def test_scale_1_is_as_large_as_promised(deliveries: list[Path]) -> None:
    first, second, third = (
        [len(records(folder, name)) for folder in deliveries] for name in ("customer", "accelerometer", "step_trainer")
    )
    last = {(each["email"].strip().lower(), each["serialNumber"]): each for each in records(deliveries[2], "customer")}
    assert len(last) == 1_000
    assert sum("shareWithResearchAsOfDate" in each for each in last.values()) == pytest.approx(500, rel=0.1)
    assert sum(second) == pytest.approx(80_000, rel=0.05)
    assert sum(third) == pytest.approx(30_000, rel=0.05)
    assert sum(first) > 2_500


def test_every_shape_and_quirk_occurs(deliveries: list[Path]) -> None:
    first, second, third = deliveries
    assert text(first, "customer").count("}\n{") > 500
    assert "}{" in text(second, "customer")
    assert "\n" not in text(second, "customer")
    assert text(third, "customer").count("},\n") == len(records(third, "customer"))
    assert '"shareWithResearchAsOfDate": null' in text(first, "customer")
    assert re.search(r'"shareWithResearchAsOfDate": \d{13}\.0', text(first, "customer"))
    assert re.search(r'"phone": \d', text(first, "customer"))
    assert '"phone": "' in text(third, "customer")
    assert re.search(r'"birthDay": "9\d\d-', text(second, "customer"))
    assert '"timeStamp"' in text(first, "accelerometer")
    assert '"timestamp"' in text(second, "accelerometer")


def test_thirty_serial_numbers_are_shared_by_many(deliveries: list[Path]) -> None:
    people = defaultdict(set)
    for each in records(deliveries[2], "customer"):
        people[each["serialNumber"]].add(each["email"].strip().lower())
    assert sum(len(emails) > 1 for emails in people.values()) == 30


def test_consent_is_given_withdrawn_and_given_again(deliveries: list[Path]) -> None:
    said = defaultdict(str)
    for folder in deliveries:
        for each in records(folder, "customer"):
            said[each["email"].strip().lower(), each["serialNumber"]] += "-+"[
                bool(each.get("shareWithResearchAsOfDate"))
            ]
    assert set(Counter(said.values())) >= {"+++", "---", "+--", "-++", "+-+"}


def test_the_same_seed_gives_the_same_files(deliveries: list[Path], tmp_path: Path) -> None:
    again = write_deliveries(tmp_path)
    for folder, other in zip(deliveries, again, strict=True):
        for path in folder.rglob("*.json"):
            assert path.read_bytes() == (other / path.relative_to(folder)).read_bytes()
    with pytest.raises(FileExistsError, match="a delivery is never changed"):
        write_deliveries(tmp_path, seed=7)


@pytest.mark.parametrize(
    ("scale", "seed", "clinic", "message"),
    [
        (0, 1, "lab", "scale must be a positive number"),
        (float("nan"), 1, "lab", "scale must be a positive number"),
        (1, -1, "lab", "seed must not be negative"),
        (1, 1, "../x", "a clinic's name is letters"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, scale: float, seed: int, clinic: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_deliveries(tmp_path, clinic=clinic, scale=scale, seed=seed)


def test_every_bad_input_has_its_one_fault(tmp_path: Path) -> None:
    written = write_bad_inputs(tmp_path)
    assert set(written) == set(BAD_INPUTS)
    for case, (path,) in written.items():
        found = list(scan_records(path.read_bytes()))
        assert len(found) == {"accelerometer_not_json": 1, "step_trainer_empty": 0}.get(case, 3), case
