"""Find signals that are nearly the same: Pearson correlation of filtered signals of equal length and rate."""

import numpy as np
from numpy.typing import NDArray


def similar_pairs(
    signals: NDArray[np.floating], is_new: NDArray[np.bool_], min_correlation: float
) -> list[tuple[int, int, float]]:
    """Find pairs that correlate above a limit, each once, with a new signal in each.

    Parameters
    ----------
    signals
        Shape ``(n_runs, n_samples)``, in any unit. A constant signal correlates with none.
    is_new
        Which of them are new, shape ``(n_runs,)``: pairs of two old ones are not looked for.
    min_correlation
        Limit above which a pair counts.

    Returns
    -------
    Row of a new signal, row of the other, and their correlation.
    """
    new = np.flatnonzero(is_new)
    if not len(new) or len(signals) < 2:
        return []
    centred = signals - signals.mean(axis=1, keepdims=True, dtype=np.float64)
    length = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    product, lengths = centred[new] @ centred.T, np.outer(length[new], length)
    correlations = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
    return [
        (int(new[row]), int(other), float(min(correlations[row, other], 1.0)))
        for row, other in np.argwhere(correlations > min_correlation)
        if other != new[row] and not (is_new[other] and other < new[row])
    ]
