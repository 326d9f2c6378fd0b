"""Transform the ECG signals of a batch, and make rows of them: features, signals and beats."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.lib.catalog.load_transaction import LoadTransaction, PendingFile
from orchestration.lib.contract.entity import Table
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.sources.ecg.catch22 import IS_AVAILABLE, general_features
from orchestration.lib.sources.ecg.contract import ECG_REFUSED_SIGNAL, ECG_RUN_FEATURE, ECG_RUN_SIGNAL
from orchestration.lib.sources.ecg.signal_parquet import list_array
from orchestration.lib.sources.ecg.signal_queue import RunHeader
from python_transforms.ecg import BEAT_FIGURES, TRANSFORM_VERSION, transform_batch
from python_transforms.ecg.template import beat_templates

# Stored with every row. General features are computed or not; a row without them is of another version.
VERSION = f"{TRANSFORM_VERSION}+catch22" if IS_AVAILABLE else TRANSFORM_VERSION
FloatArray = npt.NDArray[np.float64]
RunKey = tuple[str, str, int]

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE[]": pa.list_(pa.float64()),
    "VARCHAR[]": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class RunSignal:
    """A signal that was read: samples in millivolts, NaN in gaps; as float32 once it was transformed."""

    file: PendingFile
    header: RunHeader
    raw_mv: npt.NDArray[Any]


@dataclass(frozen=True)
class TransformedRun:
    """A transformed signal with all that is stored of it: its features, its filtered signal and its beats."""

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
        """Return the delivery that the signal came in."""
        return Delivery(self.signal.file.clinic, "ecg", self.signal.file.delivery)

    @cached_property
    def key(self) -> RunKey:
        """Clinic, subject and run number."""
        return run_key_of(self.signal.file)


def run_key_of(file: PendingFile) -> RunKey:
    """Read clinic, subject and run number of a signal from its path."""
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
    """Filter signals of equal length and rate, find their beats, and compute features and templates."""
    rate = signals[0].header.sampling_rate_hz
    # of a single signal, which may last a day, without a copy
    samples: FloatArray = (
        np.stack([signal.raw_mv for signal in signals]) if len(signals) > 1 else signals[0].raw_mv[None]
    )
    batch = transform_batch(samples, rate)
    filtered = batch.filtered_mv.astype(np.float32)
    with np.errstate(over="ignore"):  # what is beyond float32 is no ECG, and unusable
        raw = samples.astype(np.float32)
    ends = np.cumsum([len(index) for index in batch.r_peak_index])
    templates = beat_templates(list(filtered), batch.r_peak_index, rate)
    features = {name: _plain(values) for name, values in batch.features.items()}
    window_quality = [_plain(values) for values in batch.window_quality]
    return [
        TransformedRun(
            signal=replace(signal, raw_mv=raw[row]),
            sha256=hashlib.sha256(raw[row].data).hexdigest(),
            filtered_mv=filtered[row],
            r_peak_index=batch.r_peak_index[row].astype(np.int32),
            beats=batch.beats[:, ends[row] - len(batch.r_peak_index[row]) : ends[row]],
            features={name: values[row] for name, values in features.items()},
            window_quality=window_quality[row],
            template_mv=templates[row].tolist() if np.isfinite(templates[row]).all() else None,
            general_features=_general_features(
                batch.filtered_mv[row, batch.features["flat_start_sample_count"][row] :], rate
            )
            if batch.is_usable[row]
            else {},
            is_usable=bool(batch.is_usable[row]),
            unusable_reason=batch.unusable_reason[row],
        )
        for row, signal in enumerate(signals)
    ]


def _general_features(filtered_mv: FloatArray, sampling_rate_hz: float) -> dict[str, float | None]:
    """Compute the general features of a usable run, none where the extra is not installed."""
    if not IS_AVAILABLE:
        return {}
    features = general_features(filtered_mv, sampling_rate_hz)
    return dict(zip(features, _plain(np.array(list(features.values()))), strict=True))


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    """Convert to Python numbers; NaN, which stands for unknown, becomes None."""
    plain: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        plain = [value if math.isfinite(value) else None for value in plain]
    return plain


def feature_rows(parts: Mapping[str, Sequence[TransformedRun]], load: LoadTransaction) -> pa.Table:
    """Make the rows of ``raw.ecg_run_feature``: one a run, from the runs of each Parquet file by its path."""
    rows = [
        run_columns(run.signal.file, load)
        | {
            "header_raw_path": run.signal.header.raw_path,
            "sampling_rate_hz": run.signal.header.sampling_rate_hz,
            "units": run.signal.header.units,
            "sample_count": len(run.signal.raw_mv),
            "duration_s": len(run.signal.raw_mv) / run.signal.header.sampling_rate_hz,
            **run.features,
            "window_quality": run.window_quality,
            "template_mv": run.template_mv,
            "general_feature_names": list(run.general_features) or None,
            "general_feature_values": list(run.general_features.values()) or None,
            "is_usable": run.is_usable,
            "unusable_reason": run.unusable_reason,
            "signal_sha256": run.sha256,
            "signal_path": path,
            "transform_version": VERSION,
        }
        for path, runs in parts.items()
        for run in runs
    ]
    return arrow_rows(ECG_RUN_FEATURE, rows)


def refused_rows(refused: Iterable[tuple[PendingFile, int | None]], load: LoadTransaction) -> pa.Table:
    """Make the rows of ``raw.ecg_refused_signal`` of files and their numbers of samples."""
    rows = [run_columns(file, load) | {"sample_count": sample_count} for file, sample_count in refused]
    return arrow_rows(ECG_REFUSED_SIGNAL, rows)


def run_columns(file: PendingFile, load: LoadTransaction) -> dict[str, object]:
    """Make the columns that identify a signal's run, and those of its lineage."""
    clinic, subject, number = run_key_of(file)
    return {
        "clinic": clinic,
        "delivery": file.delivery,
        "subject": subject,
        "run": number,
        "_raw_path": file.raw_path,
        "_row_number": 1,
        "_load_id": load.load_id,
        "_loaded_at": load.started_at,
    }


