"""Synthesize the single-lead ECG of a made-up person: heart beats after ECGSYN, and what spoils a recording.

The constants were set by eye and by spectrum against runs of the ECG-ID database (lead I, 500 Hz, Lugovaya 2005), which
the clinic's real files come from. Figures in comments that name no other source were measured on 169 of those runs.

References
----------
McSharry P. E., Clifford G. D., Tarassenko L., Smith L. A. (2003): A dynamical model for generating synthetic
electrocardiogram signals. IEEE Trans. Biomed. Eng. 50, 289-294 (ECGSYN). Waves are Gaussian kernels around the R peak,
and their places and widths follow the RR interval. The kernels are what the model's differential equation integrates to
when the heart beats evenly; they are summed directly here, which needs no stepping in time.

Mateo J., Laguna P. (2000): Improved heart rate variability signal analysis from the beat occurrence times according to
the IPFM model. IEEE Trans. Biomed. Eng. 47, 985-996. A beat occurs when the integral of the heart's rate reaches the
next whole number.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# ECG-ID: 12 bits over a nominal ±10 mV, which makes the step of 0.005 mV that every real value is a multiple of.
STEPS_PER_MV = 200
MIN_STEP, MAX_STEP = -2048, 2047

# Beats are computed this far beyond both ends, so that a wave whose R peak lies outside still shows. Longer than any RR
# interval made here (35 beats a minute).
_MARGIN_S = 2.0
# Slow processes are computed at this rate and interpolated: at 1 Hz, 20 points a period, a straight line errs by 1 %.
_SLOW_RATE_HZ = 20.0


@dataclass(frozen=True)
class Morphology:
    """Describe one person's ECG; arrays have one element a kernel: P, Q, R, S, rise and fall of T.

    ``amplitude_mv``, ``offset_s`` (from the R peak) and ``width_s`` (standard deviation) hold at 60 beats a minute.
    """

    amplitude_mv: FloatArray
    offset_s: FloatArray
    width_s: FloatArray
    heart_rate_bpm: float
    respiration_hz: float
    respiratory_arrhythmia: float
    is_noisy: bool


# Powers of RR / 1 s by which offsets and widths grow. P moves as in ECGSYN (its hrfact2, the fourth root); T follows
# Bazett's square root, which keeps its end within the beat; QRS hardly changes at resting rates.
_OFFSET_POWER = np.array([0.25, 0.0, 0.0, 0.0, 0.5, 0.5])
_WIDTH_POWER = np.array([0.25, 0.0, 0.0, 0.0, 0.5, 0.5])
# How much one beat's wave differs from the next (standard deviation, relative): T varies least.
_BEAT_VARIATION = np.array([0.10, 0.15, 0.04, 0.10, 0.04, 0.04])


def draw_morphology(rng: np.random.Generator, age: float = 30.0, is_female: bool = False) -> Morphology:
    """Draw one person's morphology and rhythm.

    A woman's heart beats a little faster, and heart rate variability falls with age (Umetani et al. 1998, J. Am. Coll.
    Cardiol. 31, 593-601).
    """
    r_mv = float(np.clip(rng.lognormal(np.log(0.70), 0.35), 0.35, 1.6))
    t_mv = float(np.clip(rng.normal(0.24, 0.07), 0.08, 0.45))
    amplitude_mv = np.array(
        [
            np.clip(rng.normal(0.08, 0.025), 0.03, 0.15),
            -r_mv * rng.uniform(0.02, 0.15),
            r_mv,
            # One person in eight has a deep S, never deeper than R is high: R stays the beat's largest wave.
            -r_mv * (rng.uniform(0.45, 0.7) if rng.random() < 0.125 else rng.uniform(0.05, 0.35)),
            0.45 * t_mv,
            0.75 * t_mv,
        ]
    )
    t_offset_s = rng.normal(0.30, 0.012)
    offset_s = np.array(
        [
            rng.normal(-0.165, 0.012),
            rng.normal(-0.028, 0.002),
            0.0,
            rng.normal(0.028, 0.002),
            t_offset_s - 0.05,
            t_offset_s,
        ]
    )
    width_s = np.array([0.021, 0.009, 0.0105, 0.010, 0.050, 0.036]) * rng.uniform(0.9, 1.15, size=6)
    return Morphology(
        amplitude_mv=amplitude_mv,
        offset_s=offset_s,
        width_s=width_s,
        heart_rate_bpm=float(np.clip(rng.normal(76.0 if is_female else 72.0, 8.0), 52.0, 105.0)),
        respiration_hz=float(rng.uniform(0.2, 0.33)),  # 12 to 20 breaths a minute: a resting adult
        respiratory_arrhythmia=float(np.clip(0.06 - 0.0008 * (age - 20.0), 0.01, 0.08) * rng.uniform(0.6, 1.4)),
        is_noisy=bool(rng.random() < 0.65),  # two thirds of the real runs carry mains hum of 0.04 mV and more
    )


def synthesize_run(
    rng: np.random.Generator, morphology: Morphology, n_samples: int, sampling_rate_hz: float, mains_hz: float = 50.0
) -> tuple[FloatArray, IntArray]:
    """Record one run of a person.

    Returns
    -------
    The signal in millivolts, shape ``(n_samples,)``, in steps of 0.005 mV; and the sample index of each true R peak
    (centre of the R kernel, nearest sample), ascending.
    """
    time_s = np.arange(n_samples) / sampling_rate_hz
    duration_s = n_samples / sampling_rate_hz
    slow_time_s = np.arange(-_MARGIN_S, duration_s + _MARGIN_S + 1 / _SLOW_RATE_HZ, 1 / _SLOW_RATE_HZ)
    respiration = _respiration(rng, morphology, slow_time_s)
    beat_s = _beat_times(rng, morphology, slow_time_s, respiration)
    amplitude_mv = _beat_amplitudes(rng, morphology, np.interp(beat_s, slow_time_s, respiration))
    heart_mv = _heart(morphology, beat_s, amplitude_mv, time_s)
    wander_mv = np.interp(time_s, slow_time_s, _baseline_wander(rng, slow_time_s, respiration))
    noise_mv = _mains_hum(rng, morphology, time_s, slow_time_s, mains_hz) + _muscle_noise(rng, time_s, slow_time_s)
    r_peak_index = np.rint(beat_s * sampling_rate_hz).astype(np.int64)
    r_peak_index = r_peak_index[(r_peak_index >= 0) & (r_peak_index < n_samples)]
    return steps(heart_mv + wander_mv + noise_mv) / STEPS_PER_MV, r_peak_index


def synthesize_runs(
    n_runs: int, n_samples: int, sampling_rate_hz: float, seed: int, mains_hz: float = 50.0
) -> tuple[FloatArray, list[IntArray]]:
    """Record one run each of ``n_runs`` people: signals whose true R peaks are known.

    Returns
    -------
    Signals in millivolts, shape ``(n_runs, n_samples)``, and for each run the ascending sample indices of its R peaks.

    Raises
    ------
    ValueError
        If a count is negative or the sampling rate is not positive.
    """
    if n_runs < 0 or n_samples < 0 or not sampling_rate_hz > 0:
        raise ValueError("n_runs and n_samples must not be negative and sampling_rate_hz must be positive")
    ecg_mv = np.empty((n_runs, n_samples))
    r_peak_indices = []
    for run in range(n_runs):
        rng = np.random.default_rng([seed, run])
        person = draw_morphology(rng, age=rng.uniform(20, 75), is_female=rng.random() < 0.5)
        ecg_mv[run], r_peak_index = synthesize_run(rng, person, n_samples, sampling_rate_hz, mains_hz)
        r_peak_indices.append(r_peak_index)
    return ecg_mv, r_peak_indices


def steps(ecg_mv: FloatArray) -> IntArray:
    """Digitise a signal as the recorder does: whole steps of 0.005 mV, clipped to its 12 bits."""
    return np.clip(np.rint(ecg_mv * STEPS_PER_MV), MIN_STEP, MAX_STEP).astype(np.int64)


def _slow_noise(rng: np.random.Generator, count: int, low_hz: float, high_hz: float, slope: float = 0.0) -> FloatArray:
    """Make noise of unit variance between two frequencies, at the slow rate, of amplitude ``frequency**-slope``."""
    period = 2 * count  # twice what is used: the end must not run into the beginning
    frequency_hz = np.fft.rfftfreq(period, 1 / _SLOW_RATE_HZ)
    spectrum = rng.normal(size=frequency_hz.size) + 1j * rng.normal(size=frequency_hz.size)
    inside = (frequency_hz >= low_hz) & (frequency_hz <= high_hz)
    spectrum[inside] *= frequency_hz[inside] ** -slope
    spectrum[~inside] = 0.0
    noise = np.fft.irfft(spectrum, period)[:count]
    return noise / max(float(noise.std()), 1e-12)


def _respiration(rng: np.random.Generator, morphology: Morphology, slow_time_s: FloatArray) -> FloatArray:
    """Synthesize breathing between -1 and 1, its pace varying by some 10 %."""
    pace_hz = morphology.respiration_hz * (1 + 0.1 * _slow_noise(rng, slow_time_s.size, 0.02, 0.1))
    return np.sin(2 * np.pi * (np.cumsum(pace_hz) / _SLOW_RATE_HZ + rng.random()))


def _beat_times(
    rng: np.random.Generator, morphology: Morphology, slow_time_s: FloatArray, respiration: FloatArray
) -> FloatArray:
    """Draw the times of R peaks: their rate rises with each breath in, swings at 0.1 Hz (ECGSYN's bands), drifts."""
    swing = morphology.respiratory_arrhythmia * respiration
    swing += 0.6 * morphology.respiratory_arrhythmia * _slow_noise(rng, slow_time_s.size, 0.06, 0.14)
    swing += 0.015 * _slow_noise(rng, slow_time_s.size, 0.01, 0.04)
    rate_hz = morphology.heart_rate_bpm * rng.normal(1.0, 0.04) / 60 * (1 + swing)
    beats_so_far = np.cumsum(np.clip(rate_hz, 35 / 60, 150 / 60)) / _SLOW_RATE_HZ + rng.random()
    beat_s = np.interp(np.arange(1, int(beats_so_far[-1]) + 1), beats_so_far, slow_time_s)
    # The sinus node itself is good to a few milliseconds.
    return np.sort(beat_s + rng.normal(0.0, 0.003, size=beat_s.size))


def _beat_amplitudes(rng: np.random.Generator, morphology: Morphology, respiration: FloatArray) -> FloatArray:
    """Draw the amplitude of each kernel in each beat, shape ``(n_beats, 6)``: the heart turns with breath."""
    own = 1 + _BEAT_VARIATION * rng.normal(size=(respiration.size, _BEAT_VARIATION.size))
    depth = rng.uniform(0.03, 0.12)  # of R, as the real runs show between breaths
    return morphology.amplitude_mv * own * (1 + depth * respiration)[:, np.newaxis]


def _heart(morphology: Morphology, beat_s: FloatArray, amplitude_mv: FloatArray, time_s: FloatArray) -> FloatArray:
    """Sum the kernels of the beat before and the beat after each sample; those of farther beats are zero there."""
    rr_s = np.diff(beat_s, prepend=beat_s[0] - (beat_s[1] - beat_s[0]))[:, np.newaxis]
    offset_s = morphology.offset_s * rr_s**_OFFSET_POWER
    precision = 1 / (morphology.width_s * rr_s**_WIDTH_POWER) ** 2
    next_beat = np.searchsorted(beat_s, time_s)
    heart_mv = np.zeros(time_s.size)
    for beat in (next_beat - 1, next_beat):
        beat = np.clip(beat, 0, beat_s.size - 1)
        from_r_s = time_s - beat_s[beat]
        for kernel in range(morphology.amplitude_mv.size):
            distance_s = from_r_s - offset_s[beat, kernel]
            heart_mv += amplitude_mv[beat, kernel] * np.exp(-0.5 * precision[beat, kernel] * distance_s**2)
    return heart_mv


def _baseline_wander(rng: np.random.Generator, slow_time_s: FloatArray, respiration: FloatArray) -> FloatArray:
    """Synthesize drift below 0.5 Hz, the breathing chest and, in one run of six, an electrode that was touched."""
    # Standard deviation of the real runs below 0.5 Hz: median 0.09 mV, 5 % under 0.026, 5 % over 0.37.
    strength_mv = float(np.clip(rng.lognormal(np.log(0.09), 0.85), 0.01, 0.9))
    wander_mv = strength_mv * _slow_noise(rng, slow_time_s.size, 0.02, 0.5, slope=1.2)
    wander_mv += rng.uniform(0.01, 0.04) * respiration - 0.04
    if rng.random() < 1 / 6:
        since_s = slow_time_s - rng.uniform(slow_time_s[0], slow_time_s[-1])
        wander_mv += rng.choice([-1, 1]) * rng.uniform(0.2, 0.8) * np.exp(-0.5 * (since_s / rng.uniform(0.3, 1.2)) ** 2)
    return wander_mv


def _mains_hum(
    rng: np.random.Generator, morphology: Morphology, time_s: FloatArray, slow_time_s: FloatArray, mains_hz: float
) -> FloatArray:
    """Synthesize hum at the mains' frequency, its strength swelling slowly, with a trace of the third harmonic."""
    # Root mean square at 50 Hz of the real runs: 0.004 to 0.01 mV where it is quiet, 0.05 to 0.13 mV elsewhere.
    rms_mv = rng.uniform(0.05, 0.13) if morphology.is_noisy else rng.uniform(0.004, 0.012)
    swell = np.interp(time_s, slow_time_s, 1 + 0.15 * _slow_noise(rng, slow_time_s.size, 0.2, 2.0))
    # European grids keep within 0.05 Hz of their nominal frequency in normal operation (ENTSO-E's standard range).
    phase = 2 * np.pi * (mains_hz + rng.uniform(-0.05, 0.05)) * time_s + rng.uniform(0, 2 * np.pi)
    return math.sqrt(2) * rms_mv * swell * (np.sin(phase) + 0.05 * np.sin(3 * phase))


def _muscle_noise(rng: np.random.Generator, time_s: FloatArray, slow_time_s: FloatArray) -> FloatArray:
    """Synthesize muscle activity: broad noise, weaker at high frequencies, its strength changing within seconds."""
    # 0.03 mV makes the 0.012 mV that the real runs have between 70 and 95 Hz.
    strength_mv = float(np.clip(rng.lognormal(np.log(0.026), 0.45), 0.008, 0.08))
    envelope = np.exp(0.25 * np.interp(time_s, slow_time_s, _slow_noise(rng, slow_time_s.size, 0.05, 1.0)))
    white = rng.normal(size=time_s.size + 1)
    return strength_mv * envelope * (white[1:] + 0.35 * white[:-1]) / math.hypot(1, 0.35)
