"""Identify the person of a run by its template, the run's mean beat (``template.py``).

*Normalisation* is learnt from other people: it weighs down what varies within one person from run to run.
*Identification* finds the enrolled person whom a run is most like; *verification* decides whether a run is like the
person that it is claimed to be of. A *probe* is a run that is compared with the enrolled people.

The parameters were chosen by leaving people out in turn on persons 1 to 40 of ECG-ID, in the middle of regions where
the figures hardly move; ``docs/ecg.md`` shows how much each of them matters, and what did not help.

References
----------
Lugovaya, T. S. (2005). Biometric human identification based on electrocardiogram. Saint-Petersburg (the ECG-ID
database, and the chronological protocol).
Hatch, A. O., Kajarekar, S. and Stolcke, A. (2006). Within-class covariance normalization for SVM-based speaker
recognition. Interspeech 2006, 1471-1474.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from python_transforms.ecg.filtering import BoolArray, FloatArray, IntArray
from python_transforms.ecg.template import TEMPLATE_RATE_HZ

# Amplitudes count linearly below this and logarithmically above: small waves are as telling as the QRS complex, whose
# height changes most from day to day.
COMPRESSION_MV = 0.1
# Slopes stand beside the amplitudes, in units of this: about as large as compressed amplitudes. They tell waves of a
# QRS complex apart that differ by some milliseconds.
SLOPE_MV_PER_S = 12.0
# Share of a sphere in the within-person scatter, which some dozens of people do not determine in 170 dimensions.
SHRINKAGE = 0.2
# Number of groups of people; the normalisation of a group is learnt from the people of all other groups.
FOLDS = 20


@dataclass(frozen=True)
class Normalisation:
    """Hold a normalisation learnt from people: the mean of all, and a map in which one person's scatter is a sphere."""

    mean: FloatArray
    whitening: FloatArray

    def embed(self, templates_mv: FloatArray) -> FloatArray:
        """Map templates, shape ``(n, TEMPLATE_SAMPLES)``, to unit vectors: their scalar product is the score."""
        embedded = (describe(templates_mv) - self.mean) @ self.whitening
        return _unit(embedded)


def describe(templates_mv: FloatArray) -> FloatArray:
    """Describe templates for comparison: amplitudes, linear to about 0.1 mV and logarithmic beyond, and slopes.

    Shape ``(n, 2 * TEMPLATE_SAMPLES)`` for ``(n, TEMPLATE_SAMPLES)``.
    """
    amplitude = np.arcsinh(np.asarray(templates_mv, np.float64) / COMPRESSION_MV)
    slope = np.gradient(templates_mv, 1 / TEMPLATE_RATE_HZ, axis=-1) / SLOPE_MV_PER_S
    return np.concatenate([amplitude, slope], axis=-1)


def learn_normalisation(templates_mv: FloatArray, subject: NDArray[np.integer]) -> Normalisation:
    """Learn the variation within a person from known templates (within-class covariance normalisation).

    Every person counts alike, however many runs they have. Without anybody who has two runs all directions count alike.

    Parameters
    ----------
    templates_mv
        Shape ``(n_runs, TEMPLATE_SAMPLES)``.
    subject
        Whose run each is, shape ``(n_runs,)``.

    Raises
    ------
    ValueError
        If there is no run.

    References
    ----------
    Hatch, Kajarekar and Stolcke (2006), with shrinkage towards a sphere.
    """
    if len(templates_mv) == 0:
        raise ValueError("there is no run to learn from")
    described = describe(templates_mv)
    people, member = np.unique(subject, return_inverse=True)
    count = np.bincount(member)
    mean = _sums(described, member, len(people)) / count[:, None]
    own = described - mean[member]
    # each run of a person weighs the same, each person with two runs or more the same
    weight = np.where(count > 1, 1 / np.maximum(count - 1, 1), 0)
    within = (own * weight[member][:, None]).T @ own / max(1, int((count > 1).sum()))
    size = np.trace(within) / len(within)
    within = (1 - SHRINKAGE) * within + SHRINKAGE * size * np.eye(len(within)) if size > 0 else np.eye(len(within))
    # within = L L', so x -> x L'^-1 has the identity as its scatter
    lower = linalg.cholesky(within, lower=True)
    whitening: FloatArray = linalg.solve_triangular(lower, np.eye(len(within)), lower=True).T
    return Normalisation(mean.mean(axis=0), whitening)