def arrow_rows(table: Table, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Convert rows to an Arrow table with the columns of a raw table."""
    return pa.table(
        {
            name: pa.array([row[name] for row in rows], _ARROW_TYPES[sql_type])
            for name, sql_type in table.columns.items()
        }
    )


def signal_columns(runs: Sequence[TransformedRun], load_id: int) -> dict[str, Any]:
    """Make the columns of a Parquet file of signals: a row a run."""
    return {
        "run_key": [run.signal.file.record_key for run in runs],
        "raw_path": [run.signal.file.raw_path for run in runs],
        "load_id": [load_id] * len(runs),
        "sampling_rate_hz": [run.signal.header.sampling_rate_hz for run in runs],
        "raw_mv": list_array([run.signal.raw_mv for run in runs]),
        "filtered_mv": list_array([run.filtered_mv for run in runs]),
        "r_peak_index": list_array([run.r_peak_index for run in runs]),
    }


def beat_columns(runs: Sequence[TransformedRun], load_id: int) -> dict[str, Any]:
    """Make the columns of a Parquet file of beats: a row a beat, the runs one after the other."""
    counts = [len(run.r_peak_index) for run in runs]
    run_of_beat = np.repeat(np.arange(len(runs)), counts)
    index = np.concatenate([run.r_peak_index for run in runs])
    rate = np.repeat([run.signal.header.sampling_rate_hz for run in runs], counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    columns: dict[str, Any] = {
        "run_key": pa.array([run.signal.file.record_key for run in runs]).take(run_of_beat),
        "raw_path": pa.array([run.signal.file.raw_path for run in runs]).take(run_of_beat),
        "load_id": np.full(len(index), load_id),
        "beat_index": np.arange(len(index), dtype=np.int32) - first,
        "time_s": index / rate,
    }
    for name, values in zip(BEAT_FIGURES, np.concatenate([run.beats for run in runs], axis=1), strict=True):
        columns[name] = values > 0 if name.startswith("is_") else pa.array(values, from_pandas=True)
    return columns
