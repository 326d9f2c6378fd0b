"""R peaks of ECG signals, batched."""

import numpy as np
from scipy import ndimage, signal

from python_transforms.ecg.filtering import FloatArray, IntArray


def detect_r_peaks(ecg_mv: FloatArray, sampling_rate_hz: float) -> list[IntArray]:
    """Sample indices of the R peaks of each run (first version, to be widened)."""
    peaks: list[IntArray] = []
    for run in ecg_mv:
        slope = signal.sosfiltfilt(signal.butter(1, [8, 20], "bandpass", fs=sampling_rate_hz, output="sos"), run)
        envelope = np.sqrt(ndimage.uniform_filter1d(slope**2, max(1, round(0.13 * sampling_rate_hz))))
        found, _ = signal.find_peaks(
            envelope, height=0.4 * np.quantile(envelope, 0.98) + 1e-12, distance=max(1, round(0.3 * sampling_rate_hz))
        )
        half = round(0.06 * sampling_rate_hz)
        window = np.clip(found[:, None] + np.arange(-half, half + 1), 0, len(run) - 1)
        peaks.append(np.unique(window[np.arange(len(found)), np.abs(run[window]).argmax(axis=1)]).astype(np.int64))
    return peaks