def enrol(embedded: FloatArray, member: NDArray[np.integer], n_people: int) -> FloatArray:
    """Average the unit vectors of each person's runs to one, shape ``(n_people, n_dimensions)``; 0 without a run."""
    return _unit(_sums(embedded, member, n_people))


def _sums(rows: FloatArray, group: NDArray[np.integer], n_groups: int) -> FloatArray:
    total = np.zeros((n_groups, rows.shape[1]))
    np.add.at(total, group, rows)
    return total


def _unit(rows: FloatArray) -> FloatArray:
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    unit: FloatArray = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return unit


@dataclass(frozen=True)
class Split:
    """Hold which runs are enrolled and which are probes; a run is one of them or none, never both."""

    is_enrolled: BoolArray
    is_probe: BoolArray


def chronological(subject: NDArray[np.integer], day: NDArray[np.integer], number: NDArray[np.integer]) -> Split:
    """Enrol the earliest 60 % of the runs; the later ones are probes.

    Each person gives 60 % of their runs, rounded down, at least one, and at most all but one if they have several. What
    is then missing from 60 % of all runs (rounded) is taken one by one from those whose share was cut most, in the
    order of the subjects where it was cut alike, and again while there is something left to take. Of the 310 runs of
    ECG-ID's 90 people that enrols 186, of the 163 runs of its first 40 people 98.
    """
    rank, count, member = _order(subject, day, number)
    share = 0.6 * count
    most = np.maximum(count - 1, 1)
    enrolled = np.clip(np.floor(share + 1e-9).astype(np.int64), 1, most)
    missing = round(0.6 * len(subject)) - int(enrolled.sum())
    while missing > 0 and (enrolled < most).any():
        by_cut = np.argsort(-np.round(share - enrolled, 9), kind="stable")
        chosen = by_cut[(enrolled < most)[by_cut]][:missing]
        enrolled[chosen] += 1
        missing -= len(chosen)
    is_enrolled = rank < enrolled[member]
    return Split(is_enrolled, ~is_enrolled)


def cross_session(subject: NDArray[np.integer], day: NDArray[np.integer], number: NDArray[np.integer]) -> Split:
    """Enrol all runs of a person's first date; those of later dates are probes."""
    people, member = np.unique(subject, return_inverse=True)
    first = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(first, member, np.asarray(day, np.int64))
    is_enrolled = day == first[member]
    return Split(is_enrolled, ~is_enrolled)


def one_shot(subject: NDArray[np.integer], day: NDArray[np.integer], number: NDArray[np.integer]) -> Split:
    """Enrol a person's first run; all others are probes."""
    rank, _, _ = _order(subject, day, number)
    return Split(rank == 0, rank > 0)


# Ways to divide runs into enrolled ones and probes. Each takes, run by run: its subject, the day it was recorded on (a
# count of days), and its number, which orders the runs of a day.
PROTOCOLS: dict[str, Callable[[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]], Split]] = {
    "chronological": chronological,
    "cross_session": cross_session,
    "one_shot": one_shot,
}


def _order(
    subject: NDArray[np.integer], day: NDArray[np.integer], number: NDArray[np.integer]
) -> tuple[IntArray, IntArray, IntArray]:
    """Return each run's rank in time among its person's, each person's number of runs, and the person of each run."""
    _, member = np.unique(subject, return_inverse=True)
    count = np.bincount(member)
    by_time = np.lexsort((number, day, member))
    rank = np.empty(len(member), np.int64)
    rank[by_time] = np.arange(len(member)) - (np.cumsum(count) - count)[member[by_time]]
    return rank, count, member


