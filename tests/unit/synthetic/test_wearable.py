"""Generated deliveries of watches: repeatable, in the providers' forms, with adherence that fails as in life."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.sources.wearable.formats import read_readings
from synthetic.wearable import write_bad_inputs, write_deliveries


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def incoming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incoming")
    write_deliveries(folder, scale=0.7, interval_seconds=60)
    return folder


def days_of(incoming: Path, participant: str, metric: str) -> dict[str, list[str]]:
    """Delivered days of a metric, by delivery."""
    found: dict[str, list[str]] = {}
    for path in sorted(incoming.rglob(f"participant={participant}/{metric}-*")):
        found.setdefault(path.parts[-3], []).append(path.name.removeprefix(f"{metric}-").split(".")[0])
    return found


def test_the_same_seed_gives_the_same_files_and_a_smaller_scale_their_beginning(incoming: Path, tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=0.6, interval_seconds=60)
    smaller, larger = contents(tmp_path), contents(incoming)
    assert {path for path in smaller if not path.endswith("roster.csv")} < larger.keys()
    assert all(content == larger[path] for path, content in smaller.items() if not path.endswith("roster.csv"))


def test_another_seed_gives_other_people(incoming: Path, tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=0.6, seed=1, interval_seconds=60)
    assert contents(tmp_path) != contents(incoming)


def test_adherence_fails_as_it_does_in_life(incoming: Path) -> None:
    assert list(days_of(incoming, "p002", "heart_rate")) == ["2024-10-29"]
    assert len(days_of(incoming, "p002", "heart_rate")["2024-10-29"]) == 7
    assert sorted(day for days in days_of(incoming, "p003", "heart_rate").values() for day in days) == [
        "2024-10-22",
        "2024-10-26",
    ]
    assert list(days_of(incoming, "p004", "activity")) == ["2024-10-23", "2024-10-24", "2024-10-25"]
    assert days_of(incoming, "p007", "hrv") == {}
    rosters = [path.read_text() for path in sorted(incoming.rglob("roster.csv"))]
    assert "p005,2024-10-22,,America" in rosters[0]
    assert "p005,2024-10-22,2024-10-25,America" in rosters[-1]
    assert "p004,2024-10-22,,Asia/Kolkata,true" in rosters[2]
    assert "p004,2024-10-22,,Asia/Kolkata,false" in rosters[3]


def test_a_day_comes_again_with_other_values(incoming: Path) -> None:
    twice = sorted(incoming.rglob("participant=p001/heart_rate-2024-10-23.json.gz"))
    assert [path.parts[-3] for path in twice] == ["2024-10-24", "2024-10-27"]
    first, second = (read_readings(gzip.decompress(path.read_bytes()), "p001").rows for path in twice)
    assert first["local_time"].equals(second["local_time"])
    assert not first["value"].equals(second["value"])


def test_every_file_is_read_whole(incoming: Path) -> None:
    for path in incoming.rglob("participant=*/*"):
        if path.name.startswith("sleep"):
            continue
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = read_readings(content, "p1")
        assert found.reason is None, path
        assert not found.rejected, path
        assert found.rows.num_rows, path


def test_the_google_health_api_gives_numbers_as_text(incoming: Path) -> None:
    path = next(incoming.rglob("participant=p006/heart_rate-2024-10-27.json.gz"))
    points = json.loads(gzip.decompress(path.read_bytes()))["dataPoints"]
    offsets = [point["heartRate"]["sampleTime"]["utcOffset"] for point in points]
    # Berlin's clock goes back on that day.
    assert (offsets[0], offsets[-1]) == ("7200s", "3600s")
    assert all(isinstance(point["heartRate"]["beatsPerMinute"], str) for point in points)


@pytest.mark.parametrize(
    "wrong",
    [{"scale": 0}, {"scale": float("nan")}, {"seed": -1}, {"days": 4}, {"interval_seconds": 0}, {"clinic": "a/b"}],
)
def test_wrong_arguments_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        write_deliveries(tmp_path, **wrong)


def test_a_delivery_is_never_changed(tmp_path: Path) -> None:
    write_bad_inputs(tmp_path)
    before = contents(tmp_path)
    write_bad_inputs(tmp_path)
    assert contents(tmp_path) == before
