"""Noise of known kind and power for the ECG benchmarks, the same for the same seed."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

FloatArray = NDArray[np.float64]
NOISES = ("white", "muscle", "wander", "mains")
# The surface electromyogram has most of its power here.
MUSCLE_HZ = (20.0, 150.0)
# Breathing and movement of electrodes, below the band of the ECG.
WANDER_HZ = 0.5
MAINS_HZ = 50.0


def unit_noise(kind: str, n_samples: int, sampling_rate_hz: float, seed: int) -> FloatArray:
    """Draw noise of power 1 (variance), shape ``(n_samples,)``; ``kind`` is one of ``NOISES``."""
    rng = np.random.default_rng(seed)
    noise: FloatArray = rng.standard_normal(n_samples)
    if kind == "muscle":
        band = MUSCLE_HZ[0], min(MUSCLE_HZ[1], 0.49 * sampling_rate_hz)
        noise = signal.sosfilt(signal.butter(4, band, "bandpass", fs=sampling_rate_hz, output="sos"), noise)
    elif kind == "wander":
        noise = signal.sosfiltfilt(signal.butter(2, WANDER_HZ, fs=sampling_rate_hz, output="sos"), noise)
    elif kind == "mains":
        noise = np.sin(2 * np.pi * (MAINS_HZ / sampling_rate_hz * np.arange(n_samples) + rng.random()))
    elif kind != "white":
        raise ValueError(f"{kind} is none of {', '.join(NOISES)}")
    normalised: FloatArray = noise / noise.std()
    return normalised
