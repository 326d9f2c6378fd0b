"""ECG signals with known beats, for the tests of the transforms."""

import numpy as np
from numpy.typing import NDArray

# Gaussian waves: time from R in s, width in s, height in mV; in the manner of McSharry et al., IEEE Trans. Biomed. Eng.
# 2003;50:289-94
WAVES = ((-0.17, 0.022, 0.12), (-0.03, 0.009, -0.12), (0.0, 0.011, 1.1), (0.03, 0.009, -0.25), (0.27, 0.045, 0.3))


def synthetic_ecg(
    rr_ms: NDArray[np.float64], sampling_rate_hz: float, *, seconds: float = 20.0, noise_mv: float = 0.01, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A run whose beats follow each other at the given intervals, and the times of its R peaks in seconds."""
    r_times = 0.4 + np.concatenate([[0.0], np.cumsum(rr_ms) / 1000])
    r_times = r_times[r_times < seconds - 0.3]
    time = np.arange(round(seconds * sampling_rate_hz)) / sampling_rate_hz
    ecg_mv = noise_mv * np.random.default_rng(seed).standard_normal(len(time))
    for r_time in r_times:
        for offset, width, height in WAVES:
            ecg_mv += height * np.exp(-0.5 * np.square((time - r_time - offset) / width))
    return ecg_mv, r_times


def regular_ecg(
    sampling_rate_hz: float = 500.0, *, rr_ms: float = 800.0, seconds: float = 20.0, seed: int = 0
) -> NDArray[np.float64]:
    """A run of even beats with a little noise."""
    return synthetic_ecg(np.full(200, rr_ms), sampling_rate_hz, seconds=seconds, seed=seed)[0]
