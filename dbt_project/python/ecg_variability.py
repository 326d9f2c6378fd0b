"""Measure how each feature of ECG runs varies within and between people: Arrow tables around python_transforms."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from python_transforms.ecg import FEATURES
from python_transforms.ecg.variability import (
    Agreement,
    heart_rate_effect,
    intraclass_correlation,
    later_days,
    same_day,
)

# Features of the recording, not of the heart. Every other number that the transforms compute is compared.
NOT_OF_THE_HEART = frozenset(
    {
        "mains_frequency_hz",
        "flat_start_sample_count",
        "interpolated_sample_count",
        "artefact_sample_count",
        "longest_gap_ms",
        "constant_sample_count",
        "clipped_sample_count",
        "beat_count",
        "nn_interval_count",
        "misdetected_beat_count",
    }
)
HEART_RATE = "heart_rate_bpm"

_SCHEMA = pa.schema(
    [
        ("feature", pa.string()),
        ("unit", pa.string()),
        *(
            (f"{scope}{name}", pa.int64() if name.endswith("_count") else pa.float64())
            for scope in ("", "same_day_", "later_day_")
            for name in (
                "subject_count",
                "run_count",
                "between_subject_variance",
                "within_subject_variance",
                "icc",
                "icc_low",
                "icc_high",
            )
        ),
        ("heart_rate_slope", pa.float64()),
        ("heart_rate_correlation", pa.float64()),
        ("equal_heart_rate_icc", pa.float64()),
        ("equal_heart_rate_icc_low", pa.float64()),
        ("equal_heart_rate_icc_high", pa.float64()),
    ]
)


def compared_features() -> list[str]:
    """List the features that describe the heart and are numbers."""
    return [name for name, feature in FEATURES.items() if feature.dtype != "BOOLEAN" and name not in NOT_OF_THE_HEART]


def vary_features(runs: pa.Table) -> pa.Table:
    """Compute, one row a feature, the variance within and between people, ICC(1,1) and the effect of the heart rate.

    Parameters
    ----------
    runs
        One row a run: ``run_key``, ``subject_key``, ``recorded_on``, ``run_number`` and features, null where unknown.
    """
    # rows are added up in their order, which would else change the last digits
    runs = runs.sort_by("run_key")
    _, subject = np.unique(np.array(runs["subject_key"].to_pylist(), str), return_inverse=True)
    day = runs["recorded_on"].cast(pa.int32()).to_numpy().astype(np.int64)
    number = runs["run_number"].to_numpy().astype(np.int64)
    rate = _values(runs, HEART_RATE)
    rows = []
    for name in compared_features():
        value = _values(runs, name)
        # a run without this figure makes no pair for it
        is_known = np.isfinite(value)
        known, of_subject, on_day = value[is_known], subject[is_known], day[is_known]
        scopes = {
            "": np.ones(len(known), bool),
            "same_day_": same_day(of_subject, on_day),
            "later_day_": later_days(of_subject, on_day, number[is_known]),
        }
        row: dict[str, object] = {"feature": name, "unit": FEATURES[name].unit}
        for scope, chosen in scopes.items():
            row |= _components(scope, intraclass_correlation(known[chosen], of_subject[chosen]))
        if name != HEART_RATE:
            effect = heart_rate_effect(value, rate, subject)
            at_equal_rate = intraclass_correlation(effect.residual, subject)
            row |= {
                "heart_rate_slope": _plain(effect.slope),
                "heart_rate_correlation": _plain(effect.correlation),
                "equal_heart_rate_icc": _plain(at_equal_rate.icc),
                "equal_heart_rate_icc_low": _plain(at_equal_rate.icc_low),
                "equal_heart_rate_icc_high": _plain(at_equal_rate.icc_high),
            }
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _values(runs: pa.Table, name: str) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = (
        runs[name].cast(pa.float64()).to_numpy().astype(np.float64) if len(runs) else np.zeros(0)
    )
    return values


def _components(scope: str, agreement: Agreement) -> dict[str, object]:
    return {
        f"{scope}subject_count": agreement.subject_count,
        f"{scope}run_count": agreement.run_count,
        f"{scope}between_subject_variance": _plain(agreement.between_variance),
        f"{scope}within_subject_variance": _plain(agreement.within_variance),
        f"{scope}icc": _plain(agreement.icc),
        f"{scope}icc_low": _plain(agreement.icc_low),
        f"{scope}icc_high": _plain(agreement.icc_high),
    }


def _plain(value: float) -> float | None:
    """Replace NaN, which stands for unknown, by None."""
    return value if np.isfinite(value) else None
