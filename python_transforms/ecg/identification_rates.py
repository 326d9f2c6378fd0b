"""Compute how well runs were identified: shares of runs that find their person, and the equal error rate.

References
----------
Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman and Hall (percentile intervals).
Bolle, R. M., Ratha, N. K. and Pankanti, S. (2004). Error analysis of pattern recognition systems: the subsets
bootstrap. Comput. Vis. Image Underst. 93, 1-33 (why people are drawn).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from python_transforms.ecg.filtering import FloatArray
from python_transforms.ecg.identification import Matches

# Resamples of people behind an interval (Efron and Tibshirani: 1,000 and more for percentiles).
RESAMPLES = 1000
# Scores lie between -1 and 1; error rates are read off at thresholds of this step, a hundredth of the distance between
# genuine and false scores.
SCORE_STEP = 0.001


@dataclass(frozen=True)
class Rates:
    """Hold how well runs were identified, in percent, with 95 % intervals (low, high).

    ``rank1`` and ``rank5`` are shares of the probes; ``eer`` is the error rate at the threshold of the
    score at which as many genuine claims are refused as false ones are let in, every run claiming to be of every
    enrolled person once.
    """

    probe_count: int
    gallery_count: int
    rank1: float
    rank1_interval: tuple[float, float]
    rank5: float
    rank5_interval: tuple[float, float]
    eer: float
    eer_interval: tuple[float, float]


def rates(matches: Matches, seed: int = 0) -> Rates:
    """Sum up the scores of a split; intervals are percentiles over resamples of the probes' people.

    Runs of one person are alike, so people are drawn, with all their runs, and not runs. Where everybody is identified,
    so is everybody in each resample: the interval then has no width and says nothing of rarer errors.

    Parameters
    ----------
    matches
        Scores of the probes.
    seed
        Seed of the resamples: the same matches give the same intervals.

    Returns
    -------
    Shares and error rate, NaN where there is no probe.

    References
    ----------
    Efron and Tibshirani (1993); Bolle, Ratha and Pankanti (2004).
    """
    if len(matches.probe) == 0:
        unknown, nothing = float("nan"), (float("nan"), float("nan"))
        return Rates(0, len(matches.gallery), unknown, nothing, unknown, nothing, unknown, nothing)
    people, member = np.unique(matches.true, return_inverse=True)
    counts = _Counts.of(matches, member, len(people))
    drawn = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)), size=RESAMPLES)
    whole = counts.rates(np.ones((1, len(people))))
    resampled = counts.rates(drawn.astype(np.float64))

    interval = {name: tuple(np.percentile(values, [2.5, 97.5]).tolist()) for name, values in resampled.items()}
    return Rates(
        probe_count=len(matches.probe),
        gallery_count=len(matches.gallery),
        rank1=float(whole["rank1"][0]),
        rank1_interval=interval["rank1"],
        rank5=float(whole["rank5"][0]),
        rank5_interval=interval["rank5"],
        eer=float(whole["eer"][0]),
        eer_interval=interval["eer"],
    )


@dataclass(frozen=True)
class _Counts:
    """Hold each person's runs and hits, and how often genuine and false claims reach each score."""

    probes: FloatArray
    hits: FloatArray
    top_five: FloatArray
    genuine: FloatArray
    false: FloatArray

    @classmethod
    def of(cls, matches: Matches, member: NDArray[np.integer], n_people: int) -> "_Counts":
        n_bins = round(2 / SCORE_STEP) + 1
        bins = np.clip(np.rint((matches.score.astype(np.float64) + 1) / SCORE_STEP).astype(np.int64), 0, n_bins - 1)
        genuine, false = np.zeros((n_people, n_bins)), np.zeros((n_people, n_bins))
        for row, person in enumerate(member):
            false[person] += np.bincount(bins[row], minlength=n_bins)
            own = bins[row, matches.true[row]]
            false[person, own] -= 1
            genuine[person, own] += 1
        rank = matches.rank
        return cls(
            np.bincount(member, minlength=n_people).astype(np.float64),
            np.bincount(member[rank == 1], minlength=n_people).astype(np.float64),
            np.bincount(member[rank <= 5], minlength=n_people).astype(np.float64),
            genuine,
            false,
        )

    def rates(self, weight: FloatArray) -> dict[str, FloatArray]:
        """Compute rates in percent for people drawn so many times each, shape ``(n_draws, n_people)``."""
        probes = weight @ self.probes
        return {
            "rank1": 100 * (weight @ self.hits) / probes,
            "rank5": 100 * (weight @ self.top_five) / probes,
            "eer": 100 * _equal_error_rate(weight @ self.genuine, weight @ self.false),
        }


def _equal_error_rate(genuine: FloatArray, false: FloatArray) -> FloatArray:
    """Find where refusals and false acceptances cross, from counts of claims at each score, shape ``(n, n_scores)``.

    Where they meet at no threshold, it is the mean of both rates at the threshold where they are nearest.
    """
    refused = np.cumsum(genuine, axis=1) - genuine
    accepted = np.cumsum(false[:, ::-1], axis=1)[:, ::-1]
    refused = refused / np.maximum(genuine.sum(axis=1, keepdims=True), 1)
    accepted = accepted / np.maximum(false.sum(axis=1, keepdims=True), 1)
    nearest = np.abs(refused - accepted).argmin(axis=1)[:, None]
    rate: FloatArray = (np.take_along_axis(refused, nearest, 1) + np.take_along_axis(accepted, nearest, 1))[:, 0] / 2
    return rate