@dataclass(frozen=True)
class Matches:
    """Hold the scores of the probes.

    Attributes
    ----------
    probe
        Indices of the runs that are probes, shape ``(n_probes,)``.
    gallery
        The enrolled people, ascending, shape ``(n_people,)``.
    true
        Where in the gallery the person of each probe stands, shape ``(n_probes,)``.
    score
        How like each probe is to each enrolled person, from -1 to 1, shape ``(n_probes, n_people)``, float32: four
        bytes for each pair is the memory that is needed.
    """

    probe: IntArray
    gallery: NDArray[np.integer]
    true: IntArray
    score: NDArray[np.float32]

    @property
    def genuine(self) -> NDArray[np.float32]:
        """Return the score of each probe with its own person, shape ``(n_probes,)``."""
        return self.score[np.arange(len(self.probe)), self.true]

    @property
    def rank(self) -> IntArray:
        """Return the rank of the true person among all, from 1; people with the same score stand before them."""
        place: IntArray = np.count_nonzero(self.score >= self.genuine[:, None], axis=1)
        return place

    def best(self, count: int) -> IntArray:
        """Return the gallery indices of the people most alike, best first, shape ``(n_probes, count)`` or narrower."""
        order: IntArray = np.argsort(-self.score, axis=1, kind="stable")[:, :count]
        return order


@dataclass(frozen=True)
class CrossFit:
    """Hold normalisations for people in groups, each learnt from the people of all other groups.

    Attributes
    ----------
    group
        Which group each run's person is in, shape ``(n_runs,)``.
    learnt
        The normalisation for the runs of each group.
    """

    group: IntArray
    learnt: list[Normalisation]


def cross_fit(templates_mv: FloatArray, subject: NDArray[np.integer], folds: int = FOLDS) -> CrossFit:
    """Learn for each group of people from everybody else.

    People are dealt into groups in their order. The normalisation of a group is learnt from all runs, enrolled ones and
    probes, of the people of all other groups: nothing of a probe's person, or of anybody in the same group, is in it.

    Parameters
    ----------
    templates_mv
        Known templates, shape ``(n_runs, TEMPLATE_SAMPLES)``.
    subject
        Whose run each is, shape ``(n_runs,)``.
    folds
        Number of groups, at least two, at most one a person.

    Returns
    -------
    The group of each run, and the normalisation of each group.

    Raises
    ------
    ValueError
        If there are not two people.
    """
    people, member = np.unique(subject, return_inverse=True)
    if len(people) < 2:
        raise ValueError("there are not two people to learn about each other from")
    group: IntArray = member % min(folds, len(people))
    learnt = [
        learn_normalisation(templates_mv[group != number], member[group != number]) for number in range(group.max() + 1)
    ]
    return CrossFit(group, learnt)


def match(templates_mv: FloatArray, subject: NDArray[np.integer], split: Split, fit: CrossFit) -> Matches:
    """Compare every probe with everybody who is enrolled.

    The gallery holds everybody who is enrolled. The set is closed: runs of people who are not enrolled are no probes.

    Parameters
    ----------
    templates_mv
        Known templates, shape ``(n_runs, TEMPLATE_SAMPLES)``.
    subject
        Whose run each is, shape ``(n_runs,)``.
    split
        Which runs are enrolled and which are probes.
    fit
        What was learnt of these templates.

    Returns
    -------
    The score of each probe with each enrolled person.
    """
    gallery = np.unique(subject[split.is_enrolled])
    probe = np.flatnonzero(split.is_probe & np.isin(subject, gallery))
    enrolled = np.flatnonzero(split.is_enrolled)
    place = np.searchsorted(gallery, subject[enrolled])
    score = np.zeros((len(probe), len(gallery)), np.float32)
    for group in np.unique(fit.group[probe]):
        rows = np.flatnonzero(fit.group[probe] == group)
        learnt = fit.learnt[group]
        vectors = enrol(learnt.embed(templates_mv[enrolled]), place, len(gallery))
        score[rows] = learnt.embed(templates_mv[probe[rows]]) @ vectors.T
    true: IntArray = np.searchsorted(gallery, subject[probe]).astype(np.int64)
    return Matches(probe, gallery, true, score)
