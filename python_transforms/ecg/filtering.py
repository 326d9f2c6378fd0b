"""Filter ECG signals: zero-phase Butterworth band-pass and mains notch, over batches of equal-length runs.

The filters are designed as second-order sections and applied forward and backward, as
:func:`scipy.signal.sosfiltfilt` does. Running a filter both ways multiplies the spectrum by ``|H|²``, a real number:
both directions, band-pass and notch together are one multiplication between a cosine transform and its inverse. The
result equals ``sosfiltfilt`` on the mirrored signal to rounding, in float64, at a multiple of its speed
(``python -m benchmarks.ecg_filter``).
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# The band of ECG monitoring (IEC 60601-2-27:2011 asks for 0.67 to 40 Hz). A zero-phase filter may cut as high as 0.67
# Hz without moving the ST segment (Kligfield et al., Circulation 2007;115:1306-24): 0.5 Hz keeps clear of that.
LOW_HZ = 0.5
HIGH_HZ = 40.0
# Order each way. Against the ECG-ID authors' own filtered channel orders 1 to 5 reach 15.2, 18.1, 18.7, 18.7, 18.7 dB
# (benchmarks/ecg_filter.py): 3 is the lowest, and so the one that rings least, that comes as near as any.
ORDER = 3
# 50 Hz / 30 = 1.7 Hz wide at -3 dB each way: room for the grid's wander (EN 50160: 1 %) and for little else.
NOTCH_QUALITY = 30.0
MAINS_FREQUENCIES_HZ = (50.0, 60.0)
# Mains hum is there when its band (±0.6 Hz: the grid's wander, and the leakage of a 2-s run) has this many times the
# power of the strongest of the neighbouring bands. Noise alone gives about 1, harmonics of the heart rate up to 2.
MAINS_BAND_HZ = 0.6
MAINS_POWER_RATIO = 4.0
# Shorter signals hold no beat-to-beat interval at 40 beats a minute; the loader rejects them.
MIN_DURATION_S = 2.0
# Rows go through a transform in slices of about this many samples, 12 MB of float64, which bounds what is needed beside
# input and output. With a third of it two threads wait for each other at every small step: they bring 1.2 times the
# speed of one, not 1.4.
SLICE_SAMPLES = 1_500_000
# A run longer than a block is filtered block by block, which bounds the memory; each with so much more on either side
# that none of the block's own edges reaches what is kept: the slowest pole decays in 0.64 s, exp(-10 / 0.64) = 2e-7.
BLOCK_S = 600.0
BLOCK_MARGIN_S = 10.0


@lru_cache(maxsize=16)
def bandpass_sections(
    sampling_rate_hz: float, low_hz: float = LOW_HZ, high_hz: float = HIGH_HZ, order: int = ORDER
) -> FloatArray:
    """Design the Butterworth band-pass that runs each way, as second-order sections.

    Raises
    ------
    ValueError
        If not ``0 < low_hz < high_hz < sampling_rate_hz / 2``.
    """
    if not 0 < low_hz < high_hz < sampling_rate_hz / 2:
        raise ValueError(
            f"the band {low_hz:g} to {high_hz:g} Hz does not lie between 0 and {sampling_rate_hz / 2:g} Hz, "
            f"the Nyquist frequency of a signal sampled at {sampling_rate_hz:g} Hz"
        )
    return _read_only(signal.butter(order, [low_hz, high_hz], "bandpass", fs=sampling_rate_hz, output="sos"))


@lru_cache(maxsize=16)
def highpass_sections(sampling_rate_hz: float, low_hz: float = LOW_HZ, order: int = ORDER) -> FloatArray:
    """Design the low edge alone, for rates that have no room for the high one, as second-order sections."""
    return _read_only(signal.butter(order, low_hz, "highpass", fs=sampling_rate_hz, output="sos"))


@lru_cache(maxsize=16)
def notch_sections(sampling_rate_hz: float, notch_hz: float) -> FloatArray:
    """Design the mains notch that runs each way, as a second-order section.

    Raises
    ------
    ValueError
        If ``notch_hz`` is not below the Nyquist frequency.
    """
    if not 0 < notch_hz < sampling_rate_hz / 2:
        raise ValueError(f"a notch at {notch_hz:g} Hz needs a sampling rate above {2 * notch_hz:g} Hz")
    return _read_only(signal.tf2sos(*signal.iirnotch(notch_hz, NOTCH_QUALITY, fs=sampling_rate_hz)))


def _read_only(sections: FloatArray) -> FloatArray:
    """Protect a design, which is made once for all batches, from changes."""
    sections.setflags(write=False)
    return sections


def bandpass(
    ecg_mv: FloatArray,
    sampling_rate_hz: float,
    low_hz: float = LOW_HZ,
    high_hz: float = HIGH_HZ,
    order: int = ORDER,
    notch_hz: float | None = None,
) -> FloatArray:
    """Apply a zero-phase Butterworth band-pass along the last axis, with a mains notch if wanted.

    Beyond its ends the signal is taken to go on as its own mirror image. On cuts out of longer real runs that leaves a
    third of the error that ``sosfiltfilt``'s default has in the first and last second: turning the signal about its
    end point puts all the noise of that one sample into the baseline.

    Parameters
    ----------
    ecg_mv
        Signal in millivolts without gaps, shape ``(..., n_samples)``.
    sampling_rate_hz
        Samples a second.
    low_hz, high_hz
        Corner frequencies. Each direction takes 3 dB there, both together 6 dB.
    order
        Order of the low- and of the high-pass side, each way.
    notch_hz
        Mains frequency to take out, or None.

    Returns
    -------
    The filtered signal in millivolts, float64, same shape.

    Raises
    ------
    ValueError
        If the band or the notch does not lie below the Nyquist frequency, or the signal is shorter than 2 s.

    References
    ----------
    Kligfield, P. et al. (2007). Recommendations for the standardization and interpretation of the electrocardiogram,
    part I. Circulation 115, 1306-1324.
    """
    values = np.asarray(ecg_mv, dtype=np.float64)
    require_duration(values.shape[-1], sampling_rate_hz)
    runs = values.reshape(-1, values.shape[-1])
    sections = bandpass_sections(sampling_rate_hz, low_hz, high_hz, order)
    if notch_hz is not None:
        sections = np.vstack([sections, notch_sections(sampling_rate_hz, notch_hz)])
    filtered = np.empty_like(runs)
    for rows in slices(*runs.shape):
        for read, kept in blocks(runs.shape[1], sampling_rate_hz):
            part = zero_phase(runs[rows, read], sampling_rate_hz, sections)
            filtered[rows, kept] = part[:, kept.start - read.start : kept.stop - read.start]
    return filtered.reshape(values.shape)


def zero_phase(runs: FloatArray, sampling_rate_hz: float, sections: FloatArray) -> FloatArray:
    """Apply second-order sections forward and backward to runs of one block, shape ``(n_runs, n_samples)``."""
    spectrum = _Spectrum(runs, sampling_rate_hz)
    spectrum.apply(sections)
    return spectrum.signal()


def filter_runs(
    ecg_mv: FloatArray,
    sampling_rate_hz: float,
    mains_hz: float | None = None,
    first_sample: IntArray | None = None,
    out: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Filter runs as the pipeline does: 0.5 to 40 Hz, and a notch where a run has mains hum.

    A rate of 80 Hz or less has no room for the 40-Hz edge: there the 0.5-Hz edge alone is applied, since the sampling
    itself took the rest away. Mains that is not below the Nyquist frequency is neither looked for nor taken out.

    Parameters
    ----------
    ecg_mv
        Signals in millivolts without gaps, shape ``(n_runs, n_samples)``.
    sampling_rate_hz
        Samples a second.
    mains_hz
        50 or 60 to take that frequency out of every run; None to look for either in each run.
    first_sample
        Where each run's signal begins, shape ``(n_runs,)``; what lies before does not matter.
    out
        Where to put the filtered signals, shape ``(n_runs, n_samples)``; default: a new array.

    Returns
    -------
    The filtered signals, shape ``(n_runs, n_samples)``, which go on before ``first_sample`` as beyond any edge; and the
    mains frequency taken out of each run, NaN where there is none.

    Raises
    ------
    ValueError
        If ``mains_hz`` is neither 50 nor 60, or the runs are shorter than 2 s.
    """
    require_mains(mains_hz)
    runs = np.asarray(ecg_mv, dtype=np.float64)
    n_runs, n_samples = runs.shape
    require_duration(n_samples, sampling_rate_hz)
    has_room = sampling_rate_hz > 2 * HIGH_HZ
    sections = bandpass_sections(sampling_rate_hz) if has_room else highpass_sections(sampling_rate_hz)
    first = np.zeros(n_runs, np.int64) if first_sample is None else first_sample
    filtered = np.empty_like(runs) if out is None else out
    mains = np.full(n_runs, mains_hz if mains_hz is not None and mains_hz < sampling_rate_hz / 2 else np.nan)
    parts = list(blocks(n_samples, sampling_rate_hz))
    for rows in slices(n_runs, n_samples):
        spectra = (_Spectrum(runs[rows, read], sampling_rate_hz, first[rows] - read.start) for read, _ in parts)
        if mains_hz is None and len(parts) > 1:
            mains[rows] = _strongest_mains(np.mean([spectrum.mains_power_ratios() for spectrum in spectra], axis=0))
            spectra = (_Spectrum(runs[rows, read], sampling_rate_hz, first[rows] - read.start) for read, _ in parts)
        for spectrum, (read, kept) in zip(spectra, parts, strict=True):
            if mains_hz is None and len(parts) == 1:
                mains[rows] = _strongest_mains(spectrum.mains_power_ratios())
            spectrum.apply(sections)
            for frequency_hz in MAINS_FREQUENCIES_HZ:
                has_hum = mains[rows] == frequency_hz
                if has_hum.any():
                    spectrum.apply(notch_sections(sampling_rate_hz, frequency_hz), has_hum)
            filtered[rows, kept] = spectrum.signal()[:, kept.start - read.start : kept.stop - read.start]
    return filtered, mains


