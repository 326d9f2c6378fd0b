"""Turn the ECG signals of a batch into rows: features, templates, similarities."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from orchestration.lib.catalog.load_transaction import PendingFile
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.sources.ecg.catch22 import IS_AVAILABLE, general_features
from orchestration.lib.sources.ecg.contract import ECG_RUN_SIGNAL
from orchestration.lib.sources.ecg.signal_parquet import (
    FilteredSignal,
)
from python_transforms.ecg import TRANSFORM_VERSION, EcgBatch, transform_batch
from python_transforms.ecg.similarity import similar_pairs
from python_transforms.ecg.template import beat_templates

# The least that a heart rate and a filter of 0.5 Hz need.
MIN_DURATION_S = 2.0
# Same subject, another run, almost the same signal (issue of the first deliveries: one sample changed gives 0.99999).
NEAR_DUPLICATE_CORRELATION = 0.9999
# Factor to millivolts.
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3}
# What is stored with every row: general features are there or not, and rows without them are of another version.
VERSION = f"{TRANSFORM_VERSION}+catch22" if IS_AVAILABLE else TRANSFORM_VERSION
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RunHeader:
    raw_path: str
    sampling_rate_hz: float
    units: str


@dataclass(frozen=True)
class RunSignal:
    """A signal that was read: samples in millivolts, NaN in gaps; as float32 once it was transformed."""

    file: PendingFile
    header: RunHeader
    raw_mv: npt.NDArray[Any]


@dataclass(frozen=True)
class TransformedRun:
    """A signal that was transformed: its row of features, its row of Parquet and its beats'."""

    signal: RunSignal
    sha256: str
    filtered_mv: npt.NDArray[np.float32]
    r_peak_index: npt.NDArray[np.int32]
    beats: npt.NDArray[np.float32]
    features: dict[str, Any]
    window_quality: list[float | None]
    template_mv: list[float] | None
    general_features: dict[str, float | None]
    is_usable: bool
    unusable_reason: str | None

    @cached_property
    def delivery(self) -> Delivery:
        """The delivery that the signal came in."""
        return Delivery(self.signal.file.clinic, "ecg", self.signal.file.delivery)

    @cached_property
    def key(self) -> tuple[str, str, int]:
        """Clinic, subject and run number."""
        return run_key_of(self.signal.file)


def run_key_of(file: PendingFile) -> tuple[str, str, int]:
    """Clinic, subject and run number of a signal."""
    match = ECG_RUN_SIGNAL.match(file.path_below)
    assert match is not None
    columns = ECG_RUN_SIGNAL.path_columns
    return file.clinic, str(columns["subject"][1](match)), int(str(columns["run"][1](match)))


def batches(signals: Iterable[RunSignal]) -> list[list[RunSignal]]:
    """Group signals of equal length and rate."""
    batches: dict[tuple[int, float], list[RunSignal]] = {}
    for signal in signals:
        batches.setdefault((len(signal.raw_mv), signal.header.sampling_rate_hz), []).append(signal)
    return list(batches.values())


def transform_signals(signals: list[RunSignal]) -> list[TransformedRun]:
    rate = signals[0].header.sampling_rate_hz
    # of a single signal, which may last a day, without a copy
    samples: FloatArray = (
        np.stack([signal.raw_mv for signal in signals]) if len(signals) > 1 else signals[0].raw_mv[None]
    )
    batch: EcgBatch = transform_batch(samples, rate)
    filtered = batch.filtered_mv.astype(np.float32)
    with np.errstate(over="ignore"):  # what is beyond float32 is no ECG, and unusable
        raw = samples.astype(np.float32)
    ends = np.cumsum([len(index) for index in batch.r_peak_index])
    templates = beat_templates(list(filtered), batch.r_peak_index, rate)
    features = {name: _plain(values) for name, values in batch.features.items()}
    window_quality = [_plain(values) for values in batch.window_quality]
    return [
        TransformedRun(
            replace(signal, raw_mv=raw[row]),
            hashlib.sha256(raw[row].data).hexdigest(),
            filtered[row],
            batch.r_peak_index[row].astype(np.int32),
            batch.beats[:, ends[row] - len(batch.r_peak_index[row]) : ends[row]],
            {name: values[row] for name, values in features.items()},
            window_quality[row],
            templates[row].tolist() if np.isfinite(templates[row]).all() else None,
            _general_features(batch, row, rate) if batch.is_usable[row] else {},
            bool(batch.is_usable[row]),
            batch.unusable_reason[row],
        )
        for row, signal in enumerate(signals)
    ]


def _general_features(batch: EcgBatch, row: int, rate: float) -> dict[str, float | None]:
    """General features of a usable run, none where the extra is not installed."""
    if not IS_AVAILABLE:
        return {}
    found = general_features(batch.filtered_mv[row, batch.features["flat_start_sample_count"][row] :], rate)
    return dict(zip(found, _plain(np.array(list(found.values()))), strict=True))


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    """Numbers as Python has them; NaN, which stands for unknown, as None."""
    plain: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        plain = [value if math.isfinite(value) else None for value in plain]
    return plain


def similarity_rows(
    clinic: str, subject: str, new: list[TransformedRun], earlier: list[FilteredSignal]
) -> list[dict[str, object]]:
    """Rows of `raw.ecg_run_similarity` for one subject; compares usable signals of equal length and rate."""
    mine = [
        FilteredSignal(run.signal.file.raw_path, run.signal.header.sampling_rate_hz, run.filtered_mv)
        for run in new
        if run.is_usable
    ]
    groups: dict[tuple[int, float], list[tuple[FilteredSignal, bool]]] = {}
    for signals, is_new in ((earlier, False), (mine, True)):
        for signal in signals:
            groups.setdefault((len(signal.filtered_mv), signal.sampling_rate_hz), []).append((signal, is_new))
    return [
        {
            "clinic": clinic,
            "subject": subject,
            "_raw_path": members[one][0].raw_path,
            "other_raw_path": members[other][0].raw_path,
            "correlation": correlation,
        }
        for members in groups.values()
        for one, other, correlation in similar_pairs(
            np.stack([signal.filtered_mv for signal, _ in members]),
            np.array([is_new for _, is_new in members]),
            NEAR_DUPLICATE_CORRELATION,
        )
    ]
