"""General features of a run, with the package that computes them and without."""

from pathlib import Path

import numpy as np
import pytest

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.sources.ecg import catch22, transform
from orchestration.lib.sources.ecg import rows as rows_module
from python_transforms.ecg import TRANSFORM_VERSION, transform_batch
from tests.support.ecg_files import Clinic, ingest, samples_file
from tests.support.ecg_signals import regular_ecg

RATE = 500.0


def test_twenty_two_features_of_the_first_minute() -> None:
    pytest.importorskip("pycatch22", reason="pycatch22 computes them (extra features)")
    filtered = transform_batch(regular_ecg(seconds=70)[None], RATE).filtered_mv[0]
    found = catch22.general_features(filtered, RATE)
    assert len(found) == 22
    assert all(np.isfinite(value) for value in found.values())
    assert found == catch22.general_features(filtered[: round(60 * RATE)], RATE)
    assert found != catch22.general_features(filtered[: round(50 * RATE)], RATE)


@pytest.mark.parametrize("is_available", [True, False])
def test_they_are_stored_where_they_are_computed_and_recomputed_where_they_were_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_available: bool
) -> None:
    clinic, warehouse = Clinic(Lake(tmp_path / "lake")), open_warehouse(tmp_path / "warehouse.duckdb")
    clinic.put_run("2020-01-01", 1, 1)
    clinic.put_run("2020-01-01", 1, 2, signal=samples_file([0.0] * 300))  # not usable
    monkeypatch.setattr(rows_module, "IS_AVAILABLE", is_available)
    for module in (transform, rows_module):
        monkeypatch.setattr(module, "VERSION", "other" if is_available else TRANSFORM_VERSION)
    monkeypatch.setattr(
        rows_module, "general_features", lambda signal, rate: {"mean": signal.mean(), "unknown": np.nan}
    )
    ingest(clinic.lake, warehouse)
    question = """
        select run, general_feature_names, general_feature_values[2], transform_version
        from raw.ecg_run_feature order by run
    """
    with warehouse.read() as con:
        rows = con.execute(question).fetchall()
    names, version = (["mean", "unknown"], "other") if is_available else (None, TRANSFORM_VERSION)
    assert rows == [(1, names, None, version), (2, None, None, version)]
    if not is_available:
        monkeypatch.setattr(rows_module, "IS_AVAILABLE", True)
        for module in (transform, rows_module):
            monkeypatch.setattr(module, "VERSION", "other")
        transform.transform_runs(clinic.lake, warehouse, recompute=True)
        with warehouse.read() as con:
            assert con.execute(question).fetchall()[0] == (1, ["mean", "unknown"], None, "other")
