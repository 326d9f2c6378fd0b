"""Describe the files of ECG runs, a header and a signal each, and the tables that the transforms fill."""

import re
from collections.abc import Callable

from orchestration.lib.contract.entity import LINEAGE, Entity, Field, Table
from python_transforms.ecg_features import FEATURES

__all__ = ["ECG_RUN_FEATURE", "ECG_RUN_HEADER", "ECG_RUN_SIGNAL"]


def subject_text(number: str) -> str:
    """Write a subject number in its canonical form: at least two digits (``1`` and ``01`` are both ``01``)."""
    return f"{int(number):02d}"


_ECG_PATH_COLUMNS: dict[str, tuple[str, Callable[[re.Match[str]], object]]] = {
    "subject": ("VARCHAR", lambda match: subject_text(match["subject"])),
    "run": ("INTEGER", lambda match: int(match["run"])),
}


def _ecg_record_key(match: re.Match[str]) -> str:
    return f"{subject_text(match['subject'])}:{int(match['run'])}"


# Up to nine digits: what fits INTEGER, the type of the run number.
_ECG_RUN = r"subject_(?P<subject>[0-9]{1,9})/run_(?P<run>[0-9]{1,9})"

ECG_RUN_HEADER = Entity(
    measurement="ecg",
    name="run_header",
    path_pattern=re.compile(_ECG_RUN + r"_header\.json"),
    path_example="subject_<number>/run_<number>_header.json",
    path_columns=_ECG_PATH_COLUMNS,
    record_key=_ecg_record_key,
    partner="run_signal",
    is_single_record=True,
    fields=(
        # 50 Hz is the least that shows a QRS complex (its energy lies at 5-20 Hz); 100 kHz is above any ECG amplifier.
        Field(
            "fs",
            "DOUBLE",
            "a sampling rate in Hz between 50 and 100000",
            is_required=True,
            check="{value} between 50 and 100000",
        ),
        Field(
            "units",
            "VARCHAR",
            "mV or uV",
            is_required=True,
            check="lower(trim({value})) in ('mv', 'uv', 'µv', 'μv')",
        ),
        Field(
            "date",
            "DATE",
            "a day as DD.MM.YYYY or YYYY-MM-DD that is not in the future",
            is_required=True,
            cast="coalesce(try_strptime({value}, '%d.%m.%Y'), try_strptime({value}, '%Y-%m-%d'))::date",
            # One day of grace: at UTC+14 it is already tomorrow.
            check="{value} between date '1900-01-01' and {today} + 1",
        ),
        Field("age", "INTEGER", "an age in whole years"),
        Field("sex", "VARCHAR", "male or female"),
    ),
)

ECG_RUN_SIGNAL = Entity(
    measurement="ecg",
    name="run_signal",
    path_pattern=re.compile(_ECG_RUN + r"\.csv"),
    path_example="subject_<number>/run_<number>.csv",
    path_columns=_ECG_PATH_COLUMNS,
    record_key=_ecg_record_key,
    partner="run_header",
)

_ECG_RUN_COLUMNS = {"clinic": "VARCHAR", "delivery": "VARCHAR", "subject": "VARCHAR", "run": "INTEGER"}

ECG_RUN_FEATURE = Table(
    "raw.ecg_run_feature",
    _ECG_RUN_COLUMNS
    | {
        "header_raw_path": "VARCHAR",
        "sampling_rate_hz": "DOUBLE",
        "units": "VARCHAR",
        "sample_count": "BIGINT",
        "duration_s": "DOUBLE",
    }
    | {name: feature.dtype for name, feature in FEATURES.items()}
    | {
        "window_quality": "DOUBLE[]",
        # What the run's person is known by. It identifies them, as the signal does: raw tables are never published.
        "template_mv": "DOUBLE[]",
        "general_feature_names": "VARCHAR[]",
        "general_feature_values": "DOUBLE[]",
        "is_usable": "BOOLEAN",
        "unusable_reason": "VARCHAR",
        "signal_sha256": "VARCHAR",
        "signal_path": "VARCHAR",
        "transform_version": "VARCHAR",
    }
    | LINEAGE,
)

ECG_RUN_SIMILARITY = Table(
    "raw.ecg_run_similarity",
    {
        "clinic": "VARCHAR",
        "subject": "VARCHAR",
        "other_raw_path": "VARCHAR",
        "correlation": "DOUBLE",
        "transform_version": "VARCHAR",
    }
    | LINEAGE,
)

# Signals that were refused as a whole. One that is too short at the rate of its header may be long enough at that of a
# corrected header. The number of samples is null where the file could not be read.
ECG_REFUSED_SIGNAL = Table("raw.ecg_refused_signal", _ECG_RUN_COLUMNS | {"sample_count": "BIGINT"} | LINEAGE)

ENTITIES = (ECG_RUN_HEADER, ECG_RUN_SIGNAL)

# Raw tables that a transform fills rather than the loader.
COMPUTED_TABLES = (ECG_RUN_FEATURE, ECG_RUN_SIMILARITY, ECG_REFUSED_SIGNAL)
