"""Find the R peaks of ECG signals, in batches of equal-length runs.

The detector is of the family that Pan and Tompkins founded: a band in which QRS complexes stand out, its energy, and
thresholds that follow the heights of the beats around. What is near the threshold is then weighed anew: by its height,
by its likeness to other beats, and by the gap that would be there without it. Each step works on all runs, or on all
candidates of all runs, at once.

The parameters were chosen on ten records of the MIT-BIH database and hold there for what is written beside them;
``docs/ecg.md`` says how the score moves when each of them is changed.

The module is longer than 400 lines: it is one algorithm with its parameters, whose benchmark
(``benchmarks/r_peak_parameters.py``) changes them one by one, and its steps are of no use without each other.

References
----------
Pan, J. and Tompkins, W. J. (1985). A real-time QRS detection algorithm. IEEE Trans. Biomed. Eng. 32, 230-236.
Elgendi, M. (2013). Fast QRS detection with an optimized knowledge-based method. PLoS ONE 8, e73557.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, signal

from python_transforms.ecg.artefacts import BLOCK_S, block_starts, limit_steps
from python_transforms.ecg.blocked_p_waves import mean_p_waves, resemble
from python_transforms.ecg.filtering import (
    BoolArray,
    FloatArray,
    IntArray,
    blocks,
    require_duration,
    slices,
    zero_phase,
)

# Alone, the detector goes through runs in slices of about this many samples: a fifth faster than three times as many,
# which are beyond the caches. (Within the transform, threads would be in each other's way with so little.)
DETECTOR_SLICE_SAMPLES = 500_000
# Beats are looked for at about this rate: three times the band's upper edge, and a quarter of the work at 500 Hz.
ANALYSIS_HZ = 120.0
# Elgendi (2013) found 8 to 20 Hz best of all bands for QRS energy; order 1 rings least.
BAND_HZ = (8.0, 20.0)
BAND_ORDER = 1
# Energy is averaged over about one QRS complex (Pan and Tompkins: 150 ms; wide complexes last 120 ms and more).
ENERGY_S = 0.13
# Candidates are maxima of the energy within so much; closer ones belong to one complex (the refractory time of the
# ventricle).
MAXIMUM_S = 0.2
# The level that beats reach: of the maxima in blocks of 1.2 s the 40 % quantile of seven, which one artefact of some
# seconds cannot raise, nor a pause lower.
LEVEL_BLOCKS = 7
LEVEL_QUANTILE = 0.4
# Nothing lower than this part of the highest level of the run is a beat: rounding noise in a dead stretch is not.
FLOOR = 0.02
# First pass: candidates above this part of the level.
FIRST_THRESHOLD = 0.35
# Of candidates nearer than this the higher one stays: 200 beats a minute.
REFRACTORY_S = 0.3
# A candidate is a T wave when it comes this soon after a beat and is less steep than this part of it. Pan and Tompkins
# have 360 ms and half; the first pair sees T waves of steep rise, the second those of slow rates.
T_WAVES = ((0.33, 0.7), (0.45, 0.5))
# Slopes are taken within half a wide complex around the energy's maximum.
SLOPE_S = 0.07
# Second pass: medians over 13 beats, about 10 s, as far as heights may be expected to stay alike.
NEIGHBOURS = 13
# A beat has at least this part of the median height around it …
SECOND_THRESHOLD = 0.40
# … and this many times that of what was rejected around it (muscle noise, P and T waves), as far as that leaves a beat
# a chance: without the rule white noise at 0 dB costs 7 points of F1; clean it is alike.
REJECTED_FACTOR = 2.2
REJECTED_LIMIT = 0.9
# Third pass: what speaks for a candidate is added up, in powers of two of its height over the threshold. The weights
# are those of a logistic regression (height 1, threshold -0.95, similarity 2.8, gap 1.75, nearer 1.1, limit 5.2) on the
# ten records, clean and in noise, and their second channels, rounded within the flat region of docs/ecg.md.
# Beats look like other beats, noise does not: correlation with the third best of the accepted beats of the same piece,
# so that an ectopic shape needs three of its kind only. It counts from 0: the other way round is merely another shape.
SIMILARITY_WEIGHT = 2.7
SIMILAR_BEATS = 3
# In short runs there are few to resemble: up to so many, those that are missing are taken to do so to this degree.
ENOUGH_BEATS = 8
UNKNOWN_SIMILARITY = 0.5
PIECE_S = 20.0
# Shapes span the complex and what is next to it, at 60 Hz: all that is typical of a complex lies below 30 Hz.
SHAPE_S = 0.2
SHAPE_STEP = 2
SHAPE_SHIFTS = 1
# Beats are where a gap would be without them: the gap between the neighbours in usual intervals. At twice the usual
# interval a beat is missing for certain, a premature one and its pause make nearly as much, a false beat stands in one.
GAP_WEIGHT = 1.5
GAP_LIMITS = (0.8, 2.0)
# And not close to a neighbour: its distance in usual intervals, as far as one.
NEARER_WEIGHT = 1.2
EVIDENCE_LIMIT = 4.4
# A T wave by its slope needs twice the height.
T_WAVE_PENALTY = 1.0
# What is lower than this part of the usual height, and comes at this part of an interval after a beat or after missing
# ones (where P waves stand at 40 to 130 beats a minute), may be a P wave without a QRS complex; after so many intervals
# nothing is known of when a beat is due …
P_HEIGHT = 0.45
P_PHASE = (0.55, 0.9)
P_SINCE = 20.0
# … if the beat would be due after it, to this part of an interval, as after any other (see blocked_p_waves.py).
P_DUE = 0.15
# Beats that fade to a fifth of their neighbours are still found; lower candidates are not worth the work.
LEAST_HEIGHT = 0.15
# The second round sees neighbours that the first has put right (+0.01 points clean); a third changes nothing.
ROUNDS = 2
# A complex that the run's end cuts has no peak: its largest deviation is the last sample.
CUT_S = 0.005
# The R peak lies this near to the energy's maximum; it is the largest deviation from the mean over the wider window.
R_WINDOW_S = 0.06
R_BASELINE_S = 0.15
# R points the way of most beats around, so that intervals are measured from like to like: of a hundred beats, all of a
# short run. A beat whose balance of up and down differs by more than this from theirs (each from -1 to 1; an ectopic
# beat) is taken by its own larger deflection.
POLARITY_NEIGHBOURS = 101
OWN_POLARITY = 0.5


def detect_r_peaks(ecg_mv: FloatArray, sampling_rate_hz: float) -> list[IntArray]:
    """Find the R peaks of each run, whichever way they point.

    Scaling, offset and sign of the signal do not matter. Long recordings are taken block by block, so that memory is
    bounded by the block.

    Parameters
    ----------
    ecg_mv
        Signals without gaps, raw or filtered, shape ``(n_runs, n_samples)``, 2 s or longer.
    sampling_rate_hz
        Samples a second, 100 or more.

    Returns
    -------
    For each run the sample indices of its R peaks, ascending.

    Raises
    ------
    ValueError
        If the array is not 2-D, lasts less than 2 s, or a sample is missing or infinite.
    """
    signals = np.asarray(ecg_mv, dtype=np.float64)
    if signals.ndim != 2:
        raise ValueError(f"the signals have {signals.ndim} dimensions, expected 2: (n_runs, n_samples)")
    require_duration(signals.shape[1], sampling_rate_hz)
    broken = np.flatnonzero(~np.isfinite(signals).all(axis=1))
    if len(broken):
        raise ValueError(f"run {broken[0]} has a missing or infinite sample: fill gaps first (`quality.inspect`)")
    peaks: list[IntArray] = []
    for rows in slices(len(signals), signals.shape[1], DETECTOR_SLICE_SAMPLES):
        run, index = r_peaks(signals[rows], sampling_rate_hz)
        peaks += np.split(index, np.searchsorted(run, np.arange(1, rows.stop - rows.start)))
    return peaks


def r_peaks(ecg_mv: FloatArray, sampling_rate_hz: float) -> tuple[IntArray, IntArray]:
    """Find R peaks as :func:`detect_r_peaks` does, without its checks.

    All runs are worked on at once: memory grows with their number, not with their length.

    Returns
    -------
    The run of each beat and its sample index, ordered by both, shape ``(n_beats,)`` each.
    """
    runs, indices = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for read, kept in blocks(ecg_mv.shape[1], sampling_rate_hz):
        run, index = _detect(ecg_mv[:, read], sampling_rate_hz)
        index = index + read.start
        inside = (index >= kept.start) & (index < kept.stop)
        runs.append(run[inside])
        indices.append(index[inside])
    run, index = np.concatenate(runs), np.concatenate(indices)
    order = np.lexsort((index, run))
    run, index = run[order], index[order]
    # at the seam of two blocks a beat may be placed a little apart on either side
    again = (np.diff(run, prepend=-1) == 0) & (np.diff(index, prepend=0) < MAXIMUM_S / 2 * sampling_rate_hz)
    return run[~again], index[~again]


@dataclass(frozen=True)
class _Candidates:
    """Hold the maxima of the QRS energy of all runs in one line: ``time`` grows over all, far apart between runs."""

    run: IntArray
    position: IntArray
    time: IntArray
    height: FloatArray
    slope: FloatArray
    level: FloatArray
    piece: IntArray


def _detect(runs: FloatArray, sampling_rate_hz: float) -> tuple[IntArray, IntArray]:
    """Find run and sample index of each beat of one block."""
    step = max(1, round(sampling_rate_hz / ANALYSIS_HZ))
    rate = sampling_rate_hz / step
    low, offset = _decimate(runs, step)
    candidates = _candidates(limit_steps(low, rate)[0], rate)
    beats = _without_t_waves(
        candidates, _highest(candidates, candidates.height > FIRST_THRESHOLD * candidates.level, rate), rate
    )
    if len(beats) == 0:
        return beats, beats
    usual, threshold = _second_threshold(candidates, beats)
    beats = _without_t_waves(candidates, _highest(candidates, candidates.height > threshold, rate), rate)
    candidate = np.flatnonzero(candidates.height > LEAST_HEIGHT * usual)
    coarse, _ = _decimate(low, SHAPE_STEP)
    for _ in range(ROUNDS):
        place = _place(candidates, candidate, beats)
        evidence = np.full(len(candidates.time), -np.inf)
        evidence[candidate] = _evidence(coarse, candidates, candidate, place, beats, threshold, rate)
        evidence[_blocked_p_waves(low, rate, candidates, candidate, place, beats, usual, evidence)] = -np.inf
        beats = _highest(candidates, evidence > 0, rate, evidence)
        if len(beats) == 0:
            return beats, beats
    run = candidates.run[beats]
    baseline = _local_mean(low, run, candidates.position[beats], rate) + offset[run]
    index = _locate(runs, run, candidates.position[beats] * step + (step - 1) // 2, baseline, sampling_rate_hz)
    cut = CUT_S * sampling_rate_hz
    is_whole = (index >= cut) & (index < runs.shape[1] - cut)
    return run[is_whole], index[is_whole]


def _decimate(runs: FloatArray, step: int) -> tuple[FloatArray, FloatArray]:
    """Average each ``step`` samples, and subtract the mean of the run; return that mean too."""
    n_kept = runs.shape[1] // step * step
    low = runs[:, 0:n_kept:step].copy()
    for first in range(1, step):
        low += runs[:, first:n_kept:step]
    low /= step
    offset: FloatArray = low.mean(axis=1)
    low -= offset[:, None]
    return low, offset


@lru_cache(maxsize=16)
def _band_sections(rate: float) -> FloatArray:
    sections: FloatArray = signal.butter(BAND_ORDER, BAND_HZ, "bandpass", fs=rate, output="sos")
    return sections


def _candidates(low: FloatArray, rate: float) -> _Candidates:
    n_samples = low.shape[1]
    band = zero_phase(low, rate, _band_sections(rate))
    energy = ndimage.uniform_filter1d(np.square(band), max(1, round(ENERGY_S * rate)), axis=1, mode="nearest")
    width = 2 * round(MAXIMUM_S * rate / 2) + 1
    run, position = np.nonzero(ndimage.maximum_filter1d(energy, width, axis=1, mode="nearest") == energy)
    height = np.sqrt(np.maximum(energy[run, position], 0))
    level, highest = _local_level(energy, run, position, rate)
    alive = height > FLOOR * highest
    run, position, height, level = run[alive], position[alive], height[alive], level[alive]
    reach = round(SLOPE_S * rate)
    around = np.clip(position[:, None] + np.arange(-reach, reach + 2), 0, n_samples - 1)
    slope = np.abs(np.diff(np.take(band, run[:, None] * n_samples + around), axis=1)).max(axis=1, initial=0)
    time = run * (n_samples + round(10 * rate)) + position  # 10 s: out of reach of every rule about neighbours
    pieces_a_run = max(1, round(n_samples / rate / PIECE_S))
    piece = run * pieces_a_run + position * pieces_a_run // n_samples
    return _Candidates(run, position, time, height, slope, level, piece)


def _local_level(energy: FloatArray, run: IntArray, position: IntArray, rate: float) -> tuple[FloatArray, FloatArray]:
    """Estimate the height of beats around each candidate; return also the greatest such height of its run."""
    starts = block_starts(energy.shape[1], rate)
    n_blocks = len(starts)
    tops = np.sqrt(np.maximum(np.maximum.reduceat(energy, starts, axis=1), 0))
    half = LEVEL_BLOCKS // 2
    padded = np.pad(tops, ((0, 0), (half, half)), mode="reflect" if n_blocks > half else "edge")
    ordered = np.sort(sliding_window_view(padded, LEVEL_BLOCKS, axis=1), axis=2)
    rank, rest = divmod(LEVEL_QUANTILE * (LEVEL_BLOCKS - 1), 1)
    levels = ordered[:, :, int(rank)] * (1 - rest) + ordered[:, :, int(rank) + 1] * rest
    at = np.clip(position / max(1, round(BLOCK_S * rate)) - 0.5, 0, n_blocks - 1)
    before = at.astype(np.int64)
    after = np.minimum(before + 1, n_blocks - 1)
    level = levels[run, before] + (levels[run, after] - levels[run, before]) * (at - before)
    return level, levels.max(axis=1)[run]


def _highest(
    candidates: _Candidates, is_candidate: BoolArray, rate: float, heights: FloatArray | None = None
) -> IntArray:
    """Choose the highest of candidates nearer than the refractory time; return their indices, ascending."""
    heights = candidates.height if heights is None else heights
    left = np.flatnonzero(is_candidate)
    kept = []
    while len(left):
        height = heights[left]
        is_near = np.diff(candidates.time[left]) < REFRACTORY_S * rate
        rises = height[1:] > height[:-1]
        is_top = ~(np.append(is_near & rises, False) | np.append(False, is_near & ~rises))
        kept.append(left[is_top])
        beside_top = np.append(is_near & is_top[1:], False) | np.append(False, is_near & is_top[:-1])
        left = left[~(is_top | beside_top)]
    return np.sort(np.concatenate(kept)) if kept else left


def _without_t_waves(candidates: _Candidates, beats: IntArray, rate: float) -> IntArray:
    is_t_wave = _is_t_wave(candidates, beats[1:], beats[:-1], rate)
    is_beat: BoolArray = np.append(True, ~is_t_wave)[: len(beats)]
    return beats[is_beat]


def _is_t_wave(candidates: _Candidates, candidate: IntArray, beat_before: IntArray, rate: float) -> BoolArray:
    distance = candidates.time[candidate] - candidates.time[beat_before]
    slope, slope_before = candidates.slope[candidate], candidates.slope[beat_before]
    is_t_wave = np.zeros(len(candidate), bool)
    for seconds, part in T_WAVES:
        is_t_wave |= (distance > 0) & (distance < seconds * rate) & (slope < part * slope_before)
    return is_t_wave


def _second_threshold(candidates: _Candidates, beats: IntArray) -> tuple[FloatArray, FloatArray]:
    """Compute for each candidate the usual height of beats around, infinite in a run without any, and the threshold."""
    usual = _around(candidates, beats, np.inf)
    is_rejected = candidates.height < SECOND_THRESHOLD * usual
    is_rejected[beats] = False
    is_rejected &= np.isfinite(usual)
    noise = _around(candidates, np.flatnonzero(is_rejected), 0.0)
    raised = np.minimum(REJECTED_FACTOR * noise, REJECTED_LIMIT * usual)
    return usual, np.maximum(SECOND_THRESHOLD * usual, raised)


def _around(candidates: _Candidates, chosen: IntArray, otherwise: float) -> FloatArray:
    """Take for each candidate the running median height at the nearest chosen candidate of its run."""
    if len(chosen) == 0:
        return np.full(len(candidates.time), otherwise)
    median = _running_median(candidates.height[chosen], candidates.run[chosen], NEIGHBOURS)
    after = np.minimum(np.searchsorted(chosen, np.arange(len(candidates.time))), len(chosen) - 1)
    before = np.maximum(after - 1, 0)
    is_before_nearer = candidates.time - candidates.time[chosen[before]] <= np.abs(
        candidates.time[chosen[after]] - candidates.time
    )
    nearest = np.where(is_before_nearer, before, after)
    return np.where(candidates.run[chosen[nearest]] == candidates.run, median[nearest], otherwise)


def _running_median(values: FloatArray, run: IntArray, size: int) -> FloatArray:
    """Compute the median of the ``size`` values around each value, of its own run, fewer where the run has fewer."""
    start, stop = np.searchsorted(run, run, "left"), np.searchsorted(run, run, "right")
    size = min(size, int((stop - start).max(initial=1)))
    low = np.clip(np.arange(len(values)) - size // 2, start, np.maximum(start, stop - size))
    index = low[:, None] + np.arange(size)
    is_inside = index < stop[:, None]
    ordered = np.sort(np.where(is_inside, values[np.minimum(index, len(values) - 1)], np.inf), axis=1)
    count, row = is_inside.sum(axis=1), np.arange(len(values))
    median: FloatArray = (ordered[row, (count - 1) // 2] + ordered[row, count // 2]) / 2
    return median


@dataclass(frozen=True)
class _Place:
    """Hold where candidates stand among beats, in usual intervals; and the usual interval, in samples.

    ``since`` is the time after the beat before, ``nearer`` the distance from the nearer beat, ``gap`` the time between
    the beats on either side. At either end of a run the neighbour that is not seen is taken to be as far as the one
    that is.
    """

    since: FloatArray
    nearer: FloatArray
    gap: FloatArray
    interval: FloatArray


def _place(candidates: _Candidates, candidate: IntArray, beats: IntArray) -> _Place:
    at = np.searchsorted(beats, candidate)
    is_beat = beats[np.minimum(at, len(beats) - 1)] == candidate
    before, after = at - 1, at + is_beat
    has_before = (before >= 0) & (candidates.run[beats[before]] == candidates.run[candidate])
    after_or_last = np.minimum(after, len(beats) - 1)
    has_after = (after < len(beats)) & (candidates.run[beats[after_or_last]] == candidates.run[candidate])
    interval = _usual_interval(candidates, beats)[np.where(has_before, before, after_or_last)]
    since = np.where(has_before, candidates.time[candidate] - candidates.time[beats[before]], np.inf) / interval
    until = np.where(has_after, candidates.time[beats[after_or_last]] - candidates.time[candidate], np.inf) / interval
    nearer = np.minimum(since, until)
    farther = np.where(has_before & has_after, np.maximum(since, until), nearer)
    return _Place(since, nearer, nearer + farther, interval)


def _evidence(
    coarse: FloatArray,
    candidates: _Candidates,
    candidate: IntArray,
    place: _Place,
    beats: IntArray,
    threshold: FloatArray,
    rate: float,
) -> FloatArray:
    """Add up the weights in favour of each candidate, given the beats accepted so far.

    Similarity, which takes the longest, is computed only where it can decide: of most beats and waves of a clean
    signal the rest says enough.
    """
    before = np.maximum(np.searchsorted(beats, candidate) - 1, 0)
    evidence: FloatArray = (
        np.log2(candidates.height[candidate] / threshold[candidate])
        + GAP_WEIGHT * np.clip(place.gap, *GAP_LIMITS)
        + NEARER_WEIGHT * np.minimum(place.nearer, 1)
        - T_WAVE_PENALTY * _is_t_wave(candidates, candidate, beats[before], rate)
        - EVIDENCE_LIMIT
    )
    possible = np.flatnonzero(evidence > -SIMILARITY_WEIGHT)
    is_near = np.diff(candidates.time[candidate[possible]]) < REFRACTORY_S * rate
    has_rival = np.append(is_near, False) | np.append(False, is_near)
    undecided = possible[(evidence[possible] <= 0) | has_rival[: len(possible)]]
    evidence[undecided] += SIMILARITY_WEIGHT * _similarity(coarse, rate, candidates, candidate[undecided], beats)
    return evidence


def _blocked_p_waves(
    low: FloatArray,
    rate: float,
    candidates: _Candidates,
    candidate: IntArray,
    place: _Place,
    beats: IntArray,
    usual: FloatArray,
    evidence: FloatArray,
) -> IntArray:
    """Find P waves that no QRS complex follows among the candidates that would be beats.

    They are low, lie as long before the time of a beat as P waves do, and look like those of the same piece.
    """
    is_low = candidates.height < P_HEIGHT * usual
    since = np.where(place.since < P_SINCE, place.since, 0)
    possible = np.flatnonzero(is_low[candidate] & (evidence[candidate] > 0) & (since > P_PHASE[0]))
    phase = since[possible] % 1
    possible = possible[(phase > P_PHASE[0]) & (phase < P_PHASE[1])]
    wave = candidate[possible]
    if len(wave) == 0:
        return wave
    pieces, group = np.unique(candidates.piece[wave], return_inverse=True)
    others = beats[np.isin(candidates.piece[beats], pieces) & ~is_low[beats]]
    other_group = np.searchsorted(pieces, candidates.piece[others])
    waves = mean_p_waves(low, rate, candidates.run[others], candidates.position[others], other_group, len(pieces))
    is_alike, later = resemble(low, candidates.run[wave], candidates.position[wave], waves.shape[group])
    due = since[possible] + (later + waves.lead[group]) / place.interval[possible]
    return wave[is_alike & (np.abs(due - np.rint(due)) < P_DUE)]


def _usual_interval(candidates: _Candidates, beats: IntArray) -> FloatArray:
    """Compute the running median interval at each beat, 1 in a run of a single one: any distance is far then."""
    run = candidates.run[beats]
    first = np.flatnonzero(run[1:] == run[:-1])
    usual = np.ones(len(beats))
    if len(first):
        interval = candidates.time[beats[first + 1]] - candidates.time[beats[first]]
        usual[first] = _running_median(interval.astype(np.float64), run[first], NEIGHBOURS)
        is_last = np.ones(len(first), bool)
        is_last[:-1] = np.diff(first) > 1
        usual[first[is_last] + 1] = usual[first[is_last]]
    return usual


def _shapes(coarse: FloatArray, rate: float, candidates: _Candidates, chosen: IntArray, shifts: int) -> FloatArray:
    """Cut out the surroundings of candidates, shape ``(n_chosen, 1 + 2 * shifts, n)``: shifted, each of length 1."""
    n_samples = coarse.shape[1]
    half = max(1, round(SHAPE_S * rate / SHAPE_STEP))
    position = (candidates.position[chosen] // SHAPE_STEP)[:, None]
    index = np.clip(position + np.arange(-half - shifts, half + shifts + 1), 0, n_samples - 1)
    wide = np.take(coarse, candidates.run[chosen][:, None] * n_samples + index)
    shapes = sliding_window_view(wide, 2 * half + 1, axis=1).copy()
    shapes -= shapes.mean(axis=2, keepdims=True)
    norm = np.sqrt(np.einsum("ijk,ijk->ij", shapes, shapes))[:, :, None]
    scaled: FloatArray = np.divide(shapes, norm, out=np.zeros_like(shapes), where=norm > 0).astype(np.float32)
    return scaled


def _similarity(
    coarse: FloatArray, rate: float, candidates: _Candidates, chosen: IntArray, beats: IntArray
) -> FloatArray:
    """Correlate candidates with the third most similar of the beats of their piece, from 0 to 1.

    Beats that short runs do not have are taken to be somewhat similar.
    """
    pieces, group = np.unique(candidates.piece[chosen], return_inverse=True)
    known = beats[np.isin(candidates.piece[beats], pieces)]
    known_group = np.searchsorted(pieces, candidates.piece[known])
    n_known = np.bincount(known_group, minlength=len(pieces))
    n_columns = max(ENOUGH_BEATS, int(n_known.max(initial=0)))
    shapes, known_shapes = (
        _shapes(coarse, rate, candidates, chosen, SHAPE_SHIFTS),
        _shapes(coarse, rate, candidates, known, 0),
    )
    references = np.zeros((len(pieces), shapes.shape[2], n_columns), shapes.dtype)
    references[known_group, :, _rank_within(known_group)] = known_shapes[:, 0]
    slot = _rank_within(group)
    padded = np.zeros((len(pieces), int(slot.max(initial=0)) + 1, shapes.shape[2]), shapes.dtype)
    is_missing = (np.arange(n_columns) >= n_known[:, None]) & (np.arange(n_columns) < ENOUGH_BEATS)
    best = np.where(is_missing[group], UNKNOWN_SIMILARITY, 0.0).astype(shapes.dtype)
    for shift in range(shapes.shape[1]):
        padded[group, slot] = shapes[:, shift]
        np.maximum(best, (padded @ references)[group, slot], out=best)
    best.partition((n_columns - SIMILAR_BEATS - 1, n_columns - SIMILAR_BEATS), axis=1)
    # an accepted beat meets itself first
    is_beat = np.isin(chosen, known, assume_unique=True)
    return np.where(is_beat, best[:, n_columns - SIMILAR_BEATS - 1], best[:, n_columns - SIMILAR_BEATS])


def _rank_within(group: IntArray) -> IntArray:
    """Count the members of the same group before each; groups ascend."""
    rank: IntArray = np.arange(len(group)) - np.searchsorted(group, group)
    return rank


def _local_mean(low: FloatArray, run: IntArray, position: IntArray, rate: float) -> FloatArray:
    """Average the signal around each position, as far as the run goes."""
    wide, n_samples = max(1, round(R_BASELINE_S * rate)), low.shape[1]
    index = position[:, None] + np.arange(-wide, wide + 1)
    is_inside = (index >= 0) & (index < n_samples)
    values = np.take(low, run[:, None] * n_samples + index.clip(0, n_samples - 1))
    mean: FloatArray = np.where(is_inside, values, 0).sum(axis=1) / is_inside.sum(axis=1)
    return mean


def _locate(
    runs: FloatArray, run: IntArray, centre: IntArray, baseline: FloatArray, sampling_rate_hz: float
) -> IntArray:
    """Find the R peak near each centre: up or down as its neighbours unless it clearly points one way."""
    reach = max(1, round(R_WINDOW_S * sampling_rate_hz))
    index = np.clip(centre[:, None] + np.arange(-reach, reach + 1), 0, runs.shape[1] - 1)
    values = np.take(runs, run[:, None] * runs.shape[1] + index) - baseline[:, None]
    up, down = values.max(axis=1), -values.min(axis=1)
    size = up + down
    # rounded, since samples come in steps: what is equal must stay so when the signal is scaled
    polarity = np.round(np.divide(up - down, size, out=np.zeros(len(run)), where=size > 0), 9)
    usual = _running_median(polarity, run, POLARITY_NEIGHBOURS)
    goes_its_own_way = (np.abs(polarity - usual) > OWN_POLARITY) | (usual == 0)
    at_peak = np.where(np.where(goes_its_own_way, polarity, usual) > 0, values.argmax(axis=1), values.argmin(axis=1))
    peak: IntArray = index[np.arange(len(run)), at_peak]
    return peak
