"""Write deliveries of any size for the benchmarks, faster than the sample generator and without its quirks."""

import json
import os
from pathlib import Path

import numpy as np


def write_delivery(
    incoming: Path,
    clinic: str,
    delivery: str,
    ecg_mv: np.ndarray,
    sampling_rate_hz: float,
    per_subject: int = 4,
    first_subject: int = 1,
    first_run: int = 1,
) -> None:
    """Write runs with their headers, ``per_subject`` runs a subject.

    Parameters
    ----------
    ecg_mv
        Signals in millivolts, shape ``(n_runs, n_samples)``; written in steps of 0.005 mV.
    """
    folder = incoming / f"clinic={clinic}" / "measurement=ecg" / delivery
    header = json.dumps({"fs": sampling_rate_hz, "units": "mV", "date": "07.12.2004", "age": "25", "sex": "male"})
    texts: dict[int, str] = {}
    for index, run in enumerate(np.rint(ecg_mv * 200).astype(int)):
        subject = folder / f"subject_{first_subject + index // per_subject:02d}"
        number = first_run + index % per_subject
        subject.mkdir(parents=True, exist_ok=True)
        lines = [texts.setdefault(step, repr(step / 200)) for step in run.tolist()]
        (subject / f"run_{number}.csv").write_text("\n".join(["ecg_raw", *lines, ""]))
        (subject / f"run_{number}_header.json").write_text(header)
    # A delivery is on disk long before it is loaded. If it were flushed during the measured load, it would delay the
    # load's own writes.
    os.sync()
