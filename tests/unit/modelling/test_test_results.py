"""What the tests of the builds found: the latest result of each, whichever build ran it."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.modelling import test_results
from orchestration.lib.modelling.dbt_results import DbtResults, NodeResult
from orchestration.lib.sources import MEASUREMENTS

MANIFEST: dict[str, Any] = {
    "nodes": {
        "model.vitalhouse.run": {
            "resource_type": "model",
            "name": "run",
            "schema": "ecg",
            "alias": "run",
            "tags": ["ecg"],
        },
        **{
            f"test.vitalhouse.{name}.0123": {
                "resource_type": "test",
                "name": name,
                "attached_node": attached,
                "depends_on": {"nodes": depends_on},
            }
            for name, attached, depends_on in (
                ("unique_run_key", "model.vitalhouse.run", ["model.vitalhouse.run"]),
                ("assert_every_run_has_its_signal", None, ["source.vitalhouse.catalog.file"]),
                ("of_nothing", None, []),
            )
        },
    },
    "sources": {"source.vitalhouse.catalog.file": {"schema": "catalog", "identifier": "file"}},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checks.json"


def record(path: Path, manifest: dict[str, Any] = MANIFEST, **statuses: tuple[str, int]) -> dict[str, tuple[str, int]]:
    """Take over a run's results; gives all that is known then."""
    results = DbtResults()
    for unique_id, status, failures in [
        *((f"test.vitalhouse.{name}.0123", *result) for name, result in statuses.items()),
        ("model.vitalhouse.run", "error", 0),
    ]:
        results.by_id[unique_id] = NodeResult(unique_id, status, failures)
    test_results.record(results, path, manifest)
    return {check.name: (check.status, check.failure_count) for check in test_results.read(path)}


def test_each_test_has_its_latest_result(path: Path) -> None:
    assert test_results.read(path) == []
    assert record(path, unique_run_key=("fail", 3)) == {"unique_run_key": ("fail", 3)}
    both = record(path, of_nothing=("runtime error", 0), unique_run_key=("skipped", 0))
    assert both == {"of_nothing": ("error", 0), "unique_run_key": ("fail", 3)}
    assert [check.is_bad for check in test_results.read(path)] == [True, True]
    assert record(path, unique_run_key=("pass", 0))["unique_run_key"] == ("pass", 0)


def test_a_test_is_of_the_relation_that_it_stands_with_or_reads(path: Path) -> None:
    record(path, unique_run_key=("warn", 1), assert_every_run_has_its_signal=("pass", 0), of_nothing=("pass", 0))
    assert {check.name: check.relation for check in test_results.read(path)} == {
        "assert_every_run_has_its_signal": "catalog.file",
        "of_nothing": "",
        "unique_run_key": "ecg.run",
    }


def test_a_failed_test_stands_with_its_source_and_one_of_the_catalog_with_each(path: Path) -> None:
    record(path, unique_run_key=("warn", 1), of_nothing=("pass", 0))
    assert test_results.failed(path, MANIFEST) == {}
    record(path, unique_run_key=("fail", 3))
    assert test_results.failed(path, MANIFEST) == {"ecg": ["unique_run_key"]}
    record(path, assert_every_run_has_its_signal=("runtime error", 0), unique_run_key=("pass", 0))
    assert test_results.failed(path, MANIFEST) == {
        source: ["assert_every_run_has_its_signal"] for source in MEASUREMENTS
    }


def test_a_test_that_the_project_has_no_longer_is_forgotten(path: Path) -> None:
    record(path, unique_run_key=("fail", 3))
    left = {key: node for key, node in MANIFEST["nodes"].items() if "unique_run_key" not in key}
    assert record(path, {**MANIFEST, "nodes": left}, of_nothing=("pass", 0)) == {"of_nothing": ("pass", 0)}


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": "x"}]', '{"a": 1}'])
def test_a_file_of_another_form_is_written_anew(path: Path, text: str) -> None:
    path.write_text(text)
    assert test_results.read(path) == []
    assert record(path, of_nothing=("pass", 0)) == {"of_nothing": ("pass", 0)}


def test_where_dbt_did_not_come_to_its_results_nothing_changes(path: Path) -> None:
    record(path, unique_run_key=("fail", 3))
    test_results.record(DbtResults(), path, MANIFEST)
    assert [check.name for check in test_results.read(path)] == ["unique_run_key"]
