"""Measure how much a figure varies within one person and between people: one-way random effects, effect of heart rate.

References
----------
Shrout, P. E. and Fleiss, J. L. (1979). Intraclass correlations: uses in assessing rater reliability. Psychol. Bull. 86,
420-428 (case 1: ICC(1,1)).
McGraw, K. O. and Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients. Psychol.
Methods 1, 30-46 (the interval).
Snedecor, G. W. and Cochran, W. G. (1989). Statistical Methods, 8th ed., Iowa State University Press (n0 for groups of
unequal size).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Agreement:
    """Hold the variance components of a figure, and ICC(1,1): the share of all variance that is between people.

    Attributes
    ----------
    subject_count, run_count
        How many people and values it is known from; people with one value help to know the variance between people.
    between_variance
        Variance of the people's true values, in the figure's unit squared; 0 where the estimate is below.
    within_variance
        Variance of one person's values.
    icc, icc_low, icc_high
        ICC(1,1) and its 95 % interval: 1 where a person's values are all alike, 0 (or a little below) where they are as
        far apart as different people's. NaN where nothing varies, or nobody has two values, or there is one person.
    """

    subject_count: int
    run_count: int
    between_variance: float
    within_variance: float
    icc: float
    icc_low: float
    icc_high: float


def intraclass_correlation(value: FloatArray, subject: NDArray[np.integer]) -> Agreement:
    """Estimate the ICC(1,1) of a figure by one-way analysis of variance, with groups of any size.

    With mean squares between people B and within them W and n0 = (N - sum(n_i^2) / N) / (people - 1) values a person:
    ICC = (B - W) / (B + (n0 - 1) W); variance between people (B - W) / n0. The interval is that of F = B / W with
    (people - 1, N - people) degrees of freedom: exact for normal errors and groups of equal size, else nearly so.

    Parameters
    ----------
    value
        Shape ``(n_runs,)``; NaN is left out.
    subject
        Person of each value, shape ``(n_runs,)``.

    Returns
    -------
    Variance components and ICC; NaN of fewer than two people, or where nobody has two values.

    References
    ----------
    Shrout and Fleiss (1979); McGraw and Wong (1996), table 7, case 1; n0 after Snedecor and Cochran (1989).
    """
    is_known = np.isfinite(value)
    value = value[is_known]
    _, member = np.unique(subject[is_known], return_inverse=True)
    count = np.bincount(member).astype(np.float64)
    n_people, n_values = len(count), len(value)
    unknown = Agreement(n_people, n_values, *[float("nan")] * 5)
    if n_people < 2 or n_values == n_people:
        return unknown
    mean = np.bincount(member, weights=value) / count
    # equal values differ by nothing, whatever rounding made of their mean
    tolerance = n_values * np.square(np.finfo(np.float64).eps * np.abs(value).max())
    within_sum = float(np.square(value - mean[member]).sum())
    between_sum = float((count * np.square(mean - value.mean())).sum())
    within = within_sum / (n_values - n_people) if within_sum > tolerance else 0.0
    between = between_sum / (n_people - 1) if between_sum > tolerance else 0.0
    values_per_person = (n_values - np.square(count).sum() / n_values) / (n_people - 1)
    if within == between == 0:
        return unknown
    low, high = _interval(between, within, n_people - 1, n_values - n_people, values_per_person)
    return Agreement(
        subject_count=n_people,
        run_count=n_values,
        between_variance=max(0.0, (between - within) / values_per_person),
        within_variance=within,
        icc=_icc(between, within, values_per_person),
        icc_low=low,
        icc_high=high,
    )


def _icc(between: float, within: float, values_per_person: float) -> float:
    return float((between - within) / (between + (values_per_person - 1) * within))


def _interval(
    between: float, within: float, df_between: int, df_within: int, values_per_person: float
) -> tuple[float, float]:
    if within == 0:
        return 1.0, 1.0
    tail = (1 + CONFIDENCE) / 2
    ratio = between / within
    low = ratio / special.fdtri(df_between, df_within, tail)
    high = ratio * special.fdtri(df_within, df_between, tail)
    return _icc(low, 1.0, values_per_person), _icc(high, 1.0, values_per_person)


def same_day(subject: NDArray[np.integer], day: NDArray[np.integer]) -> BoolArray:
    """Select the runs of the first day on which their subject has several; only these say what varies within a day."""
    key, member, count = np.unique(np.stack([subject, day]), axis=1, return_inverse=True, return_counts=True)
    has_several = count >= 2
    is_first = np.zeros(len(count), bool)
    several = np.flatnonzero(has_several)  # ordered by subject, then day
    _, first = np.unique(key[0, several], return_index=True)
    is_first[several[first]] = True
    chosen: BoolArray = is_first[member.reshape(-1)]
    return chosen


def later_days(subject: NDArray[np.integer], day: NDArray[np.integer], number: NDArray[np.integer]) -> BoolArray:
    """Select the first run of each day, of subjects with several days: only these say what varies from day to day."""
    by_time = np.lexsort((number, day, subject))
    is_first_of_day = np.ones(len(by_time), bool)
    ordered_subject, ordered_day = subject[by_time], day[by_time]
    is_first_of_day[1:] = (np.diff(ordered_subject) != 0) | (np.diff(ordered_day) != 0)
    first: IntArray = by_time[is_first_of_day]
    _, member, count = np.unique(subject[first], return_inverse=True, return_counts=True)
    is_chosen = np.zeros(len(by_time), bool)
    is_chosen[first[count[member] >= 2]] = True
    return is_chosen


@dataclass(frozen=True)
class RateEffect:
    """Hold the effect of the heart rate on a figure within one person.

    Attributes
    ----------
    slope
        Change of the figure, in its unit, for one beat a minute more.
    correlation
        Of both within people, from -1 to 1.
    residual
        The figure of each run at the mean heart rate of all runs, NaN where either is unknown.
    """

    slope: float
    correlation: float
    residual: FloatArray


def heart_rate_effect(value: FloatArray, heart_rate_bpm: FloatArray, subject: NDArray[np.integer]) -> RateEffect:
    """Regress a figure on the heart rate within people: both about the person's mean, all people with one slope.

    Parameters
    ----------
    value, heart_rate_bpm
        Figure and heart rate of each run, shape ``(n_runs,)``; NaN is left out.
    subject
        Person of each run, shape ``(n_runs,)``.

    Returns
    -------
    Slope and correlation, NaN where the heart rate does not vary within anybody; and the residuals.

    References
    ----------
    Bland, J. M. and Altman, D. G. (1995). Calculating correlation coefficients with repeated observations: part 1,
    correlation within subjects. BMJ 310, 446.
    """
    is_known = np.isfinite(value) & np.isfinite(heart_rate_bpm)
    residual = np.full(len(value), np.nan)
    known, rate = value[is_known], heart_rate_bpm[is_known]
    _, member = np.unique(subject[is_known], return_inverse=True)
    count = np.bincount(member)
    own = known - (np.bincount(member, weights=known) / count)[member]
    own_rate = rate - (np.bincount(member, weights=rate) / count)[member]
    rate_square, square = float(own_rate @ own_rate), float(own @ own)
    if rate_square == 0:
        return RateEffect(float("nan"), float("nan"), residual)
    slope = float(own @ own_rate) / rate_square
    correlation = float(own @ own_rate) / np.sqrt(rate_square * square) if square > 0 else float("nan")
    residual[is_known] = known - slope * (rate - rate.mean())
    return RateEffect(slope, float(correlation), residual)