def require_duration(n_samples: int, sampling_rate_hz: float) -> None:
    """Refuse signals that are too short to filter.

    Raises
    ------
    ValueError
        If the sampling rate is not a positive number or there are fewer samples than 2 s.
    """
    if not (np.isfinite(sampling_rate_hz) and sampling_rate_hz > 0):
        raise ValueError(f"the sampling rate is {sampling_rate_hz} Hz, expected a positive number")
    if n_samples / sampling_rate_hz < MIN_DURATION_S:
        raise ValueError(
            f"{n_samples} samples at {sampling_rate_hz:g} Hz last {n_samples / sampling_rate_hz:.3g} s, "
            f"expected at least {MIN_DURATION_S:g} s"
        )


def require_mains(mains_hz: float | None) -> None:
    """Refuse a mains frequency that no grid has.

    Raises
    ------
    ValueError
        If it is neither 50, 60 nor None.
    """
    if mains_hz is not None and mains_hz not in MAINS_FREQUENCIES_HZ:
        raise ValueError(f"mains_hz is {mains_hz:g}, expected 50, 60 or None")


def slices(n_runs: int, n_samples: int, size: int = SLICE_SAMPLES) -> Iterator[slice]:
    """Yield slices of rows that together hold about ``size`` samples, at least one row each."""
    step = max(1, size // max(1, n_samples))
    for start in range(0, n_runs, step):
        yield slice(start, min(start + step, n_runs))


def blocks(n_samples: int, sampling_rate_hz: float) -> Iterator[tuple[slice, slice]]:
    """Yield the samples to read and to keep, block by block along a run; one block for all but long recordings."""
    step = round(BLOCK_S * sampling_rate_hz)
    margin = round(BLOCK_MARGIN_S * sampling_rate_hz)
    if n_samples <= step + margin:
        step = n_samples
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        yield slice(max(0, start - margin), min(n_samples, stop + margin)), slice(start, stop)


@lru_cache(maxsize=16)
def _zero_phase_gain(n_total: int, sampling_rate_hz: float, sections: bytes) -> FloatArray:
    """Compute ``|H(f)|²``, both directions together, at the frequencies of an ``n_total``-point cosine transform."""
    frequencies_hz = np.arange(n_total) * (sampling_rate_hz / (2 * n_total))
    _, response = signal.freqz_sos(np.frombuffer(sections).reshape(-1, 6), frequencies_hz, fs=sampling_rate_hz)
    gain: FloatArray = np.square(np.abs(response))
    return gain


class _Spectrum:
    """Hold the cosine transform (DCT-II) of runs: the Fourier transform of the runs mirrored at both ends for ever."""

    def __init__(self, runs: FloatArray, sampling_rate_hz: float, first_sample: IntArray | None = None) -> None:
        self.n_samples = runs.shape[1]
        self.rate = sampling_rate_hz
        n_total: int = fft.next_fast_len(self.n_samples, real=True)
        late = np.flatnonzero(first_sample > 0) if first_sample is not None else ()
        if n_total == self.n_samples and not len(late):
            self.values: FloatArray = fft.dct(runs, axis=1)
            return
        extended = np.pad(runs, ((0, 0), (0, n_total - self.n_samples)), mode="symmetric")
        if first_sample is not None:
            for row in late:
                first = min(int(first_sample[row]), self.n_samples - 1)
                ends = first, n_total - self.n_samples
                extended[row] = np.pad(runs[row, first:], ends, mode="symmetric")
        self.values = fft.dct(extended, axis=1, overwrite_x=True)

    def mains_power_ratios(self) -> FloatArray:
        """Divide the power at 50 and 60 Hz by the strongest neighbouring band's, shape ``(n_runs, 2)``; else 0."""
        return np.stack([self._power_ratio(frequency_hz) for frequency_hz in MAINS_FREQUENCIES_HZ], axis=1)

    def _power_ratio(self, centre_hz: float) -> FloatArray:
        bin_hz = self.rate / (2 * self.values.shape[1])
        # neighbours from three half-widths on, so that the foot of a strong hum is in none of them; four on each side
        offsets_hz = MAINS_BAND_HZ * np.array([0, -3, -5, -7, -9, 3, 5, 7, 9])
        lows = np.round((centre_hz + offsets_hz - MAINS_BAND_HZ) / bin_hz).astype(int)
        width = max(1, round(2 * MAINS_BAND_HZ / bin_hz))
        lows = lows[lows + width <= self.values.shape[1]]
        if len(lows) < 5:
            return np.zeros(len(self.values))
        bands = np.stack([np.square(self.values[:, low : low + width]).sum(axis=1) for low in lows], axis=1)
        strongest = bands[:, 1:].max(axis=1)
        ratio: FloatArray = np.divide(bands[:, 0], strongest, out=np.zeros(len(bands)), where=strongest > 0)
        return ratio

    def apply(self, sections: FloatArray, rows: BoolArray | None = None) -> None:
        """Filter forward and backward, all rows or those chosen."""
        gain = _zero_phase_gain(self.values.shape[1], self.rate, np.ascontiguousarray(sections).tobytes())
        if rows is None or rows.all():
            self.values *= gain
        else:
            for row in np.flatnonzero(rows):
                self.values[row] *= gain

    def signal(self) -> FloatArray:
        """Transform back: return the filtered runs, shape ``(n_runs, n_samples)``."""
        runs: FloatArray = fft.idct(self.values, axis=1, overwrite_x=True)
        return runs[:, : self.n_samples]


def _strongest_mains(ratios: FloatArray) -> FloatArray:
    """Choose the mains frequency of each run, NaN where none stands out."""
    best = ratios.argmax(axis=1)
    stands_out = ratios[np.arange(len(ratios)), best] > MAINS_POWER_RATIO
    return np.where(stands_out, np.array(MAINS_FREQUENCIES_HZ)[best], np.nan)
